use plugin_api::sdk::FailureKind;
use serde_json::{Value, json};
use validator_common::{
    List, Seconds, Switch,
    testing::{Idp, Reply, Server, Signer, assert_misconfigured, assert_schema},
};

use super::*;

const NOW: i64 = 1_800_000_000;

fn config(server: &Server, change: impl FnOnce(&mut Config)) -> Config {
    let mut config: Config = serde_json::from_value(json!({
        "introspection_endpoint": server.at("introspect"),
        "client_id": "mcp server", "client_secret": "p&ss:word",
        "audience": "mcp",
    }))
    .unwrap();
    change(&mut config);
    config
}

fn active(change: impl FnOnce(&mut Value)) -> Value {
    let mut facts = json!({
        "active": true, "sub": "ada", "aud": ["mcp"], "scope": "a b", "exp": NOW + 300,
        "token_type": "Bearer", "client_id": "web",
    });
    change(&mut facts);
    facts
}

async fn answer(reply: Reply, change: impl FnOnce(&mut Config)) -> Result<Identity, Failure> {
    answer_for(reply, "opaque-canary", change).await
}

async fn answer_for(
    reply: Reply,
    token: &str,
    change: impl FnOnce(&mut Config),
) -> Result<Identity, Failure> {
    let server = Server::start(move |_| reply.clone()).await;
    let clock = Clock::manual(NOW);
    let answer = Introspection::new(&config(&server, change), clock)
        .unwrap()
        .decide(token)
        .await;
    if let Err(failure) = &answer {
        for secret in ["canary", "p&ss"] {
            assert!(
                !failure.log_detail().contains(secret),
                "{}",
                failure.log_detail()
            );
        }
    }
    answer
}

