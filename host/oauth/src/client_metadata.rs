//! Client ID Metadata Documents: a `client_id` that is an https URL, at which the client
//! describes itself (draft-ietf-oauth-client-id-metadata-document).
//!
//! The URL comes from a stranger, so it is fetched with the SSRF guard: https only, no redirects,
//! connections only to the public addresses that were just looked up, at most 5 KB and 5 s. The
//! document is cached as long as its HTTP headers say, within bounds.
//!
//! If a proxy is used, the proxy resolves names, so this guard cannot see their addresses. Then
//! only documents below the domains that the operator listed are fetched, and none if there is no
//! list.

mod places;
mod reach;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use moka::{Expiry, future::Cache};
use outbound::{
    AddressRule, BodyError, Client, Lifetime, Lookup, Network, Profile, Proxies, SystemLookup,
    is_public,
};
use serde::Deserialize;
use url::{Host, Url};

use self::{
    places::Places,
    reach::{AfterFailure, Reach},
};
use super::{ClientMetadataSettings, Settings, SettingsError, types::ClientId};

/// The largest document that is accepted.
const MAX_DOCUMENT_BYTES: usize = 5 * 1_024;
/// The time limit for fetching a document.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum number of cached documents.
const MAX_KEPT: u64 = 2_000;
/// The time for which a document is cached.
const LIFETIME: Lifetime = Lifetime {
    floor: MIN_TTL,
    ceiling: Duration::from_secs(24 * 3_600),
    default: Duration::from_secs(300),
    unreadable: MIN_TTL,
};
/// The time for which a failure, or a document that must not be cached, is cached all the same, so
/// that a page and the requests that follow it do not fetch it repeatedly.
const MIN_TTL: Duration = Duration::from_secs(10);
/// The times that a request waits for a fetch that another one began and that found no place.
const MAX_ROUNDS: usize = 3;
/// The maximum number of redirect URIs in a document.
const MAX_REDIRECT_URIS: usize = 20;

/// The reason why a document is not usable. Shown on a page, so it reveals nothing about our
/// network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum DocumentError {
    #[error("is not an https URL with a path and nothing else")]
    Url,
    #[error("is on a host that this server does not allow")]
    Host,
    #[error("could not be fetched")]
    Fetch,
    #[error("is on a host that this server cannot reach")]
    Unreachable,
    #[error("is larger than 5 KB")]
    TooLarge,
    #[error("does not contain a client metadata document")]
    Content,
    #[error("contains the document of another client")]
    OtherClient,
    #[error("requires an authentication method that this server does not support")]
    Auth,
    #[error("cannot be looked up now, because many others are")]
    Busy,
}

impl DocumentError {
    /// The setting that may help, if the reason is on this server's side and not on that of the
    /// app's makers.
    pub(super) const fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Host => Some(
                "add the host's domain to OAUTH_CLIENT_METADATA_DOMAINS if people may use the app",
            ),
            Self::Unreachable => Some(
                "let this server reach the host (OUTBOUND_PROXY, OAUTH_CLIENT_METADATA_DOMAINS), or set OAUTH_CLIENT_METADATA=false so that apps register",
            ),
            _ => None,
        }
    }
}

/// The content of a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) client_name: Option<String>,
    pub(super) redirect_uris: Vec<String>,
}

type Fetched = (Result<Arc<Document>, DocumentError>, Duration);

struct OwnTtl;

impl Expiry<String, Fetched> for OwnTtl {
    fn expire_after_create(&self, _: &String, value: &Fetched, _: Instant) -> Option<Duration> {
        Some(value.1)
    }
}

/// Fetches and caches documents.
pub(super) struct Documents {
    settings: ClientMetadataSettings,
    http: Client,
    places: Places,
    kept: Cache<String, Fetched>,
    /// Plain http is for tests only, which have no certificates.
    scheme: &'static str,
    proxies: Proxies,
    reach: Reach,
}

impl Documents {
    pub(super) fn new(settings: &Settings) -> Result<Arc<Self>, SettingsError> {
        let documents = &settings.client_metadata;
        if documents.enabled && !settings.fetches_client_metadata() {
            tracing::warn!(
                "client metadata documents are not fetched through a proxy, which resolves names \
                 itself: list their domains in OAUTH_CLIENT_METADATA_DOMAINS"
            );
        }
        let lookup = Arc::new(SystemLookup);
        let reach = Reach::new(settings.registration);
        Self::with(
            documents,
            &settings.network,
            lookup,
            is_public,
            "https",
            reach,
        )
    }

