//! For the tests of the validators (feature `testing`): a small HTTP server, signing keys, and an
//! identity provider made of both. Never part of a plugin.

mod idp;
mod server;
mod signer;

pub use self::{
    idp::{Idp, Mode, claims_for},
    server::{Asked, Reply, Server},
    signer::{Signer, b64, unsigned},
};
