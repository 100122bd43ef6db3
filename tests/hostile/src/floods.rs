//! Floods the host with errors and log records.

use std::sync::atomic::{AtomicU64, Ordering};

use plugin_api::sdk::{Failure, Identity, Request, TokenValidator};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::behaviour::{behave, triggers};

/// The kind of flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum What {
    /// Each call fails with `internal` and a different text.
    Errors,
    /// Each call logs `count` warnings of `bytes` bytes, then answers normally.
    Logs,
    /// A separate task logs `count` warnings of `bytes` bytes from the start on, then ends.
    BackgroundLogs,
}

/// Floods the host with errors or log records.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct FloodsOptions {
    /// The kind of flood.
    what: What,
    /// The number of records.
    #[serde(default = "thousand")]
    count: u64,
    /// The length of each record, in bytes.
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
