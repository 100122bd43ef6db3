//! The one line that each request leaves, and its metrics.

use std::time::Duration;

use http::{Method, StatusCode};
use sha2::{Digest, Sha256};

use super::metrics;
use crate::auth::Principal;

/// Who a request was served as, as far as a log may know.
#[derive(Debug, Clone)]
pub struct Who {
    /// The first eight bytes of SHA-256 of the subject, in hex.
    pub subject: String,
    /// The validator that let them in.
    pub validator: String,
}

impl Who {
    /// What a log may know of `principal`.
    pub fn of(principal: &Principal) -> Self {
        let digest = Sha256::digest(principal.subject.as_bytes());
        let subject = digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            subject,
            validator: principal.validator.clone(),
        }
    }
}

/// One finished request.
#[derive(Debug)]
pub struct Access<'a> {
    /// The id that the answer names too.
    pub request_id: &'a str,
    /// The method.
    pub method: &'a Method,
    /// The route of our table, never the path that was sent.
    pub route: &'static str,
    /// The status of the answer.
    pub status: StatusCode,
    /// From the request's head to the answer's head.
    pub took: Duration,
    /// Who was let in, if anybody.
    pub who: Option<&'a Who>,
}

/// Writes access lines.
#[derive(Debug, Clone, Copy)]
pub struct AccessLog {
    percent: u8,
}

impl AccessLog {
    /// `percent` of successful requests are written, and all that failed.
    pub fn new(percent: u8) -> Self {
        Self { percent }
    }

    /// Writes the line of `access` and counts it.
    pub fn record(&self, access: &Access<'_>) {
        metrics::request(access);
        if !self.wants(access.status) {
            return;
        }
        let (subject, validator) = access.who.map_or(("", ""), |who| {
            (who.subject.as_str(), who.validator.as_str())
        });
        let duration_us = u64::try_from(access.took.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(
            target: "access",
            request_id = access.request_id,
            method = method_label(access.method),
            route = access.route,
            status = access.status.as_u16(),
            duration_us,
            subject,
            validator,
            "request"
        );
    }

    fn wants(&self, status: StatusCode) -> bool {
        self.percent >= 100 || !status.is_success() || rand::random_range(0..100) < self.percent
    }
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
