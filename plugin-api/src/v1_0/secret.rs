//! Text that must not be printed and must not stay in memory.

use std::fmt;

use abi_stable::{StableAbi, std_types::RString};
use zeroize::Zeroize;

/// A token or another secret. Its `Debug` hides the text, it has no `Display`, and its memory
/// is wiped when it is dropped, whichever side drops it.
#[repr(transparent)]
#[derive(StableAbi, Clone, Default)]
pub struct Secret(RString);

impl Secret {
    /// Takes ownership of `text`, without a copy.
    pub fn new(text: impl Into<RString>) -> Self {
        Self(text.into())
    }

    /// The secret itself. Never log it, never put it into an error.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.as_mut_slice().zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([secret])")
    }
}
