//! Talking to DataHub: one shared connection pool, a cheap client value for each request that
//! carries that person's token, GraphQL with DataHub's own error semantics.
//!
//! Holds no state between people: no cookies, no cached answers that depend on who asked.
