//! Validators for tests whose behaviour is a closure.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use foundation::{clock::Clock, identity::TokenDigest};
use parking_lot::Mutex;
use secrecy::SecretString;

use super::{
    Sha256Digest,
    boundary::{Accepted, Answer, Call, Failure, FailureKind, Instance, Question},
    serving::validator::{Check, Origin, Validator},
    settings::Limits,
};

type Validate = Box<dyn Fn(Question) -> Call<Answer> + Send + Sync>;
type TryValidate = Box<dyn Fn(&Question) -> Option<Answer> + Send + Sync>;

/// A validator whose behaviour is a closure.
pub(crate) struct Fake {
    try_validate: TryValidate,
    validate: Validate,
    health: Mutex<Result<(), Failure>>,
    pub(crate) tries: AtomicUsize,
    pub(crate) calls: AtomicUsize,
    pub(crate) shutdowns: AtomicUsize,
}

impl Fake {
    pub(crate) fn new(
        try_validate: impl Fn(&Question) -> Option<Answer> + Send + Sync + 'static,
        validate: impl Fn(Question) -> Call<Answer> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            try_validate: Box::new(try_validate),
            validate: Box::new(validate),
            health: Mutex::new(Ok(())),
            tries: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            shutdowns: AtomicUsize::new(0),
        })
    }

    /// Answers in `validate` with the result of `answer`.
    pub(crate) fn answering(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Self::new(
            |_| None,
            move |_| {
                let answer = answer();
                Box::pin(async move { answer })
            },
        )
    }

    /// Never answers.
    pub(crate) fn hanging() -> Arc<Self> {
        Self::new(|_| None, |_| Box::pin(std::future::pending()))
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Instance for Fake {
    fn try_validate(&self, question: &Question) -> Option<Answer> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        (self.try_validate)(question)
    }

    fn validate(&self, question: Question) -> Call<Answer> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        (self.validate)(question)
    }

    fn health(&self) -> Call<Result<(), Failure>> {
        let health = self.health.lock().clone();
        Box::pin(async move { health })
    }

    fn shutdown(&self) -> Call<()> {
        self.shutdowns.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {})
    }
}

pub(crate) fn accepted(subject: &str) -> Answer {
    Answer::Accepted(Accepted {
        subject: subject.to_owned(),
        resolved_token: Some(SecretString::from("datahub")),
        ..Accepted::default()
    })
}

pub(crate) fn failed(kind: FailureKind) -> Answer {
    Answer::Failed(Failure::new(kind, "because"))
}

pub(crate) fn validator(
    name: &str,
    instance: Arc<dyn Instance>,
    limits: &Limits,
    clock: &Clock,
) -> Arc<Validator> {
    let origin = Origin {
        name: name.to_owned(),
        path: PathBuf::from("/nowhere"),
        sha256: Sha256Digest::of(name.as_bytes()),
        abi_version: "test".to_owned(),
        version: "0".to_owned(),
        held_files: Vec::new(),
    };
    Arc::new(Validator::new(origin, instance, limits, clock.clone()).unwrap())
}

pub(crate) fn check(token: &str, deadline: Duration) -> Check {
    Check {
        token: Arc::new(SecretString::from(token)),
        digest: TokenDigest::of(token),
        request_id: Arc::from("request"),
        until: Instant::now() + deadline,
    }
}
