//! DataHub's version, as `/config` reports it, and the first version that supports a feature.

use std::fmt;

/// A DataHub version: the first three numbers of `v1.4.0rc2`, `1.6.0` or `v0.3.16-acryl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

impl Version {
    /// A version by its numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Parses the version in `/config`; `None` for a name that is not a number (a branch, a
    /// commit).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let mut numbers = text.split('.').map(|part| {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            part[..digits].parse::<u32>().ok()
        });
        let major = numbers.next()??;
        let minor = numbers.next()??;
        let patch = numbers.next().flatten().unwrap_or(0);
        Some(Self {
            major,
            minor,
            patch,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The first version of DataHub that supports a feature. Open source and DataHub Cloud number their
/// versions differently, so both are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// The first open-source version.
    pub core: Version,
    /// The first Cloud version.
    pub cloud: Version,
}

impl Since {
    /// Supported by every server.
    pub const ALWAYS: Self = Self {
        core: Version::new(0, 0, 0),
        cloud: Version::new(0, 0, 0),
    };
    /// Applications, as entities of their own (`Application`).
    pub const APPLICATIONS: Self = Self::DOCUMENTS;
    /// Metrics and semantic models (`Metric`, `SemanticModel`): after 1.6.0, in no release when this was
    /// written.
    pub const METRICS: Self = Self {
        core: Version::new(1, 7, 0),
        cloud: Version::new(1, 0, 0),
    };
    /// Documents in the catalog (`Document`, `searchDocuments`).
    pub const DOCUMENTS: Self = Self {
        core: Version::new(1, 4, 0),
        cloud: Version::new(0, 3, 16),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_servers_call_themselves() {
        assert_eq!(Version::parse("v1.4.0rc2"), Some(Version::new(1, 4, 0)));
        assert_eq!(Version::parse("1.6.0"), Some(Version::new(1, 6, 0)));
        assert_eq!(
            Version::parse("v0.3.16.2-acryl"),
            Some(Version::new(0, 3, 16))
        );
        assert_eq!(Version::parse("1.5"), Some(Version::new(1, 5, 0)));
        assert_eq!(Version::parse("head"), None);
        assert_eq!(Version::parse(""), None);
        assert!(Version::new(1, 10, 0) > Version::new(1, 9, 9));
    }
}