#[tokio::test]
async fn the_provider_is_asked_with_our_credentials_and_believed() {
    let server = Server::start(|asked| {
        let basic = "Basic bWNwK3NlcnZlcjpwJTI2c3MlM0F3b3Jk"; // mcp+server:p%26ss%3Aword
        assert_eq!(asked.headers["authorization"], basic);
        assert_eq!(asked.field("token").unwrap(), "t0ken");
        Reply::json(&active(|_| {}))
    })
    .await;
    let clock = Clock::manual(NOW);
    let validator = Introspection::new(&config(&server, |_| {}), clock.clone()).unwrap();
    let identity = validator.decide("t0ken").await.unwrap();
    assert_eq!(
        (identity.subject(), identity.get_scopes()),
        ("ada", &["a".to_owned(), "b".to_owned()][..])
    );
    assert_eq!(identity.get_expires_at(), Some(NOW as u64 + 310));
    assert_eq!(identity.get_cache_ttl(), Some(Duration::from_secs(60)));
    assert_eq!(identity.get_resolved_token().unwrap().expose(), "t0ken");
    // Cached, and for the rest of its time only.
    clock.advance(Duration::from_secs(45));
    let again = validator.decide("t0ken").await.unwrap();
    assert_eq!(again.get_cache_ttl(), Some(Duration::from_secs(15)));
    assert_eq!(server.requests(), 1);
    clock.advance(Duration::from_secs(15));
    validator.decide("t0ken").await.unwrap();
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn the_other_ways_to_authenticate() {
    for (auth, secret) in [("post", "s"), ("bearer", "abc"), ("none", "")] {
        let server = Server::start(move |asked| {
            match auth {
                "post" => assert_eq!(
                    (
                        asked.field("client_id").unwrap().as_str(),
                        asked.field("client_secret").unwrap().as_str()
                    ),
                    ("me", "s")
                ),
                "bearer" => assert_eq!(asked.headers["authorization"], "Bearer abc"),
                _ => assert_eq!(
                    (
                        asked.field("client_id").unwrap().as_str(),
                        asked.headers.get("authorization")
                    ),
                    ("me", None)
                ),
            }
            Reply::json(&active(|_| {}))
        })
        .await;
        let config: Config = serde_json::from_value(json!({
            "introspection_endpoint": server.url, "audience": "mcp",
            "client_id": "me", "client_secret": secret, "client_auth": auth,
        }))
        .unwrap();
        Introspection::new(&config, Clock::manual(NOW))
            .unwrap()
            .decide("t")
            .await
            .unwrap();
        assert!(!format!("{config:?}").contains("abc"));
    }
}

#[tokio::test]
async fn answers_of_real_providers_parse() {
    let any = |config: &mut Config| {
        config.audience = List(vec![]);
        config.any_audience = Switch(true);
    };
    for (name, facts, subject) in [
        (
            "oidc-provider",
            json!({ "active": true, "sub": "ada", "client_id": "web", "exp": NOW + 60, "iat": NOW, "iss": "https://idp", "scope": "openid", "token_type": "Bearer" }),
            "ada",
        ),
        (
            "django-oauth-toolkit",
            json!({ "active": true, "scope": "read write", "exp": NOW + 60, "client_id": "web", "username": "grace" }),
            "grace",
        ),
        (
            "nulls and floats",
            json!({ "active": true, "sub": null, "username": "ada", "aud": null, "scope": null, "exp": NOW as f64 + 60.5, "iss": null, "cnf": null, "token_type": null }),
            "ada",
        ),
        ("no exp", json!({ "active": true, "sub": "ada" }), "ada"),
        (
            "string exp",
            json!({ "active": true, "sub": "ada", "exp": (NOW + 60).to_string() }),
            "ada",
        ),
        (
            "list of scopes",
            json!({ "active": true, "sub": "ada", "scope": ["a"], "token_use": "access_token" }),
            "ada",
        ),
    ] {
        let identity = answer(Reply::json(&facts), any)
            .await
            .unwrap_or_else(|failure| panic!("{name}: {}", failure.log_detail()));
        assert_eq!(identity.subject(), subject, "{name}");
    }
}

#[tokio::test]
async fn what_the_token_lacks_is_the_tokens_fault() {
    for facts in [
        json!({ "active": false }),
        active(|f| f["exp"] = json!(NOW - 10)),
        active(|f| f["exp"] = json!("soon")),
        active(|f| f["exp"] = json!(-1)),
        active(|f| f["nbf"] = json!(NOW + 11)),
        active(|f| f["aud"] = json!("other")),
        active(|f| f["aud"] = json!(null)),
        active(|f| f["aud"] = json!(["mcp", 1])),
        active(|f| f["iss"] = json!("https://evil.example")),
        active(|f| f["iss"] = json!(["https://idp.example"])),
        active(|f| f["token_type"] = json!("DPoP")),
        active(|f| f["token_type"] = json!("refresh_token")),
        active(|f| f["typ"] = json!("Refresh")),
        active(|f| f["cnf"] = json!({ "jkt": "x" })),
        active(|f| f["sub"] = json!("")),
        active(|f| f["sub"] = json!(7)),
        active(|f| f["sub"] = json!("a\nb")),
        active(|f| {
            f["sub"] = json!(null);
        }),
        active(|f| f["scope"] = json!("b")),
    ] {
        let failure = answer(Reply::json(&facts), |config| {
            config.issuer_url = Some("https://idp.example".into());
            config.required_scopes = List(vec!["a".into()]);
        })
        .await
        .unwrap_err();
        assert_eq!(
            failure.kind(),
            FailureKind::Rejected,
            "{facts}: {}",
            failure.log_detail()
        );
    }
}

#[tokio::test]
async fn what_is_wrong_with_us_is_never_the_callers_401() {
    let refusal = |error: &str| Reply::new(400, json!({ "error": error }).to_string());
    for (reply, kind) in [
        (Reply::new(401, ""), FailureKind::Misconfigured),
        (
            Reply::new(403, "<html>CSRF</html>"),
            FailureKind::Misconfigured,
        ),
        (refusal("invalid_client"), FailureKind::Misconfigured),
        (Reply::new(404, ""), FailureKind::Misconfigured),
        (
            Reply::new(302, "").header("location", "/login"),
            FailureKind::Misconfigured,
        ),
        (Reply::new(200, "<html>"), FailureKind::Misconfigured),
        (Reply::new(200, "{}"), FailureKind::Misconfigured),
        (
            Reply::new(200, r#"{"active":"true","sub":"ada"}"#),
            FailureKind::Misconfigured,
        ),
        (Reply::new(200, "[true]"), FailureKind::Misconfigured),
        (Reply::new(400, ""), FailureKind::Misconfigured),
        (
            Reply::new(429, "").header("retry-after", "9"),
            FailureKind::Unavailable,
        ),
        (Reply::new(500, ""), FailureKind::Unavailable),
        (Reply::new(200, "{").cut_short(), FailureKind::Unavailable),
        (
            Reply::new(200, " ".repeat(4096)).endless(300),
            FailureKind::Unavailable,
        ),
        (refusal("invalid_request"), FailureKind::Rejected),
    ] {
        let said = format!("{reply:?}");
        let failure = answer(reply, |_| {}).await.unwrap_err();
        assert_eq!(failure.kind(), kind, "{said}: {}", failure.log_detail());
    }
}

#[tokio::test]
async fn a_jwt_may_be_somebody_elses() {
    let token = Signer::rs256().token(&json!({ "iss": "x" }));
    let refused = || Reply::new(400, r#"{"error":"invalid_request"}"#);
    let failure = answer_for(refused(), &token, |_| {}).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::NotMine);
    let good = || Reply::json(&active(|_| {}));
    answer_for(good(), &token, |_| {}).await.unwrap();
    let failure = answer_for(good(), &token, |config| config.opaque_only = Switch(true))
        .await
        .unwrap_err();
    assert_eq!(failure.kind(), FailureKind::NotMine);
}

#[tokio::test]
async fn refusals_are_remembered_briefly_and_failures_not_at_all() {
    let server = Server::start(|asked| match asked.field("token").as_deref() {
        Some("bad") => Reply::json(&json!({ "active": false })),
        _ => Reply::new(500, ""),
    })
    .await;
    let clock = Clock::manual(NOW);
    let short = config(&server, |config| {
        config.negative_cache_ttl = Some(Seconds(3))
    });
    let validator = Introspection::new(&short, clock.clone()).unwrap();
    for _ in 0..20 {
        assert_eq!(
            validator.decide("bad").await.unwrap_err().kind(),
            FailureKind::Rejected
        );
    }
    assert_eq!(server.requests(), 1);
    clock.advance(Duration::from_secs(3));
    assert!(validator.decide("bad").await.is_err());
    assert_eq!(server.requests(), 2);
    for _ in 0..3 {
        assert_eq!(
            validator.decide("other").await.unwrap_err().kind(),
            FailureKind::Unavailable
        );
    }
    assert_eq!(server.requests(), 5);
}

#[tokio::test]
async fn the_endpoint_comes_from_discovery_where_it_is_not_configured() {
    let idp = Idp::start(&[]).await;
    let made = |options: Value| {
        let config: Config = serde_json::from_value(options).unwrap();
        Introspection::new(&config, Clock::manual(NOW))
    };
    let validator = made(json!({ "issuer_url": idp.issuer(), "audience": "mcp" })).unwrap();
    // This provider has no introspection behind the URL that it names.
    let failure = validator.decide("t").await.unwrap_err();
    assert!(
        failure.log_detail().contains("/introspect: answers 404"),
        "{}",
        failure.log_detail()
    );
    idp.describe(|document| {
        document
            .as_object_mut()
            .unwrap()
            .remove("introspection_endpoint");
    });
    let validator = made(json!({ "issuer_url": idp.issuer(), "audience": "mcp" })).unwrap();
    assert_misconfigured(validator.decide("t").await, "set the option");

    for (options, why) in [
        (json!({ "audience": "mcp" }), "OIDC_ISSUER_URL"),
        (json!({ "issuer_url": idp.issuer() }), "OIDC_AUDIENCE"),
        (
            json!({ "issuer_url": idp.issuer(), "audience": "x", "any_audience": true }),
            "contradict",
        ),
        (
            json!({ "issuer_url": idp.issuer(), "audience": "x", "client_secret": "s" }),
            "client_id",
        ),
        (
            json!({ "introspection_endpoint": "http://idp.example/i", "audience": "x" }),
            "allow_http",
        ),
    ] {
        assert_misconfigured(made(options), why);
    }
}

#[test]
fn the_schema_names_every_option_and_nothing_else_passes() {
    assert_schema::<Introspection>(
        &[
            ("issuer_url", "OIDC_ISSUER_URL"),
            ("audience", "OIDC_AUDIENCE"),
            ("leeway", "OIDC_LEEWAY"),
            ("client_id", "OIDC_CLIENT_ID"),
        ],
        &["client_secret"],
    );
}
