//! The manual's quick start, run as it is written, in a directory outside the repository.
//!
//! What the host is asked to do with the library there is tested with the host.
#![expect(
    clippy::unwrap_used,
    reason = "a test helper that fails fails the test"
)]

use std::{path::Path, process::Command};

const MANUAL: &str = include_str!("../README.md");

/// The commands of the one block that is marked as `mark`.
fn commands(mark: &str) -> &'static str {
    let (_, block) = MANUAL.split_once(&format!("```sh {mark}\n")).unwrap();
    block.split_once("```").unwrap().0
}

#[test]
fn the_quick_start_makes_a_library() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let dir = std::env::temp_dir().join(format!("validator-manual-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    // Built in the profile of the tests and beside them, so that a second run costs little.
    let script = commands("walk").replace("cargo build --release", "cargo build");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("manual");
    let run = |command: &mut Command| {
        command
            .env("DATAHUB_MCP", repository)
            .env("CARGO_TARGET_DIR", &target)
            // All of the template's dependencies are dependencies of this workspace too.
            .env("CARGO_NET_OFFLINE", "true")
            .output()
            .unwrap()
    };
    let walk = run(Command::new("sh")
        .args(["-e", "-c", &script])
        .current_dir(&dir));
    // Built with `panic = "abort"` it must not compile.
    let abort = run(Command::new(env!("CARGO"))
        .args(["rustc", "--lib", "--", "-Cpanic=abort"])
        .current_dir(dir.join("my-validator")));
    std::fs::remove_dir_all(&dir).unwrap();
    let said = String::from_utf8_lossy(&walk.stderr);
    assert!(walk.status.success(), "{said}");
    assert!(target.join("debug/libmy_validator.so").is_file());
    let said = String::from_utf8_lossy(&abort.stderr);
    assert!(!abort.status.success());
    assert!(said.contains("cannot be built with `panic ="), "{said}");
}

#[test]
fn the_token_of_the_check_is_the_one_whose_digest_is_given() {
    // `printf '%s' check-good | sha256sum`
    let digest = "c2a53ef294c967c9a6046259c805682a77e14d536c940332271610495b12c173";
    assert!(commands("walk-host").contains(digest));
    let workflow = include_str!("../template/.github/workflows/ci.yml");
    assert!(workflow.contains(digest));
}

#[test]
fn what_the_manual_points_to_is_there() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut links = 0;
    for (at, _) in MANUAL.match_indices("](") {
        let target = MANUAL[at + 2..].split_once(')').unwrap().0;
        if let Some(anchor) = target.strip_prefix('#') {
            let found = MANUAL
                .lines()
                .filter_map(|line| line.strip_prefix("## "))
                .any(|title| {
                    let slug: String = title
                        .to_lowercase()
                        .chars()
                        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                        .map(|c| if c == ' ' { '-' } else { c })
                        .collect();
                    slug == anchor
                });
            assert!(found, "no chapter for {target}");
        } else if !target.contains("://") {
            assert!(here.join(target).exists(), "{target} is not there");
        }
        links += 1;
    }
    assert!(links > 10);
}
