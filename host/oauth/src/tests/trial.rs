//! The end of a sign-in: the token is tried, the person gets one sentence, the log one line with what
//! to change. And tokens that are too large as they are.

use axum::http::StatusCode;
use parking_lot::Mutex;

use super::{leaks::capture, *};
use crate::{Trial, Tried};

/// Decides as it was told, and keeps what it was asked.
pub(super) struct Answers {
    pub(super) next: Mutex<Tried>,
    asked: Mutex<Vec<String>>,
}

impl Answers {
    pub(super) fn new(next: Tried) -> Arc<Self> {
        Arc::new(Self {
            next: Mutex::new(next),
            asked: Mutex::default(),
        })
    }
}

impl Trial for Answers {
    fn try_token<'a>(&'a self, token: &'a SecretString) -> BoxFuture<'a, Tried> {
        use secrecy::ExposeSecret;
        self.asked.lock().push(token.expose_secret().to_owned());
        let next = self.next.lock().clone();
        Box::pin(async move { next })
    }
}

/// A sign-in up to the answer at the client, and the warnings on the way.
async fn signed_in(tried: Tried, mood: Mood) -> (Answer, Vec<String>) {
    let world = World::new().await;
    *world.trial.next.lock() = tried;
    let client = world.register("x").await;
    world.idp.set(mood);
    let (log, guards) = capture();
    let back = world.sign_in(&client, &mut Jar::default()).await;
    drop(guards);
    assert_eq!(world.trial.asked.lock().len(), 1);
    let text = log.text();
    let warnings = text.lines().filter(|line| line.contains(" WARN "));
    (back, warnings.map(str::to_owned).collect())
}

#[tokio::test]
async fn a_token_that_will_be_refused_ends_the_sign_in_with_one_sentence_and_one_warning() {
    let rejected = || Tried::Rejected {
        reason: "oidc: the audience is another".into(),
    };
    let refused = || Tried::RefusedByDataHub {
        reason: "DataHub does not accept the token".to_owned(),
    };
    for (tried, mood, said, settings) in [
        (
            rejected(),
            Mood::Good,
            "tell the people who run this server",
            "OAUTH_UPSTREAM_TOKEN",
        ),
        (
            rejected(),
            Mood::Groups(1),
            "tell the people who run this server",
            "OIDC_AUDIENCE",
        ),
        (
            refused(),
            Mood::Good,
            "ask the people who run DataHub",
            "datahub_exchange",
        ),
    ] {
        let reason = match &tried {
            Tried::Rejected { reason } => reason.to_string(),
            Tried::RefusedByDataHub { reason } => reason.clone(),
            other => panic!("{other:?}"),
        };
        let (back, warnings) = signed_in(tried, mood).await;
        assert_eq!(back.param("error").unwrap(), "access_denied");
        assert_eq!(back.param("code"), None);
        assert_eq!(back.param("iss").unwrap(), ISSUER);
        let description = back.param("error_description").unwrap();
        assert!(
            description.contains(said) && !description.contains(&reason),
            "{description}"
        );
        let [warning] = &warnings[..] else {
            panic!("one warning in {warnings:?}")
        };
        assert!(
            warning.contains(settings) && warning.contains(&reason),
            "{warning}"
        );
        assert!(!warning.contains("upstream-access"), "{warning}");
    }
}

#[tokio::test]
async fn a_neighbour_that_does_not_answer_does_not_end_the_sign_in() {
    for tried in [Tried::Served, Tried::Undecided] {
        let (back, warnings) = signed_in(tried, Mood::Good).await;
        assert!(back.param("code").is_some());
        assert_eq!(warnings, Vec::<String>::new());
    }
}

#[tokio::test]
async fn as_many_groups_as_a_provider_puts_into_a_token_fit() {
    // Entra ID names up to 200 groups in a JWT.
    for groups in [0, 1, 100, 157, 200] {
        let world = World::new().await;
        let client = world.register("x").await;
        world.idp.set(Mood::Groups(groups));
        let tokens = world.tokens(&client).await;
        let access = text(&tokens, "access_token");
        assert!(access.len() <= 8_192, "{groups} groups: {}", access.len());
        let inner = world.open(&access).await.unwrap();
        assert_eq!(inner.split('.').count(), 3);
        assert_eq!(
            inner,
            world.trial.asked.lock()[0],
            "the token within is the provider's"
        );
        let refreshed = world
            .refresh(&client, &text(&tokens, "refresh_token"))
            .await;
        assert_eq!(refreshed.status, StatusCode::OK, "{}", refreshed.body);
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_compressed_is_kept_in_the_store_and_only_there() {
    let world = World::new().await;
    let client = world.register("x").await;
    world.idp.set(Mood::Huge(9_000));
    let tokens = world.tokens(&client).await;
    let access = text(&tokens, "access_token");
    assert!(access.len() < 1_024, "{}", access.len());
    let inner = world.open(&access).await.unwrap();
    assert_eq!(inner, world.trial.asked.lock()[0]);
    // A new place for a new token; the old one stays until it expires.
    let refreshed = world
        .refresh(&client, &text(&tokens, "refresh_token"))
        .await;
    let newer = text(&refreshed.json(), "access_token");
    assert_ne!(world.open(&newer).await.unwrap(), inner);
    assert_eq!(world.open(&access).await.unwrap(), inner);
    // Nothing opens it elsewhere: not with the key, not with the store of another.
    let other = World::beside(
        FakeIdp::start().await,
        world.clock.clone(),
        |_| {},
        |clock| Arc::new(MemoryStore::new(clock, MAX_TRANSACTIONS)),
    );
    assert_eq!(other.open(&access).await, None);
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(world.open(&access).await, None);
}

#[tokio::test]
async fn a_kept_token_is_unavailable_and_not_invalid_while_the_store_is() {
    let world = World::new().await;
    let client = world.register("x").await;
    world.idp.set(Mood::Huge(9_000));
    let tokens = world.tokens(&client).await;
    let access = text(&tokens, "access_token");
    let failing = World::beside(
        FakeIdp::start().await,
        world.clock.clone(),
        |_| {},
        |_| Arc::new(crate::store::FailingStore),
    );
    let access = SecretString::from(access);
    let opened = failing.context.tokens.open(&access).await;
    assert!(matches!(opened, Opened::Unknown));
}

#[tokio::test]
async fn settings_that_do_not_fit_the_provider_are_no_outage() {
    let page = async |mood| {
        let world = World::new().await;
        let client = world.register("x").await;
        world.idp.set(mood);
        let (log, guards) = capture();
        let mut answers = Vec::new();
        // The second time within the pause after a failure.
        for _ in 0..2 {
            let mut jar = Jar::default();
            let page = jar.authorize(&world, &good_request(&client)).await;
            let answer = match page.status {
                StatusCode::OK => jar.decide(&world, &page, "approve").await,
                _ => page,
            };
            answers.push((answer.status, answer.body));
        }
        drop(guards);
        assert_eq!(answers[0], answers[1], "{mood:?}");
        (answers.remove(0), log.text())
    };
    let ((status, body), log) = page(Mood::Down).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("Wait a moment"), "{body}");
    assert!(!log.contains("OIDC_ISSUER_URL"), "{log}");

    let ((status, body), log) = page(Mood::OtherIssuer).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        body.contains("not set up correctly") && !body.contains("Wait"),
        "{body}"
    );
    assert!(log.contains("OIDC_ISSUER_URL"), "{log}");
}
