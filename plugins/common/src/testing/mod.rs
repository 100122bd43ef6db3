//! For the tests of the validators (feature `testing`): a small HTTP server, signing keys, an
//! identity provider made of both, and the requirements for their options. Never part of a plugin.

mod idp;
mod options;
mod server;
mod signer;

pub use self::{
    idp::{Idp, Mode, claims_for},
    options::{assert_misconfigured, assert_schema},
    server::{Asked, Reply, Server},
    signer::{Signer, b64, unsigned},
};
