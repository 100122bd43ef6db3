//! Metrics in Prometheus's text format. Kept only if `DATAHUB_MCP_ADMIN_ADDRESS` is set; without
//! it, every call here costs one branch.
//!
//! Labels come from small fixed sets (routes of the route table, methods, statuses, outcomes),
//! never from a path, a person or a client, so that the number of series is bounded.

use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

use std::time::Duration;

use http::Method;

const REQUESTS: &str = "datahub_mcp_requests_total";
const REQUEST_SECONDS: &str = "datahub_mcp_request_duration_seconds";
const CONNECTIONS: &str = "datahub_mcp_connections";
const ACCEPT_ERRORS: &str = "datahub_mcp_accept_errors_total";
const AUTHENTICATIONS: &str = "datahub_mcp_authentications_total";
const TOOL_CALLS: &str = "datahub_mcp_tool_calls_total";
const DATAHUB_CALLS: &str = "datahub_mcp_datahub_requests_total";
const DATAHUB_SECONDS: &str = "datahub_mcp_datahub_request_duration_seconds";
const STORE_UP: &str = "datahub_mcp_store_up";
const STORE_INFO: &str = "datahub_mcp_store_info";
const STORE_FAILURES: &str = "datahub_mcp_store_failures_total";

/// Upper bounds of all histograms, in seconds.
const BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// The metrics that `/metrics` returns.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Starts collecting metrics, for the whole process.
    ///
    /// # Errors
    /// If another recorder is already installed.
    pub fn start() -> Result<Self, BuildError> {
        let handle = PrometheusBuilder::new()
            .set_buckets(BUCKETS)?
            .install_recorder()?;
        describe();
        Ok(Self(handle))
    }

    /// All metrics as text.
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

fn describe() {
    metrics::describe_counter!(REQUESTS, "requests by route, method and status");
    metrics::describe_histogram!(
        REQUEST_SECONDS,
        "time from a request's head to its response's"
    );
    metrics::describe_gauge!(CONNECTIONS, "open connections of clients");
    metrics::describe_counter!(ACCEPT_ERRORS, "connections that could not be accepted");
    metrics::describe_counter!(AUTHENTICATIONS, "bearer checks by outcome");
    metrics::describe_counter!(TOOL_CALLS, "calls of tools by tool and outcome");
    metrics::describe_counter!(DATAHUB_CALLS, "calls to DataHub by outcome");
    metrics::describe_histogram!(
        DATAHUB_SECONDS,
        "time of a call to DataHub, retries included"
    );
    metrics::describe_gauge!(STORE_UP, "1 while the store of the sign-in proxy answers");
    metrics::describe_gauge!(
        STORE_INFO,
        "1 for the kind of that store: memory, file, redis, redis-sentinel or redis-cluster"
    );
    metrics::describe_counter!(STORE_FAILURES, "failed operations of that store");
}

/// Counts a request that has ended; `route` is one of our table.
pub(super) fn request(method: &Method, route: &'static str, status: u16, took: Duration) {
    let (method, status) = (method_label(method), status_label(status));
    counter!(REQUESTS, "route" => route, "method" => method, "status" => status).increment(1);
    histogram!(REQUEST_SECONDS, "route" => route).record(took.as_secs_f64());
}

/// The method as a word of a small set: a stranger may send any.
pub(super) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        Method::HEAD => "HEAD",
        Method::DELETE => "DELETE",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        _ => "OTHER",
    }
}

/// Adds `change` to the number of open connections of clients.
pub fn connections(change: f64) {
    gauge!(CONNECTIONS).increment(change);
}

/// Counts a connection that could not be accepted.
pub fn accept_error() {
    counter!(ACCEPT_ERRORS).increment(1);
}

/// Counts a bearer check; `outcome` is one of a small set of words.
pub fn authentication(outcome: &'static str) {
    counter!(AUTHENTICATIONS, "outcome" => outcome).increment(1);
}

/// Counts a call of a tool; `tool` is the name of one that exists, or `unknown`.
pub fn tool_call(tool: &'static str, outcome: &'static str) {
    counter!(TOOL_CALLS, "tool" => tool, "outcome" => outcome).increment(1);
}

/// Counts a call to DataHub; `outcome` is one of a small set of words.
pub fn datahub_call(outcome: &'static str, took: Duration) {
    counter!(DATAHUB_CALLS, "outcome" => outcome).increment(1);
    histogram!(DATAHUB_SECONDS).record(took.as_secs_f64());
}

/// Notes the kind of the sign-in proxy's store.
pub fn store_kind(kind: &'static str) {
    gauge!(STORE_INFO, "kind" => kind).set(1.0);
}

/// Notes an operation of the sign-in proxy's store.
pub fn store_call(succeeded: bool) {
    gauge!(STORE_UP).set(if succeeded { 1.0 } else { 0.0 });
    counter!(STORE_FAILURES).increment(u64::from(!succeeded));
}

/// The statuses that this server returns, as labels; 499 if the client left.
const STATUSES: &[(u16, &str)] = &[
    (200, "200"),
    (202, "202"),
    (204, "204"),
    (302, "302"),
    (303, "303"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (406, "406"),
    (408, "408"),
    (413, "413"),
    (415, "415"),
    (421, "421"),
    (429, "429"),
    (499, "499"),
    (500, "500"),
    (503, "503"),
    (504, "504"),
];

/// The label of a status; any that is not listed gets its class.
fn status_label(status: u16) -> &'static str {
    match STATUSES.iter().find(|(known, _)| *known == status) {
        Some((_, label)) => label,
        None => ["1xx", "2xx", "3xx", "4xx", "5xx"]
            .get(usize::from(status / 100).saturating_sub(1))
            .copied()
            .unwrap_or("other"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_few_words() {
        let mut labels: Vec<&str> = (0..=u16::MAX).map(status_label).collect();
        assert_eq!(
            (status_label(401), status_label(418), status_label(999)),
            ("401", "4xx", "other")
        );
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), STATUSES.len() + 6);
    }
}
