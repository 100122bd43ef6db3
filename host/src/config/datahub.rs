//! Settings of the connection to DataHub.

use std::net::SocketAddr;

use datahub::Settings;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use outbound::Network;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{python, reader::Reader, table as t};

/// Headers that each request sets itself, or that belong to the connection.
const OWN_HEADERS: [HeaderName; 8] = [
    header::AUTHORIZATION,
    header::ACCEPT,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::HOST,
    header::TRANSFER_ENCODING,
    // The person, for a DataHub that believes it: everybody would be the same one.
    HeaderName::from_static("x-datahub-actor"),
];

pub(super) fn read(reader: &mut Reader<'_>, network: &Network) -> Option<Settings> {
    let gms_url = reader.http_url(&t::DATAHUB_GMS_URL, "http://localhost:8080");
    if !reader.is_set(&t::DATAHUB_GMS_URL) {
        let fix = python::url_in_parts(reader.raw().environment()).map_or_else(
            || "set it to DataHub's URL, such as `http://localhost:8080`".to_owned(),
            |url| format!("`DATAHUB_GMS_HOST` is not read here: set it to `{url}`"),
        );
        reader.missing(&t::DATAHUB_GMS_URL, "is not set", &fix);
    }
    let connect_timeout = reader.millis(&t::DATAHUB_MCP_GMS_CONNECT_TIMEOUT_MS, 1..=60_000);
    let call_timeout = reader.seconds(&t::DATAHUB_MCP_GMS_TIMEOUT_SECS, 1..=600);
    let max_response_bytes = reader.size(&t::DATAHUB_MCP_GMS_MAX_RESPONSE_BYTES, 65_536..=1 << 30);
    let max_in_flight = reader.size(&t::DATAHUB_MCP_GMS_MAX_IN_FLIGHT, 1..=65_536);
    let breaker_failures = reader.small(&t::DATAHUB_MCP_GMS_BREAKER_FAILURES, 1..=1_000);
    let breaker_pause = reader.millis(&t::DATAHUB_MCP_GMS_BREAKER_PAUSE_MS, 10..=60_000);
    let version_ttl = reader.seconds(&t::DATAHUB_MCP_GMS_VERSION_TTL_SECS, 1..=86_400);
    let headers = headers(reader);
    Some(Settings {
        headers,
        connect_timeout,
        call_timeout,
        max_response_bytes,
        max_in_flight,
        breaker_failures,
        breaker_pause,
        version_ttl,
        network: network.clone(),
        ..Settings::at(gms_url?)
    })
}

/// Further headers. A problem names a header, never a value.
fn headers(reader: &mut Reader<'_>) -> HeaderMap {
    let setting = &t::DATAHUB_GMS_EXTRA_HEADERS;
    let mut headers = HeaderMap::new();
    let Some(text) = reader.text(setting) else {
        return headers;
    };
    let fix = "set it to a JSON object such as `{\"CF-Access-Client-Id\": \"...\"}`";
    let Ok(given) = serde_json::from_str::<Map<String, Value>>(&text) else {
        reader.wrong(setting, "not a JSON object", fix);
        return headers;
    };
    for (name, value) in given {
        let header = name.parse::<HeaderName>().ok();
        let value = value
            .as_str()
            .and_then(|value| HeaderValue::from_str(value).ok());
        match (header, value) {
            (Some(header), _) if OWN_HEADERS.contains(&header) => {
                let wrong = format!("names {name:?}, which every request sets itself");
                reader.wrong(setting, &wrong, "leave that header out");
            }
            (Some(header), Some(mut value)) => {
                value.set_sensitive(true);
                headers.insert(header, value);
            }
            _ => {
                let wrong = format!("has {name:?}, which is not a header with a text as its value");
                reader.wrong(setting, &wrong, fix);
            }
        }
    }
    headers
}

/// The token for requests that have none: everybody who can reach the server has its rights.
pub(super) fn shared_token(
    reader: &mut Reader<'_>,
    address: Option<SocketAddr>,
) -> Option<SecretString> {
    let allowed = reader.switch(&t::ALLOW_SHARED_TOKEN);
    let token = reader.secret(&t::DATAHUB_GMS_TOKEN)?;
    if let Some(address) = address
        && !address.ip().is_loopback()
        && !allowed
    {
        reader.wrong(
            &t::DATAHUB_GMS_TOKEN,
            &format!(
                "would serve everybody who can reach {}, without signing in",
                address.ip()
            ),
            "unset it, listen on 127.0.0.1, or set `ALLOW_SHARED_TOKEN=true` if that is intended",
        );
    }
    Some(token)
}
