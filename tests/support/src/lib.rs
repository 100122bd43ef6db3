//! What tests of every crate share: the one way to say that a test is skipped, and the run of a fuzz
//! target without a fuzzer. Depends on nothing, so that unit tests can use it.

pub mod fuzz;

/// Says that the calling test is skipped for want of `need`: a program that is not installed, or
/// a variable that is not set.
///
/// # Panics
/// Where `TESTS_MAY_SKIP` is set and does not name `need`.
#[track_caller]
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
pub fn skipped(need: &str) {
    let allowed = std::env::var("TESTS_MAY_SKIP").ok();
    assert!(
        may_skip(need, allowed.as_deref()),
        "there is no {need}, and TESTS_MAY_SKIP does not name it"
    );
    println!("skipped: there is no {need}");
}

/// `allowed` holds names with spaces between; unset, it allows all.
fn may_skip(need: &str, allowed: Option<&str>) -> bool {
    allowed.is_none_or(|names| names.split_ascii_whitespace().any(|name| name == need))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_allows_what_it_names_and_nothing_else() {
        assert!(may_skip("go", None));
        assert!(may_skip("go", Some("redis-server go")));
        for strict in ["", " ", "gopher", "redis-server"] {
            assert!(!may_skip("go", Some(strict)), "{strict:?}");
        }
    }
}
