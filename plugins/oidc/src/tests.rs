use plugin_api::sdk::testing::Harness;
use serde_json::json;
use validator_common::testing::{Idp, Signer, claims_for};

use super::*;

fn now() -> i64 {
    Clock::system().unix()
}

fn harness(idp: &Idp, forward: bool) -> Harness {
    let options = json!({
        "issuer_url": idp.issuer(), "audience": "other, mcp", "forward_token": forward,
    });
    Harness::new::<Oidc>(options).unwrap()
}

#[tokio::test]
async fn a_token_is_served_behind_the_boundary_and_the_second_time_from_memory() {
    let signer = Signer::rs256();
    let idp = Idp::start(&[&signer]).await;
    let oidc = harness(&idp, true);
    let token = signer.token(&claims_for(&idp.issuer(), now()));
    let served = oidc.validate(&token).await.expect_served();
    assert_eq!(served.subject, "ada");
    assert_eq!(served.scopes, ["openid", "profile"]);
    assert!(oidc.try_validate(&token).is_some());
    oidc.health().await.unwrap();
    oidc.validate(&signer.token(&claims_for("https://other.example", now())))
        .await
        .expect_not_mine();
    oidc.validate(&token[..token.len() - 2])
        .await
        .expect_rejected();
    oidc.expect_never_logged(&token[20..60]);
}

#[tokio::test]
async fn an_option_that_does_not_exist_is_refused() {
    let refused =
        Harness::new::<Oidc>(json!({ "issuer_url": "https://idp.example", "audiences": "x" }));
    assert!(refused.err().is_some());
    let schema = Harness::schema::<Oidc>();
    assert_eq!(schema["additionalProperties"], false);
    for (option, variable) in [
        ("issuer_url", "OIDC_ISSUER_URL"),
        ("audience", "OIDC_AUDIENCE"),
        ("algorithms", "OIDC_ALGORITHMS"),
        ("leeway", "OIDC_LEEWAY"),
    ] {
        assert_eq!(schema["properties"][option]["x-env"], variable, "{option}");
    }
}

#[tokio::test]
async fn an_issuer_without_an_audience_stops_the_start() {
    let refused = Harness::new::<Oidc>(json!({ "issuer_url": "https://idp.example" }))
        .err()
        .unwrap();
    assert!(
        format!("{refused:?}").contains("OIDC_AUDIENCE"),
        "{refused:?}"
    );
}
