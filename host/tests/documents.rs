//! What README.md and DEVELOPING.md say is so.

use std::{fs, path::PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A document, or the empty text where it is not there: no test of it passes then.
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

/// The steps `path/of/file.rs:function` in backticks.
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
