//! Switches that make the embedded DataHub slow or wrong, and the record of its requests.
//!
//! For tests only; nothing here holds a token.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

/// The number of requests and of writes that the record keeps; older ones are dropped.
const MAX_RECORDED: usize = 20_000;

/// Switches and records. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Controls {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    delay_millis: AtomicU64,
    delayed: AtomicU64,
    status: Mutex<Option<u16>>,
    garbage: AtomicBool,
    fields: Mutex<HashMap<String, String>>,
    has_failing_fields: AtomicBool,
    requests: Mutex<VecDeque<Recorded>>,
    total: AtomicU64,
    writes: Mutex<VecDeque<Written>>,
}

/// One request that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The path, without query.
    pub path: String,
    /// The urn of the caller; none if the request was refused.
    pub actor: Option<String>,
    /// The name of the GraphQL operation.
    pub operation: Option<String>,
}

/// One aspect that was written through the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The urn of the author.
    pub actor: String,
    /// The entity.
    pub urn: String,
    /// The aspect's name.
    pub aspect: String,
}

impl Controls {
    /// Makes every answer (but `/health`) wait. Zero ends it.
    pub fn set_delay(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.inner.delay_millis.store(millis, Ordering::SeqCst);
    }

    /// The number of requests that a delay holds at present.
    pub fn delayed(&self) -> u64 {
        self.inner.delayed.load(Ordering::SeqCst)
    }

    /// Answers GraphQL and REST with this HTTP status until `None`; 429 and 503 come with
    /// `Retry-After: 1`.
    pub fn set_status(&self, status: Option<u16>) {
        *self.inner.status.lock() = status;
    }

    /// Answers GraphQL and REST with 200 and text that is not JSON.
    pub fn set_garbage(&self, on: bool) {
        self.inner.garbage.store(on, Ordering::SeqCst);
    }

    /// Makes one field fail, such as `Dataset.statsSummary`: null and an error beside the data.
    pub fn fail_field(&self, field: &str, message: &str) {
        self.inner
            .fields
            .lock()
            .insert(field.to_owned(), message.to_owned());
        self.inner.has_failing_fields.store(true, Ordering::SeqCst);
    }

    /// Ends every switch; the record is kept.
    pub fn reset(&self) {
        self.set_delay(Duration::ZERO);
        self.set_status(None);
        self.set_garbage(false);
        self.inner.fields.lock().clear();
        self.inner.has_failing_fields.store(false, Ordering::SeqCst);
    }

    /// The requests so far, oldest first; the last 20,000.
    pub fn requests(&self) -> Vec<Recorded> {
        self.inner.requests.lock().iter().cloned().collect()
    }

    /// The number of requests since the start, not counting `/health`.
    pub fn request_count(&self) -> u64 {
        self.inner.total.load(Ordering::SeqCst)
    }

    /// The writes so far, oldest first; the last 20,000.
    pub fn writes(&self) -> Vec<Written> {
        self.inner.writes.lock().iter().cloned().collect()
    }

    /// Forgets requests and writes.
    pub fn clear_record(&self) {
        self.inner.requests.lock().clear();
        self.inner.writes.lock().clear();
        self.inner.total.store(0, Ordering::SeqCst);
    }

    /// Waits for the delay that is set at present.
    pub(crate) async fn wait(&self) {
        /// Decrements the counter when dropped, also if the caller disconnects.
        struct Waiting<'a>(&'a AtomicU64);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let delay = Duration::from_millis(self.inner.delay_millis.load(Ordering::SeqCst));
        if !delay.is_zero() {
            self.inner.delayed.fetch_add(1, Ordering::SeqCst);
            let _waiting = Waiting(&self.inner.delayed);
            tokio::time::sleep(delay).await;
        }
    }

    pub(crate) fn status(&self) -> Option<u16> {
        *self.inner.status.lock()
    }

    pub(crate) fn garbage(&self) -> bool {
        self.inner.garbage.load(Ordering::SeqCst)
    }

    pub(crate) fn failing_field(&self, type_name: &str, field: &str) -> Option<String> {
        if !self.inner.has_failing_fields.load(Ordering::Relaxed) {
            return None;
        }
        self.inner
            .fields
            .lock()
            .get(&format!("{type_name}.{field}"))
            .cloned()
    }

    pub(crate) fn record(&self, request: Recorded) {
        self.inner.total.fetch_add(1, Ordering::SeqCst);
        push_bounded(&mut self.inner.requests.lock(), request);
    }

    pub(crate) fn record_write(&self, write: Written) {
        push_bounded(&mut self.inner.writes.lock(), write);
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() == MAX_RECORDED {
        queue.pop_front();
    }
    queue.push_back(item);
}
