//! Prompts: plain, with arguments, with a resource, with an image, and one that needs more input.

use rmcp::{
    ErrorData,
    model::{
        GetPromptResponse, GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role,
    },
};
use serde_json::{Value, json};

use crate::{
    content,
    input::{self, Retry},
};

/// All prompts.
pub(crate) fn list() -> Vec<Prompt> {
    let argument = |name: &str| {
        PromptArgument::new(name)
            .with_description("A word")
            .with_required(true)
    };
    let prompt = |name: &str, arguments: Vec<PromptArgument>| {
        Prompt::new(name, Some("For the conformance suite"), Some(arguments))
    };
    vec![
        prompt("test_simple_prompt", vec![]),
        prompt(
            "test_prompt_with_arguments",
            vec![argument("arg1"), argument("arg2")],
        ),
        prompt(
            "test_prompt_with_embedded_resource",
            vec![argument("resourceUri")],
        ),
        prompt("test_prompt_with_image", vec![]),
        prompt("test_input_required_result_prompt", vec![]),
    ]
}

/// The messages of the prompt `name`.
pub(crate) fn get(
    name: &str,
    arguments: Option<&JsonObject>,
    retry: &Retry<'_>,
) -> Result<GetPromptResponse, ErrorData> {
    let argument = |name: &str| {
        arguments
            .and_then(|all| all.get(name))
            .and_then(Value::as_str)
            .ok_or_else(|| ErrorData::invalid_params(format!("`{name}` is missing"), None))
    };
    let text = |text: String| PromptMessage::new_text(Role::User, text);
    let messages = match name {
        "test_simple_prompt" => vec![text("Say something simple.".to_owned())],
        "test_prompt_with_arguments" => {
            vec![text(format!(
                "First {}, then {}.",
                argument("arg1")?,
                argument("arg2")?
            ))]
        }
        "test_prompt_with_embedded_resource" => vec![
            PromptMessage::new(
                Role::User,
                content::embedded(argument("resourceUri")?, "text/plain", "Words to work on."),
            ),
            text("Work on these words.".to_owned()),
        ],
        "test_prompt_with_image" => vec![
            PromptMessage::new(Role::User, content::picture()),
            text("Describe the picture.".to_owned()),
        ],
        "test_input_required_result_prompt" => match retry.filled("user_context", "context") {
            Some(context) => vec![text(format!("In the context {context}."))],
            None => {
                let question = input::form("In which context?", "context", "string");
                return Ok(input::ask(&json!({"user_context": question}), None)?.into());
            }
        },
        _ => return Err(ErrorData::invalid_params("there is no such prompt", None)),
    };
    Ok(GetPromptResult::new(messages).into())
}
