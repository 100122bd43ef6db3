//! Identity: the [`Principal`] that a request is served as, and the [`Verdict`] of the validators
//! that makes one.
//!
//! The ground floor of the host: knows nothing of HTTP, plugins, sign-in or DataHub. A principal is
//! made by a verdict or from the operator's own token, and by nothing that a client sends.

mod principal;
mod token_check;
mod token_digest;
mod verdict;

pub use self::{
    principal::{Lease, Principal},
    token_check::TokenCheck,
    token_digest::TokenDigest,
    verdict::{Acceptance, Verdict},
};
