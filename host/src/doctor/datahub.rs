//! DataHub: can it be reached, is it one, and does it ask who is calling?

use std::time::Duration;

use ::datahub::{DataHub, DataHubError, Document, Fragments, NamedOperation, ServerInfo, Settings};
use http::StatusCode;
use outbound::{AddressRule, Error, shown};
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use super::{
    peers::{Clocks, Peer},
    reach,
    report::Check,
};

const REACH: &str = "datahub";
const AUTHENTICATION: &str = "datahub-authentication";
const AUTHENTICATION_FIX: &str = "set `METADATA_SERVICE_AUTH_ENABLED=true` for DataHub's metadata service and its \
                                  frontend, and restart both; until then everybody who reaches it acts as its \
                                  system user";
const SHARED: &str = "shared-token";
/// The time limit of the call with a made-up token.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);
const ME: NamedOperation<'static> =
    NamedOperation::find(include_str!("me.graphql")).expect("a named operation");
const URL_FIX: &str = "set `DATAHUB_GMS_URL` to the metadata service (`http://datahub-gms:8080`) or to the frontend \
                       with its path (`https://datahub.example.com/api/gms`)";

pub(super) async fn check(
    settings: Settings,
    shared_token: Option<SecretString>,
    clocks: Clocks,
) -> Vec<Check> {
    let peer = match Peer::new(REACH, &settings.network, AddressRule::any(), &clocks) {
        Ok(peer) => peer,
        Err(error) => return vec![Check::fail(REACH, error.to_string(), URL_FIX)],
    };
    match reached(&settings, &peer).await {
        Ok(check) => {
            let mut checks = vec![check, authentication(settings.clone()).await];
            if let Some(token) = shared_token {
                checks.push(shared(settings, token).await);
            }
            checks
        }
        Err(check) => vec![check],
    }
}

/// Asks for `/config`, which every DataHub answers without a token.
async fn reached(settings: &Settings, peer: &Peer) -> Result<Check, Check> {
    let url = below(&settings.gms_url, "config");
    let answer = match peer.get_with(&url, &settings.headers).await {
        Ok(answer) => answer,
        Err(Error::Unreachable { what, .. }) => {
            let obstacle = reach::obstacle(&url, &settings.network, "DATAHUB_GMS_URL", what).await;
            return Err(Check::fail(REACH, obstacle.seen, obstacle.fix));
        }
        Err(error) => return Err(Check::fail(REACH, error.to_string(), URL_FIX)),
    };
    let stranger = |what: &str| {
        let seen = format!("{} {what}: it is not DataHub", shown(&url));
        Err(Check::fail(REACH, seen, URL_FIX))
    };
    match answer.status {
        StatusCode::OK if !ServerInfo::is_datahub(&answer.body) => {
            stranger("answers 200 with something else than DataHub's configuration")
        }
        StatusCode::OK => {
            let info = ServerInfo::read(&answer.body);
            let version = info.as_ref().and_then(|info| info.version);
            let version = version.map_or("of unknown version".to_owned(), |v| v.to_string());
            let kind = match info.is_some_and(|info| info.cloud) {
                true => "DataHub Cloud",
                false => "DataHub",
            };
            let seen = format!("{kind} {version} at {}", shown(&settings.gms_url));
            Ok(Check::ok(REACH, seen))
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Check::fail(
            REACH,
            format!(
                "{} answers {}, and DataHub asks for no token there: a gateway is in front of it",
                shown(&url),
                answer.status.as_u16()
            ),
            "set `DATAHUB_GMS_EXTRA_HEADERS` to the headers that the gateway wants, or let \
             `DATAHUB_GMS_URL` go around it",
        )),
        status if status.is_server_error() => Err(Check::fail(
            REACH,
            format!("{} answers {}", shown(&url), status.as_u16()),
            "see the log of DataHub, or of the proxy in front of it; check `DATAHUB_GMS_URL`",
        )),
        status if status.is_redirection() => stranger("redirects, as a sign-in page does"),
        status => stranger(&format!("answers {}", status.as_u16())),
    }
}

