//! A listener for secrets: the tokens, parts of them, the values of options that are marked secret.
//!
//! Hears the plugin's log records, the reasons and identities that it answers with, and what its
//! process writes to stdout and stderr. Whatever a text says in the clear about a person
//! who was accepted is no secret, though it may be a part of the token.

use std::collections::{HashMap, HashSet};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use parking_lot::Mutex;

use crate::boundary::{Accepted, Failure};

/// The shortest part of a secret that is recognized.
const PART: usize = 12;
/// A shorter secret is looked for as a whole; one below this length would be found in any text.
const SHORTEST: usize = 8;
/// The maximum number of secrets, and of places where a part was heard.
const MAX_SECRETS: usize = 256;
const MAX_HEARD: usize = 4_096;

type Part = [u8; PART];

/// Looks for secrets in texts.
#[derive(Default)]
pub(super) struct Listener(Mutex<State>);

#[derive(Default)]
struct State {
    secrets: Vec<String>,
    labels: Vec<String>,
    parts: HashMap<Part, usize>,
    /// Parts of the end of a token, where a signature is. No identity tells these in the clear.
    ends: HashSet<Part>,
    /// The first two bytes of all parts: most texts hold none of them.
    starts: HashSet<[u8; 2]>,
    whole: Vec<(String, usize)>,
    /// What claims and scopes say in the clear, and what subjects do.
    public: HashSet<Part>,
    named: HashSet<Part>,
    heard: HashMap<Part, (usize, String)>,
    /// Secrets that were heard as a whole.
    plain: Vec<(usize, String)>,
}

impl Listener {
    /// Listens for `secret` from now on. `label` names it in the report.
    pub(super) fn keep(&self, label: &str, secret: &str) {
        let mut state = self.0.lock();
        if let Some(index) = state.keep(label, secret) {
            state.learn(secret.as_bytes(), index);
        }
    }

    /// As [`Self::keep`] for a token: it is listened for in other encodings, too.
    pub(super) fn keep_token(&self, label: &str, token: &str) {
        let mut state = self.0.lock();
        let Some(index) = state.keep(label, token) else {
            return;
        };
        state.learn(token.as_bytes(), index);
        let reversed: Vec<u8> = token.bytes().rev().collect();
        state.learn(&reversed, index);
        let hex: String = token.bytes().map(|byte| format!("{byte:02x}")).collect();
        state.learn(hex.as_bytes(), index);
        for start in 0..3.min(token.len()) {
            let encoded = BASE64.encode(&token.as_bytes()[start..]);
            // The last characters depend on what follows.
            state.learn(&encoded.as_bytes()[..encoded.len() & !3], index);
        }
        let end = token.rsplit('.').next().unwrap_or_default();
        let ends = parts(end.as_bytes()).collect::<Vec<_>>();
        state.ends.extend(ends);
    }

    /// Searches `text`, which was found at `place`.
    pub(super) fn hear(&self, place: &str, text: &str) {
        self.0.lock().hear(place, text, false);
    }

    pub(super) fn hear_failure(&self, failure: &Failure) {
        let mut state = self.0.lock();
        state.hear("the reason of an answer", &failure.log_detail, false);
        state.hear("the error code of an answer", &failure.oauth_error, false);
    }

    /// True if a text holds a secret, or a part of one.
    pub(super) fn knows(&self, text: &str) -> bool {
        let state = self.0.lock();
        let lower = text.to_ascii_lowercase();
        state.whole.iter().any(|(whole, _)| lower.contains(whole))
            || parts(text.as_bytes()).any(|part| state.parts.contains_key(&part))
    }

    /// Searches an identity. What it says in the clear is no secret from then on.
    pub(super) fn hear_identity(&self, accepted: &Accepted, token: &str) {
        let mut state = self.0.lock();
        let scopes = accepted.scopes.iter().map(String::as_str);
        for text in [accepted.claims_json.as_str()].into_iter().chain(scopes) {
            state.hear_whole("the claims or scopes of an identity", text, token);
            state.hear("the claims or scopes of an identity", text, true);
            let told = state.known_parts(text);
            state.public.extend(told);
        }
        let subject = accepted.subject.as_str();
        state.hear_whole("the subject of an identity", subject, token);
        let told = state.known_parts(subject);
        state.named.extend(told);
    }

    /// The first disclosure that is one.
    pub(super) fn verdict(&self) -> Result<(), String> {
        let state = self.0.lock();
        let unsaid = |index: &usize| state.labels.get(*index).map_or("a secret", String::as_str);
        if let Some((index, place)) = state.plain.first() {
            return Err(format!("{} was in {place}", unsaid(index)));
        }
        let mut heard: Vec<_> = state
            .heard
            .iter()
            .filter(|(part, _)| {
                let told = state.public.contains(*part) && !state.ends.contains(*part);
                !told && !state.named.contains(*part)
            })
            .map(|(_, found)| found)
            .collect();
        heard.sort_unstable();
        match heard.first() {
            None => Ok(()),
            Some((index, place)) => Err(format!(
                "a part of {} was in {place}; pieces of {PART} bytes of secrets that were found in all: {}",
                unsaid(index),
                heard.len()
            )),
        }
    }
}

