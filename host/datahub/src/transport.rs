//! One HTTP exchange with DataHub: statuses, the size cap, and which failures look like an outage.

use std::time::Duration;

use bytes::Bytes;
use foundation::shares::Taken;
use http::{HeaderMap, StatusCode};
use outbound::{AddressRule, BodyError, Profile};

use super::{error::DataHubError, settings::Settings};

/// The retry time given to callers if DataHub names none.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The shared pool: keep-alive, no redirects, no cookies, through the proxy that is for DataHub. Each
/// call has a deadline of its own.
pub(super) fn pool(settings: &Settings) -> Result<reqwest::Client, outbound::Error> {
    let profile = Profile {
        user_agent: concat!("datahub-mcp/", env!("CARGO_PKG_VERSION")),
        connect: settings.connect_timeout,
        total: None,
        idle: Duration::from_secs(50),
        idle_connections: 256,
        max_body: settings.max_response_bytes,
        https_only: false,
    };
    // No other URL than the operator's own is asked.
    let client = outbound::Client::new(&settings.network, &profile, AddressRule::any())?;
    Ok(client.requests().clone())
}

/// A failed exchange: the error, and whether sending the same once more can help.
pub(super) struct Failure {
    pub(super) error: DataHubError,
    pub(super) retriable: bool,
    /// True if no request can get through, whatever it asks.
    pub(super) meets_all: bool,
}

impl Failure {
    pub(super) fn lasting(error: DataHubError) -> Self {
        Self {
            error,
            retriable: false,
            meets_all: false,
        }
    }

    fn unavailable(why: &'static str, retriable: bool) -> Self {
        let error = DataHubError::Unavailable {
            why,
            retry_after: DEFAULT_RETRY_AFTER,
        };
        Self {
            error,
            retriable,
            meets_all: false,
        }
    }
}

/// The body of an answer, and its part of the room for those of all; that is held as long as this is.
#[derive(Debug)]
pub(super) struct Body {
    bytes: Bytes,
    _room: Taken<Option<u64>>,
}

impl std::ops::Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Sends `request` and reads the body of an answer with HTTP 200, 400 or 404, for which it takes from
/// `room`.
pub(super) async fn exchange(
    request: reqwest::RequestBuilder,
    max_bytes: usize,
    room: Taken<Option<u64>>,
) -> Result<(StatusCode, Body), Failure> {
    let response = request.send().await.map_err(|error| on_send(&error))?;
    let status = response.status();
    match status {
        StatusCode::OK | StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => {
            Ok((status, read(response, max_bytes, room).await?))
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
                why: server_error(status),
                retry_after: retry_after(response.headers()),
            };
            // A plain 500 comes from the request more often than from an outage.
            Err(Failure {
                error,
                retriable: status != StatusCode::INTERNAL_SERVER_ERROR,
                meets_all: false,
            })
        }
        _ => Err(Failure::lasting(DataHubError::Malformed {
            what: "an unexpected HTTP status",
        })),
    }
}

fn server_error(status: StatusCode) -> &'static str {
    match status.as_u16() {
        500 => "it answers with HTTP 500",
        502 => "it answers with HTTP 502",
        503 => "it answers with HTTP 503",
        504 => "it answers with HTTP 504",
        _ => "it answers with a server error",
    }
}

fn on_send(error: &reqwest::Error) -> Failure {
    let failure = if error.is_timeout() {
        // Waiting another time-out for the same silence helps nobody.
        Failure::unavailable("it does not take connections", false)
    } else if error.is_connect() {
        match outbound::tls_trouble(error) {
            // The same certificate is refused again.
            Some(why) => Failure::unavailable(why, false),
            None => Failure::unavailable("it cannot be connected to", true),
        }
    } else {
        Failure::unavailable("it closed the connection", true)
    };
    Failure {
        meets_all: error.is_timeout() || error.is_connect(),
        ..failure
    }
}

/// The reason why a body was not read to its end.
enum Unread {
    Body(BodyError),
    NoRoom,
}

impl From<BodyError> for Unread {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

/// Reads the body, never more than `max_bytes`, nor more than there is `room` for.
async fn read(
    response: reqwest::Response,
    max_bytes: usize,
    mut room: Taken<Option<u64>>,
) -> Result<Body, Failure> {
    let read = outbound::read_into(response, max_bytes, |more| {
        room.grow(more).map_err(|_| Unread::NoRoom)
    });
    match read.await {
        Ok(bytes) => Ok(Body { bytes, _room: room }),
        Err(Unread::NoRoom) => Err(Failure::lasting(DataHubError::NoRoom)),
        Err(Unread::Body(BodyError::TooLarge)) => Err(Failure::lasting(DataHubError::TooLarge {
            limit: max_bytes,
        })),
        Err(Unread::Body(BodyError::Broken(_))) => {
            Err(Failure::unavailable("its answer ended too early", true))
        }
    }
}

fn retry_after(headers: &HeaderMap) -> Duration {
    outbound::retry_after(headers).unwrap_or(DEFAULT_RETRY_AFTER)
}
