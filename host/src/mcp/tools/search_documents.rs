//! `search_documents`: find runbooks, definitions and other documents of the catalog.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    documents,
    search::{query_of, shape},
};
use crate::{
    datahub::DataHubError,
    mcp::{
        args::{integer, text},
        context::ToolContext,
        error::ToolError,
        filter,
        tool::{Definition, Effect, Tool},
    },
};

pub(super) struct SearchDocuments;

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
            description: "Finds documents (runbooks, definitions, decisions) by words or, with \
                semantic_query where the server can, by meaning. Returns titles and urns; read \
                them with get_entities or grep_documents. filter as in search.",
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
                "total": {"type": "integer"},
                "searchResults": {"type": "array", "items": {"type": "object"}}
            }),
            effect: Effect::Reads,
            enabled: |settings| settings.documents,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        let compiled = filter::compile(args.filter.as_deref())?;
        let input = |query: &str, facets: bool| {
            json!({"input": {
                "types": ["DOCUMENT"],
                "query": query,
                "start": args.offset,
                "count": args.num_results,
                "orFilters": compiled.or_filters,
                "searchFlags": {
                    "skipHighlighting": true, "maxAggValues": 5, "skipAggregates": !facets
                },
            }})
        };
        let mut words = args.query.clone();
        let question = args
            .semantic_query
            .as_deref()
            .map(str::trim)
            .filter(|q| !q.is_empty());
        if let Some(question) = question {
            let document = &documents::SEARCH_DOCUMENTS_SEMANTIC;
            let name = "semanticSearchAcrossEntities";
            match by_meaning(
                context,
                context.ask(document, input(question, false)).await,
                name,
            )? {
                Some(found) => return Ok(shape(context, found, args.offset)),
                None if words.trim() == "*" => question.clone_into(&mut words),
                None => {}
            }
        }
        let variables = input(query_of(&words), args.offset == 0);
        let found = context
            .ask_for(
                &documents::SEARCH_DOCUMENTS,
                variables,
                "searchAcrossEntities",
            )
            .await?;
        Ok(shape(context, found, args.offset))
    }
}

/// The result of a search by meaning; `None` (with a warning) where this server has none, so that
/// a search by words is made instead.
pub(super) fn by_meaning(
    context: &ToolContext,
    result: Result<crate::datahub::Answer, DataHubError>,
    name: &str,
) -> Result<Option<Value>, ToolError> {
    match result {
        Ok(mut answer) => Ok(Some(answer.take(name))),
        Err(
            DataHubError::TooOld { .. }
            | DataHubError::Schema { .. }
            | DataHubError::BadRequest { .. }
            | DataHubError::Internal { .. },
        ) => {
            context.warn("this DataHub cannot search by meaning; searched by words instead");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
