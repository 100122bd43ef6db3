//! Takes secrets out of what is printed: other servers and plugins may quote what they were sent, in full,
//! cut short, or encoded.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;

const MASK: &str = "***";
/// So many bytes of a secret in a row are taken out wherever they stand; a shorter secret in full only.
const PART_BYTES: usize = 12;
/// A shorter text is not a secret.
const MIN_SECRET_BYTES: usize = 4;
/// The part of a longer text that is looked at; the rest is left out.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The secrets that must not be printed. Has no `Debug`.
#[derive(Default)]
pub(super) struct Redactor {
    /// The parts that give a secret away, in lower case, by their length.
    parts: Vec<(usize, HashSet<Vec<u8>>)>,
}

impl Redactor {
    /// These secrets, also as a client's password in an `Authorization` header for `client_id`.
    pub(super) fn new(secrets: &[SecretString], client_id: Option<&str>) -> Self {
        let mut redactor = Self::default();
        for secret in secrets {
            redactor.add(secret);
            if let Some(id) = client_id {
                let plain = format!("{id}:{}", secret.expose_secret());
                let encoded = format!("{id}:{}", form_encoded(secret.expose_secret()));
                redactor.add_text(&STANDARD.encode(plain));
                redactor.add_text(&STANDARD.encode(encoded));
            }
        }
        redactor
    }

    /// Takes out one more.
    pub(super) fn add(&mut self, secret: &SecretString) {
        let text = secret.expose_secret();
        // URLs share their beginning, which is no secret.
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        self.add_text(text);
        self.add_text(&form_encoded(text));
        self.add_text(&form_encoded(text).replace('+', "%20"));
    }

    fn add_text(&mut self, text: &str) {
        if text.len() < MIN_SECRET_BYTES {
            return;
        }
        let folded = text.to_ascii_lowercase().into_bytes();
        let length = folded.len().min(PART_BYTES);
        let parts = folded.windows(length).map(<[u8]>::to_vec);
        match self.parts.iter_mut().find(|(known, _)| *known == length) {
            Some((_, known)) => known.extend(parts),
            None => self.parts.push((length, parts.collect())),
        }
    }

    /// `text` with `***` for each part that is one of a secret.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut ends = (0..=text.len().min(MAX_TEXT_BYTES)).rev();
        let end = ends.find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        let text = &text[..end];
        let folded = text.to_ascii_lowercase().into_bytes();
        let mut hidden = vec![false; folded.len()];
        for (length, parts) in &self.parts {
            for (start, part) in folded.windows(*length).enumerate() {
                if parts.contains(part) {
                    hidden[start..start + length].fill(true);
                }
            }
        }
        let mut shown = String::with_capacity(text.len());
        let mut masked = false;
        for (index, c) in text.char_indices() {
            let hide = hidden[index..index + c.len_utf8()].contains(&true);
            match (hide, masked) {
                (false, _) => shown.push(c),
                (true, false) => shown.push_str(MASK),
                (true, true) => {}
            }
            masked = hide;
        }
        shown
    }
}

fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(secret: &str) -> Redactor {
        Redactor::new(&[SecretString::from(secret)], Some("id"))
    }

    #[test]
    fn a_secret_is_taken_out_in_each_of_its_spellings() {
        for (text, shown) in [
            ("no: Hunter2/with+signs and more!", "no: ***!"),
            ("?p=hunter2%2Fwith%2Bsigns%20and%20more&", "?p=***&"),
            ("?p=HUNTER2%2fwith%2bsigns+and+more&", "?p=***&"),
            ("starts with hunter2/with+...", "starts with ***..."),
            ("hunter2", "hunter2"),
            (
                &format!(
                    "Basic {}",
                    STANDARD.encode("id:hunter2/with+signs and more")
                ),
                "Basic ***",
            ),
            ("nothing of it is here: ü", "nothing of it is here: ü"),
        ] {
            let shown_now = redactor("hunter2/with+signs and more").redact(text);
            assert_eq!(shown_now, shown, "{text}");
        }
    }

    #[test]
    fn short_texts_and_the_scheme_of_a_url_stay() {
        assert_eq!(redactor("abc").redact("the abc"), "the abc");
        assert_eq!(
            redactor("abcd").redact("the ABCD, dabcda"),
            "the ***, d***a"
        );
        let url = redactor("https://quiet.example/x");
        assert_eq!(url.redact("https://other.example"), "https://other.example");
        assert_eq!(url.redact("at quiet.example/x"), "at ***");
        let long = "é".repeat(MAX_TEXT_BYTES);
        assert_eq!(redactor("abcd").redact(&long).len(), MAX_TEXT_BYTES);
    }
}
