//! Validates the JWT access tokens of any OpenID Connect provider.
//!
//! With issuer and audience alone it verifies what real providers issue; every known quirk has an
//! option. All checks are those of `validator_common`; this crate only says whom the token is
//! for and hands it on. It must never accept what the verifier did not.
//!
//! # Options
//! | option | variable | default | meaning |
//! | --- | --- | --- | --- |
//! | `issuer_url` | `OIDC_ISSUER_URL` | required | the issuer, byte for byte as the provider names it |
//! | `audience` | `OIDC_AUDIENCE` | required | accepted audiences, comma-separated |
//! | `algorithms` | `OIDC_ALGORITHMS` | RS256 + see below | asymmetric algorithms accepted |
//! | `leeway` | `OIDC_LEEWAY` | 10 | seconds by which clocks may differ |
//! | `jwks_uri` | | from discovery | where the keys are |
//! | `audience_claim` | | `aud` | `client_id` for Cognito, `azp` for some Keycloak clients |
//! | `scope_claim` | | `scope,scp` | also `roles`, `permissions`, `/realm_access/roles` |
//! | `subject_claim` | | `sub` | the claim that names the person |
//! | `claims` | | see schema | claims handed on for log and policies |
//! | `strict_typ`, `token_types` | | off, none | `at+jwt` only; further values of `typ` |
//! | `allow_id_tokens`, `allow_bound_tokens` | | off | accept what is no bearer access token |
//! | `max_token_age` | | none | seconds since `iat` |
//! | `required_scopes` | | none | scopes without which a token is refused |
//! | `tenants` | | none | tenants of a shared Entra endpoint, or `*` |
//! | `unknown_key_cooldown` | | 10 | seconds between fetches for tokens that no key fits |
//! | `keys_min_ttl`, `keys_max_ttl`, `keys_max_stale` | | 60, 3600, 3600 | seconds |
//! | `discovery_url` | `OAUTH_ISSUER_URL` | the issuer | where the document is looked for |
//! | `allow_http` | `OUTBOUND_ALLOW_HTTP` | off | plain HTTP to the provider off loopback |
//! | `ca_file` | `OUTBOUND_CA_FILE`, `SSL_CERT_FILE` | none | authorities beside the system's |
//! | `ca_dir` | `SSL_CERT_DIR` | none | directories of such files |
//! | `proxy` | `OUTBOUND_PROXY` | none | the proxy for every URL |
//! | `https_proxy`, `http_proxy` | `HTTPS_PROXY`, `HTTP_PROXY` | none | that for one scheme |
//! | `no_proxy` | `OUTBOUND_NO_PROXY`, `NO_PROXY` | none | hosts to ask without one |
//! | `forward_token` | | on | DataHub is asked with the same token |
//!
//! # Why `OIDC_ALGORITHMS` unset is more than RS256
//! RS256 is the default of OpenID Connect, and a key that does not say its algorithm is used for
//! RS256 alone (or what its provider announces). A key that does say it, by `alg` or by its curve,
//! can be used for nothing else; accepting the tokens that it signs gives a forger no choice, and
//! providers that sign with PS256, ES256 or EdDSA work without further setting. Where a policy
//! demands certain algorithms, a list restricts both: `OIDC_ALGORITHMS=RS256` means RS256.

use plugin_api::sdk::{Failure, Identity, Request, TokenValidator};
use schemars::JsonSchema;
use serde::Deserialize;
use validator_common::{Clock, OidcOptions, Switch, Verified, Verifier};

/// The options of the validator `oidc`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
// Unknown options are refused by the schema: serde cannot see them through `flatten`.
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// How the tokens are verified.
    #[serde(flatten)]
    pub oidc: OidcOptions,
    /// Ask DataHub with the token itself, for a DataHub that trusts the same provider. Default
    /// true; without it nothing says with which token to ask, and every request is answered 503.
    pub forward_token: Option<Switch>,
}

/// The validator.
#[derive(Debug)]
pub struct Oidc {
    verifier: Verifier,
    forward_token: bool,
}

impl Oidc {
    fn identity(&self, verified: Verified, request: &Request) -> Identity {
        let identity = Identity::new(verified.subject)
            .scopes(verified.scopes)
            .expires_at(verified.expires_at)
            .claims(verified.claims);
        if self.forward_token {
            identity.resolved_token(request.token.expose())
        } else {
            identity
        }
    }
}

impl TokenValidator for Oidc {
    type Config = Config;

    fn create(config: Config) -> Result<Self, Failure> {
        let verifier = Verifier::new(&config.oidc, Clock::system())?;
        Ok(Self {
            verifier,
            forward_token: config.forward_token.is_none_or(|on| on.0),
        })
    }

    fn try_validate(&self, request: &Request) -> Option<Result<Identity, Failure>> {
        let decided = self.verifier.try_verify(request.token.expose())?;
        Some(decided.map(|verified| self.identity(verified, request)))
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        let verified = self.verifier.verify(request.token.expose()).await?;
        Ok(self.identity(verified, &request))
    }

    async fn health(&self) -> Result<(), Failure> {
        self.verifier.health().await
    }
}

plugin_api::export_token_validators! { "oidc" => Oidc }

#[cfg(test)]
mod tests;
