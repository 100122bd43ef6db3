//! The interface through which the authenticator has the plugin host check tokens.

use futures::future::BoxFuture;
use secrecy::SecretString;

use super::{TokenDigest, Verdict};

/// Checks bearer tokens: the validators, or a test's stand-in.
pub trait TokenCheck: Send + Sync + 'static {
    /// The verdict on `token`. `request_id` names the request in logs.
    fn check<'a>(&'a self, token: &'a SecretString, request_id: &'a str) -> BoxFuture<'a, Verdict>;

    /// Forgets the verdict on a token; the next request that presents it is checked again.
    fn evict(&self, token: &TokenDigest);
}
