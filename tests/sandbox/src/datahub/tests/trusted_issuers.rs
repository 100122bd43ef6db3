//! Tokens of the embedded identity provider at the embedded DataHub.

use std::time::Duration;

use serde_json::json;

use super::super::{EmbeddedDataHub, Jwks, Options, Person, Running, TrustedIssuer};
use super::ask;
use crate::idp::{self, EmbeddedIdp};
use crate::people;

const ME: &str = "{ me { corpUser { urn } } }";

async fn provider() -> idp::Running {
    EmbeddedIdp::start(idp::Options::default()).await.unwrap()
}

/// A DataHub that trusts the tokens of `issuer` for `audience`, signed by the keys of `idp`.
async fn trusting(idp: &idp::Running, issuer: &str, audience: Option<&str>) -> Running {
    EmbeddedDataHub::start(Options {
        people: people::demo().iter().map(Person::from).collect(),
        trusted_issuers: vec![TrustedIssuer {
            issuer: issuer.to_owned(),
            audience: audience.map(str::to_owned),
            jwks: Jwks::Url(idp.endpoint_url("jwks")),
        }],
        ..Options::default()
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_trusted_issuers_token_is_the_person_it_names() {
    let idp = provider().await;
    let hub = trusting(&idp, idp.issuer(), Some(idp.audience())).await;
    let (status, body) = ask(&hub, &idp.access_token("viewer"), ME, json!({})).await;
    assert_eq!(status, 200);
    assert!(body.contains("urn:li:corpuser:viewer"), "{body}");
    let (status, _) = ask(&hub, &idp.access_token("suspended"), ME, json!({})).await;
    assert_eq!(status, 401, "suspended");
}

#[tokio::test]
async fn other_issuers_audiences_keys_and_old_tokens_are_refused() {
    let (idp, stranger) = (provider().await, provider().await);
    let refused = async |hub: &Running, token: &str, why: &str| {
        let (status, body) = ask(hub, token, ME, json!({})).await;
        assert_eq!(status, 401, "{why}: {body}");
    };
    let token = idp.access_token("admin");
    let hub = trusting(&idp, idp.issuer(), Some(idp.audience())).await;
    refused(&hub, &stranger.access_token("admin"), "another issuer").await;
    // names the trusted issuer, but is signed by another one
    let claims = json!({
        "iss": idp.issuer(), "sub": "admin", "aud": idp.audience(), "exp": 4_102_444_800_u64,
    });
    refused(&hub, &stranger.mint(claims), "another key").await;
    let past = idp.access_token_for("admin", Duration::ZERO);
    refused(&hub, &past, "expired").await;
    let hub = trusting(&idp, idp.issuer(), Some("another-service")).await;
    refused(&hub, &token, "another audience").await;
    let hub = trusting(&idp, stranger.issuer(), None).await;
    refused(&hub, &token, "an issuer that is not named").await;
}
