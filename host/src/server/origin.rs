//! The web pages that may use `/mcp`. A request without an `Origin` header comes from no page.

use std::{fmt, str::FromStr};

use url::{Host, Url};

/// An origin as a browser writes it: `scheme://host` or `scheme://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// Not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnOrigin;

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let url = Url::parse(text).map_err(|_| NotAnOrigin)?;
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or(NotAnOrigin)?;
        let port = url
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        // A browser's value, in lower case, is unchanged by being parsed and put together again.
        let origin = format!("{}://{host}{port}", url.scheme());
        if text.eq_ignore_ascii_case(&origin) {
            Ok(Self(origin))
        } else {
            Err(NotAnOrigin)
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Origin {
    fn is_of_this_machine(&self) -> bool {
        let Ok(url) = Url::parse(&self.0) else {
            return false;
        };
        matches!(url.scheme(), "http" | "https")
            && match url.host() {
                Some(Host::Domain(name)) => name == "localhost",
                Some(Host::Ipv4(address)) => address.is_loopback(),
                Some(Host::Ipv6(address)) => address.is_loopback(),
                None => false,
            }
    }
}

/// All origins that may use `/mcp`.
#[derive(Debug, Clone)]
pub(super) struct AllowedOrigins {
    named: Vec<Origin>,
    this_machine: bool,
}

impl AllowedOrigins {
    /// Allows the `configured` origins, else those of this machine; that of the public URL always.
    pub(super) fn new(configured: Option<&[Origin]>, public: Option<Origin>) -> Self {
        let mut named = configured.map(<[Origin]>::to_vec).unwrap_or_default();
        named.extend(public);
        Self {
            named,
            this_machine: configured.is_none(),
        }
    }

    /// Returns whether a page with this value of the `Origin` header may use `/mcp`.
    pub(super) fn allow(&self, value: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(value) else {
            return false;
        };
        let Ok(origin) = Origin::from_str(text) else {
            return false;
        };
        self.named.contains(&origin) || self.this_machine && origin.is_of_this_machine()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(configured: Option<&[&str]>) -> AllowedOrigins {
        let configured: Option<Vec<Origin>> =
            configured.map(|list| list.iter().map(|text| text.parse().unwrap()).collect());
        AllowedOrigins::new(
            configured.as_deref(),
            "https://mcp.example.com".parse().ok(),
        )
    }

    #[test]
    fn by_default_pages_of_this_machine_and_our_own() {
        let default = origins(None);
        for ours in [
            "http://localhost",
            "http://localhost:6274",
            "https://127.0.0.1:1",
            "http://[::1]:9",
            "https://mcp.example.com",
            "HTTPS://MCP.example.com",
        ] {
            assert!(default.allow(ours.as_bytes()), "{ours}");
        }
        for other in [
            "null",
            "",
            "http://localhost.",
            "http://localhost.evil.example",
            "http://evil.example",
            "https://mcp.example.com:444",
            "http://mcp.example.com",
            "https://mcp.example.com/",
            "http://localhost@evil.example",
            "http://evil.example#localhost",
            "file://",
            "vscode-webview://localhost",
            "http://localhost:80",
            "http://127.0.0.1.evil.example",
            "http://localhost http://evil.example",
        ] {
            assert!(!default.allow(other.as_bytes()), "{other}");
        }
        assert!(!default.allow(b"\xff"));
    }

    #[test]
    fn named_origins_replace_those_of_this_machine() {
        let named = origins(Some(&[
            "https://app.example.com:8443",
            "vscode-webview://abc",
        ]));
        assert!(named.allow(b"https://app.example.com:8443"));
        assert!(named.allow(b"vscode-webview://abc"));
        assert!(named.allow(b"https://mcp.example.com"));
        assert!(!named.allow(b"http://localhost"));
        assert!(!named.allow(b"https://app.example.com"));
    }

    #[test]
    fn what_a_browser_would_not_send_is_no_origin() {
        for text in [
            "*",
            "null",
            "app.example.com",
            "https://a/",
            "https://a/x",
            "https://a:443",
            "https://u@a",
        ] {
            assert_eq!(Origin::from_str(text), Err(NotAnOrigin), "{text}");
        }
    }
}
