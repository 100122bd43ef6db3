//! The columns of a dataset: merges the source's metadata with what people added, and looks up a
//! column that a model names, or suggests similar names.

use std::collections::HashMap;

use foundation::suggest;
use serde_json::{Map, Value, json};

use super::entity;
use crate::{budget, clean::clean, context::ToolContext, documents, error::ToolError, fields, urn};

/// The path as people write it: `a.b` for `[version=2.0].[type=struct].[type=string].a.b`.
pub(super) fn simple_path(path: &str) -> String {
    if !path.starts_with('[') {
        return path.to_owned();
    }
    let (mut parts, mut from, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, byte) in path.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            // The dots in `[version=2.0]` and in a type's name separate nothing.
            b'.' if depth == 0 => {
                parts.push(&path[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&path[from..]);
    parts.retain(|part| !(part.starts_with('[') && part.ends_with(']')));
    parts.join(".")
}

/// Merges `schemaMetadata.fields` with `editableSchemaMetadata` of `dataset` and drops from each
/// column the members that carry no information.
pub(super) fn merged(dataset: &mut Value) -> Vec<Value> {
    let mut edited: HashMap<String, Value> = HashMap::new();
    if let Value::Array(infos) = fields::take(
        dataset,
        &["editableSchemaMetadata", "editableSchemaFieldInfo"],
    ) {
        for info in infos {
            if let Some(path) = info["fieldPath"].as_str() {
                edited.insert(path.to_owned(), info.clone());
            }
        }
    }
    let Value::Array(fields) = fields::take(dataset, &["schemaMetadata", "fields"]) else {
        return Vec::new();
    };
    fields
        .into_iter()
        .map(|mut field| {
            let path = field["fieldPath"].as_str().unwrap_or_default().to_owned();
            let mut edit = edited.remove(&path).unwrap_or_default();
            column(&path, &mut field, &mut edit)
        })
        .collect()
}

fn column(path: &str, field: &mut Value, edit: &mut Value) -> Value {
    let mut column = Map::new();
    column.insert("fieldPath".to_owned(), Value::from(path));
    if path.starts_with('[') {
        column.insert("path".to_owned(), Value::from(simple_path(path)));
    }
    for key in ["nativeDataType", "label"] {
        column.insert(key.to_owned(), fields::take(field, &[key]));
    }
    // The source's own type says more.
    if column["nativeDataType"].as_str().is_none_or(str::is_empty) {
        column.insert("type".to_owned(), fields::take(field, &["type"]));
    }
    for key in ["nullable", "isPartOfKey", "isPartitioningKey"] {
        if field[key] == true {
            column.insert(key.to_owned(), Value::Bool(true));
        }
    }
    // A description that people wrote takes precedence over the source's.
    let description = match edit["description"].as_str() {
        Some(text) if !text.is_empty() => fields::take(edit, &["description"]),
        _ => fields::take(field, &["description"]),
    };
    column.insert("description".to_owned(), description);
    let names = |value: &Value, list: &str, item: &str| -> Vec<Value> {
        let items = value[list].as_array().into_iter().flatten();
        items.map(|entry| entry[item]["urn"].clone()).collect()
    };
    for (key, list, item) in [("tags", "tags", "tag"), ("glossaryTerms", "terms", "term")] {
        let mut urns = names(&field[key], list, item);
        for urn in names(&edit[key], list, item) {
            if !urns.contains(&urn) {
                urns.push(urn);
            }
        }
        column.insert(key.to_owned(), Value::from(urns));
    }
    let mut column = Value::Object(column);
    clean(&mut column);
    column
}

/// Cuts the columns of one entity to their budget; the returned note says how to get the rest.
pub(super) fn within_budget(context: &ToolContext, columns: &mut Vec<Value>) -> Option<String> {
    for column in columns.iter_mut() {
        budget::cut_texts(column, context.settings.description_chars);
    }
    let total = columns.len();
    let dropped = budget::fit(columns, context.settings.schema_tokens);
    (dropped > 0).then(|| {
        let shown = total - dropped;
        format!("{shown} of {total} columns; use list_schema_fields with offset={shown} for more")
    })
}

/// The paths of the dataset's columns as DataHub spells them.
pub(super) async fn paths(context: &ToolContext, dataset: &str) -> Result<Vec<String>, ToolError> {
    let found = context
        .ask_for(&documents::COLUMNS, json!({"urn": dataset}), "dataset")
        .await?;
    entity::existing(&found, dataset)?;
    let fields = found["schemaMetadata"]["fields"].as_array();
    let paths = fields
        .into_iter()
        .flatten()
        .filter_map(|field| field["fieldPath"].as_str());
    Ok(paths.map(str::to_owned).collect())
}

/// The column that `wanted` means, as DataHub spells it: the one of exactly this name, or else the only
/// one whose simple path it is, or that differs from it in case alone.
pub(super) fn find<'a>(
    paths: &'a [String],
    dataset: &str,
    wanted: &str,
) -> Result<&'a str, ToolError> {
    let fitting = |test: &dyn Fn(&str) -> bool| -> Vec<&'a str> {
        let paths = paths.iter().map(String::as_str);
        paths.filter(|path| test(path)).collect()
    };
    let tests: [&dyn Fn(&str) -> bool; 3] = [
        &|path| path == wanted,
        &|path| simple_path(path) == wanted,
        &|path| simple_path(path).eq_ignore_ascii_case(wanted) || path.eq_ignore_ascii_case(wanted),
    ];
    for test in tests {
        match fitting(test).as_slice() {
            [] => {}
            [only] => return Ok(only),
            [first, rest @ ..] if rest.iter().all(|path| path == first) => return Ok(first),
            several => return Err(ambiguous(several, dataset, wanted)),
        }
    }
    Err(unknown(paths, dataset, wanted))
}

