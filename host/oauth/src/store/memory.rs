//! The store in this process: bounded in every direction.

mod clients;
mod expiring;
mod lasting;
mod transactions;

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Weak},
    time::Duration,
};

use foundation::clock::{Clock, UnixMillis};
use futures::FutureExt;
use parking_lot::Mutex;
use tokio::task::spawn_blocking;

use self::{clients::Clients, expiring::Expiring, lasting::Lasting, transactions::Transactions};
use super::{
    EndedFileError, ListedClient, MAX_CODES, MAX_FAMILIES, MAX_IN_GRACE, MAX_TOKENS, MAX_UPSTREAM,
    Owner, RefreshClaim, Standing, Store, StoreError, StoreFuture, StoreHealth, StoreKind,
    TakenCode, ended_file::Ended,
};
use crate::types::{ClientKey, FamilyId, StoreKey};

/// See the module.
pub(crate) struct MemoryStore {
    clock: Clock,
    transactions: Mutex<Transactions>,
    codes: Mutex<Expiring<StoreKey, CodeEntry>>,
    tokens: Mutex<Expiring<StoreKey, String>>,
    upstream: Mutex<Expiring<FamilyId, String>>,
    families: Arc<Mutex<Families>>,
    /// The file that outlives this process.
    lasting: Option<Arc<Lasting>>,
    /// The list of clients, in another one.
    clients: Option<Arc<Clients>>,
}

struct CodeEntry {
    value: Option<String>,
    family: FamilyId,
}

impl MemoryStore {
    /// An empty store that keeps up to `capacity` pending authorizations.
    pub(crate) fn new(clock: Clock, capacity: usize) -> Self {
        Self {
            clock,
            transactions: Mutex::new(Transactions::new(capacity)),
            codes: Mutex::new(Expiring::new(MAX_CODES)),
            tokens: Mutex::new(Expiring::new(MAX_TOKENS)),
            upstream: Mutex::new(Expiring::new(MAX_UPSTREAM)),
            families: Arc::new(Mutex::new(Families::new())),
            lasting: None,
            clients: None,
        }
    }

    /// The same, with the families that ended in a file in `directory` as well, which the next
    /// process reads. `observe` is told of each write whether it succeeded.
    pub(crate) fn lasting(
        clock: Clock,
        capacity: usize,
        directory: &Path,
        observe: fn(bool),
    ) -> Result<Self, EndedFileError> {
        let now = clock.unix_millis();
        let (lasting, ended) = Lasting::open(directory, now, observe)?;
        let mut store = Self::new(clock, capacity);
        for (family, until) in ended {
            store.families.lock().ended.put(family, (), now, until);
        }
        store.lasting = Some(Arc::new(lasting));
        store.clients = Some(Arc::new(Clients::open(directory)?));
        Ok(store)
    }

    /// Returns once all ends so far are in the file, if there is one.
    fn keep<'a, T: Send + 'a>(&self, then: T) -> StoreFuture<'a, T> {
        let Some(lasting) = self.lasting.clone() else {
            return std::future::ready(Ok(then)).boxed();
        };
        let (families, now) = (Arc::clone(&self.families), self.clock.unix_millis());
        let ends = families.lock().ends;
        async move {
            let all = move || {
                let families = families.lock();
                (families.ends, families.ended())
            };
            // On its own task: an end is kept even if the client hangs up.
            let kept = tokio::spawn(async move { lasting.keep(ends, all, now).await });
            let lost = |_| StoreError("the list of ended sign-ins was not written".to_owned());
            kept.await.map_err(lost)?.map(|()| then)
        }
        .boxed()
    }

    /// Follows what the command line changes, for as long as the store is in use.
    pub(crate) async fn follow(store: Weak<Self>) {
        let mut failing = false;
        loop {
            tokio::time::sleep(clients::POLL_INTERVAL).await;
            let Some(store) = store.upgrade() else { return };
            let Some(clients) = store.clients.clone() else {
                return;
            };
            let looked = spawn_blocking(move || clients.look()).await;
            let result = looked.unwrap_or(Ok(()));
            if let Err(error) = &result
                && !failing
            {
                tracing::error!(%error, "clients stay blocked as they were");
            }
            failing = result.is_err();
        }
    }

    #[cfg(test)]
    pub(crate) fn transactions(&self) -> usize {
        self.transactions.lock().entries.len()
    }
}

