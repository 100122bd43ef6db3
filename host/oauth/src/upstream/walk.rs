//! One sign-in at the provider by hand, for the command `doctor`: the requests of the server, and the facts
//! about the answers that an operator needs. Nothing is stored.
//!
//! The facts hold no token and no claim but those of [`TokenFacts`]. Tokens are passed on as
//! secrets, to be asked about and dropped.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use foundation::clock::Clock;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{ProviderError, Upstream, UpstreamError, UpstreamTokens, answer::read_error};
use crate::{
    Settings, SettingsError, UpstreamToken,
    params::Params,
    types::{CodeVerifier, Nonce, State, same_secret},
};

/// Longest query of an answer in the browser, in bytes.
const MAX_QUERY_BYTES: usize = 16 * 1_024;
/// Longest text of a claim that is passed on, in characters, and the most values of a list.
const MAX_CLAIM_CHARS: usize = 200;
const MAX_VALUES: usize = 20;

/// A sign-in that has begun.
#[derive(Debug)]
pub struct Walk {
    upstream: Upstream,
    state: State,
    nonce: Nonce,
    verifier: CodeVerifier,
    scope: String,
    resource: String,
    wanted: UpstreamToken,
    audience_claim: String,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Upstream(..)")
    }
}

/// The reason why a step failed, in words that hold no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct WalkError {
    /// The error code of the provider, if it named one.
    pub code: Option<String>,
    text: String,
}

impl From<UpstreamError> for WalkError {
    fn from(error: UpstreamError) -> Self {
        match &error {
            UpstreamError::Refused(refused) => Self {
                code: Some(refused.code.clone()),
                text: match &refused.description {
                    Some(description) => format!("{error}: {description}"),
                    None => error.to_string(),
                },
            },
            _ => Self {
                code: None,
                text: error.to_string(),
            },
        }
    }
}

/// The tokens of one answer, and the facts about them.
#[derive(Debug)]
pub struct WalkedTokens {
    /// The access token, if one came.
    pub access: Option<TokenFacts>,
    /// The ID token, if one came.
    pub id: Option<TokenFacts>,
    /// The token that this server would put behind its own.
    pub used: Option<SecretString>,
    /// The other one of the two, if it came.
    pub other: Option<SecretString>,
    /// The refresh token, if one came.
    pub refresh: Option<SecretString>,
    /// `expires_in` of the answer, as text.
    pub expires_in: Option<String>,
    /// The granted scopes, if the answer names them.
    pub scope: Option<String>,
}

/// The facts about one token. Its signature is not checked: it came from the provider itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenFacts {
    /// Its length in bytes.
    pub bytes: usize,
    /// True if its claims can be read; otherwise it is opaque, or encrypted.
    pub jwt: bool,
    /// `iss`.
    pub issuer: Option<String>,
    /// `aud`.
    pub audience: Vec<String>,
    /// `scope` or `scp`.
    pub scopes: Option<String>,
    /// `azp`.
    pub party: Option<String>,
    /// `client_id`.
    pub client: Option<String>,
    /// The claim that the validators take for the audience, which is another than `aud` with some
    /// providers.
    pub judged: Vec<String>,
    /// `exp` less `iat`, in seconds.
    pub lifetime: Option<u64>,
}

/// The answer that the browser brings back.
#[derive(Debug)]
pub enum Came {
    /// Of another sign-in, or of nobody: go on waiting.
    Stranger,
    /// The provider's code.
    Code(SecretString),
    /// The provider refused, or the answer cannot be used.
    Failed(WalkError),
}

impl Walk {
    /// A new sign-in whose answer comes to `callback`; `resource` is that of this server, and
    /// `audience_claim` the claim (or `/path/to/it`) that the validators take for the audience.
    ///
    /// # Errors
    /// If a setting cannot work.
    pub fn new(
        settings: &Settings,
        callback: String,
        resource: String,
        audience_claim: &str,
    ) -> Result<Self, SettingsError> {
        let (upstream, network) = (&settings.upstream, &settings.network);
        Ok(Self {
            upstream: Upstream::new(upstream, network, callback, Clock::system())?,
            state: State::random(),
            nonce: Nonce::random(),
            verifier: CodeVerifier::random(),
            scope: settings.default_scopes.join(" "),
            resource,
            wanted: settings.upstream.token,
            audience_claim: audience_claim.to_owned(),
        })
    }

