//! Puts the token everywhere it must not be. The host cannot make a plugin keep a secret, but it
//! redacts anything that looks like a token before it writes a line.

use plugin_api::sdk::{Failure, Identity, NoOptions, Request, TokenValidator};
use serde_json::Map;

use crate::behaviour::behave;

/// Puts the token into a log message, a field, the name of a span and a claim, and fails with it.
pub(crate) struct Blabs;

impl TokenValidator for Blabs {
    type Config = NoOptions;

    fn create(_: NoOptions) -> Result<Self, Failure> {
        Ok(Self)
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        let token = request.token.expose();
        let _span = tracing::error_span!("blab", secret = token).entered();
        tracing::error!(token, "got {token}");
        let mut claims = Map::new();
        claims.insert("token".into(), token.into());
        match behave(&request) {
            Ok(identity) => Ok(identity.claims(claims)),
            Err(_) => Err(Failure::rejected(format!("will not have {token}")).oauth_error(token)),
        }
    }
}