impl Store for MemoryStore {
    fn put_transaction<'a>(
        &'a self,
        key: &'a StoreKey,
        value: String,
        owner: &'a Owner,
        ttl: Duration,
    ) -> StoreFuture<'a, ()> {
        let now = self.clock.unix_millis();
        self.transactions
            .lock()
            .put(key.clone(), value, owner, now, now.after(ttl));
        std::future::ready(Ok(())).boxed()
    }

    fn take_transaction<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<String>> {
        let taken = self.transactions.lock().take(key, self.clock.unix_millis());
        std::future::ready(Ok(taken)).boxed()
    }

    fn put_code<'a>(
        &'a self,
        key: &'a StoreKey,
        value: String,
        family: &'a FamilyId,
        ttl: Duration,
    ) -> StoreFuture<'a, ()> {
        let now = self.clock.unix_millis();
        let entry = CodeEntry {
            value: Some(value),
            family: family.clone(),
        };
        self.codes
            .lock()
            .put(key.clone(), entry, now, now.after(ttl));
        std::future::ready(Ok(())).boxed()
    }

    fn put_token<'a>(
        &'a self,
        key: &'a StoreKey,
        value: String,
        ttl: Duration,
    ) -> StoreFuture<'a, ()> {
        let now = self.clock.unix_millis();
        self.tokens
            .lock()
            .put(key.clone(), value, now, now.after(ttl));
        std::future::ready(Ok(())).boxed()
    }

    fn get_token<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, Option<String>> {
        let now = self.clock.unix_millis();
        let token = self.tokens.lock().get(key, now).cloned();
        std::future::ready(Ok(token)).boxed()
    }

    fn put_upstream<'a>(
        &'a self,
        family: &'a FamilyId,
        value: String,
        ttl: Duration,
    ) -> StoreFuture<'a, ()> {
        let now = self.clock.unix_millis();
        let mut kept = self.upstream.lock();
        kept.put(family.clone(), value, now, now.after(ttl));
        std::future::ready(Ok(())).boxed()
    }

    fn take_upstream<'a>(&'a self, family: &'a FamilyId) -> StoreFuture<'a, Option<String>> {
        let now = self.clock.unix_millis();
        let taken = self.upstream.lock().take(family, now);
        std::future::ready(Ok(taken)).boxed()
    }

    fn take_code<'a>(
        &'a self,
        key: &'a StoreKey,
        remember: Duration,
    ) -> StoreFuture<'a, TakenCode> {
        let now = self.clock.unix_millis();
        let mut codes = self.codes.lock();
        let taken = match codes.take(key, now) {
            None => TakenCode::Unknown,
            Some(CodeEntry { value, family }) => {
                let spent = CodeEntry {
                    value: None,
                    family: family.clone(),
                };
                codes.put(key.clone(), spent, now, now.after(remember));
                value.map_or(TakenCode::Spent(family), TakenCode::Fresh)
            }
        };
        std::future::ready(Ok(taken)).boxed()
    }

    fn claim_refresh<'a>(
        &'a self,
        family: &'a FamilyId,
        generation: u64,
        lease: Duration,
        ttl: Duration,
    ) -> StoreFuture<'a, RefreshClaim> {
        let spent = self.families.lock().claim_refresh(
            family,
            generation,
            self.clock.unix_millis(),
            lease,
            ttl,
        );
        match spent {
            RefreshClaim::Revoked => self.keep(spent),
            _ => std::future::ready(Ok(spent)).boxed(),
        }
    }

    fn answer<'a>(
        &'a self,
        family: &'a FamilyId,
        generation: u64,
        value: String,
        grace: Duration,
    ) -> StoreFuture<'a, ()> {
        self.families.lock().answer(
            family,
            generation,
            value,
            self.clock.unix_millis().after(grace),
        );
        std::future::ready(Ok(())).boxed()
    }

    fn release<'a>(&'a self, family: &'a FamilyId, generation: u64) -> StoreFuture<'a, ()> {
        self.families.lock().release(family, generation);
        std::future::ready(Ok(())).boxed()
    }

    fn end_family<'a>(&'a self, family: &'a FamilyId, ttl: Duration) -> StoreFuture<'a, ()> {
        let now = self.clock.unix_millis();
        self.families.lock().end(family, now, now.after(ttl));
        self.keep(())
    }

    fn standing(&self, family: &FamilyId) -> Standing {
        let families = self.families.lock();
        if families.ended.contains(family, self.clock.unix_millis()) {
            Standing::Ended
        } else {
            Standing::Live
        }
    }

    fn note_client(&self, client: ListedClient) -> StoreFuture<'_, ()> {
        match self.clients.clone() {
            Some(clients) => clients.note(client).boxed(),
            None => std::future::ready(Ok(())).boxed(),
        }
    }

    fn client_standing(&self, client: &ClientKey) -> Standing {
        let clients = self.clients.as_ref();
        match clients.is_some_and(|clients| clients.is_blocked(client)) {
            true => Standing::Ended,
            false => Standing::Live,
        }
    }

    fn kind(&self) -> StoreKind {
        match self.lasting {
            Some(_) => StoreKind::File,
            None => StoreKind::Memory,
        }
    }

    fn health(&self) -> StoreHealth {
        StoreHealth::InMemory
    }
}

