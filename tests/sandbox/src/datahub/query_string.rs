//! Parses queries: plain words, or after `/q` DataHub's query strings (Lucene's syntax).
//!
//! `word`, `"a phrase"`, `pre*`, `w?ld`, `field:value`, `+must`, `-not`, `a+b`, `AND`, `OR`, `NOT`,
//! parentheses. Adjacent words must all match. A text that does not parse is matched as plain
//! words, as in DataHub's lenient parser.

mod parser;
mod score;

use super::index::parts;

/// A query, ready to be matched.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Query {
    /// `*`, or an empty text.
    All,
    /// All words must be found, in one text or in several.
    Words(Vec<String>),
    /// Words of one name, such as `user_events`: all of them, in the same text.
    Term {
        field: Option<String>,
        text: String,
        words: Vec<String>,
    },
    /// The words in this order, adjacent.
    Phrase {
        field: Option<String>,
        text: String,
    },
    /// A pattern with `*` and `?`, in lower case.
    Pattern {
        field: Option<String>,
        pattern: String,
    },
    And(Vec<Query>),
    Or(Vec<Query>),
    Not(Box<Query>),
}

/// Words of a question that carry no meaning for the search.
const FILLERS: &[&str] = &[
    "a", "about", "an", "and", "are", "as", "at", "by", "can", "do", "does", "find", "for", "from",
    "how", "i", "in", "is", "it", "me", "my", "of", "on", "or", "our", "show", "that", "the",
    "there", "to", "was", "we", "what", "when", "where", "which", "who", "why", "with", "you",
];

/// The prefix of structured queries.
const STRUCTURED: &str = "/q ";

impl Query {
    /// Parses a query as a client sends it.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.trim();
        let structured = text
            .strip_prefix(STRUCTURED)
            .or_else(|| text.strip_prefix("\\/q "));
        if text.is_empty() || text == "*" || text == "/q" {
            return Self::All;
        }
        match structured {
            Some(query) if query.trim().is_empty() || query.trim() == "*" => Self::All,
            Some(query) => parser::parse(query).unwrap_or_else(|| Self::plain(query)),
            None => Self::plain(text),
        }
    }

    /// Parses a question for a search by meaning, which replaces one by embeddings here: an entity
    /// matches if it contains any of the question's meaningful words, and its score is the sum of
    /// the scores of the words. The result is always the same for the same catalog.
    pub(crate) fn meaning(question: &str) -> Self {
        let asked = question.split_whitespace().flat_map(parts);
        let mut all: Vec<String> = asked
            .filter(|word| !FILLERS.contains(&word.as_str()))
            .collect();
        all.sort_unstable();
        all.dedup();
        if all.is_empty() {
            return Self::All;
        }
        Self::Or(
            all.into_iter()
                .map(|word| Self::Words(vec![word]))
                .collect(),
        )
    }

    /// Plain text: a quoted text is a phrase, `pre*` a pattern, all else words.
    fn plain(text: &str) -> Self {
        let inner = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        if let Some(phrase) = inner.filter(|inner| !inner.is_empty()) {
            return Self::Phrase {
                field: None,
                text: phrase.to_lowercase(),
            };
        }
        if text.contains('*') && !text.contains(char::is_whitespace) {
            return Self::Pattern {
                field: None,
                pattern: text.to_lowercase(),
            };
        }
        // Each word by itself: what is asked for has no words of several.
        let all: Vec<String> = text.split_whitespace().flat_map(parts).collect();
        match all.is_empty() {
            // Of words that the index leaves out, only a whole value is found.
            true => Self::term(None, text),
            false => Self::Words(all),
        }
    }

    /// A word (or name) of a query string.
    fn term(field: Option<String>, text: &str) -> Self {
        if text == "*" {
            return match field {
                Some(field) => Self::Pattern {
                    field: Some(field),
                    pattern: "*".to_owned(),
                },
                None => Self::All,
            };
        }
        if text.contains(['*', '?']) {
            return Self::Pattern {
                field,
                pattern: text.to_lowercase(),
            };
        }
        let all: Vec<&str> = text.split('+').filter(|part| !part.is_empty()).collect();
        if all.len() > 1 {
            return Self::And(
                all.iter()
                    .map(|part| Self::term(field.clone(), part))
                    .collect(),
            );
        }
        let text = all.first().copied().unwrap_or(text);
        Self::Term {
            field,
            text: text.to_lowercase(),
            words: parts(text),
        }
    }
}

#[cfg(test)]
mod tests;
