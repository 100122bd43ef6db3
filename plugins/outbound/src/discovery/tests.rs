//! The places, and the checks of a document.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{
    addresses::AddressRule,
    client::Profile,
    network::Network,
    testing::{Reply, Server, moved, reply},
};

const OIDC: &str = "/realms/x/.well-known/openid-configuration";
const RFC8414: &str = "/.well-known/oauth-authorization-server/realms/x";
const INSERTED: &str = "/.well-known/openid-configuration/realms/x";
const OUTSIDE: &str = "https://sso.example.com/realms/x";

fn client() -> Client {
    let profile = Profile {
        user_agent: "outbound-test",
        connect: Duration::from_secs(2),
        total: Some(Duration::from_secs(5)),
        idle: Duration::from_secs(1),
        idle_connections: 1,
        max_body: 64 * 1024,
        https_only: false,
    };
    Client::new(&Network::default(), &profile, AddressRule::any()).unwrap()
}

fn source(issuer: &str, server: &Server) -> Source {
    let place = Issuer::parse(server.url("/realms/x").as_str(), false).unwrap();
    Source::new(Issuer::parse(issuer, false).unwrap(), false).looked_for_at(place)
}

fn document(issuer: &str) -> Reply {
    reply(
        200,
        json!({ "issuer": issuer, "token_endpoint": "https://t.example/" }).to_string(),
    )
}

/// Asks a server that answers as `answer` says, for the issuer outside.
async fn asked(
    answer: impl Fn(&str) -> Reply + Send + Sync + 'static,
) -> (Result<Document, DiscoveryError>, Vec<String>) {
    let server = Server::start(answer).await;
    let found = discover(&client(), &source(OUTSIDE, &server)).await;
    (found, server.targets())
}

#[test]
fn places_follow_both_standards_and_never_double_a_slash() {
    let of = |issuer: &str| {
        places(&Url::parse(issuer).unwrap())
            .iter()
            .map(Url::to_string)
            .collect::<Vec<_>>()
    };
    for issuer in [
        "https://idp.example/realms/main",
        "https://idp.example/realms/main/",
    ] {
        assert_eq!(
            of(issuer),
            [
                "https://idp.example/realms/main/.well-known/openid-configuration",
                "https://idp.example/.well-known/oauth-authorization-server/realms/main",
                "https://idp.example/.well-known/openid-configuration/realms/main",
            ]
        );
    }
    let root = [
        "https://idp.example/.well-known/openid-configuration",
        "https://idp.example/.well-known/oauth-authorization-server",
    ];
    assert_eq!(of("https://idp.example"), root);
    assert_eq!(of("https://idp.example/"), root);
}

#[tokio::test]
async fn the_first_place_with_a_document_of_the_issuer_counts() {
    let other = || document("https://other.example");
    let page = || reply(200, "<html>sign in</html>");
    type At = fn(&str) -> bool;
    let at: [At; 3] = [|t| t == OIDC, |t| t == RFC8414, |t| t == INSERTED];
    for (index, here) in at.into_iter().enumerate() {
        let passed: [fn() -> Reply; 7] = [
            || reply(404, ""),
            || reply(403, "{}"),
            || reply(500, "broken"),
            || moved("https://login.example/?secret=x"),
            || reply(200, "x".repeat(65 * 1024)),
            || reply(200, "{}"),
            || reply(200, "[1]"),
        ];
        for passed in passed.into_iter().chain([page as fn() -> Reply, other]) {
            let (found, targets) =
                asked(move |t| if here(t) { document(OUTSIDE) } else { passed() }).await;
            let found = found.unwrap_or_else(|error| panic!("{index}: {error}"));
            assert_eq!(found.issuer(), &IssuerRule::Exact(OUTSIDE.to_owned()));
            assert_eq!(targets, [OIDC, RFC8414, INSERTED][..=index]);
        }
    }
}

