//! A provider's document about itself (OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3).
//!
//! Three places are tried in order, and the first document that names the configured issuer counts.
//! A place that answers with an error status, redirects to another origin, or sends a page instead
//! of a document is skipped: providers answer unknown paths with pages and sign-in forms. The
//! places may be on another host than the issuer, if the provider is reached inside a cluster and
//! tokens name it as it is seen from outside; the issuer is compared all the same.

use std::time::Duration;

use serde_json::{Map, Value};
use thiserror::Error;
use url::Url;

use crate::{
    client::{Answer, Client, Error as HttpError},
    issuer::{Issuer, IssuerRule, check_scheme},
    text::{quoted, shown},
};

/// The time for which a document is used before it is fetched again, whatever its headers say: many
/// providers mark it `no-store`, and endpoints rarely change.
pub const DOCUMENT_LIFETIME: Duration = Duration::from_secs(3_600);

/// An issuer and the place of its document.
#[derive(Debug, Clone)]
pub struct Source {
    issuer: Issuer,
    place: Option<Issuer>,
    allow_http: bool,
}

impl Source {
    /// The document of `issuer`, looked for below it. `allow_http` is the switch for plain HTTP
    /// beyond loopback; it also covers the URLs that the document names.
    pub fn new(issuer: Issuer, allow_http: bool) -> Self {
        Self {
            issuer,
            place: None,
            allow_http,
        }
    }

    /// Looks for it below `place` instead.
    #[must_use]
    pub fn looked_for_at(mut self, place: Issuer) -> Self {
        self.place = Some(place);
        self
    }

    /// The issuer that the document must name.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The base of the places.
    pub fn place(&self) -> &Url {
        self.place.as_ref().unwrap_or(&self.issuer).url()
    }

    /// Checks the scheme of a URL that the document or the operator names.
    ///
    /// # Errors
    /// One line that says what to change.
    pub fn check_scheme(&self, url: &Url) -> Result<(), String> {
        check_scheme(url, self.allow_http)
    }
}

/// The reason why there is no document.
#[derive(Debug, Error)]
pub enum DiscoveryError {
    /// The request to the provider failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The provider reports that it cannot answer at the moment.
    #[error("{url}: answers {status}")]
    Busy {
        /// The requested URL.
        url: String,
        /// The status of its answer.
        status: u16,
        /// The time after which to ask again, if the provider names one.
        retry_after: Option<Duration>,
    },
    /// None of the places holds a document.
    #[error("{0}")]
    Missing(String),
    /// There is a document, and it is not trustworthy.
    #[error("{url}: {what}")]
    Invalid {
        /// The URL of the document.
        url: String,
        /// The problem with it.
        what: String,
    },
}

/// A document that names the configured issuer.
#[derive(Debug, Clone)]
pub struct Document {
    issuer: IssuerRule,
    members: Map<String, Value>,
    allow_http: bool,
}

impl Document {
    /// The issuer that tokens must name.
    pub fn issuer(&self) -> &IssuerRule {
        &self.issuer
    }

    /// The endpoint `name`, if the document names it.
    ///
    /// # Errors
    /// One line, if it is not a URL or may not be requested. A caller that does not need the
    /// endpoint treats that as none.
    pub fn endpoint(&self, name: &str) -> Result<Option<Url>, String> {
        let Some(value) = self.members.get(name).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let url = value
            .as_str()
            .and_then(|text| Url::parse(text).ok())
            .filter(|url| url.has_host() && url.username().is_empty() && url.password().is_none())
            .ok_or_else(|| format!("`{name}` of the discovery document is not a URL"))?;
        check_scheme(&url, self.allow_http).map_err(|what| format!("`{name}`: {what}"))?;
        Ok(Some(url))
    }

    /// True if the member `name` is `true`.
    pub fn says(&self, name: &str) -> bool {
        self.members.get(name) == Some(&Value::Bool(true))
    }

    /// The strings of the list `name`.
    pub fn strings(&self, name: &str) -> impl Iterator<Item = &str> {
        let list = self.members.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str)
    }
}

/// The places of an issuer's document, in the order in which they are tried: that of OpenID
/// Connect, that of RFC 8414, and the file name of the first at the position of the second.
pub fn places(issuer: &Url) -> Vec<Url> {
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
    if path.is_empty() {
        places.truncate(2);
    }
    places
}

/// Fetches and checks the provider's document.
///
/// # Errors
/// [`DiscoveryError`]. If a provider cannot be reached or is overloaded, the other places are not
/// tried, because they are on the same host.
pub async fn discover(client: &Client, source: &Source) -> Result<Document, DiscoveryError> {
    let mut tried = Vec::new();
    let mut invalid = None;
    for url in places(source.place()) {
        let passed = match client.get(&url, "application/json").await {
            Ok(answer) if is_busy(&answer) => {
                return Err(DiscoveryError::Busy {
                    url: shown(&url),
                    status: answer.status.as_u16(),
                    retry_after: answer.retry_after(),
                });
            }
            Ok(answer) if answer.status.is_success() => match members(&answer.body) {
                Ok(members) => match confirm(source, members) {
                    Ok(document) => return Ok(document),
                    // One of the remaining places may have the right document.
                    Err(what) => {
                        let url = shown(&url);
                        invalid.get_or_insert(DiscoveryError::Invalid { url, what });
                        continue;
                    }
                },
                Err(what) => what.to_owned(),
            },
            Ok(answer) => format!("answers {}", answer.status.as_u16()),
            Err(HttpError::Redirect { what, .. }) => format!("redirects {what}"),
            Err(HttpError::TooLarge { .. }) => "answers with too much".to_owned(),
            Err(error) => return Err(error.into()),
        };
        tried.push(format!("{} {passed}", shown(&url)));
    }
    Err(invalid.unwrap_or_else(|| {
        DiscoveryError::Missing(format!(
            "no discovery document: {}; check OIDC_ISSUER_URL, or OAUTH_ISSUER_URL if the \
             document is elsewhere",
            tried.join(", ")
        ))
    }))
}

/// Returns whether the provider is overloaded, not merely unable to answer for this path.
fn is_busy(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 429 | 502 | 503 | 504)
}

fn members(body: &[u8]) -> Result<Map<String, Value>, &'static str> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) if members.contains_key("issuer") => Ok(members),
        Ok(_) => Err("answers without an `issuer`"),
        Err(_) => Err("answers with something else than JSON"),
    }
}

fn confirm(source: &Source, members: Map<String, Value>) -> Result<Document, String> {
    let named = members
        .get("issuer")
        .and_then(Value::as_str)
        .ok_or("the discovery document names no `issuer`")?;
    let issuer = source
        .issuer
        .confirm(named)
        .map_err(|why| match &source.place {
            None => why,
            Some(place) => format!("{why}; it was looked for at {}", quoted(place.text())),
        })?;
    Ok(Document {
        issuer,
        members,
        allow_http: source.allow_http,
    })
}

#[cfg(test)]
mod tests;
