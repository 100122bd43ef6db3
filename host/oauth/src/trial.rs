//! The trial of a fresh token at the end of a sign-in: the validators and DataHub are asked before
//! the client is told that the person is signed in.
//!
//! Without it, a token that is always refused sends the person round in circles: signed in, 401,
//! "sign in again". A neighbour that cannot answer does not end a sign-in: each request is checked
//! anyway.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{error::ErrorCode, upstream::jwt_payload};

/// The longest time that a trial may hold up a sign-in.
const LIMIT: Duration = Duration::from_secs(10);
/// The longest `iss` or `aud` in a log line, in characters.
const MAX_SHOWN_CHARS: usize = 200;

/// Tries tokens: the server that the tokens are for.
pub trait Trial: Send + Sync + 'static {
    /// Serves a request with the identity provider's `token` as far as it can be known in advance.
    fn try_token<'a>(&'a self, token: &'a SecretString) -> BoxFuture<'a, Tried>;
}

/// The result of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// Requests with the token will be served.
    Served,
    /// A validator or DataHub cannot answer now.
    Undecided,
    /// The validators reject the token.
    Rejected {
        /// The reason, for the log.
        reason: Arc<str>,
    },
    /// DataHub refuses the token or the person.
    RefusedByDataHub {
        /// The reason, for the log.
        reason: String,
    },
}

/// Tries `token`; an error is for the client, and its reason with the remedy is in the log.
pub(super) async fn check(
    trial: &dyn Trial,
    token: &SecretString,
) -> Result<(), (ErrorCode, &'static str)> {
    let tried = tokio::time::timeout(LIMIT, trial.try_token(token)).await;
    match tried.unwrap_or(Tried::Undecided) {
        Tried::Served => Ok(()),
        Tried::Undecided => {
            tracing::info!(
                "the token of a sign-in could not be tried now: a validator or DataHub does not answer"
            );
            Ok(())
        }
        Tried::Rejected { reason } => {
            tracing::warn!(
                %reason,
                remedy = remedy(token.expose_secret()),
                "sign-in refused: the validators reject the token that the identity provider gave"
            );
            Err((
                ErrorCode::AccessDenied,
                "you signed in at the identity provider, but this server does not accept the token that it gave for you; signing in again does not help, tell the people who run this server (the reason is in its log)",
            ))
        }
        Tried::RefusedByDataHub { reason } => {
            tracing::warn!(
                %reason,
                remedy = "if it concerns everybody, let DataHub accept the tokens of this identity provider, or set \
                 `TOKEN_VALIDATOR_FACTORY` to a validator that gets tokens of DataHub (`datahub_exchange`, \
                 `token_exchange`); if it concerns one person, see that this person is a user of DataHub and is not \
                 suspended",
                "sign-in refused: DataHub does not accept the person or the token"
            );
            Err((
                ErrorCode::AccessDenied,
                "you signed in at the identity provider, but DataHub does not accept you; signing in again does not help, ask the people who run DataHub for access",
            ))
        }
    }
}

/// The settings to look at if the validators reject `token`.
fn remedy(token: &str) -> String {
    let Some(claims) = jwt_payload(token) else {
        return "the token is opaque: only the provider can say what it means. Set \
                `OAUTH_UPSTREAM_TOKEN=id_token`, or ask the provider for tokens of this API (its `audience` in \
                `OAUTH_AUTHORIZE_PARAMS`, or one of the API's scopes in `OAUTH_DEFAULT_SCOPE`), or check it with \
                `TOKEN_VALIDATOR_FACTORY=introspection`"
            .to_owned();
    };
    let shown = |name: &str| {
        let value = claims.get(name).unwrap_or(&Value::Null).to_string();
        value
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_SHOWN_CHARS)
            .collect::<String>()
    };
    format!(
        "the token has `iss` {} and `aud` {}: compare them with `OIDC_ISSUER_URL` and `OIDC_AUDIENCE`, and see the \
         options of the validator that `TOKEN_VALIDATOR_FACTORY` names",
        shown("iss"),
        shown("aud")
    )
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    #[test]
    fn a_remedy_names_settings_and_shows_no_other_claim() {
        let payload = br#"{"iss":"https://idp.example/","aud":["a","b"],"sub":"secret-person"}"#;
        let jwt = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload));
        let said = remedy(&jwt);
        assert!(
            said.contains(r#"`iss` "https://idp.example/""#) && said.contains(r#"["a","b"]"#),
            "{said}"
        );
        assert!(said.contains("OIDC_AUDIENCE") && !said.contains("secret-person"));
        for opaque in [
            "",
            "opaque-token",
            "a.b.c",
            "..",
            &format!("{jwt}.x").replace("e30", ""),
        ] {
            assert!(!remedy(opaque).contains("c2ln"), "{opaque}");
        }
        assert!(remedy("opaque").contains("OAUTH_UPSTREAM_TOKEN=id_token"));
    }

    #[test]
    fn claims_in_a_remedy_are_short_and_on_one_line() {
        let claims = serde_json::json!({ "iss": "x\n".repeat(5_000), "aud": 1 });
        let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
        let said = remedy(&format!("e30.{payload}.c2ln"));
        assert!(said.len() < 1_000 && !said.contains('\n'));
    }
}
