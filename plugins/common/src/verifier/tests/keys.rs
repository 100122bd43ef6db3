//! The provider's keys over time: cold, flooded, rotated, stale, down, malicious.

use std::{sync::Arc, time::Duration};

use super::*;
use crate::testing::{Mode, Reply, b64};

impl Bench {
    /// Advances the time and waits until the fetches that are due have ended.
    async fn pass(&self, seconds: u64) {
        let mut fetches = self.verifier.provider.fetches();
        let before = *fetches.borrow_and_update();
        self.clock.advance(Duration::from_secs(seconds));
        self.verifier.provider.nudge();
        fetches.wait_for(|ended| *ended > before).await.unwrap();
    }

    fn token(&self) -> String {
        self.token_of(&self.signer)
    }

    /// A token of this key that is good at the moment.
    fn token_of(&self, signer: &Signer) -> String {
        signer.token(&claims_for(&self.idp.issuer(), self.clock.unix()))
    }
}

#[tokio::test]
async fn a_thousand_cold_starts_are_one_fetch() {
    let bench = Arc::new(Bench::new().await);
    let token = bench.token();
    let asks: Vec<_> = (0..1_000)
        .map(|_| {
            let (bench, token) = (Arc::clone(&bench), token.clone());
            tokio::spawn(async move { bench.verifier.verify(&token).await.is_ok() })
        })
        .collect();
    for ask in asks {
        assert!(ask.await.unwrap());
    }
    assert_eq!(bench.idp.key_fetches(), 1);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_is_one_fetch_in_each_cooldown() {
    let bench = Arc::new(Bench::new().await);
    bench.verifier.health().await.unwrap();
    // Only the names of the keys matter, so one signature does for all.
    let flood = async || {
        let token = bench.token();
        let (_, rest) = token.split_once('.').unwrap();
        let asks: Vec<_> = (0..500)
            .map(|number| {
                let header = json!({ "alg": "RS256", "kid": format!("k{number}") });
                let (bench, token) = (
                    Arc::clone(&bench),
                    format!("{}.{rest}", b64(header.to_string())),
                );
                tokio::spawn(async move { bench.verifier.verify(&token).await.unwrap_err().kind() })
            })
            .collect();
        let mut undecided = 0;
        for ask in asks {
            match ask.await.unwrap() {
                FailureKind::Rejected => {}
                FailureKind::Unavailable => undecided += 1,
                other => panic!("{other:?}"),
            }
        }
        undecided
    };
    for round in 1..=3 {
        assert_eq!(flood().await, 0, "the keys are as new as the tokens");
        assert_eq!(flood().await, 0);
        assert_eq!(bench.idp.key_fetches(), 1 + round);
        // During the cooldown the answer is immediate.
        let unknown = bench.token_of(&bench.signer.as_other("RS256", "other"));
        assert!(bench.verifier.try_verify(&unknown).is_some());
        bench.clock.advance(Duration::from_secs(9));
        assert_eq!(flood().await, 8, "a few of them might be new keys");
        assert_eq!(
            bench.idp.key_fetches(),
            1 + round,
            "the cooldown is ten seconds"
        );
        bench.ask(&bench.token()).await.unwrap();
        bench.clock.advance(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn a_key_that_may_be_new_is_undecided_in_the_cooldown() {
    let bench = Bench::new().await;
    bench.verifier.health().await.unwrap();
    let stranger = bench.signer.as_other("RS256", "made-up");
    bench
        .refuses_token(&bench.token_of(&stranger), FailureKind::Rejected, "no key")
        .await;
    let fetches = bench.idp.key_fetches();
    // Now the keys are rotated, and somebody signs in.
    let next = Signer::new("ES256", "ec-2");
    let before = bench.token_of(&next);
    bench.idp.publish(vec![bench.signer.jwk(), next.jwk()]);
    bench.clock.advance(Duration::from_secs(3));
    let token = bench.token_of(&next);
    bench
        .refuses_token(&token, FailureKind::Unavailable, "again in 7 s")
        .await;
    // The provider had no such key when these were issued.
    bench
        .refuses_token(&before, FailureKind::Rejected, "no key")
        .await;
    let mut undated = claims_for(&bench.idp.issuer(), bench.clock.unix());
    undated.as_object_mut().unwrap().remove("iat");
    bench
        .refuses_token(&next.token(&undated), FailureKind::Rejected, "no key")
        .await;
    assert_eq!(bench.idp.key_fetches(), fetches);
    bench.clock.advance(Duration::from_secs(7));
    bench.ask(&token).await.unwrap();
    assert_eq!(bench.idp.key_fetches(), fetches + 1);
}

#[tokio::test]
async fn the_cooldown_holds_for_an_empty_key_set_too() {
    let bench = Bench::new().await;
    bench.idp.publish(vec![]);
    bench.pass(3_600).await;
    let fetches = bench.idp.key_fetches();
    for _ in 0..50 {
        let failure = bench.verifier.verify(&bench.token()).await.unwrap_err();
        assert_eq!(
            failure.kind(),
            FailureKind::Unavailable,
            "an empty set says nothing of a token"
        );
    }
    assert_eq!(bench.idp.key_fetches(), fetches + 1);
    assert!(bench.verifier.health().await.is_err());
}

#[tokio::test]
async fn tokens_that_their_own_claims_rule_out_cause_no_fetch() {
    let bench = Bench::new().await;
    bench.verifier.health().await.unwrap();
    let unknown = bench.signer.as_other("RS256", "unknown");
    for claims in [
        bench.changed(|c| c["exp"] = 5.into()),
        bench.changed(|c| c["aud"] = "x".into()),
        bench.changed(|c| c["iss"] = "x".into()),
    ] {
        assert!(
            bench
                .verifier
                .verify(&unknown.token(&claims))
                .await
                .is_err()
        );
    }
    assert_eq!(bench.idp.key_fetches(), 1);
}

#[tokio::test]
async fn rotation_costs_one_fetch_and_no_error() {
    let bench = Bench::new().await;
    bench.ask(&bench.token()).await.unwrap();
    let next = Signer::new("ES256", "ec-2");
    bench.idp.publish(vec![bench.signer.jwk(), next.jwk()]);
    let token = bench.token_of(&next);
    assert!(
        bench.verifier.try_verify(&token).is_none(),
        "a new key needs I/O"
    );
    bench.ask(&token).await.unwrap();
    bench.ask(&bench.token()).await.unwrap();
    assert_eq!(bench.idp.key_fetches(), 2);

    // The same name for a new key.
    bench.clock.advance(Duration::from_secs(10));
    let same_name = Signer::new("ES256", "ec-2");
    bench.idp.publish(vec![bench.signer.jwk(), same_name.jwk()]);
    bench.ask(&bench.token_of(&same_name)).await.unwrap();
    assert_eq!(bench.idp.key_fetches(), 3);
    bench.clock.advance(Duration::from_secs(10));
    bench
        .refuses_token(&bench.token_of(&next), FailureKind::Rejected, "signature")
        .await;
}

#[tokio::test]
async fn a_withdrawn_key_ends_with_the_lifetime_of_the_set() {
    let bench = Bench::new().await;
    bench.idp.cache_control(Some("max-age=100"));
    bench.ask(&bench.token()).await.unwrap();
    bench.idp.publish(vec![Signer::new("ES256", "other").jwk()]);
    bench.pass(80).await;
    bench
        .refuses_token(&bench.token(), FailureKind::Rejected, "no key")
        .await;
}

#[tokio::test]
async fn keys_are_refreshed_ahead_and_served_stale_for_a_bounded_time() {
    let bench = Bench::with(|o| {
        o.keys_max_ttl = Some(Seconds(100));
        o.keys_max_stale = Some(Seconds(50));
    })
    .await;
    bench.ask(&bench.token()).await.unwrap();
    bench.pass(80).await;
    assert_eq!(
        bench.idp.key_fetches(),
        2,
        "refreshed before the end of its lifetime"
    );

    bench.idp.set(Mode::Every(Reply::new(500, "down")));
    bench.pass(80).await;
    bench.clock.advance(Duration::from_secs(69));
    bench.ask(&bench.token()).await.unwrap();
    bench.clock.advance(Duration::from_secs(1));
    bench
        .refuses_token(&bench.token(), FailureKind::Unavailable, "answers 500")
        .await;
    let fetches = bench.idp.key_fetches();
    bench
        .refuses_token(&bench.token(), FailureKind::Unavailable, "answers 500")
        .await;
    assert_eq!(
        bench.idp.key_fetches(),
        fetches,
        "no fetch in the pause after a failure"
    );

    bench.idp.set(Mode::Good);
    bench.pass(10).await;
    bench.ask(&bench.token()).await.unwrap();
}

#[tokio::test]
async fn a_key_that_the_provider_cannot_be_asked_about_is_nobodys_fault() {
    let bench = Bench::new().await;
    bench.ask(&bench.token()).await.unwrap();
    bench.idp.set(Mode::Every(Reply::new(503, "")));
    let unknown = bench.token_of(&bench.signer.as_other("RS256", "new-key"));
    bench
        .refuses_token(&unknown, FailureKind::Unavailable, "503")
        .await;
    assert!(
        bench.verifier.try_verify(&unknown).is_some(),
        "at once while the pause lasts"
    );
    bench.ask(&bench.token()).await.unwrap();
    // A wrong signature is wrong whether or not the provider answers.
    let forged = bench.token_of(&Signer::new("ES256", "x").as_other("ES256", "rsa-1"));
    assert_eq!(
        bench.ask(&forged).await.unwrap_err().kind(),
        FailureKind::Rejected
    );
}

#[tokio::test]
async fn a_provider_that_is_down_at_the_start_is_waited_for() {
    let signer = Signer::rs256();
    let idp = Idp::start(&[&signer]).await;
    idp.set(Mode::Every(Reply::new(503, "")));
    let clock = Clock::manual(NOW);
    let verifier = Verifier::new(&options(&idp, |_| {}), clock.clone()).unwrap();
    let bench = Bench {
        idp,
        signer,
        clock,
        verifier,
    };
    assert_eq!(
        bench.verifier.health().await.unwrap_err().kind(),
        FailureKind::Unavailable
    );
    bench
        .refuses_token(&bench.token(), FailureKind::Unavailable, "503")
        .await;
    bench.idp.set(Mode::Good);
    bench.pass(10).await;
    bench.verifier.health().await.unwrap();
    bench.ask(&bench.token()).await.unwrap();
}

#[tokio::test]
async fn a_caller_that_goes_away_stops_nobody_elses_fetch() {
    let bench = Bench::new().await;
    let token = bench.token();
    tokio::select! {
        biased;
        _ = bench.verifier.verify(&token) => panic!("answered at once"),
        () = std::future::ready(()) => {}
    }
    bench.ask(&token).await.unwrap();
    assert_eq!(bench.idp.key_fetches(), 1);
}

/// Rubbish instead of a key set or a document: the good keys stay.
#[tokio::test]
async fn what_a_broken_provider_sends_never_replaces_good_keys() {
    let elsewhere = crate::testing::Server::start(|_| Reply::new(200, "{}")).await;
    let bench = Bench::with(|o| o.keys_max_stale = Some(Seconds(1_000_000))).await;
    bench.ask(&bench.token()).await.unwrap();
    let redirect = Reply::new(302, "").header("location", elsewhere.at("keys").as_str());
    let bombs = (0..50).fold(Reply::new(200, "<html>"), |reply, n| {
        reply.header("set-cookie", format!("c{n}={}", "x".repeat(200)))
    });
    let wrong_issuer = json!({ "issuer": "https://evil.example", "jwks_uri": bench.idp.server().at("keys").as_str() });
    let off_scheme = json!({ "issuer": bench.idp.issuer(), "jwks_uri": "file:///etc/passwd" });
    let metadata =
        json!({ "issuer": bench.idp.issuer(), "jwks_uri": "http://169.254.169.254/keys" });
    for (name, mode) in [
        ("html", Mode::Keys(Reply::new(200, "<html>sign in</html>"))),
        ("404", Mode::Keys(Reply::new(404, ""))),
        ("500", Mode::Every(Reply::new(500, ""))),
        ("no keys member", Mode::Keys(Reply::new(200, "{}"))),
        (
            "cut short",
            Mode::Keys(Reply::new(200, r#"{"keys":["#).cut_short()),
        ),
        (
            "1 MiB and more",
            Mode::Keys(Reply::new(200, " ".repeat(4096)).endless(300)),
        ),
        ("redirect to another host", Mode::Keys(redirect.clone())),
        ("cookies", Mode::Keys(bombs)),
        ("wrong issuer", Mode::Discovery(Reply::json(&wrong_issuer))),
        ("file url", Mode::Discovery(Reply::json(&off_scheme))),
        ("cloud metadata", Mode::Discovery(Reply::json(&metadata))),
        ("discovery redirect", Mode::Discovery(redirect)),
        ("discovery html", Mode::Discovery(Reply::new(200, "<html>"))),
    ] {
        bench.idp.set(mode);
        bench.pass(3_700).await;
        let failure = bench.verifier.provider.failure();
        assert!(!failure.is_empty(), "{name}");
        bench
            .ask(&bench.token())
            .await
            .unwrap_or_else(|failure| panic!("{name}: {}", failure.log_detail()));
    }
    assert_eq!(elsewhere.requests(), 0, "nobody else was asked");
    bench.idp.set(Mode::Good);
    bench.pass(3_700).await;
    assert_eq!(bench.verifier.provider.failure(), "");
}

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed_three_times() {
    let bench = Bench::with(|o| {
        o.jwks_uri = o
            .issuer_url
            .as_ref()
            .map(|issuer| format!("{issuer}/moved").parse().unwrap())
    })
    .await;
    bench
        .idp
        .set(Mode::Every(Reply::new(302, "").header("location", "/keys")));
    assert!(bench.verifier.health().await.is_err(), "a loop ends");
    let server = crate::testing::Server::start({
        let key = bench.signer.jwk();
        move |asked| match asked.path.as_str() {
            "/a" => Reply::new(307, "").header("location", "b"),
            "/b" => Reply::new(301, "").header("location", "/c"),
            _ => Reply::json(&json!({ "keys": [key] })),
        }
    })
    .await;
    let verifier = Verifier::new(
        &options(&bench.idp, |o| o.jwks_uri = Some(server.at("a"))),
        bench.clock.clone(),
    )
    .unwrap();
    verifier.health().await.unwrap();
}

/// Takes the real time-out of five seconds.
#[tokio::test]
async fn a_provider_that_never_answers_is_given_up() {
    let bench = Bench::new().await;
    bench.idp.set(Mode::Every(Reply::hang()));
    bench
        .refuses_token(&bench.token(), FailureKind::Unavailable, "in time")
        .await;
    bench.idp.set(Mode::Good);
    bench.pass(10).await;
    bench.ask(&bench.token()).await.unwrap();
}
