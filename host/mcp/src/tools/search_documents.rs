//! `search_documents`: finds runbooks, definitions and other documents of the catalog.

use std::collections::HashSet;

use datahub::Tree;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    hits::{by_meaning, query_of, shape},
    nothing_found, window,
};
use crate::{
    args::{integer, text},
    context::ToolContext,
    documents,
    error::ToolError,
    fields, filter,
    tool::{Definition, Effect, Tool},
};

pub(super) struct SearchDocuments;

/// The largest number of hits of each search that are merged.
const MOST_MERGED: i64 = 100;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    query: String,
    semantic_query: Option<String>,
    filter: Option<String>,
    num_results: i64,
    offset: i64,
}

impl Tool for SearchDocuments {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "search_documents",
            title: "Search documents",
            description: "Finds documents (runbooks, definitions, decisions) by words and, with \
                semantic_query where the server can, by meaning. Returns titles and urns, for \
                get_entities or grep_documents.",
            params: vec![
                text("query", "").default("*"),
                text("semantic_query", "A question in plain words."),
                text(
                    "filter",
                    "As in search; subtype, owner, domain, tag, platform.",
                ),
                integer("num_results", 0, 50, "").default(10),
                integer("offset", 0, 10_000, "").default(0),
            ],
            output: json!({
                "start": {"type": "integer"},
                "count": {"type": "integer"},
                "total": {"type": "integer"},
                "searchResults": {"type": "array", "items": {"type": "object"}}
            }),
            effect: Effect::Reads,
            enabled: |settings| settings.documents,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        let filter = context.filter(args.filter.as_deref()).await?;
        let question = args.semantic_query.as_deref().map(str::trim);
        let count = window::within(context, "offset", args.offset, args.num_results)?;
        let (words, page) = (&*query_of(&args.query), (args.offset, count));
        let mut query = words;
        if let Some(question) = question.filter(|question| !question.is_empty()) {
            let wide = (0, (args.offset + args.num_results).min(MOST_MERGED));
            let part = if words == "*" { page } else { wide };
            let document = &documents::SEARCH_DOCUMENTS_SEMANTIC;
            let variables = input(question, &filter, part, false);
            let asked = context.ask(document, variables).await;
            match by_meaning(context, asked, "semanticSearchAcrossEntities")? {
                Some(found) if words == "*" => {
                    return shape(context, &Tree::from(&found), args.offset);
                }
                Some(found) => {
                    let variables = input(words, &filter, wide, true);
                    let named = by_words(context, variables).await?;
                    let merged = merged(named, found, page);
                    return shape(context, &Tree::from(&merged), args.offset);
                }
                None if words == "*" => query = question,
                None => {}
            }
        }
        let variables = input(query, &filter, page, args.offset == 0);
        let found = by_words(context, variables).await?;
        let mut answer = shape(context, &Tree::from(&found), args.offset)?;
        if answer["total"] == 0 {
            let base = json!({"query": query, "types": ["DOCUMENT"]});
            let hint = nothing_found::hint(context, args.filter.as_deref(), &base).await;
            answer["hint"] = hint.map_or_else(|| answer["hint"].take(), Value::from);
        }
        Ok(answer)
    }
}

/// The variables of either search; `page` is the offset and the number of hits.
fn input(query: &str, filter: &filter::Compiled, page: (i64, i64), facets: bool) -> Value {
    json!({"input": {
        "types": ["DOCUMENT"],
        "query": query,
        "start": page.0,
        "count": page.1,
        "orFilters": filter.or_filters,
        "searchFlags": filter.flags(json!({
            "skipHighlighting": true, "maxAggValues": 5, "skipAggregates": !facets
        })),
    }})
}

async fn by_words(context: &ToolContext, variables: Value) -> Result<Value, ToolError> {
    let document = &documents::SEARCH_DOCUMENTS;
    context
        .ask_for(document, variables, "searchAcrossEntities")
        .await
}

/// Merges the hits by words and by meaning into one list, which has each document once and says
/// which search found it. The lists alternate, beginning with the best hit by words, as that may be
/// an exact match.
fn merged(mut by_words: Value, mut by_meaning: Value, page: (i64, i64)) -> Value {
    let hits = |found: &mut Value| match fields::take(found, &["searchResults"]) {
        Value::Array(hits) => hits,
        _ => Vec::new(),
    };
    let (words, meanings) = (hits(&mut by_words), hits(&mut by_meaning));
    let urns = |hits: &[Value]| -> HashSet<String> { hits.iter().filter_map(urn_of).collect() };
    let (named, meant) = (urns(&words), urns(&meanings));
    let most = words.len().max(meanings.len());
    let (mut words, mut meanings) = (words.into_iter(), meanings.into_iter());
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for _ in 0..most {
        for mut hit in [words.next(), meanings.next()].into_iter().flatten() {
            let Some(urn) = urn_of(&hit) else { continue };
            let found_by = match (named.contains(&urn), meant.contains(&urn)) {
                (true, true) => "both",
                (true, false) => "keyword",
                _ => "semantic",
            };
            fields::set(&mut hit, "searchType", found_by);
            if seen.insert(urn) {
                all.push(hit);
            }
        }
    }
    let total = by_words["total"].as_i64().unwrap_or(0);
    let total = total.max(i64::try_from(all.len()).unwrap_or(i64::MAX));
    let [skip, take] = [page.0, page.1].map(|n| usize::try_from(n).unwrap_or(0));
    let shown: Vec<Value> = all.into_iter().skip(skip).take(take).collect();
    fields::set(&mut by_words, "total", total);
    fields::set(&mut by_words, "searchResults", shown);
    by_words
}

fn urn_of(hit: &Value) -> Option<String> {
    hit["entity"]["urn"].as_str().map(str::to_owned)
}
