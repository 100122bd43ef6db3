//! The access line of each request, and its metrics.

use std::time::Duration;

use foundation::{client_address::ClientAddress, identity::Principal};
use http::{Method, StatusCode};
use sha2::{Digest, Sha256};

use super::metrics::{self, method_label};

/// The longest list of scopes in a line; a validator may name 64 KiB of them.
const MAX_SCOPES_BYTES: usize = 512;

/// The person that a request was served as, reduced to what a log may contain.
#[derive(Debug, Clone)]
pub struct Who {
    /// The first eight bytes of SHA-256 of the subject, in hex.
    pub subject: String,
    /// The scopes of the token, separated by spaces; `...` if there are more than fit in a line.
    pub scopes: String,
    /// The validator that accepted the token.
    pub validator: String,
}

impl Who {
    /// The part of `principal` that a log may contain.
    pub fn of(principal: &Principal) -> Self {
        let digest = Sha256::digest(principal.subject().as_bytes());
        let subject = digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            subject,
            scopes: scopes(principal.scopes()),
            validator: principal.validator().to_owned(),
        }
    }
}

/// `scopes` separated by spaces, whole scopes only.
fn scopes(scopes: &[String]) -> String {
    let mut line = String::new();
    for scope in scopes {
        if line.len() + scope.len() > MAX_SCOPES_BYTES {
            line.push_str(" ...");
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(scope);
    }
    line
}

/// One finished request.
#[derive(Debug)]
pub struct Access<'a> {
    /// The id that the response carries too.
    pub request_id: &'a str,
    /// The method.
    pub method: &'a Method,
    /// The route of the route table, never the path that was sent.
    pub route: &'static str,
    /// The status of the answer.
    pub status: StatusCode,
    /// From the request's head to the answer's head.
    pub took: Duration,
    /// The address of the client, if it is known.
    pub client: Option<ClientAddress>,
    /// The person that was authenticated, if any.
    pub who: Option<&'a Who>,
}

/// Writes access lines.
#[derive(Debug, Clone, Copy)]
pub struct AccessLog {
    percent: u8,
}

impl AccessLog {
    /// Writes `percent` of the successful requests, and all that failed.
    pub fn new(percent: u8) -> Self {
        Self { percent }
    }

    /// Writes the line of `access` and counts it.
    pub fn record(&self, access: &Access<'_>) {
        metrics::request(access.method, access.route, access.status, access.took);
        if !self.wants(access.status) {
            return;
        }
        let (subject, scopes, validator) = access.who.map_or(("", "", ""), |who| {
            (&*who.subject, &*who.scopes, &*who.validator)
        });
        let duration_us = u64::try_from(access.took.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(
            target: "access",
            request_id = access.request_id,
            method = method_label(access.method),
            route = access.route,
            status = access.status.as_u16(),
            duration_us,
            client_address = access.client.map(tracing::field::display),
            subject,
            scopes,
            validator,
            "request"
        );
    }

    fn wants(&self, status: StatusCode) -> bool {
        self.percent >= 100 || !status.is_success() || rand::random_range(0..100) < self.percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_so_many_scopes_and_says_where_there_are_more() {
        let named = |count: usize| vec!["datahub:read".to_owned(); count];
        assert_eq!(scopes(&[]), "");
        assert_eq!(scopes(&named(2)), "datahub:read datahub:read");
        let many = scopes(&named(256));
        assert!(many.len() < MAX_SCOPES_BYTES + 20);
        assert!(many.ends_with("datahub:read ..."), "{many}");
    }
}
