//! `search`: finds entities by words and by filter.

use datahub::Tree;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    further_kinds,
    hits::{self, by_meaning, query_of, shaped},
    nothing_found, sorted, window,
};
use crate::{
    args::{choice, flag, integer, text},
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

/// The number of values of each facet beside a list of hits.
const VALUES_BESIDE_HITS: i64 = 3;
/// The same where facets alone are asked for.
const VALUES_ALONE: i64 = 10;
/// The member of DataHub's answer that holds what was found.
const FOUND: &str = "searchAcrossEntities";
/// Whoever asks for fewer hits looks something up, and narrows nothing.
const FEW: i64 = 5;

pub(super) struct Search {
    /// Offers the search by meaning.
    pub(super) semantic: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    query: String,
    filter: Option<String>,
    num_results: i64,
    sort_by: Option<String>,
    sort_order: String,
    offset: i64,
    detail: bool,
    search_strategy: Option<String>,
}

impl Tool for Search {
    type Args = Args;

    fn definition(&self) -> Definition {
        let mut definition = Definition {
            name: "search",
            title: "Search the catalog",
            description: "Finds entities by words and filter; returns urns, names, facets, \
                total. Query: words, or `/q` and a query string (`/q revenue AND NOT test`), `*` \
                for all. Filter: `field = value`, `!=`, `IN (a, b)`, `IS [NOT] NULL`, `>`, joined \
                by AND, OR, NOT, parentheses. Fields: platform, env, type (dataset, dashboard, \
                chart, dataJob, ...), subtype, tag, glossary_term, owner, domain, container (these \
                five by urn), deprecated, has_active_incidents, status, structuredProperties.<id>, \
                or any index field. num_results 0 gives facets only.",
            params: vec![
                text("query", "").default("*"),
                text("filter", "As platform = snowflake AND env = PROD."),
                integer("num_results", 0, 50, "").default(10),
                text(
                    "sort_by",
                    "An index field, as lastModifiedAt; else by relevance.",
                ),
                choice("sort_order", &["asc", "desc"], "").default("desc"),
                integer("offset", 0, 10_000, "").default(0),
                flag("detail", "Long texts, all facets.").default(false),
            ],
            output: json!({
                "start": {"type": "integer"},
                "count": {"type": "integer"},
                "total": {"type": "integer"},
                "searchResults": {"type": "array", "items": {"type": "object"}},
                "owners": {"type": "array", "items": {"type": "object"}},
                "facets": {"type": "array", "items": {"type": "object"}},
                "next": {"type": "string"},
                "hint": {"type": "string"}
            }),
            effect: Effect::Reads,
            enabled: |_| true,
        };
        if self.semantic {
            definition.params.push(
                choice(
                    "search_strategy",
                    &["keyword", "semantic"],
                    "semantic: by meaning.",
                )
                .default("keyword"),
            );
        }
        definition
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        let compiled = context.filter(args.filter.as_deref()).await?;
        let count = window::within(context, "offset", args.offset, args.num_results)?;
        let view = match context.settings.default_view {
            true => context.default_view().await?,
            false => None,
        };
        let mut input = json!({
            "query": query_of(&args.query),
            "start": args.offset,
            "count": count,
            "orFilters": compiled.or_filters,
            "searchFlags": compiled.flags(json!({
                "skipHighlighting": true,
                "maxAggValues": if args.num_results > 0 && !args.detail { VALUES_BESIDE_HITS } else { VALUES_ALONE },
                "skipAggregates": args.offset > 0 || (!args.detail && (1..FEW).contains(&args.num_results)),
            })),
        });
        if let Some(types) = compiled.types {
            input["types"] = json!(types);
        }
        if let Some(view) = view {
            input["viewUrn"] = json!(view);
        }
        let sort_by = sorted::field(args.sort_by.as_deref());
        if let Some(field) = &sort_by {
            let field = sorted::sortable(field);
            let order = match args.sort_order.as_str() {
                "asc" => "ASCENDING",
                _ => "DESCENDING",
            };
            input["sortInput"] = json!({"sortCriteria": [{"field": field, "sortOrder": order}]});
        }
        let variables = json!({"input": &input});
        let by_meaning = match args.search_strategy.as_deref() {
            Some("semantic") => {
                let document = &documents::SEARCH_SEMANTIC;
                let asked = context.ask(document, variables.clone()).await;
                by_meaning(context, asked, "semanticSearchAcrossEntities")?
            }
            _ => None,
        };
        let found = match (&by_meaning, &sort_by) {
            (Some(found), _) => shaped(context, &Tree::from(found), args.offset, args.detail),
            (None, None) => {
                let shape =
                    |data: &Tree<'_>| shaped(context, data.get(FOUND), args.offset, args.detail);
                let document = &documents::SEARCH;
                context.ask_and(document, variables, &shape).await?
            }
            (None, Some(field)) => by_field(context, variables, field, &args).await,
        };
        let mut answer = found?;
        further_kinds::describe(context, &mut answer, hits::chars(context, args.detail)).await;
        // No list where none was asked for: it would read as if there were no hits.
        if let (Value::Object(map), 0) = (&mut answer, args.num_results) {
            map.shift_remove("count");
            map.shift_remove("searchResults");
        }
        if answer["total"] == 0 {
            let base = json!({"query": input["query"], "viewUrn": input["viewUrn"]});
            let mut hint = nothing_found::hint(context, args.filter.as_deref(), &base).await;
            if hint.is_none() {
                hint = nothing_found::near_word(context, &args.query).await;
            }
            answer["hint"] = hint.map_or_else(|| answer["hint"].take(), Value::from);
        }
        Ok(answer)
    }
}

/// Searches with an order by `field`, whose value is shown with each hit.
async fn by_field(
    context: &ToolContext,
    variables: Value,
    field: &str,
    args: &Args,
) -> Result<Value, ToolError> {
    let document = sorted::document(field).unwrap_or(&documents::SEARCH);
    let mut found = context
        .ask_for(document, variables, FOUND)
        .await
        .map_err(|error| sorted::explained(error, field))?;
    if let Some(doubt) = sorted::doubt(field) {
        context.warn(doubt);
    }
    sorted::show(&mut found, field);
    shaped(context, &Tree::from(&found), args.offset, args.detail)
}
