//! `host/docs/tools.md`: every tool with its parameters and the members of its answer, as a model reads
//! them, and a call with its answer from the transcripts of the black-box suite. `UPDATE_DOCS=1` writes it.

use std::{env, fmt::Write as _, fs, path::PathBuf};

use serde_json::Value;

use super::everything;
use crate::registry::Registry;

const HEAD: &str = "\
# Tools

Every tool with its parameters, the members of its answer, and an example: a call to the sandbox, whose catalog of a shop
`cargo build && target/debug/sandbox` serves, and the first lines of its answer. Generated from the definitions that models read and
from the suite's transcripts (`UPDATE_DOCS=1 cargo test -p datahub-mcp-mcp --lib reference` writes this page). [README.md](../../README.md) has the settings
that switch tools on and off; which members a hit has is in [From the Python server](from-the-python-server.md#answers).
";

const SKILLS: &str = "
## Skills

Three jobs of several tools (find trusted data, the impact of a change, explain a table) are prompts and, by the extension
`io.modelcontextprotocol/skills`, skills. With `SKILLS_FOLDER` set to the urn of a document, the published documents directly below it are skills, too, on
DataHub 1.4 and newer:

- `skills/list` has the first 50, each with the digest of its file; `skills/get` and `resources/read` also answer for others of the folder. Each is read with the
  token of the person who asks and kept for nobody. They are hidden from whoever may not use `search_documents` and `get_entities`. A document that is not published,
  removed, or not shown in global context is none.
- The URI is `skill://datahub/<id of the document>/<name>/SKILL.md`. The name is the title in lower case with a hyphen for each run of other
  characters than letters and digits. Where two documents, or a document and a skill of this server, would have one name, each such document
  has eight characters of the digest of its urn behind it.
- The description is `description` of the frontmatter that the document's text begins with, or its first paragraph. Nothing else of its own frontmatter counts. Hidden
  characters are left out, images are links, and description and file say that people of the company wrote it. A text has at most 64 KiB.
- What is left out or renamed stands in `_meta`, `io.github.datahub-mcp/notes`, of the list. Without DataHub the list has this server's own skills, and says so there.

Whoever may write in the folder tells agents what to do: give that right as you give that of merging code. The folders to which `save_document` saves are refused.
";

/// The longest example, in lines of its answer.
const EXAMPLE_LINES: usize = 32;

/// The first call of the transcript of `tool`, with the first lines of its answer.
fn example(tool: &str) -> String {
    let snapshots = "../../tests/tests/suite/snapshots";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(snapshots)
        .join(format!("suite__transcripts__{tool}.snap"));
    let transcript =
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let prompt = format!("\n> {tool} ");
    let at = transcript.find(&prompt);
    let at = at.unwrap_or_else(|| panic!("{}: no call of {tool}", path.display()));
    let call = &transcript[at + 1..];
    let call = call.split("\n\n> ").next().unwrap_or_default().trim_end();
    let mut lines: Vec<&str> = call.lines().take(EXAMPLE_LINES + 1).collect();
    if call.lines().count() > lines.len() {
        lines.push("...");
    }
    lines.join("\n")
}

/// The page as it should be.
fn page() -> String {
    let mut page = HEAD.to_owned();
    let registry = Registry::new(&everything()).unwrap();
    let list = serde_json::to_value(registry.list(|_| true)).unwrap();
    for tool in list["tools"].as_array().unwrap() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let effect = match (
            tool["annotations"]["readOnlyHint"] == true,
            tool["annotations"]["destructiveHint"] == true,
        ) {
            (true, _) => "Reads.",
            (_, true) => "Writes; overwrites or removes.",
            _ => "Writes; adds.",
        };
        let (name, title) = (text(&tool["name"]), text(&tool["title"]));
        // Markdown takes `<id>` for an element.
        let description = text(&tool["description"]).replace('<', "\\<");
        writeln!(page, "\n## `{name}`\n\n{title}. {effect} {description}\n").unwrap();
        let input = &tool["inputSchema"];
        let params = input["properties"].as_object().unwrap();
        if !params.is_empty() {
            writeln!(
                page,
                "| parameter | type | default | |\n| --- | --- | --- | --- |"
            )
            .unwrap();
        }
        for (name, param) in params {
            let required = input["required"]
                .as_array()
                .is_some_and(|all| all.contains(&Value::from(name.as_str())));
            let kind = match &param["enum"] {
                Value::Array(values) => values
                    .iter()
                    .map(|v| format!("`{}`", text(v)))
                    .collect::<Vec<_>>()
                    .join(", "),
                _ if param["type"] == "array" => "list of strings".to_owned(),
                _ => text(&param["type"]),
            };
            let default = match (&param["default"], required) {
                (Value::Null, true) => "required".to_owned(),
                (Value::Null, false) => String::new(),
                (default, _) => format!("`{default}`"),
            };
            let about = text(&param["description"]).replace('|', "\\|");
            writeln!(page, "| `{name}` | {kind} | {default} | {about} |").unwrap();
        }
        let definition = &registry.find(&name).unwrap().definition;
        let output = definition.output.as_object().unwrap();
        let members: Vec<String> = output
            .iter()
            .map(|(name, member)| format!("`{name}` ({})", text(&member["type"])))
            .collect();
        let members = match members.is_empty() {
            true => "an object".to_owned(),
            false => members.join(", "),
        };
        writeln!(page, "\nAnswers {members}.").unwrap();
        writeln!(page, "\n```text\n{}\n```", example(&name)).unwrap();
    }
    page.push_str(SKILLS);
    page
}

#[test]
fn the_page_of_the_tools_is_as_their_definitions() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/tools.md");
    let page = page();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page, "UPDATE_DOCS=1 writes it");
    assert!(page.matches("\n## `").count() > 25, "{page}");
}
