//! Prompts for three common tasks: find trusted data, see the impact of a change, explain a table.
//! Each describes a sequence of tool calls in words.

use rmcp::model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};

/// The argument of a prompt is cut to this length.
const MAX_ARGUMENT_CHARS: usize = 500;

/// A usual job, in words that lead from tool to tool.
pub(super) struct Job {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    argument: (&'static str, &'static str),
    /// The tools that the text names: who may not use one of them gets no prompt.
    pub(super) tools: &'static [&'static str],
    pub(super) text: &'static str,
}

pub(super) const JOBS: &[Job] = &[
    Job {
        name: "find_trusted_data",
        title: "Find trusted data",
        description: "Which dataset to use for a question, and why that one",
        argument: (
            "topic",
            "What the data is about, as: monthly revenue by region",
        ),
        tools: &[
            "search",
            "get_entities",
            "get_usage_statistics",
            "get_lineage",
        ],
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
    Job {
        name: "impact_of_change",
        title: "Impact of a change",
        description: "What and whom a change to a table or column would touch",
        argument: (
            "urn",
            "The urn of the table (name the column in your own words after it)",
        ),
        tools: &[
            "get_entities",
            "get_lineage",
            "get_usage_statistics",
            "get_dataset_queries",
        ],
        text: "I want to change this: {value}\n\n\
            1. get_entities for it, so that we talk about the same thing.\n\
            2. get_lineage with upstream=false and max_hops=3; with column if the change is about \
            one. Read totals by degree first, go on with offset if there is more.\n\
            3. get_entities for the dashboards and tables that matter most; get_usage_statistics \
            for how much they are used; get_dataset_queries for how the column is used.\n\
            4. Answer: what breaks (by kind and degree), who owns it and should be told, what is \
            used most, and a safe order of steps.",
    },
    Job {
        name: "explain_table",
        title: "Explain a table",
        description: "What a table holds, where it comes from and how it is used",
        argument: ("urn", "The urn or the name of the table"),
        tools: &[
            "search",
            "get_entities",
            "list_schema_fields",
            "get_dataset_profile",
            "get_lineage",
            "get_dataset_queries",
        ],
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

/// The tools that the prompt `name` leads to.
pub(super) fn tools_of(name: &str) -> Option<&'static [&'static str]> {
    let template = JOBS.iter().find(|template| template.name == name)?;
    Some(template.tools)
}

/// The prompts as `prompts/list` shows them to somebody who may use the tools that `admits` admits.
pub(super) fn list(admits: impl Fn(&[&str]) -> bool) -> Vec<Prompt> {
    JOBS.iter()
        .filter(|template| admits(template.tools))
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
/// A text that lists the arguments of the prompt, or the prompts for somebody who may use the tools
/// that `admits` admits.
pub(super) fn get(
    name: &str,
    arguments: Option<&JsonObject>,
    admits: impl Fn(&[&str]) -> bool,
) -> Result<GetPromptResult, String> {
    let Some(template) = JOBS.iter().find(|template| template.name == name) else {
        let known = JOBS.iter().filter(|template| admits(template.tools));
        let names: Vec<&str> = known.map(|template| template.name).collect();
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
        assert_eq!(list(|_| true).len(), 3);
        for template in JOBS {
            assert!(template.text.contains("{value}"));
            let error = get(template.name, None, |_| true).unwrap_err();
            assert!(error.contains(template.argument.0));
            let arguments = json!({template.argument.0: "orders"});
            let prompt = get(template.name, arguments.as_object(), |_| true).unwrap();
            let text = serde_json::to_string(&prompt.messages).unwrap();
            assert!(text.contains("orders") && !text.contains("{value}"));
        }
        let error = get("nope", None, |_| true).unwrap_err();
        assert!(error.contains("explain_table"), "{error}");
    }

    #[test]
    fn a_prompt_says_which_tools_it_names() {
        let settings = crate::tests::everything();
        let all = crate::registry::Registry::new(&settings).unwrap();
        for template in JOBS {
            let words = template
                .text
                .split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
            let named: Vec<&str> = all
                .names()
                .filter(|name| words.clone().any(|word| word == *name))
                .collect();
            let mut said = template.tools.to_vec();
            said.sort_unstable_by_key(|name| all.names().position(|known| known == *name));
            assert_eq!(said, named, "{}", template.name);
        }
    }

    #[test]
    fn a_prompt_is_there_only_with_all_its_tools() {
        for tool in ["search", "get_entities", "get_dataset_queries"] {
            let admits = |tools: &[&str]| !tools.contains(&tool);
            for prompt in list(admits) {
                let tools = tools_of(&prompt.name).unwrap();
                assert!(!tools.contains(&tool), "{} with {tool}", prompt.name);
            }
            assert!(list(admits).len() < 3, "{tool}");
        }
        let error = get("nope", None, |_| false).unwrap_err();
        assert!(!error.contains("explain_table"), "{error}");
    }
}
