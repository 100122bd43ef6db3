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
    fields, times,
    tool::{Definition, Effect, Tool},
};

/// The number of users and of columns that are listed, most active first.
const TOP: usize = 25;
/// The number of statements that are shown.
const TOP_SQL: usize = 10;

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
                most active users, the most used columns, the SQL that is run most, and the course \
                over time.",
            params: vec![
                text("urn", "").required(),
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
                "topSqlQueries": {"type": "array", "items": {"type": "string"}},
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
            "topSqlQueries": top_sql(&usage["buckets"]),
            "buckets": course(&usage["buckets"]),
        });
        if totals.is_null() {
            answer["note"] = json!("DataHub has no usage statistics of this dataset in that range");
        }
        for user in answer["users"].as_array_mut().into_iter().flatten() {
            *user = json!({
                "urn": user["user"]["urn"], "email": user["userEmail"], "count": user["count"]
            });
        }
        clean(&mut answer);
        budget::cut_texts(&mut answer, context.settings.description_chars);
        Ok(answer)
    }
}

/// The statements that were run most, each once: those of the latest bucket first.
fn top_sql(buckets: &Value) -> Vec<Value> {
    let mut statements: Vec<Value> = Vec::new();
    for bucket in buckets.as_array().into_iter().flatten().rev() {
        let top = bucket["metrics"]["topSqlQueries"].as_array();
        for statement in top.into_iter().flatten() {
            if statements.len() < TOP_SQL && !statements.contains(statement) {
                statements.push(statement.clone());
            }
        }
    }
    statements
}

/// The buckets, each as its beginning with the queries and users in it.
fn course(buckets: &Value) -> Value {
    let buckets = buckets.as_array().into_iter().flatten();
    buckets
        .map(|bucket| {
            let mut from = bucket["bucket"].clone();
            times::readable("bucket", &mut from);
            let day = from.as_str().and_then(|time| time.strip_suffix("T00:00:00Z"));
            let from = day.map_or_else(|| from.clone(), Value::from);
            let metrics = &bucket["metrics"];
            json!({"from": from, "queries": metrics["totalSqlQueries"], "users": metrics["uniqueUserCount"]})
        })
        .collect()
}

fn top(list: Value) -> Vec<Value> {
    let Value::Array(mut list) = list else {
        return Vec::new();
    };
    list.sort_by_key(|entry| std::cmp::Reverse(entry["count"].as_i64().unwrap_or(0)));
    list.truncate(TOP);
    list
}
