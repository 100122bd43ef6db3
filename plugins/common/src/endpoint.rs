//! An endpoint of the provider: as configured, or as named by its discovery document.

use std::time::Duration;

use outbound::{DOCUMENT_LIFETIME, DiscoveryError, Document, Source as Provider, check_scheme};
use plugin_api::sdk::Failure;
use url::Url;

use crate::{
    cache::{Cache, Remember},
    client::ClientAuth,
    clock::Clock,
    http::{Answer, Http, HttpError, Network, shown},
    issuer,
};

/// The time after which to retry, if the endpoint names none.
const DEFAULT_RETRY: Duration = Duration::from_secs(2);

/// The kind of endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointKind {
    /// RFC 7662.
    Introspection,
    /// RFC 6749 section 3.2.
    Token,
}

impl EndpointKind {
    fn name(self) -> &'static str {
        match self {
            Self::Introspection => "introspection_endpoint",
            Self::Token => "token_endpoint",
        }
    }
}

/// An endpoint of the provider and the way to it.
#[derive(Debug)]
pub struct Endpoint {
    kind: EndpointKind,
    source: Source,
    http: Http,
}

#[derive(Debug)]
enum Source {
    Configured(Url),
    Discovered {
        provider: Box<Provider>,
        found: Cache<(), Url>,
    },
}

impl Endpoint {
    /// Prepares to find the endpoint, without any request.
    ///
    /// # Errors
    /// [`Failure::misconfigured`] if neither the endpoint nor the issuer is set, or one of them
    /// is unusable.
    pub fn new(
        kind: EndpointKind,
        configured: Option<&Url>,
        issuer: Option<&str>,
        discovery_url: Option<&str>,
        allow_http: bool,
        network: &Network,
        clock: Clock,
    ) -> Result<Self, Failure> {
        let name = kind.name();
        let (source, at) = match (configured, issuer.filter(|issuer| !issuer.is_empty())) {
            (Some(url), _) => {
                check_scheme(url, allow_http)
                    .map_err(|what| Failure::misconfigured(format!("`{name}`: {what}")))?;
                (Source::Configured(url.clone()), vec![url.clone()])
            }
            (None, Some(issuer)) => {
                let provider = issuer::source(issuer, discovery_url, allow_http)
                    .map_err(Failure::misconfigured)?;
                let at = issuer::configured(&provider).map(Url::clone).to_vec();
                (
                    Source::Discovered {
                        provider: Box::new(provider),
                        found: Cache::new(1, clock),
                    },
                    at,
                )
            }
            (None, None) => {
                return Err(Failure::misconfigured(format!(
                    "no identity provider is configured: set OIDC_ISSUER_URL, or the option \
                     `{name}`"
                )));
            }
        };
        let http =
            Http::new(network, &at).map_err(|error| Failure::misconfigured(error.to_string()))?;
        Ok(Self { kind, source, http })
    }

    /// Sends a form to the endpoint at `url` as this client.
    ///
    /// # Errors
    /// [`Failure::misconfigured`] if it redirects; [`Failure::unavailable`] if it does not answer,
    /// or reports that it cannot.
    pub async fn ask(
        &self,
        client: &ClientAuth,
        url: &Url,
        form: &[(&str, &str)],
    ) -> Result<Answer, Failure> {
        let answer = client
            .post(&self.http, url, form)
            .await
            .map_err(|error| match error {
                HttpError::Redirect { .. } => Failure::misconfigured(error.to_string()),
                _ => Failure::unavailable(error.to_string()).retry_after(DEFAULT_RETRY),
            })?;
        if answer.is_overload() {
            let what = format!("{}: answers {}", shown(url), answer.status.as_u16());
            let retry_after = answer.retry_after().unwrap_or(DEFAULT_RETRY);
            return Err(Failure::unavailable(what).retry_after(retry_after));
        }
        Ok(answer)
    }

    /// The endpoint.
    ///
    /// # Errors
    /// [`Failure::unavailable`] while the provider cannot be reached, [`Failure::misconfigured`]
    /// if its document does not name the endpoint or is not of the configured issuer.
    pub async fn url(&self) -> Result<Url, Failure> {
        match &self.source {
            Source::Configured(url) => Ok(url.clone()),
            Source::Discovered { provider, found } => {
                found.get_or(&(), || self.discovered(provider)).await
            }
        }
    }

    async fn discovered(&self, provider: &Provider) -> Result<Remember<Url>, Failure> {
        let document = outbound::discover(self.http.client(), provider)
            .await
            .map_err(|error| {
                let what = error.to_string();
                match error {
                    DiscoveryError::Invalid { .. } => Failure::misconfigured(what),
                    DiscoveryError::Busy { retry_after, .. } => {
                        Failure::unavailable(what).retry_after(retry_after.unwrap_or(DEFAULT_RETRY))
                    }
                    DiscoveryError::Http(_) | DiscoveryError::Missing(_) => {
                        Failure::unavailable(what)
                    }
                }
            })?;
        Ok(Remember {
            value: self.named_in(&document)?,
            ttl: DOCUMENT_LIFETIME,
        })
    }

    fn named_in(&self, document: &Document) -> Result<Url, Failure> {
        let name = self.kind.name();
        let unusable = |why: &str| {
            Failure::misconfigured(format!(
                "the discovery document names no usable `{name}`{why}: set the option `{name}`"
            ))
        };
        match document.endpoint(name) {
            Ok(Some(url)) => Ok(url),
            Ok(None) => Err(unusable("")),
            Err(why) => Err(unusable(&format!(" ({why})"))),
        }
    }
}
