//! The author's manual walked from the template to a served request: its commands as they stand, in
//! a directory outside the repository, then the mistakes that a vendor or an operator makes.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use integration_tests::{
    Server, ServerBuilder, StubDataHub, artifacts, artifacts::workspace_root, server::search_path,
};
use serde_json::json;

const MANUAL: &str = include_str!("../../../plugin-api/README.md");
const WORKFLOW: &str = include_str!("../../../plugin-api/template/.github/workflows/ci.yml");
/// The one placeholder of the workflow.
const HOST_OF_WORKFLOW: &str = "${{ vars.DATAHUB_MCP }}";

/// The commands of the manual's block `mark`. Built is what the tests' own profile builds, so that
/// a second run costs little; nothing else is changed.
fn commands(mark: &str) -> String {
    let (_, block) = MANUAL.split_once(&format!("```sh {mark}\n")).unwrap();
    in_debug(block.split_once("```").unwrap().0)
}

fn in_debug(commands: &str) -> String {
    commands
        .replace("cargo build --release", "cargo build")
        .replace("target/release/", "target/debug/")
}

/// A vendor's place of work.
struct Workshop {
    dir: tempfile::TempDir,
    /// Kept from run to run; the dependencies are compiled once.
    target: PathBuf,
}

impl Workshop {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            target: Path::new(env!("CARGO_TARGET_TMPDIR")).join("manual"),
        }
    }

    fn validator(&self) -> PathBuf {
        self.dir.path().join("my-validator")
    }

    fn run(&self, dir: &Path, script: &str) -> Output {
        Command::new("sh")
            .args(["-e", "-c", script])
            .current_dir(dir)
            .env("PATH", search_path())
            .env("DATAHUB_MCP", workspace_root().canonicalize().unwrap())
            .env("CARGO_TARGET_DIR", &self.target)
            // All of the template's dependencies are dependencies of this workspace too.
            .env("CARGO_NET_OFFLINE", "true")
            .output()
            .unwrap()
    }

    /// Runs `script`, which must succeed; what it printed.
    fn succeed(&self, dir: &Path, script: &str) -> String {
        let output = self.run(dir, script);
        let text = said(&output);
        assert!(output.status.success(), "{script}\n{text}");
        text
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[tokio::test]
async fn the_manual_from_the_template_to_a_served_request() {
    let workshop = Workshop::new();
    workshop.succeed(workshop.dir.path(), &commands("walk"));
    let validator = workshop.validator();
    // Where cargo would have built without a directory that is kept.
    symlink(&workshop.target, validator.join("target")).unwrap();

    let proven = workshop.succeed(&validator, &commands("walk-host"));
    for word in [
        "would load: yes",
        "people (object; required)",
        "pass the good token is accepted: subject checker",
        "no fault found, 5 skipped because --good2 is not given",
    ] {
        assert!(proven.contains(word), "no `{word}` in:\n{proven}");
    }
    assert!(!proven.contains("check-good"), "{proven}");

    workflow_of_the_template(&workshop);
    aborting_does_not_compile(&workshop);

    let datahub = StubDataHub::start().await.unwrap();
    let plugins = workshop.dir.path().join("plugins");
    served(&validator, &plugins, &datahub).await;
    mistakes_are_named(&plugins, &datahub);
}

/// The steps of the template's workflow, in the copy.
fn workflow_of_the_template(workshop: &Workshop) {
    let mut steps: Vec<String> = Vec::new();
    let mut lines = WORKFLOW.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((before, step)) = line.split_once("run: ") else {
            continue;
        };
        if step != "|" {
            steps.push(step.to_owned());
            continue;
        }
        let deeper = |line: &&str| line.len() - line.trim_start().len() > before.len();
        let mut block = String::new();
        while let Some(line) = lines.next_if(deeper) {
            block = format!("{block}{}\n", line.trim());
        }
        steps.push(block);
    }
    assert_eq!(steps.len(), 5, "{steps:?}");
    let host = artifacts().server().display().to_string();
    for step in steps {
        let step = in_debug(&step.replace(HOST_OF_WORKFLOW, &host));
        workshop.succeed(&workshop.validator(), &step);
    }
}

