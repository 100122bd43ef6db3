//! One HTTP exchange with DataHub: statuses, the size cap, and which failures look like an outage.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};

use super::{error::DataHubError, settings::Settings};

/// What is told to callers when DataHub says nothing of its own.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);
/// A `Retry-After` beyond this is not believed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// The shared pool: rustls, keep-alive, no redirects, no cookies, no proxy from the environment.
pub(super) fn pool(settings: &Settings) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .connect_timeout(settings.connect_timeout)
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .pool_idle_timeout(Duration::from_secs(50))
        .pool_max_idle_per_host(256)
        .user_agent(concat!("datahub-mcp/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// A failed exchange: the error, and whether sending the same once more can help.
pub(super) struct Failure {
    pub(super) error: DataHubError,
    pub(super) retriable: bool,
}

impl Failure {
    fn lasting(error: DataHubError) -> Self {
        Self {
            error,
            retriable: false,
        }
    }

    fn unavailable(why: &'static str, retriable: bool) -> Self {
        let error = DataHubError::Unavailable {
            why,
            retry_after: DEFAULT_RETRY_AFTER,
        };
        Self { error, retriable }
    }
}

/// Sends `request` and reads the body of an answer with HTTP 200, 400 or 404.
pub(super) async fn exchange(
    request: reqwest::RequestBuilder,
    max_bytes: usize,
) -> Result<(StatusCode, Bytes), Failure> {
    let response = request.send().await.map_err(|error| on_send(&error))?;
    let status = response.status();
    match status {
        StatusCode::OK | StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => {
            Ok((status, read(response, max_bytes).await?))
        }
        StatusCode::UNAUTHORIZED => Err(Failure::lasting(DataHubError::TokenRefused)),
        StatusCode::FORBIDDEN => Err(Failure::lasting(DataHubError::Forbidden {
            message: "HTTP 403 without a reason".to_owned(),
        })),
        StatusCode::TOO_MANY_REQUESTS => Err(Failure::lasting(DataHubError::RateLimited {
            retry_after: retry_after(response.headers()),
        })),
        _ if status.is_redirection() => Err(Failure::lasting(DataHubError::Malformed {
            what: "a redirect (does DATAHUB_GMS_URL point at the metadata service?)",
        })),
        _ if status.is_server_error() => {
            let error = DataHubError::Unavailable {
                why: "it answers with a server error",
                retry_after: retry_after(response.headers()),
            };
            // A plain 500 comes from the request more often than from an outage.
            Err(Failure {
                error,
                retriable: status != StatusCode::INTERNAL_SERVER_ERROR,
            })
        }
        _ => Err(Failure::lasting(DataHubError::Malformed {
            what: "an unexpected HTTP status",
        })),
    }
}

fn on_send(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        // Waiting another time-out for the same silence helps nobody.
        Failure::unavailable("it does not take connections", false)
    } else if error.is_connect() {
        Failure::unavailable("it cannot be connected to", true)
    } else {
        Failure::unavailable("it closed the connection", true)
    }
}

/// Reads the body piece by piece, never more than `max_bytes`.
async fn read(mut response: reqwest::Response, max_bytes: usize) -> Result<Bytes, Failure> {
    let too_large = || Failure::lasting(DataHubError::TooLarge { limit: max_bytes });
    let announced = response.content_length().unwrap_or(0);
    if announced > max_bytes as u64 {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.is_empty() && chunk.len() as u64 == announced => {
                return Ok(chunk);
            }
            Ok(Some(chunk)) => {
                if body.len() + chunk.len() > max_bytes {
                    return Err(too_large());
                }
                body.extend_from_slice(&chunk);
            }
            Ok(None) => return Ok(body.freeze()),
            Err(_) => return Err(Failure::unavailable("its answer ended too early", true)),
        }
    }
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3); the date form is not used by DataHub.
fn retry_after(headers: &HeaderMap) -> Duration {
    headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok())
        .map_or(DEFAULT_RETRY_AFTER, |seconds| {
            Duration::from_secs(seconds).min(MAX_RETRY_AFTER)
        })
}
