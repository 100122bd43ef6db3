//! The lowest layer of the host: the person that a request is served as, and the parts that every
//! other crate of the host may use. Depends on none of them.

#![forbid(unsafe_code)]

pub mod answer_by;
pub mod breaker;
pub mod client_address;
pub mod clock;
pub mod identity;
pub mod json_values;
pub mod public_url;
pub mod shares;
pub mod suggest;
pub mod unseen;
