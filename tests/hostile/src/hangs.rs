//! Never answers.

use std::time::{Duration, Instant};

use plugin_api::sdk::{Failure, Identity, Request, TokenValidator};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::behaviour::{behave, triggers};

/// The way in which the call hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum How {
    /// Waits without blocking its thread; only in `async` methods, elsewhere like `block`.
    Wait,
    /// Sleeps, which blocks its thread.
    Block,
    /// Spins, which keeps its thread busy.
    Spin,
    /// Waits for itself, for ever.
    Deadlock,
}

/// The method that hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum At {
    Create,
    TryValidate,
    #[default]
    Validate,
    Health,
    Shutdown,
}

/// Hangs in one method.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct HangsOptions {
    /// The way in which to hang.
    how: How,
    /// The method that hangs.
    #[serde(default)]
    at: At,
    /// The time for which to hang, in milliseconds. Default: a day.
    #[serde(default = "one_day")]
    for_ms: u64,
    /// Only for tokens that start with this.
    #[serde(default)]
    trigger: String,
    /// The start of its own tokens; others are not its own. Default: every token is.
    #[serde(default)]
    of: String,
}

fn one_day() -> u64 {
    24 * 60 * 60 * 1000
}

impl HangsOptions {
    fn hang(&self) {
        let time = Duration::from_millis(self.for_ms);
        match self.how {
            How::Wait | How::Block => std::thread::sleep(time),
            How::Deadlock => {
                let (sender, receiver) = std::sync::mpsc::channel::<()>();
                // The only sender is held by this thread itself.
                let _ = receiver.recv();
                drop(sender);
            }
            How::Spin => {
                let end = Instant::now() + time;
                while Instant::now() < end {
                    std::hint::spin_loop();
                }
            }
        }
    }

    async fn hang_async(&self) {
        match self.how {
            How::Wait => tokio::time::sleep(Duration::from_millis(self.for_ms)).await,
            How::Block | How::Spin | How::Deadlock => self.hang(),
        }
    }
}

/// See [`HangsOptions`].
pub(crate) struct Hangs(HangsOptions);

impl TokenValidator for Hangs {
    type Config = HangsOptions;

    fn create(options: HangsOptions) -> Result<Self, Failure> {
        if options.at == At::Create {
            options.hang();
        }
        Ok(Self(options))
    }

    fn try_validate(&self, request: &Request) -> Option<Result<Identity, Failure>> {
        if !triggers(request, &self.0.of) {
            return Some(Err(Failure::not_mine("begins otherwise")));
        }
        if self.0.at == At::TryValidate && triggers(request, &self.0.trigger) {
            self.0.hang();
        }
        None
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        if self.0.at == At::Validate && triggers(&request, &self.0.trigger) {
            self.0.hang_async().await;
        }
        behave(&request)
    }

    async fn health(&self) -> Result<(), Failure> {
        if self.0.at == At::Health {
            self.0.hang_async().await;
        }
        Ok(())
    }

    async fn shutdown(&self) {
        if self.0.at == At::Shutdown {
            self.0.hang_async().await;
        }
    }
}
