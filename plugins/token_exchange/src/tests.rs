use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;
use plugin_api::sdk::FailureKind;
use serde_json::{Value, json};
use validator_common::testing::{
    Asked, Idp, Reply, Server, Signer, assert_misconfigured, assert_schema, claims_for,
};

use super::*;

const NOW: i64 = 1_800_000_000;

struct Bench {
    idp: Idp,
    endpoint: Server,
    reply: Arc<Mutex<Reply>>,
    asked: Arc<Mutex<Option<Asked>>>,
    clock: Clock,
    validator: TokenExchange,
}

impl Bench {
    async fn new(change: impl FnOnce(&mut Value)) -> Self {
        let idp = Idp::start(&[&Signer::rs256()]).await;
        let reply = Arc::new(Mutex::new(issued(300)));
        let asked = Arc::new(Mutex::new(None));
        let endpoint = Server::start({
            let (reply, seen) = (Arc::clone(&reply), Arc::clone(&asked));
            move |asked| {
                *seen.lock() = Some(asked.clone());
                reply.lock().clone()
            }
        })
        .await;
        let mut options = json!({
            "issuer_url": idp.issuer(), "audience": "mcp", "token_endpoint": endpoint.at("token"),
            "client_id": "mcp", "client_secret": "secret-canary", "client_auth": "post",
            "target_audience": "datahub, other",
        });
        change(&mut options);
        let clock = Clock::manual(NOW);
        let config: Config = serde_json::from_value(options).unwrap();
        let validator = TokenExchange::new(&config, clock.clone()).unwrap();
        Self {
            idp,
            endpoint,
            reply,
            asked,
            clock,
            validator,
        }
    }

    fn token(&self, sub: &str) -> String {
        let mut claims = claims_for(&self.idp.issuer(), NOW);
        claims["sub"] = sub.into();
        Signer::rs256().token(&claims)
    }

    fn answers(&self, reply: Reply) {
        *self.reply.lock() = reply;
    }
}

fn issued(expires_in: u64) -> Reply {
    Reply::json(&json!({
        "access_token": "datahub-canary", "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer", "expires_in": expires_in,
    }))
}

#[tokio::test]
async fn a_verified_token_is_exchanged_once_for_its_time() {
    let bench = Bench::new(|options| {
        options["actor_token"] = "actor".into();
        options["target_resource"] = "https://datahub.example/".into();
        options["target_scope"] = "read write".into();
    })
    .await;
    let token = bench.token("ada");
    let identity = bench.validator.decide(&token).await.unwrap();
    assert_eq!(identity.subject(), "ada");
    assert_eq!(
        identity.get_resolved_token().unwrap().expose(),
        "datahub-canary"
    );
    assert_eq!(identity.get_cache_ttl(), Some(Duration::from_secs(285)));
    assert!(!format!("{:?}", bench.validator).contains("canary"));
    let asked = bench.asked.lock().clone().unwrap();
    for (field, value) in [
        ("grant_type", GRANT),
        ("subject_token", token.as_str()),
        ("subject_token_type", ACCESS_TOKEN),
        ("actor_token", "actor"),
        ("actor_token_type", ACCESS_TOKEN),
        ("resource", "https://datahub.example/"),
        ("scope", "read write"),
        ("client_id", "mcp"),
        ("client_secret", "secret-canary"),
    ] {
        assert_eq!(asked.field(field).as_deref(), Some(value), "{field}");
    }
    assert!(
        asked.body.contains("audience=datahub&audience=other"),
        "{}",
        asked.body
    );
    assert_eq!(asked.field("requested_token_type"), None);

    bench.clock.advance(Duration::from_secs(284));
    bench.validator.decide(&token).await.unwrap();
    assert_eq!(bench.endpoint.requests(), 1);
    bench.clock.advance(Duration::from_secs(1));
    bench.validator.decide(&token).await.unwrap();
    assert_eq!(bench.endpoint.requests(), 2);
    bench.validator.decide(&bench.token("grace")).await.unwrap();
    assert_eq!(
        bench.endpoint.requests(),
        3,
        "each token is exchanged for itself"
    );
}

#[tokio::test]
async fn what_does_not_verify_never_reaches_the_provider() {
    let bench = Bench::new(|_| {}).await;
    let token = bench.token("ada");
    for bad in ["opaque", &token[..token.len() - 4], "a.b.c"] {
        assert!(bench.validator.decide(bad).await.is_err());
    }
    assert_eq!(bench.endpoint.requests(), 0);
}

