//! Checks that README.md and DEVELOPING.md match the code, and that GraphQL documents are sent as
//! written down in `tests/sent`.

mod registry;

use std::{collections::BTreeSet, env, fs, path::PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A document, or an empty text if it is missing, with which no test passes.
fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_default()
}

#[test]
fn the_readme_lists_all_settings_as_they_are() {
    let readme = document("README.md");
    let (_, rest) = readme
        .split_once("<!-- settings -->\n")
        .expect("the start of the settings");
    let (settings, _) = rest
        .split_once("<!-- end of settings -->")
        .expect("their end");
    assert_eq!(
        settings.trim(),
        datahub_mcp::config::reference().trim(),
        "put what `datahub-mcp config reference` prints between the markers of README.md"
    );
}

/// The entry for registries of MCP servers: what its schema of 2025-12-11 asks for of each member that it has
/// (`docs/reference/server-json` of the registry's sources), so that publishing it does not fail first.
#[test]
fn the_entry_for_registries_is_of_this_version_and_of_its_schema() {
    let entry: serde_json::Value =
        serde_json::from_str(&document("host/packaging/server.json")).expect("JSON");
    assert_eq!(registry::problems(&entry), Vec::<String>::new());
    assert_eq!(entry["version"], env!("CARGO_PKG_VERSION"));
    let url = entry["remotes"][0]["url"].as_str().expect("a URL");
    assert!(
        url.starts_with("https://") && url.ends_with("/mcp"),
        "{url}"
    );
    for (pointer, wrong) in [
        (
            "/$schema",
            serde_json::json!("https://x.example/server.schema.json"),
        ),
        ("/name", serde_json::json!("datahub-mcp")),
        ("/name", serde_json::json!("io.github.a/b/c")),
        ("/title", serde_json::json!("")),
        ("/description", serde_json::json!("x".repeat(101))),
        ("/version", serde_json::json!("^1.0.0")),
        ("/version", serde_json::json!("latest")),
        ("/repository/source", serde_json::Value::Null),
        ("/remotes/0/type", serde_json::json!("stdio")),
        ("/remotes/0/url", serde_json::json!("host/mcp")),
        ("/remotes/0/url", serde_json::json!("https://{other}/mcp")),
        (
            "/remotes/0/variables/host/isRequired",
            serde_json::json!("yes"),
        ),
    ] {
        let mut other = entry.clone();
        *other.pointer_mut(pointer).expect(pointer) = wrong;
        assert_eq!(registry::problems(&other).len(), 1, "{pointer}");
    }
    let mut other = entry;
    other["packages"] = serde_json::json!([{"registry_type": "oci", "identifier": "x"}]);
    assert_eq!(registry::problems(&other).len(), 3);
}

/// The steps of the form `path/of/file.rs:function` that stand in backticks.
fn steps(text: &str) -> Vec<(&str, &str)> {
    let code = text.split('`').skip(1).step_by(2);
    code.filter_map(|code| code.split_once(".rs:")).collect()
}

#[test]
fn every_step_of_the_life_of_a_request_is_there() {
    let text = document("DEVELOPING.md");
    let steps = steps(&text);
    assert!(steps.len() >= 20, "only {} steps", steps.len());
    for (file, function) in steps {
        let path = root().join(format!("{file}.rs"));
        let source = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("DEVELOPING.md names {}: {error}", path.display()));
        let found = ["(", "<"]
            .iter()
            .any(|end| source.contains(&format!("fn {function}{end}")));
        assert!(
            found,
            "DEVELOPING.md names {file}.rs:{function}, which is not there"
        );
    }
}

/// All lines of the sources, tests included.
fn all_sources(folder: &std::path::Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
            all_sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("readable"));
        }
    }
}

/// The text of all sources, in which a test's name is looked up.
fn everything() -> String {
    let mut text = String::new();
    for folder in ["host", "plugins", "tests"] {
        all_sources(&root().join(folder), &mut text);
    }
    text
}

/// The rows of the tables on a page whose last column has one of these names.
fn rows<'a>(page: &'a str, last: &str) -> Vec<&'a str> {
    let rows = page.lines().filter(|line| line.starts_with("| "));
    rows.filter(|row| !row.contains("| --- |") && !row.ends_with(&format!("| {last} |")))
        .collect()
}

/// What stands in backticks in the last column of a row.
fn last_names(row: &str) -> Vec<&str> {
    let column = row.trim_end_matches([' ', '|']).rsplit('|').next();
    let column = column.unwrap_or_default();
    column.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_attack_has_tests_that_are_there() {
    let (sources, page) = (everything(), document("host/docs/attacks.md"));
    let rows = rows(&page, "tests");
    assert!(rows.len() > 40, "{} rows", rows.len());
    for row in rows {
        let names = last_names(row);
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            let is_there = sources.contains(&format!("fn {name}("));
            assert!(
                is_there,
                "attacks.md names the test {name}, which is not there"
            );
        }
    }
}

