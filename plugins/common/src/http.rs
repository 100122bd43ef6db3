//! Asking a provider over HTTP: one client, with every bound that a stranger's server needs.
//!
//! Connections are tried for 2 seconds, a whole exchange takes at most 5, a body is read up to
//! 1 MiB. A `GET` follows at most 3 redirects and only within its origin; anything that carries a
//! credential follows none. There is no cookie jar, no `Referer`, and the proxy variables of the
//! environment (`HTTP_PROXY` and the like) are not read: a proxy is used only where the
//! configuration names one. Error texts never hold a body, a header or a query string.

use std::{path::PathBuf, time::Duration};

use reqwest::{
    Certificate, Client, Method, Proxy, RequestBuilder, StatusCode,
    header::{ACCEPT, HeaderMap, LOCATION, RETRY_AFTER},
    redirect,
};
use schemars::JsonSchema;
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use crate::address::AddressRule;
pub(crate) use crate::address::is_loopback;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_BODY_BYTES: usize = 1024 * 1024;
const MAX_REDIRECTS: usize = 3;
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// How to reach a provider that is not simply on the internet.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Network {
    /// A file of PEM certificates of further authorities to trust, for a provider whose
    /// certificate comes from a private authority. The system's authorities stay trusted.
    pub ca_file: Option<PathBuf>,
    /// The HTTP proxy to go through, as a URL. The proxy variables of the environment are not
    /// read.
    pub proxy: Option<Url>,
}

/// Why an exchange brought nothing.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The client cannot be made from its options.
    #[error("{0}")]
    Setup(String),
    /// Nobody answered, or not in time.
    #[error("{url}: {what}")]
    Unreachable {
        /// Whom it asked, without query.
        url: String,
        /// What went wrong, as far as it can be said without quoting the peer.
        what: &'static str,
    },
    /// The address is not one that may be asked.
    #[error("{0}: the address is of this machine or of a cloud's metadata service")]
    ForbiddenAddress(String),
    /// The answer leads elsewhere.
    #[error("{url}: redirects {what}")]
    Redirect {
        /// Whom it asked, without query.
        url: String,
        /// Why the redirect is not followed.
        what: &'static str,
    },
    /// The answer is larger than 1 MiB.
    #[error("{0}: the answer is larger than 1 MiB")]
    TooLarge(String),
}

/// An answer that was read to its end.
pub struct Answer {
    /// The status; redirects are already followed or refused.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, at most 1 MiB.
    pub body: Vec<u8>,
}

impl Answer {
    /// The peer's `Retry-After` in its seconds form, at most 5 minutes.
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = self
            .headers
            .get(RETRY_AFTER)?
            .to_str()
            .ok()?
            .trim()
            .parse()
            .ok()?;
        Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
    }

    /// Whether the peer says that it cannot answer at the moment.
    pub fn is_overload(&self) -> bool {
        self.status.is_server_error() || self.status == StatusCode::TOO_MANY_REQUESTS
    }
}

/// The HTTP client of a validator. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    addresses: AddressRule,
}