/// A panic must stay inside the plugin: built with `panic = "abort"` there is no library.
fn aborting_does_not_compile(workshop: &Workshop) {
    let abort = "cargo rustc --lib -- -Cpanic=abort";
    let output = workshop.run(&workshop.validator(), abort);
    let text = said(&output);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("cannot be built with `panic ="), "{text}");
}

/// Dropped in, named and started by the manual's commands, the library serves.
async fn served(validator: &Path, plugins: &Path, datahub: &StubDataHub) {
    let script = commands("walk-serve");
    assert!(script.ends_with("\ndatahub-mcp serve\n"), "{script}");
    // The shell becomes the server, so that a signal reaches it.
    let script = script.replace("\ndatahub-mcp serve\n", "\nexec datahub-mcp serve\n");
    let server = Server::script(validator, &script)
        .env("TOKEN_VALIDATOR_PLUGIN_DIR", plugins.display().to_string())
        .env("DATAHUB_GMS_URL", datahub.url())
        .start()
        .unwrap();
    let mcp = server.mcp();
    for (token, status) in [("check-good", 200), ("check-bad", 401), ("other", 401)] {
        let reply = mcp
            .call(Some(token), "search", json!({"query": "*"}))
            .await
            .unwrap();
        let output = server.output();
        assert_eq!(reply.status, status, "{token}: {}\n{output}", reply.text);
    }
    let (status, output) = server.stop().unwrap();
    assert!(status.success(), "{status:?}\n{output}");
    assert!(!output.contains("check-good"), "{output}");
}

/// Each mistake stops the start, and the error says what it is about and what to do.
fn mistakes_are_named(plugins: &Path, datahub: &StubDataHub) {
    let file = plugins.join("libmy_validator.so");
    let shown = file.display().to_string();
    let builder = |config: &str| {
        Server::builder()
            .env("TOKEN_VALIDATOR_PLUGIN_DIR", plugins.display().to_string())
            .env("TOKEN_VALIDATOR_FACTORY", "my_validator")
            .env("TOKEN_VALIDATOR_CONFIG", config)
            .env("DATAHUB_GMS_URL", datahub.url())
    };
    let good = r#"{"people": {}}"#;

    let wrong_name = r#"{"poeple": {"ada": "not-to-be-printed"}}"#;
    assert_says(
        builder(wrong_name),
        &["my_validator", "`poeple`", "`people`"],
    );
    let missing = "{}";
    assert_says(builder(missing), &["my_validator", "`people`"]);
    let wrong_value = r#"{"people": {"ada": "not-to-be-printed"}}"#;
    assert_says(
        builder(wrong_value),
        &["`people`", "`ada`", "64 hexadecimal digits"],
    );
    let misspelt = builder(good).env("TOKEN_VALIDATOR_FACTORY", "my_validater");
    assert_says(misspelt, &["my_validater", "my_validator", "did you mean"]);

    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let chmod = format!("chmod go-w {shown}");
    assert_says(builder(good), &["world-writable", &chmod]);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();

    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    assert_says(builder(good), &[&shown, "cut or damaged", "copy it again"]);
    fs::write(&file, &whole).unwrap();
    drop(builder(good).start().unwrap());
}

fn assert_says(builder: ServerBuilder, words: &[&str]) {
    let refusal = builder.refuse().unwrap();
    refusal.assert_says(words);
    assert!(!refusal.text.contains("not-to-be-printed"), "{refusal:?}");
}

#[test]
fn placeholders_of_the_template_stand_only_where_cargo_generate_looks() {
    let template = workspace_root().join("plugin-api/template");
    let settings = fs::read_to_string(template.join("cargo-generate.toml")).unwrap();
    assert!(
        settings.contains("include = [\"Cargo.toml\"]"),
        "{settings}"
    );
    let mut found = Vec::new();
    let mut dirs = vec![template.clone()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            let text = fs::read_to_string(&path)
                .unwrap()
                .replace(HOST_OF_WORKFLOW, "");
            if text.contains("{{") || text.contains("{%") {
                found.push(path.strip_prefix(&template).unwrap().to_path_buf());
            }
        }
    }
    assert_eq!(found, [Path::new("Cargo.toml")]);
}
