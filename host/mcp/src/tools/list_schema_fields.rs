//! `list_schema_fields`: the columns of a dataset, page by page, matching ones first.

use std::cmp::Reverse;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{columns, entity};
use crate::{
    args::{integer, text, words},
    budget,
    context::ToolContext,
    documents,
    error::ToolError,
    fields,
    tool::{Definition, Effect, Tool},
};

pub(super) struct ListSchemaFields;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    urn: String,
    #[serde(default)]
    keywords: Vec<String>,
    limit: usize,
    offset: usize,
}

impl Tool for ListSchemaFields {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "list_schema_fields",
            title: "List columns",
            description: "Columns of a dataset with types, descriptions, tags and terms. With \
                keywords, columns that match most of them (in path, description, label, tags, \
                terms) come first and matchingCount says how many match at all.",
            params: vec![
                text("urn", "").required(),
                words("keywords", 50, ""),
                integer("limit", 1, 1_000, "").default(100),
                integer("offset", 0, 1_000_000, "").default(0),
            ],
            output: json!({
                "urn": {"type": "string"},
                "fields": {"type": "array", "items": {"type": "object"}},
                "totalFields": {"type": "integer"},
                "matchingCount": {"type": "integer"},
                "returned": {"type": "integer"},
                "remainingCount": {"type": "integer"}
            }),
            effect: Effect::Reads,
            enabled: |_| true,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        entity::of_kind(&args.urn, &["dataset"])?;
        let variables = json!({"urn": args.urn});
        let mut dataset = context
            .ask_for(&documents::SCHEMA_FIELDS, variables, "dataset")
            .await?;
        entity::existing(&dataset, &args.urn)?;
        let primary_keys = fields::take(&mut dataset, &["schemaMetadata", "primaryKeys"]);
        let mut fields = columns::merged(&mut dataset);
        let total = fields.len();
        let words: Vec<String> = args
            .keywords
            .iter()
            .map(|word| word.trim().to_lowercase())
            .filter(|word| !word.is_empty())
            .collect();
        let matching = (!words.is_empty()).then(|| rank(&mut fields, &words));
        let mut page: Vec<Value> = fields
            .into_iter()
            .skip(args.offset)
            .take(args.limit)
            .collect();
        for field in &mut page {
            budget::cut_texts(field, context.settings.description_chars);
        }
        let limit = context.settings.response_tokens;
        budget::fit(&mut page, limit - limit / 8);
        let end = args.offset + page.len();
        let remaining = total.saturating_sub(end);
        let mut answer = json!({
            "urn": args.urn,
            "totalFields": total,
            "returned": page.len(),
            "remainingCount": remaining,
            "offset": args.offset,
        });
        if let Some(matching) = matching {
            answer["matchingCount"] = json!(matching);
            if matching == 0 {
                answer["hint"] = json!("no column matches `keywords`; these are the first of all");
            }
        }
        if primary_keys.as_array().is_some_and(|keys| !keys.is_empty()) {
            answer["primaryKeys"] = primary_keys;
        }
        answer["fields"] = Value::from(page);
        if total > 0 && args.offset >= total {
            answer["hint"] = json!(format!(
                "`offset` is behind the last of {total} columns; call again with offset=0"
            ));
        }
        if remaining > 0 {
            answer["next"] = json!(format!("{remaining} more; call again with offset={end}"));
        }
        Ok(answer)
    }
}

/// Puts the fields that match most words first and otherwise keeps the order. Returns the number of
/// fields that match any.
fn rank(fields: &mut Vec<Value>, words: &[String]) -> usize {
    let score = |field: &Value| {
        let mut haystack = String::new();
        for key in ["fieldPath", "description", "label", "tags", "glossaryTerms"] {
            match &field[key] {
                Value::String(text) => haystack.push_str(text),
                Value::Array(items) => {
                    for item in items.iter().filter_map(Value::as_str) {
                        haystack.push_str(item);
                        haystack.push('\n');
                    }
                }
                _ => {}
            }
            haystack.push('\n');
        }
        let haystack = haystack.to_lowercase();
        words
            .iter()
            .filter(|word| haystack.contains(word.as_str()))
            .count()
    };
    let mut scored: Vec<(usize, Value)> = std::mem::take(fields)
        .into_iter()
        .map(|field| (score(&field), field))
        .collect();
    scored.sort_by_key(|(score, _)| Reverse(*score));
    let matching = scored.iter().filter(|(score, _)| *score > 0).count();
    fields.extend(scored.into_iter().map(|(_, field)| field));
    matching
}
