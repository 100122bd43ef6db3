//! `add_structured_properties`: sets structured properties of entities. Values are checked against
//! the definition before anything is written.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{structured_properties, writing};
use crate::{
    args::{text_lists, texts},
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct AddStructuredProperties;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    property_values: IndexMap<String, Vec<String>>,
    entity_urns: Vec<String>,
}

impl Tool for AddStructuredProperties {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "add_structured_properties",
            title: "Set structured properties",
            description: "Sets structured properties of entities, in place of values they have. \
                property_values: property urn -> list of values, as \
                {\"urn:li:structuredProperty:retention\": [\"90\"]}.",
            params: vec![
                text_lists("property_values", 50, "").required(),
                texts("entity_urns", writing::MAX_ENTITIES, "").required(),
            ],
            output: writing::output(),
            effect: Effect::Destroys,
            enabled: |settings| settings.mutations,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        writing::urns("entity_urns", &args.entity_urns, &[])?;
        if args.property_values.is_empty() {
            return Err(ToolError::Arguments(
                "`property_values` is empty".to_owned(),
            ));
        }
        let mut params = Vec::new();
        for (urn, values) in &args.property_values {
            let definition = structured_properties::definition(context, urn).await?;
            let values = typed(urn, values, &definition)?;
            params.push(json!({"structuredPropertyUrn": urn, "values": values}));
        }
        let inputs = args.entity_urns.iter().map(
            |urn| json!({"input": {"assetUrn": urn, "structuredPropertyInputParams": params}}),
        );
        structured_properties::each(context, &documents::ADD_STRUCTURED_PROPERTIES, inputs).await?;
        let (set, on) = (args.property_values.len(), args.entity_urns.len());
        Ok(writing::done(format!(
            "{} set on {}",
            structured_properties::properties(set),
            structured_properties::entities(on)
        )))
    }
}

/// The values, converted to the property's type.
fn typed(urn: &str, values: &[String], definition: &Value) -> Result<Vec<Value>, ToolError> {
    let fail = |message: String| Err(ToolError::Arguments(format!("{urn}: {message}")));
    if values.is_empty() {
        return fail("no values; use remove_structured_properties to remove it".to_owned());
    }
    if definition["cardinality"] == "SINGLE" && values.len() > 1 {
        return fail(format!("takes one value, not {}", values.len()));
    }
    let kind = definition["valueType"]["urn"].as_str().unwrap_or_default();
    let number = kind.ends_with("number");
    let allowed: Vec<String> = definition["allowedValues"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| match &entry["value"] {
            value if value["stringValue"].is_string() => {
                value["stringValue"].as_str().map(str::to_owned)
            }
            value => value["numberValue"]
                .as_f64()
                .map(|number| number.to_string()),
        })
        .collect();
    let mut typed = Vec::with_capacity(values.len());
    for value in values {
        let parsed = value
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite());
        let spelled = match (number, parsed) {
            (true, None) => return fail(format!("`{value}` is not a number")),
            (true, Some(number)) => number.to_string(),
            (false, _) => value.clone(),
        };
        if !allowed.is_empty() && !allowed.contains(&spelled) {
            return fail(format!(
                "`{value}` is not allowed; allowed: {}",
                allowed.join(", ")
            ));
        }
        typed.push(match (number, parsed) {
            (true, Some(number)) => json!({"numberValue": number}),
            _ => json!({"stringValue": value}),
        });
    }
    Ok(typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_held_to_the_definition() {
        let definition = json!({
            "cardinality": "SINGLE", "valueType": {"urn": "urn:li:dataType:datahub.number"},
            "allowedValues": [{"value": {"numberValue": 30.0}}, {"value": {"numberValue": 90.0}}]
        });
        let list = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            typed("p", &list(&["90"]), &definition).unwrap(),
            [json!({"numberValue": 90.0})]
        );
        let error = |values: &[&str]| {
            typed("p", &list(values), &definition)
                .unwrap_err()
                .to_string()
        };
        assert!(error(&["60"]).contains("allowed: 30, 90"));
        assert!(error(&["x"]).contains("is not a number"));
        assert!(error(&["30", "90"]).contains("one value"));
        assert!(error(&[]).contains("remove_structured_properties"));
        let text = json!({"valueType": {"urn": "urn:li:dataType:datahub.string"}});
        assert_eq!(
            typed("p", &list(&["90"]), &text).unwrap(),
            [json!({"stringValue": "90"})]
        );
    }
}
