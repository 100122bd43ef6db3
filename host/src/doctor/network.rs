//! The way out: the proxy in effect, what goes through it, and the authorities that are trusted.

use std::fs;

use url::Url;

use super::{
    options,
    reach::{self, Step},
    report::Check,
};
use crate::config::Settings;

const PROXY: &str = "proxy";
const CA: &str = "certificates";
/// The variables that name a proxy, in the order in which they count.
const PROXY_VARIABLES: [&str; 7] = [
    "OUTBOUND_PROXY",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

pub(super) async fn check(settings: Settings) -> Vec<Check> {
    vec![proxy(&settings).await, authorities(&settings)]
}

/// The URLs that the server asks, each with a word for it.
fn urls(settings: &Settings) -> Vec<(&'static str, Url)> {
    let mut urls = vec![("DataHub", settings.datahub.gms_url.clone())];
    if let Ok(Some(provider)) = options::provider(settings) {
        urls.push(("the provider", provider.source.place().clone()));
    }
    let own = options::own_providers(settings).into_iter().flatten();
    urls.extend(own.map(|provider| ("a provider", provider.source.place().clone())));
    urls
}

async fn proxy(settings: &Settings) -> Check {
    let proxies = &options::network(settings).proxies;
    let env = &settings.plugins.options.env;
    let variables: Vec<&str> = PROXY_VARIABLES
        .into_iter()
        .filter(|name| env.get(name).is_some())
        .collect();
    if !proxies.has("https") && !proxies.has("http") {
        let seen = match variables.as_slice() {
            [] => "none: every connection is direct".to_owned(),
            set => format!("none (`{}`): every connection is direct", set.join("`, `")),
        };
        return Check::ok(PROXY, seen);
    }
    // Ours overrides the others.
    let setting = match variables.first() {
        Some(&"OUTBOUND_PROXY") => "`OUTBOUND_PROXY`".to_owned(),
        _ => format!("`{}`", variables.join("`, `")),
    };
    let urls = urls(settings);
    let lines: Vec<String> = urls
        .iter()
        .map(|(what, url)| match proxies.of(url) {
            Some(proxy) => format!("{what} ({}) through {proxy}", reach::place(url)),
            None => format!("{what} ({}) directly", reach::place(url)),
        })
        .collect();
    let seen = format!("{setting}: {}", lines.join(", "));
    let used = urls.iter().find_map(|(_, url)| proxies.of(url));
    let Some(url) = used.and_then(|proxy| Url::parse(&proxy.to_string()).ok()) else {
        return Check::ok(PROXY, seen);
    };
    let why = match reach::connect(&url).await {
        Ok(()) => return Check::ok(PROXY, seen),
        Err(Step::Name) => "the name of the proxy cannot be resolved".to_owned(),
        Err(Step::Address(why)) => format!("the proxy does not take connections: {why}"),
    };
    let fix = format!(
        "check host and port in {setting} and that the proxy runs, or set `OUTBOUND_PROXY=none` if there is a direct way"
    );
    Check::fail(PROXY, format!("{seen}; {why}"), fix)
}

fn authorities(settings: &Settings) -> Check {
    let env = &settings.plugins.options.env;
    let trusted = options::network(settings).authorities.count();
    let file = ["OUTBOUND_CA_FILE", "SSL_CERT_FILE"]
        .into_iter()
        .find_map(|name| Some((name, env.get(name)?)));
    let seen = match file {
        None => format!("{trusted} authorities are trusted, all of the system"),
        Some((name, file)) => {
            let held = fs::read_to_string(file).map(|text| text.matches(BEGIN).count());
            match held {
                Ok(held) => format!(
                    "{trusted} authorities are trusted, with the {held} of {file} (`{name}`)"
                ),
                Err(error) => {
                    let seen = format!("{file} (`{name}`) cannot be read: {error}");
                    return Check::fail(CA, seen, "name a readable file of PEM certificates");
                }
            }
        }
    };
    if trusted == 0 {
        let fix = "install the system's `ca-certificates`, or name a file in `OUTBOUND_CA_FILE`";
        return match urls(settings)
            .iter()
            .any(|(_, url)| url.scheme() == "https")
        {
            true => Check::fail(CA, seen, fix),
            false => Check::warn(CA, seen, fix),
        };
    }
    Check::ok(CA, seen)
}
