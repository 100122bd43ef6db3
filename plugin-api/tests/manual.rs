//! Checks of the manual: its links, and the digest that its commands use.
//!
//! The black-box suite, which has a host, runs the quick start as it is written.
#![expect(
    clippy::unwrap_used,
    reason = "a test helper that fails fails the test"
)]

use std::path::Path;

const MANUAL: &str = include_str!("../README.md");

/// The commands of the one block that is marked as `mark`.
fn commands(mark: &str) -> &'static str {
    let (_, block) = MANUAL.split_once(&format!("```sh {mark}\n")).unwrap();
    block.split_once("```").unwrap().0
}

#[test]
fn the_token_of_the_check_is_the_one_whose_digest_is_given() {
    // `printf '%s' check-good | sha256sum`
    let digest = "c2a53ef294c967c9a6046259c805682a77e14d536c940332271610495b12c173";
    assert!(commands("walk-host").contains(digest));
    assert!(commands("walk-serve").contains(digest));
    let workflow = include_str!("../template/rust/.github/workflows/ci.yml");
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
            // A copy of this folder alone has nothing beside it.
            if target.starts_with("../") && !here.join("../tests/vendor").exists() {
                continue;
            }
            assert!(here.join(target).exists(), "{target} is not there");
        }
        links += 1;
    }
    assert!(links > 10);
}
