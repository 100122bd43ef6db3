//! Serving: loaded validators under requests. Cache, single flight, chain, bulkhead, the
//! ruling on each answer, and reload.
//!
//! A plugin never decides an HTTP status: a [`ruling`] does, after the host's own checks.

pub(crate) mod bulkhead;
pub(crate) mod cache;
pub(crate) mod chain;
mod in_process;
pub(crate) mod load_error;
pub(crate) mod loader;
pub(crate) mod reload;
pub(crate) mod ruling;
pub(crate) mod service;
pub(crate) mod shadow;
pub(crate) mod single_flight;
mod trial;
pub(crate) mod validator;
