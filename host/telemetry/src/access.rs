//! The access line of each request, and its metrics.

use std::{fmt, time::Duration};

use foundation::{client_address::ClientAddress, identity::Principal};
use http::{HeaderValue, Method, StatusCode};

use super::{
    metrics::{self, method_label},
    notes::{Notes, harmless},
};

/// The longest list of scopes in a line; a validator may name 64 KiB of them.
const MAX_SCOPES_BYTES: usize = 512;
/// The status of a request that was not answered, as other servers' logs have it.
const NOT_ANSWERED: u16 = 499;

/// The digest of a person; nothing if there is none.
struct Subject<'a>(Option<&'a Principal>);

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |person| person.digest().fmt(f))
    }
}

/// `scopes` separated by spaces, whole scopes only; `...` if there are more than fit in a line.
struct Scopes<'a>(&'a [String]);

impl fmt::Display for Scopes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = 0;
        for scope in self.0 {
            if written + scope.len() > MAX_SCOPES_BYTES {
                return f.write_str(" ...");
            }
            if written > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope)?;
            written += scope.len() + 1;
        }
        Ok(())
    }
}

/// The end of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was answered with this status; a refusal has a word for its reason.
    Answered(StatusCode, &'static str),
    /// The client left before it had the whole answer.
    ClientLeft,
    /// The server stopped before the answer was ready.
    CutOff,
}

/// One request that has ended.
#[derive(Debug)]
pub struct Access<'a> {
    /// The id that the response carries too.
    pub request_id: &'a str,
    /// The method.
    pub method: &'a Method,
    /// The route of the route table, never the path that was sent.
    pub route: &'static str,
    /// The end.
    pub ending: Ending,
    /// From the request's head to the answer's head, or to the end of a stream of events.
    pub took: Duration,
    /// The address of the client, if it is known.
    pub client_address: Option<ClientAddress>,
    /// The `User-Agent` header.
    pub user_agent: Option<&'a HeaderValue>,
    /// What was noted on the way.
    pub notes: &'a Notes,
}

impl Access<'_> {
    fn status(&self) -> u16 {
        match self.ending {
            Ending::Answered(status, _) => status.as_u16(),
            Ending::ClientLeft | Ending::CutOff => NOT_ANSWERED,
        }
    }

    /// The outcome and its reason. A tool's error is an answer with status 200: what the tool noted
    /// counts there.
    fn outcome(&self) -> (&'static str, &'static str) {
        let noted = self.notes.result();
        let (status, refusal) = match self.ending {
            Ending::ClientLeft => return ("client_left", ""),
            Ending::CutOff => return ("cut_off", ""),
            Ending::Answered(status, refusal) => (status, refusal),
        };
        let outcome = match status.as_u16() {
            401 | 403 => "denied",
            400..=499 => "refused",
            500.. => "failed",
            _ => noted.map_or("ok", |noted| noted.outcome),
        };
        let noted = noted.map_or("", |noted| noted.reason);
        (outcome, if noted.is_empty() { refusal } else { noted })
    }

    /// The client as it describes itself: by `clientInfo`, else by its user agent.
    fn agent(&self) -> &str {
        let said = self.notes.said();
        let info = said.and_then(|message| message.client_info.as_deref());
        info.or_else(|| self.user_agent.and_then(|value| value.to_str().ok()))
            .unwrap_or_default()
    }
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
        let (status, (outcome, reason)) = (access.status(), access.outcome());
        metrics::request(access.method, access.route, status, access.took);
        if !self.wants(outcome) {
            return;
        }
        let said = access.notes.said();
        let mcp_method = said.map(|message| harmless(&message.method));
        let called = |method: &str| {
            let called = said.filter(|message| message.method == method)?;
            called.name.as_deref().map(harmless)
        };
        let (tool, prompt) = (called("tools/call"), called("prompts/get"));
        let (sent, answered) = access.notes.writes();
        let person = access.notes.served_as();
        let duration_us = u64::try_from(access.took.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(
            target: "access",
            request_id = access.request_id,
            method = method_label(access.method),
            route = access.route,
            status,
            outcome,
            reason = (!reason.is_empty()).then_some(reason),
            duration_us,
            mcp_method = mcp_method.as_deref(),
            tool = tool.as_deref(),
            prompt = prompt.as_deref(),
            writes_sent = (sent > 0).then_some(sent),
            writes_answered = (sent > 0).then_some(answered),
            client = access.notes.issued_to(),
            agent = &*harmless(access.agent()),
            client_address = access.client_address.map(tracing::field::display),
            subject = %Subject(person),
            scopes = %Scopes(person.map_or(&[], Principal::scopes)),
            validator = person.map_or("", Principal::validator),
            "request"
        );
    }

    fn wants(&self, outcome: &str) -> bool {
        self.percent >= 100 || outcome != "ok" || rand::random_range(0..100) < self.percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_so_many_scopes_and_says_where_there_are_more() {
        let named = |count: usize| vec!["datahub:read".to_owned(); count];
        let scopes = |scopes: Vec<String>| Scopes(&scopes).to_string();
        assert_eq!(scopes(named(0)), "");
        assert_eq!(scopes(named(2)), "datahub:read datahub:read");
        let many = scopes(named(256));
        assert!(many.len() < MAX_SCOPES_BYTES + 20);
        assert!(many.ends_with("datahub:read ..."), "{many}");
    }

    fn outcome(ending: Ending, notes: &Notes) -> (&'static str, &'static str) {
        let access = Access {
            request_id: "",
            method: &Method::POST,
            route: "/mcp",
            ending,
            took: Duration::ZERO,
            client_address: None,
            user_agent: None,
            notes,
        };
        access.outcome()
    }

    #[test]
    fn an_error_of_a_tool_is_told_from_success_and_a_lost_client_from_both() {
        let (none, noted) = (Notes::default(), Notes::default());
        noted.ended("tool_error", "not_found");
        let answered = |status, reason| Ending::Answered(status, reason);
        let ok = answered(StatusCode::OK, "");
        assert_eq!(outcome(ok, &none), ("ok", ""));
        assert_eq!(outcome(ok, &noted), ("tool_error", "not_found"));
        let unknown = answered(StatusCode::UNAUTHORIZED, "invalid_token");
        assert_eq!(outcome(unknown, &none), ("denied", "invalid_token"));
        let busy = answered(StatusCode::TOO_MANY_REQUESTS, "share");
        assert_eq!(outcome(busy, &none), ("refused", "share"));
        let late = answered(StatusCode::GATEWAY_TIMEOUT, "timeout");
        assert_eq!(outcome(late, &none), ("failed", "timeout"));
        assert_eq!(outcome(Ending::ClientLeft, &noted), ("client_left", ""));
        assert_eq!(outcome(Ending::CutOff, &noted), ("cut_off", ""));
        assert!(AccessLog::new(0).wants("tool_error") && !AccessLog::new(0).wants("ok"));
    }
}
