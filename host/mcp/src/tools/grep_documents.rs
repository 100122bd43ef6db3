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
    passages::{self, Passages, Step},
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

/// The longest context of a match, in characters.
const MAX_CONTEXT: usize = 5_000;
/// The longest part of a document that one call searches, in bytes.
const LONGEST: usize = 2 << 20;
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
            let (regex, shown) = (
                regex.clone(),
                (args.max_matches_per_doc, args.context_chars),
            );
            let search = move || {
                let began = Instant::now();
                (
                    matches(&regex, &piece, offset, shown, began + left),
                    began.elapsed(),
                )
            };
            // Not on a thread that serves others: it may work for as long as it is given.
            let searched = tokio::task::spawn_blocking(search).await;
            let (found, took) = searched.map_err(|_| ToolError::Panicked)?;
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

/// The part of a document that one call searches, and what an excerpt shows before it.
struct Piece {
    title: Value,
    text: String,
    /// The byte at which the search begins.
    start: usize,
    /// True if something of the document comes before the text.
    is_cut_before: bool,
    is_cut_after: bool,
    /// The characters of the whole document.
    length: usize,
}

impl Piece {
    fn of(title: Value, text: &str, offset: usize) -> Self {
        let start = ahead(text, 0, offset);
        let (from, to) = (
            back(text, start, MAX_CONTEXT),
            passages::floor(text, start.saturating_add(LONGEST)),
        );
        Self {
            title,
            text: text[from..to].to_owned(),
            start: start - from,
            is_cut_before: from > 0,
            is_cut_after: to < text.len(),
            length: text.chars().count(),
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

/// The matches in a piece.
#[derive(Debug)]
struct Matches {
    shown: Vec<Value>,
    count: usize,
    /// The character up to which the document was searched, if that is not its end.
    searched_to: Option<usize>,
}

/// The matches in `piece`, which begins at the character `offset`, until the time is over; the first
/// of them, with so many characters around them, are `shown`.
fn matches(
    regex: &Regex,
    piece: &Piece,
    offset: usize,
    (most, around): (usize, usize),
    end: Instant,
) -> Matches {
    let text = piece.text.as_str();
    let (mut shown, mut count) = (Vec::new(), 0);
    let (mut position, mut counted_to) = (offset, piece.start);
    let mut searched_to = piece
        .is_cut_after
        .then(|| offset + text[piece.start..].chars().count());
    for step in Passages::new(regex, text, piece.start, end) {
        let (from, to) = match step {
            Step::Found(from, to) => (from, to),
            Step::OutOfTime(at) => {
                searched_to = Some(offset + text[piece.start..at].chars().count());
                break;
            }
        };
        count += 1;
        if shown.len() < most {
            position += text[counted_to..from].chars().count();
            counted_to = from;
            let (before, after) = (back(text, from, around), ahead(text, to, around));
            let is_more = |more: bool| if more { "..." } else { "" };
            let lead = is_more(before > 0 || piece.is_cut_before);
            let tail = is_more(after < text.len() || piece.is_cut_after);
            shown.push(json!({
                "position": position,
                "excerpt": format!("{lead}{}{tail}", &text[before..after]),
            }));
        }
    }
    Matches {
        shown,
        count,
        searched_to,
    }
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

    fn searched(text: &str, pattern: &str, offset: usize, shown: (usize, usize)) -> Matches {
        let (regex, piece) = (
            Regex::new(pattern).unwrap(),
            Piece::of(Value::Null, text, offset),
        );
        let end = Instant::now() + Duration::from_secs(3600);
        matches(&regex, &piece, offset, shown, end)
    }

    #[test]
    fn positions_and_excerpts_count_characters() {
        let text = "äöü key ßßß key end";
        let found = searched(text, "key", 0, (5, 2));
        assert_eq!((found.count, found.searched_to), (2, None));
        assert_eq!(
            found.shown[0],
            json!({"position": 4, "excerpt": "...ü key ß..."})
        );
        assert_eq!(found.shown[1]["position"], 12);
        let found = searched(text, "key", 5, (1, 0));
        assert_eq!(found.count, 1);
        assert_eq!(found.shown[0]["position"], 12);
        assert_eq!(searched(text, "key", 500, (1, 0)).count, 0);
        let found = searched(text, "key", 0, (1, 0));
        assert_eq!((found.shown.len(), found.count), (1, 2));
    }

    #[test]
    fn a_long_document_is_searched_piece_by_piece() {
        let text = format!("{}key{}key", "ä".repeat(LONGEST), "-".repeat(LONGEST));
        let (mut offset, mut positions) = (0, Vec::new());
        loop {
            let found = searched(&text, "key", offset, (5, 1));
            for one in &found.shown {
                positions.push(one["position"].as_u64().unwrap() as usize);
                assert!(one["excerpt"].as_str().unwrap().starts_with("..."), "{one}");
            }
            match found.searched_to {
                Some(to) => offset = to,
                None => break,
            }
        }
        assert_eq!(positions, [LONGEST, 2 * LONGEST + 3]);
        assert_eq!(offset, 2 * LONGEST);
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
