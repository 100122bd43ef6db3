//! The path prefix of the public URL, such as `/datahub` in `https://example.com/datahub/mcp`.
//!
//! A proxy in front may strip the prefix or leave it, so each route is served in both forms. RFC 9728
//! section 3.1 puts the well-known part before the prefix; that form is served, too.

use axum::extract::Request;
use http::{Uri, uri::PathAndQuery};

use super::paths;

/// The path prefix; begins with a slash and does not end in one.
#[derive(Debug, Clone)]
pub(super) struct Prefix(String);

impl Prefix {
    /// `None` where the public URL has no path before `/mcp`.
    pub(super) fn new(path: &str) -> Option<Self> {
        (!path.is_empty()).then(|| Self(path.to_owned()))
    }

    /// The request with the path under which the route table knows it.
    pub(super) fn strip(&self, mut request: Request) -> Request {
        if let Some(uri) = self.stripped(request.uri()) {
            *request.uri_mut() = uri;
        }
        request
    }

    fn stripped(&self, uri: &Uri) -> Option<Uri> {
        let path = self.route(uri.path())?;
        let target = match uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
        Uri::from_parts(parts).ok()
    }

    /// The path of the route that `path` means with the prefix; `None` if it has none. Compares byte
    /// for byte, and removes the prefix once.
    fn route(&self, path: &str) -> Option<String> {
        // A prefix may be spelt like a route: the proxy has stripped it then.
        if paths::label(path) != paths::OTHER {
            return None;
        }
        if let Some(rest) = path.strip_prefix(paths::ROOT_METADATA) {
            let rest = rest.strip_prefix(self.0.as_str())?;
            let metadata = format!("{}{rest}", paths::ROOT_METADATA);
            return (paths::label(&metadata) != paths::OTHER).then_some(metadata);
        }
        match path.strip_prefix(self.0.as_str())? {
            "" => Some("/".to_owned()),
            rest => rest.starts_with('/').then(|| rest.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(prefix: &str, target: &str) -> String {
        let request = Request::builder()
            .uri(target)
            .body(axum::body::Body::empty());
        let request = Prefix::new(prefix).unwrap().strip(request.unwrap());
        request.uri().to_string()
    }

    #[test]
    fn the_prefix_is_removed_once_and_the_query_stays() {
        for (target, routed) in [
            ("/datahub/mcp", "/mcp"),
            ("/datahub/mcp/", "/mcp/"),
            ("/datahub", "/"),
            ("/datahub/", "/"),
            ("/datahub?a=b", "/?a=b"),
            ("/datahub/oauth/authorize?a=%2F", "/oauth/authorize?a=%2F"),
            ("http://h/datahub/health", "http://h/health"),
            (
                "/.well-known/oauth-protected-resource/datahub/mcp",
                "/.well-known/oauth-protected-resource/mcp",
            ),
            (
                "/.well-known/oauth-protected-resource/datahub",
                "/.well-known/oauth-protected-resource",
            ),
            (
                "/datahub/.well-known/oauth-protected-resource/mcp",
                "/.well-known/oauth-protected-resource/mcp",
            ),
        ] {
            assert_eq!(route("/datahub", target), routed);
        }
        for same in [
            "/mcp",
            "/",
            "/datahubx/mcp",
            "/DATAHUB/mcp",
            "/data%68ub/mcp",
            "//datahub/mcp",
            "/.well-known/oauth-protected-resource/datahub/x",
            "/.well-known/oauth-protected-resource/other/mcp",
            "/.well-known/oauth-authorization-server/datahub",
        ] {
            assert_eq!(route("/datahub", same), same);
        }
        assert_eq!(route("/datahub", "/datahub/datahub/mcp"), "/datahub/mcp");
        assert_eq!(route("/datahub", "/datahub//mcp"), "//mcp");
    }

    #[test]
    fn a_prefix_that_is_spelt_like_a_route_hides_none() {
        assert_eq!(route("/mcp", "/mcp"), "/mcp");
        assert_eq!(route("/mcp", "/mcp/mcp"), "/mcp");
        assert_eq!(route("/oauth", "/oauth/token"), "/oauth/token");
        assert_eq!(route("/oauth", "/oauth/oauth/token"), "/oauth/token");
    }

    #[test]
    fn there_is_none_without_a_path() {
        assert!(Prefix::new("").is_none());
    }
}
