//! `grep_documents`: finds passages in documents by regular expression and pages through long ones.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use datahub::DataHubError;
use foundation::shares::{Supply, Taken};
use futures::{StreamExt, stream};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    entity,
    passages::{MAX_CONTEXT, Matches, Piece, matches},
};
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
/// The time that one call may search.
const TIME: Duration = Duration::from_secs(2);
/// The calls that search at once.
const PLACES: usize = 8;
/// The longest wait for a place, and the time after which one is looked for again.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub(super) struct GrepDocuments {
    places: Arc<Supply<u64>>,
}

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
                integer("context_chars", 0, MAX_CONTEXT as i64, "").default(200),
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
        let _place = self
            .place(context.caller.principal.digest().number())
            .await?;
        let offset = args.start_offset;
        let calls: Vec<_> = args
            .urns
            .iter()
            .map(|urn| read(context, urn, offset))
            .collect();
        let mut pieces = stream::iter(calls).buffered(AT_ONCE);
        let (mut results, mut total, mut unsearched) = (Vec::new(), 0, Vec::new());
        let mut left = TIME;
        for urn in &args.urns {
            let piece = match pieces.next().await {
                None => break,
                Some(Err(ToolError::DataHub(error)))
                    if error == DataHubError::TokenRefused || error.is_outage() =>
                {
                    return Err(error.into());
                }
                Some(Err(error)) => {
                    results.push(json!({"urn": urn, "error": error.to_string()}));
                    continue;
                }
                Some(Ok(piece)) => piece,
            };
            let (title, length) = (piece.title.clone(), piece.length);
            let shown = (args.max_matches_per_doc, args.context_chars);
            let (found, took) = search(regex.clone(), piece, offset, shown, left).await?;
            left = left.saturating_sub(took);
            total += found.count;
            if let Some(position) = found.searched_to {
                unsearched.push(format!("{urn} with start_offset {position}"));
            }
            if found.count > 0 {
                results.push(json!({
                    "urn": urn, "title": title, "totalMatches": found.count,
                    "matches": found.shown, "length": length,
                }));
            }
        }
        let limit = context.settings.response_tokens;
        let dropped = budget::fit(&mut results, limit - limit / 8);
        let mut answer = json!({"totalMatches": total, "results": results});
        if dropped > 0 {
            answer["next"] = json!(format!(
                "{dropped} documents left out; call again with fewer urns"
            ));
        } else if !unsearched.is_empty() {
            answer["next"] = json!(format!(
                "not all was searched; call again for {}",
                unsearched.join(", ")
            ));
        } else if total == 0 {
            answer["hint"] = json!(
                "no passage matches behind `start_offset`; try (?i), a shorter pattern, or \
                 search_documents for another document"
            );
        }
        Ok(answer)
    }
}

impl GrepDocuments {
    pub(super) fn new() -> Self {
        Self {
            places: Supply::new(PLACES, 1),
        }
    }

    /// A place to search, of which nobody gets more than half.
    async fn place(&self, who: u64) -> Result<Taken<u64>, ToolError> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.places.take(who, 1) {
                Ok(place) => return Ok(place),
                Err(_) if Instant::now() >= end => return Err(ToolError::Busy),
                Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }
}

async fn read(context: &ToolContext, urn: &str, offset: usize) -> Result<Piece, ToolError> {
    let variables = json!({"urn": urn});
    let mut document = context
        .ask_for(&documents::DOCUMENT_TEXT, variables, "document")
        .await?;
    entity::existing(&document, urn)?;
    let title = fields::take(&mut document, &["info", "title"]);
    let text = document["info"]["contents"]["text"].as_str();
    Ok(Piece::of(title, text.unwrap_or_default(), offset))
}

/// The matches in `piece`, and the time that they took: `left` at most. Not on a thread that serves others, because
/// it may work for as long as it is given.
async fn search(
    regex: Regex,
    piece: Piece,
    offset: usize,
    shown: (usize, usize),
    left: Duration,
) -> Result<(Matches, Duration), ToolError> {
    let work = move || {
        let began = Instant::now();
        let found = matches(&regex, &piece, offset, shown, began + left);
        (found, began.elapsed())
    };
    let searched = tokio::task::spawn_blocking(work).await;
    searched.map_err(|_| ToolError::Panicked)
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

    #[test]
    #[expect(clippy::invalid_regex, reason = "wrong patterns are what it is about")]
    fn a_wrong_pattern_is_explained() {
        let error = Regex::new("(?=x)").unwrap_err();
        assert!(wrong_pattern("(?=x)", &error).contains("look-around"));
        let error = Regex::new("a(").unwrap_err();
        assert!(wrong_pattern("a(", &error).contains("regular expression"));
    }
}
