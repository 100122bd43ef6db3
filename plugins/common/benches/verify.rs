//! The number of tokens that a core verifies: this verifier with its keys in memory against a bare
//! `jsonwebtoken::decode` of the same tokens, interleaved. Run by hand:
//! `cargo bench -p validator-common --features testing`.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};
use validator_common::{
    Clock, OidcOptions, Verifier,
    testing::{Idp, Signer, claims_for},
};

const TOKENS: usize = 64;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(600);

/// Tokens of about 1 KB with ten claims, each different.
fn tokens(signer: &Signer, issuer: &str, now: i64) -> Vec<String> {
    let token = |number: usize| {
        let mut claims = claims_for(issuer, now);
        claims["sub"] = format!("person-{number}").into();
        claims["jti"] = format!("{number:032x}").into();
        claims["name"] = "Ada Lovelace".into();
        claims["email"] = "ada@example.com".into();
        claims["groups"] = json!((0..12).map(|n| format!("group-{n}")).collect::<Vec<_>>());
        signer.token(&claims)
    };
    (0..TOKENS).map(token).collect()
}

/// Calls per second of `verify`, one call per token in turn.
fn rate(tokens: &[String], mut verify: impl FnMut(&str)) -> f64 {
    let (started, mut calls) = (Instant::now(), 0_u32);
    while started.elapsed() < ROUND {
        for token in tokens {
            verify(black_box(token));
            calls += 1;
        }
    }
    f64::from(calls) / started.elapsed().as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

#[expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]
async fn compare(alg: &'static str, bare: Algorithm) {
    let signer = match alg {
        "RS256" => Signer::rs256(),
        "PS256" => Signer::rs256().as_other(alg, "k"),
        _ => Signer::new(alg, "k"),
    };
    let idp = Idp::start(&[&signer]).await;
    let options: OidcOptions =
        serde_json::from_value(json!({ "issuer_url": idp.issuer(), "audience": "mcp" }))
            .expect("options");
    let clock = Clock::system();
    let tokens = tokens(&signer, &idp.issuer(), clock.unix());
    let verifier = Verifier::new(&options, clock).expect("a verifier");
    verifier.health().await.expect("keys");

    let jwk = serde_json::from_value(signer.jwk()).expect("a JWK");
    let key = DecodingKey::from_jwk(&jwk).expect("a key");
    let mut validation = Validation::new(bare);
    validation.set_audience(&["mcp"]);
    validation.set_issuer(&[idp.issuer()]);

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(rate(&tokens, |token| {
            let answer = verifier.try_verify(token).expect("keys in memory");
            black_box(answer.expect("a good token"));
        }));
        theirs.push(rate(&tokens, |token| {
            black_box(decode::<Value>(token, &key, &validation).expect("a good token"));
        }));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "{alg}: {ours:>7.0}/s, jsonwebtoken {theirs:>7.0}/s, {:.0} %",
        100.0 * ours / theirs
    );
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        compare("RS256", Algorithm::RS256).await;
        compare("PS256", Algorithm::PS256).await;
        compare("ES256", Algorithm::ES256).await;
        compare("EdDSA", Algorithm::EdDSA).await;
    });
}
