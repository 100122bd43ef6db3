//! Who is asking: the bearer token of a request, the challenge where there is none, and the
//! principal that a validator made of it.
//!
//! Never decides whether a token is good: that is the plugin's word alone. Never answers HTTP:
//! `server::respond` turns an [`AuthError`] into a status.

mod authenticator;
mod bearer;
mod caller;
mod challenge;

pub use self::{
    authenticator::{AuthError, Authenticator},
    bearer::{BearerError, MAX_TOKEN_BYTES, bearer},
    caller::{Caller, HttpOutcome},
    challenge::Challenge,
};
