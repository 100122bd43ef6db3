//! The ground floor of the host: the person that a request is served as, and what all other crates
//! of the host may use. Depends on none of them.

#![forbid(unsafe_code)]

pub mod breaker;
pub mod clock;
pub mod identity;
pub mod public_url;
pub mod suggest;
