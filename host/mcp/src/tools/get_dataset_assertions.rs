//! `get_dataset_assertions`: the checks of a dataset and their results.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{columns, entity, window};
use crate::{
    args::{integer, text},
    budget,
    clean::clean,
    context::ToolContext,
    documents,
    error::ToolError,
    fields,
    tool::{Definition, Effect, Tool},
    urn,
};

pub(super) struct GetDatasetAssertions;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    urn: String,
    start: i64,
    count: i64,
    run_events_count: i64,
}

impl Tool for GetDatasetAssertions {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "get_dataset_assertions",
            title: "Data quality checks",
            description: "The assertions on a dataset (freshness, volume, columns, SQL, custom) \
                with their latest results, newest first.",
            params: vec![
                text("urn", "").required(),
                integer("start", 0, 10_000, "").default(0),
                integer("count", 1, 100, "").default(20),
                integer("run_events_count", 0, 50, "Results per assertion.").default(5),
            ],
            output: json!({
                "total": {"type": "integer"},
                "assertions": {"type": "array", "items": {"type": "object"}}
            }),
            effect: Effect::Reads,
            enabled: |settings| settings.data_quality,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        entity::of_kind(&args.urn, &["dataset"])?;
        let count = window::within(context, "start", args.start, args.count)?;
        let variables = json!({
            "urn": args.urn, "start": args.start, "count": count,
            "runs": args.run_events_count,
        });
        let mut dataset = context
            .ask_for(&documents::DATASET_ASSERTIONS, variables, "dataset")
            .await?;
        entity::existing(&dataset, &args.urn)?;
        let total = dataset["assertions"]["total"].as_i64().unwrap_or(0);
        let mut assertions = match fields::take(&mut dataset, &["assertions", "assertions"]) {
            Value::Array(assertions) => assertions,
            _ => Vec::new(),
        };
        for assertion in &mut assertions {
            decode_columns(assertion);
            clean(assertion);
            budget::cut_texts(assertion, context.settings.description_chars);
        }
        let limit = context.settings.response_tokens;
        budget::fit(&mut assertions, limit - limit / 8);
        let next = args.start + i64::try_from(assertions.len()).unwrap_or(i64::MAX);
        let mut answer = json!({"total": total, "assertions": assertions});
        if let Some(more) = window::more("start", args.start, next, total) {
            answer["next"] = json!(more);
        }
        Ok(answer)
    }
}

/// Replaces the paths of the columns that are checked, encoded as in urns, by their names.
fn decode_columns(assertion: &mut Value) {
    let name = |field: &mut Value| {
        if let Some(path) = field["path"].as_str() {
            let name = columns::simple_path(&urn::decoded_path(path));
            fields::set(field, "path", name);
        }
    };
    let several = assertion.pointer_mut("/info/datasetAssertion/fields");
    let several = several.and_then(Value::as_array_mut);
    several.into_iter().flatten().for_each(name);
    if let Some(one) = assertion.pointer_mut("/info/customAssertion/field") {
        name(one);
    }
}
