//! The options of a validator: parsing the host's JSON into the vendor's type, and their schema.
//!
//! An error names the option and the value that is expected. It never shows the value of a secret.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Failure;

/// The `Config` of a validator without options.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize, JsonSchema)]
pub struct NoOptions {}

/// The JSON Schema of `C`.
pub(crate) fn schema<C: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<C>()
        .to_value()
}

/// Parses the host's JSON object into `C`.
pub(crate) fn parse<C: DeserializeOwned + JsonSchema>(json: &str) -> Result<C, Failure> {
    let deserializer = &mut serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = error.path().to_string();
        let option = path.split(['.', '[']).next().unwrap_or_default();
        let inner = error.inner().to_string();
        let reason = without_position(&inner);
        Failure::misconfigured(if is_public::<C>(option) {
            format!("option `{path}`: {reason}")
        } else if path == "." {
            // The object as a whole: serde names a missing or unknown option, and no value.
            if reason.starts_with("missing field") || reason.starts_with("unknown field") {
                reason.to_owned()
            } else {
                "the options are not a JSON object of the validator's schema".to_owned()
            }
        } else {
            let expected = reason
                .rsplit_once(", expected ")
                .map(|(_, expected)| expected);
            format!(
                "option `{path}`: expected {}",
                expected.unwrap_or("another value")
            )
        })
    })
}

/// Says whether the schema names this option and does not mark it as secret.
fn is_public<C: JsonSchema>(option: &str) -> bool {
    schema::<C>()
        .get("properties")
        .and_then(|properties| properties.get(option))
        .is_some_and(|property| property.get("x-secret") != Some(&Value::Bool(true)))
}

/// Cuts the line and column off a message: the host assembled the JSON from several sources, so a
/// position in it means nothing to the operator.
fn without_position(message: &str) -> &str {
    message
        .rfind(" at line ")
        .map_or(message, |at| &message[..at])
}