#[tokio::test]
async fn a_hundred_at_once_are_one_exchange() {
    let bench = Arc::new(Bench::new(|_| {}).await);
    let token = bench.token("ada");
    let served = Arc::new(AtomicUsize::new(0));
    let asks: Vec<_> = (0..100)
        .map(|_| {
            let (bench, token, served) = (Arc::clone(&bench), token.clone(), Arc::clone(&served));
            tokio::spawn(async move {
                bench.validator.decide(&token).await.unwrap();
                served.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    for ask in asks {
        ask.await.unwrap();
    }
    assert_eq!(
        (served.load(Ordering::SeqCst), bench.endpoint.requests()),
        (100, 1)
    );
}

#[tokio::test]
async fn each_refusal_is_blamed_on_whom_it_is_about() {
    let bench = Bench::new(|options| options["requested_token_type"] = ACCESS_TOKEN.into()).await;
    let refusal = |status, error: &str| {
        Reply::new(
            status,
            json!({ "error": error, "error_description": "why" }).to_string(),
        )
    };
    let issued_with = |name: &str, value: Value| {
        let mut body =
            json!({ "access_token": "datahub-canary", "token_type": "Bearer", "expires_in": 60 });
        body[name] = value;
        Reply::json(&body)
    };
    for (number, (reply, kind)) in [
        (refusal(400, "invalid_grant"), FailureKind::Rejected),
        (refusal(400, "invalid_request"), FailureKind::Rejected),
        (refusal(400, "invalid_target"), FailureKind::Misconfigured),
        (refusal(400, "invalid_scope"), FailureKind::Misconfigured),
        (
            refusal(400, "unsupported_grant_type"),
            FailureKind::Misconfigured,
        ),
        (refusal(401, "invalid_client"), FailureKind::Misconfigured),
        (refusal(403, "access_denied"), FailureKind::Misconfigured),
        (Reply::new(401, ""), FailureKind::Misconfigured),
        (Reply::new(404, "<html>"), FailureKind::Misconfigured),
        (
            Reply::new(302, "").header("location", "/login"),
            FailureKind::Misconfigured,
        ),
        (Reply::new(200, "{}"), FailureKind::Misconfigured),
        (Reply::new(200, "<html>"), FailureKind::Misconfigured),
        (
            issued_with("access_token", json!("two words")),
            FailureKind::Misconfigured,
        ),
        (
            issued_with("access_token", json!(7)),
            FailureKind::Misconfigured,
        ),
        (
            issued_with("token_type", json!("DPoP")),
            FailureKind::Misconfigured,
        ),
        (
            issued_with(
                "issued_token_type",
                json!("urn:ietf:params:oauth:token-type:saml2"),
            ),
            FailureKind::Misconfigured,
        ),
        (
            Reply::new(503, "").header("retry-after", "5"),
            FailureKind::Unavailable,
        ),
        (Reply::new(429, ""), FailureKind::Unavailable),
        (issued(60).cut_short(), FailureKind::Unavailable),
    ]
    .into_iter()
    .enumerate()
    {
        let said = format!("{reply:?}");
        bench.answers(reply);
        let failure = bench
            .validator
            .decide(&bench.token(&format!("p{number}")))
            .await
            .unwrap_err();
        assert_eq!(failure.kind(), kind, "{said}: {}", failure.log_detail());
        assert!(
            !failure.log_detail().contains("canary"),
            "{}",
            failure.log_detail()
        );
    }
}

#[tokio::test]
async fn a_token_lasts_as_long_as_the_shortest_word_on_it() {
    let bench = Bench::new(|options| options["max_cache_ttl"] = 200.into()).await;
    let jwt = |exp: i64| Signer::rs256().token(&json!({ "exp": exp }));
    for (number, (token, expires_in, ttl)) in [
        ("opaque".to_owned(), json!(100), 85),
        ("opaque".to_owned(), json!("100"), 85),
        ("opaque".to_owned(), json!(null), 45),
        ("opaque".to_owned(), json!(100_000), 200),
        (jwt(NOW + 50), json!(100), 35),
        (jwt(NOW + 50), json!(null), 35),
        (jwt(NOW - 50), json!(100), 0),
        ("opaque".to_owned(), json!(-5), 0),
    ]
    .into_iter()
    .enumerate()
    {
        bench.answers(Reply::json(
            &json!({ "access_token": token, "expires_in": expires_in, "scope": "x y" }),
        ));
        let identity = bench
            .validator
            .decide(&bench.token(&format!("p{number}")))
            .await
            .unwrap();
        assert_eq!(
            identity.get_cache_ttl(),
            Some(Duration::from_secs(ttl)),
            "{expires_in} {number}"
        );
        assert_eq!(identity.get_scopes(), ["x", "y"]);
    }
}

#[tokio::test]
async fn the_actors_token_is_read_anew_from_its_file() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("actor");
    fs::write(&file, "first\n").unwrap();
    let bench = Bench::new(|options| options["actor_token_file"] = file.to_str().into()).await;
    for (actor, person) in [("first", "a"), ("second", "b")] {
        fs::write(&file, format!("{actor}\n")).unwrap();
        bench.validator.decide(&bench.token(person)).await.unwrap();
        assert_eq!(
            bench
                .asked
                .lock()
                .clone()
                .unwrap()
                .field("actor_token")
                .unwrap(),
            actor
        );
    }
    fs::remove_file(&file).unwrap();
    let failure = bench.validator.decide(&bench.token("c")).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Misconfigured);
}

#[tokio::test]
async fn wrong_options_are_refused_with_one_line() {
    for (change, why) in [
        (json!({ "client_id": null }), "client_id"),
        (
            json!({ "actor_token": "a", "actor_token_file": "/f" }),
            "leave one out",
        ),
        (json!({ "target_resource": "datahub" }), "target_resource"),
        (json!({ "audience": "" }), "OIDC_AUDIENCE"),
        (
            json!({ "token_endpoint": "http://idp.example/token" }),
            "allow_http",
        ),
    ] {
        let mut options = json!({
            "issuer_url": "https://idp.example", "audience": "mcp", "client_id": "c", "client_secret": "s",
        });
        for (name, value) in change.as_object().unwrap() {
            options[name] = value.clone();
        }
        let config: Config = serde_json::from_value(options).unwrap();
        assert_misconfigured(TokenExchange::new(&config, Clock::system()), why);
    }
}

#[test]
fn the_schema_names_every_option_and_nothing_else_passes() {
    assert_schema::<TokenExchange>(
        &[
            ("issuer_url", "OIDC_ISSUER_URL"),
            ("audience", "OIDC_AUDIENCE"),
            ("leeway", "OIDC_LEEWAY"),
            ("client_id", "OIDC_CLIENT_ID"),
        ],
        &["client_secret", "actor_token"],
    );
}
