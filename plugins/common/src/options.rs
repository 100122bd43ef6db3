//! The options for verifying a provider's JWTs, and the forms in which an operator may write
//! them.
//!
//! Options come from JSON, from environment variables and from `NAME=VALUE` pairs, so numbers,
//! switches and lists are read from strings as well.

use std::{collections::BTreeMap, time::Duration};

use outbound::{Lifetime, check_scheme};
use plugin_api::sdk::Token;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;
use url::Url;

use crate::{
    algorithm::Algorithm,
    claims::{AudienceRule, Rules},
    http::Network,
    issuer::{self, Issuer},
    provider::ProviderSettings,
};

const MAX_LEEWAY: u64 = 600;
/// The claims that are passed on to log and policies by default.
const KEPT_CLAIMS: [&str; 10] = [
    "iss",
    "client_id",
    "azp",
    "tid",
    "oid",
    "jti",
    "email",
    "preferred_username",
    "upn",
    "name",
];

/// A list of words: a JSON list, or one string with commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List(pub Vec<String>);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = match Value::deserialize(deserializer)? {
            Value::String(words) => words
                .split(',')
                .map(|word| Value::String(word.trim().to_owned()))
                .collect(),
            Value::Array(words) => words,
            _ => {
                return Err(D::Error::custom(
                    "must be a list, or words separated by commas",
                ));
            }
        };
        let words = words.into_iter().map(|word| match word {
            Value::String(word) => Ok(word),
            _ => Err(D::Error::custom("must be a list of strings")),
        });
        let words: Result<Vec<String>, _> = words.collect();
        Ok(Self(
            words?.into_iter().filter(|word| !word.is_empty()).collect(),
        ))
    }
}

impl JsonSchema for List {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "List".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["array", "string"], "items": { "type": "string" } })
    }
}

/// A number of whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub u64);

impl Seconds {
    /// The same as a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = match Value::deserialize(deserializer)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        // None of these options needs more than a year.
        seconds
            .filter(|seconds| *seconds <= 31_622_400)
            .map(Self)
            .ok_or_else(|| D::Error::custom("must be a number of whole seconds, at most a year"))
    }
}

impl JsonSchema for Seconds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Seconds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0, "maximum": 31_622_400 })
    }
}

/// A switch: `true` or `false`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Switch(pub bool);

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(on) => Ok(Self(on)),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(Self(true)),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(Self(false)),
            _ => Err(D::Error::custom("must be `true` or `false`")),
        }
    }
}

impl JsonSchema for Switch {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Switch".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "boolean" })
    }
}

/// A secret: never shown, and wiped from memory.
#[derive(Debug, Clone)]
pub struct Secret(pub Token);

impl Secret {
    /// The secret itself. Never log it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Token::new(text)))
    }
}

impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-secret": true })
    }
}

