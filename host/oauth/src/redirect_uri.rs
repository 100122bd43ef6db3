//! The destinations that a client's answers may be sent to: the redirect URIs that are accepted,
//! and the rule by which one equals another.
//!
//! Compares text, not what some parser makes of it: codes get stolen where two programs read a URI
//! differently. Never allows this server's own address.

use std::fmt;

use foundation::public_url::{PublicUrl, is_loopback};
use serde::{Deserialize, Serialize};
use url::{Url, form_urlencoded};

use super::SettingsError;

/// Longest redirect URI, in bytes.
pub(super) const MAX_REDIRECT_URI_BYTES: usize = 2_048;
/// Longest part of a refused URI that is logged, in characters.
const MAX_LOGGED_CHARS: usize = 200;
/// Schemes that run code, read files or send mail: no setting may allow them.
const DENIED_SCHEMES: [&str; 24] = [
    "about",
    "android-app",
    "blob",
    "chrome",
    "chrome-extension",
    "content",
    "data",
    "file",
    "filesystem",
    "ftp",
    "http",
    "https",
    "intent",
    "jar",
    "javascript",
    "mailto",
    "moz-extension",
    "resource",
    "sms",
    "tel",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];
/// Parameters that the answer carries; one that is in the URI, too, would be repeated.
const RESERVED_PARAMETERS: [&str; 7] = [
    "code",
    "error",
    "error_description",
    "error_uri",
    "iss",
    "response",
    "state",
];

/// The reason a redirect URI is not accepted. Shown to whoever registers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum RedirectUriError {
    #[error("is empty or longer than 2048 bytes")]
    Length,
    #[error("holds a character that does not belong in a URI")]
    Character,
    #[error("is not an absolute URI")]
    NotAbsolute,
    #[error(
        "has a scheme that is not allowed; use https, http on loopback, or a scheme of your own such as com.example.app"
    )]
    Scheme,
    #[error("has a fragment")]
    Fragment,
    #[error("has a user name or password")]
    UserInfo,
    #[error("has a host that is not in its plain form")]
    Host,
    #[error("has a dot segment in its path")]
    DotSegment,
    #[error("uses plain http for a host other than loopback")]
    PlainHttp,
    #[error("has a query parameter that the answer carries")]
    Parameter,
    #[error("points at this server")]
    Own,
}

/// A redirect URI that follows the rules.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct RedirectUri(String);

impl fmt::Debug for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedirectUri({})", self.0)
    }
}

/// The rules, with this server's own address.
#[derive(Debug)]
pub(super) struct RedirectRules {
    own: PublicUrl,
    app_schemes: Vec<String>,
}

impl RedirectRules {
    /// Rules that also accept `app_schemes`.
    pub(super) fn new(own: &PublicUrl, app_schemes: &[String]) -> Result<Self, SettingsError> {
        for scheme in app_schemes {
            if !is_scheme(scheme) || DENIED_SCHEMES.contains(&scheme.as_str()) {
                return Err(SettingsError::RedirectScheme(scheme.clone()));
            }
        }
        Ok(Self {
            own: own.clone(),
            app_schemes: app_schemes.to_vec(),
        })
    }

    /// Accepts https, http on loopback (RFC 8252 section 7.3) and private-use schemes (7.1).
    pub(super) fn check(&self, text: &str) -> Result<RedirectUri, RedirectUriError> {
        if text.is_empty() || text.len() > MAX_REDIRECT_URI_BYTES {
            return Err(RedirectUriError::Length);
        }
        if !text.bytes().all(is_uri_byte) || has_encoded_control(text) {
            return Err(RedirectUriError::Character);
        }
        let (scheme, rest) = text.split_once(':').ok_or(RedirectUriError::NotAbsolute)?;
        if !is_scheme(scheme) {
            return Err(RedirectUriError::Scheme);
        }
        if text.contains('#') {
            return Err(RedirectUriError::Fragment);
        }
        let url = Url::parse(text).map_err(|_| RedirectUriError::NotAbsolute)?;
        if url.scheme() != scheme {
            return Err(RedirectUriError::Scheme);
        }
        match scheme {
            "https" | "http" => self.check_web(&url, rest)?,
            _ => self.check_app(scheme, rest)?,
        }
        let path = rest.split('?').next().unwrap_or_default();
        if path.split('/').any(is_dot_segment) {
            return Err(RedirectUriError::DotSegment);
        }
        if url
            .query_pairs()
            .any(|(name, _)| RESERVED_PARAMETERS.contains(&&*name))
        {
            return Err(RedirectUriError::Parameter);
        }
        Ok(RedirectUri(text.to_owned()))
    }