    /// The URL at which the person signs in.
    ///
    /// # Errors
    /// If the provider's endpoints cannot be discovered.
    pub async fn authorize_url(&self) -> Result<String, WalkError> {
        let challenge = self.verifier.challenge();
        let (state, nonce) = (&self.state, &self.nonce);
        let url =
            self.upstream
                .authorize_url(state, nonce, &challenge, &self.scope, &self.resource);
        Ok(url.await?)
    }

    /// Reads the query that came to the callback, and checks state and issuer.
    pub async fn came(&self, query: &str) -> Came {
        let params = (query.len() <= MAX_QUERY_BYTES)
            .then(|| Params::parse(query.as_bytes()))
            .flatten()
            .filter(|params| !params.any_repeated());
        let Some(params) = params else {
            return Came::Stranger;
        };
        let get = |name| params.get(name).ok().flatten();
        let ours = |state: &str| same_secret(state, self.state.expose());
        if !get("state").is_some_and(ours) {
            return Came::Stranger;
        }
        let failed = |code: Option<String>, text: String| Came::Failed(WalkError { code, text });
        let iss = get("iss");
        if (iss.is_some() || get("error").is_none()) && !self.upstream.is_issuer(iss).await {
            let text = match iss {
                Some(iss) => format!("the answer is of the issuer {}", outbound::quoted(iss)),
                None => {
                    "the answer names no issuer, although the provider's document says that it does"
                        .to_owned()
                }
            };
            return failed(None, text);
        }
        if let Some(error) = get("error") {
            let secrets = self.upstream.secrets(&[]);
            let error = ProviderError::new(error, get("error_description"), &secrets);
            return Came::Failed(UpstreamError::Refused(error).into());
        }
        match get("code") {
            Some(code) => Came::Code(SecretString::from(code)),
            None => failed(None, "neither a code nor an error came".to_owned()),
        }
    }

    /// Redeems the code.
    ///
    /// # Errors
    /// If the provider refuses, or the ID token is of another sign-in.
    pub async fn redeem(&self, code: &SecretString) -> Result<WalkedTokens, WalkError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("redirect_uri", &self.upstream.callback),
            ("code_verifier", self.verifier.expose()),
        ];
        let body = self.ask(&form).await?;
        let now = self.upstream.clock.unix_millis();
        // The server takes the ID token or the access token: both bring the same nonce.
        let read = UpstreamTokens::read(&body, self.wanted, now, &self.upstream.secrets(&form));
        if let Ok(tokens) = read
            && let Err(error) = tokens.check_nonce(self.wanted, &self.nonce)
        {
            return Err(WalkError {
                code: None,
                text: error.to_string(),
            });
        }
        self.tokens(&body)
    }

    /// Refreshes, with the scopes of the sign-in or without any.
    ///
    /// # Errors
    /// If the provider refuses.
    pub async fn refresh(
        &self,
        token: &SecretString,
        with_scope: bool,
    ) -> Result<WalkedTokens, WalkError> {
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", token.expose_secret()),
        ];
        if with_scope {
            form.push(("scope", &self.scope));
        }
        let body = self.ask(&form).await?;
        self.tokens(&body)
    }

    /// A token request as the sign-in makes it.
    async fn ask(&self, form: &[(&str, &str)]) -> Result<Vec<u8>, UpstreamError> {
        let upstream = &self.upstream;
        let url = upstream.endpoints().await?.token.clone();
        let mut form = form.to_vec();
        if upstream.settings.forward_resource {
            form.push(("resource", &self.resource));
        }
        let more = upstream.settings.token_params.iter();
        form.extend(more.map(|(name, value)| (&**name, &**value)));
        let answer = upstream.send(&url, &form).await?;
        match answer.status.is_success() {
            true => Ok(answer.body.to_vec()),
            false => Err(read_error(&answer, &upstream.secrets(&form))),
        }
    }

    fn tokens(&self, body: &[u8]) -> Result<WalkedTokens, WalkError> {
        let unusable = |text: &str| WalkError {
            code: None,
            text: text.to_owned(),
        };
        let Ok(Value::Object(answer)) = serde_json::from_slice(body) else {
            return Err(unusable("the token answer is not a JSON object"));
        };
        let token = |name: &str| {
            let text = answer.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty())
        };
        let (access, id) = (token("access_token"), token("id_token"));
        if access.is_none()
            && id.is_none()
            && let Some(error) = token("error")
        {
            let secrets = self.upstream.secrets(&[]);
            let error = ProviderError::new(error, token("error_description"), &secrets);
            return Err(UpstreamError::Refused(error).into());
        }
        let (used, other) = match self.wanted {
            UpstreamToken::AccessToken => (access, id),
            UpstreamToken::IdToken => (id, access),
        };
        Ok(WalkedTokens {
            access: access.map(|token| TokenFacts::of(token, &self.audience_claim)),
            id: id.map(|token| TokenFacts::of(token, &self.audience_claim)),
            used: used.map(SecretString::from),
            other: other.map(SecretString::from),
            refresh: token("refresh_token").map(SecretString::from),
            expires_in: answer.get("expires_in").and_then(scalar),
            scope: answer.get("scope").and_then(scalar),
        })
    }
}

