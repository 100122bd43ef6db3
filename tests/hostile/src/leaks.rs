//! Takes resources and never releases them.

use std::fs::File;

use plugin_api::sdk::{Failure, Identity, Request, TokenValidator};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::behaviour::{behave, triggers};

/// Leaks on each call, then answers normally.
#[derive(Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct LeaksOptions {
    /// Memory, in KiB.
    kib: usize,
    /// File descriptors.
    files: usize,
    /// Threads.
    threads: usize,
    /// Only for tokens that start with this.
    trigger: String,
}

impl Default for LeaksOptions {
    fn default() -> Self {
        Self {
            kib: 64,
            files: 0,
            threads: 0,
            trigger: String::new(),
        }
    }
}

/// See [`LeaksOptions`].
pub(crate) struct Leaks(LeaksOptions);

impl TokenValidator for Leaks {
    type Config = LeaksOptions;

    fn create(options: LeaksOptions) -> Result<Self, Failure> {
        Ok(Self(options))
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        if triggers(&request, &self.0.trigger) {
            // The bytes are not zero, so that the memory is really allocated.
            std::mem::forget(vec![1_u8; self.0.kib * 1024]);
            for _ in 0..self.0.files {
                if let Ok(file) = File::open("/dev/null") {
                    std::mem::forget(file);
                }
            }
            for _ in 0..self.0.threads {
                let builder = std::thread::Builder::new().name("leaked".into());
                // A failure means that the limit on threads is reached, which is the aim.
                let _ = builder.spawn(std::thread::park);
            }
        }
        behave(&request)
    }
}
