//! Settings of the listening side.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use foundation::public_url::PublicUrl;

use super::{reader::Reader, setting::Setting, table as t};
use crate::server::{
    HostPattern, Limits, NotProxies, Origin, ProxyNetwork, Settings, Shutdown, TrustedProxies,
};

const DAY: u64 = 86_400;

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Settings> {
    let address = address(reader);
    let mut admin_addresses = Vec::new();
    for setting in [
        &t::DATAHUB_MCP_ADMIN_ADDRESS,
        &t::DATAHUB_MCP_METRICS_ADDRESS,
    ] {
        let address = reader.parse::<SocketAddr>(
            setting,
            "not an IP address and a port",
            "set it to a value such as `127.0.0.1:9464`, or unset it",
        );
        admin_addresses.extend(address.filter(|address| !admin_addresses.contains(address)));
    }
    let allowed_hosts = words(
        reader,
        &t::ALLOWED_HOSTS,
        "name hosts such as `mcp.example.com`, `mcp.example.com:8443` or `mcp.example.com:*`",
        |word| word.parse::<HostPattern>().ok(),
    );
    let allowed_origins = words(
        reader,
        &t::ALLOWED_ORIGINS,
        "name origins as a browser does, such as `https://app.example.com`, without a path",
        |word| word.parse::<Origin>().ok(),
    );
    let trusted_proxies = trusted_proxies(reader);
    let proxy_protocol = reader
        .choice(&t::PROXY_PROTOCOL, &[("off", false), ("required", true)])
        .unwrap_or_default();
    if proxy_protocol && !reader.is_set(&t::TRUSTED_PROXIES) {
        reader.wrong(
            &t::PROXY_PROTOCOL,
            "set without `TRUSTED_PROXIES`, so that no PROXY header would be read",
            "name the load balancers in `TRUSTED_PROXIES`",
        );
    }
    let scopes = reader.list(&t::OAUTH_DEFAULT_SCOPE);
    if let Some(scope) = scopes.iter().find(|scope| !is_scope(scope)) {
        let wrong =
            format!("names the scope {scope:?}, which contains characters not allowed in a scope");
        reader.wrong(
            &t::OAUTH_DEFAULT_SCOPE,
            &wrong,
            "set it to names separated by spaces",
        );
    }
    let identity_provider = issuer(reader);
    let limits = limits(reader);
    let shutdown = Shutdown {
        delay: reader.seconds(&t::DATAHUB_MCP_SHUTDOWN_DELAY_SECS, 0..=3_600),
        grace: reader.seconds(&t::DATAHUB_MCP_SHUTDOWN_GRACE_SECS, 0..=3_600),
    };
    Some(Settings {
        address: address?,
        admin_addresses,
        trusted_proxies,
        proxy_protocol,
        allowed_hosts,
        allowed_origins: reader
            .is_set(&t::ALLOWED_ORIGINS)
            .then_some(allowed_origins),
        scopes,
        identity_provider,
        limits,
        shutdown,
    })
}

fn trusted_proxies(reader: &mut Reader<'_>) -> TrustedProxies {
    let mut networks = Vec::new();
    for word in reader.list(&t::TRUSTED_PROXIES) {
        let why = match word.parse::<ProxyNetwork>() {
            Ok(network) => {
                networks.push(network);
                continue;
            }
            Err(NotProxies::Unreadable) => "not an IP address and not a network",
            Err(NotProxies::TooWide) => {
                "too wide: strangers in it could choose the address that they count as"
            }
        };
        reader.wrong(
            &t::TRUSTED_PROXIES,
            &format!("contains {word:?}, {why}"),
            "name the proxies in front of this server, such as `10.0.0.0/8, fd00::/8, 127.0.0.1`",
        );
    }
    TrustedProxies::new(networks)
}

fn limits(reader: &mut Reader<'_>) -> Limits {
    Limits {
        max_connections: reader.size(&t::DATAHUB_MCP_MAX_CONNECTIONS, 1..=1_000_000),
        max_concurrent_requests: reader
            .size(&t::DATAHUB_MCP_MAX_CONCURRENT_REQUESTS, 1..=1_000_000),
        max_body_bytes: reader.size(&t::DATAHUB_MCP_MAX_BODY_BYTES, 1_024..=1 << 30),
        // hyper cannot work with less than 8 KiB.
        max_header_bytes: reader.size(&t::DATAHUB_MCP_MAX_HEADER_BYTES, 8_192..=1 << 20),
        header_timeout: reader.seconds(&t::DATAHUB_MCP_HEADER_TIMEOUT_SECS, 1..=3_600),
        body_timeout: reader.seconds(&t::DATAHUB_MCP_BODY_TIMEOUT_SECS, 1..=3_600),
        idle_timeout: reader.seconds(&t::DATAHUB_MCP_IDLE_TIMEOUT_SECS, 1..=DAY),
        write_timeout: reader.seconds(&t::DATAHUB_MCP_WRITE_TIMEOUT_SECS, 1..=3_600),
        request_timeout: reader.seconds(&t::DATAHUB_MCP_REQUEST_TIMEOUT_SECS, 1..=3_600),
    }
}

