//! The lifetime of an answer (RFC 9111) and the time after which to retry (RFC 9110 section
//! 10.2.3), within our own bounds.

use std::time::{Duration, SystemTime};

use reqwest::header::{CACHE_CONTROL, DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// The longest `Retry-After` that is obeyed; longer ones are shortened to it.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// The bounds of an answer's lifetime.
#[derive(Debug, Clone, Copy)]
pub struct Lifetime {
    /// The minimum, whatever the answer says.
    pub floor: Duration,
    /// The maximum.
    pub ceiling: Duration,
    /// Used if the answer names none.
    pub default: Duration,
    /// Used if its `max-age` is not a number.
    pub unreadable: Duration,
}

impl Lifetime {
    /// The lifetime of an answer with these header fields: the shortest one that they name.
    pub fn of(&self, headers: &HeaderMap) -> Duration {
        let said = headers
            .get_all(CACHE_CONTROL)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|directive| self.directive(directive))
            .min();
        said.unwrap_or(self.default)
            .min(self.ceiling)
            .max(self.floor)
    }

    /// The lifetime that one directive sets, if it sets one.
    fn directive(&self, text: &str) -> Option<Duration> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => Some(Duration::ZERO),
            "max-age" => {
                let digits = value.trim().trim_matches('"');
                let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                // RFC 9111 section 1.2.2: a number too large to represent counts as the largest.
                Some(if number {
                    Duration::from_secs(digits.parse().unwrap_or(u64::from(u32::MAX)))
                } else {
                    self.unreadable
                })
            }
            _ => None,
        }
    }
}

/// `Retry-After` in seconds or as a date, at most [`MAX_RETRY_AFTER`]. A date is compared with the
/// answer's own `Date`, so that a difference between two clocks does not matter; without one, with
/// the clock of this machine.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs)
    } else {
        let at = httpdate::parse_http_date(text).ok()?;
        let now = date(headers, DATE).unwrap_or_else(SystemTime::now);
        // A date in the past means at once.
        at.duration_since(now).unwrap_or_default()
    };
    Some(pause.min(MAX_RETRY_AFTER))
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        HeaderMap::from_iter(pairs.map(|(name, value)| (name.clone(), value.parse().unwrap())))
    }

    #[test]
    fn the_lifetime_stays_within_its_bounds_whatever_the_provider_says() {
        let seconds = Duration::from_secs;
        let bounds = Lifetime {
            floor: seconds(60),
            ceiling: seconds(3600),
            default: seconds(900),
            unreadable: seconds(900),
        };
        for (header, lifetime) in [
            ("no-store", 60),
            ("public, max-age=0", 60),
            ("max-age=600, stale-while-revalidate=86400", 600),
            ("Max-Age=\"120\"", 120),
            ("max-age=86400", 3600),
            ("max-age=99999999999999999999999", 3600),
            ("max-age=600, no-cache", 60),
            ("public", 900),
            ("max-age=-5", 900),
            ("max-age", 900),
            ("", 900),
        ] {
            let headers = headers(&[(CACHE_CONTROL, header)]);
            assert_eq!(bounds.of(&headers), seconds(lifetime), "{header}");
        }
        assert_eq!(bounds.of(&HeaderMap::new()), seconds(900));
        let strict = Lifetime {
            unreadable: Duration::ZERO,
            ..bounds
        };
        assert_eq!(
            strict.of(&headers(&[(CACHE_CONTROL, "max-age=x")])),
            seconds(60)
        );
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let now = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (value, date, seconds) in [
            ("7", None, Some(7)),
            (" 7 ", None, Some(7)),
            ("0", None, Some(0)),
            ("86400", None, Some(300)),
            ("99999999999999999999999", None, Some(300)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(now), Some(10)),
            ("Sunday, 06-Nov-94 08:49:47 GMT", Some(now), Some(10)),
            ("Sun Nov  6 08:49:47 1994", Some(now), Some(10)),
            ("Sun, 06 Nov 1994 08:49:27 GMT", Some(now), Some(0)),
            ("Sat, 06 Nov 2094 08:49:47 GMT", Some(now), Some(300)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", None, Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", None, Some(300)),
            ("-1", None, None),
            ("+5", None, None),
            ("1.5", None, None),
            ("soon", None, None),
            ("", None, None),
        ] {
            let mut fields = vec![(RETRY_AFTER, value)];
            fields.extend(date.map(|date| (DATE, date)));
            let pause = retry_after(&headers(&fields));
            assert_eq!(pause, seconds.map(Duration::from_secs), "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    proptest! {
        #[test]
        fn no_header_breaks_a_bound(value in "[ -~]{0,40}") {
            let bounds = Lifetime {
                floor: Duration::from_secs(10),
                ceiling: Duration::from_secs(20),
                default: Duration::from_secs(15),
                unreadable: Duration::ZERO,
            };
            let lifetime = bounds.of(&headers(&[(CACHE_CONTROL, &value)]));
            prop_assert!(lifetime >= bounds.floor && lifetime <= bounds.ceiling);
            let pause = retry_after(&headers(&[(RETRY_AFTER, &value)]));
            prop_assert!(pause.is_none_or(|pause| pause <= MAX_RETRY_AFTER));
        }
    }
}
