//! Scores entities against a query, and finds the texts that match.

use super::super::index::{Kind, MAPPING, PROPERTIES, SearchDoc, Text};
use super::Query;

/// A text that matched: the field, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Matched {
    pub(crate) field: String,
    pub(crate) value: String,
}

impl Query {
    /// The score of the entity; none if it does not match. Zero if all entities match equally.
    pub(crate) fn score(&self, doc: &SearchDoc) -> Option<f32> {
        match self {
            Self::All => Some(0.0),
            Self::Words(words) => {
                let mut sum = 0.0;
                for word in words {
                    sum += best(doc, |text| word_score(text, word))?;
                }
                Some(sum + name_bonus(doc, words))
            }
            Self::Term {
                field: None,
                text,
                words,
            } => {
                let found = best(doc, |candidate| term_score(candidate, text, words))?;
                Some(found + name_bonus(doc, words))
            }
            Self::Phrase { field: None, text } => best(doc, |candidate| {
                candidate
                    .lower
                    .contains(text.as_str())
                    .then_some(candidate.weight * 1.5)
            }),
            Self::Pattern {
                field: None,
                pattern,
            } => best(doc, |text| pattern_score(text, pattern)),
            Self::Term {
                field: Some(field),
                text,
                words,
            } => field_matches(doc, field, &|value, of_words| match of_words {
                true => words_in(value, words),
                false => value == text,
            }),
            Self::Phrase {
                field: Some(field),
                text,
            } => field_matches(doc, field, &|value, of_words| match of_words {
                true => words_in(value, &stems(text)),
                false => value == text,
            }),
            Self::Pattern {
                field: Some(field),
                pattern,
            } => field_matches(doc, field, &|value, of_words| {
                let any = || components(value).any(|part| wild(pattern, part));
                wild(pattern, value) || (of_words && any())
            }),
            Self::And(all) => all
                .iter()
                .try_fold(0.0, |sum, one| Some(sum + one.score(doc)?)),
            Self::Or(any) => {
                let scores = any.iter().filter_map(|one| one.score(doc));
                scores.fold(None, |sum, score| Some(sum.unwrap_or(0.0) + score))
            }
            Self::Not(inner) => inner.score(doc).is_none().then_some(0.0),
        }
    }

    /// The texts in which the query's words were found.
    pub(crate) fn matched(&self, doc: &SearchDoc) -> Vec<Matched> {
        let mut found = Vec::new();
        self.collect(doc, &mut found);
        let mut seen = Vec::new();
        found.retain(|one| {
            !seen.contains(one) && {
                seen.push(one.clone());
                true
            }
        });
        found
    }

    fn collect(&self, doc: &SearchDoc, found: &mut Vec<Matched>) {
        let mut add = |test: &dyn Fn(&Text) -> bool| {
            for text in doc.texts.iter().filter(|text| test(text)) {
                found.push(Matched {
                    field: text.field.to_owned(),
                    value: text.original.clone(),
                });
            }
        };
        match self {
            Self::Words(words) => {
                add(&|text| words.iter().any(|word| word_score(text, word).is_some()));
            }
            Self::Term {
                field: None,
                text,
                words,
            } => {
                add(&|candidate| term_score(candidate, text, words).is_some());
            }
            Self::Phrase { field: None, text } => add(&|t| t.lower.contains(text.as_str())),
            Self::Pattern {
                field: None,
                pattern,
            } => add(&|t| pattern_score(t, pattern).is_some()),
            Self::And(all) | Self::Or(all) => all.iter().for_each(|one| one.collect(doc, found)),
            _ => {}
        }
    }
}

fn best(doc: &SearchDoc, score: impl Fn(&Text) -> Option<f32>) -> Option<f32> {
    let (mut best, mut rest) = (None::<f32>, 0.0);
    for found in doc.texts.iter().filter_map(score) {
        // Further matches count a little, so that more is better.
        rest += found * 0.05;
        best = Some(best.map_or(found, |best| best.max(found)));
    }
    best.map(|best| best + rest.min(1.0))
}

/// A whole word counts in full; the beginning of one counts less, and only in names.
fn word_score(text: &Text, word: &str) -> Option<f32> {
    if text.words.iter().any(|w| w == word) {
        // In a short text, the word weighs more than in a long one.
        let length = f32::from(u16::try_from(text.words.len()).unwrap_or(u16::MAX));
        return Some(text.weight * (1.0 + 1.0 / length.max(1.0)));
    }
    let partial = matches!(
        text.field,
        "name"
            | "title"
            | "displayName"
            | "fullName"
            | "ldap"
            | "id"
            | "jobId"
            | "flowId"
            | "qualifiedName"
            | "fieldPaths"
            | "email"
    );
    let begins = partial && word.len() >= 3 && text.words.iter().any(|w| w.starts_with(word));
    begins.then_some(text.weight * 0.4)
}

/// All words of one name must be in the same text.
fn term_score(text: &Text, term: &str, words: &[String]) -> Option<f32> {
    if words.is_empty() {
        return (text.lower == term).then_some(text.weight);
    }
    if text.lower == term {
        return Some(text.weight * 3.0);
    }
    let mut sum = 0.0;
    for word in words {
        sum += word_score(text, word)?;
    }
    let count = f32::from(u16::try_from(words.len()).unwrap_or(u16::MAX));
    Some(sum / count)
}

fn pattern_score(text: &Text, pattern: &str) -> Option<f32> {
    if wild(pattern, &text.lower) {
        return Some(text.weight);
    }
    let parts = text
        .lower
        .split(|c: char| c.is_whitespace() || ".,/()".contains(c));
    let found = parts
        .into_iter()
        .any(|part| !part.is_empty() && wild(pattern, part));
    found.then_some(text.weight * 0.8)
}

/// A bonus for a name that is exactly the query, which ranks the entity first; less for a partial
/// one.
fn name_bonus(doc: &SearchDoc, words: &[String]) -> f32 {
    let name = doc.name.as_slice();
    if name == words {
        30.0
    } else if name.ends_with(words) {
        10.0
    } else if words.iter().all(|word| name.contains(word)) {
        5.0
    } else {
        0.0
    }
}

/// Looks into the field of the index that a query string names, which has to be its name: an unknown one
/// matches nothing. A text is compared as a whole, in lower case; urns, and texts under `.delimited`,
/// word by word. `test` is told which.
fn field_matches(doc: &SearchDoc, field: &str, test: &dyn Fn(&str, bool) -> bool) -> Option<f32> {
    let (name, delimited) = match field.rsplit_once('.') {
        Some((name, "delimited")) => (name, true),
        Some((name, "keyword")) => (name, false),
        _ => (field, false),
    };
    let kind = MAPPING.kind(doc.entity_type(), name);
    let of_words = delimited || kind == Some(Kind::Urn);
    let is_known = kind.is_some() || name.starts_with(PROPERTIES);
    let mut values = doc.values(name).iter();
    (is_known && values.any(|value| test(&value.to_lowercase(), of_words))).then_some(1.0)
}

fn stems(text: &str) -> Vec<String> {
    super::super::index::words(text)
}

fn words_in(value: &str, words: &[String]) -> bool {
    let value = stems(value);
    !words.is_empty() && words.iter().all(|word| value.contains(word))
}

/// The parts of a urn that are words in the index.
fn components(value: &str) -> impl Iterator<Item = &str> {
    value.split(|c: char| "(),./:".contains(c))
}

/// `*` stands for any text, `?` for one character.
pub(super) fn wild(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    t = from + 1;
                    star = Some((at, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}
