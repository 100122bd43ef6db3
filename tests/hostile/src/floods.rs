//! Errors and log records without end.

use std::sync::atomic::{AtomicU64, Ordering};

use plugin_api::sdk::{Failure, Identity, Request, TokenValidator};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::behaviour::{behave, triggers};

/// What to flood with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum What {
    /// Each call fails with `internal` and another text.
    Errors,
    /// Each call logs `count` warnings of `bytes` bytes, then behaves.
    Logs,
    /// A task of its own logs `count` warnings of `bytes` bytes from the start on, then ends.
    BackgroundLogs,
}

/// Floods.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct FloodsOptions {
    /// With what.
    what: What,
    /// How many records.
    #[serde(default = "thousand")]
    count: u64,
    /// How long each is, in bytes.
    #[serde(default = "thousand")]
    bytes: u64,
    /// Only for tokens that start with this.
    #[serde(default)]
    trigger: String,
}

fn thousand() -> u64 {
    1000
}

/// See [`FloodsOptions`].
pub(crate) struct Floods {
    options: FloodsOptions,
    calls: AtomicU64,
}

fn flood(count: u64, bytes: u64) {
    let text = "x ".repeat(usize::try_from(bytes).unwrap_or(usize::MAX) / 2);
    for number in 0..count {
        tracing::warn!(number, text, "flood");
    }
}

impl TokenValidator for Floods {
    type Config = FloodsOptions;

    fn create(options: FloodsOptions) -> Result<Self, Failure> {
        if options.what == What::BackgroundLogs {
            let (count, bytes) = (options.count, options.bytes);
            tokio::task::spawn_blocking(move || flood(count, bytes));
        }
        Ok(Self {
            options,
            calls: AtomicU64::new(0),
        })
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        if triggers(&request, &self.options.trigger) {
            match self.options.what {
                What::Errors => {
                    let call = self.calls.fetch_add(1, Ordering::Relaxed);
                    return Err(Failure::internal(format!("failure number {call}")));
                }
                What::Logs => flood(self.options.count, self.options.bytes),
                What::BackgroundLogs => {}
            }
        }
        behave(&request)
    }
}
