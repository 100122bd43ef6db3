//! A validator of opaque tokens: each person has one, and the options hold only its SHA-256.
//!
//! Replace the check in `MyValidator` with your own; keep its structure. The vendor's manual is the
//! README of `plugin-api`.

use std::collections::HashMap;

use plugin_api::sdk::{Failure, Identity, Needs, Request, TokenValidator};
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The options of this validator. An operator reads these doc comments in
/// `datahub-mcp plugins inspect`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The SHA-256 of each person's token in hexadecimal digits, by person.
    people: HashMap<String, String>,
}

struct MyValidator {
    people_by_digest: HashMap<[u8; 32], String>,
}

impl TokenValidator for MyValidator {
    type Config = Options;

    // A host with a sandbox allows nothing else.
    fn needs() -> Needs {
        Needs::without_network()
    }

    fn create(options: Options) -> Result<Self, Failure> {
        let mut people_by_digest = HashMap::new();
        for (person, digest) in options.people {
            let Some(digest) = parse_digest(&digest) else {
                return Err(Failure::misconfigured(format!(
                    "`people`: the digest of `{person}` is not 64 hexadecimal digits"
                )));
            };
            people_by_digest.insert(digest, person);
        }
        Ok(Self { people_by_digest })
    }

    // Answers without I/O, at once. A check that needs I/O belongs in `validate`.
    fn try_validate(&self, request: &Request) -> Option<Result<Identity, Failure>> {
        Some(self.check(request.token.expose()))
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        self.check(request.token.expose())
    }
}

impl MyValidator {
    fn check(&self, token: &str) -> Result<Identity, Failure> {
        // Tokens are compared by their digests, so that the time it takes reveals nothing about a
        // token.
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        match self.people_by_digest.get(&digest) {
            // DataHub must accept the token too; if it does not, exchange it here for one that
            // DataHub issued to the person.
            Some(person) => Ok(Identity::new(person).resolved_token(token)),
            None => Err(Failure::not_mine("no person has this token")),
        }
    }
}

fn parse_digest(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(digest)
}

plugin_api::export_token_validators! { "people" => MyValidator }

#[cfg(test)]
mod tests {
    use plugin_api::sdk::testing::Harness;
    use serde_json::json;

    use super::*;

    // `printf '%s' token-of-ada | sha256sum`
    const ADA: &str = "db399cbb0859754964173adbc8acda8fc539c5c6dcf8ecb1680a04ff94749fac";

    fn validator() -> Harness {
        Harness::new::<MyValidator>(json!({ "people": { "ada": ADA } })).unwrap()
    }

    #[test]
    fn a_known_token_is_served_and_never_logged() {
        let validator = validator();
        assert_eq!(validator.ask("token-of-ada").expect_served().subject, "ada");
        validator.expect_never_logged("token-of-ada");
    }

    #[test]
    fn other_tokens_are_not_mine() {
        for token in ["", "token-of-ad", "token-of-ada ", ADA] {
            validator().ask(token).expect_not_mine();
        }
    }

    #[test]
    fn a_broken_digest_stops_the_start() {
        let refused = Harness::new::<MyValidator>(json!({ "people": { "ada": "1f" } }));
        assert!(refused.err().unwrap().log_detail().contains("ada"));
    }
}
