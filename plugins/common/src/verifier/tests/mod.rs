//! The verifier against a provider of its own.

mod attacks;
mod keys;
mod shapes;
mod vectors;

use plugin_api::sdk::FailureKind;
use serde_json::json;

use super::*;
use crate::{
    options::{List, Seconds},
    testing::{Idp, Signer, claims_for},
};

const NOW: i64 = 1_800_000_000;

/// A verifier, its provider and the key that signs.
struct Bench {
    idp: Idp,
    signer: Signer,
    clock: Clock,
    verifier: Verifier,
}

impl Bench {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut OidcOptions)) -> Self {
        Self::signed_by(Signer::rs256(), change).await
    }

    async fn signed_by(signer: Signer, change: impl FnOnce(&mut OidcOptions)) -> Self {
        let idp = Idp::start(&[&signer]).await;
        let clock = Clock::manual(NOW);
        let verifier = Verifier::new(&options(&idp, change), clock.clone()).unwrap();
        Self {
            idp,
            signer,
            clock,
            verifier,
        }
    }

    fn claims(&self) -> Value {
        claims_for(&self.idp.issuer(), NOW)
    }

    fn changed(&self, change: impl FnOnce(&mut Value)) -> Value {
        let mut claims = self.claims();
        change(&mut claims);
        claims
    }

    fn without(&self, name: &str) -> Value {
        self.changed(|claims| {
            claims.as_object_mut().unwrap().remove(name);
        })
    }

    /// Both ways to ask must agree, once the keys are there.
    async fn ask(&self, token: &str) -> Result<Verified, Failure> {
        let slow = self.verifier.verify(token).await;
        if let Some(fast) = self.verifier.try_verify(token) {
            assert_eq!(fast.as_ref().ok(), slow.as_ref().ok());
            let kind =
                |answer: &Result<Verified, Failure>| answer.as_ref().err().map(Failure::kind);
            assert_eq!(kind(&fast), kind(&slow));
        }
        slow
    }

    async fn accepts(&self, claims: &Value) -> Verified {
        self.ask(&self.signer.token(claims))
            .await
            .unwrap_or_else(|failure| {
                panic!("{}: {claims}", failure.log_detail());
            })
    }

    async fn refuses(&self, claims: &Value, why: &str) {
        self.refuses_token(&self.signer.token(claims), FailureKind::Rejected, why)
            .await;
    }

    async fn refuses_token(&self, token: &str, kind: FailureKind, why: &str) {
        match self.ask(token).await {
            Ok(verified) => panic!("accepted as {verified:?}: {why}"),
            Err(failure) => {
                assert_eq!(failure.kind(), kind, "{}", failure.log_detail());
                assert!(
                    failure.log_detail().contains(why),
                    "{why}: {}",
                    failure.log_detail()
                );
                for part in token.split('.').filter(|part| part.len() > 24) {
                    assert!(
                        !failure.log_detail().contains(part),
                        "{}",
                        failure.log_detail()
                    );
                }
            }
        }
    }
}

fn options(idp: &Idp, change: impl FnOnce(&mut OidcOptions)) -> OidcOptions {
    let mut options = OidcOptions {
        issuer_url: Some(idp.issuer()),
        audience: List(vec!["mcp".to_owned()]),
        ..OidcOptions::default()
    };
    change(&mut options);
    options
}

#[tokio::test]
async fn a_good_token_of_every_algorithm_verifies_with_issuer_and_audience_alone() {
    for alg in [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    ] {
        let signer = match &alg[..2] {
            "RS" | "PS" => Signer::rs256().as_other(alg, "k"),
            _ => Signer::new(alg, "k"),
        };
        let bench = Bench::signed_by(signer, |_| {}).await;
        let verified = bench.accepts(&bench.claims()).await;
        assert_eq!(verified.subject, "ada", "{alg}");
        assert_eq!(verified.scopes, ["openid", "profile"]);
        assert_eq!(verified.expires_at, NOW as u64 + 310, "with leeway");
        assert_eq!(verified.claims["iss"], bench.idp.issuer());
    }
}

#[tokio::test]
async fn a_list_of_algorithms_restricts() {
    let list = |names: &str| Some(List(names.split(',').map(str::to_owned).collect()));
    let bench = Bench::signed_by(Signer::new("ES256", "k"), |o| o.algorithms = list("RS256")).await;
    bench.refuses(&bench.claims(), "OIDC_ALGORITHMS").await;
    let bench = Bench::signed_by(Signer::new("ES256", "k"), |o| {
        o.algorithms = list("RS256,ES256")
    })
    .await;
    bench.accepts(&bench.claims()).await;
}

#[tokio::test]
async fn wrong_options_are_refused_with_one_line_that_says_what_to_change() {
    let idp = Idp::start(&[]).await;
    type Change = fn(&mut OidcOptions);
    let cases: [(Change, &str); 9] = [
        (|o| o.issuer_url = None, "OIDC_ISSUER_URL"),
        (|o| o.audience = List(vec![]), "OIDC_AUDIENCE"),
        (
            |o| o.issuer_url = Some("http://idp.example".into()),
            "allow_http",
        ),
        (|o| o.algorithms = Some(List(vec!["HS256".into()])), "HS256"),
        (|o| o.algorithms = Some(List(vec!["none".into()])), "none"),
        (|o| o.leeway = Some(Seconds(601)), "OIDC_LEEWAY"),
        (|o| o.subject_claim = Some(String::new()), "subject_claim"),
        (|o| o.tenants = List(vec!["*".into()]), "tenants"),
        (
            |o| o.network.ca_file = Some("/nowhere/ca.pem".into()),
            "ca_file",
        ),
    ];
    for (change, why) in cases {
        let failure = Verifier::new(&options(&idp, change), Clock::system()).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Misconfigured);
        assert!(
            failure.log_detail().contains(why),
            "{}",
            failure.log_detail()
        );
        assert!(!failure.log_detail().contains('\n'));
    }
}

#[test]
fn options_are_read_from_words_as_well_as_from_json() {
    let read = |json: Value| serde_json::from_value::<OidcOptions>(json);
    let options = read(json!({
        "audience": "a, b,,c", "leeway": "30", "strict_typ": "true", "algorithms": ["RS256"],
    }))
    .unwrap();
    assert_eq!(options.audience.0, ["a", "b", "c"]);
    assert_eq!(options.leeway, Some(Seconds(30)));
    assert!(options.strict_typ.0);
    for bad in [
        json!({"leeway": -1}),
        json!({"leeway": "soon"}),
        json!({"strict_typ": "maybe"}),
        json!({"audience": 7}),
        json!({"audience": [7]}),
    ] {
        assert!(read(bad.clone()).is_err(), "{bad}");
    }
}