/// Families that were refreshed, and those that have ended. The latter are kept apart so that
/// many of the former cannot push them out.
struct Families {
    live: Expiring<FamilyId, Live>,
    ended: Expiring<FamilyId, ()>,
    /// The number of ends in this process.
    ends: u64,
    /// Families whose answers are kept, by expiry: answers are large, families are not.
    answers: VecDeque<(UnixMillis, FamilyId, u64)>,
}

struct Live {
    /// The number of the refresh token that is valid now.
    generation: u64,
    /// The end of the claim, while a request is asking upstream.
    claimed: Option<UnixMillis>,
    /// The newest answer.
    answer: Option<String>,
    /// Used refresh tokens, oldest first, and the end of the grace period of each.
    in_grace: VecDeque<(u64, UnixMillis)>,
}

impl Families {
    fn new() -> Self {
        Self {
            live: Expiring::new(MAX_FAMILIES),
            ended: Expiring::new(MAX_FAMILIES),
            ends: 0,
            answers: VecDeque::new(),
        }
    }

    fn claim_refresh(
        &mut self,
        family: &FamilyId,
        generation: u64,
        now: UnixMillis,
        lease: Duration,
        ttl: Duration,
    ) -> RefreshClaim {
        self.drop_old_answers(now);
        if self.ended.contains(family, now) {
            return RefreshClaim::Revoked;
        }
        let live = self.live.get(family, now);
        if let Some(live) = live
            && generation != live.generation
        {
            let mut in_grace = live.in_grace.iter();
            if in_grace.any(|(used, until)| *used == generation && now < *until)
                && let Some(answer) = &live.answer
            {
                return RefreshClaim::Replayed {
                    generation: live.generation,
                    value: answer.clone(),
                };
            }
            self.end(family, now, now.after(ttl));
            return RefreshClaim::Revoked;
        }
        if live
            .and_then(|live| live.claimed)
            .is_some_and(|until| now < until)
        {
            return RefreshClaim::InProgress;
        }
        // Not refreshed before, or forgotten in a restart: our seal on the token vouches for it.
        let mut live = self.live.take(family, now).unwrap_or(Live {
            generation,
            claimed: None,
            answer: None,
            in_grace: VecDeque::new(),
        });
        live.claimed = Some(now.after(lease));
        self.live.put(family.clone(), live, now, now.after(ttl));
        RefreshClaim::Granted
    }

    fn answer(&mut self, family: &FamilyId, generation: u64, value: String, until: UnixMillis) {
        // The entry may be gone or ended by now; then there is nobody left to answer.
        let Some((_, _, live)) = self.live.entries.get_mut(family) else {
            return;
        };
        if live.generation == generation {
            live.generation = generation + 1;
            live.claimed = None;
            live.answer = Some(value);
            if live.in_grace.len() >= MAX_IN_GRACE {
                live.in_grace.pop_front();
            }
            live.in_grace.push_back((generation, until));
            self.answers
                .push_back((until, family.clone(), generation + 1));
        }
    }

    fn release(&mut self, family: &FamilyId, generation: u64) {
        if let Some((_, _, live)) = self.live.entries.get_mut(family)
            && live.generation == generation
        {
            live.claimed = None;
        }
    }

    fn end(&mut self, family: &FamilyId, now: UnixMillis, until: UnixMillis) {
        self.live.remove(family);
        self.ended.put(family.clone(), (), now, until);
        self.ends += 1;
    }

    fn ended(&self) -> Ended {
        let entries = self.ended.entries.iter();
        entries
            .map(|(family, (_, until, ()))| (family.clone(), *until))
            .collect()
    }

    fn drop_old_answers(&mut self, now: UnixMillis) {
        while let Some((until, _, _)) = self.answers.front()
            && *until <= now
            && let Some((_, family, generation)) = self.answers.pop_front()
        {
            if let Some((_, _, live)) = self.live.entries.get_mut(&family)
                && live.generation == generation
            {
                live.answer = None;
                live.in_grace = VecDeque::new();
            }
        }
    }
}
