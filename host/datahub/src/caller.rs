//! The value that an HTTP request's extensions carry from the bearer check to the tools and back.

use std::{any::Any, sync::Arc};

use foundation::identity::Principal;
use parking_lot::Mutex;

use crate::DataHubClient;

/// A tool's finding that must become an HTTP status rather than a JSON-RPC answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpOutcome {
    /// DataHub answered 401: forget the cached verdict, answer 401, and the client signs in again.
    TokenRefused,
    /// The token lacks these scopes: 403 with all of them in one challenge (RFC 6750 section 3.1).
    InsufficientScope(Vec<String>),
}

/// The caller of one HTTP request. Lives as long as the request, and is not shared with another.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The principal that sent the request.
    pub principal: Arc<Principal>,
    /// Asks DataHub as this person.
    pub datahub: DataHubClient,
    outcome: Arc<Mutex<Option<HttpOutcome>>>,
    /// Keeps the validators alive while the request uses a token they issued.
    _held: Option<Arc<dyn Any + Send + Sync>>,
}

impl Caller {
    /// A caller at the start of a request.
    pub fn new(principal: Arc<Principal>, datahub: DataHubClient) -> Self {
        Self {
            _held: principal.lease().hold(),
            principal,
            datahub,
            outcome: Arc::default(),
        }
    }

    /// Decides the HTTP status of this request; the first decision counts.
    pub fn decide(&self, outcome: HttpOutcome) {
        self.outcome.lock().get_or_insert(outcome);
    }

    /// The outcome that was decided, if any.
    pub fn outcome(&self) -> Option<HttpOutcome> {
        self.outcome.lock().clone()
    }
}
