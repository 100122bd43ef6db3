//! Where the provider's endpoints are (OpenID Connect Discovery 1.0, RFC 8414).

use foundation::public_url::is_loopback;
use serde::Deserialize;
use url::Url;

use super::answer::UpstreamError;
use crate::SettingsError;

/// Where the provider's endpoints are.
#[derive(Debug, Clone)]
pub(super) struct Endpoints {
    pub(super) authorize: Url,
    pub(super) token: Url,
    pub(super) revoke: Option<Url>,
    /// Known where they were discovered; then an `iss` in the answer must equal it (RFC 9207).
    pub(super) issuer: Option<String>,
}

/// What is read of a discovery document.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    revocation_endpoint: Option<String>,
}

impl Endpoints {
    /// Reads the discovery document of `issuer`; endpoints that are configured go before those in
    /// it.
    pub(super) fn read(
        body: &[u8],
        issuer: &str,
        [authorize, token]: [Option<Url>; 2],
    ) -> Result<Self, UpstreamError> {
        let document: Document = serde_json::from_slice(body)
            .map_err(|_| UpstreamError::Unusable("the discovery document lacks endpoints"))?;
        if document.issuer.trim_end_matches('/') != issuer.trim_end_matches('/') {
            return Err(UpstreamError::Unusable(
                "the discovery document is of another issuer",
            ));
        }
        let url = |text: &str| {
            usable(text).map_err(|_| UpstreamError::Unusable("a discovered endpoint is not https"))
        };
        Ok(Self {
            authorize: authorize.map_or_else(|| url(&document.authorization_endpoint), Ok)?,
            token: token.map_or_else(|| url(&document.token_endpoint), Ok)?,
            revoke: document
                .revocation_endpoint
                .as_deref()
                .map(url)
                .transpose()?,
            issuer: Some(document.issuer),
        })
    }
}

/// The two places of OpenID Connect Discovery and RFC 8414.
pub(super) fn discovery_urls(issuer: &str) -> Vec<Url> {
    let openid = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let mut urls: Vec<Url> = Url::parse(&openid).into_iter().collect();
    if let Ok(mut url) = Url::parse(issuer) {
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
        urls.push(url);
    }
    urls
}

/// A configured endpoint.
pub(super) fn endpoint(
    name: &'static str,
    value: Option<&str>,
) -> Result<Option<Url>, SettingsError> {
    value
        .map(|text| {
            usable(text).map_err(|why| SettingsError::Endpoint {
                name,
                value: text.to_owned(),
                why,
            })
        })
        .transpose()
}

fn usable(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "which is not a URL")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("but it must not hold a user name or password");
    }
    if url.fragment().is_some() {
        return Err("but it must not have a fragment");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err("but it must be https"),
    }
}
