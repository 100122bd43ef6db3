//! Minting and revoking of tokens at DataHub, as the service account.
//!
//! A refusal here concerns the service account or the person's user, never the caller's token; the
//! errors distinguish the two.

use std::time::Duration;

use plugin_api::sdk::{Failure, Token};
use serde_json::{Value, json};
use validator_common::{Clock, DataHub, DataHubError, Secret, unverified_claims};

use crate::{config::Config, mapping::UserUrn};

const PERSON: &str = include_str!("graphql/person.graphql");
const ME: &str = include_str!("graphql/me.graphql");
const MINT: &str = include_str!("graphql/mint.graphql");
const REVOKE: &str = include_str!("graphql/revoke.graphql");
/// The lifetime of a minted token (`ONE_HOUR`), in seconds.
const LIFETIME: u64 = 3_600;

/// A newly minted token.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) token: Token,
    /// The id by which it is revoked. `None` if DataHub did not return one; every known version
    /// does.
    pub(crate) id: Option<String>,
    /// In seconds since the Unix epoch.
    pub(crate) expires_at: u64,
}

/// The service account at DataHub.
#[derive(Debug)]
pub(crate) struct Mint {
    datahub: DataHub,
    service_token: Secret,
    require_user: bool,
    clock: Clock,
}

impl Mint {
    pub(crate) fn new(config: &Config, clock: Clock) -> Result<Self, Failure> {
        let service_token = config
            .service_token
            .clone()
            .filter(|token| !token.expose().is_empty());
        let service_token = service_token.ok_or_else(|| {
            Failure::misconfigured(
                "`service_token` is not set: set DATAHUB_SERVICE_TOKEN to the token of a DataHub \
                 account with the privilege \"Manage All Access Tokens\"",
            )
        })?;
        if !service_token
            .expose()
            .bytes()
            .all(|byte| byte.is_ascii_graphic())
        {
            return Err(Failure::misconfigured(
                "`service_token` (DATAHUB_SERVICE_TOKEN) is not a token",
            ));
        }
        Ok(Self {
            datahub: DataHub::new(config.gms_url.as_deref(), &config.oidc.network)?,
            service_token,
            require_user: config.require_user.is_none_or(|on| on.0),
            clock,
        })
    }

    /// Mints a token for a person.
    ///
    /// # Errors
    /// [`Failure::rejected`] if DataHub does not have the person or has suspended them, else the
    /// failure of the call to DataHub.
    pub(crate) async fn mint(&self, user: &UserUrn) -> Result<Fresh, Failure> {
        if self.require_user {
            self.check_user(user).await?;
        }
        let input = json!({ "input": {
            "type": "PERSONAL",
            "actorUrn": user.as_str(),
            "duration": "ONE_HOUR",
            "name": "datahub-mcp",
            "description": "Minted by datahub-mcp for one hour of this person's requests",
        } });
        let data = self.ask(MINT, &input).await?;
        let minted = data.get("createAccessToken").unwrap_or(&Value::Null);
        let token = minted
            .get("accessToken")
            .and_then(Value::as_str)
            .filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or_else(|| Failure::unavailable("DataHub minted no token"))?;
        let id = minted
            .pointer("/metadata/id")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let now = u64::try_from(self.clock.unix()).unwrap_or_default();
        let said = minted
            .pointer("/metadata/expiresAt")
            .and_then(Value::as_u64)
            .map(|ms| ms / 1_000);
        let own = unverified_claims(token).and_then(|claims| claims.get("exp")?.as_u64());
        let expires_at = said.into_iter().chain(own).fold(now + LIFETIME, u64::min);
        tracing::info!(user = %user, "minted a DataHub token");
        Ok(Fresh {
            token: Token::new(token),
            id,
            expires_at,
        })
    }

    async fn check_user(&self, user: &UserUrn) -> Result<(), Failure> {
        let data = self.ask(PERSON, &json!({ "urn": user.as_str() })).await?;
        let found = data.get("corpUser").filter(|user| !user.is_null());
        let exists = found.and_then(|user| user.get("exists")) == Some(&Value::Bool(true));
        if !exists {
            return Err(Failure::rejected(format!(
                "DataHub has no user {user}: let the person sign in to DataHub once, or set \
                 `require_user` to false"
            )));
        }
        if found
            .and_then(|user| user.get("status"))
            .is_some_and(|status| status == "SUSPENDED")
        {
            return Err(Failure::rejected(format!("{user} is suspended at DataHub")));
        }
        Ok(())
    }

    /// Says whether DataHub still accepts a minted token, which may have been revoked there. Only
    /// an explicit refusal counts: `true` if DataHub does not answer.
    pub(crate) async fn is_taken(&self, token: &Token) -> bool {
        let asked = self.datahub.ask(ME, &json!({}), token.expose()).await;
        !matches!(asked, Err(DataHubError::TokenRefused))
    }

    /// Revokes a token by its id.
    ///
    /// # Errors
    /// The reason for which it was not revoked; it then stays valid until its hour is over.
    pub(crate) async fn revoke(&self, id: &str) -> Result<(), Failure> {
        self.ask(REVOKE, &json!({ "tokenId": id })).await.map(drop)
    }

    /// Says whether DataHub answers.
    ///
    /// # Errors
    /// [`Failure::unavailable`] or [`Failure::misconfigured`].
    pub(crate) async fn health(&self) -> Result<(), Failure> {
        self.datahub
            .health()
            .await
            .map_err(DataHubError::into_failure)
    }

    async fn ask(
        &self,
        document: &str,
        variables: &Value,
    ) -> Result<serde_json::Map<String, Value>, Failure> {
        let asked = self
            .datahub
            .ask(document, variables, self.service_token.expose())
            .await;
        asked.map_err(|error| match error {
            DataHubError::TokenRefused => Failure::misconfigured(
                "DataHub refuses `service_token` (DATAHUB_SERVICE_TOKEN): renew it",
            ),
            DataHubError::Forbidden(what) => Failure::misconfigured(format!(
                "the account of `service_token` lacks the privilege \"Manage All Access Tokens\" \
                 at DataHub: {what}"
            )),
            error => error.into_failure(),
        })
    }
}

/// The time before its expiry at which a token is renewed: a fifth of its lifetime.
pub(crate) fn renew_ahead(lifetime: Duration) -> Duration {
    lifetime / 5
}
