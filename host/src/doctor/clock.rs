//! Our clock compared with those of the other servers, whose tokens begin and end by theirs.

use super::report::Check;

const CLOCK: &str = "clock";
/// A difference above this is worth a warning, in seconds, and also one above the leeway.
const WARN_SECS: i64 = 30;
/// Above this, fresh tokens are not valid yet or no longer, in seconds.
const FAIL_SECS: i64 = 300;
const FIX: &str = "let NTP set the clock of this machine (and of the other, if that is the one that is wrong); \
                   `OIDC_LEEWAY` is for seconds";

/// `ahead` has the seconds by which each peer's clock is ahead of ours.
pub(super) fn check(ahead: &[(String, i64)], leeway: i64) -> Vec<Check> {
    if ahead.is_empty() {
        return vec![Check::ok(CLOCK, "no server told its time")];
    }
    let warn = WARN_SECS.min(leeway.max(1));
    let mut ahead = ahead.to_vec();
    // The answers came in any order.
    ahead.sort_unstable();
    ahead
        .iter()
        .map(|(name, seconds)| {
            let seen = match seconds {
                0 => format!("as that of {name}"),
                behind if *behind < 0 => format!("{} s ahead of that of {name}", -behind),
                ahead => format!("{ahead} s behind that of {name}"),
            };
            let check = match seconds.abs() {
                far if far > FAIL_SECS => Check::fail(CLOCK, seen, FIX),
                far if far > warn => Check::warn(CLOCK, seen, FIX),
                _ => Check::ok(CLOCK, seen),
            };
            check.of(name)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_begins_at_the_leeway_and_a_failure_at_five_minutes() {
        let line = |seconds, leeway| check(&[("datahub".to_owned(), seconds)], leeway)[0].text();
        for (seconds, leeway, expected) in [
            (0, 10, "ok "),
            (10, 10, "ok "),
            (-11, 10, "warn"),
            (11, 60, "ok "),
            (31, 60, "warn"),
            (-300, 60, "warn"),
            (301, 600, "FAIL"),
            (i64::MAX, 10, "FAIL"),
        ] {
            let line = line(seconds, leeway);
            assert!(line.starts_with(expected), "{seconds} {leeway}: {line}");
        }
        assert!(line(-11, 10).contains("11 s ahead of that of datahub"));
        assert!(line(40, 10).contains("40 s behind that of datahub"));
    }
}
