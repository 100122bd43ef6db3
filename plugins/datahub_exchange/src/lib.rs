//! Exchanges an identity provider's token for a short-lived DataHub token of the same person.
//!
//! The token is verified exactly as by `oidc`; one of its claims is the person's DataHub user name;
//! a service account mints a token for that person, valid for one hour, once per person and hour.
//! The person then acts at DataHub as themselves, with their own permissions. No token is minted
//! for DataHub's built-in users, a user that DataHub does not have or has suspended is refused, and
//! the minted tokens are revoked when the host stops. If DataHub refuses a minted token, because it
//! was revoked there, the person's next request gets another one.
//!
//! # Options
//! All options of `oidc` except `forward_token`, which configure how the caller's token is
//! verified, and:
//!
//! | option | variable | default | meaning |
//! | --- | --- | --- | --- |
//! | `gms_url` | `DATAHUB_GMS_URL` | required | the DataHub that mints the tokens |
//! | `service_token` | `DATAHUB_SERVICE_TOKEN` | required | the token of an account with "Manage All Access Tokens" |
//! | `user_claim` | | `email` | the claim with the person's DataHub user name |
//! | `user_regex` | | `(.+)` | must match the whole claim; its first group is the user name |
//! | `user_lowercase` | | off | convert the user name to lower case |
//! | `allow_unverified_email` | | off | accept `email` even if `email_verified` is false |
//! | `denied_users` | | `datahub`, `admin`, `__datahub_system`, `UNKNOWN` | users that no token is minted for |
//! | `require_user` | | on | the user must exist in DataHub |
//! | `max_people` | | 10000 | the number of people for whom tokens are held at once |
//!
//! The defaults are those of DataHub's own sign-in (`AUTH_OIDC_USER_NAME_CLAIM`,
//! `AUTH_OIDC_USER_NAME_CLAIM_REGEX`): if you changed them there, change them here too. The service
//! token grants access as every user; use it for nothing else.

mod config;
mod mapping;
mod mint;
mod minted_tokens;

use std::sync::Arc;

use plugin_api::sdk::{Failure, Identity, Request, TokenValidator};
use validator_common::{Clock, Verified, Verifier};

pub use self::config::Config;
use self::{
    mapping::{Mapping, UserUrn},
    mint::Mint,
    minted_tokens::{Minted, MintedTokens},
};

/// The validator.
#[derive(Debug)]
pub struct DatahubExchange {
    verifier: Verifier,
    mapping: Mapping,
    people: Arc<MintedTokens>,
}

impl DatahubExchange {
    fn new(config: &Config, clock: Clock) -> Result<Self, Failure> {
        let mapping = config.mapping()?;
        let mint = Mint::new(config, clock.clone())?;
        let mut oidc = config.oidc.clone();
        // The mapping reads its claims from those that the verifier passes on.
        let kept = mapping.claims().into_iter().map(str::to_owned);
        oidc.keep_claims(kept);
        let people = MintedTokens::new(mint, config.max_people()?, clock.clone());
        Ok(Self {
            verifier: Verifier::new(&oidc, clock)?,
            mapping,
            people: Arc::new(people),
        })
    }

    async fn decide(&self, token: &str) -> Result<Identity, Failure> {
        let verified = self.verifier.verify(token).await?;
        let user = self.mapping.user(&verified.claims)?;
        let minted = MintedTokens::token_of(&self.people, &user).await?;
        Ok(self.identity(verified, &user, &minted))
    }

    fn identity(&self, verified: Verified, user: &UserUrn, minted: &Minted) -> Identity {
        let mut claims = verified.claims;
        claims.insert("datahub_user".to_owned(), user.as_str().into());
        Identity::new(verified.subject)
            .scopes(verified.scopes)
            .expires_at(verified.expires_at.min(minted.expires_at()))
            .cache_ttl(self.people.remember_for(minted))
            .claims(claims)
            .resolved_token(minted.token().expose())
    }
}

impl TokenValidator for DatahubExchange {
    type Config = Config;

    fn create(config: Config) -> Result<Self, Failure> {
        Self::new(&config, Clock::system())
    }

    fn try_validate(&self, request: &Request) -> Option<Result<Identity, Failure>> {
        let verified = match self.verifier.try_verify(request.token.expose())? {
            Ok(verified) => verified,
            Err(failure) => return Some(Err(failure)),
        };
        let user = match self.mapping.user(&verified.claims) {
            Ok(user) => user,
            Err(failure) => return Some(Err(failure)),
        };
        let minted = self.people.held(&user)?;
        Some(Ok(self.identity(verified, &user, &minted)))
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        self.decide(request.token.expose()).await
    }

    async fn health(&self) -> Result<(), Failure> {
        self.verifier.health().await?;
        self.people.mint().health().await
    }

    async fn shutdown(&self) {
        self.people.revoke_all().await;
    }
}

plugin_api::export_token_validators! { "datahub_exchange" => DatahubExchange }

#[cfg(test)]
mod tests;
