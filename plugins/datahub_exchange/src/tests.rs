use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use plugin_api::sdk::FailureKind;
use serde_json::{Value, json};
use validator_common::testing::{
    Asked, Idp, Reply, Server, Signer, assert_misconfigured, assert_schema, claims_for,
};

use super::{
    minted_tokens::{REPLACE_EVERY, TAKEN_FOR},
    *,
};

const NOW: i64 = 1_800_000_000;

/// A DataHub that mints tokens for its users.
#[derive(Default)]
struct Hub {
    /// Urn to status; null is a user that does not exist.
    people: Mutex<HashMap<String, Value>>,
    mints: AtomicUsize,
    revoked: Mutex<Vec<String>>,
    /// Tokens of people that are no longer accepted.
    dead: Mutex<Vec<String>>,
    /// The number of `me` queries.
    asked_me: AtomicUsize,
    /// The answer to give instead.
    fault: Mutex<Option<Reply>>,
    clock: Option<Clock>,
}

impl Hub {
    fn answer(&self, asked: &Asked) -> Reply {
        if let Some(fault) = self.fault.lock().clone() {
            return fault;
        }
        let body = asked.json();
        let query = body["query"].as_str().unwrap();
        let bearer = asked.headers["authorization"].as_str();
        if query.contains("me {") {
            self.asked_me.fetch_add(1, Ordering::SeqCst);
            let token = bearer.strip_prefix("Bearer ").unwrap();
            assert!(token.starts_with("minted-canary-"), "asked as {token}");
            return if self.dead.lock().iter().any(|dead| dead == token) {
                Reply::new(401, "")
            } else {
                Reply::json(&json!({ "data": { "me": {} } }))
            };
        }
        assert_eq!(bearer, "Bearer service-canary");
        let now = self.clock.as_ref().map_or(NOW, Clock::unix);
        if query.contains("corpUser(") {
            let status = self
                .people
                .lock()
                .get(body["variables"]["urn"].as_str().unwrap())
                .cloned();
            let user = json!({ "exists": status.is_some(), "status": status });
            return Reply::json(&json!({ "data": { "corpUser": user } }));
        }
        if query.contains("revokeAccessToken") {
            self.revoked
                .lock()
                .push(body["variables"]["tokenId"].as_str().unwrap().to_owned());
            return Reply::json(&json!({ "data": { "revokeAccessToken": true } }));
        }
        let input = &body["variables"]["input"];
        assert_eq!(
            (&input["type"], &input["duration"]),
            (&json!("PERSONAL"), &json!("ONE_HOUR"))
        );
        let number = self.mints.fetch_add(1, Ordering::SeqCst) + 1;
        let user = input["actorUrn"]
            .as_str()
            .unwrap()
            .rsplit(':')
            .next()
            .unwrap();
        Reply::json(&json!({ "data": { "createAccessToken": {
            "accessToken": format!("minted-canary-{user}-{number}"),
            "metadata": { "id": format!("id-{number}"), "expiresAt": (now + 3_600) * 1_000 },
        } } }))
    }
}

struct Bench {
    idp: Idp,
    hub: Arc<Hub>,
    _server: Server,
    clock: Clock,
    validator: DatahubExchange,
}

impl Bench {
    async fn new(change: impl FnOnce(&mut Value)) -> Self {
        let idp = Idp::start(&[&Signer::rs256()]).await;
        let clock = Clock::manual(NOW);
        let people = ["ada@x", "grace@x", "edsger@x"]
            .map(|name| (format!("urn:li:corpuser:{name}"), json!("ACTIVE")));
        let hub = Arc::new(Hub {
            people: Mutex::new(people.into()),
            clock: Some(clock.clone()),
            ..Hub::default()
        });
        let shared = Arc::clone(&hub);
        let server = Server::start(move |asked| shared.answer(asked)).await;
        let mut options = json!({
            "issuer_url": idp.issuer(), "audience": "mcp", "gms_url": server.url,
            "service_token": "service-canary",
        });
        change(&mut options);
        let config: Config = serde_json::from_value(options).unwrap();
        assert!(!format!("{config:?}").contains("canary"));
        let validator = DatahubExchange::new(&config, clock.clone()).unwrap();
        Self {
            idp,
            hub,
            _server: server,
            clock,
            validator,
        }
    }

