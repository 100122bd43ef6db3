use plugin_api::sdk::FailureKind;
use validator_common::testing::{
    Reply, Server, Signer, assert_misconfigured, assert_schema, unsigned,
};

use super::*;

const NOW: i64 = 1_800_000_000;

fn me(urn: &str, exists: Value) -> Reply {
    Reply::json(
        &json!({ "data": { "me": { "corpUser": { "urn": urn, "username": "ada", "exists": exists } } } }),
    )
}

fn ada() -> Reply {
    me("urn:li:corpuser:ada", json!(true))
}

fn validator(server: &Server, change: impl FnOnce(&mut Config)) -> DatahubToken {
    let mut config = Config {
        gms_url: Some(server.url.to_string()),
        ..Config::default()
    };
    change(&mut config);
    DatahubToken::new(&config, Clock::manual(NOW)).unwrap()
}

async fn answer(reply: Reply, token: &str) -> Result<Identity, Failure> {
    let server = Server::start(move |_| reply.clone()).await;
    validator(&server, |_| {}).decide(token).await
}

#[tokio::test]
async fn datahub_says_whom_a_token_belongs_to() {
    let server = Server::start(|asked| {
        assert_eq!(
            (asked.method.as_str(), asked.path.as_str()),
            ("POST", "/api/graphql")
        );
        assert!(asked.json()["query"].as_str().unwrap().contains("me {"));
        match asked.headers["authorization"].as_str() {
            "Bearer good" => ada(),
            _ => Reply::new(401, ""),
        }
    })
    .await;
    let validator = validator(&server, |config| config.cache_ttl = Some(Seconds(5)));
    let identity = validator.decide("good").await.unwrap();
    assert_eq!(identity.subject(), "urn:li:corpuser:ada");
    assert_eq!(identity.get_resolved_token().unwrap().expose(), "good");
    assert_eq!(identity.get_cache_ttl(), Some(Duration::from_secs(5)));
    assert_eq!(identity.get_expires_at(), None);
    assert_eq!(identity.claim("username"), Some(&json!("ada")));
    assert_eq!(
        validator.decide("bad").await.unwrap_err().kind(),
        FailureKind::Rejected
    );
}

#[tokio::test]
async fn the_date_in_a_token_only_shortens() {
    let token = |exp: i64| {
        unsigned(
            &json!({ "alg": "HS256" }),
            &json!({ "actorId": "ada", "exp": exp }),
        ) + "c2ln"
    };
    let identity = answer(ada(), &token(NOW + 30)).await.unwrap();
    assert_eq!(identity.get_expires_at(), Some(NOW as u64 + 30));
    assert_eq!(
        answer(ada(), &token(NOW)).await.unwrap_err().kind(),
        FailureKind::Rejected
    );
    // A good date does not help a token that DataHub refuses.
    let refused = answer(Reply::new(401, ""), &token(NOW + 30))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Rejected);
}

#[tokio::test]
async fn a_foreign_jwt_that_datahub_refuses_is_for_the_next_validator() {
    let token = Signer::rs256().token(&json!({ "iss": "https://idp.example", "exp": NOW + 60 }));
    assert_eq!(
        answer(Reply::new(401, ""), &token)
            .await
            .unwrap_err()
            .kind(),
        FailureKind::NotMine
    );
    answer(ada(), &token).await.unwrap();
}

#[tokio::test]
async fn a_user_that_does_not_exist_proves_nothing() {
    for exists in [json!(false), json!(null), json!("true")] {
        let failure = answer(me("urn:li:corpuser:UNKNOWN", exists), "any")
            .await
            .unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Rejected);
        assert!(
            failure
                .log_detail()
                .contains("METADATA_SERVICE_AUTH_ENABLED")
        );
    }
    // Whatever was written to them: these are no people.
    for urn in [
        "urn:li:corpuser:UNKNOWN",
        "urn:li:corpuser:__datahub_system",
        "urn:li:corpuser:__DATAHUB_SYSTEM",
    ] {
        let failure = answer(me(urn, json!(true)), "any").await.unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Rejected, "{urn}");
    }
    let server = Server::start(|_| me("urn:li:corpuser:x", json!(false))).await;
    let lax = validator(&server, |config| config.allow_unverified = Switch(true));
    lax.decide("any").await.unwrap();
}