    fn check_web(&self, url: &Url, rest: &str) -> Result<(), RedirectUriError> {
        let rest = rest
            .strip_prefix("//")
            .ok_or(RedirectUriError::NotAbsolute)?;
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(RedirectUriError::UserInfo);
        }
        let host = url.host_str().ok_or(RedirectUriError::Host)?;
        let plain = url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        if authority != plain {
            return Err(RedirectUriError::Host);
        }
        if url.scheme() == "http" && !is_loopback(url) {
            return Err(RedirectUriError::PlainHttp);
        }
        if self.own.is_own(url) {
            return Err(RedirectUriError::Own);
        }
        Ok(())
    }

    fn check_app(&self, scheme: &str, rest: &str) -> Result<(), RedirectUriError> {
        let reverse_domain = scheme.contains('.') && scheme.split('.').all(|part| !part.is_empty());
        let named = self.app_schemes.iter().any(|allowed| allowed == scheme);
        if DENIED_SCHEMES.contains(&scheme) || !(reverse_domain || named) {
            return Err(RedirectUriError::Scheme);
        }
        let authority = rest
            .strip_prefix("//")
            .unwrap_or_default()
            .split(['/', '?'])
            .next();
        if authority.is_some_and(|authority| authority.contains('@')) {
            return Err(RedirectUriError::UserInfo);
        }
        Ok(())
    }
}

impl RedirectUri {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether `requested` is this registered URI: the same text, or on loopback the same
    /// but for the port, which an app learns only when it starts to listen (RFC 8252 section 7.3).
    pub(super) fn admits(&self, requested: &Self) -> bool {
        self == requested
            || match (
                self.without_loopback_port(),
                requested.without_loopback_port(),
            ) {
                (Some(registered), Some(requested)) => registered == requested,
                _ => false,
            }
    }

    /// The text without its port, for http on loopback.
    fn without_loopback_port(&self) -> Option<String> {
        let rest = self.0.strip_prefix("http://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        };
        Some(format!("http://{host}{path}"))
    }

    /// The text that a remembered consent is bound to, the same for every port that an app may
    /// listen on.
    pub(super) fn identity(&self) -> String {
        self.without_loopback_port()
            .unwrap_or_else(|| self.0.clone())
    }

    /// Returns whether the answer stays on the person's own computer.
    pub(super) fn is_loopback(&self) -> bool {
        self.0.starts_with("http://")
    }

    /// The place where the person will be sent, as it stands in a URL: host and port, or an app's
    /// scheme.
    pub(super) fn destination(&self) -> &str {
        match self.0.split_once("://") {
            Some(("https" | "http", rest)) => rest.split(['/', '?']).next().unwrap_or(rest),
            _ => self
                .0
                .split_once(':')
                .map_or(&*self.0, |(scheme, _)| scheme),
        }
    }

    /// Returns whether the destination is an app that owns a scheme.
    pub(super) fn is_app(&self) -> bool {
        !self.0.starts_with("https://") && !self.0.starts_with("http://")
    }

    /// The URI with `parameters` added to its query.
    pub(super) fn with(&self, parameters: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in parameters {
            query.append_pair(name, value);
        }
        let separator = match self.0.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{}{separator}{}", self.0, query.finish())
    }
}

/// Logs the redirect URIs of one request that are not accepted, and the setting that would allow
/// them, if there is one. A warning if the client is left with none.
pub(super) fn log_refused(refused: &[(&str, RedirectUriError)], kept: usize) {
    let Some((_, reason)) = refused.first() else {
        return;
    };
    let uris: Vec<String> = refused.iter().map(|(uri, _)| for_log(uri)).collect();
    let mut schemes: Vec<&str> = refused.iter().filter_map(allowable_scheme).collect();
    schemes.dedup();
    let hint = match &*schemes {
        [] => String::new(),
        schemes => format!("add `{}` to OAUTH_REDIRECT_SCHEMES", schemes.join(",")),
    };
    let uris = uris.join(" ");
    if kept == 0 {
        tracing::warn!(redirect_uri = uris, %reason, hint, "redirect URI refused");
    } else {
        tracing::info!(redirect_uri = uris, %reason, hint, kept, "redirect URI left out");
    }
}

/// Logs a redirect URI that a client asks for and has not registered.
pub(super) fn log_unregistered(client: &str, uri: &str) {
    tracing::warn!(
        client,
        redirect_uri = for_log(uri),
        hint = "let the app connect anew; for a client of OAUTH_CLIENTS, add the URI there",
        "redirect URI is not registered"
    );
}

/// The scheme of a refused URI, if the operator may allow it.
fn allowable_scheme<'a>((uri, why): &(&'a str, RedirectUriError)) -> Option<&'a str> {
    let scheme = uri.split_once(':')?.0;
    let allowable = *why == RedirectUriError::Scheme
        && is_scheme(scheme)
        && !DENIED_SCHEMES.contains(&scheme)
        && scheme.len() <= MAX_LOGGED_CHARS;
    allowable.then_some(scheme)
}

/// A stranger's URI without its query, which may hold anything, and of bounded length.
fn for_log(uri: &str) -> String {
    let shown = uri.split(['?', '#']).next().unwrap_or_default();
    let shown = shown.chars().filter(|c| !c.is_control());
    shown.take(MAX_LOGGED_CHARS).collect()
}

/// Returns whether `text` is a scheme in lower case, since another spelling is another text.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b))
}

fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte)
}

/// `%00` to `%1F`, `%7F`, an encoded backslash, or a broken escape.
fn has_encoded_control(text: &str) -> bool {
    text.split('%').skip(1).any(|escape| {
        let byte = escape
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        byte.is_none_or(|byte| byte.is_ascii_control() || byte == b'\\')
    })
}

fn is_dot_segment(segment: &str) -> bool {
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    plain == "." || plain == ".."
}

#[cfg(test)]
mod tests;
