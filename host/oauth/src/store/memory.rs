//! The store in this process: bounded in every direction.

mod clients;
mod expiring;
mod families;
mod lasting;
mod transactions;
mod used;

use std::{
    path::Path,
    sync::{Arc, Weak},
    time::Duration,
};

use foundation::clock::Clock;
use futures::FutureExt;
use parking_lot::Mutex;
use tokio::task::spawn_blocking;

use self::{
    clients::Clients, expiring::Expiring, families::Families, lasting::Lasting,
    transactions::Transactions, used::UsedTokens,
};
use super::{
    EndedFileError, ListedClient, MAX_CODES, MAX_TOKENS, MAX_UPSTREAM, Owner, RefreshClaim,
    Standing, Store, StoreError, StoreFuture, StoreHealth, StoreKind, TakenCode,
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
    /// Another one, with the refresh tokens that were used.
    used: Option<Arc<UsedTokens>>,
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
            used: None,
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
        let (used, known) = UsedTokens::open(directory, now)?;
        for (family, used) in known {
            store.families.lock().remember(family, used, now);
        }
        store.used = Some(Arc::new(used));
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

    /// Follows what the command line and other processes change, for as long as the store is in use.
    pub(crate) async fn follow(store: Weak<Self>) {
        let mut failing = false;
        loop {
            tokio::time::sleep(clients::POLL_INTERVAL).await;
            let Some(store) = store.upgrade() else { return };
            let looked = spawn_blocking(move || store.look()).await;
            let result = looked.unwrap_or(Ok(()));
            if let Err(error) = &result
                && !failing
            {
                tracing::error!(%error, "what is blocked and has ended stays as it was");
            }
            failing = result.is_err();
        }
    }

    /// Reads again what other processes may have written. Blocks.
    fn look(&self) -> Result<(), EndedFileError> {
        if let Some(lasting) = &self.lasting
            && let Some(ended) = lasting.look()?
        {
            let now = self.clock.unix_millis();
            let mut families = self.families.lock();
            for (family, until) in ended {
                if !families.ended.contains(&family, now) {
                    families.live.remove(&family);
                    families.ended.put(family, (), now, until);
                }
            }
        }
        if let Some(used) = &self.used {
            let news = used.look()?;
            let now = self.clock.unix_millis();
            let mut families = self.families.lock();
            for (family, used) in news {
                families.learn(family, used, now);
            }
        }
        match &self.clients {
            Some(clients) => Ok(clients.look()?),
            None => Ok(()),
        }
    }

    #[cfg(test)]
    pub(crate) fn knows(&self, family: &FamilyId) -> bool {
        let families = self.families.lock();
        families.live.contains(family, self.clock.unix_millis())
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
    ) -> StoreFuture<'a, bool> {
        let now = self.clock.unix_millis();
        let until = now.after(grace);
        let mut families = self.families.lock();
        let goes_on = !families.ended.contains(family, now);
        let used = families.answer(family, generation, value, until);
        drop(families);
        let (Some(used), Some(file)) = (used, self.used.clone()) else {
            return std::future::ready(Ok(goes_on)).boxed();
        };
        // On its own task: it is kept even if the client hangs up.
        let kept = tokio::spawn(file.keep(family.clone(), used, now));
        async move {
            let lost = |_| StoreError("the list of used refresh tokens was not written".to_owned());
            kept.await.map_err(lost).map(|()| goes_on)
        }
        .boxed()
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
