//! The one HTTP client, with every limit that an untrusted server makes necessary.
//!
//! A `GET` follows at most 3 redirects and only within its origin; a request with credentials
//! follows none. There is no cookie jar and no `Referer`. Error texts never contain a body, a
//! header or a query string.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{
    Method, Proxy, RequestBuilder, StatusCode,
    header::{ACCEPT, HeaderMap, LOCATION},
    redirect,
};
use thiserror::Error;
use url::Url;

use crate::{
    addresses::AddressRule,
    body::{self, BodyError},
    certificate::tls_trouble,
    freshness,
    network::Network,
    text::shown,
};

const MAX_REDIRECTS: usize = 3;

/// The limits for one user of this crate.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Sent as `User-Agent`.
    pub user_agent: &'static str,
    /// The time limit for a TCP and TLS handshake.
    pub connect: Duration,
    /// The time limit for an exchange, from connecting to the last byte of the answer, redirects
    /// included; `None` if the caller has a deadline of its own.
    pub total: Option<Duration>,
    /// The time for which an idle connection is kept for the next request.
    pub idle: Duration,
    /// The maximum number of idle connections per host.
    pub idle_connections: usize,
    /// The largest response body that is accepted, in bytes.
    pub max_body: usize,
    /// Refuses `http` URLs altogether.
    pub https_only: bool,
}

/// The reason why an exchange failed.
#[derive(Debug, Error)]
pub enum Error {
    /// The client cannot be built.
    #[error("{0}")]
    Setup(String),
    /// There was no answer, or not in time.
    #[error("{url}: {what}")]
    Unreachable {
        /// The requested URL, without its query.
        url: String,
        /// The failure, described without quoting the peer.
        what: &'static str,
    },
    /// The address may not be contacted.
    #[error("{0}: the address is of this machine or of a cloud's metadata service")]
    ForbiddenAddress(String),
    /// The answer is a redirect that is not followed.
    #[error("{url}: redirects {what}")]
    Redirect {
        /// The requested URL, without its query.
        url: String,
        /// Why the redirect is not followed.
        what: &'static str,
    },
    /// The answer is larger than the cap.
    #[error("{url}: the answer is larger than {}", bytes(*.cap))]
    TooLarge {
        /// The requested URL, without its query.
        url: String,
        /// The cap, in bytes.
        cap: usize,
    },
}

