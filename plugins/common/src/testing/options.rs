//! The requirements for every validator's options: a closed schema that names the source of each
//! option, and a refusal that names the problem.

use plugin_api::sdk::{Failure, FailureKind, TokenValidator, testing::Harness};
use serde_json::json;

/// The schema that `V` publishes takes no other options; each of `variables` (option, environment
/// variable) and each of `secrets` is marked as such; an unknown option is refused by name.
///
/// # Panics
/// If one of these does not hold.
pub fn assert_schema<V: TokenValidator>(variables: &[(&str, &str)], secrets: &[&str]) {
    let schema = Harness::schema::<V>();
    assert_eq!(schema["additionalProperties"], false);
    for (option, variable) in variables {
        assert_eq!(schema["properties"][option]["x-env"], *variable, "{option}");
    }
    for secret in secrets {
        assert_eq!(schema["properties"][secret]["x-secret"], true, "{secret}");
    }
    let detail = Harness::new::<V>(json!({ "no_such_option": 1 }))
        .err()
        .map(|refusal| refusal.log_detail().to_owned())
        .unwrap_or_default();
    assert!(detail.contains("no_such_option"), "refused as: {detail}");
}

/// Asserts that `made` failed because of its configuration, with a reason that contains `why`.
///
/// # Panics
/// If it did not.
pub fn assert_misconfigured<T>(made: Result<T, Failure>, why: &str) {
    let failure = made.err();
    let kind = failure.as_ref().map(Failure::kind);
    assert_eq!(kind, Some(FailureKind::Misconfigured), "for `{why}`");
    let detail = failure.as_ref().map_or("", Failure::log_detail);
    assert!(detail.contains(why), "`{why}` is not in: {detail}");
}
