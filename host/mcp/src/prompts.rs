//! Prompts for three common tasks: find trusted data, see the impact of a change, explain a table.
//! Each describes a sequence of tool calls in words.

use rmcp::model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};

/// The argument of a prompt is cut to this length.
const MAX_ARGUMENT_CHARS: usize = 500;

struct Template {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    argument: (&'static str, &'static str),
    text: &'static str,
}

const TEMPLATES: &[Template] = &[
    Template {
        name: "find_trusted_data",
        title: "Find trusted data",
        description: "Which dataset to use for a question, and why that one",
        argument: (
            "topic",
            "What the data is about, as: monthly revenue by region",
        ),
        text: "Find the dataset that is best to use for this: {value}\n\n\
            1. search for it in other words too (synonyms, table names), datasets first, then \
            dashboards that show it.\n\
            2. get_entities for the best candidates: prefer what has an owner, a description, a \
            domain, healthy assertions and recent use (get_usage_statistics); leave out what is \
            deprecated or has open incidents.\n\
            3. get_lineage upstream of the best ones: prefer the one that others are built from.\n\
            4. Answer with one recommendation and its urn, why, its owner, what to watch out for, \
            and the runners-up in a line each.",
    },
    Template {
        name: "impact_of_change",
        title: "Impact of a change",
        description: "What and whom a change to a table or column would touch",
        argument: (
            "urn",
            "The urn of the table (name the column in your own words after it)",
        ),
        text: "I want to change this: {value}\n\n\
            1. get_entities for it, so that we talk about the same thing.\n\
            2. get_lineage with upstream=false and max_hops=3; with column if the change is about \
            one. Read totals by degree first, go on with offset if there is more.\n\
            3. get_entities for the dashboards and tables that matter most; get_usage_statistics \
            for how much they are used; get_dataset_queries for how the column is used.\n\
            4. Answer: what breaks (by kind and degree), who owns it and should be told, what is \
            used most, and a safe order of steps.",
    },
    Template {
        name: "explain_table",
        title: "Explain a table",
        description: "What a table holds, where it comes from and how it is used",
        argument: ("urn", "The urn or the name of the table"),
        text: "Explain this table to a newcomer: {value}\n\n\
            1. search for it if that is not a urn, then get_entities.\n\
            2. list_schema_fields for the columns, get_dataset_profile for what is in them.\n\
            3. get_lineage upstream for where it comes from; get_dataset_queries for how people \
            use it.\n\
            4. Answer: one paragraph of what a row is, the important columns with their meaning, \
            source and freshness, owner and quality, two example queries. Say what the catalog \
            does not tell.",
    },
];

/// The prompts as `prompts/list` shows them.
pub(super) fn list() -> Vec<Prompt> {
    TEMPLATES
        .iter()
        .map(|template| {
            let (name, description) = template.argument;
            let argument = PromptArgument::new(name)
                .with_description(description)
                .with_required(true);
            Prompt::new(
                template.name,
                Some(template.description),
                Some(vec![argument]),
            )
            .with_title(template.title)
        })
        .collect()
}

/// The prompt `name` with its argument filled in.
///
/// # Errors
/// A text that lists the prompts or arguments that exist.
pub(super) fn get(name: &str, arguments: Option<&JsonObject>) -> Result<GetPromptResult, String> {
    let Some(template) = TEMPLATES.iter().find(|template| template.name == name) else {
        let names: Vec<&str> = TEMPLATES.iter().map(|template| template.name).collect();
        return Err(format!(
            "there is no such prompt; prompts: {}",
            names.join(", ")
        ));
    };
    let (argument, _) = template.argument;
    let value = arguments
        .and_then(|arguments| arguments.get(argument))
        .and_then(|value| value.as_str())
        .map(str::trim)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| format!("the prompt {name} needs the argument `{argument}`"))?;
    let value: String = value.chars().take(MAX_ARGUMENT_CHARS).collect();
    let text = template.text.replace("{value}", &value);
    let message = PromptMessage::new_text(Role::User, text);
    Ok(GetPromptResult::new(vec![message]).with_description(template.description))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_prompt_needs_and_uses_its_argument() {
        assert_eq!(list().len(), 3);
        for template in TEMPLATES {
            assert!(template.text.contains("{value}"));
            let error = get(template.name, None).unwrap_err();
            assert!(error.contains(template.argument.0));
            let arguments = json!({template.argument.0: "orders"});
            let prompt = get(template.name, arguments.as_object()).unwrap();
            let text = serde_json::to_string(&prompt.messages).unwrap();
            assert!(text.contains("orders") && !text.contains("{value}"));
        }
        assert!(get("nope", None).unwrap_err().contains("explain_table"));
    }
}
