//! Gives answers that a host must not accept.

use std::time::Duration;

use plugin_api::sdk::{Failure, Identity, Request, TokenValidator};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    behaviour::{behave, triggers},
    good::now,
};

/// The answer to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum What {
    /// Accepted with an empty subject.
    EmptySubject,
    /// A subject of 1 MiB.
    LongSubject,
    /// A subject with a line feed, an escape and a NUL.
    ControlSubject,
    /// Accepted, but expired a minute ago.
    PastExpiry,
    /// Accepted, and expires in 584 billion years.
    EndlessExpiry,
    /// May be cached for as long as that.
    EndlessTtl,
    /// Ten megabytes of claims.
    HugeClaims,
    /// Claims nested 200 levels deep, more than JSON parsers accept.
    DeepClaims,
    /// A hundred thousand scopes.
    ManyScopes,
    /// A scope with a quotation mark and a line feed, which would end a header.
    ControlScopes,
    /// Accepted, without a token for DataHub.
    NoResolvedToken,
    /// Accepted, with an empty token for DataHub.
    EmptyResolvedToken,
    /// A token for DataHub that would end its header.
    ControlResolvedToken,
    /// A token for DataHub of 1 MiB.
    LongResolvedToken,
    /// A failure with ten megabytes for the log.
    HugeLogDetail,
    /// A failure whose text for the log forges further lines.
    ControlLogDetail,
    /// Unavailable for the next 584 million years.
    EndlessRetryAfter,
    /// A rejection with an OAuth error code that would end its header.
    ControlOauthError,
}

/// Gives one such answer.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct NonsenseOptions {
    /// The answer to give.
    what: What,
    /// Only for tokens that start with this.
    #[serde(default)]
    trigger: String,
    /// Answers from `try_validate`.
    #[serde(default)]
    fast: bool,
}

/// See [`NonsenseOptions`].
pub(crate) struct Nonsense(NonsenseOptions);

const MEGABYTE: usize = 1024 * 1024;

impl Nonsense {
    fn answer(&self, request: &Request) -> Result<Identity, Failure> {
        if !triggers(request, &self.0.trigger) {
            return behave(request);
        }
        let token = request.token.expose();
        let good = Identity::new("nonsense").resolved_token(token);
        match self.0.what {
            What::EmptySubject => Ok(Identity::new("").resolved_token(token)),
            What::LongSubject => Ok(Identity::new("x".repeat(MEGABYTE)).resolved_token(token)),
            What::ControlSubject => Ok(Identity::new("a\nb\u{1b}[31m\0").resolved_token(token)),
            What::PastExpiry => Ok(good.expires_at(now() - 60)),
            What::EndlessExpiry => Ok(good.expires_at(u64::MAX)),
            What::EndlessTtl => Ok(good.cache_ttl(Duration::MAX)),
            What::HugeClaims => {
                let mut claims = Map::new();
                claims.insert("x".into(), "x".repeat(10 * MEGABYTE).into());
                Ok(good.claims(claims))
            }
            What::DeepClaims => {
                let mut value = Value::Null;
                for _ in 0..200 {
                    value = Value::Array(vec![value]);
                }
                let mut claims = Map::new();
                claims.insert("x".into(), value);
                Ok(good.claims(claims))
            }
            What::ManyScopes => Ok(good.scopes((0..100_000).map(|number| format!("s{number}")))),
            What::ControlScopes => Ok(good.scopes(["a\"\r\nx: y"])),
            What::NoResolvedToken => Ok(Identity::new("nonsense")),
            What::EmptyResolvedToken => Ok(good.resolved_token("")),
            What::ControlResolvedToken => Ok(good.resolved_token("a\r\nx: y")),
            What::LongResolvedToken => Ok(good.resolved_token("x".repeat(MEGABYTE))),
            What::HugeLogDetail => Err(Failure::rejected("x".repeat(10 * MEGABYTE))),
            What::ControlLogDetail => Err(Failure::rejected("a\n2026-01-01 ERROR forged\u{1b}[2J")),
            What::EndlessRetryAfter => {
                Err(Failure::unavailable("for ever").retry_after(Duration::MAX))
            }
            What::ControlOauthError => Err(Failure::rejected("x").oauth_error("a\"\r\nx: y")),
        }
    }
}

impl TokenValidator for Nonsense {
    type Config = NonsenseOptions;

    fn create(options: NonsenseOptions) -> Result<Self, Failure> {
        Ok(Self(options))
    }

    fn try_validate(&self, request: &Request) -> Option<Result<Identity, Failure>> {
        self.0.fast.then(|| self.answer(request))
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        self.answer(&request)
    }
}
