//! The settings of the identity provider and the options of validators, as they are in effect.

use outbound::{Issuer, Network, Source};
use serde_json::Value;
use url::Url;

pub(super) use crate::config::validator_option as option;
use crate::config::{Preset, Settings, option_text, single_option};

/// The tolerated difference of clocks if `OIDC_LEEWAY` is unset, in seconds.
const DEFAULT_LEEWAY: i64 = 10;
/// The claim with the audience if no other is named.
pub(super) const AUD: &str = "aud";

/// An issuer, and the settings that name it.
#[derive(Debug)]
pub(super) struct Provider {
    /// The validator whose own it is; `None` for that of the sign-in and of all validators without
    /// one of their own.
    pub(super) of: Option<String>,
    /// The issuer and the place of its document.
    pub(super) source: Source,
    /// The audiences that are accepted, in the text in which they were given.
    pub(super) audience: Option<String>,
    /// The algorithms that are accepted, likewise.
    pub(super) algorithms: Option<String>,
    /// The preset that spells the issuer.
    pub(super) preset: Preset,
    issuer_setting: String,
    place_setting: String,
}

/// An issuer that cannot be used: the validator whose own it is, and the reason with the setting.
pub(super) type Unusable = (Option<String>, String);

impl Provider {
    /// The setting that names the issuer.
    pub(super) fn issuer_setting(&self) -> &str {
        &self.issuer_setting
    }

    /// The setting that names the place of the document.
    pub(super) fn place_setting(&self) -> &str {
        match self.has_place() {
            true => &self.place_setting,
            false => &self.issuer_setting,
        }
    }

    /// True if the document is looked for elsewhere than below the issuer.
    pub(super) fn has_place(&self) -> bool {
        self.source.place() != self.source.issuer().url()
    }
}

/// The provider of the whole server; `None` if no issuer is set for it.
///
/// # Errors
/// The reason, with the name of the setting.
pub(super) fn provider(settings: &Settings) -> Result<Option<Provider>, String> {
    let env = &settings.plugins.options.env;
    let (issuer, place) = (env.get("OIDC_ISSUER_URL"), env.get("OAUTH_ISSUER_URL"));
    let (issuer, place, issuer_setting) = match (issuer, place) {
        (Some(issuer), place) => (issuer, place, "OIDC_ISSUER_URL"),
        (None, Some(place)) => (place, None, "OAUTH_ISSUER_URL"),
        (None, None) => return Ok(None),
    };
    Ok(Some(Provider {
        of: None,
        source: source(
            allow_http(settings),
            (issuer_setting, issuer),
            ("OAUTH_ISSUER_URL", place),
        )?,
        audience: audience(settings),
        algorithms: env.get("OIDC_ALGORITHMS").map(str::to_owned),
        preset: env
            .get("OIDC_PROVIDER")
            .map(Preset::named)
            .unwrap_or_default(),
        issuer_setting: issuer_setting.to_owned(),
        place_setting: "OAUTH_ISSUER_URL".to_owned(),
    }))
}

/// The issuers that validators have by an option of their own, each once, without that of the whole
/// server.
pub(super) fn own_providers(settings: &Settings) -> Vec<Result<Provider, Unusable>> {
    let options = &settings.plugins.options;
    let chain = &settings.plugins.validators;
    let server = provider(settings).ok().flatten();
    let mut known: Vec<(String, Url)> = server.iter().map(identity).collect();
    let mut found = Vec::new();
    for validator in chain {
        let name = validator.to_string();
        let own = match chain.len() {
            1 => Some(&options.config),
            _ => options.config.get(&name).and_then(Value::as_object),
        };
        // Single options go before those of the validator, and those before the environment.
        let given = |option: &str, variable: &str| {
            let own = || own?.get(option).and_then(option_text);
            let single = single_option(options, option);
            let of_all = || options.env.get(variable).map(str::to_owned);
            single.or_else(own).or_else(of_all)
        };
        let setting = |option: &str| format!("the option `{option}` of {name}");
        let Some(issuer) = given("issuer_url", "OIDC_ISSUER_URL") else {
            continue;
        };
        let (issuer_setting, place_setting) = (setting("issuer_url"), setting("discovery_url"));
        let place = given("discovery_url", "OAUTH_ISSUER_URL");
        let plain = given("allow_http", "OUTBOUND_ALLOW_HTTP");
        let provider = source(
            plain.as_deref().is_some_and(is_on),
            (&issuer_setting, &issuer),
            (&place_setting, place.as_deref()),
        );
        let provider = provider.map(|source| Provider {
            of: Some(name.clone()),
            source,
            audience: given("audience", "OIDC_AUDIENCE"),
            algorithms: given("algorithms", "OIDC_ALGORITHMS"),
            preset: Preset::Generic,
            issuer_setting,
            place_setting,
        });
        match provider {
            Ok(provider) if known.contains(&identity(&provider)) => {}
            Ok(provider) => {
                known.push(identity(&provider));
                found.push(Ok(provider));
            }
            // That of the whole server is reported by itself.
            Err(_) if Some(issuer.as_str()) == options.env.get("OIDC_ISSUER_URL") => {}
            Err(why) => found.push(Err((Some(name), why))),
        }
    }
    found
}

fn identity(provider: &Provider) -> (String, Url) {
    let source = &provider.source;
    (source.issuer().text().to_owned(), source.place().clone())
}

/// An issuer and the place of its document, each with its setting.
fn source(
    allow_http: bool,
    issuer: (&str, &str),
    place: (&str, Option<&str>),
) -> Result<Source, String> {
    let parse = |setting: &str, text: &str| {
        let setting = match setting.contains('`') {
            true => setting.to_owned(),
            false => format!("`{setting}`"),
        };
        Issuer::parse(text, allow_http).map_err(|why| format!("{setting} {why}"))
    };
    let source = Source::new(parse(issuer.0, issuer.1)?, allow_http);
    Ok(match place.1 {
        Some(text) => source.looked_for_at(parse(place.0, text)?),
        None => source,
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

/// The claim that the validators take for the audience.
pub(super) fn audience_claim(settings: &Settings) -> String {
    let options = &settings.plugins.options;
    let given = options.env.get("OIDC_AUDIENCE_CLAIM").map(str::to_owned);
    let claim = option(options, "audience_claim").or(given);
    claim.unwrap_or_else(|| AUD.to_owned())
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
