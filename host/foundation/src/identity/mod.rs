//! Identity: the [`Principal`] that a request is served as, and the [`Verdict`] of the validators
//! that makes one.
//!
//! The lowest layer of the host: independent of HTTP, plugins, sign-in and DataHub. A principal is
//! made by a verdict or from the operator's own token, and never directly from client input.

mod person_digest;
mod principal;
mod token_check;
mod token_digest;
mod verdict;

pub use self::{
    person_digest::PersonDigest,
    principal::{Lease, Principal},
    token_check::TokenCheck,
    token_digest::TokenDigest,
    verdict::{Acceptance, Verdict},
};
