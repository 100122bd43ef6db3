//! Tokens of the company's notary: `notary1.CONTENT.SIGNATURE`, where the signature is HMAC-SHA-256
//! of the content (base64url of `{"sub": "...", "exp": ...}`) with a shared secret.

#![forbid(unsafe_code)]

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, Mac as _};
use plugin_api::sdk::{Failure, Identity, Request, Token, TokenValidator};
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::Sha256;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The secret that the notary signs with: at least 32 bytes.
    #[schemars(extend("x-env" = "NOTARY_SECRET"))]
    secret: Token,
}

#[derive(Deserialize)]
struct Content {
    sub: String,
    exp: u64,
}

struct Notary(Hmac<Sha256>);

impl TokenValidator for Notary {
    type Config = Options;

    fn create(options: Options) -> Result<Self, Failure> {
        let secret = options.secret.expose().as_bytes();
        if secret.len() < 32 {
            return Err(Failure::misconfigured(
                "`secret` must have at least 32 bytes",
            ));
        }
        let mac = Hmac::new_from_slice(secret).map_err(|_| Failure::internal("no MAC"))?;
        Ok(Self(mac))
    }

    // Nobody has to be asked: every answer comes at once.
    fn try_validate(&self, request: &Request) -> Option<Result<Identity, Failure>> {
        Some(self.check(request.token.expose()))
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        self.check(request.token.expose())
    }
}

impl Notary {
    fn check(&self, token: &str) -> Result<Identity, Failure> {
        let Some(signed) = token.strip_prefix("notary1.") else {
            return Err(Failure::not_mine("not a notary's token"));
        };
        let malformed = || Failure::rejected("malformed");
        let (content, signature) = signed.split_once('.').ok_or_else(malformed)?;
        let signature = BASE64.decode(signature).map_err(|_| malformed())?;
        let mac = self.0.clone().chain_update(content);
        mac.verify_slice(&signature)
            .map_err(|_| Failure::rejected("wrong signature"))?;

        let json = BASE64.decode(content).map_err(|_| malformed())?;
        let content: Content = serde_json::from_slice(&json).map_err(|_| malformed())?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(u64::MAX, |d| d.as_secs());
        if content.exp <= now {
            return Err(Failure::rejected("expired"));
        }
        Ok(Identity::new(content.sub)
            .expires_at(content.exp)
            .resolved_token(token))
    }
}

plugin_api::export_token_validators! { "notary" => Notary }

#[cfg(test)]
mod tests {
    use plugin_api::sdk::testing::Harness;
    use serde_json::json;

    use super::*;

    const SECRET: &str = "correct horse battery staple and more";

    fn notary() -> Harness {
        Harness::new::<Notary>(json!({ "secret": SECRET })).unwrap()
    }

    fn sign(content: &str) -> String {
        let content = BASE64.encode(content);
        let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        let signature = mac.chain_update(&content).finalize().into_bytes();
        format!("notary1.{content}.{}", BASE64.encode(signature))
    }

    #[test]
    fn a_signed_token_is_served_and_never_logged() {
        let token = sign(r#"{"sub": "ada", "exp": 4102444800}"#);
        let notary = notary();
        let served = notary.ask(&token).expect_served();
        assert_eq!(
            (served.subject.as_str(), served.expires_at),
            ("ada", Some(4_102_444_800))
        );
        notary.expect_never_logged(&token);
        notary.expect_never_logged(SECRET);
    }

    #[test]
    fn what_is_not_signed_or_not_valid_any_more_is_rejected() {
        let good = sign(r#"{"sub": "ada", "exp": 4102444800}"#);
        let forged = good.replace("notary1.", "notary1.e");
        for token in [
            &forged,
            &sign(r#"{"sub": "ada", "exp": 1}"#),
            &sign("{}"),
            "notary1.x",
        ] {
            notary().ask(token).expect_rejected();
        }
        notary()
            .ask("eyJhbGciOiJSUzI1NiJ9.e30.c2ln")
            .expect_not_mine();
    }

    #[test]
    fn a_short_secret_stops_the_start() {
        let refused = Harness::new::<Notary>(json!({ "secret": "short" }))
            .err()
            .unwrap();
        assert!(refused.is_misconfigured());
    }
}
