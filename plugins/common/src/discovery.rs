//! Finding out where a provider's keys and endpoints are (OpenID Connect Discovery 1.0 section 4,
//! RFC 8414 section 3).
//!
//! A document is believed only if it names the configured issuer. What it names is asked under
//! the same rule about plain HTTP as the issuer itself.

use serde_json::Value;
use thiserror::Error;
use url::Url;

use crate::{
    algorithm::Algorithm,
    http::{self, Http, HttpError},
    issuer::{Issuer, IssuerRule, check_scheme},
};

/// What a provider publishes about itself, as far as it is used here.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    /// What tokens must name as their issuer.
    pub(crate) issuer: IssuerRule,
    /// Where its keys are.
    pub(crate) jwks_uri: Option<Url>,
    /// RFC 7662.
    pub(crate) introspection_endpoint: Option<Url>,
    /// RFC 6749.
    pub(crate) token_endpoint: Option<Url>,
    /// The signature algorithms that it says it uses.
    pub(crate) algorithms: Vec<Algorithm>,
}

/// Why there is no document.
#[derive(Debug, Error)]
pub(crate) enum DiscoveryError {
    /// The provider could not be asked.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// None of the places holds a document.
    #[error("{0}")]
    Missing(String),
    /// A document is there and cannot be believed.
    #[error("{url}: {what}")]
    Invalid {
        /// Where it was found.
        url: String,
        /// What is wrong with it.
        what: String,
    },
}

/// The places of an issuer's document, in the order in which they are tried.
pub(crate) fn places(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/');
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    let mut places = vec![
        at(format!("{path}/.well-known/openid-configuration")),
        at(format!("/.well-known/oauth-authorization-server{path}")),
        at(format!("/.well-known/openid-configuration{path}")),
    ];
    places.dedup();
    if path.is_empty() {
        places.truncate(2);
    }
    places
}

/// Fetches and checks the provider's document.
///
/// # Errors
/// [`DiscoveryError`]; a place that answers with a client error is skipped for the next.
pub(crate) async fn discover(
    http: &Http,
    issuer: &Issuer,
    allow_http: bool,
) -> Result<Metadata, DiscoveryError> {
    let mut tried = Vec::new();
    for url in places(issuer.url()) {
        let answer = http.get(&url, "application/json").await?;
        if answer.is_overload() {
            return Err(DiscoveryError::Missing(format!(
                "{}: answers {}",
                http::shown(&url),
                answer.status.as_u16()
            )));
        }
        if !answer.status.is_success() {
            tried.push(format!(
                "{} ({})",
                http::shown(&url),
                answer.status.as_u16()
            ));
            continue;
        }
        return read(&answer.body, issuer, allow_http).map_err(|what| DiscoveryError::Invalid {
            url: http::shown(&url),
            what,
        });
    }
    Err(DiscoveryError::Missing(format!(
        "no discovery document at {}: check `issuer_url` (OIDC_ISSUER_URL) or set `jwks_uri`",
        tried.join(", ")
    )))
}

fn read(body: &[u8], issuer: &Issuer, allow_http: bool) -> Result<Metadata, String> {
    let document: Value =
        serde_json::from_slice(body).map_err(|_| "the discovery document is no JSON".to_owned())?;
    let named = document
        .get("issuer")
        .and_then(Value::as_str)
        .ok_or("the discovery document names no `issuer`")?;
    let rule = issuer.confirm(named)?;
    let endpoint = |name: &str| -> Result<Option<Url>, String> {
        let Some(text) = document.get(name).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let url = text
            .as_str()
            .and_then(|text| Url::parse(text).ok())
            .ok_or_else(|| format!("`{name}` of the discovery document is no URL"))?;
        // An issuer that is itself reached by plain HTTP gains nothing from https behind it.
        check_scheme(&url, allow_http || issuer.url().scheme() == "http")
            .map_err(|what| format!("`{name}`: {what}"))?;
        Ok(Some(url))
    };
    Ok(Metadata {
        issuer: rule,
        jwks_uri: endpoint("jwks_uri")?,
        // Not every validator needs these, so an odd one is as good as none.
        introspection_endpoint: endpoint("introspection_endpoint").unwrap_or_default(),
        token_endpoint: endpoint("token_endpoint").unwrap_or_default(),
        algorithms: algorithms(&document),
    })
}

fn algorithms(document: &Value) -> Vec<Algorithm> {
    [
        "id_token_signing_alg_values_supported",
        "access_token_signing_alg_values_supported",
    ]
    .iter()
    .filter_map(|name| document.get(name)?.as_array())
    .flatten()
    .filter_map(|name| name.as_str()?.parse().ok())
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_both_standards_and_never_double_a_slash() {
        let of = |issuer: &str| {
            places(&Url::parse(issuer).unwrap())
                .iter()
                .map(Url::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of("https://idp.example/realms/main"),
            [
                "https://idp.example/realms/main/.well-known/openid-configuration",
                "https://idp.example/.well-known/oauth-authorization-server/realms/main",
                "https://idp.example/.well-known/openid-configuration/realms/main",
            ]
        );
        let root = [
            "https://idp.example/.well-known/openid-configuration",
            "https://idp.example/.well-known/oauth-authorization-server",
        ];
        assert_eq!(of("https://idp.example"), root);
        assert_eq!(of("https://idp.example/"), root);
        assert!(
            of("https://idp.example/a/")
                .iter()
                .all(|url| !url[8..].contains("//"))
        );
    }
}
