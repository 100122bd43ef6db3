//! The settings of the identity provider and the options of validators, as they are in effect.

use outbound::{Issuer, Network, Source};
use url::Url;

use crate::config::Settings;
pub(super) use crate::config::validator_option as option;

/// The tolerated difference of clocks if `OIDC_LEEWAY` is unset, in seconds.
const DEFAULT_LEEWAY: i64 = 10;

/// The provider's issuer and the place of its document; `None` if no issuer is set.
///
/// # Errors
/// The reason, with the name of the setting.
pub(super) fn source(settings: &Settings) -> Result<Option<Source>, String> {
    let env = &settings.plugins.options.env;
    let allow_http = allow_http(settings);
    let parse = |name: &str, text: &str| {
        Issuer::parse(text, allow_http).map_err(|why| format!("`{name}` {why}"))
    };
    let place = env.get("OAUTH_ISSUER_URL");
    let place = place
        .map(|text| parse("OAUTH_ISSUER_URL", text))
        .transpose()?;
    let issuer = env.get("OIDC_ISSUER_URL");
    let issuer = issuer
        .map(|text| parse("OIDC_ISSUER_URL", text))
        .transpose()?;
    Ok(match (issuer, place) {
        (Some(issuer), Some(place)) => Some(Source::new(issuer, allow_http).looked_for_at(place)),
        (Some(issuer), None) | (None, Some(issuer)) => Some(Source::new(issuer, allow_http)),
        (None, None) => None,
    })
}

/// The switch for plain HTTP to the provider.
pub(super) fn allow_http(settings: &Settings) -> bool {
    match &settings.oauth {
        Some(oauth) => oauth.upstream.allow_http,
        None => {
            let options = &settings.plugins.options;
            let own = option(options, "allow_http");
            let text = own.or_else(|| options.env.get("OUTBOUND_ALLOW_HTTP").map(str::to_owned));
            text.as_deref().is_some_and(is_on)
        }
    }
}

/// The audiences that the validators accept, in the text in which they were given.
pub(super) fn audience(settings: &Settings) -> Option<String> {
    let options = &settings.plugins.options;
    let given = options.env.get("OIDC_AUDIENCE").map(str::to_owned);
    option(options, "audience").or(given)
}

/// The seconds by which the validators let clocks differ.
pub(super) fn leeway(settings: &Settings) -> i64 {
    let options = &settings.plugins.options;
    let given = options.env.get("OIDC_LEEWAY").map(str::to_owned);
    let text = option(options, "leeway").or(given);
    text.and_then(|text| text.trim().parse().ok())
        .unwrap_or(DEFAULT_LEEWAY)
}

/// Proxies and authorities of the whole server.
pub(super) fn network(settings: &Settings) -> &Network {
    &settings.datahub.network
}

/// A switch that is on, in any of its spellings.
pub(super) fn is_on(text: &str) -> bool {
    matches!(
        text.trim().to_ascii_lowercase().as_str(),
        "true" | "1" | "yes" | "on"
    )
}

/// Returns whether `url` is at `domain` or below it.
pub(super) fn is_at(url: &Url, domain: &str) -> bool {
    url.host_str().is_some_and(|host| {
        let below = host.strip_suffix(domain);
        below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// Returns whether the issuer is one of Microsoft Entra.
pub(super) fn is_entra(url: &Url) -> bool {
    [
        "microsoftonline.com",
        "microsoftonline.us",
        "partner.microsoftonline.cn",
        "login.microsoft.com",
        "sts.windows.net",
        "ciamlogin.com",
    ]
    .iter()
    .any(|domain| is_at(url, domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_covers_what_is_below_it_and_no_namesake() {
        let at = |text: &str| is_entra(&Url::parse(text).unwrap());
        assert!(at("https://login.microsoftonline.com/x/v2.0"));
        assert!(at("https://sts.windows.net/x/"));
        assert!(!at("https://evilmicrosoftonline.com/x"));
        assert!(!at("https://microsoftonline.com.evil.example/x"));
    }
}
