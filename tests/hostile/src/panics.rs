//! Panics in any of its methods.
#![expect(clippy::panic, reason = "panics are what it is for")]

use plugin_api::sdk::{Failure, Identity, Request, TokenValidator};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::behaviour::{behave, triggers};

/// The place of the panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum At {
    /// In `create`.
    Create,
    /// In `try_validate`, on the host's thread.
    TryValidate,
    /// In the first poll of `validate`.
    FirstPoll,
    /// In a later poll of `validate`.
    LaterPoll,
    /// In the destructor of a cancelled future, which never answers.
    Cancel,
    /// With a payload whose destructor panics again.
    Payload,
    /// While a value is rendered for the log, within a span.
    LogRecord,
    /// In `health`.
    Health,
    /// In `shutdown`.
    Shutdown,
    /// In the validator's destructor.
    Drop,
}

/// Panics at one place.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PanicsOptions {
    /// The place of the panic.
    at: At,
    /// Only for tokens that start with this.
    #[serde(default)]
    trigger: String,
}

/// See [`PanicsOptions`].
pub(crate) struct Panics(PanicsOptions);

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("hostile destructor");
    }
}

/// Panics when it is rendered.
struct Unspeakable;

impl std::fmt::Debug for Unspeakable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("hostile value");
    }
}

impl TokenValidator for Panics {
    type Config = PanicsOptions;

    fn create(options: PanicsOptions) -> Result<Self, Failure> {
        assert!(options.at != At::Create, "hostile create");
        Ok(Self(options))
    }

    fn try_validate(&self, request: &Request) -> Option<Result<Identity, Failure>> {
        if self.0.at == At::TryValidate && triggers(request, &self.0.trigger) {
            // The message contains the token, which the host's log must not show.
            panic!("hostile try_validate of {}", request.token.expose());
        }
        None
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        if triggers(&request, &self.0.trigger) {
            match self.0.at {
                At::FirstPoll => panic!("hostile first poll of {}", request.token.expose()),
                At::LaterPoll => {
                    tokio::task::yield_now().await;
                    panic!("hostile later poll");
                }
                At::Cancel => {
                    let _bomb = Bomb;
                    std::future::pending::<()>().await;
                }
                At::Payload => std::panic::panic_any(Bomb),
                At::LogRecord => {
                    let span = tracing::error_span!("hostile", value = tracing::field::Empty);
                    span.in_scope(|| span.record("value", tracing::field::debug(Unspeakable)));
                }
                _ => {}
            }
        }
        behave(&request)
    }

    async fn health(&self) -> Result<(), Failure> {
        assert!(self.0.at != At::Health, "hostile health");
        Ok(())
    }

    async fn shutdown(&self) {
        assert!(self.0.at != At::Shutdown, "hostile shutdown");
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        assert!(self.0.at != At::Drop, "hostile drop");
    }
}
