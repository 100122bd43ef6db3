//! What every validator's options must hold to: a schema that is closed and says where each option
//! comes from, and a refusal that names what is wrong.

use plugin_api::sdk::{Failure, FailureKind, TokenValidator, testing::Harness};
use serde_json::json;

/// The schema that `V` publishes takes no other options; each of `variables` (option, environment
/// variable) and each of `secrets` is marked as such; an unknown option is refused by name.
///
/// # Panics
/// Where one of these does not hold.
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

/// `made` failed because it is set up wrongly, and the reason says `why`.
///
/// # Panics
/// Where it did not.
pub fn assert_misconfigured<T>(made: Result<T, Failure>, why: &str) {
    let failure = made.err();
    let kind = failure.as_ref().map(Failure::kind);
    assert_eq!(kind, Some(FailureKind::Misconfigured), "for `{why}`");
    let detail = failure.as_ref().map_or("", Failure::log_detail);
    assert!(detail.contains(why), "`{why}` is not in: {detail}");
}
