//! `grep_documents`: finds passages in documents by regular expression and pages through long ones.

use datahub::DataHubError;
use futures::{StreamExt, stream};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::{Value, json};

use super::entity;
use crate::{
    args::{integer, text, texts},
    budget,
    context::ToolContext,
    documents,
    error::ToolError,
    fields,
    tool::{Definition, Effect, Tool},
};

/// The number of concurrent calls to DataHub.
const AT_ONCE: usize = 8;
/// A pattern that compiles to more than this is refused.
const MAX_REGEX_BYTES: usize = 1 << 20;

pub(super) struct GrepDocuments;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    urns: Vec<String>,
    pattern: String,
    context_chars: usize,
    max_matches_per_doc: usize,
    start_offset: usize,
}

impl Tool for GrepDocuments {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "grep_documents",
            title: "Search inside documents",
            description: "Passages of documents that match a regular expression (no look-around; \
                (?i) ignores case), with context and positions. Read a long one piece by \
                piece with pattern (?s).{1,4000} and start_offset.",
            params: vec![
                texts("urns", 50, "From search_documents.").required(),
                text("pattern", "").required(),
                integer("context_chars", 0, 5_000, "").default(200),
                integer("max_matches_per_doc", 1, 100, "").default(5),
                integer("start_offset", 0, 100_000_000, "Characters to skip.").default(0),
            ],
            output: json!({
                "results": {"type": "array", "items": {"type": "object"}},
                "totalMatches": {"type": "integer"}
            }),
            effect: Effect::Reads,
            enabled: |settings| settings.documents,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        for urn in &args.urns {
            entity::of_kind(urn, &["document"])?;
        }
        let regex = RegexBuilder::new(&args.pattern)
            .size_limit(MAX_REGEX_BYTES)
            .build()
            .map_err(|error| ToolError::Arguments(wrong_pattern(&args.pattern, &error)))?;
        let calls: Vec<_> = args.urns.iter().map(|urn| read(context, urn)).collect();
        let texts: Vec<_> = stream::iter(calls).buffered(AT_ONCE).collect().await;
        let mut results = Vec::new();
        let mut total = 0;
        for (urn, document) in args.urns.iter().zip(texts) {
            match document {
                Err(ToolError::DataHub(error))
                    if error == DataHubError::TokenRefused || error.is_outage() =>
                {
                    return Err(error.into());
                }
                Err(error) => results.push(json!({"urn": urn, "error": error.to_string()})),
                Ok((title, text)) => {
                    let (matches, count) = matches(&regex, &text, &args);
                    total += count;
                    if count > 0 {
                        results.push(json!({
                            "urn": urn, "title": title, "totalMatches": count, "matches": matches,
                            "length": text.chars().count(),
                        }));
                    }
                }
            }
        }
        let limit = context.settings.response_tokens;
        let dropped = budget::fit(&mut results, limit - limit / 8);
        let mut answer = json!({"totalMatches": total, "results": results});
        if total == 0 {
            answer["hint"] = json!(
                "no passage matches behind `start_offset`; try (?i), a shorter pattern, or \
                 search_documents for another document"
            );
        }
        if dropped > 0 {
            answer["next"] = json!(format!(
                "{dropped} documents left out; call again with fewer urns"
            ));
        }
        Ok(answer)
    }
}

async fn read(context: &ToolContext, urn: &str) -> Result<(Value, String), ToolError> {
    let variables = json!({"urn": urn});
    let mut document = context
        .ask_for(&documents::DOCUMENT_TEXT, variables, "document")
        .await?;
    entity::existing(&document, urn)?;
    let text = document["info"]["contents"]["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    Ok((fields::take(&mut document, &["info", "title"]), text))
}

/// The matches after the offset, and their number.
fn matches(regex: &Regex, text: &str, args: &Args) -> (Vec<Value>, usize) {
    let start = match args.start_offset {
        0 => 0,
        chars => text
            .char_indices()
            .nth(chars)
            .map_or(text.len(), |(at, _)| at),
    };
    let mut shown = Vec::new();
    let mut count = 0;
    let mut position = args.start_offset;
    let mut counted_to = start;
    for found in regex
        .find_iter(&text[start..])
        .filter(|found| !found.is_empty())
    {
        count += 1;
        if shown.len() < args.max_matches_per_doc {
            let (from, to) = (start + found.start(), start + found.end());
            position += text[counted_to..from].chars().count();
            counted_to = from;
            let before = back(text, from, args.context_chars);
            let after = ahead(text, to, args.context_chars);
            let lead = if before > 0 { "..." } else { "" };
            let tail = if after < text.len() { "..." } else { "" };
            shown.push(json!({
                "position": position,
                "excerpt": format!("{lead}{}{tail}", &text[before..after]),
            }));
        }
    }
    (shown, count)
}

fn back(text: &str, from: usize, chars: usize) -> usize {
    text[..from]
        .char_indices()
        .rev()
        .take(chars)
        .last()
        .map_or(from, |(at, _)| at)
}

fn ahead(text: &str, to: usize, chars: usize) -> usize {
    text[to..]
        .char_indices()
        .nth(chars)
        .map_or(text.len(), |(at, _)| to + at)
}

fn wrong_pattern(pattern: &str, error: &regex::Error) -> String {
    let hint = if ["(?=", "(?!", "(?<=", "(?<!"]
        .iter()
        .any(|l| pattern.contains(l))
    {
        "look-around is not supported; match more and read the excerpt"
    } else {
        "write \\ before a character that stands for itself, such as \\( or \\."
    };
    let last = error.to_string();
    let reason = last.lines().last().unwrap_or_default().trim().to_owned();
    format!("`pattern` is not a regular expression ({reason}); {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(start_offset: usize, context_chars: usize, max: usize) -> Args {
        Args {
            urns: Vec::new(),
            pattern: String::new(),
            context_chars,
            max_matches_per_doc: max,
            start_offset,
        }
    }

    #[test]
    fn positions_and_excerpts_count_characters() {
        let text = "äöü key ßßß key end";
        let regex = Regex::new("key").unwrap();
        let (found, count) = matches(&regex, text, &args(0, 2, 5));
        assert_eq!(count, 2);
        assert_eq!(found[0], json!({"position": 4, "excerpt": "...ü key ß..."}));
        assert_eq!(found[1]["position"], 12);
        let (found, count) = matches(&regex, text, &args(5, 0, 1));
        assert_eq!((count, found[0]["position"].as_u64()), (1, Some(12)));
        assert_eq!(matches(&regex, text, &args(500, 0, 1)).1, 0);
        let (found, count) = matches(&regex, text, &args(0, 0, 1));
        assert_eq!((found.len(), count), (1, 2));
    }

    #[test]
    #[expect(clippy::invalid_regex, reason = "wrong patterns are what it is about")]
    fn a_wrong_pattern_is_explained() {
        let error = Regex::new("(?=x)").unwrap_err();
        assert!(wrong_pattern("(?=x)", &error).contains("look-around"));
        let error = Regex::new("a(").unwrap_err();
        assert!(wrong_pattern("a(", &error).contains("regular expression"));
    }
}
