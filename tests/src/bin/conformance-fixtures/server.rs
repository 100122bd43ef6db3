//! The handler, which passes each request to the module for its kind.

use std::sync::Arc;

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities,
        CompleteRequestParams, CompleteResult, CompletionInfo, ContentBlock,
        GetPromptRequestParams, GetPromptResponse, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
        ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use serde_json::json;

use crate::{
    input::{self, Outcome, Retry, Seal},
    prompts, resources, tools,
};

/// Serves the fixtures. One clone serves one request.
#[derive(Clone)]
pub(crate) struct Fixtures {
    seal: Arc<Seal>,
}

impl Fixtures {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let seal = Arc::new(Seal::new()?);
        Ok(Self { seal })
    }
}

/// Works in three steps and reports progress to a client that asked for it.
async fn report_progress(context: &RequestContext<RoleServer>) -> CallToolResult {
    if let Some(token) = context.meta.get_progress_token() {
        for step in [0.0, 50.0, 100.0] {
            let mut params = ProgressNotificationParam::new(token.clone(), step);
            params.total = Some(100.0);
            // A client that has disconnected needs no progress.
            let _ = context.peer.notify_progress(params).await;
        }
    }
    CallToolResult::success(vec![ContentBlock::text("Done in three steps.")])
}

/// Sends a log message, but only to a client that set a level.
#[expect(
    deprecated,
    reason = "the suite looks for log messages that nobody asked for"
)]
async fn log_if_asked(context: &RequestContext<RoleServer>) -> CallToolResult {
    if let Some(level) = context.meta.log_level() {
        let message = rmcp::model::LoggingMessageNotificationParam::new(level, json!("working"));
        // A client that has disconnected needs no log.
        let _ = context.peer.notify_logging_message(message).await;
    }
    CallToolResult::success(vec![ContentBlock::text("Logged if it was asked for.")])
}

/// Works only with a client that can answer a request for sampling.
fn needs_sampling(client: &ClientCapabilities) -> Result<CallToolResponse, ErrorData> {
    if client.sampling.is_some() {
        let text = ContentBlock::text("This client can sample.");
        return Ok(CallToolResult::success(vec![text]).into());
    }
    let needed = serde_json::from_value(json!({"sampling": {}}))
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    Err(ErrorData::missing_required_client_capability(needed))
}

impl ServerHandler for Fixtures {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_prompts()
            .enable_completions()
            .build();
        ServerConfig::new(capabilities)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::list()).with_cache_scope(CacheScope::Public))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::list().into_iter().find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        if let Some(shown) = tools::show(&request.name, &arguments) {
            return Ok(shown.into());
        }
        let client = context.client_capabilities().unwrap_or_default();
        let retry = Retry {
            responses: request.input_responses.as_ref(),
            state: request.request_state.as_deref(),
        };
        match &*request.name {
            "test_tool_with_progress" => return Ok(report_progress(&context).await.into()),
            "test_logging_tool" => return Ok(log_if_asked(&context).await.into()),
            "test_missing_capability" => return needs_sampling(&client),
            "test_streaming_elicitation" => {
                let question = json!({"text": input::form("Which words?", "text", "string")});
                return Ok(input::ask(&question, None)?.into());
            }
            _ => {}
        }
        match input::call(&request.name, &self.seal, &retry, &client) {
            Some(Ok(Outcome::Done(text))) => {
                Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
            }
            Some(Ok(Outcome::Needs(input))) => Ok(input.into()),
            Some(Err(error)) => Err(error),
            None => Err(ErrorData::invalid_params("there is no such tool", None)),
        }
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(resources::list())
            .with_cache_scope(CacheScope::Public))
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(
            ListResourceTemplatesResult::with_all_items(resources::templates())
                .with_cache_scope(CacheScope::Public),
        )
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        resources::read(&request.uri).map(ReadResourceResponse::from)
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(prompts::list()).with_cache_scope(CacheScope::Public))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let retry = Retry {
            responses: request.input_responses.as_ref(),
            state: request.request_state.as_deref(),
        };
        prompts::get(&request.name, request.arguments.as_ref(), &retry)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let words = ["testing", "tested", "other"]
            .into_iter()
            .map(str::to_owned);
        let found = words
            .filter(|word| word.starts_with(&request.argument.value))
            .collect();
        CompletionInfo::with_all_values(found)
            .map(CompleteResult::new)
            .map_err(|error| ErrorData::internal_error(error, None))
    }
}
