//! `get_usage_statistics`: the users who query a dataset, how often, and which columns.

use serde::Deserialize;
use serde_json::{Value, json};

use super::entity;
use crate::{
    args::{choice, text},
    budget,
    clean::clean,
    context::ToolContext,
    documents,
    error::ToolError,
    fields,
    tool::{Definition, Effect, Tool},
};

/// The number of users and of columns that are listed, most active first.
const TOP: usize = 25;

pub(super) struct GetUsageStatistics;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    urn: String,
    range: String,
}

impl Tool for GetUsageStatistics {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "get_usage_statistics",
            title: "Usage of a dataset",
            description: "How much a dataset is used: queries and users in the time range, the \
                most active users, the most used columns, and the course over time. Tells whether \
                a table is alive and whom a change would hit.",
            params: vec![
                text("urn", "A dataset's urn.").required(),
                choice(
                    "range",
                    &["DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "ALL"],
                    "",
                )
                .default("MONTH"),
            ],
            output: json!({
                "totalQueries": {"type": "integer"},
                "uniqueUsers": {"type": "integer"},
                "users": {"type": "array", "items": {"type": "object"}},
                "columns": {"type": "array", "items": {"type": "object"}},
                "buckets": {"type": "array", "items": {"type": "object"}}
            }),
            effect: Effect::Reads,
            enabled: |_| true,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        entity::of_kind(&args.urn, &["dataset"])?;
        let variables = json!({"urn": args.urn, "range": args.range});
        let mut dataset = context
            .ask_for(&documents::USAGE_STATISTICS, variables, "dataset")
            .await?;
        entity::existing(&dataset, &args.urn)?;
        let mut usage = fields::take(&mut dataset, &["usageStats"]);
        let mut totals = fields::take(&mut usage, &["aggregations"]);
        let mut answer = json!({
            "urn": args.urn,
            "range": args.range,
            "totalQueries": totals["totalSqlQueries"].as_i64().unwrap_or(0),
            "uniqueUsers": totals["uniqueUserCount"].as_i64().unwrap_or(0),
            "users": top(fields::take(&mut totals, &["users"])),
            "columns": top(fields::take(&mut totals, &["fields"])),
            "buckets": fields::take(&mut usage, &["buckets"]),
        });
        if totals.is_null() {
            answer["note"] = json!("DataHub has no usage statistics of this dataset in that range");
        }
        clean(&mut answer);
        budget::cut_texts(&mut answer, context.settings.description_chars);
        Ok(answer)
    }
}

fn top(list: Value) -> Vec<Value> {
    let Value::Array(mut list) = list else {
        return Vec::new();
    };
    list.sort_by_key(|entry| std::cmp::Reverse(entry["count"].as_i64().unwrap_or(0)));
    list.truncate(TOP);
    list
}
