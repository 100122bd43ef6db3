//! The `Host` headers that are allowed. A web page that rebinds its own name to our address would
//! otherwise talk to us as if it were the same site (DNS rebinding).

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use http::uri::Authority;

/// The ports that a pattern allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port {
    /// The port that the server listens on, and the two that a browser leaves out.
    Usual,
    /// This port.
    Exactly(u16),
    /// Every port: `name:*`.
    Any,
}

/// A name that a `Host` header may hold: `name`, `name:port` or `name:*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    name: String,
    port: Port,
}

/// Not a host name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAHost;

impl FromStr for HostPattern {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        if let Some(name) = text.strip_suffix(":*") {
            let (name, port) = split(name).ok_or(NotAHost)?;
            return match port {
                None => Ok(Self {
                    name,
                    port: Port::Any,
                }),
                Some(_) => Err(NotAHost),
            };
        }
        let (name, port) = split(text).ok_or(NotAHost)?;
        Ok(Self {
            name,
            port: port.map_or(Port::Usual, Port::Exactly),
        })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Port::Usual => f.write_str(&self.name),
            Port::Exactly(port) => write!(f, "{}:{port}", self.name),
            Port::Any => write!(f, "{}:*", self.name),
        }
    }
}

/// The names that are allowed.
#[derive(Debug, Clone)]
pub(super) struct AllowedHosts {
    patterns: Vec<HostPattern>,
    listening: u16,
}

impl AllowedHosts {
    /// Allows the `configured` names, that of the public URL, and on a loopback address those of
    /// this machine.
    pub(super) fn new(
        configured: &[HostPattern],
        public: Option<HostPattern>,
        listening: SocketAddr,
    ) -> Self {
        let mut patterns = configured.to_vec();
        patterns.extend(public);
        if listening.ip().is_loopback() {
            let port = Port::Exactly(listening.port());
            for name in ["localhost", "127.0.0.1", "[::1]"] {
                patterns.push(HostPattern {
                    name: name.to_owned(),
                    port,
                });
            }
        }
        Self {
            patterns,
            listening: listening.port(),
        }
    }

    /// Returns whether this value of a `Host` header is allowed.
    pub(super) fn allow(&self, host: &str) -> bool {
        let Some((name, port)) = split(host) else {
            return false;
        };
        self.patterns.iter().any(|pattern| {
            pattern.name == name
                && match pattern.port {
                    Port::Any => true,
                    Port::Exactly(exactly) => port.unwrap_or(80) == exactly,
                    Port::Usual => match port {
                        None | Some(80 | 443) => true,
                        Some(port) => port == self.listening,
                    },
                }
        })
    }

    /// Returns whether this value of a `Host` header is an address, or a name that is allowed with
    /// some port. A page that rebinds its name can send neither.
    pub(super) fn allow_on_any_port(&self, host: &str) -> bool {
        let Some((name, _)) = split(host) else {
            return false;
        };
        name == "localhost"
            || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
            || self.patterns.iter().any(|pattern| pattern.name == name)
    }
}

/// The name in lower case and the port of `name[:port]`. An IPv6 address has many spellings (RFC 4291
/// section 2.2), and is compared in the one of RFC 5952.
fn split(text: &str) -> Option<(String, Option<u16>)> {
    let authority = Authority::from_str(text).ok()?;
    let name = authority.host();
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte));
    if !plain || name.is_empty() || text.contains('@') {
        return None;
    }
    let port = match text.get(name.len()..)? {
        "" => None,
        rest => Some(rest.strip_prefix(':')?.parse().ok()?),
    };
    let inner = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let name = match inner {
        Some(address) => format!("[{}]", address.parse::<Ipv6Addr>().ok()?),
        None => name.to_ascii_lowercase(),
    };
    Some((name, port))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hosts(configured: &[&str], listening: &str) -> AllowedHosts {
        let patterns: Vec<_> = configured
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        AllowedHosts::new(
            &patterns,
            "mcp.example.com".parse().ok(),
            listening.parse().unwrap(),
        )
    }

    #[test]
    fn names_of_this_machine_need_the_port_and_only_on_loopback() {
        let local = hosts(&[], "127.0.0.1:8000");
        for ours in [
            "localhost:8000",
            "LOCALHOST:8000",
            "127.0.0.1:8000",
            "[::1]:8000",
            "[0:0:0:0:0:0:0:1]:8000",
            "[0::0001]:8000",
        ] {
            assert!(local.allow(ours), "{ours}");
        }
        for other in [
            "localhost",
            "localhost:8001",
            "localhost.:8000",
            "127.0.0.2:8000",
            "::1:8000",
            "[::1]",
            "evil.example:8000",
            "localhost:8000:8000",
            "localhost:08000x",
            "user@localhost:8000",
            "",
            ":8000",
            "localhost:",
            "localhost/x",
            "localhost:8000 ",
            "null",
            "127.1:8000",
            "[::2]:8000",
            "[::1%25lo]:8000",
            "[::1]]:8000",
        ] {
            assert!(!local.allow(other), "{other}");
        }
        assert!(!hosts(&[], "0.0.0.0:8000").allow("localhost:8000"));
    }

    #[test]
    fn the_public_name_and_patterns_take_the_ports_they_say() {
        let hosts = hosts(
            &[
                "a.example",
                "b.example:1",
                "c.example:*",
                "[2001:DB8:0:0::7]",
            ],
            "0.0.0.0:8000",
        );
        for ours in [
            "mcp.example.com",
            "mcp.example.com:443",
            "mcp.example.com:8000",
            "a.example:80",
            "b.example:1",
            "c.example",
            "c.example:9",
            "[2001:db8::7]",
            "[2001:db8:0::7]:8000",
        ] {
            assert!(hosts.allow(ours), "{ours}");
        }
        for other in [
            "mcp.example.com:444",
            "b.example",
            "b.example:2",
            "x.a.example",
            "a.example.evil",
        ] {
            assert!(!hosts.allow(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_host_is_no_pattern() {
        for text in [
            "",
            "a b",
            "http://a",
            "a/b",
            "a:*:*",
            "a:1:*",
            "*",
            "*.example.com",
            "u@a",
            "a:99999",
        ] {
            assert_eq!(HostPattern::from_str(text), Err(NotAHost), "{text}");
        }
        for text in [
            "a.example",
            "a.example:1",
            "a.example:*",
            "[::1]:*",
            "[::1]",
        ] {
            assert_eq!(HostPattern::from_str(text).unwrap().to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_nothing_unknown_passes(text in "\\PC{0,40}") {
            let known = ["localhost:8000", "127.0.0.1:8000", "[::1]:8000"];
            let loopback = |text: &str| text.parse() == Ok(SocketAddr::from((Ipv6Addr::LOCALHOST, 8000)));
            let ours = known.contains(&text.to_ascii_lowercase().as_str()) || loopback(&text) || text.to_ascii_lowercase().starts_with("mcp.example.com");
            prop_assert!(ours || !hosts(&[], "127.0.0.1:8000").allow(&text));
        }
    }
}
