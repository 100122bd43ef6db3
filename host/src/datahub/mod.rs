//! Talking to DataHub: one shared connection pool, a cheap client value for each request that
//! carries that person's token, GraphQL with DataHub's own error semantics.
//!
//! Holds no state between people: no cookies, no cached answers that depend on who asked.

/// Asks DataHub as one person: the shared pool and that person's token. Made for one request and
/// dropped after it.
#[derive(Debug, Clone)]
pub struct DataHubClient {}
