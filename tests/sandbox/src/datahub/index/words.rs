//! Splits text into words as DataHub's index does; the rules are data: `schema/search-analysis.txt`.
//!
//! A word that the index does not have is found by nothing: one of one or two characters, a stop word, a
//! part of a name in camel case, a number inside a text. Stemming is less than DataHub's, which finds more.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// The rules of the data file.
static ANALYSIS: LazyLock<Analysis> =
    LazyLock::new(|| Analysis::read(include_str!("../../../schema/search-analysis.txt")));

#[derive(Debug, Default)]
struct Analysis {
    tokenizer: &'static str,
    word_characters: &'static str,
    captures: Vec<String>,
    stop: HashSet<&'static str>,
    min_length: usize,
    stems: HashMap<&'static str, &'static str>,
    synonyms: HashMap<&'static str, &'static str>,
    weights: Vec<Weight>,
}

/// A weight of the score: for a search for everything or any other, the value of a field, the factor.
#[derive(Debug)]
struct Weight {
    of_all: bool,
    field: &'static str,
    value: &'static str,
    factor: f32,
}

impl Analysis {
    fn read(text: &'static str) -> Self {
        let mut analysis = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((rule, rest)) = line.split_once(' ') else {
                continue;
            };
            let pair = || rest.split_once(' ').unwrap_or((rest, rest));
            match rule {
                "main_tokenizer" => analysis.tokenizer = rest,
                "word_characters" => analysis.word_characters = rest,
                "capture" => analysis.captures.push(rest.replace("<space>", " ")),
                "stop" | "datahub_stop_words" => analysis.stop.extend(rest.split(' ')),
                "min_length" => analysis.min_length = rest.parse().unwrap_or_default(),
                "stem_override" => analysis.stems.extend([pair()]),
                "synonym" => analysis.synonyms.extend([pair()]),
                "all" | "other" => {
                    let (condition, factor) = pair();
                    let (field, value) = condition.split_once('=').unwrap_or((condition, ""));
                    analysis.weights.push(Weight {
                        of_all: rule == "all",
                        field,
                        value,
                        factor: factor.parse().unwrap_or(1.0),
                    });
                }
                _ => unreachable!("no rule: {line}"),
            }
        }
        analysis
    }

    /// The words of one token, in lower case and as they are.
    fn of_token(&self, token: &str) -> Vec<String> {
        let mut words = vec![token.to_owned()];
        let splits = |c: char| !c.is_alphanumeric() && !self.word_characters.contains(c);
        let parts = token.split(splits).filter(|part| !part.is_empty());
        let parts = parts.filter(|part| !part.chars().all(|c| c.is_ascii_digit()));
        words.extend(parts.map(str::to_owned));
        for more in &self.captures {
            let splits =
                |c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || more.contains(c));
            let runs = token.split(splits).filter(|run| run.len() >= 2);
            words.extend(runs.map(str::to_owned));
        }
        words
    }
}

/// The words that the index has of a text, stemmed, each once. `user_events` is `user_events`, `user` and
/// `event`.
pub(crate) fn words(text: &str) -> Vec<String> {
    let analysis = &*ANALYSIS;
    let lower = text.to_lowercase();
    let tokens = lower.split(|c| analysis.tokenizer.contains(c));
    let mut seen = HashSet::new();
    let all = tokens.flat_map(|token| analysis.of_token(token));
    let all = all.map(|word| word.trim().replace(['\'', '"'], ""));
    let all = all.filter(|word| !analysis.stop.contains(word.as_str()));
    let all = all.map(|word| stem(&word));
    let all = all.filter(|word| word.chars().count() >= analysis.min_length);
    all.filter(|word| seen.insert(word.clone())).collect()
}

/// The parts of the words of a text: of `user_events`, `user` and `event`. Where these are found, so is the
/// word that they make.
pub(crate) fn parts(text: &str) -> Vec<String> {
    let tokens = text.split(|c| ANALYSIS.tokenizer.contains(c));
    let parts = tokens.flat_map(|token| {
        let mut all = words(token);
        if all.len() > 1 {
            all.remove(0);
        }
        all.retain(|word| !word.contains(' '));
        all
    });
    parts.collect()
}

/// The factor of an entity's score, of which `is` tells whether a field has a value.
pub(crate) fn weight(of_all: bool, is: impl Fn(&str, &str) -> bool) -> f32 {
    let weights = ANALYSIS.weights.iter();
    let weights = weights.filter(|weight| weight.of_all == of_all);
    let weights = weights.filter(|weight| is(weight.field, weight.value));
    weights.map(|weight| weight.factor).product()
}

/// The stem of a word, which is the same for plural and singular, and for words that mean the same.
pub(crate) fn stem(word: &str) -> String {
    let word = ANALYSIS.synonyms.get(word).copied().unwrap_or(word);
    if let Some(stem) = ANALYSIS.stems.get(word) {
        return (*stem).to_owned();
    }
    if word.len() > 4
        && let Some(head) = word.strip_suffix("ies")
    {
        return format!("{head}y");
    }
    if word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us") {
        return word[..word.len() - 1].to_owned();
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts, and the words by which each is found.
    #[test]
    fn words_are_those_of_datahubs_analysis() {
        for (text, found) in [
            ("user_events", &["user_event", "user", "event"][..]),
            (
                "dw.userTransactions_2024 (EU)",
                &["usertransactions_2024", "usertransaction", "2024"],
            ),
            (
                "The key of all orders",
                &["the key of all order", "key", "all", "order"],
            ),
            ("orders 2024", &["orders 2024", "order"]),
            ("2024", &["2024"]),
            (
                "see user_events now",
                &[
                    "see user_events now",
                    "see",
                    "user_event",
                    "now",
                    "see user",
                    "events now",
                ],
            ),
            ("urn:li:tag:PII", &["tag", "pii"]),
            ("id", &[]),
            ("Überblick", &["überblick", "berblick"]),
        ] {
            assert_eq!(words(text), found, "{text}");
        }
    }

    #[test]
    fn plurals_meet_their_singular_and_words_their_synonyms() {
        for (word, stemmed) in [
            ("orders", "order"),
            ("categories", "category"),
            ("address", "address"),
            ("customers", "customer"),
            ("staging", "staging"),
            ("stg", "staging"),
            ("prod", "production"),
        ] {
            assert_eq!(stem(word), stemmed);
        }
    }

    #[test]
    fn what_is_described_and_owned_weighs_more_and_what_is_deprecated_less() {
        let of = |all: bool, fields: &[&str]| {
            weight(all, |field, value| {
                value == "true" && fields.contains(&field)
            })
        };
        assert!((of(true, &[]) - 1.0).abs() < f32::EPSILON);
        assert!((of(true, &["hasDescription", "hasOwners"]) - 1.5625).abs() < 1e-6);
        assert!((of(true, &["hasActiveIncidents", "deprecated"]) - 0.5).abs() < 1e-6);
        assert!((of(false, &["hasDescription"]) - 1.0).abs() < f32::EPSILON);
        assert!((of(false, &["deprecated"]) - 0.25).abs() < 1e-6);
    }
}
