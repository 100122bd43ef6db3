//! The provider's responses: tokens or an error, checked before they are used.

use std::{borrow::Cow, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use foundation::clock::UnixMillis;
use outbound::{Answer, DiscoveryError};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{
    provider_error::{ProviderError, Secrets},
    subjects::Subjects,
};
use crate::{
    UpstreamToken,
    error::PageError,
    types::{Nonce, same_secret},
};

/// The codes by which providers say that the person must sign in again: that of RFC 6749, that of
/// RFC 6750, and those of a person who may not any more.
const SIGN_IN_CODES: [&str; 5] = [
    "invalid_grant",
    "invalid_token",
    "access_denied",
    "inactive_user",
    "unmet_authentication_requirements",
];
/// What such codes have in them otherwise: GitHub's `bad_refresh_token`, Slack's `token_revoked`,
/// `session_expired`.
const SIGN_IN_PARTS: [&str; 3] = ["refresh_token", "expired", "revoked"];
/// How they end otherwise: `login_required` and others of OpenID Connect (section 3.1.2.6), Auth0's
/// `mfa_required`.
const SIGN_IN_END: &str = "_required";
/// What codes of these forms have in them that are about this server, and not about the person.
const ABOUT_US: [&str; 6] = [
    "assertion",
    "certificate",
    "client",
    "dpop",
    "https",
    "secret",
];
/// The codes by which providers say that they cannot answer now, also with HTTP 400 or 200.
const OVERLOAD_CODES: [&str; 4] = [
    "temporarily_unavailable",
    "server_error",
    "slow_down",
    "too_many_requests",
];
/// The provider did not fulfil a request.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// It refused, with this error code (RFC 6749 section 5.2).
    #[error("the identity provider refused: {0}")]
    Refused(ProviderError),
    /// It did not answer, with a 5xx or 429, or with an error of its own: the request may be retried.
    #[error("the identity provider does not answer: {0}")]
    Unavailable(&'static str),
    /// It answered without the token that is needed.
    #[error("the identity provider's answer is not usable: {0}")]
    NoToken(&'static str),
    /// Its response does not follow OAuth.
    #[error("the identity provider's answer is not usable: {0}")]
    Unusable(Cow<'static, str>),
}

impl UpstreamError {
    /// The error that the provider named, in a request with `secrets`.
    fn named(code: &str, description: Option<&str>, secrets: &Secrets) -> Self {
        if OVERLOAD_CODES.contains(&code) {
            return Self::Unavailable("it named an error of its own");
        }
        Self::Refused(ProviderError::new(code, description, secrets))
    }

    /// Returns whether a refresh that fails like this needs the person: whatever is tried with the
    /// same refresh token, the answer stays the same.
    pub(crate) fn needs_sign_in(&self) -> bool {
        match self {
            Self::Refused(error) => wants_the_person(&error.code),
            Self::NoToken(_) => true,
            Self::Unavailable(_) | Self::Unusable(_) => false,
        }
    }
}

/// True for a code by which a refresh is refused until the person signs in again.
fn wants_the_person(code: &str) -> bool {
    let code = code.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    let in_its_words = || has(&SIGN_IN_PARTS) || code.ends_with(SIGN_IN_END);
    SIGN_IN_CODES.contains(&&*code) || in_its_words() && !has(&ABOUT_US)
}

/// The result of a successful token request.
#[derive(Debug)]
pub(crate) struct UpstreamTokens {
    /// The token that DataHub and the validators will see.
    pub(crate) token: SecretString,
    pub(crate) refresh: Option<SecretString>,
    /// The time at which `token` expires, if the provider named one.
    pub(crate) expires: Option<UnixMillis>,
    /// Whom the tokens are about.
    pub(crate) subjects: Subjects,
    /// The `nonce` of the ID token, if both came.
    nonce: Option<String>,
    /// The granted scope, if it differs from the requested one.
    pub(crate) scope: Option<String>,
}

impl UpstreamTokens {
    /// Reads a successful response received at `now` to a request with `secrets`, and takes the
    /// token that `wanted` names.
    pub(super) fn read(
        body: &[u8],
        wanted: UpstreamToken,
        now: UnixMillis,
        secrets: &Secrets,
    ) -> Result<Self, UpstreamError> {
        let answer: Body = serde_json::from_slice(body)
            .map_err(|_| UpstreamError::Unusable("the token answer is not JSON".into()))?;
        let subject = |token: &Option<SecretString>| {
            jwt_payload(token.as_ref()?.expose_secret())?.remove("sub")
        };
        let subjects = Subjects::of(
            subject(&answer.access_token).as_ref(),
            subject(&answer.id_token).as_ref(),
        );
        let nonce = answer
            .id_token
            .as_ref()
            .and_then(|token| jwt_payload(token.expose_secret())?.remove("nonce"))
            .map(|nonce| nonce.as_str().unwrap_or_default().to_owned());
        let (token, missing) = match wanted {
            UpstreamToken::AccessToken => (
                answer.access_token,
                UpstreamError::Unusable("no access_token in the answer".into()),
            ),
            UpstreamToken::IdToken => (
                answer.id_token,
                UpstreamError::NoToken("no id_token in the answer; is `openid` among the scopes?"),
            ),
        };
        let token = token.filter(|token| !token.expose_secret().is_empty());
        let token = match (token, answer.error.code()) {
            (Some(token), _) => token,
            // GitHub and others send errors with HTTP 200.
            (None, Some(code)) => {
                let description = answer.error_description.as_deref();
                return Err(UpstreamError::named(code, description, secrets));
            }
            (None, None) => return Err(missing),
        };
        // `expires_in` is about the access token; a JWT has its own expiry.
        let lifetime = match wanted {
            // Some providers send 0 for a token of which they do not know it.
            UpstreamToken::AccessToken => answer
                .expires_in
                .as_ref()
                .and_then(seconds)
                .filter(|lifetime| !lifetime.is_zero()),
            UpstreamToken::IdToken => None,
        };
        let expires = [
            lifetime.map(|lifetime| now.after(lifetime)),
            jwt_end(token.expose_secret()),
        ];
        Ok(Self {
            token,
            refresh: answer
                .refresh_token
                .filter(|token| !token.expose_secret().is_empty()),
            expires: expires.into_iter().flatten().min(),
            subjects,
            nonce,
            scope: answer
                .scope
                .as_ref()
                .and_then(Value::as_str)
                .and_then(clean_scope),
        })
    }
}

impl UpstreamTokens {
    /// Checks that the ID token is of the sign-in that sent `nonce` (OpenID Connect Core section
    /// 3.1.3.7). If the ID token is what DataHub and the validators see, it must carry the nonce:
    /// nothing else shows that it was issued for this sign-in. Otherwise a provider that does not
    /// know nonces may leave it out: PKCE binds its code, and the ID token is not used.
    pub(super) fn check_nonce(
        &self,
        wanted: UpstreamToken,
        nonce: &Nonce,
    ) -> Result<(), UpstreamError> {
        match self.nonce.as_deref() {
            Some(came) if same_secret(came, nonce.expose()) => Ok(()),
            Some(_) => Err(UpstreamError::Unusable(
                "the ID token has the nonce of another sign-in".into(),
            )),
            None if wanted == UpstreamToken::IdToken => Err(UpstreamError::Unusable(
                "the ID token has no nonce, although the sign-in sent one".into(),
            )),
            None => Ok(()),
        }
    }
}

/// The members of an answer that are used. One of another type than the standard's counts as absent: a
/// sign-in must not end because of a member that it does not need.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    error: ErrorMember,
    #[serde(default, deserialize_with = "text")]
    error_description: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    access_token: Option<SecretString>,
    #[serde(default, deserialize_with = "secret")]
    id_token: Option<SecretString>,
    #[serde(default, deserialize_with = "secret")]
    refresh_token: Option<SecretString>,
    expires_in: Option<Value>,
    scope: Option<Value>,
}

/// The member `error`: a code, or, as some interfaces have it, an object with one.
#[derive(Default, Deserialize)]
#[serde(transparent)]
struct ErrorMember(Option<Value>);

impl ErrorMember {
    fn code(&self) -> Option<&str> {
        let code = match self.0.as_ref()? {
            Value::Object(members) => ["code", "type", "error"]
                .iter()
                .find_map(|name| members.get(*name)?.as_str())?,
            other => other.as_str()?,
        };
        Some(code).filter(|code| !code.is_empty())
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(match value {
        Value::String(text) => Some(text),
        _ => None,
    })
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(text(deserializer)?.map(SecretString::from))
}

/// The reason why the provider did not fulfil the request, in which `secrets` were sent.
pub(super) fn read_error(answer: &Answer, secrets: &Secrets) -> UpstreamError {
    if answer.is_overload() {
        return UpstreamError::Unavailable("it answered with a 5xx or 429");
    }
    if let Ok(body) = serde_json::from_slice::<Body>(&answer.body)
        && let Some(code) = body.error.code()
    {
        return UpstreamError::named(code, body.error_description.as_deref(), secrets);
    }
    // As in a query, of which some providers make their answers. JSON has no such name.
    let form: Vec<_> = url::form_urlencoded::parse(&answer.body).collect();
    let member = |wanted: &str| {
        let found = form.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| &**value)
    };
    match member("error").filter(|code| !code.is_empty()) {
        Some(code) => UpstreamError::named(code, member("error_description"), secrets),
        None => UpstreamError::Unusable("an error without an OAuth error code".into()),
    }
}

impl From<outbound::Error> for UpstreamError {
    fn from(error: outbound::Error) -> Self {
        match error {
            outbound::Error::Unreachable { what, .. } => Self::Unavailable(what),
            other => Self::Unusable(other.to_string().into()),
        }
    }
}

impl From<DiscoveryError> for UpstreamError {
    fn from(error: DiscoveryError) -> Self {
        match error {
            DiscoveryError::Http(error) => error.into(),
            DiscoveryError::Busy { .. } => Self::Unavailable("it answered with a 5xx or 429"),
            other => Self::Unusable(other.to_string().into()),
        }
    }
}

impl From<UpstreamError> for PageError {
    fn from(error: UpstreamError) -> Self {
        if let UpstreamError::Unavailable(_) = error {
            tracing::warn!(%error, "identity provider not usable");
            return Self::unavailable(
                "The identity provider does not answer. Wait a moment, then start again from your app.",
            );
        }
        tracing::warn!(
            %error,
            remedy = "compare `OIDC_ISSUER_URL`, or `OAUTH_AUTHORIZE_ENDPOINT` and `OAUTH_TOKEN_ENDPOINT`, with the \
             provider's settings; `datahub-mcp config check` shows what is in effect",
            "identity provider not usable: the settings do not fit it"
        );
        Self::misconfigured()
    }
}

/// Seconds as a number or, as some providers send them, a string.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value
        .as_f64()
        .or_else(|| value.as_str()?.trim().parse().ok())?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Scope tokens of RFC 6749 section 3.3, of bounded length. GitHub parts them with commas.
fn clean_scope(text: &str) -> Option<String> {
    let allowed = |c: char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
    if text.len() > 1_024 || !text.chars().all(allowed) {
        return None;
    }
    let separator = if text.contains(' ') { ' ' } else { ',' };
    let words = text.split(separator).filter(|word| !word.is_empty());
    let scope = words.collect::<Vec<_>>().join(" ");
    (!scope.is_empty()).then_some(scope)
}

/// The claims of a JWT, read without checking its signature: it came from the provider itself.
pub(crate) fn jwt_payload(token: &str) -> Option<Map<String, Value>> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// `exp` of a JWT: only used so that our envelope expires no later than its content.
fn jwt_end(token: &str) -> Option<UnixMillis> {
    let end = jwt_payload(token)?.remove("exp")?;
    Some(UnixMillis::from_seconds(seconds(&end)?.as_secs()))
}
