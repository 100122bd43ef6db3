//! `get_dataset_queries`: the SQL that people and systems run on a dataset or a column.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{columns, entity, window};
use crate::{
    answer_shape::not_understood,
    args::{choice, integer, text},
    budget,
    clean::clean,
    context::ToolContext,
    documents,
    error::ToolError,
    fields,
    tool::{Definition, Effect, Tool},
};

pub(super) struct GetDatasetQueries;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    urn: String,
    column: Option<String>,
    source: Option<String>,
    start: i64,
    count: i64,
}

impl Tool for GetDatasetQueries {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "get_dataset_queries",
            title: "Queries on a dataset",
            description: "SQL that uses a dataset or one of its columns: how it is joined, \
                filtered, aggregated. MANUAL queries were saved by people, SYSTEM ones were seen \
                in query logs.",
            params: vec![
                text("urn", "").required(),
                text("column", ""),
                choice("source", &["MANUAL", "SYSTEM"], ""),
                integer("start", 0, 10_000, "").default(0),
                integer("count", 1, 100, "").default(10),
            ],
            output: json!({
                "total": {"type": "integer"},
                "queries": {"type": "array", "items": {"type": "object"}}
            }),
            effect: Effect::Reads,
            enabled: |_| true,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        entity::of_kind(&args.urn, &["dataset"])?;
        let count = window::within(context, "start", args.start, args.count)?;
        let subject = match args
            .column
            .as_deref()
            .map(str::trim)
            .filter(|c| !c.is_empty())
        {
            Some(column) => columns::urn_of(context, &args.urn, column).await?,
            None => args.urn.clone(),
        };
        let mut input = json!({
            "start": args.start,
            "count": count,
            "orFilters": [{"and": [
                {"field": "entities", "condition": "EQUAL", "values": [subject]}
            ]}],
        });
        if let Some(source) = args.source {
            input["source"] = json!(source);
        }
        let variables = json!({"input": input});
        let mut found = context
            .ask_for(&documents::DATASET_QUERIES, variables, "listQueries")
            .await?;
        let total = found["total"].as_i64().ok_or_else(not_understood)?;
        if total == 0 && args.column.is_none() {
            columns::paths(context, &args.urn).await?;
        }
        let mut queries = match fields::take(&mut found, &["queries"]) {
            Value::Array(queries) => queries,
            _ => Vec::new(),
        };
        for query in &mut queries {
            subjects(query);
            clean(query);
            budget::cut_texts(query, context.settings.description_chars);
        }
        let limit = context.settings.response_tokens;
        budget::fit(&mut queries, limit - limit / 8);
        let next = args.start + i64::try_from(queries.len()).unwrap_or(i64::MAX);
        let mut answer = json!({"total": total, "queries": queries});
        if total == 0 {
            answer["note"] = json!(
                "no queries are recorded here; get_entities has the SQL of a view \
                 (viewProperties), get_usage_statistics the most frequent queries"
            );
        }
        if let Some(more) = window::more("start", args.start, next, total) {
            answer["next"] = json!(more);
        }
        Ok(answer)
    }
}

/// Replaces the subjects by their urns, each once; a column's urn takes the place of its dataset's.
fn subjects(query: &mut Value) {
    let mut urns: Vec<Value> = Vec::new();
    for subject in query["subjects"].as_array().into_iter().flatten() {
        let urn = match &subject["schemaField"]["urn"] {
            Value::Null => &subject["dataset"]["urn"],
            column => column,
        };
        if !urns.contains(urn) {
            urns.push(urn.clone());
        }
    }
    fields::set(query, "subjects", urns);
}