#[tokio::test]
async fn a_redirect_within_the_origin_leads_to_the_document() {
    let (found, _) = asked(|target| match target {
        OIDC => moved("/auth/realms/x/doc"),
        "/auth/realms/x/doc" => document(OUTSIDE),
        _ => reply(404, ""),
    })
    .await;
    assert!(found.is_ok());
}

#[tokio::test]
async fn where_there_is_none_every_place_is_named_with_its_answer() {
    let (found, _) = asked(|target| match target {
        OIDC => moved("https://login.example/?secret=x"),
        RFC8414 => reply(200, "<html>"),
        _ => reply(404, ""),
    })
    .await;
    let error = found.unwrap_err();
    assert!(matches!(error, DiscoveryError::Missing(_)));
    let text = error.to_string();
    for part in [
        "another origin",
        "something else than JSON",
        "answers 404",
        OIDC,
        RFC8414,
        INSERTED,
        "OIDC_ISSUER_URL",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn a_document_of_another_issuer_is_refused_with_both_values() {
    for (named, why) in [
        (
            "https://sso.example.com/realms/x/",
            "differ only in the slash at the end",
        ),
        ("https://evil.example", "must be equal"),
        ("http://sso.example.com/realms/x", "must be equal"),
    ] {
        let (found, _) = asked(move |_| document(named)).await;
        let error = found.unwrap_err();
        assert!(matches!(error, DiscoveryError::Invalid { .. }), "{error}");
        let text = error.to_string();
        for part in [why, named, OUTSIDE, "looked for at `http://127.0.0.1"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
    let (found, _) = asked(|_| reply(200, r#"{"issuer": 7}"#)).await;
    assert!(matches!(found, Err(DiscoveryError::Invalid { .. })));
}

#[tokio::test]
async fn a_busy_provider_is_asked_once_and_says_when_to_come_back() {
    for status in [429, 502, 503, 504] {
        let (found, targets) =
            asked(move |_| (status, vec![("retry-after", "7".to_owned())], String::new())).await;
        assert_eq!(targets.len(), 1);
        match found {
            Err(DiscoveryError::Busy { retry_after, .. }) => {
                assert_eq!(retry_after, Some(Duration::from_secs(7)));
            }
            other => panic!("{status}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn endpoints_obey_the_rule_about_plain_http() {
    let body = json!({
        "issuer": OUTSIDE,
        "good": "https://a.example/x",
        "near": "http://127.0.0.1:1/x",
        "plain": "http://keycloak:8080/x",
        "file": "file:///etc/passwd",
        "user": "https://me:canary@a.example/",
        "text": "nonsense",
        "number": 7,
        "null": null,
        "list": ["RS256", 7, "ES256"],
    });
    let server = Server::start(move |_| reply(200, body.to_string())).await;
    let strict = discover(&client(), &source(OUTSIDE, &server))
        .await
        .unwrap();
    let mut lenient = source(OUTSIDE, &server);
    lenient.allow_http = true;
    let lenient = discover(&client(), &lenient).await.unwrap();
    for (name, strictly, leniently) in [
        ("good", Some(true), Some(true)),
        ("near", Some(true), Some(true)),
        ("plain", None, Some(true)),
        ("file", None, None),
        ("user", None, None),
        ("text", None, None),
        ("number", None, None),
        ("null", Some(false), Some(false)),
        ("missing", Some(false), Some(false)),
    ] {
        let of = |document: &Document| document.endpoint(name).ok().map(|url| url.is_some());
        assert_eq!(of(&strict), strictly, "{name}");
        assert_eq!(of(&lenient), leniently, "{name}");
    }
    let why = strict.endpoint("plain").unwrap_err();
    assert!(why.contains("OUTBOUND_ALLOW_HTTP"), "{why}");
    assert_eq!(
        strict.strings("list").collect::<Vec<_>>(),
        ["RS256", "ES256"]
    );
    assert_eq!(strict.strings("good").count(), 0);
}
