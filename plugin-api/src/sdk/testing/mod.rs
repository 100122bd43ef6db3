//! A harness for a vendor's tests (feature `testing`): a validator behind the same adapter as in
//! the library that the host loads, in the test's own process. Guards, runtime, conversions and log
//! forwarding are the real ones; only the loading is left out.
//!
//! ```
//! use plugin_api::sdk::{Failure, Identity, NoOptions, Request, TokenValidator, testing::Harness};
//! use serde_json::json;
//! # struct Notary;
//! # impl TokenValidator for Notary {
//! #     type Config = NoOptions;
//! #     fn create(_: NoOptions) -> Result<Self, Failure> { Ok(Self) }
//! #     async fn validate(&self, request: Request) -> Result<Identity, Failure> {
//! #         match request.token.expose().strip_prefix("notarised-") {
//! #             Some(who) => Ok(Identity::new(who).resolved_token(request.token.expose())),
//! #             None => Err(Failure::not_mine("has no notary's prefix")),
//! #         }
//! #     }
//! # }
//!
//! let notary = Harness::new::<Notary>(json!({})).unwrap();
//! assert_eq!(notary.ask("notarised-ada").expect_served().subject, "ada");
//! notary.ask("eyJhbGciOiJub25lIn0.e30.").expect_not_mine();
//! notary.expect_never_logged("notarised-ada");
//! ```
//!
//! Tests with servers of their own are `async` and use [`Harness::validate`], with any executor.
//! The host's `datahub-mcp plugins check` tests the rest: file descriptors, memory, and the
//! behaviour of the built library.

mod answer;
mod host;
mod wait;

use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use abi_stable::std_types::{ROption, RResult, RString};
use serde_json::Value;

pub use self::{
    answer::{Answer, Refusal, Served},
    host::LogLine,
    wait::{Deadline, block_on},
};
use super::{Failure, TokenValidator, config, shim};
use crate::newest::{self, Secret, ValidatorBox};

/// The time that [`Harness::validate`] waits for an answer, which is the host's default.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// One instance of a validator, called as the host calls it.
pub struct Harness {
    validator: ValidatorBox,
    id: String,
}

impl Harness {
    /// Creates the validator from its options, as JSON. Options that the schema does not name are
    /// refused, as by the host.
    ///
    /// # Errors
    /// The failure of `create`; [`Refusal::is_panic`] if it panicked.
    pub fn new<V: TokenValidator>(options: Value) -> Result<Self, Refusal> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        if let Some(unknown) = unknown_option(&config::schema::<V::Config>(), &options) {
            let failure = Failure::misconfigured(format!("there is no option `{unknown}`"));
            return Err(newest::Failure::from(failure).into());
        }
        let id = format!("harness#{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let config = Secret::new(options.to_string());
        let plugin_id = RString::from(id.as_str());
        // On a thread of its own: like the host's runtimes, that of an `async` test is not visible
        // in a library.
        let made = thread::scope(|scope| {
            let creation = scope.spawn(|| shim::create::<V>(plugin_id, &config, host::host()));
            creation.join()
        });
        match made {
            Ok(RResult::ROk(validator)) => Ok(Self { validator, id }),
            Ok(RResult::RErr(failure)) => Err(failure.into()),
            Err(payload) => std::panic::resume_unwind(payload),
        }
    }

    /// The JSON Schema that the library publishes for `V`.
    pub fn schema<V: TokenValidator>() -> Value {
        config::schema::<V::Config>()
    }

    /// Asks for an answer from memory only.
    pub fn try_validate(&self, token: &str) -> Option<Answer> {
        match self.validator.try_validate(&request(token, DEADLINE)) {
            ROption::RSome(outcome) => Some(Answer::from(outcome)),
            ROption::RNone => None,
        }
    }

    /// Asks as the host does: from memory, then with I/O, for [`DEADLINE`] at most. Dropping the
    /// future cancels the call. Several may run at once.
    pub async fn validate(&self, token: &str) -> Answer {
        self.validate_within(token, DEADLINE).await
    }

    /// [`Self::validate`] with another deadline.
    pub async fn validate_within(&self, token: &str, deadline: Duration) -> Answer {
        if let Some(answer) = self.try_validate(token) {
            return answer;
        }
        let call = self.validator.validate(request(token, deadline));
        match Deadline::new(call, deadline).await {
            Some(outcome) => Answer::from(outcome),
            None => Answer::TimedOut,
        }
    }

    /// [`Self::validate`] for a test that is not `async`.
    pub fn ask(&self, token: &str) -> Answer {
        block_on(self.validate(token))
    }

    /// Asks whether the validator could answer now.
    ///
    /// # Errors
    /// The failure of `health`.
    pub async fn health(&self) -> Result<(), Refusal> {
        self.validator
            .health()
            .await
            .into_result()
            .map_err(Refusal::from)
    }

    /// Shuts the validator down, as a host that stops.
    pub fn shutdown(&self) -> impl Future<Output = ()> + Send + use<> {
        self.validator.shutdown()
    }

    /// The records that the validator has logged so far through `tracing` (or `log`), oldest first.
    /// Empty if the test installed a subscriber of its own.
    pub fn logs(&self) -> Vec<LogLine> {
        host::lines(&self.id)
    }

    /// Asserts that `secret` is in no log line.
    ///
    /// # Panics
    /// If it is.
    #[track_caller]
    pub fn expect_never_logged(&self, secret: &str) {
        for line in self.logs() {
            let found = [&line.message, &line.fields, &line.target]
                .into_iter()
                .any(|text| text.contains(secret));
            assert!(
                !found,
                "a secret was logged at {} by {}",
                line.level, line.target
            );
        }
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        host::forget(&self.id);
    }
}

#[cfg(test)]
pub(super) fn test_host() -> newest::HostRef {
    host::host()
}

fn request(token: &str, deadline: Duration) -> newest::Request {
    newest::Request {
        token: Secret::new(token),
        request_id: "test-request".into(),
        deadline_ms: u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX),
        ext_json: RString::new(),
    }
}

fn unknown_option(schema: &Value, options: &Value) -> Option<String> {
    let known = schema.get("properties").and_then(Value::as_object);
    options
        .as_object()?
        .keys()
        .find(|name| !known.is_some_and(|known| known.contains_key(*name)))
        .cloned()
}
