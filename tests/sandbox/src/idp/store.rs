//! The provider's store: codes, refresh tokens, issued access tokens, browser sessions.
//! Everything is bounded; the oldest entry is dropped first.

use std::collections::{HashMap, HashSet, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The largest number each of codes, refresh tokens and sessions.
const MAX_SHORT_LIVED: usize = 50_000;
/// The largest number of access tokens that introspection knows.
const MAX_ACCESS_TOKENS: usize = 200_000;

/// A random string of 256 bits, URL-safe.
pub(super) fn random_string() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// A map that drops its oldest entry when it is full.
#[derive(Debug)]
pub(super) struct Bounded<V> {
    entries: HashMap<String, V>,
    order: VecDeque<String>,
    capacity: usize,
}

impl<V> Bounded<V> {
    fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::new(),
            order: VecDeque::new(),
            capacity,
        }
    }

    pub(super) fn insert(&mut self, key: String, value: V) {
        if self.order.len() >= self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
        self.order.push_back(key.clone());
        self.entries.insert(key, value);
    }

    pub(super) fn get(&self, key: &str) -> Option<&V> {
        self.entries.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<V> {
        self.entries.remove(key)
    }
}

/// The grant of a person (or, without one, of a client), for which a code and refresh tokens stand.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) client_id: String,
    pub(super) username: String,
    pub(super) scope: String,
    pub(super) resource: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) auth_time: u64,
    /// The id shared by all tokens of one sign-in, which are revoked together.
    pub(super) family: String,
}

#[derive(Debug)]
pub(super) struct Code {
    pub(super) grant: Grant,
    pub(super) redirect_uri: String,
    pub(super) challenge: Option<String>,
    pub(super) expires: u64,
    pub(super) redeemed: bool,
}

#[derive(Debug)]
pub(super) struct Refresh {
    pub(super) grant: Grant,
    pub(super) expires: u64,
    pub(super) spent: bool,
}

#[derive(Debug)]
pub(super) struct Access {
    pub(super) claims: Value,
    pub(super) family: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) username: String,
    pub(super) auth_time: u64,
    pub(super) expires: u64,
}

#[derive(Debug)]
pub(super) struct Store {
    pub(super) codes: Bounded<Code>,
    pub(super) refresh: Bounded<Refresh>,
    pub(super) access: Bounded<Access>,
    pub(super) sessions: Bounded<Session>,
    ended: HashSet<String>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            codes: Bounded::new(MAX_SHORT_LIVED),
            refresh: Bounded::new(MAX_SHORT_LIVED),
            access: Bounded::new(MAX_ACCESS_TOKENS),
            sessions: Bounded::new(MAX_SHORT_LIVED),
            ended: HashSet::new(),
        }
    }
}

/// The reason why a code or a refresh token is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stale {
    #[error("unknown, or of another client")]
    Unknown,
    #[error("expired")]
    Expired,
    #[error("used before; everything issued from it has ended")]
    Replayed,
    #[error("ended")]
    Ended,
}

impl Store {
    /// Redeems the code. A second use revokes the tokens that the first one gave.
    pub(super) fn redeem(
        &mut self,
        code: &str,
        client_id: &str,
        now: u64,
    ) -> Result<(Grant, String, Option<String>), Stale> {
        let entry = self.codes.get_mut(code).ok_or(Stale::Unknown)?;
        if entry.grant.client_id != client_id {
            return Err(Stale::Unknown);
        }
        if entry.redeemed {
            let family = entry.grant.family.clone();
            self.ended.insert(family);
            return Err(Stale::Replayed);
        }
        entry.redeemed = true;
        if entry.expires <= now {
            return Err(Stale::Expired);
        }
        Ok((
            entry.grant.clone(),
            entry.redirect_uri.clone(),
            entry.challenge.clone(),
        ))
    }

    /// The grant of a refresh token, which this consumes if `rotate` is set. A second use revokes
    /// the family.
    pub(super) fn refresh(
        &mut self,
        token: &str,
        client_id: &str,
        now: u64,
        rotate: bool,
    ) -> Result<Grant, Stale> {
        let entry = self.refresh.get_mut(token).ok_or(Stale::Unknown)?;
        if entry.grant.client_id != client_id {
            return Err(Stale::Unknown);
        }
        if self.ended.contains(&entry.grant.family) {
            return Err(Stale::Ended);
        }
        if entry.expires <= now {
            return Err(Stale::Expired);
        }
        if entry.spent {
            let family = entry.grant.family.clone();
            self.ended.insert(family);
            return Err(Stale::Replayed);
        }
        entry.spent = rotate;
        Ok(entry.grant.clone())
    }

    /// The claims of an access token that was issued, has not expired and was not revoked.
    pub(super) fn active_access(&self, token: &str, now: u64) -> Option<&Value> {
        let access = self.access.get(token)?;
        let ended = access
            .family
            .as_ref()
            .is_some_and(|family| self.ended.contains(family));
        let alive = access.claims["exp"].as_u64().is_some_and(|exp| exp > now);
        (alive && !ended).then_some(&access.claims)
    }

    /// Revokes everything that came from one sign-in.
    pub(super) fn end_family(&mut self, family: &str) {
        self.ended.insert(family.to_owned());
    }
}
