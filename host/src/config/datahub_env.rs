//! `~/.datahubenv`, the file that DataHub's own command line writes: the source of the server and
//! the person's token for `stdio` when no setting names them. Keys of it that mean nothing here are
//! named, so that none is passed over in silence.

use std::path::Path;

use secrecy::SecretString;
use serde_json::{Map, Value};
use url::Url;

/// The content of `~/.datahubenv`, the file that DataHub's own command line writes.
pub(super) struct DatahubEnv {
    /// The metadata service.
    pub(super) server: Url,
    /// The person's token, if there is one.
    pub(super) token: Option<SecretString>,
    /// `extra_headers`: headers of every request. Their values may be secrets.
    pub(super) headers: Map<String, Value>,
    /// `ca_certificate_path`: a file of authorities.
    pub(super) ca_file: Option<String>,
    /// `timeout_sec`: the time limit of a call, if it is a whole number.
    pub(super) timeout_secs: Option<String>,
    /// True if `disable_ssl_verification` asks for what is not offered.
    pub(super) unverified: bool,
    /// Keys with a value that are not obeyed.
    pub(super) not_obeyed: Vec<String>,
}

/// The reason `~/.datahubenv` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum DatahubEnvError {
    /// It cannot be read.
    #[error("{path} cannot be read: {source}")]
    Io {
        /// The file.
        path: String,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// It names no server.
    #[error("{path} names no server")]
    NoServer {
        /// The file.
        path: String,
    },
}

impl DatahubEnv {
    /// Reads the file; `None` if there is no such file.
    ///
    /// # Errors
    /// See [`DatahubEnvError`].
    pub(super) fn load(path: &Path) -> Result<Option<Self>, DatahubEnvError> {
        let shown = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(DatahubEnvError::Io {
                    path: shown,
                    source,
                });
            }
        };
        match Self::parse(&text) {
            Some(found) => Ok(Some(found)),
            None => Err(DatahubEnvError::NoServer { path: shown }),
        }
    }

    /// Reads what is below `gms:`. The file is YAML, but `datahub init` and its documentation write
    /// only plain keys, and one level more for `extra_headers`, so nothing else is parsed.
    fn parse(text: &str) -> Option<Self> {
        let mut server = None;
        let mut env = Draft::default();
        let mut depth = 0;
        let mut key = String::new();
        let mut in_gms = false;
        for line in text.trim_start_matches('\u{feff}').lines() {
            let content = line.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let indent = line.len() - line.trim_start().len();
            if indent == 0 {
                in_gms = content
                    .split(" #")
                    .next()
                    .is_some_and(|key| key.trim_end() == "gms:");
                depth = 0;
                continue;
            }
            let Some((name, value)) = content.split_once(':').filter(|_| in_gms) else {
                continue;
            };
            let (name, value) = (scalar(name), value.trim());
            if depth == 0 {
                depth = indent;
            }
            if indent > depth {
                if key == "extra_headers" {
                    env.headers.insert(name, Value::String(scalar(value)));
                }
                continue;
            }
            key = name;
            match key.as_str() {
                "server" => server = scalar(value).parse().ok(),
                _ => env.take(&key, value),
            }
        }
        Some(Self {
            server: server?,
            token: env.token,
            headers: env.headers,
            ca_file: env.ca_file,
            timeout_secs: env.timeout_secs,
            unverified: env.unverified,
            not_obeyed: env.not_obeyed,
        })
    }
}

/// The values that were read before the server is known.
#[derive(Default)]
struct Draft {
    token: Option<SecretString>,
    headers: Map<String, Value>,
    ca_file: Option<String>,
    timeout_secs: Option<String>,
    unverified: bool,
    not_obeyed: Vec<String>,
}

impl Draft {
    /// Takes one key below `gms:`, but for the server.
    fn take(&mut self, key: &str, value: &str) {
        let text = scalar(value);
        if key == "extra_headers" {
            let inner = value
                .strip_prefix('{')
                .and_then(|rest| rest.split('}').next());
            let pairs = inner.into_iter().flat_map(|inner| inner.split(','));
            self.headers.extend(pairs.filter_map(|pair| {
                let (name, value) = pair.split_once(':')?;
                Some((scalar(name), Value::String(scalar(value))))
            }));
            return;
        }
        if matches!(text.as_str(), "" | "null" | "~") {
            // A list or a map follows, or nothing: for these keys nothing here could obey it.
            if matches!(key, "retry_status_codes" | "retry_methods") {
                self.not_obeyed.push(key.to_owned());
            }
            return;
        }
        match key {
            "token" => self.token = Some(SecretString::from(text)),
            "ca_certificate_path" => self.ca_file = Some(text),
            "timeout_sec" if text.parse::<u64>().is_ok() => self.timeout_secs = Some(text),
            "disable_ssl_verification" => {
                self.unverified = matches!(
                    text.to_ascii_lowercase().as_str(),
                    "true" | "yes" | "on" | "1" | "y"
                );
            }
            other => self.not_obeyed.push(other.to_owned()),
        }
    }
}

/// A plain or quoted YAML scalar, without a trailing comment.
fn scalar(text: &str) -> String {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or_default().to_owned();
        }
    }
    text.split(" #")
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn reads_what_datahub_init_writes() {
        let text = "# comment\ngms:\n  server: http://localhost:8080\n  token: \"a: b#c\"\n";
        let env = DatahubEnv::parse(text).unwrap();
        assert_eq!(env.server.as_str(), "http://localhost:8080/");
        assert_eq!(env.token.unwrap().expose_secret(), "a: b#c");
        let env = DatahubEnv::parse("gms:\n    server: 'https://x/gms' # here\n    token: null\n");
        let env = env.unwrap();
        assert_eq!(env.server.as_str(), "https://x/gms");
        assert!(env.token.is_none());
        assert!(DatahubEnv::parse("other:\n  server: http://x\n").is_none());
        assert!(DatahubEnv::parse("").is_none());
    }

    #[test]
    fn every_key_is_obeyed_or_named() {
        let text = "gms: # the company's\n  server: https://x\n  extra_headers:\n    CF-Access-Client-Id: two\n    \
                    \"X-Second\": 'a: b'\n  ca_certificate_path: /etc/ca.pem\n  timeout_sec: 20\n  \
                    disable_ssl_verification: True\n  client_certificate_path: /c.pem\n  \
                    retry_max_times: 3\n  openapi_ingestion: null\n  token: t\n";
        let env = DatahubEnv::parse(text).unwrap();
        assert_eq!(
            Value::Object(env.headers),
            serde_json::json!({"CF-Access-Client-Id": "two", "X-Second": "a: b"})
        );
        assert_eq!(env.ca_file.as_deref(), Some("/etc/ca.pem"));
        assert_eq!(env.timeout_secs.as_deref(), Some("20"));
        assert!(env.unverified && env.token.is_some());
        assert_eq!(
            env.not_obeyed,
            ["client_certificate_path", "retry_max_times"]
        );
        let text = "gms:\n  extra_headers: {A: one, \"B\": 'two'}\n  server: http://x\n  timeout_sec: 1.5\n";
        let env = DatahubEnv::parse(text).unwrap();
        assert_eq!(
            Value::Object(env.headers),
            serde_json::json!({"A": "one", "B": "two"})
        );
        assert_eq!(env.not_obeyed, ["timeout_sec"]);
        assert!(!env.unverified);
    }
}