fn address(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    let port = reader.parse::<u16>(
        &t::DATAHUB_MCP_PORT,
        "not a port",
        "set it to a number from 0 to 65535; 0 picks a free port",
    );
    let given = reader.is_set(&t::DATAHUB_MCP_HOST);
    let setting = match !given && reader.is_set(&t::DATAHUB_MCP_DEFAULT_HOST) {
        true => &t::DATAHUB_MCP_DEFAULT_HOST,
        false => &t::DATAHUB_MCP_HOST,
    };
    let text = reader.text(setting)?;
    let ip = match text.as_str() {
        "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        text => text.trim_matches(['[', ']']).parse::<IpAddr>().ok(),
    };
    if ip.is_none() {
        reader.wrong(
            setting,
            "not an IP address",
            "set it to `127.0.0.1` for this machine only or `0.0.0.0` for all networks",
        );
    }
    Some(SocketAddr::new(ip?.to_canonical(), port?))
}

/// The issuer exactly as given: it is compared byte by byte, so it is not normalised.
fn issuer(reader: &mut Reader<'_>) -> Option<String> {
    let _checked = reader.http_url(&t::OIDC_ISSUER_URL, "https://login.example.com/realm")?;
    reader.text(&t::OIDC_ISSUER_URL)
}

/// The URL at which people reach this server. It can be derived on loopback only.
pub(super) fn public_url(
    reader: &mut Reader<'_>,
    address: Option<SocketAddr>,
) -> Option<PublicUrl> {
    let given: Vec<&Setting> = [&t::PUBLIC_URL, &t::OAUTH_RESOURCE_URL]
        .into_iter()
        .filter(|setting| reader.is_set(setting))
        .collect();
    let urls: Vec<Option<PublicUrl>> = given
        .iter()
        .map(|setting| one_public_url(reader, setting))
        .collect();
    match urls.as_slice() {
        [] => {
            if let Some(address) = address
                && !address.ip().is_loopback()
            {
                reader.missing(
                    &t::PUBLIC_URL,
                    &format!(
                        "is not set, but {} can be reached from other machines",
                        address.ip()
                    ),
                    "set it to the URL that people use, such as `https://mcp.example.com`, or \
                     `http://datahub-mcp:8000` inside a network if nobody signs in here",
                );
            }
            None
        }
        [url] => url.clone(),
        [first, .., last] => {
            if let (Some(first), Some(last)) = (first, last)
                && first != last
            {
                reader.wrong(
                    &t::PUBLIC_URL,
                    "different from `OAUTH_RESOURCE_URL`",
                    "set one of them",
                );
            }
            first.clone()
        }
    }
}

fn one_public_url(reader: &mut Reader<'_>, setting: &Setting) -> Option<PublicUrl> {
    let text = reader.text(setting)?;
    // Passwords and codes pass here only where people sign in.
    let parsed = match reader.is_set(&t::OIDC_CLIENT_ID) {
        true => PublicUrl::parse(&text),
        false => PublicUrl::parse_or_plain(&text),
    };
    match parsed {
        Ok(url) => Some(url),
        Err(_) => {
            reader.wrong(
                setting,
                "not an https URL without user, query and fragment (http is accepted for loopback, and \
                 for every host if `OIDC_CLIENT_ID` is unset)",
                "set it to the URL that people use, such as `https://mcp.example.com`",
            );
            None
        }
    }
}

/// Each word of a list, parsed; words that do not parse are reported by name.
fn words<T>(
    reader: &mut Reader<'_>,
    setting: &Setting,
    fix: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Vec<T> {
    let mut values = Vec::new();
    for word in reader.list(setting) {
        match parse(&word) {
            Some(value) => values.push(value),
            None => reader.wrong(
                setting,
                &format!("contains {word:?}, which is not valid here"),
                fix,
            ),
        }
    }
    values
}

/// `scope-token` of RFC 6749 section 3.3.
fn is_scope(scope: &str) -> bool {
    scope
        .bytes()
        .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}