/// The urn of the person that `token` belongs to, if DataHub names one.
///
/// # Errors
/// See [`DataHubError`].
pub(super) async fn me(
    mut settings: Settings,
    token: SecretString,
) -> Result<Option<String>, DataHubError> {
    settings.call_timeout = settings.call_timeout.min(CALL_TIMEOUT);
    let datahub = DataHub::new(settings).map_err(|_| DataHubError::Malformed {
        what: "nothing: the HTTP client for it cannot be set up",
    })?;
    let me = Document::with(&Fragments::default(), ME);
    let answer = datahub.client(token).execute(&me, Value::Null).await?;
    Ok(answer.data.get("me").and_then(|me| {
        let urn = me.get("corpUser")?.get("urn")?.as_str()?;
        Some(urn.to_owned())
    }))
}

/// Returns whether `urn` is that of the actors as which a DataHub without authentication answers.
pub(super) fn is_nobody(urn: &str) -> bool {
    let name = urn.strip_prefix("urn:li:corpuser:").unwrap_or(urn);
    matches!(name, "__datahub_system" | "UNKNOWN")
}

/// Asks who a made-up token belongs to.
async fn authentication(settings: Settings) -> Check {
    let made_up = format!("doctor-{:032x}", rand::random::<u128>());
    match me(settings, SecretString::from(made_up)).await {
        Err(DataHubError::TokenRefused) => {
            Check::ok(AUTHENTICATION, "a made-up token is refused with 401")
        }
        Err(DataHubError::Forbidden { message }) if message.starts_with("HTTP 403") => Check::warn(
            AUTHENTICATION,
            "a made-up token is refused with 403, not with 401 as DataHub does: people with an expired \
             token are not asked to sign in again",
            "let the gateway in front of DataHub pass 401 on, or go around it with `DATAHUB_GMS_URL`",
        ),
        // An answer of GraphQL: the made-up token has passed as somebody's.
        Err(
            error @ (DataHubError::Forbidden { .. }
            | DataHubError::BadRequest { .. }
            | DataHubError::Internal { .. }
            | DataHubError::NotFound { .. }),
        ) => Check::fail(
            AUTHENTICATION,
            format!(
                "a made-up token is not refused with 401, so authentication is probably off at DataHub \
                 (METADATA_SERVICE_AUTH_ENABLED): {error}"
            ),
            AUTHENTICATION_FIX,
        ),
        Err(error) => Check::fail(
            AUTHENTICATION,
            format!("it cannot be told: {error}"),
            URL_FIX,
        ),
        Ok(urn) => {
            let who = urn.map_or("nobody in particular".to_owned(), |urn| {
                outbound::quoted(&urn)
            });
            Check::fail(
                AUTHENTICATION,
                format!(
                    "authentication is off at DataHub (METADATA_SERVICE_AUTH_ENABLED): it answers a made-up \
                     token as {who}"
                ),
                AUTHENTICATION_FIX,
            )
        }
    }
}

/// Asks whose the token of requests without one is.
async fn shared(settings: Settings, token: SecretString) -> Check {
    match me(settings, token).await {
        Ok(_) => Check::ok(SHARED, "DataHub accepts `DATAHUB_GMS_TOKEN`"),
        Err(DataHubError::TokenRefused) => Check::fail(
            SHARED,
            "DataHub refuses `DATAHUB_GMS_TOKEN`: requests without a token are answered 503",
            "make another token in DataHub and set `DATAHUB_GMS_TOKEN` to it, or unset it",
        ),
        Err(error) => Check::fail(SHARED, format!("it cannot be told: {error}"), URL_FIX),
    }
}

/// `base` with one more segment.
fn below(base: &Url, segment: &str) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push(segment);
    }
    url
}
