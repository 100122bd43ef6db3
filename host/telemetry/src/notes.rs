//! What is noted about a request while it is served, for its line in the log. Each part of the
//! server writes down what it alone knows; the line is written at the end, whatever the end is.

use std::{
    borrow::Cow,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use foundation::{identity::Principal, unseen::is_seen_in_a_line};
use parking_lot::Mutex;

/// The longest text of a client in a line, in characters.
const MAX_TEXT_CHARS: usize = 96;

/// The notes on one request, which travel in its extensions.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    person: OnceLock<Arc<Principal>>,
    client: OnceLock<String>,
    message: OnceLock<Message>,
    result: Mutex<Option<ToolResult>>,
    writes_sent: AtomicU32,
    writes_answered: AtomicU32,
}

/// What a JSON-RPC message says about itself. The client chose the texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// The method; empty for an answer.
    pub method: Cow<'static, str>,
    /// The name in its parameters: of a tool or a prompt.
    pub name: Option<String>,
    /// The client's name and version, as `clientInfo` has them.
    pub client_info: Option<String>,
}

/// How the work on a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ToolResult {
    /// `ok`, `tool_error` and the like.
    pub(super) outcome: &'static str,
    /// The kind of failure; empty if there is none.
    pub(super) reason: &'static str,
}

impl Notes {
    /// Notes the person that the request is served as.
    pub fn person(&self, principal: &Arc<Principal>) {
        let _ = self.0.person.set(Arc::clone(principal));
    }

    /// Notes the client that the token was issued to.
    pub fn client(&self, client: String) {
        let _ = self.0.client.set(client);
    }

    /// Notes what the body says.
    pub fn message(&self, message: Message) {
        let _ = self.0.message.set(message);
    }

    /// Notes how the work ended; the first note counts.
    pub fn ended(&self, outcome: &'static str, reason: &'static str) {
        let result = ToolResult { outcome, reason };
        self.0.result.lock().get_or_insert(result);
    }

    /// Notes that a change is sent to DataHub.
    pub fn write_is_sent(&self) {
        self.0.writes_sent.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes [`Self::write_is_sent`] back.
    pub fn write_was_not_sent(&self) {
        self.0.writes_sent.fetch_sub(1, Ordering::Relaxed);
    }

    /// Notes that DataHub has answered to a change.
    pub fn write_is_answered(&self) {
        self.0.writes_answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn served_as(&self) -> Option<&Principal> {
        self.0.person.get().map(|principal| &**principal)
    }

    pub(super) fn issued_to(&self) -> &str {
        self.0.client.get().map_or("", String::as_str)
    }

    pub(super) fn said(&self) -> Option<&Message> {
        self.0.message.get()
    }

    pub(super) fn result(&self) -> Option<ToolResult> {
        *self.0.result.lock()
    }

    /// The changes that were sent, and those that were answered.
    pub(super) fn writes(&self) -> (u32, u32) {
        let read = |count: &AtomicU32| count.load(Ordering::Relaxed);
        (read(&self.0.writes_sent), read(&self.0.writes_answered))
    }
}

/// What may stand in a line of a text that a client chose: its beginning, without characters that
/// are not seen or that move others.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT_CHARS && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let seen = text.chars().filter(|c| is_seen_in_a_line(*c));
    Cow::Owned(seen.take(MAX_TEXT_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_text_is_short_and_all_of_it_is_seen() {
        assert_eq!(harmless("claude-code/2.1 (cli)"), "claude-code/2.1 (cli)");
        assert_eq!(harmless("a\nb\u{1b}[31m\u{202e}c\u{200b}é"), "ab[31mcé");
        assert_eq!(harmless(&"é".repeat(500)), "é".repeat(MAX_TEXT_CHARS));
        assert_eq!(harmless(&"\u{0}".repeat(500)), "");
    }

    #[test]
    fn the_first_note_of_a_kind_stays() {
        let notes = Notes::default();
        notes.ended("tool_error", "not_found");
        notes.ended("ok", "");
        assert_eq!(notes.result().unwrap().reason, "not_found");
        notes.write_is_sent();
        assert_eq!(notes.writes(), (1, 0));
    }
}
