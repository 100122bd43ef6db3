//! `datahub-mcp stdio`: the same tools for one person on the local machine, over stdin and stdout,
//! with that person's own DataHub token.
//!
//! Writes nothing but the protocol to stdout.

use std::{path::Path, sync::Arc};

use rmcp::ServiceExt;
use secrecy::SecretString;
use url::Url;

use super::{McpServer, Settings, SetupError};
use crate::{
    auth::{Caller, Principal},
    datahub::DataHub,
};

/// Why the conversation ended other than by the client going away.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The tools' settings are wrong.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The client did not open the conversation as MCP wants it.
    #[error("the client on stdin did not start an MCP conversation: {0}")]
    Handshake(String),
    /// The server's task failed.
    #[error("the server ended unexpectedly: {0}")]
    Task(String),
}

/// Serves one person until stdin ends.
///
/// # Errors
/// See [`StdioError`].
pub async fn serve(
    settings: Settings,
    datahub: &DataHub,
    token: SecretString,
) -> Result<(), StdioError> {
    let principal = Principal {
        subject: "local".to_owned(),
        scopes: Vec::new(),
        expires_at: None,
        validator: "stdio".to_owned(),
        datahub_token: token.clone(),
        token_digest: None,
    };
    // There is no sign-in with scopes here: the person holds the DataHub token itself.
    let settings = Settings {
        scopes: super::ToolScopes::default(),
        ..settings
    };
    let caller = Caller::new(Arc::new(principal), datahub.client(token));
    let server = McpServer::with_caller(settings, Some(caller))?;
    let running = server
        .serve(rmcp::transport::stdio())
        .await
        .map_err(|error| StdioError::Handshake(error.to_string()))?;
    running
        .waiting()
        .await
        .map_err(|error| StdioError::Task(error.to_string()))?;
    Ok(())
}

/// What `~/.datahubenv` says, the file that DataHub's own command line writes.
#[derive(Debug)]
pub struct DatahubEnv {
    /// The metadata service.
    pub server: Url,
    /// The person's token, if there is one.
    pub token: Option<SecretString>,
}

/// Why `~/.datahubenv` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatahubEnvError {
    /// It cannot be read.
    #[error("{path} cannot be read: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It names no server.
    #[error("{path} names no server; run `datahub init`, or set DATAHUB_GMS_URL")]
    NoServer {
        /// The file.
        path: String,
    },
}

impl DatahubEnv {
    /// Reads the file.
    ///
    /// # Errors
    /// See [`DatahubEnvError`].
    pub fn load(path: &Path) -> Result<Self, DatahubEnvError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| DatahubEnvError::Io {
            path: shown.clone(),
            source,
        })?;
        Self::parse(&text).ok_or(DatahubEnvError::NoServer { path: shown })
    }

    /// Reads `gms: {server, token}`. The file is YAML, but `datahub init` writes nothing more than
    /// two levels of plain keys, so nothing more is understood.
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

/// A plain or quoted YAML scalar, without a comment behind it.
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
