//! How long a fetched key set is good, from its `Cache-Control` (RFC 9111) and our own bounds.

use std::time::Duration;

use reqwest::header::{CACHE_CONTROL, HeaderMap};

/// The bounds of a key set's lifetime.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime {
    /// Not shorter, whatever the provider says.
    pub(crate) floor: Duration,
    /// Not longer, so that a withdrawn key ends.
    pub(crate) ceiling: Duration,
    /// Where the provider says nothing.
    pub(crate) default: Duration,
}

impl Lifetime {
    /// The lifetime of an answer with these header fields.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Duration {
        let said = headers
            .get_all(CACHE_CONTROL)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(directive)
            .min();
        said.unwrap_or(self.default)
            .min(self.ceiling)
            .max(self.floor)
    }
}

/// The lifetime that one directive sets, if it sets one.
fn directive(text: &str) -> Option<Duration> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    match name.trim().to_ascii_lowercase().as_str() {
        "no-store" | "no-cache" => Some(Duration::ZERO),
        "max-age" => {
            let digits = value.trim().trim_matches('"');
            let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            // RFC 9111 section 1.2.2: a number too large to hold stands for the largest.
            number.then(|| Duration::from_secs(digits.parse().unwrap_or(u64::from(u32::MAX))))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lifetime_stays_within_its_bounds_whatever_the_provider_says() {
        let seconds = Duration::from_secs;
        let bounds = Lifetime {
            floor: seconds(60),
            ceiling: seconds(3600),
            default: seconds(900),
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
            let headers = HeaderMap::from_iter([(CACHE_CONTROL, header.parse().unwrap())]);
            assert_eq!(bounds.of(&headers), seconds(lifetime), "{header}");
        }
        assert_eq!(bounds.of(&HeaderMap::new()), seconds(900));
    }
}