fn ambiguous(several: &[&str], dataset: &str, wanted: &str) -> ToolError {
    let names: Vec<String> = several.iter().map(|path| format!("`{path}`")).collect();
    ToolError::Arguments(format!(
        "`{wanted}` fits several columns of {dataset}: {}; write one of them exactly so",
        names.join(", ")
    ))
}

fn unknown(paths: &[String], dataset: &str, wanted: &str) -> ToolError {
    let simple: Vec<String> = paths.iter().map(|path| simple_path(path)).collect();
    let near = suggest::names(wanted, simple.iter().map(String::as_str), 5);
    let hint = if simple.is_empty() {
        "it has no columns in the catalog".to_owned()
    } else if near.is_empty() {
        let first: Vec<&str> = simple.iter().take(10).map(String::as_str).collect();
        let count = simple.len();
        format!(
            "it has {count} columns, first {}; list_schema_fields shows all",
            first.join(", ")
        )
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    ToolError::NotFound(format!("{dataset} has no column `{wanted}`; {hint}"))
}

/// The urn of a column that exists.
pub(super) async fn urn_of(
    context: &ToolContext,
    dataset: &str,
    column: &str,
) -> Result<String, ToolError> {
    entity::of_kind(dataset, &["dataset"])?;
    let paths = paths(context, dataset).await?;
    Ok(urn::column(dataset, find(&paths, dataset, column)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_second_version_are_simplified() {
        assert_eq!(
            simple_path("[version=2.0].[type=struct].[type=string].a.b"),
            "a.b"
        );
        assert_eq!(
            simple_path("[version=2.0].[type=map(string,org.x.Y)].a.[type=array(int)].b"),
            "a.b"
        );
        assert_eq!(simple_path("a.b"), "a.b");
    }

    #[test]
    fn what_people_wrote_goes_before_what_the_source_says() {
        let mut dataset = json!({
            "schemaMetadata": {"fields": [
                {"fieldPath": "a", "type": "STRING", "description": "old", "nullable": false,
                 "tags": {"tags": [{"tag": {"urn": "urn:li:tag:x"}}]}},
                {"fieldPath": "b", "type": "NUMBER", "nativeDataType": "NUMBER(9)",
                 "description": "kept", "nullable": true}
            ]},
            "editableSchemaMetadata": {"editableSchemaFieldInfo": [
                {"fieldPath": "a", "description": "new",
                 "tags": {"tags": [{"tag": {"urn": "urn:li:tag:x"}}, {"tag": {"urn": "urn:li:tag:y"}}]}}
            ]}
        });
        assert_eq!(
            merged(&mut dataset),
            [
                json!({"fieldPath": "a", "type": "STRING", "description": "new",
                       "tags": ["urn:li:tag:x", "urn:li:tag:y"]}),
                json!({"fieldPath": "b", "nativeDataType": "NUMBER(9)", "nullable": true,
                       "description": "kept"}),
            ]
        );
    }

    #[test]
    fn a_name_that_fits_several_columns_is_refused_with_all_of_them() {
        let paths = [
            "user_id",
            "USER_ID",
            "[version=2.0].[type=union].[type=A].x",
            "[version=2.0].[type=union].[type=B].x",
            "Other",
        ]
        .map(str::to_owned);
        for exact in &paths {
            assert_eq!(find(&paths, "d", exact).unwrap(), exact);
        }
        assert_eq!(find(&paths, "d", "other").unwrap(), "Other");
        for (wanted, both) in [("User_Id", &paths[..2]), ("x", &paths[2..4])] {
            let error = find(&paths, "d", wanted).unwrap_err().to_string();
            assert!(both.iter().all(|path| error.contains(path)), "{error}");
        }
    }

    #[test]
    fn an_unknown_column_is_answered_with_near_names() {
        let paths = vec![
            "customer_id".to_owned(),
            "[version=2.0].[type=int].Total".to_owned(),
        ];
        assert_eq!(find(&paths, "d", "total").unwrap(), paths[1]);
        let error = find(&paths, "d", "custmer_id").unwrap_err().to_string();
        assert!(error.contains("did you mean customer_id?"), "{error}");
        let error = find(&paths, "d", "zzz").unwrap_err().to_string();
        assert!(error.contains("it has 2 columns"), "{error}");
    }
}