    /// With another name service and another definition of public addresses.
    #[cfg(test)]
    pub(super) fn guarded(
        settings: &ClientMetadataSettings,
        lookup: Arc<dyn Lookup>,
        allowed: fn(IpAddr) -> bool,
        scheme: &'static str,
    ) -> Result<Arc<Self>, SettingsError> {
        let reach = Reach::new(true);
        Self::with(
            settings,
            &Network::default(),
            lookup,
            allowed,
            scheme,
            reach,
        )
    }

    fn with(
        settings: &ClientMetadataSettings,
        network: &Network,
        lookup: Arc<dyn Lookup>,
        allowed: fn(IpAddr) -> bool,
        scheme: &'static str,
        reach: Reach,
    ) -> Result<Arc<Self>, SettingsError> {
        let profile = Profile {
            user_agent: concat!("datahub-mcp/", env!("CARGO_PKG_VERSION")),
            connect: TIMEOUT,
            total: Some(TIMEOUT),
            idle: TIMEOUT,
            idle_connections: 0,
            max_body: MAX_DOCUMENT_BYTES,
            https_only: scheme == "https",
        };
        let http = Client::new(network, &profile, AddressRule::strangers(lookup, allowed))
            .map_err(|error| SettingsError::HttpClient(error.to_string()))?;
        Ok(Arc::new(Self {
            settings: settings.clone(),
            http,
            places: Places::default(),
            kept: Cache::builder()
                .max_capacity(MAX_KEPT)
                .expire_after(OwnTtl)
                .build(),
            scheme,
            proxies: network.proxies.clone(),
            reach,
        }))
    }

    /// Returns whether documents are offered: not while this server reaches no host of theirs,
    /// since clients prefer them to registration. Tries again now and then.
    pub(super) fn is_offered(self: &Arc<Self>) -> bool {
        let due = self.reach.due(Instant::now());
        if !due.is_empty() {
            let documents = Arc::clone(self);
            tokio::spawn(async move {
                for url in due {
                    if documents.fetch(url).await != Err(DocumentError::Unreachable) {
                        break;
                    }
                }
            });
        }
        self.reach.is_offered()
    }

    /// Returns whether `id` has the form of a document's URL.
    pub(super) fn is_document(&self, id: &ClientId) -> bool {
        let rest = id.as_str().strip_prefix(self.scheme);
        self.settings.enabled && rest.is_some_and(|rest| rest.starts_with("://"))
    }

    /// The URL in `id`, if it may be fetched at all.
    pub(super) fn check(&self, id: &ClientId) -> Result<Url, DocumentError> {
        let text = id.as_str();
        let url = Url::parse(text).map_err(|_| DocumentError::Url)?;
        let path = url.path();
        // The text must equal the parsed URL: no dot segments, no unusual spelling of a host.
        let plain = url.as_str() == text
            && url.scheme() == self.scheme
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
            && url.query().is_none()
            && path.len() > 1
            && !path.to_ascii_lowercase().contains("%2e");
        if !plain {
            return Err(DocumentError::Url);
        }
        let allowed = match url.host() {
            Some(Host::Domain(name)) => self.is_allowed_name(name) && self.is_seen(&url),
            // An address is not looked up, so the resolver does not see it.
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => self.settings.allowed_domains.is_empty(),
            None => false,
        };
        if allowed && self.http.permits(&url) {
            Ok(url)
        } else {
            Err(DocumentError::Host)
        }
    }

