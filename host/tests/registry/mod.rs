//! The rules of the schema of `server.json`, member by member.

use serde_json::Value;

const SCHEMA: &str = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";
const MEMBERS: &[&str] = &[
    "$schema",
    "_meta",
    "description",
    "icons",
    "name",
    "packages",
    "remotes",
    "repository",
    "title",
    "version",
    "websiteUrl",
];
const OF_PACKAGES: &[&str] = &[
    "environmentVariables",
    "fileSha256",
    "identifier",
    "packageArguments",
    "registryBaseUrl",
    "registryType",
    "runtimeArguments",
    "runtimeHint",
    "transport",
    "version",
];

/// What in an entry is not as the schema has it, in words.
pub(crate) fn problems(entry: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            problems.push(what.to_owned());
        }
    };
    let members = entry.as_object().cloned().unwrap_or_default();
    let known = members.keys().all(|name| MEMBERS.contains(&name.as_str()));
    must(known, "members");
    must(entry["$schema"] == SCHEMA, "$schema");
    must(entry["name"].as_str().is_some_and(is_name), "name");
    must(is_text(&entry["description"], 100), "description");
    must(
        entry["title"].is_null() || is_text(&entry["title"], 100),
        "title",
    );
    must(entry["version"].as_str().is_some_and(is_version), "version");
    let repository = &entry["repository"];
    let is_whole = is_text(&repository["url"], 255) && is_text(&repository["source"], 255);
    must(repository.is_null() || is_whole, "repository");
    for remote in list(&entry["remotes"]) {
        must(is_remote(remote), "remotes");
    }
    for package in list(&entry["packages"]) {
        for name in ["registryType", "identifier"] {
            must(is_text(&package[name], 255), name);
        }
        let members = package.as_object().cloned().unwrap_or_default();
        let known = members
            .keys()
            .all(|name| OF_PACKAGES.contains(&name.as_str()));
        must(known, "members of a package");
        let transport = package["transport"]["type"].as_str();
        let is_one =
            transport.is_some_and(|kind| ["stdio", "streamable-http", "sse"].contains(&kind));
        must(is_one, "transport");
    }
    problems
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn is_text(value: &Value, most: usize) -> bool {
    let length = value.as_str().map(|text| text.chars().count());
    length.is_some_and(|length| (1..=most).contains(&length))
}

/// `^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$`
fn is_name(name: &str) -> bool {
    let of = |text: &str, more: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    let parts = name.split_once('/');
    parts.is_some_and(|(space, own)| of(space, ".-") && of(own, "._-")) && name.len() <= 200
}

/// One version: three numbers and what may follow them, no range and no name.
fn is_version(version: &str) -> bool {
    let numbers = version.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<&str> = numbers.split('.').collect();
    numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u32>().is_ok())
}

/// A transport with a URL, each of whose variables is described.
fn is_remote(remote: &Value) -> bool {
    let url = remote["url"].as_str().unwrap_or_default();
    let begins = ["http://", "https://", "{"]
        .iter()
        .any(|start| url.starts_with(start));
    let named = url
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    let described = named
        .into_iter()
        .all(|name| remote["variables"][name].is_object());
    let variables = remote["variables"].as_object().cloned().unwrap_or_default();
    let are_inputs = variables.values().all(|input| {
        (input["isRequired"].is_null() || input["isRequired"].is_boolean())
            && (input["description"].is_null() || input["description"].is_string())
    });
    let is_http = ["streamable-http", "sse"]
        .iter()
        .any(|kind| remote["type"] == *kind);
    is_http && begins && !url.contains(char::is_whitespace) && described && are_inputs
}
