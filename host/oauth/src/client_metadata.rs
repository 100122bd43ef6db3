//! Client ID Metadata Documents: a `client_id` that is an https URL, at which the client
//! describes itself (draft-ietf-oauth-client-id-metadata-document).
//!
//! The URL comes from a stranger, so it is fetched with the SSRF guard: https alone, no redirect,
//! no proxy, connected to no other address than the public ones that were just looked up, 5 KB,
//! 5 s. What is found is kept as long as its HTTP headers say, within bounds.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use moka::{Expiry, future::Cache};
use reqwest::{
    Client, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CACHE_CONTROL, HeaderMap},
    redirect::Policy,
};
use serde::Deserialize;
use tokio::sync::Semaphore;
use url::{Host, Url};

use super::{ClientMetadataSettings, SettingsError, public_address::is_public, types::ClientId};

/// How much of a document is read.
const MAX_DOCUMENT_BYTES: usize = 5 * 1_024;
/// How long fetching may take in all.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How many are fetched at once.
const MAX_AT_ONCE: usize = 16;
/// How many are kept.
const MAX_KEPT: u64 = 2_000;
/// How long one is kept that says nothing about it.
const DEFAULT_TTL: Duration = Duration::from_secs(300);
/// The longest that one is kept.
const MAX_TTL: Duration = Duration::from_secs(24 * 3_600);
/// How long a failure, or one that must not be kept, is: so that a page and the requests that
/// follow it do not fetch it again and again.
const MIN_TTL: Duration = Duration::from_secs(10);
/// More redirect URIs than this make no sense.
const MAX_REDIRECT_URIS: usize = 20;

/// Why a document is not usable. Goes onto a page, so it says nothing about our network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum DocumentError {
    #[error("is not an https URL with a path and nothing but that")]
    Url,
    #[error("is on a host that this server does not allow")]
    Host,
    #[error("could not be fetched")]
    Fetch,
    #[error("is larger than 5 KB")]
    TooLarge,
    #[error("does not hold a client metadata document")]
    Content,
    #[error("holds the document of another client")]
    OtherClient,
    #[error("asks for a way to authenticate that this server does not offer")]
    Auth,
}

/// What a document says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) client_name: Option<String>,
    pub(super) redirect_uris: Vec<String>,
}

/// Looks names up. A trait so that tests stand in for the name service.
pub(super) trait Lookup: Send + Sync {
    fn lookup(&self, host: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>>;
}

/// The system's name service.
struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let host = host.to_owned();
        Box::pin(async move {
            Ok(tokio::net::lookup_host((host, 0))
                .await?
                .map(|address| address.ip())
                .collect())
        })
    }
}

/// Resolves names for the HTTP client, which connects to what it gets from here and nothing else:
/// there is no second lookup that could answer differently.
struct GuardedResolver {
    lookup: Arc<dyn Lookup>,
    allowed: fn(IpAddr) -> bool,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.lookup.lookup(name.as_str());
        let allowed = self.allowed;
        Box::pin(async move {
            let addresses = lookup.await?;
            // One address that is not public makes the whole name suspect.
            if addresses.is_empty() || !addresses.iter().all(|address| allowed(*address)) {
                return Err("the name does not lead to the public internet".into());
            }
            let addresses: Addrs = Box::new(
                addresses
                    .into_iter()
                    .map(|address| SocketAddr::new(address, 0)),
            );
            Ok(addresses)
        })
    }
}

type Fetched = (Result<Arc<Document>, DocumentError>, Duration);

struct OwnTtl;

impl Expiry<String, Fetched> for OwnTtl {
    fn expire_after_create(&self, _: &String, value: &Fetched, _: Instant) -> Option<Duration> {
        Some(value.1)
    }
}

/// Fetches and keeps documents.
pub(super) struct Documents {
    settings: ClientMetadataSettings,
    http: Client,
    at_once: Semaphore,
    kept: Cache<String, Fetched>,
    /// Plain http is for tests, which have no certificates.
    scheme: &'static str,
    allowed: fn(IpAddr) -> bool,
}

impl Documents {
    pub(super) fn new(settings: &ClientMetadataSettings) -> Result<Self, SettingsError> {
        Self::guarded(settings, Arc::new(SystemLookup), is_public, "https")
    }

