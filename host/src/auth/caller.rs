//! What rides in an HTTP request's extensions from the bearer check to the tools and back.

use std::{any::Any, sync::Arc};

use parking_lot::Mutex;

use crate::{datahub::DataHubClient, identity::Principal};

/// What a tool found out that must become an HTTP status rather than a JSON-RPC answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpOutcome {
    /// DataHub answered 401: forget the cached verdict, answer 401 so that the client signs in anew.
    TokenRefused,
    /// The token lacks these scopes: 403 with all of them in one challenge (RFC 6750 section 3.1).
    InsufficientScope(Vec<String>),
}

/// The caller of one HTTP request. Lives as long as the request, shared with nobody else.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who is asking.
    pub principal: Arc<Principal>,
    /// Asks DataHub as this very person.
    pub datahub: DataHubClient,
    outcome: Arc<Mutex<Option<HttpOutcome>>>,
    /// Keeps those who gave the token for DataHub from taking it back before the request ends.
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

    /// Decides the HTTP status of this request; the first word counts.
    pub fn decide(&self, outcome: HttpOutcome) {
        self.outcome.lock().get_or_insert(outcome);
    }

    /// What was decided, if anything.
    pub fn outcome(&self) -> Option<HttpOutcome> {
        self.outcome.lock().clone()
    }
}
