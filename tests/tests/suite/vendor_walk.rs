//! The author's manual walked from `plugins new` to a served request: its commands as they stand, in
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
const WORKFLOW: &str = include_str!("../../../plugin-api/template/rust/.github/workflows/ci.yml");
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
        // There is no way to the repository from here.
        .replace(
            "plugins new rust my-validator",
            "plugins new rust my-validator --plugin-api \"$DATAHUB_MCP/plugin-api\"",
        )
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
            // A vendor's code is not linted by our rules.
            .env_remove("RUSTC_WORKSPACE_WRAPPER")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("GOCACHE", self.target.join("go-cache"))
            .env("GOFLAGS", "-buildvcs=false")
            .env("GOPROXY", "off")
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
        "no fault found, 6 skipped because no option takes any text",
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

/// A project in C and one in Go: made, built and checked by the commands of its own README.
#[test]
fn projects_in_c_and_go_build_and_are_checked() {
    let workshop = Workshop::new();
    for (language, program, build, good) in [
        ("c", "cc", "make", "c-ada"),
        (
            "go",
            "go",
            "go build -buildmode=c-shared -o libof_acme.so",
            "go-ada",
        ),
    ] {
        if Command::new(program).arg("--version").output().is_err() {
            test_support::skipped(program);
            continue;
        }
        let parent = workshop.dir.path().join(language);
        fs::create_dir(&parent).unwrap();
        let made = workshop.succeed(
            &parent,
            &format!("datahub-mcp plugins new {language} of-acme"),
        );
        assert!(made.contains("of-acme"), "{made}");
        let project = parent.join("of-acme");
        let readme = fs::read_to_string(project.join("README.md")).unwrap();
        for command in [build, "datahub-mcp plugins inspect libof_acme.so"] {
            assert!(readme.contains(command), "no `{command}` in:\n{readme}");
        }
        // A machine with a compiler may have no `make`: its command is the one of the Makefile.
        let in_c = "cc -std=c11 -Wall -Wextra -Werror -O2 -fPIC -shared -fvisibility=hidden -pthread \
                    -Iinclude of_acme.c -o libof_acme.so";
        workshop.succeed(&project, if language == "c" { in_c } else { build });
        let seen = workshop.succeed(&project, "datahub-mcp plugins inspect libof_acme.so");
        for word in ["would load: yes", "of_acme", "C 1.1"] {
            assert!(seen.contains(word), "no `{word}` in:\n{seen}");
        }
        let check = format!(
            "datahub-mcp plugins check libof_acme.so:prefix --good {good} --bad '{language}-!'"
        );
        assert!(readme.contains(&check), "no `{check}` in:\n{readme}");
        // Whether it may be relied on is another matter: the demonstration believes every token.
        let report = said(&workshop.run(&project, &check));
        assert!(report.contains("the good token is accepted"), "{report}");
        let again = format!("datahub-mcp plugins new {language} of-acme");
        let refused = workshop.run(&parent, &again);
        assert_eq!(refused.status.code(), Some(64), "{}", said(&refused));
    }
}

#[test]
fn the_header_is_printed_as_it_is() {
    let workshop = Workshop::new();
    let printed = workshop.succeed(workshop.dir.path(), "datahub-mcp plugins header");
    let header = include_str!("../../../plugin-api/include/token_validator.h");
    assert_eq!(printed, header);
}

/// A copy of the crate's folder builds without anything beside it, and its own tests pass there.
#[test]
fn a_copy_of_plugin_api_alone_builds_and_passes_its_tests() {
    let workshop = Workshop::new();
    let root = workspace_root().canonicalize().unwrap();
    let copy = workshop.dir.path().join("plugin-api");
    let script = format!(
        "cp -r {root}/plugin-api . && cp {root}/Cargo.lock plugin-api/ && cd plugin-api && \
         cargo test --quiet --lib --tests",
        root = root.display()
    );
    workshop.succeed(workshop.dir.path(), &script);
    assert!(!copy.join("../Cargo.toml").exists());
}
