//! Who is asking: the bearer token of a request, the challenge where there is none, and the
//! [`Principal`] that a validator made of it.
//!
//! Never decides whether a token is good: that is the plugin's word alone.

mod caller;
mod principal;

pub use self::{
    caller::{Caller, HttpOutcome},
    principal::{Principal, TokenDigest},
};