    /// A fresh token of this person; each is different.
    fn token(&self, email: &str) -> String {
        let mut claims = claims_for(&self.idp.issuer(), self.clock.unix());
        claims["email"] = email.into();
        claims["sub"] = format!("sub-of-{email}").into();
        claims["jti"] = self.clock.elapsed().as_millis().to_string().into();
        Signer::rs256().token(&claims)
    }

    async fn resolved(&self, email: &str) -> String {
        let identity = self.validator.decide(&self.token(email)).await.unwrap();
        identity.get_resolved_token().unwrap().expose().to_owned()
    }

    async fn refused(&self, email: &str) -> Failure {
        let failure = self.validator.decide(&self.token(email)).await.unwrap_err();
        assert!(
            !failure.log_detail().contains("canary"),
            "{}",
            failure.log_detail()
        );
        failure
    }

    fn mints(&self) -> usize {
        self.hub.mints.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_person_gets_one_token_of_their_own_for_the_hour() {
    let bench = Bench::new(|_| {}).await;
    let identity = bench.validator.decide(&bench.token("ada@x")).await.unwrap();
    assert_eq!(identity.subject(), "sub-of-ada@x");
    assert_eq!(
        identity.claim("datahub_user"),
        Some(&json!("urn:li:corpuser:ada@x"))
    );
    assert_eq!(
        identity.get_resolved_token().unwrap().expose(),
        "minted-canary-ada@x-1"
    );
    assert_eq!(
        identity.get_expires_at(),
        Some(NOW as u64 + 310),
        "no longer than the person's own token"
    );
    assert_eq!(identity.get_cache_ttl(), Some(Duration::from_secs(2_880)));
    bench.clock.advance(Duration::from_secs(1_000));
    assert_eq!(
        bench.resolved("ada@x").await,
        "minted-canary-ada@x-1",
        "a new sign-in mints nothing"
    );
    assert_eq!(bench.resolved("grace@x").await, "minted-canary-grace@x-2");
    assert_eq!(bench.mints(), 2);
    assert!(!format!("{:?}", bench.validator).contains("canary"));
}

/// The host asks again about a token that it has cached only because DataHub refused it.
#[tokio::test]
async fn a_token_that_was_revoked_at_datahub_is_minted_anew() {
    let bench = Arc::new(Bench::new(|_| {}).await);
    assert_eq!(bench.resolved("ada@x").await, "minted-canary-ada@x-1");
    bench.clock.advance(TAKEN_FOR);
    assert_eq!(bench.resolved("ada@x").await, "minted-canary-ada@x-1");
    assert_eq!(bench.resolved("ada@x").await, "minted-canary-ada@x-1");
    assert_eq!(bench.hub.asked_me.load(Ordering::SeqCst), 1, "asked once");

    let dead = "minted-canary-ada@x-1".to_owned();
    bench.hub.dead.lock().push(dead);
    bench.clock.advance(TAKEN_FOR);
    assert!(bench.validator.people.held(&urn("ada@x")).is_none());
    let asks: Vec<_> = (0..20)
        .map(|_| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move { bench.resolved("ada@x").await })
        })
        .collect();
    for ask in asks {
        assert_eq!(ask.await.unwrap(), "minted-canary-ada@x-2");
    }
    assert_eq!(bench.mints(), 2);
    // A DataHub that refuses the tokens it mints is not asked for one after the other, and the
    // person is not sent to sign in again for it.
    let dead = "minted-canary-ada@x-2".to_owned();
    bench.hub.dead.lock().push(dead);
    bench.clock.advance(TAKEN_FOR);
    let failure = bench.refused("ada@x").await;
    assert_eq!(failure.kind(), FailureKind::Unavailable);
    assert_eq!(bench.mints(), 2);
    bench.clock.advance(REPLACE_EVERY);
    assert_eq!(bench.resolved("ada@x").await, "minted-canary-ada@x-3");
    // A person who lost their account meanwhile gets no other token.
    bench.hub.people.lock().clear();
    let dead = "minted-canary-ada@x-3".to_owned();
    bench.hub.dead.lock().push(dead);
    bench.clock.advance(REPLACE_EVERY);
    assert_eq!(bench.refused("ada@x").await.kind(), FailureKind::Rejected);
}

