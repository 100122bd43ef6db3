//! `datahub-mcp stdio`: the same tools for one person on the local machine, over stdin and stdout,
//! with that person's own DataHub token.
//!
//! Writes nothing but the protocol to stdout.

use std::{borrow::Cow, sync::Arc};

use datahub::{Caller, DataHub};
use foundation::identity::Principal;
use rmcp::{
    ErrorData, RoleServer, Service, ServiceExt,
    model::{ClientNotification, ClientRequest, ProtocolVersion, ServerConfig, ServerResult},
    service::{NotificationContext, RequestContext},
};
use secrecy::SecretString;

use super::{McpServer, Settings, SetupError, not_offered};

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

/// The server, which says of methods that it does not offer what to do instead.
struct InWords(McpServer);

impl Service<RoleServer> for InWords {
    async fn handle_request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        let result = self.0.handle_request(request, context).await;
        result.map_err(not_offered::in_words)
    }

    async fn handle_notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.0.handle_notification(notification, context).await
    }

    fn get_info(&self) -> ServerConfig {
        Service::get_info(&self.0)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Service::supported_protocol_versions(&self.0)
    }
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
    let running = InWords(server)
        .serve(rmcp::transport::stdio())
        .await
        .map_err(|error| StdioError::Handshake(error.to_string()))?;
    running
        .waiting()
        .await
        .map_err(|error| StdioError::Task(error.to_string()))?;
    Ok(())
}
