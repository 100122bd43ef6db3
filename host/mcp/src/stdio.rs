//! `datahub-mcp stdio`: the same tools for one person on the local machine, over stdin and stdout,
//! with that person's own DataHub token.
//!
//! Writes nothing but the protocol to stdout.

use std::sync::Arc;

use datahub::{Caller, DataHub};
use foundation::identity::Principal;
use rmcp::ServiceExt;
use secrecy::SecretString;

use super::{McpServer, Settings, SetupError};

/// The reason why the session ended other than by the client closing it.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The tools' settings are wrong.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The client did not open the session as MCP requires.
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
    let principal = Principal::local(token.clone());
    // There is no sign-in that grants scopes here: the person holds the DataHub token itself.
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