impl Http {
    /// Makes a client. `configured` are the URLs that the operator wrote down: their hosts may
    /// have any address but a cloud's metadata service; others must not lead into this machine.
    ///
    /// # Errors
    /// [`HttpError::Setup`] where the options name a file or a proxy that cannot be used.
    pub fn new<'a>(
        network: &'a Network,
        configured: impl IntoIterator<Item = &'a Url>,
    ) -> Result<Self, HttpError> {
        let addresses = AddressRule::new(configured.into_iter().chain(network.proxy.as_ref()));
        let mut builder = Client::builder()
            .user_agent(concat!("datahub-mcp-validator/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .dns_resolver(addresses.clone())
            .pool_idle_timeout(Duration::from_secs(30))
            .tcp_nodelay(true);
        if let Some(proxy) = &network.proxy {
            let proxy = Proxy::all(proxy.as_str())
                .map_err(|_| HttpError::Setup("`proxy` is not the URL of an HTTP proxy".into()))?;
            builder = builder.proxy(proxy);
        }
        if let Some(file) = &network.ca_file {
            let setup =
                |what: String| HttpError::Setup(format!("`ca_file` {}: {what}", file.display()));
            let pem = std::fs::read(file).map_err(|error| setup(error.to_string()))?;
            let certificates = Certificate::from_pem_bundle(&pem)
                .map_err(|_| setup("is not a list of PEM certificates".into()))?;
            if certificates.is_empty() {
                return Err(setup("holds no certificate".into()));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().map_err(|error| {
            HttpError::Setup(format!("no HTTP client: {}", error.without_url()))
        })?;
        Ok(Self { client, addresses })
    }

    /// Fetches a public document, following redirects within its origin.
    ///
    /// # Errors
    /// Any [`HttpError`] but `Setup`. An error status is an [`Answer`], not an error.
    pub async fn get(&self, url: &Url, accept: &'static str) -> Result<Answer, HttpError> {
        // One deadline around all hops, so that redirects cannot stretch it.
        tokio::time::timeout(TOTAL_TIMEOUT, self.get_following(url, accept))
            .await
            .unwrap_or_else(|_| Err(unreachable_peer(url, "did not answer in time")))
    }

    async fn get_following(&self, url: &Url, accept: &'static str) -> Result<Answer, HttpError> {
        let mut at = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let request = self
                .client
                .request(Method::GET, at.clone())
                .header(ACCEPT, accept);
            let answer = self.exchange(&at, request).await?;
            if !answer.status.is_redirection() || answer.status == StatusCode::NOT_MODIFIED {
                return Ok(answer);
            }
            let refused = |what| HttpError::Redirect {
                url: shown(&at),
                what,
            };
            let target = answer
                .headers
                .get(LOCATION)
                .and_then(|value| value.to_str().ok())
                .and_then(|value| at.join(value).ok())
                .ok_or_else(|| refused("without a usable `Location`"))?;
            if target.origin() != url.origin() {
                return Err(refused("to another origin, which is not followed"));
            }
            at = target;
        }
        Err(HttpError::Redirect {
            url: shown(url),
            what: "more than 3 times",
        })
    }

    /// A `POST` to be filled with its body and credentials and handed to [`Self::send`].
    pub fn post(&self, url: &Url) -> RequestBuilder {
        self.client.post(url.clone())
    }

    /// Sends a request that may carry credentials: a redirect is refused, never followed.
    ///
    /// # Errors
    /// Any [`HttpError`] but `Setup`. An error status is an [`Answer`], not an error.
    pub async fn send(&self, url: &Url, request: RequestBuilder) -> Result<Answer, HttpError> {
        let answer = self.exchange(url, request).await?;
        if answer.status.is_redirection() {
            return Err(HttpError::Redirect {
                url: shown(url),
                what: "a request that carries credentials; name the final URL",
            });
        }
        Ok(answer)
    }

    async fn exchange(&self, url: &Url, request: RequestBuilder) -> Result<Answer, HttpError> {
        if !self.addresses.permits(url) {
            return Err(HttpError::ForbiddenAddress(shown(url)));
        }
        let failed = |error: &reqwest::Error| unreachable_peer(url, what_failed(error));
        let mut response = request.send().await.map_err(|error| failed(&error))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(HttpError::TooLarge(shown(url)));
            }
            body.extend_from_slice(&chunk);
        }
        let headers = std::mem::take(response.headers_mut());
        Ok(Answer {
            status: response.status(),
            headers,
            body,
        })
    }
}

fn unreachable_peer(url: &Url, what: &'static str) -> HttpError {
    HttpError::Unreachable {
        url: shown(url),
        what,
    }
}

/// Names a failure without quoting anything that the peer sent.
fn what_failed(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "did not answer in time"
    } else if error.is_connect() {
        "cannot be connected to (address, TLS certificate or network)"
    } else if error.is_body() || error.is_decode() {
        "broke off in the middle of its answer"
    } else {
        "did not answer as an HTTP server"
    }
}

/// A URL as it may be shown: without user, password, query and fragment.
pub fn shown(url: &Url) -> String {
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!(
        "{}://{}{port}{}",
        url.scheme(),
        url.host_str().unwrap_or_default(),
        url.path()
    )
}
