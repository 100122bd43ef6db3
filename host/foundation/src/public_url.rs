//! The public URL of this server, and all URLs that follow from it.

use url::{Host, Url};

/// The public URL cannot be an issuer (RFC 8414 section 2) and a resource (RFC 8707).
#[derive(Debug, thiserror::Error)]
#[error(
    "`OAUTH_RESOURCE_URL` is `{value}`, {why}\nhint: give the URL that people enter, such as https://mcp.example.com/mcp"
)]
pub struct PublicUrlError {
    /// The configured value.
    pub value: String,
    /// The reason, as a continuation of the sentence.
    pub why: &'static str,
}

/// The URL under which people reach this server, and all URLs that follow from it. Built from
/// configuration, never from a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    issuer: String,
    origin: String,
    path: String,
    loopback: bool,
    host: String,
    port: u16,
}

impl PublicUrl {
    /// Parses `https://host[/prefix]`, with or without `/mcp` and a slash at its end. Plain http is
    /// accepted for loopback only (RFC 8252 section 7.3).
    ///
    /// # Errors
    /// If it is not such a URL, or has userinfo, a query or a fragment (RFC 8414 section 2).
    pub fn parse(value: &str) -> Result<Self, PublicUrlError> {
        Self::parse_with(value, false)
    }

    /// As [`parse`](Self::parse), but plain http is accepted for every host: for a server at which
    /// nobody signs in, reached inside a network such as `http://datahub-mcp:8000`.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse).
    pub fn parse_or_plain(value: &str) -> Result<Self, PublicUrlError> {
        Self::parse_with(value, true)
    }

    fn parse_with(value: &str, plain: bool) -> Result<Self, PublicUrlError> {
        let refuse = |why| PublicUrlError {
            value: value.to_owned(),
            why,
        };
        let url = Url::parse(value).map_err(|_| refuse("which is not a URL"))?;
        let loopback = is_loopback(&url);
        match url.scheme() {
            "https" => {}
            "http" if loopback || plain => {}
            _ => {
                return Err(refuse(
                    "but it must be https (http is accepted for loopback only)",
                ));
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("but it must not hold a user name or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("but it must not have a query or fragment"));
        }
        let Some(host) = url.host_str() else {
            return Err(refuse("which has no host"));
        };
        let origin = url.origin().ascii_serialization();
        let path = url.path().trim_end_matches('/');
        let path = path
            .strip_suffix("/mcp")
            .unwrap_or(path)
            .trim_end_matches('/')
            .to_owned();
        Ok(Self {
            issuer: format!("{origin}{path}"),
            host: host.to_owned(),
            port: url.port_or_known_default().unwrap_or(443),
            origin,
            path,
            loopback,
        })
    }

    /// Our issuer identifier: no slash at its end, the same bytes everywhere.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The resource identifier (RFC 8707): the URL that people enter, ending in `/mcp`.
    pub fn resource(&self) -> String {
        format!("{}/mcp", self.issuer)
    }

    /// `path` (with its leading slash) under the public URL.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// Scheme, host and port, as a browser writes it into `Origin`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The path prefix before `/mcp`; empty for most.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// True if the host is `localhost` or a loopback address.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// True if cookies can be `Secure`.
    pub fn is_https(&self) -> bool {
        self.origin.starts_with("https:")
    }

    /// True if `url` points at this server itself: the same origin, or another loopback name of it.
    pub fn is_own(&self, url: &Url) -> bool {
        if url.origin().ascii_serialization() == self.origin {
            return true;
        }
        let same_port = url.port_or_known_default() == Some(self.port);
        let same_host = url.host_str().is_some_and(|host| {
            host.trim_end_matches('.')
                .eq_ignore_ascii_case(self.host.trim_end_matches('.'))
        });
        same_port && (same_host || (self.loopback && is_loopback(url)))
    }
}

/// True if the host of `url` is `localhost` or a loopback address.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_public_url_gives_issuer_and_resource_without_a_trailing_slash() {
        for (given, issuer) in [
            ("https://mcp.example.com", "https://mcp.example.com"),
            ("https://mcp.example.com/", "https://mcp.example.com"),
            ("https://mcp.example.com/mcp", "https://mcp.example.com"),
            ("https://mcp.example.com/mcp/", "https://mcp.example.com"),
            (
                "https://example.com/datahub/mcp",
                "https://example.com/datahub",
            ),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://[::1]:8000/mcp", "http://[::1]:8000"),
            ("HTTPS://MCP.example.com:443/", "https://mcp.example.com"),
        ] {
            let url = PublicUrl::parse(given).unwrap();
            assert_eq!(url.issuer(), issuer, "{given}");
            assert_eq!(url.resource(), format!("{issuer}/mcp"), "{given}");
        }
    }

    #[test]
    fn a_public_url_that_cannot_be_an_issuer_is_refused() {
        for given in [
            "mcp.example.com",
            "http://mcp.example.com",
            "https://me@mcp.example.com",
            "https://mcp.example.com/?a=b",
            "https://mcp.example.com/#x",
            "ftp://mcp.example.com",
        ] {
            assert!(PublicUrl::parse(given).is_err(), "{given}");
        }
    }

    #[test]
    fn plain_http_is_for_servers_without_a_sign_in() {
        let url = PublicUrl::parse_or_plain("http://datahub-mcp:8000/mcp").unwrap();
        assert_eq!(url.issuer(), "http://datahub-mcp:8000");
        assert!(!url.is_https() && !url.is_loopback());
        for given in [
            "ftp://datahub-mcp",
            "http://me@datahub-mcp",
            "datahub-mcp:8000",
        ] {
            assert!(PublicUrl::parse_or_plain(given).is_err(), "{given}");
        }
    }

    #[test]
    fn own_urls_are_known_under_every_loopback_name() {
        let own = PublicUrl::parse("http://127.0.0.1:8000").unwrap();
        for url in [
            "http://localhost:8000/x",
            "http://[::1]:8000/",
            "http://127.0.0.1:8000/oauth/callback",
        ] {
            assert!(own.is_own(&Url::parse(url).unwrap()), "{url}");
        }
        assert!(!own.is_own(&Url::parse("http://127.0.0.1:9000/").unwrap()));
        let own = PublicUrl::parse("https://mcp.example.com").unwrap();
        assert!(own.is_own(&Url::parse("https://mcp.example.com./oauth/callback").unwrap()));
        assert!(own.is_own(&Url::parse("https://MCP.example.com:443/").unwrap()));
        assert!(!own.is_own(&Url::parse("https://example.com/").unwrap()));
    }
}
