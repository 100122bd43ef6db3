//! The tools that the suite calls: their arguments, and the answers of those that need no further
//! input.

use rmcp::model::{CallToolResult, ContentBlock, JsonObject, Tool};
use serde_json::{Value, json};

use crate::content;

/// Tools without arguments.
const PLAIN: [&str; 18] = [
    "test_simple_text",
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_error_handling",
    "test_tool_with_progress",
    "test_logging_tool",
    "test_missing_capability",
    "test_streaming_elicitation",
    "test_input_required_result_elicitation",
    "test_input_required_result_sampling",
    "test_input_required_result_list_roots",
    "test_input_required_result_request_state",
    "test_input_required_result_tampered_state",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_multi_round",
    "test_input_required_result_capabilities",
];
/// The tool whose argument is also sent in a header.
const WITH_HEADER: &str = "echo_region";
/// The tool whose schema uses much of JSON Schema 2020-12.
const WITH_SCHEMA: &str = "json_schema_2020_12_tool";

/// All tools, always in the same order.
pub(crate) fn list() -> Vec<Tool> {
    let plain = PLAIN
        .iter()
        .map(|name| (*name, json!({"type": "object", "properties": {}})));
    plain
        .chain([(WITH_HEADER, with_header()), (WITH_SCHEMA, with_schema())])
        .map(|(name, schema)| {
            let schema: JsonObject = schema.as_object().cloned().unwrap_or_default();
            Tool::new(name, "For the conformance suite", schema)
        })
        .collect()
}

fn with_header() -> Value {
    json!({
        "type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
        "required": ["region"],
    })
}

fn with_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            },
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": false,
    })
}

/// The answer of a tool that only shows something; `None` for any other name.
pub(crate) fn show(name: &str, arguments: &JsonObject) -> Option<CallToolResult> {
    let embedded = |uri| content::embedded(uri, "text/plain", "Part of an answer.");
    let content = match name {
        "test_simple_text" => vec![ContentBlock::text("Nothing but text.")],
        "test_image_content" => vec![content::picture()],
        "test_audio_content" => vec![content::sound()],
        "test_embedded_resource" => vec![embedded("test://embedded-resource")],
        "test_multiple_content_types" => vec![
            ContentBlock::text("Several kinds."),
            content::picture(),
            embedded("test://mixed-content-resource"),
        ],
        "test_error_handling" => {
            return Some(CallToolResult::error(vec![ContentBlock::text(
                "This tool always fails.",
            )]));
        }
        WITH_HEADER | WITH_SCHEMA => vec![ContentBlock::text(
            Value::Object(arguments.clone()).to_string(),
        )],
        _ => return None,
    };
    Some(CallToolResult::success(content))
}