impl TokenFacts {
    fn of(token: &str, audience_claim: &str) -> Self {
        let bytes = token.len();
        let Some(claims) = claims(token) else {
            return Self {
                bytes,
                ..Self::default()
            };
        };
        let texts = |name: &str| claims.get(name).map(list).unwrap_or_default();
        let scopes = [texts("scope"), texts("scp")].concat().join(" ");
        let seconds = |name: &str| claims.get(name).and_then(Value::as_f64);
        let lifetime = match (seconds("exp"), seconds("iat")) {
            (Some(exp), Some(iat)) if exp > iat => Some((exp - iat) as u64),
            _ => None,
        };
        let judged = claims.get(audience_claim);
        let judged = judged.or_else(|| claims.pointer(audience_claim));
        Self {
            bytes,
            jwt: true,
            judged: judged.map(list).unwrap_or_default(),
            client: claims.get("client_id").and_then(scalar),
            issuer: claims.get("iss").and_then(scalar),
            audience: texts("aud"),
            scopes: (!scopes.is_empty()).then_some(scopes),
            party: claims.get("azp").and_then(scalar),
            lifetime,
        }
    }
}

/// The claims of a signed JWT.
fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    claims.is_object().then_some(claims)
}

/// A text or a number, of bounded length.
fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(text.chars().take(MAX_CLAIM_CHARS).collect())
}

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => {
            let texts = values.iter().filter_map(scalar);
            texts.take(MAX_VALUES).collect()
        }
        other => scalar(other).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn jwt(claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(&json!({"alg": "RS256"})), part(claims))
    }

    #[test]
    fn the_facts_are_those_few_claims() {
        let token = jwt(&json!({
            "iss": "https://idp.example", "aud": ["a", "b"], "scp": ["x", "y"], "azp": "client",
            "iat": 1_000, "exp": 4_600.5, "sub": "jo", "email": "jo@example.com",
        }));
        let facts = TokenFacts::of(&token, "aud");
        let expected = TokenFacts {
            bytes: token.len(),
            jwt: true,
            issuer: Some("https://idp.example".to_owned()),
            audience: vec!["a".to_owned(), "b".to_owned()],
            scopes: Some("x y".to_owned()),
            party: Some("client".to_owned()),
            client: None,
            judged: vec!["a".to_owned(), "b".to_owned()],
            lifetime: Some(3_600),
        };
        assert_eq!(facts, expected);
        assert!(!format!("{facts:?}").contains("jo"));
    }

    #[test]
    fn the_audience_is_read_where_the_validators_read_it() {
        let token = jwt(&json!({"client_id": "us", "azp": "a", "act": {"for": ["x", "y"]}}));
        for (claim, judged) in [
            ("aud", &[][..]),
            ("client_id", &["us"]),
            ("azp", &["a"]),
            ("/act/for", &["x", "y"]),
        ] {
            assert_eq!(TokenFacts::of(&token, claim).judged, judged, "{claim}");
        }
        let facts = TokenFacts::of(&token, "aud");
        assert_eq!(facts.client.as_deref(), Some("us"));
    }

    #[test]
    fn what_cannot_be_read_is_opaque() {
        for token in [
            "",
            "opaque",
            "a.b",
            "a.b.c",
            "a.b.c.d.e",
            "..",
            &jwt(&json!([1])),
        ] {
            let facts = TokenFacts::of(token, "aud");
            assert!(!facts.jwt && facts.bytes == token.len(), "{token}");
        }
        let huge = jwt(&json!({"aud": vec!["x".repeat(10_000); 1_000]}));
        let facts = TokenFacts::of(&huge, "aud");
        assert_eq!(facts.audience.len(), MAX_VALUES);
        assert_eq!(facts.audience[0].len(), MAX_CLAIM_CHARS);
    }
}