/// A name is that of a test, of a scenario, or of a program.
#[test]
fn every_row_of_the_reliability_is_held_by_what_is_there() {
    let (sources, page) = (everything(), document("host/docs/reliability.md"));
    let page = page.split("\n## Figures").next().unwrap_or_default();
    let rows = rows(page, "held by");
    let is_there = |name: &str| {
        let words: Vec<&str> = name.split_ascii_whitespace().collect();
        match words[..] {
            ["reliability", scenario] => sources.contains(&format!("\"{scenario}\" =>")),
            [.., "--bin", program] => {
                let file = root().join(format!("tests/src/bin/{program}.rs"));
                file.exists()
            }
            [file] if file.contains('/') => root().join(file).exists(),
            ["subtle"] => true,
            _ => sources.contains(&format!("fn {name}(")),
        }
    };
    for (kind, count) in [("L", 8), ("B", 8), ("S", 20), ("F", 11), ("O", 6)] {
        for number in 1..=count {
            let id = format!("| {kind}-{number:02} |");
            let row = rows.iter().find(|row| row.starts_with(&id));
            let row = row.unwrap_or_else(|| panic!("reliability.md has no row {id}"));
            let names = last_names(row);
            assert!(!names.is_empty(), "held by nothing: {row}");
            for name in names {
                assert!(is_there(name), "{id} names {name}, which is not there");
            }
        }
    }
}

#[test]
fn every_path_that_the_documents_link_to_is_there() {
    for name in ["README.md", "DEVELOPING.md"] {
        let text = document(name);
        assert!(text.contains("]("), "{name} is missing");
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = link.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            assert!(
                root().join(path).exists(),
                "{name} links to {path}, which is not there"
            );
        }
    }
}

/// The suite's module `providers` runs the settings of each of these pages.
#[test]
fn each_preset_has_a_page_that_the_readme_links() {
    let readme = document("README.md");
    for preset in datahub_mcp::config::Preset::ALL {
        let page = format!("host/docs/providers/{}.md", preset.name());
        assert!(readme.contains(&format!("]({page})")), "{page}: no link");
        let setting = format!("\nOIDC_PROVIDER={}\n", preset.name());
        assert!(document(&page).contains(&setting), "{page}: {setting}");
    }
}

/// The text of all sources below a folder, with each string on one line.
fn sources(folder: &str) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(root().join(folder)).expect(folder) {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "tests" {
            text += &sources(&format!("{folder}/{name}"));
        } else if name.ends_with(".rs") && name != "tests.rs" {
            text += &fs::read_to_string(&path).expect("a source");
        }
    }
    let mut lines = text.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| text + line.trim_start())
}

/// A message of ours on a page of a provider is one that the code can write.
#[test]
fn the_pages_of_providers_quote_messages_as_they_are() {
    let code: String = ["host/src", "host/oauth/src", "plugins"]
        .map(sources)
        .concat();
    let mut seen = 0;
    for preset in datahub_mcp::config::Preset::ALL {
        let page = document(&format!("host/docs/providers/{}.md", preset.name()));
        for row in page.lines().filter(|line| line.starts_with("| `")) {
            let span = row.trim_start_matches("| ");
            let ticks = if span.starts_with("``") { "``" } else { "`" };
            let span = span.trim_start_matches(ticks).split(ticks).next();
            let message = span.unwrap_or_default().trim();
            // A value that the message shows is not in the code.
            let message = message.split(" (aud").next();
            let message = message.unwrap_or_default().split(", `").next();
            for part in message.unwrap_or_default().split(": ") {
                let part = ["`aud`", "`hd`"]
                    .iter()
                    .fold(part.to_owned(), |part, claim| {
                        part.replace(claim, "`{name}`")
                    });
                // Single words are codes of the provider.
                if part.contains(' ') {
                    seen += 1;
                    assert!(code.contains(&part), "{}: {part:?}", preset.name());
                }
            }
        }
    }
    assert!(seen >= 15, "only {seen} messages");
}

/// Compares each document that is assembled from several files with its full text in `tests/sent`,
/// where a change of a fragment shows what changes in each request. `UPDATE_SENT=1` rewrites them.
#[test]
fn documents_are_sent_as_they_are_written_down() {
    let folder = root().join("host/tests/sent");
    let mut written: BTreeSet<String> = fs::read_dir(&folder)
        .expect("host/tests/sent")
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let update = env::var_os("UPDATE_SENT").is_some();
    let whole = mcp::documents().filter(|one| one.text().contains("fragment "));
    for document in whole {
        let name = format!("{}.graphql", document.name());
        let text = format!("{}\n", document.text().trim_end());
        if update {
            fs::write(folder.join(&name), &text).expect("written");
        }
        written.remove(&name);
        let there = fs::read_to_string(folder.join(&name)).unwrap_or_default();
        assert_eq!(
            there, text,
            "{name} is sent otherwise; UPDATE_SENT=1 writes it"
        );
    }
    assert!(written.is_empty(), "not sent any more: {written:?}");
}