#[tokio::test]
async fn two_hundred_requests_at_once_mint_once_for_each_person() {
    let bench = Arc::new(Bench::new(|_| {}).await);
    let asks: Vec<_> = (0..200)
        .map(|number| {
            let bench = Arc::clone(&bench);
            let person = ["ada@x", "grace@x"][number % 2];
            tokio::spawn(async move { (person, bench.resolved(person).await) })
        })
        .collect();
    for ask in asks {
        let (person, token) = ask.await.unwrap();
        assert!(token.contains(person), "{person} got {token}");
    }
    assert_eq!(bench.mints(), 2);
}

#[tokio::test]
async fn a_caller_that_goes_away_causes_no_second_mint() {
    let bench = Bench::new(|_| {}).await;
    bench.resolved("grace@x").await;
    let token = bench.token("ada@x");
    for _ in 0..5 {
        // Polled once, so that the mint begins, and dropped.
        tokio::select! {
            biased;
            _ = bench.validator.decide(&token) => panic!("answered at once"),
            () = std::future::ready(()) => {}
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.resolved("ada@x").await, "minted-canary-ada@x-2");
    assert_eq!(bench.mints(), 2);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_and_nobody_waits() {
    let bench = Bench::new(|_| {}).await;
    bench.resolved("ada@x").await;
    bench.clock.advance(Duration::from_secs(2_880));
    let request = Request {
        token: plugin_api::sdk::Token::new(bench.token("ada@x")),
        request_id: String::new(),
        deadline: Duration::from_secs(1),
    };
    assert!(
        bench.validator.try_validate(&request).is_none(),
        "a renewal needs a runtime"
    );
    assert_eq!(bench.resolved("ada@x").await, "minted-canary-ada@x-1");
    assert_eq!(bench.resolved("ada@x").await, "minted-canary-ada@x-1");
    let renewed = async {
        while bench.validator.people.held(&urn("ada@x")).is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, renewed).await.unwrap();
    assert_eq!(bench.resolved("ada@x").await, "minted-canary-ada@x-2");
    assert_eq!(bench.mints(), 2, "renewed once");

    // DataHub is down when the next renewal is due: the token serves to its end and no longer.
    *bench.hub.fault.lock() = Some(Reply::new(503, ""));
    bench.clock.advance(Duration::from_secs(3_599));
    assert_eq!(bench.resolved("ada@x").await, "minted-canary-ada@x-2");
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(
        bench.refused("ada@x").await.kind(),
        FailureKind::Unavailable
    );
}

fn urn(email: &str) -> UserUrn {
    let claims = json!({ "email": email });
    let mapping = Config::default().mapping().unwrap();
    mapping.user(claims.as_object().unwrap()).unwrap()
}

#[tokio::test]
async fn whom_datahub_does_not_have_is_refused_without_a_mint() {
    let bench = Bench::new(|_| {}).await;
    assert_eq!(
        bench.refused("nobody@x").await.kind(),
        FailureKind::Rejected
    );
    bench
        .hub
        .people
        .lock()
        .insert("urn:li:corpuser:ada@x".into(), json!("SUSPENDED"));
    let failure = bench.refused("ada@x").await;
    assert!(
        failure.log_detail().contains("suspended"),
        "{}",
        failure.log_detail()
    );
    bench
        .hub
        .people
        .lock()
        .insert("urn:li:corpuser:datahub".into(), json!("ACTIVE"));
    assert_eq!(bench.refused("datahub").await.kind(), FailureKind::Rejected);
    assert_eq!(bench.mints(), 0);
    let lax = Bench::new(|options| options["require_user"] = false.into()).await;
    assert!(lax.resolved("new@x").await.contains("new@x"));
}

#[tokio::test]
async fn trouble_at_datahub_is_never_the_persons_fault() {
    let bench = Bench::new(|_| {}).await;
    let forbidden = json!({ "data": { "corpUser": null }, "errors": [{ "message": "no", "extensions": { "code": 403 } }] });
    for (fault, kind, why) in [
        (
            Reply::new(401, ""),
            FailureKind::Misconfigured,
            "DATAHUB_SERVICE_TOKEN",
        ),
        (
            Reply::json(&forbidden),
            FailureKind::Misconfigured,
            "Manage All Access Tokens",
        ),
        (
            Reply::new(200, "<html>"),
            FailureKind::Misconfigured,
            "gms_url",
        ),
        (
            Reply::new(429, "").header("retry-after", "3"),
            FailureKind::Unavailable,
            "429",
        ),
        (Reply::new(500, ""), FailureKind::Unavailable, "500"),
    ] {
        *bench.hub.fault.lock() = Some(fault);
        let failure = bench.refused("ada@x").await;
        assert_eq!(failure.kind(), kind, "{}", failure.log_detail());
        assert!(
            failure.log_detail().contains(why),
            "{}",
            failure.log_detail()
        );
    }
    *bench.hub.fault.lock() = None;
    bench.resolved("ada@x").await;
}

#[tokio::test]
async fn everything_is_revoked_at_the_end_and_nothing_minted_after() {
    let bench = Bench::new(|_| {}).await;
    for person in ["ada@x", "grace@x", "edsger@x"] {
        bench.resolved(person).await;
    }
    bench.validator.shutdown().await;
    let mut revoked = bench.hub.revoked.lock().clone();
    revoked.sort();
    assert_eq!(revoked, ["id-1", "id-2", "id-3"]);
    bench.clock.advance(Duration::from_secs(4_000));
    assert_eq!(
        bench.refused("ada@x").await.kind(),
        FailureKind::Unavailable
    );
    assert_eq!(bench.mints(), 3);
}

#[tokio::test]
async fn the_number_of_people_is_bounded_and_the_oldest_token_ends() {
    let bench = Bench::new(|options| options["max_people"] = 2.into()).await;
    for person in ["ada@x", "grace@x", "edsger@x"] {
        bench.resolved(person).await;
        bench.clock.advance(Duration::from_secs(10));
    }
    assert_eq!(*bench.hub.revoked.lock(), ["id-1"]);
    assert_eq!(bench.resolved("ada@x").await, "minted-canary-ada@x-4");
    assert_eq!(*bench.hub.revoked.lock(), ["id-1", "id-2"]);
}

#[tokio::test]
async fn what_does_not_verify_never_reaches_datahub() {
    let bench = Bench::new(|_| {}).await;
    let token = bench.token("ada@x");
    for bad in ["opaque", &token[..token.len() - 4]] {
        assert!(bench.validator.decide(bad).await.is_err());
    }
    assert_eq!(bench._server.requests(), 0);
}

#[tokio::test]
async fn wrong_options_are_refused_with_one_line() {
    for (change, why) in [
        (json!({ "gms_url": null }), "DATAHUB_GMS_URL"),
        (json!({ "service_token": null }), "DATAHUB_SERVICE_TOKEN"),
        (
            json!({ "service_token": "two words" }),
            "DATAHUB_SERVICE_TOKEN",
        ),
        (json!({ "user_regex": "(" }), "user_regex"),
        (json!({ "user_claim": "" }), "user_claim"),
        (json!({ "max_people": 0 }), "max_people"),
        (json!({ "audience": "" }), "OIDC_AUDIENCE"),
    ] {
        let mut options = json!({
            "issuer_url": "https://idp.example", "audience": "mcp", "gms_url": "http://datahub",
            "service_token": "s",
        });
        for (name, value) in change.as_object().unwrap() {
            options[name] = value.clone();
        }
        let config: Config = serde_json::from_value(options).unwrap();
        assert_misconfigured(DatahubExchange::new(&config, Clock::system()), why);
    }
}

#[test]
fn the_schema_names_every_option_and_nothing_else_passes() {
    assert_schema::<DatahubExchange>(
        &[
            ("issuer_url", "OIDC_ISSUER_URL"),
            ("audience", "OIDC_AUDIENCE"),
            ("leeway", "OIDC_LEEWAY"),
            ("gms_url", "DATAHUB_GMS_URL"),
            ("service_token", "DATAHUB_SERVICE_TOKEN"),
        ],
        &["service_token"],
    );
}
