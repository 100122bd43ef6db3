//! Libraries that a plugin brings in: those of the system load with it, every other one is refused before
//! any code of it or of the plugin runs.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use integration_tests::{Server, artifacts, artifacts::workspace_root};
use serde_json::Value;

/// A line that the constructors print.
const RAN: &str = "code-of-the-library-ran";

/// The smallest plugin: one factory whose `create` fails. Never called where loading is refused.
const PLUGIN: &str = r#"
#include "token_validator.h"
#define STR(literal) { literal, sizeof(literal) - 1 }
static tv_validator *create(tv_str id, tv_str factory, tv_str config, const tv_host *host,
                            tv_complete failed, void *ctx) {
    (void)id; (void)factory; (void)config; (void)host; CALL
    tv_outcome outcome = { .size = sizeof(outcome), .kind = TV_INTERNAL };
    failed(ctx, &outcome);
    return 0;
}
static void validate(tv_validator *v, uint64_t id, const tv_request *r, tv_complete c, void *ctx) {
    (void)v; (void)id; (void)r; (void)c; (void)ctx;
}
static void destroy(tv_validator *v) { (void)v; }
static const tv_factory factory = { .size = sizeof(tv_factory), .name = STR("linked"),
    .schema_json = STR("{\"type\": \"object\"}") };
static const tv_plugin plugin = { .size = sizeof(tv_plugin), .version = TV_VERSION, .factories = &factory,
    .factories_len = 1, .create = create, .validate = validate, .destroy = destroy };
TV_EXPORT const tv_plugin *datahub_mcp_token_validator_v1(void) { return &plugin; }
"#;

/// A directory of plugins, and one beside it with a library that plugins are linked with.
struct Linked {
    dir: tempfile::TempDir,
}

impl Linked {
    fn new() -> Self {
        let linked = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for folder in ["plugins", "beside"] {
            fs::create_dir(linked.path(folder)).unwrap();
            linked.mode(folder, 0o755);
        }
        let code = format!(
            "#include <stdio.h>\nvoid needed(void) {{}}\n\
             __attribute__((constructor)) static void ran(void) {{ fprintf(stderr, \"{RAN}\\n\"); }}\n"
        );
        linked.build("beside/libneeded.so", &code, &[]);
        linked
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn build(&self, output: &str, code: &str, flags: &[&str]) {
        let source = self.path("code.c");
        fs::write(&source, code).unwrap();
        let built = Command::new("cc")
            .args(["-std=c11", "-fPIC", "-shared", "-I"])
            .arg(
                workspace_root()
                    .canonicalize()
                    .unwrap()
                    .join("plugin-api/include"),
            )
            .arg(&source)
            .arg("-o")
            .arg(self.path(output))
            .args(flags)
            .current_dir(self.dir.path())
            .status()
            .unwrap();
        assert!(built.success(), "{flags:?}");
        self.mode(output, 0o644);
    }

    /// Builds a plugin that calls the library beside it, with `flags` for the linker.
    fn plugin(&self, flags: &[&str]) -> PathBuf {
        let code = format!("extern void needed(void);\n{PLUGIN}").replace("CALL", "needed();");
        self.build("plugins/liblinked.so", &code, flags);
        self.path("plugins/liblinked.so")
    }

    /// The plugin does not load, for a reason with `words`, and nothing of it has run.
    fn assert_refused(&self, words: &[&str]) {
        for isolation in ["process", "in-process"] {
            let refusal = Server::builder()
                .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
                .env(
                    "TOKEN_VALIDATOR_PLUGIN_DIR",
                    self.path("plugins").display().to_string(),
                )
                .env("TOKEN_VALIDATOR_FACTORY", "linked")
                .env("PLUGIN_ISOLATION", isolation)
                .refuse()
                .unwrap();
            assert!(!refusal.text.contains(RAN), "{isolation}: {refusal:?}");
            refusal.assert_says(words);
        }
        let (loads, because) = inspected(&self.path("plugins/liblinked.so"));
        assert!(!loads, "{because}");
        for word in words {
            assert!(because.contains(word), "no `{word}` in: {because}");
        }
        assert!(!because.contains(RAN), "{because}");
    }
}

/// Whether the host would load `library`, and its whole report.
fn inspected(library: &Path) -> (bool, String) {
    let output = Command::new(artifacts().server())
        .args(["plugins", "inspect", "--json"])
        .arg(library)
        .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let errors = String::from_utf8_lossy(&output.stderr);
    let because = report["because"].as_str().unwrap_or_default();
    (report["would_load"] == true, format!("{because}{errors}"))
}

#[test]
fn a_search_path_of_ones_own_is_refused_whoever_may_write_there() {
    for (mode, tag) in [
        (0o777, "--enable-new-dtags"),
        (0o755, "--enable-new-dtags"),
        (0o755, "--disable-new-dtags"),
    ] {
        let linked = Linked::new();
        linked.mode("beside", mode);
        let beside = linked.path("beside").display().to_string();
        let rpath = format!("-Wl,-rpath,{beside},{tag}");
        linked.plugin(&["-Lbeside", "-lneeded", &rpath]);
        let name = if tag.starts_with("--enable") {
            "RUNPATH"
        } else {
            "RPATH"
        };
        linked.assert_refused(&["liblinked.so", name, &beside, "-rpath", "statically"]);
    }
}

#[test]
fn the_folder_of_the_library_itself_is_told_to_be_no_place() {
    let linked = Linked::new();
    for rpath in ["-Wl,-rpath,$ORIGIN/../beside", "-Wl,-rpath,${ORIGIN}"] {
        linked.plugin(&["-Lbeside", "-lneeded", rpath]);
        linked.assert_refused(&["liblinked.so", "ORIGIN", "private copy", "statically"]);
    }
}

#[test]
fn a_needed_file_by_its_path_is_refused() {
    let linked = Linked::new();
    let absolute = linked.path("beside/libneeded.so").display().to_string();
    // Without a name of its own (`DT_SONAME`), a library is needed by the path that linked it.
    for path in [absolute.as_str(), "beside/libneeded.so"] {
        linked.plugin(&[path]);
        linked.assert_refused(&["liblinked.so", path, "statically"]);
    }
}

#[test]
fn a_needed_library_that_the_system_does_not_have_is_named() {
    let linked = Linked::new();
    linked.plugin(&["-Lbeside", "-lneeded"]);
    linked.assert_refused(&["liblinked.so", "libneeded.so", "/usr/lib"]);
}

#[test]
fn libraries_of_the_system_and_code_that_is_linked_in_load() {
    let linked = Linked::new();
    let code = format!("extern double cos(double);\n{PLUGIN}");
    let code = code.replace("CALL", "if (cos((double)id.len) > 2) return 0;");
    linked.build(
        "plugins/liblinked.so",
        &code,
        &["-Wl,--no-as-needed", "-lm", "-pthread"],
    );
    let (loads, because) = inspected(&linked.path("plugins/liblinked.so"));
    assert!(loads, "{because}");
    // A search path within the system's folders adds nothing that others can write.
    linked.build(
        "plugins/liblinked.so",
        &code,
        &["-lm", "-Wl,-rpath,/usr/lib"],
    );
    let (loads, because) = inspected(&linked.path("plugins/liblinked.so"));
    assert!(loads, "{because}");
    let code = format!("static void needed(void) {{}}\n{PLUGIN}").replace("CALL", "needed();");
    linked.build("plugins/liblinked.so", &code, &[]);
    let (loads, because) = inspected(&linked.path("plugins/liblinked.so"));
    assert!(loads, "{because}");
}
