//! Validates the JWT access tokens of any OpenID Connect provider.
//!
//! With issuer and audience alone it verifies the tokens of real providers; every known deviation
//! has an option. All checks are those of `validator_common`; this crate only returns the person
//! and passes the token on. It must never accept a token that the verifier did not.
//!
//! # Options
//! | option | variable | default | meaning |
//! | --- | --- | --- | --- |
//! | `issuer_url` | `OIDC_ISSUER_URL` | required | the issuer, byte for byte as the provider names it |
//! | `audience` | `OIDC_AUDIENCE` | required | accepted audiences, comma-separated |
//! | `algorithms` | `OIDC_ALGORITHMS` | RS256 + see below | the accepted asymmetric algorithms |
//! | `leeway` | `OIDC_LEEWAY` | 10 | seconds by which clocks may differ |
//! | `jwks_uri` | | from discovery | the URL of the keys |
//! | `audience_claim` | `OIDC_AUDIENCE_CLAIM` | `aud` | the claim with the audience: `client_id` for Cognito, `azp` for some Keycloak clients |
//! | `scope_claim` | | `scope,scp` | the claims with the scopes; also `roles`, `permissions`, `/realm_access/roles` |
//! | `subject_claim` | | `sub` | the claim that names the person |
//! | `claims` | | see schema | claims passed on for the log and policies |
//! | `strict_typ`, `token_types` | | off, none | `at+jwt` only; further values of `typ` |
//! | `allow_id_tokens`, `allow_bound_tokens` | | off | accept ID tokens, and tokens that are bound to a key |
//! | `max_token_age` | | none | the most seconds since `iat` |
//! | `required_scopes` | | none | scopes without which a token is refused |
//! | `required_claims` | | none | `claim=value`, comma-separated: claims without which a token is refused, such as `hd=example.com` with Google |
//! | `tenants` | | none | tenants of a shared Entra endpoint, or `*` |
//! | `unknown_key_cooldown` | | 10 | seconds between fetches of the keys for tokens with an unknown key |
//! | `keys_min_ttl`, `keys_max_ttl`, `keys_max_stale` | | 60, 3600, 3600 | limits of the seconds for which keys are cached; seconds for which they stay in use if the provider cannot be asked |
//! | `discovery_url` | `OAUTH_ISSUER_URL` | the issuer | where the document is looked for |
//! | `allow_http` | `OUTBOUND_ALLOW_HTTP` | off | plain HTTP to the provider off loopback |
//! | `ca_file` | `OUTBOUND_CA_FILE`, `SSL_CERT_FILE` | none | authorities beside the system's |
//! | `ca_dir` | `SSL_CERT_DIR` | none | directories of such files |
//! | `proxy` | `OUTBOUND_PROXY` | none | the proxy for every URL |
//! | `https_proxy`, `http_proxy` | `HTTPS_PROXY`, `HTTP_PROXY` | none | that for one scheme |
//! | `no_proxy` | `OUTBOUND_NO_PROXY`, `NO_PROXY` | none | hosts to ask without one |
//! | `forward_token` | | on | send the same token to DataHub |
//!
//! # The algorithms that are accepted if `OIDC_ALGORITHMS` is unset
//! RS256 is the default of OpenID Connect, and a key that does not name its algorithm is used for
//! RS256 only (or for those that its provider announces). A key that does name one, by `alg` or by
//! its curve, can be used for nothing else; accepting the tokens that it signs gives a forger no
//! choice of algorithm, and providers that sign with PS256, ES256 or EdDSA work without further
//! settings. If a policy demands certain algorithms, a list restricts both kinds of keys:
//! `OIDC_ALGORITHMS=RS256` means RS256.

use plugin_api::sdk::{Failure, Identity, Request, TokenValidator};
use schemars::JsonSchema;
use serde::Deserialize;
use validator_common::{Clock, OidcOptions, Switch, Verified, Verifier};

/// The options of the validator `oidc`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
// The schema refuses unknown options: serde cannot, because of `flatten`.
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// The verification of the tokens.
    #[serde(flatten)]
    pub oidc: OidcOptions,
    /// Send the token itself to DataHub, which must trust the same provider. Default true; if it is
    /// off, there is no token for DataHub, and every request is answered 503.
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