impl State {
    /// The index of a secret that is new and long enough to be found.
    fn keep(&mut self, label: &str, secret: &str) -> Option<usize> {
        let secret = secret.to_ascii_lowercase();
        if self.secrets.len() >= MAX_SECRETS
            || secret.len() < SHORTEST
            || self.secrets.contains(&secret)
        {
            return None;
        }
        let index = self.labels.len();
        self.labels.push(label.to_owned());
        if secret.len() < PART {
            self.whole.push((secret.clone(), index));
        }
        self.secrets.push(secret);
        Some(index)
    }

    /// Looks for the whole of a token that an identity should not repeat.
    fn hear_whole(&mut self, place: &str, text: &str, token: &str) {
        if token.len() >= SHORTEST && text.contains(token) {
            let token = token.to_ascii_lowercase();
            let index = self.secrets.iter().position(|known| *known == token);
            self.plain
                .push((index.unwrap_or(usize::MAX), place.to_owned()));
        }
    }

    fn known_parts(&self, text: &str) -> Vec<Part> {
        let known = parts(text.as_bytes()).filter(|part| self.parts.contains_key(part));
        known.collect()
    }

    fn learn(&mut self, text: &[u8], index: usize) {
        for part in parts(text) {
            self.starts.insert([part[0], part[1]]);
            self.parts.entry(part).or_insert(index);
        }
    }

    fn hear(&mut self, place: &str, text: &str, ends_only: bool) {
        let lower = text.to_ascii_lowercase();
        let found = self.whole.iter().find(|(whole, _)| lower.contains(whole));
        if let Some((_, index)) = found {
            let found = (*index, place.to_owned());
            if self.plain.len() < MAX_HEARD {
                self.plain.push(found);
            }
        }
        for window in lower.as_bytes().windows(PART) {
            if !self.starts.contains(&window[..2]) {
                continue;
            }
            let Ok(part) = Part::try_from(window) else {
                continue;
            };
            if let Some(index) = self.parts.get(&part)
                && (!ends_only || self.ends.contains(&part))
                && self.heard.len() < MAX_HEARD
            {
                let found = || (*index, place.to_owned());
                self.heard.entry(part).or_insert_with(found);
            }
        }
    }
}

/// All parts of `text`, in lower case.
fn parts(text: &[u8]) -> impl Iterator<Item = Part> {
    let lower = text.to_ascii_lowercase();
    let count = lower.len().saturating_sub(PART - 1);
    (0..count).filter_map(move |at| Part::try_from(lower.get(at..at + PART)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "k1.alexandra-mueller.1900000000.0123456789abcdef";

    fn listener() -> Listener {
        let listener = Listener::default();
        listener.keep_token("the good token", TOKEN);
        listener.keep("option `key`", "a-key-of-the-company");
        listener
    }

    fn accepted(subject: &str, claims: &str) -> Accepted {
        Accepted {
            subject: subject.to_owned(),
            claims_json: claims.to_owned(),
            ..Accepted::default()
        }
    }

    #[test]
    fn parts_are_heard_however_they_are_spelt() {
        for text in [
            TOKEN.to_owned(),
            format!("asked about {}", &TOKEN[..TOKEN.len() - 2]),
            format!("ends with {}", &TOKEN[30..44]),
            TOKEN.to_ascii_uppercase(),
            TOKEN.chars().rev().collect(),
            format!("in base64: {}", BASE64.encode(format!("xy{TOKEN}"))),
            "made with a-key-of-the-comp".to_owned(),
        ] {
            let listener = listener();
            listener.hear("a log record", &text);
            assert!(listener.verdict().is_err(), "{text}");
        }
    }

    #[test]
    fn what_an_identity_says_in_the_clear_is_no_secret() {
        let listener = listener();
        listener.hear("a log record", "asked about alexandra-mueller");
        assert!(listener.verdict().is_err());
        listener.hear_identity(&accepted("alexandra-mueller", ""), TOKEN);
        assert_eq!(listener.verdict(), Ok(()));
        listener.hear(
            "a log record",
            "ends 1900000000, of nobody, opaque, expired",
        );
        assert_eq!(listener.verdict(), Ok(()));
    }

    #[test]
    fn an_identity_holds_no_token() {
        for accepted in [
            accepted(TOKEN, ""),
            accepted("ada", &format!("{{\"t\":\"{TOKEN}\"}}")),
            accepted(
                "ada",
                &format!("{{\"t\":\"{}\"}}", &TOKEN[..TOKEN.len() - 2]),
            ),
        ] {
            let listener = listener();
            listener.hear_identity(&accepted, TOKEN);
            assert!(listener.verdict().is_err(), "{accepted:?}");
        }
    }

    #[test]
    fn a_short_token_is_heard_as_a_whole() {
        let listener = Listener::default();
        listener.keep_token("the bad token", "check-bad");
        listener.hear("a log record", "check was bad");
        assert_eq!(listener.verdict(), Ok(()));
        listener.hear("a log record", "not known: check-bad");
        assert!(listener.verdict().is_err());
    }
}