    /// With another name service and another idea of what is public.
    pub(super) fn guarded(
        settings: &ClientMetadataSettings,
        lookup: Arc<dyn Lookup>,
        allowed: fn(IpAddr) -> bool,
        scheme: &'static str,
    ) -> Result<Self, SettingsError> {
        let http = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .https_only(scheme == "https")
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT)
            .pool_max_idle_per_host(0)
            .dns_resolver(GuardedResolver { lookup, allowed })
            .build()
            .map_err(|error| SettingsError::HttpClient(error.to_string()))?;
        Ok(Self {
            settings: settings.clone(),
            http,
            at_once: Semaphore::new(MAX_AT_ONCE),
            kept: Cache::builder()
                .max_capacity(MAX_KEPT)
                .expire_after(OwnTtl)
                .build(),
            scheme,
            allowed,
        })
    }

    /// Whether `id` is meant as the URL of a document.
    pub(super) fn is_document(&self, id: &ClientId) -> bool {
        let rest = id.as_str().strip_prefix(self.scheme);
        self.settings.enabled && rest.is_some_and(|rest| rest.starts_with("://"))
    }

    /// The URL in `id`, if it may be fetched at all.
    pub(super) fn check(&self, id: &ClientId) -> Result<Url, DocumentError> {
        let text = id.as_str();
        let url = Url::parse(text).map_err(|_| DocumentError::Url)?;
        let path = url.path();
        // Byte for byte what the parser makes of it: no dot segments, no odd spelling of a host.
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
            Some(Host::Domain(name)) => self.is_allowed_name(name),
            // An address is not looked up, so the resolver does not see it.
            Some(Host::Ipv4(ip)) => self.is_allowed_address(ip.into()),
            Some(Host::Ipv6(ip)) => self.is_allowed_address(ip.into()),
            None => false,
        };
        if allowed {
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

    fn is_allowed_address(&self, address: IpAddr) -> bool {
        self.settings.allowed_domains.is_empty() && (self.allowed)(address)
    }

    /// The document of the client `id`. Each is fetched once at a time.
    pub(super) async fn get(&self, id: &ClientId) -> Result<Arc<Document>, DocumentError> {
        let url = self.check(id)?;
        let (document, _) = self
            .kept
            .get_with(id.as_str().to_owned(), async {
                match self.fetch(url).await {
                    Ok((document, ttl)) => (Ok(Arc::new(document)), ttl),
                    Err(error) => (Err(error), MIN_TTL),
                }
            })
            .await;
        document
    }

    async fn fetch(&self, url: Url) -> Result<(Document, Duration), DocumentError> {
        let client_id = url.as_str().to_owned();
        let fetch = async {
            let _permit = self
                .at_once
                .acquire()
                .await
                .map_err(|_| DocumentError::Fetch)?;
            let request = self.http.get(url).header("accept", "application/json");
            let answer = request.send().await.map_err(|_| DocumentError::Fetch)?;
            if answer.status() != reqwest::StatusCode::OK {
                return Err(DocumentError::Fetch);
            }
            let ttl = time_to_live(answer.headers());
            Ok((read(answer).await?, ttl))
        };
        let (body, ttl) = tokio::time::timeout(TIMEOUT, fetch)
            .await
            .map_err(|_| DocumentError::Fetch)??;
        Ok((parse(&body, &client_id)?, ttl))
    }
}

async fn read(mut answer: Response) -> Result<Vec<u8>, DocumentError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| DocumentError::Fetch)? {
        if body.len() + chunk.len() > MAX_DOCUMENT_BYTES {
            return Err(DocumentError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn parse(body: &[u8], client_id: &str) -> Result<Document, DocumentError> {
    #[derive(Deserialize)]
    struct Raw {
        client_id: String,
        client_name: Option<String>,
        redirect_uris: Vec<String>,
        token_endpoint_auth_method: Option<String>,
    }
    let raw: Raw = serde_json::from_slice(body).map_err(|_| DocumentError::Content)?;
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

/// How long an answer may be kept (RFC 9111 section 5.2.2), within our bounds.
fn time_to_live(headers: &HeaderMap) -> Duration {
    let mut ttl = DEFAULT_TTL;
    let directives = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok());
    for directive in directives.flat_map(|value| value.split(',')).map(str::trim) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return MIN_TTL,
            "max-age" => {
                ttl = value
                    .trim_matches('"')
                    .parse()
                    .map_or(MIN_TTL, Duration::from_secs);
            }
            _ => {}
        }
    }
    ttl.clamp(MIN_TTL, MAX_TTL)
}

#[cfg(test)]
mod tests;
