//! The provider's endpoints, as configured or as named by its discovery document. The places and
//! the checks of the document are those of the crate `outbound`, which the validators use as well.

use outbound::{Admission, Document, Issuer, IssuerRule, Source, check_scheme};
use url::Url;

use super::answer::UpstreamError;
use crate::{SettingsError, UpstreamSettings};

/// The URLs of the provider's endpoints.
#[derive(Debug, Clone)]
pub(super) struct Endpoints {
    pub(super) authorize: Url,
    pub(super) token: Url,
    pub(super) revoke: Option<Url>,
    /// Set if they were discovered; then an `iss` in the response must match it (RFC 9207).
    pub(super) issuer: Option<IssuerRule>,
    /// True if the provider says that it names itself in each response.
    pub(super) names_itself: bool,
}

impl Endpoints {
    /// Reads the endpoints of a document. Configured ones take precedence, and one that is not
    /// needed may be unusable.
    pub(super) fn read(
        document: &Document,
        [authorize, token]: [Option<Url>; 2],
    ) -> Result<Self, UpstreamError> {
        let needed = |name: &str| {
            let found = document.endpoint(name);
            let missing = || format!("the discovery document names no `{name}`");
            found
                .and_then(|url| url.ok_or_else(missing))
                .map_err(|why| UpstreamError::Unusable(why.into()))
        };
        let revoke = document.endpoint("revocation_endpoint");
        if let Err(why) = &revoke {
            tracing::warn!(why, "tokens are not revoked at the identity provider");
        }
        Ok(Self {
            authorize: authorize.map_or_else(|| needed("authorization_endpoint"), Ok)?,
            token: token.map_or_else(|| needed("token_endpoint"), Ok)?,
            revoke: revoke.unwrap_or_default(),
            issuer: Some(document.issuer().clone()),
            names_itself: document.says("authorization_response_iss_parameter_supported"),
        })
    }

    /// Returns whether a response with this `iss` may be this provider's. Without a document there is
    /// nothing to compare it with, so it may.
    pub(super) fn is_issuer(&self, iss: Option<&str>) -> bool {
        let Some(iss) = iss else {
            return !self.names_itself;
        };
        self.issuer
            .as_ref()
            .is_none_or(|rule| matches!(rule.admit(iss), Admission::Issuer | Admission::Tenant(_)))
    }
}

/// The issuer and the place of its document; `None` if no issuer is set.
pub(super) fn source(settings: &UpstreamSettings) -> Result<Option<Source>, SettingsError> {
    let parse = |name: &'static str, text: &str| {
        Issuer::parse(text, settings.allow_http).map_err(|why| SettingsError::Issuer { name, why })
    };
    let place = settings.discovery_url.as_deref();
    let place = place
        .map(|text| parse("`OAUTH_ISSUER_URL`", text))
        .transpose()?;
    let issuer = settings.issuer.as_deref();
    let issuer = issuer
        .map(|text| parse("`OIDC_ISSUER_URL` (or `OAUTH_ISSUER_URL`)", text))
        .transpose()?;
    Ok(match (issuer, place) {
        (Some(issuer), Some(place)) => {
            Some(Source::new(issuer, settings.allow_http).looked_for_at(place))
        }
        (Some(issuer), None) | (None, Some(issuer)) => {
            Some(Source::new(issuer, settings.allow_http))
        }
        (None, None) => None,
    })
}

/// A configured endpoint.
pub(super) fn endpoint(
    name: &'static str,
    value: Option<&str>,
    allow_http: bool,
) -> Result<Option<Url>, SettingsError> {
    value
        .map(|text| {
            usable(text, allow_http).map_err(|why| SettingsError::Endpoint {
                name,
                value: text.to_owned(),
                why,
            })
        })
        .transpose()
}

fn usable(text: &str, allow_http: bool) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "which is not a URL")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("but it must not contain a user name or password");
    }
    if url.fragment().is_some() {
        return Err("but it must not have a fragment");
    }
    check_scheme(&url, allow_http).map_err(|_| "but it must be https")?;
    Ok(url)
}
