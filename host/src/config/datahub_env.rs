//! `~/.datahubenv`, the file that DataHub's own command line writes: the source of the server and
//! the person's token for `stdio` when no setting names them.

use std::path::Path;

use secrecy::SecretString;
use url::Url;

/// The content of `~/.datahubenv`, the file that DataHub's own command line writes.
#[derive(Debug)]
pub(super) struct DatahubEnv {
    /// The metadata service.
    pub(super) server: Url,
    /// The person's token, if there is one.
    pub(super) token: Option<SecretString>,
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

    /// Reads `gms: {server, token}`. The file is YAML, but `datahub init` writes only two levels of
    /// plain keys, so nothing else is parsed.
    fn parse(text: &str) -> Option<Self> {
        let mut in_gms = false;
        let (mut server, mut token) = (None, None);
        for line in text.lines() {
            let content = line.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            if !line.starts_with([' ', '\t']) {
                in_gms = content == "gms:";
                continue;
            }
            let Some((key, value)) = content.split_once(':').filter(|_| in_gms) else {
                continue;
            };
            let value = scalar(value);
            match key.trim() {
                "server" => server = value.parse().ok(),
                "token" if !value.is_empty() && value != "null" => {
                    token = Some(SecretString::from(value));
                }
                _ => {}
            }
        }
        Some(Self {
            server: server?,
            token,
        })
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
}