    fn is_allowed_name(&self, name: &str) -> bool {
        let domains = &self.settings.allowed_domains;
        domains.is_empty()
            || domains.iter().any(|domain| {
                name.strip_suffix(domain.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
    }

    /// Returns whether the operator listed domains, or the resolver here checks the addresses of
    /// the name.
    fn is_seen(&self, url: &Url) -> bool {
        !self.settings.allowed_domains.is_empty() || self.proxies.of(url).is_none()
    }

    /// The document of the client `id`, which a request from `network` names. Concurrent calls for
    /// one document share a fetch.
    pub(super) async fn get(
        self: &Arc<Self>,
        id: &ClientId,
        network: &str,
    ) -> Result<Arc<Document>, DocumentError> {
        let url = self.check(id)?;
        for _ in 0..MAX_ROUNDS {
            let mut own = false;
            let fetched = self.kept.get_with(id.as_str().to_owned(), async {
                own = true;
                self.fetch_once(&url, network).await
            });
            let (document, _) = fetched.await;
            // Another network that has no place left must not speak for this one.
            if own || !matches!(document, Err(DocumentError::Busy)) {
                return document;
            }
        }
        Err(DocumentError::Busy)
    }

    async fn fetch_once(self: &Arc<Self>, url: &Url, network: &str) -> Fetched {
        let Some(_place) = self.places.take(network).await else {
            // Says nothing of the document.
            return (Err(DocumentError::Busy), Duration::ZERO);
        };
        match self.fetch(url.clone()).await {
            Ok((document, ttl)) => (Ok(Arc::new(document)), ttl),
            Err(error) => {
                if error == DocumentError::Unreachable {
                    self.note_failure(url);
                }
                (Err(error), MIN_TTL)
            }
        }
    }

    /// Stops offering documents if it is not this host alone that cannot be reached.
    fn note_failure(self: &Arc<Self>, url: &Url) {
        match self.reach.failed(url) {
            AfterFailure::Wait => {}
            AfterFailure::Withdrawn => say_withdrawn(url),
            AfterFailure::Ask(good) => {
                let (documents, url) = (Arc::clone(self), url.clone());
                tokio::spawn(async move {
                    let failed = documents.fetch(good).await == Err(DocumentError::Unreachable);
                    if documents.reach.asked(failed) {
                        say_withdrawn(&url);
                    }
                });
            }
        }
    }

    /// Fetches at once. What a stranger caused has its place already; the server's own attempts need
    /// none, since there is one at a time.
    async fn fetch(&self, url: Url) -> Result<(Document, Duration), DocumentError> {
        let client_id = url.as_str().to_owned();
        let fetch = async {
            let request = self.http.requests().get(url.clone());
            let request = request.header("accept", "application/json");
            let answer = request
                .send()
                .await
                .map_err(|_| DocumentError::Unreachable)?;
            if self.reach.answered(&url) {
                tracing::info!("client metadata documents can be fetched and are offered again");
            }
            if answer.status() != reqwest::StatusCode::OK {
                return Err(DocumentError::Fetch);
            }
            let ttl = LIFETIME.of(answer.headers());
            let body = outbound::read(answer, MAX_DOCUMENT_BYTES).await;
            let body = body.map_err(|error| match error {
                BodyError::TooLarge => DocumentError::TooLarge,
                BodyError::Broken(_) => DocumentError::Fetch,
            })?;
            Ok((body, ttl))
        };
        let (body, ttl) = tokio::time::timeout(TIMEOUT, fetch)
            .await
            .map_err(|_| DocumentError::Unreachable)??;
        Ok((read_document(&body, &client_id)?, ttl))
    }
}

fn say_withdrawn(url: &Url) {
    let host = url.host_str().unwrap_or_default();
    let hint = DocumentError::Unreachable.remedy().unwrap_or_default();
    tracing::warn!(
        host,
        hint,
        "client metadata documents cannot be fetched: they are not offered until one can, and apps register instead"
    );
}

/// Reads a document, which must be that of the client.
pub(super) fn read_document(body: &[u8], client_id: &str) -> Result<Document, DocumentError> {
    #[derive(Deserialize)]
    struct Raw {
        client_id: String,
        client_name: Option<String>,
        redirect_uris: Vec<String>,
        token_endpoint_auth_method: Option<String>,
    }
    // Members that are not read are not looked into: the whole has to be text.
    let text = std::str::from_utf8(body).map_err(|_| DocumentError::Content)?;
    let raw: Raw = serde_json::from_str(text).map_err(|_| DocumentError::Content)?;
    if raw.client_id != client_id {
        return Err(DocumentError::OtherClient);
    }
    if raw
        .token_endpoint_auth_method
        .is_some_and(|method| method != "none")
    {
        return Err(DocumentError::Auth);
    }
    if raw.redirect_uris.is_empty() || raw.redirect_uris.len() > MAX_REDIRECT_URIS {
        return Err(DocumentError::Content);
    }
    Ok(Document {
        client_name: raw.client_name,
        redirect_uris: raw.redirect_uris,
    })
}

#[cfg(test)]
mod tests;
