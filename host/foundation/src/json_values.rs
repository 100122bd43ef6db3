//! Counts the values of a JSON text without keeping them. A short text may hold so many that
//! what is made of it takes a hundred times its size.

use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Counts what it reads, and fails above a limit.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    seen: &'a Cell<usize>,
    most: usize,
}

impl<'a> Values<'a> {
    /// Counts up to `most` in `seen`.
    pub fn up_to(most: usize, seen: &'a Cell<usize>) -> Self {
        Self { seen, most }
    }

    /// Counts one value.
    ///
    /// # Errors
    /// If it is one too many.
    pub fn one<E: Error>(self) -> Result<(), E> {
        self.seen.set(self.seen.get() + 1);
        match self.seen.get() > self.most {
            true => Err(E::custom("too many values")),
            false => Ok(()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.one()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.one()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.one()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.one()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.one()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.one()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.one()?;
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.one()?;
        while members.next_key::<IgnoredAny>()?.is_some() {
            members.next_value_seed(self)?;
        }
        Ok(())
    }
}

/// Returns whether the text holds more than `most` values. False for what is no JSON before there are so many.
pub fn are_more(json: &[u8], most: usize) -> bool {
    let seen = Cell::new(0);
    let mut reader = serde_json::Deserializer::from_slice(json);
    // How it ends does not matter: whoever reads the values says what is wrong.
    let _ended = Values::up_to(most, &seen).deserialize(&mut reader);
    seen.get() > most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_counts_and_long_texts_are_one() {
        let list =
            |item: &str, count: usize| format!("{{\"a\":[{}]}}", vec![item; count].join(","));
        for (item, values) in [
            ("0", 1),
            ("null", 1),
            ("{}", 1),
            ("[]", 1),
            ("[[\"x\"]]", 3),
            ("{\"\":1.5}", 2),
        ] {
            let text = list(item, 1_000);
            let all = 2 + 1_000 * values;
            assert!(are_more(text.as_bytes(), all - 1), "{item}");
            assert!(!are_more(text.as_bytes(), all), "{item}");
        }
        let long = list(&format!("\"{}\"", "x".repeat(1_000)), 50);
        assert!(!are_more(long.as_bytes(), 60));
        for other in [&b"xxxxxxxx"[..], b"", b"[1,2,"] {
            assert!(!are_more(other, 3));
        }
        assert!(are_more(b"[1,2,3,4,", 3));
    }
}
