//! `get_dataset_profile`: the number of rows, and statistics and samples of the columns' values.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{columns, entity};
use crate::{
    args::{integer, text, words},
    budget,
    clean::clean,
    context::ToolContext,
    documents,
    error::ToolError,
    fields,
    tool::{Definition, Effect, Tool},
};

pub(super) struct GetDatasetProfile;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    urn: String,
    #[serde(default)]
    columns: Vec<String>,
    limit: i64,
}

impl Tool for GetDatasetProfile {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "get_dataset_profile",
            title: "Profile of a dataset",
            description: "Row count, size and per column: distinct and null values, minimum, \
                maximum, mean, samples; the latest profile in full, earlier ones as row counts. \
                Name columns to get only those.",
            params: vec![
                text("urn", "").required(),
                words("columns", 200, ""),
                integer("limit", 1, 50, "Profiles, newest first.").default(5),
            ],
            output: json!({
                "latest": {"type": "object"},
                "history": {"type": "array", "items": {"type": "object"}}
            }),
            effect: Effect::Reads,
            enabled: |_| true,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        entity::of_kind(&args.urn, &["dataset"])?;
        let variables = json!({"urn": args.urn, "limit": args.limit});
        let mut dataset = context
            .ask_for(&documents::DATASET_PROFILE, variables, "dataset")
            .await?;
        entity::existing(&dataset, &args.urn)?;
        let mut profiles = match fields::take(&mut dataset, &["datasetProfiles"]) {
            Value::Array(profiles) => profiles,
            _ => Vec::new(),
        };
        profiles.sort_by_key(|p| std::cmp::Reverse(p["timestampMillis"].as_i64().unwrap_or(0)));
        if profiles.is_empty() {
            return Ok(json!({
                "urn": args.urn,
                "note": "DataHub has no profile of this dataset; profiling may be off"
            }));
        }
        let mut latest = profiles.remove(0);
        let mut fields = match fields::take(&mut latest, &["fieldProfiles"]) {
            Value::Array(fields) => fields,
            _ => Vec::new(),
        };
        if !args.columns.is_empty() {
            let paths: Vec<String> = fields
                .iter()
                .filter_map(|field| field["fieldPath"].as_str())
                .map(str::to_owned)
                .collect();
            let mut wanted = Vec::new();
            for column in &args.columns {
                wanted.push(columns::find(&paths, &args.urn, column.trim())?.to_owned());
            }
            fields.retain(|f| {
                f["fieldPath"]
                    .as_str()
                    .is_some_and(|p| wanted.iter().any(|w| w == p))
            });
        }
        let total = fields.len();
        fields.iter_mut().for_each(clean);
        let dropped = budget::fit(&mut fields, context.settings.schema_tokens);
        fields::set(&mut latest, "fieldProfiles", fields);
        for profile in &mut profiles {
            if let Some(map) = profile.as_object_mut() {
                map.shift_remove("fieldProfiles");
            }
        }
        let mut answer = json!({"urn": args.urn, "latest": latest, "history": profiles});
        if dropped > 0 {
            let shown = total - dropped;
            answer["cut"] = json!(format!(
                "{shown} of {total} columns; name the others in columns"
            ));
        }
        clean(&mut answer);
        budget::cut_texts(&mut answer, context.settings.description_chars);
        Ok(answer)
    }
}
