//! `update_description`: writes, extends or removes the description of an entity or a column.
//!
//! DataHub has one mutation for columns and most entities, and a separate one for each of the five
//! kinds that keep an edited description beside the one from the source.

use datahub::Document;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{columns, entity, writing};
use crate::{
    args::{choice, long_text, text},
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
    urn,
};

/// Descriptions longer than this are refused.
const MAX_CHARS: usize = 100_000;

pub(super) struct UpdateDescription;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    entity_urn: String,
    operation: String,
    description: Option<String>,
    column_path: Option<String>,
}

impl Tool for UpdateDescription {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "update_description",
            title: "Update a description",
            description: "Replaces, appends to (the text as given) or removes the description of an \
                entity or of one column (Markdown). Read the present one with get_entities first.",
            params: vec![
                text("entity_urn", "").required(),
                choice("operation", &["replace", "append", "remove"], "").default("replace"),
                long_text("description", MAX_CHARS, "The text; not with remove."),
                text("column_path", ""),
            ],
            output: writing::output(),
            effect: Effect::Destroys,
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        entity::of_kind(&args.entity_urn, &[])?;
        let given = args.description.unwrap_or_default();
        let needed = args.operation != "remove";
        if needed == given.is_empty() {
            let message = if needed {
                "`description` is missing; to empty it use operation=remove"
            } else {
                "`description` makes no sense with operation=remove; leave it out"
            };
            return Err(ToolError::Arguments(message.to_owned()));
        }
        let variables = json!({"urn": args.entity_urn});
        let entity = context
            .ask_for_whole(&documents::DESCRIPTION, variables, "entity")
            .await?;
        entity::existing(&entity, &args.entity_urn)?;
        let column = match args
            .column_path
            .as_deref()
            .map(str::trim)
            .filter(|c| !c.is_empty())
        {
            Some(wanted) => Some(column_of(&entity, &args.entity_urn, wanted)?),
            None => None,
        };
        let text = match args.operation.as_str() {
            "append" => current(&entity, column.as_deref()) + &given,
            "remove" => String::new(),
            _ => given,
        };
        let what = column.clone().unwrap_or_else(|| args.entity_urn.clone());
        write(context, &args.entity_urn, column, text, &entity).await?;
        Ok(writing::done(format!("description of {what} updated")))
    }
}

fn column_of(entity: &Value, urn: &str, wanted: &str) -> Result<String, ToolError> {
    entity::of_kind(urn, &["dataset"])?;
    let fields = entity["schemaMetadata"]["fields"].as_array();
    let paths: Vec<String> = fields
        .into_iter()
        .flatten()
        .filter_map(|field| field["fieldPath"].as_str())
        .map(str::to_owned)
        .collect();
    Ok(columns::find(&paths, urn, wanted)?.to_owned())
}

/// The description that people see: the edited one, or else that of the source.
fn current(entity: &Value, column: Option<&str>) -> String {
    let text = |value: &Value| value.as_str().filter(|t| !t.is_empty()).map(str::to_owned);
    let of_column = |fields: &Value| {
        let fields = fields.as_array()?;
        let field = fields
            .iter()
            .find(|field| field["fieldPath"].as_str() == column)?;
        text(&field["description"])
    };
    let found = match column {
        Some(_) => of_column(&entity["editableSchemaMetadata"]["editableSchemaFieldInfo"])
            .or_else(|| of_column(&entity["schemaMetadata"]["fields"])),
        None => text(&entity["editableProperties"]["description"])
            .or_else(|| text(&entity["properties"]["description"])),
    };
    found.unwrap_or_default()
}

async fn write(
    context: &ToolContext,
    entity_urn: &str,
    column: Option<String>,
    text: String,
    entity: &Value,
) -> Result<(), ToolError> {
    let own: Option<&Document> = match (urn::kind(entity_urn), &column) {
        (Some("dataset"), None) => Some(&documents::DESCRIBE_DATASET),
        (Some("dashboard"), None) => Some(&documents::DESCRIBE_DASHBOARD),
        (Some("chart"), None) => Some(&documents::DESCRIBE_CHART),
        (Some("dataFlow"), None) => Some(&documents::DESCRIBE_DATA_FLOW),
        (Some("dataJob"), None) => Some(&documents::DESCRIBE_DATA_JOB),
        _ => None,
    };
    if let Some(document) = own {
        let mut edited = json!({"description": text});
        // The mutation writes the whole aspect, so an edited name would be lost without this.
        if let Some(name) = entity["editableProperties"]["name"].as_str() {
            edited["name"] = json!(name);
        }
        let input = json!({"editableProperties": edited});
        writing::send(
            context,
            document,
            json!({"urn": entity_urn, "input": input}),
        )
        .await?;
        return Ok(());
    }
    let mut input = json!({"resourceUrn": entity_urn, "description": text});
    if let Some(column) = column {
        input["subResourceType"] = json!("DATASET_FIELD");
        input["subResource"] = json!(column);
    }
    writing::send(
        context,
        &documents::UPDATE_DESCRIPTION,
        json!({"input": input}),
    )
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appending_goes_on_from_what_people_see() {
        let entity = json!({
            "properties": {"description": "source"}, "editableProperties": {"description": ""},
            "schemaMetadata": {"fields": [{"fieldPath": "a", "description": "from source"}]},
            "editableSchemaMetadata": {"editableSchemaFieldInfo": [
                {"fieldPath": "a", "description": "edited"}]}
        });
        assert_eq!(current(&entity, None), "source");
        assert_eq!(current(&entity, Some("a")), "edited");
    }
}