#[tokio::test]
async fn what_is_not_the_tokens_fault_is_never_blamed_on_it() {
    let unauthorized = json!({ "data": { "me": null }, "errors": [{ "message": "no", "extensions": { "code": 403, "type": "UNAUTHORIZED" } }] });
    let broken = json!({ "data": { "me": null }, "errors": [{ "message": "boom", "extensions": { "code": 500 } }] });
    for (reply, kind) in [
        (Reply::new(401, "{}"), FailureKind::Rejected),
        (Reply::json(&unauthorized), FailureKind::Rejected),
        (Reply::json(&broken), FailureKind::Unavailable),
        (
            Reply::new(429, "").header("retry-after", "7"),
            FailureKind::Unavailable,
        ),
        (Reply::new(500, "<html>"), FailureKind::Unavailable),
        (Reply::new(503, ""), FailureKind::Unavailable),
        (ada().cut_short(), FailureKind::Unavailable),
        (
            Reply::new(200, " ".repeat(4096)).endless(300),
            FailureKind::Unavailable,
        ),
        (
            Reply::json(&json!({ "data": { "me": { "corpUser": null } } })),
            FailureKind::Unavailable,
        ),
        (
            me("urn:li:corpGroup:x", json!(true)),
            FailureKind::Unavailable,
        ),
        (
            Reply::new(200, "<html>sign in</html>"),
            FailureKind::Misconfigured,
        ),
        (
            Reply::new(302, "").header("location", "/login"),
            FailureKind::Misconfigured,
        ),
        (Reply::new(404, ""), FailureKind::Misconfigured),
        (Reply::json(&json!([])), FailureKind::Misconfigured),
    ] {
        let said = format!("{reply:?}");
        let failure = answer(reply, "opaque-canary-token").await.unwrap_err();
        assert_eq!(failure.kind(), kind, "{said}: {}", failure.log_detail());
        assert!(
            !failure.log_detail().contains("canary"),
            "{}",
            failure.log_detail()
        );
    }
    // RFC 9110: the seconds that DataHub asks for reach the caller.
    let failure = answer(Reply::new(429, "").header("retry-after", "7"), "t")
        .await
        .unwrap_err();
    assert!(format!("{failure:?}").contains("7s"), "{failure:?}");
}

#[tokio::test]
async fn a_datahub_that_is_not_there_is_unavailable() {
    let server = Server::start(|_| ada()).await;
    let validator = validator(&server, |_| {});
    validator.health().await.unwrap();
    drop(server);
    // The listener is gone once its task has been dropped.
    tokio::task::yield_now().await;
    assert_eq!(
        validator.decide("t").await.unwrap_err().kind(),
        FailureKind::Unavailable
    );
    assert_eq!(
        validator.health().await.unwrap_err().kind(),
        FailureKind::Unavailable
    );
}

#[tokio::test]
async fn what_is_no_token_is_not_asked_about() {
    let server = Server::start(|_| ada()).await;
    let validator = validator(&server, |_| {});
    for token in ["", "two words", "a\r\nb", "t\u{0}", "pässword", "a,b"] {
        assert_eq!(
            validator.decide(token).await.unwrap_err().kind(),
            FailureKind::NotMine,
            "{token}"
        );
    }
    let long = "a".repeat(MAX_TOKEN_BYTES + 1);
    assert_eq!(
        validator.decide(&long).await.unwrap_err().kind(),
        FailureKind::Rejected
    );
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn wrong_options_are_refused_with_one_line() {
    for (url, why) in [
        (None, "DATAHUB_GMS_URL"),
        (Some(""), "DATAHUB_GMS_URL"),
        (Some("datahub:8080"), "HTTP URL"),
        (Some("not a url"), "is not a URL"),
        (Some("ftp://datahub"), "HTTP URL"),
        (Some("http://datahub/api/graphql"), "leave out"),
        (Some("http://datahub/?x=1"), "query"),
    ] {
        let config = Config {
            gms_url: url.map(str::to_owned),
            ..Config::default()
        };
        assert_misconfigured(DatahubToken::new(&config, Clock::system()), why);
    }
}

#[test]
fn the_schema_names_every_option_and_nothing_else_passes() {
    assert_schema::<DatahubToken>(&[("gms_url", "DATAHUB_GMS_URL")], &[]);
}