/// The options for verifying an identity provider's access tokens.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OidcOptions {
    /// The issuer: the provider's URL exactly as its discovery document names it. Required.
    #[schemars(extend("x-env" = "OIDC_ISSUER_URL"))]
    pub issuer_url: Option<String>,
    /// The base URL of the provider's discovery document, if it is not below the issuer: a URL that
    /// this server reaches, while tokens name the issuer as it is seen from outside.
    #[schemars(extend("x-env" = "OAUTH_ISSUER_URL"))]
    pub discovery_url: Option<String>,
    /// The audiences; every token must be for one of them. Required with an issuer.
    #[schemars(extend("x-env" = "OIDC_AUDIENCE"))]
    pub audience: List,
    /// The accepted signature algorithms, asymmetric ones only. If unset, RS256 and those of the
    /// provider's own keys (each key is bound to its own algorithm, so a token cannot choose).
    #[schemars(extend("x-env" = "OIDC_ALGORITHMS"))]
    pub algorithms: Option<List>,
    /// Seconds by which the provider's clock may differ from ours. Default 10, at most 600.
    #[schemars(extend("x-env" = "OIDC_LEEWAY"))]
    pub leeway: Option<Seconds>,
    /// The URL of the provider's keys. If unset, the one that its discovery document names.
    pub jwks_uri: Option<Url>,
    /// The claim that holds the audience, for providers that issue access tokens without `aud`:
    /// `client_id` with Cognito, `azp` with some Keycloak clients. Default `aud`.
    #[schemars(extend("x-env" = "OIDC_AUDIENCE_CLAIM"))]
    pub audience_claim: Option<String>,
    /// The claims that hold the scopes, as words in a string or as a list; the union of all counts.
    /// `/realm_access/roles` reaches into an object. Default `scope,scp`.
    pub scope_claim: Option<List>,
    /// The claim that names the person. Default `sub`.
    pub subject_claim: Option<String>,
    /// Further claims to pass on to log and policies. Default: iss, client_id, azp, tid, oid,
    /// jti, email, preferred_username, upn, name.
    pub claims: Option<List>,
    /// Accept only tokens whose `typ` is `at+jwt` (RFC 9068).
    pub strict_typ: Switch,
    /// Values of `typ` to accept in addition to `at+jwt`, `JWT` and none.
    pub token_types: List,
    /// Accept ID tokens too. They are meant for the client that signed the person in, so this is
    /// only for providers that have no access tokens in JWT form. On if `OAUTH_UPSTREAM_TOKEN` is
    /// `id_token`.
    #[schemars(extend("x-env" = "OAUTH_ACCEPT_ID_TOKENS"))]
    pub allow_id_tokens: Switch,
    /// Accept tokens that are bound to a key (`cnf`: DPoP, mutual TLS) without proof of possession.
    pub allow_bound_tokens: Switch,
    /// Refuse tokens that were issued more than this many seconds ago, whatever their `exp` says.
    pub max_token_age: Option<Seconds>,
    /// Scopes that every token must have.
    pub required_scopes: List,
    /// Claims that every token must have, each as `claim=value`, such as `hd=example.com` with Google:
    /// several values of one claim are alternatives. A claim that is a list must contain the value.
    pub required_claims: List,
    /// With a shared Entra endpoint (`.../common/v2.0`, `.../organizations/v2.0`): the GUIDs of
    /// the accepted tenants, or `*` for every tenant in the world.
    pub tenants: List,
    /// Seconds between two fetches of keys for tokens that no key fits. Default 10.
    pub unknown_key_cooldown: Option<Seconds>,
    /// Minimum number of seconds for which keys are cached, whatever their `Cache-Control`. Default
    /// 60.
    pub keys_min_ttl: Option<Seconds>,
    /// Maximum number of seconds for which keys are cached, so that a withdrawn key expires.
    /// Default 3600.
    pub keys_max_ttl: Option<Seconds>,
    /// Seconds for which expired keys stay in use if the provider cannot be reached. Default 3600.
    pub keys_max_stale: Option<Seconds>,
    /// Allow plain HTTP to the provider. Loopback addresses are always allowed.
    #[schemars(extend("x-env" = "OUTBOUND_ALLOW_HTTP"))]
    pub allow_http: Switch,
    /// The network options.
    #[serde(flatten)]
    pub network: Network,
}

impl OidcOptions {
    /// Passes these claims on in addition to those that the options name.
    pub fn keep_claims(&mut self, more: impl IntoIterator<Item = String>) {
        let mut kept = words(&self.claims, &KEPT_CLAIMS);
        for name in more {
            if !kept.contains(&name) {
                kept.push(name);
            }
        }
        self.claims = Some(List(kept));
    }

    /// Checks the options against each other.
    pub(crate) fn resolve(&self) -> Result<(Rules, ProviderSettings), String> {
        let issuer = self.issuer()?;
        if self.audience.0.is_empty() {
            return Err(
                "`issuer_url` without `audience` would accept tokens that were issued for \
                        other services: set OIDC_AUDIENCE to the audience of this server"
                    .to_owned(),
            );
        }
        if let Some(url) = &self.jwks_uri {
            check_scheme(url, self.allow_http.0).map_err(|what| format!("`jwks_uri`: {what}"))?;
        }
        let leeway = self.leeway.unwrap_or(Seconds(10));
        if leeway.0 > MAX_LEEWAY {
            return Err(format!(
                "`leeway` (OIDC_LEEWAY) is more than {MAX_LEEWAY} seconds"
            ));
        }
        let lifetime = self.lifetime()?;
        let rules = Rules {
            audience: AudienceRule {
                claim: claim(&self.audience_claim, "audience_claim", "aud")?,
                accepted: self.audience.0.clone(),
            },
            algorithms: self.algorithms()?,
            leeway: leeway.duration(),
            max_token_age: self.max_token_age.map(Seconds::duration),
            strict_typ: self.strict_typ.0,
            token_types: self.token_types(),
            allow_id_tokens: self.allow_id_tokens.0,
            allow_bound_tokens: self.allow_bound_tokens.0,
            subject_claim: claim(&self.subject_claim, "subject_claim", "sub")?,
            scope_claims: words(&self.scope_claim, &["scope", "scp"]),
            required_scopes: self.required_scopes.0.clone(),
            required_claims: self.required_claims()?,
            kept_claims: words(&self.claims, &KEPT_CLAIMS),
        };
        let cooldown = self.unknown_key_cooldown.unwrap_or(Seconds(10)).duration();
        let provider = ProviderSettings {
            issuer,
            jwks_uri: self.jwks_uri.clone(),
            cooldown: cooldown.max(Duration::from_secs(1)),
            lifetime,
            max_stale: self.keys_max_stale.unwrap_or(Seconds(3600)).duration(),
        };
        Ok((rules, provider))
    }

