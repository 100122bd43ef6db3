//! The one place that reads the machine's clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub(crate) fn now_millis() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970 of the beginning of a day, written `2026-07-31`.
#[expect(
    clippy::cast_precision_loss,
    reason = "days of the calendar are far below 2^53 milliseconds"
)]
pub(crate) fn millis_of_date(date: &str) -> Option<f64> {
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day comes last.
    let year = if month < 3 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days as f64 * 86_400_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        for (date, days) in [
            ("1970-01-01", 0.0),
            ("2000-02-29", 11_016.0),
            ("2026-07-31", 20_665.0),
        ] {
            assert_eq!(millis_of_date(date), Some(days * 86_400_000.0), "{date}");
        }
        assert_eq!(millis_of_date("soon"), None);
        assert_eq!(millis_of_date("2026-13-01"), None);
    }
}
