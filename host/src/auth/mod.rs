//! Authentication of requests: the bearer token, the challenge if there is none, and the
//! [`Principal`] that a validator derived from the token.
//!
//! Never decides whether a token is valid: only the plugins do. Never answers HTTP:
//! `server::respond` turns an [`AuthError`] into a status.

mod authenticator;
mod bearer;
mod challenge;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod refusals;
mod trial;

pub use self::{
    authenticator::{AuthError, Authenticator, Refused},
    bearer::{BearerError, MAX_TOKEN_BYTES, bearer},
    challenge::Challenge,
    trial::SignInTrial,
};
