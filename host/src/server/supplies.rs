//! The supplies that requests take from, and the one that each request counts for.

use std::{
    hash::{BuildHasher, RandomState},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use datahub::Caller;
use foundation::{client_address::ClientAddress, identity::Principal, shares::Exhausted};
use http::Extensions;

use super::{
    settings::Limits,
    shares::{Holder, Supply},
};

/// What requests take from all others while they are under way.
#[derive(Debug)]
pub(super) struct Supplies {
    /// Calls that are being answered.
    pub(super) requests: Arc<Supply>,
    /// Requests to the sign-in that are being answered.
    pub(super) sign_ins: Arc<Supply>,
    /// Tokens that a validator is being asked about.
    pub(super) checks: Arc<Supply>,
    /// Bytes of bodies.
    pub(super) body_bytes: Arc<Supply>,
    digest: RandomState,
}

impl Supplies {
    pub(super) fn new(limits: &Limits) -> Self {
        /// The bodies of full size that fit at once.
        const BODIES: usize = 64;
        let body = limits.max_body_bytes.max(oauth::MAX_BODY_BYTES);
        Self {
            requests: Supply::new(limits.max_concurrent_requests, 1),
            sign_ins: Supply::new(limits.max_concurrent_requests, 1),
            checks: Supply::new(limits.max_concurrent_requests, 1),
            body_bytes: Supply::new(body.saturating_mul(BODIES), body),
            digest: RandomState::new(),
        }
    }

    /// The one that a request counts for: its person, once that is known, or its network.
    pub(super) fn holder(&self, request: &Extensions) -> Holder {
        match request.get::<Caller>().map(|caller| &caller.principal) {
            // All who send no token have the operator's.
            Some(person) if person.token_digest().is_some() => {
                let name = (person.validator(), person.subject());
                Holder::Person(self.digest.hash_one(name), person.digest())
            }
            _ => Holder::Network(request.get().map(|client: &ClientAddress| client.network())),
        }
    }

    /// The number by which a request with the operator's token counts at DataHub: that of its network.
    pub(super) fn number_of_stranger(
        &self,
        request: &Extensions,
        served_as: &Principal,
    ) -> Option<u64> {
        let network = || request.get().map(|client: &ClientAddress| client.network());
        let is_shared = served_as.token_digest().is_none();
        is_shared.then(|| self.digest.hash_one(network()))
    }

    /// What those hold who hold most of something, as lines of metrics: nobody, on usual days.
    pub(super) fn largest(&self) -> String {
        /// The most holders of one thing.
        const MOST: usize = 5;
        let mut text = String::new();
        for (of, supply) in [
            ("requests", &self.requests),
            ("sign_ins", &self.sign_ins),
            ("checks", &self.checks),
            ("body_bytes", &self.body_bytes),
        ] {
            for (holder, amount) in supply.largest(MOST) {
                let (kind, name) = match holder {
                    Holder::Person(_, digest) => ("person", digest.to_string()),
                    Holder::Network(Some(network)) => ("network", network.to_string()),
                    Holder::Network(None) => ("network", "unknown".to_owned()),
                };
                text += &format!(
                    "datahub_mcp_share_held{{of=\"{of}\",kind=\"{kind}\",holder=\"{name}\"}} {amount}\n"
                );
            }
        }
        match text.is_empty() {
            true => text,
            false => format!(
                "# HELP datahub_mcp_share_held what people and networks hold that hold more than half of a share\n\
                 # TYPE datahub_mcp_share_held gauge\n{text}"
            ),
        }
    }

    /// Waits for `check` of a token, within the share of the request's network unless the answer is
    /// known.
    ///
    /// # Errors
    /// If the network, or all, have too many of them under way.
    pub(super) async fn checked<T>(
        &self,
        request: &Extensions,
        check: impl Future<Output = T>,
    ) -> Result<T, Exhausted> {
        let mut check = pin!(check);
        if let Poll::Ready(known) = futures::poll!(&mut check) {
            return Ok(known);
        }
        let _taken = self.checks.take(self.holder(request), 1)?;
        Ok(check.await)
    }
}