fn bytes(count: usize) -> String {
    match count {
        mebibytes if mebibytes % (1 << 20) == 0 => format!("{} MiB", mebibytes >> 20),
        kibibytes if kibibytes % (1 << 10) == 0 => format!("{} KiB", kibibytes >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

/// A response that was read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status; redirects are already followed or refused.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, within the cap.
    pub body: Bytes,
}

impl Answer {
    /// The peer's `Retry-After`, at most 5 minutes.
    pub fn retry_after(&self) -> Option<Duration> {
        freshness::retry_after(&self.headers)
    }

    /// Returns whether the peer reports that it cannot answer at the moment.
    pub fn is_overload(&self) -> bool {
        self.status.is_server_error() || self.status == StatusCode::TOO_MANY_REQUESTS
    }
}

/// An HTTP client. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    addresses: AddressRule,
    total: Option<Duration>,
    max_body: usize,
}

impl Client {
    /// Builds a client that obeys `network` and contacts only addresses that `addresses` permits.
    ///
    /// # Errors
    /// [`Error::Setup`] if TLS cannot be set up.
    pub fn new(
        network: &Network,
        profile: &Profile,
        addresses: AddressRule,
    ) -> Result<Self, Error> {
        let addresses = addresses.with_proxies(network.proxies.hosts());
        let http = build(network, profile, addresses.clone())
            .map_err(|error| Error::Setup(format!("no HTTP client: {}", error.without_url())))?;
        Ok(Self {
            http,
            addresses,
            total: profile.total,
            max_body: profile.max_body,
        })
    }

    /// The underlying client, for a caller that reads statuses and bodies in its own way: it
    /// follows no redirect, and the caller must check [`Self::permits`] itself.
    pub fn requests(&self) -> &reqwest::Client {
        &self.http
    }

    /// Returns whether `url` may be requested, judged by its text.
    pub fn permits(&self, url: &Url) -> bool {
        self.addresses.permits(url)
    }

    /// Fetches a public document, following redirects within its origin.
    ///
    /// # Errors
    /// Any [`Error`] except `Setup`. An error status is an [`Answer`], not an error.
    pub async fn get(&self, url: &Url, accept: &'static str) -> Result<Answer, Error> {
        // One deadline for all hops, so that redirects cannot extend it.
        let following = self.get_following(url, accept);
        match self.total {
            None => following.await,
            Some(total) => tokio::time::timeout(total, following)
                .await
                .unwrap_or_else(|_| Err(unreachable_peer(url, "did not answer in time"))),
        }
    }

    async fn get_following(&self, url: &Url, accept: &'static str) -> Result<Answer, Error> {
        let mut at = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let request = self
                .http
                .request(Method::GET, at.clone())
                .header(ACCEPT, accept);
            let answer = self.exchange(&at, request).await?;
            if !answer.status.is_redirection() || answer.status == StatusCode::NOT_MODIFIED {
                return Ok(answer);
            }
            let refused = |what| Error::Redirect {
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
        Err(Error::Redirect {
            url: shown(url),
            what: "more than 3 times",
        })
    }

    /// A `POST` request, to be completed with body and credentials and passed to [`Self::send`].
    pub fn post(&self, url: &Url) -> RequestBuilder {
        self.http.post(url.clone())
    }

    /// Sends a request that may carry credentials: a redirect is refused, never followed.
    ///
    /// # Errors
    /// Any [`Error`] except `Setup`. An error status is an [`Answer`], not an error.
    pub async fn send(&self, url: &Url, request: RequestBuilder) -> Result<Answer, Error> {
        let answer = self.exchange(url, request).await?;
        if answer.status.is_redirection() {
            return Err(Error::Redirect {
                url: shown(url),
                what: "a request that carries credentials; name the final URL",
            });
        }
        Ok(answer)
    }

    /// One exchange, whatever its status.
    ///
    /// # Errors
    /// Any [`Error`] except `Setup` and `Redirect`.
    pub async fn exchange(&self, url: &Url, request: RequestBuilder) -> Result<Answer, Error> {
        if !self.addresses.permits(url) {
            return Err(Error::ForbiddenAddress(shown(url)));
        }
        let failed = |error: &reqwest::Error| unreachable_peer(url, what_failed(error));
        let mut response = request.send().await.map_err(|error| failed(&error))?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let body = body::read(response, self.max_body)
            .await
            .map_err(|error| match error {
                BodyError::TooLarge => Error::TooLarge {
                    url: shown(url),
                    cap: self.max_body,
                },
                BodyError::Broken(error) => failed(&error),
            })?;
        Ok(Answer {
            status,
            headers,
            body,
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one way out: every connection of the product is made by this builder"
)]
fn build(
    network: &Network,
    profile: &Profile,
    addresses: AddressRule,
) -> reqwest::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .user_agent(profile.user_agent)
        .connect_timeout(profile.connect)
        .redirect(redirect::Policy::none())
        .referer(false)
        // The environment's variables are already part of `network`, if they count.
        .no_proxy()
        .dns_resolver(Arc::new(addresses))
        .tls_certs_only(network.authorities.trusted())
        .https_only(profile.https_only)
        .pool_idle_timeout(profile.idle)
        .pool_max_idle_per_host(profile.idle_connections)
        .tcp_nodelay(true);
    if let Some(total) = profile.total {
        builder = builder.timeout(total);
    }
    if !network.proxies.is_empty() {
        let proxies = network.proxies.clone();
        builder = builder.proxy(Proxy::custom(move |url| {
            proxies.of(url).map(|proxy| proxy.url().clone())
        }));
    }
    builder.build()
}

fn unreachable_peer(url: &Url, what: &'static str) -> Error {
    Error::Unreachable {
        url: shown(url),
        what,
    }
}

/// Describes a failure without quoting anything that the peer sent.
fn what_failed(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "did not answer in time"
    } else if error.is_connect() {
        tls_trouble(error)
            .unwrap_or("cannot be connected to (address, proxy, TLS certificate or network)")
    } else if error.is_body() || error.is_decode() {
        "broke off in the middle of its answer"
    } else {
        "did not answer as an HTTP server"
    }
}

#[cfg(test)]
mod tests;
