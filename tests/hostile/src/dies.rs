//! Ends the whole process. A host that loads the plugin into its own process does not survive this;
//! one that isolates its plugins does.

use plugin_api::sdk::{Failure, Identity, Request, TokenValidator};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::behaviour::{behave, triggers};

/// The way in which the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum How {
    /// `abort()`: SIGABRT.
    Abort,
    /// A write to an unmapped address: SIGSEGV.
    Segfault,
    /// `exit(code)`, as at a regular end.
    Exit,
    /// Unbounded recursion: SIGSEGV or SIGABRT.
    StackOverflow,
}

/// The method in which the process ends.
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

/// Ends the process in one method.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct DiesOptions {
    /// The way in which to end it.
    how: How,
    /// The method in which to end it.
    #[serde(default)]
    at: At,
    /// The code to exit with.
    #[serde(default)]
    code: i32,
    /// Only for tokens that start with this.
    #[serde(default)]
    trigger: String,
}

/// See [`DiesOptions`].
pub(crate) struct Dies(DiesOptions);

impl DiesOptions {
    fn die(&self) {
        match self.how {
            How::Abort => std::process::abort(),
            How::Segfault => segfault(),
            How::Exit => std::process::exit(self.code),
            How::StackOverflow => {
                recurse(&[0; 1024]);
            }
        }
    }
}

#[expect(unsafe_code, reason = "a segmentation fault is what it is for")]
fn segfault() {
    let nowhere = std::hint::black_box(8_usize);
    // SAFETY: none. The first page is never mapped, so this ends the process.
    unsafe { std::ptr::without_provenance_mut::<u64>(nowhere).write_volatile(1) };
}

#[expect(unconditional_recursion, reason = "a stack overflow is what it is for")]
fn recurse(buffer: &[u8; 1024]) -> u8 {
    let next = std::hint::black_box([buffer[0].wrapping_add(1); 1024]);
    recurse(&next).wrapping_add(next[1023])
}

impl TokenValidator for Dies {
    type Config = DiesOptions;

    fn create(options: DiesOptions) -> Result<Self, Failure> {
        if options.at == At::Create {
            options.die();
        }
        Ok(Self(options))
    }

    fn try_validate(&self, request: &Request) -> Option<Result<Identity, Failure>> {
        if self.0.at == At::TryValidate && triggers(request, &self.0.trigger) {
            self.0.die();
        }
        None
    }

    async fn validate(&self, request: Request) -> Result<Identity, Failure> {
        if self.0.at == At::Validate && triggers(&request, &self.0.trigger) {
            self.0.die();
        }
        behave(&request)
    }

    async fn health(&self) -> Result<(), Failure> {
        if self.0.at == At::Health {
            self.0.die();
        }
        Ok(())
    }

    async fn shutdown(&self) {
        if self.0.at == At::Shutdown {
            self.0.die();
        }
    }
}