    /// The issuer, checked.
    pub(crate) fn issuer(&self) -> Result<Issuer, String> {
        let text = self
            .issuer_url
            .as_deref()
            .filter(|text| !text.is_empty())
            .ok_or("no identity provider is configured: set OIDC_ISSUER_URL (and OIDC_AUDIENCE)")?;
        let source = issuer::source(text, self.discovery_url.as_deref(), self.allow_http.0)?;
        Issuer::new(source, &self.tenants.0)
    }

    fn lifetime(&self) -> Result<Lifetime, String> {
        let floor = self.keys_min_ttl.unwrap_or(Seconds(60)).duration();
        let ceiling = self.keys_max_ttl.unwrap_or(Seconds(3600)).duration();
        if floor > ceiling {
            return Err("`keys_min_ttl` is more than `keys_max_ttl`".to_owned());
        }
        // A key set that expires at once would be fetched in an endless loop.
        let floor = floor.max(Duration::from_secs(1));
        let default = Duration::from_secs(900).clamp(floor, ceiling.max(floor));
        Ok(Lifetime {
            floor,
            ceiling: ceiling.max(floor),
            default,
            unreadable: default,
        })
    }

    fn algorithms(&self) -> Result<Option<Vec<Algorithm>>, String> {
        let Some(List(names)) = &self.algorithms else {
            return Ok(None);
        };
        let parsed: Result<Vec<Algorithm>, String> = names
            .iter()
            .map(|name| {
                name.parse().map_err(|_| {
                    let known: Vec<_> = Algorithm::ALL.iter().map(|known| known.name()).collect();
                    format!(
                        "`algorithms` (OIDC_ALGORITHMS): `{}` is not one of {}",
                        name.escape_debug(),
                        known.join(", ")
                    )
                })
            })
            .collect();
        Ok(Some(parsed?).filter(|list| !list.is_empty()))
    }

    /// The accepted values of each claim that is required.
    fn required_claims(&self) -> Result<BTreeMap<String, Vec<String>>, String> {
        let mut required: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in &self.required_claims.0 {
            let pair = pair.split_once('=').map(|(n, v)| (n.trim(), v.trim()));
            let (name, value) = pair
                .filter(|(name, value)| !name.is_empty() && !value.is_empty())
                .ok_or(
                    "`required_claims` must be a list of `claim=value`, such as `hd=example.com`",
                )?;
            let values = required.entry(name.to_owned()).or_default();
            values.push(value.to_owned());
        }
        Ok(required)
    }

    fn token_types(&self) -> Vec<String> {
        let bare = |typ: &String| {
            let typ = typ.to_ascii_lowercase();
            typ.strip_prefix("application/")
                .map_or(typ.clone(), str::to_owned)
        };
        self.token_types.0.iter().map(bare).collect()
    }
}

fn claim(name: &Option<String>, option: &str, default: &str) -> Result<String, String> {
    match name.as_deref() {
        None => Ok(default.to_owned()),
        Some("") => Err(format!("`{option}` is empty: name a claim or leave it out")),
        Some(name) => Ok(name.to_owned()),
    }
}

fn words(list: &Option<List>, default: &[&str]) -> Vec<String> {
    match list {
        Some(List(words)) => words.clone(),
        None => default.iter().map(|&word| word.to_owned()).collect(),
    }
}
