//! The window of results that DataHub gives: its search index refuses whatever goes beyond the first
//! 10,000, however often it is asked.

use crate::{context::ToolContext, error::ToolError};

/// The largest sum of the number of results that are skipped and of those that are asked for.
const WINDOW: i64 = 10_000;

/// The number of results to ask for, so that the request stays within the window.
///
/// # Errors
/// Where nothing of the window is left. `name` is the argument that holds `start`.
pub(super) fn within(
    context: &ToolContext,
    name: &str,
    start: i64,
    count: i64,
) -> Result<i64, ToolError> {
    let left = (WINDOW - start).max(0);
    if left == 0 && count > 0 {
        return Err(ToolError::Arguments(format!(
            "`{name}` goes beyond the first {WINDOW} results, which is all that DataHub gives; narrow \
             the call, for example by a filter"
        )));
    }
    if left < count {
        context.warn(format!(
            "DataHub gives the first {WINDOW} results only; narrow the call to see others"
        ));
    }
    Ok(count.min(left))
}

/// The sentence that says how to get the results after `next` of `total`; none if there are none, or
/// if the page that starts at `start` is empty.
pub(super) fn more(name: &str, start: i64, next: i64, total: i64) -> Option<String> {
    if next >= total || next <= start {
        return None;
    }
    let left = total - next;
    Some(match next < WINDOW {
        true => format!("{left} more; call again with {name}={next}"),
        false => format!("{left} more, which DataHub does not give; narrow the call"),
    })
}

/// The sentence for a page that begins behind the last of `total` results.
pub(super) fn beyond(name: &str, start: i64, total: i64) -> Option<String> {
    (total > 0 && start >= total)
        .then(|| format!("`{name}` is behind the last of {total}; call again with {name}=0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_offered_within_the_window_only() {
        let offered = more("offset", 0, 10, 12).unwrap();
        assert_eq!(offered, "2 more; call again with offset=10");
        assert!(
            more("offset", 9_990, 10_000, 10_001)
                .unwrap()
                .contains("narrow")
        );
        assert_eq!(more("offset", 0, 12, 12), None);
        assert_eq!(more("offset", 20, 20, 12), None);
        assert!(beyond("offset", 12, 12).unwrap().contains("offset=0"));
        assert_eq!(beyond("offset", 0, 0), None);
        assert_eq!(beyond("offset", 11, 12), None);
    }
}
