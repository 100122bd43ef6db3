//! The MCP server: an implementation of rmcp's handler, written by hand so that nothing is rebuilt
//! for each request.

mod skill_methods;

use std::sync::Arc;

use datahub::Caller;
use foundation::answer_by::AnswerBy;
use rmcp::{
    ErrorData, Peer, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams,
        CompleteResult, ContentBlock, CustomRequest, CustomResult, GetPromptRequestParams,
        GetPromptResponse, GetPromptResult, GetSkillRequestParams, GetSkillResult,
        ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListSkillsResult,
        ListToolsResult, PaginatedRequestParams, ProgressToken, ReadResourceRequestParams,
        ReadResourceResponse, ServerConfig, ServerResult,
    },
    service::RequestContext,
};
use serde_json::{Value, json};
use telemetry::metrics;

use super::{
    access::Access,
    budget,
    context::ToolContext,
    error::ToolError,
    info,
    negotiation::progress_token,
    outcome, panics, params, prompts,
    registry::{Entry, Registry, SetupError},
    resources,
    settings::Settings,
    skills,
    tools::near_urns,
    untrusted,
    views::Views,
    written::{self, Part, Written},
};

/// The time for which a client may keep a list: settings and scopes change that seldom.
const LIST_TTL_MS: u64 = 300_000;

/// The MCP server. Cheap to clone; one clone serves one request.
#[derive(Clone)]
pub struct McpServer {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Arc<Settings>,
    registry: Registry,
    views: Arc<Views>,
    info: ServerConfig,
    /// Set for stdio, where one caller makes all requests.
    resident: Option<Caller>,
}

impl McpServer {
    /// Creates a server with the tools that `settings` enable.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        Self::with_caller(settings, None)
    }

    /// The same, with a `resident` caller who makes all requests, as on stdio.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub(super) fn with_caller(
        settings: Settings,
        resident: Option<Caller>,
    ) -> Result<Self, SetupError> {
        let registry = Registry::new(&settings)?;
        let inner = Inner {
            settings: Arc::new(settings),
            registry,
            views: Arc::new(Views::new()),
            info: info::info(),
            resident,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The caller that the bearer middleware put into the HTTP request.
    pub(super) fn caller(&self, context: &RequestContext<RoleServer>) -> Result<Caller, ToolError> {
        if let Some(resident) = &self.inner.resident {
            return Ok(resident.clone());
        }
        context
            .extensions
            .get::<http::request::Parts>()
            .and_then(|parts| parts.extensions.get::<Caller>())
            .cloned()
            .ok_or(ToolError::NoCaller)
    }

    /// The context of one tool call in this request.
    pub(super) fn tool_context(
        &self,
        caller: Caller,
        progress: Option<(Peer<RoleServer>, ProgressToken)>,
    ) -> ToolContext {
        let (settings, views) = (
            Arc::clone(&self.inner.settings),
            Arc::clone(&self.inner.views),
        );
        ToolContext::new(caller, settings, views).reporting_to(progress)
    }

    /// What `caller` may use.
    fn access<'a>(&'a self, caller: &'a Caller) -> Access<'a> {
        Access::new(&self.inner.registry, &self.inner.settings.scopes, caller)
    }

    /// The context of a request that gives out what the tool `name` does, by another method. What is
    /// asked of the tool is asked of it, too.
    fn context_like(
        &self,
        name: &str,
        context: &RequestContext<RoleServer>,
    ) -> Result<ToolContext, ToolError> {
        let caller = self.caller(context)?;
        self.access(&caller).check(&[name])?;
        Ok(self.tool_context(caller, None))
    }

    async fn run(
        &self,
        entry: &Entry,
        params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
        progress: Option<ProgressToken>,
    ) -> Result<Value, ToolError> {
        let definition = &entry.definition;
        let caller = self.caller(&context)?;
        let access = self.access(&caller);
        access.check(&[definition.name])?;
        // What is near is what a search would find.
        let searches = access.admits(&[near_urns::FOUND_BY]);
        let cancelled = context.ct.clone();
        // What answers with one message is ended with a status.
        let end = progress.as_ref().and_then(|_| answer_by(&context));
        let context = self.tool_context(caller, progress.map(|token| (context.peer, token)));
        let arguments = params.arguments.unwrap_or_default();
        // Dropping the tool's future cancels its calls to DataHub.
        let call = async {
            match entry.tool.call(&context, definition, arguments).await {
                Err(error) if searches => Err(near_urns::explained(&context, error).await),
                result => result,
            }
        };
        let mut value = tokio::select! {
            result = call => result?,
            () = cancelled.cancelled() => return Err(ToolError::Cancelled),
            () = passed(end) => return Err(ToolError::TookTooLong),
        };
        finish(&mut value, &context);
        Ok(value)
    }

    /// Calls the tool that the request names.
    async fn call(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let registry = &self.inner.registry;
        let Some(entry) = registry.find(&request.name) else {
            metrics::tool_call("unknown", "error");
            outcome::invalid(&context, "unknown_tool");
            let caller = self.caller(&context).map_err(internal)?;
            let message = self.access(&caller).unknown(&request.name);
            return Err(ErrorData::invalid_params(message, None));
        };
        let tool = entry.definition.name;
        let progress = progress_token(&context);
        // With events before it, the answer is a stream.
        let written = match progress {
            Some(_) => None,
            None => Written::of(&context),
        };
        let notes = outcome::notes(&context);
        let result = panics::catch(tool, self.run(entry, request, context, progress)).await;
        metrics::tool_call(tool, outcome::note(&notes, &result));
        let result = match result {
            Ok(value) => written::result(value, written.as_ref()),
            Err(error) => {
                tracing::debug!(tool, %error, "tool call failed");
                // Errors name what is near, as others wrote it.
                let error = error.to_string();
                let text = untrusted::prepared(&error);
                CallToolResult::error(vec![ContentBlock::text(text.into_owned())])
            }
        };
        Ok(CallToolResponse::from(result))
    }

    /// Reads the resource that the request names.
    async fn read(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let (cancelled, notes) = (context.ct.clone(), outcome::notes(&context));
        let read = async {
            if skills::is_one(&request.uri) {
                return self.read_skill(&request.uri, &context).await;
            }
            let context = self.context_like(resources::READ_BY, &context)?;
            resources::read(&context, &request.uri).await
        };
        let result = tokio::select! {
            result = panics::catch("resources/read", read) => result,
            () = cancelled.cancelled() => Err(ToolError::Cancelled),
        };
        outcome::note(&notes, &result);
        // The error names the URI, for clients that read several resources at once.
        let asked = || Some(json!({"uri": request.uri}));
        result
            .map(ReadResourceResponse::from)
            .map_err(|error| match error {
                ToolError::NotFound(why) => ErrorData::resource_not_found(why, asked()),
                ToolError::Arguments(why) => ErrorData::invalid_params(why, asked()),
                other => internal(other),
            })
    }

    /// Completes the argument that the request names.
    async fn completions(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        if request.argument.name != "urn" {
            return Ok(CompleteResult::default());
        }
        let notes = outcome::notes(&context);
        let complete = async {
            let context = self.context_like(resources::COMPLETED_BY, &context)?;
            Ok(resources::complete(&context, &request.argument.value).await)
        };
        let result = panics::catch("completion/complete", complete).await;
        outcome::note(&notes, &result);
        result.map_err(internal)
    }

    /// Fills the prompt that the request names.
    fn prompt(
        &self,
        request: &GetPromptRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<GetPromptResult, ToolError> {
        let caller = self.caller(context)?;
        let access = self.access(&caller);
        if let Some(tools) = prompts::tools_of(&request.name) {
            access.check(tools)?;
        }
        let arguments = request.arguments.as_ref();
        prompts::get(&request.name, arguments, |tools| access.admits(tools))
            .map_err(ToolError::Arguments)
    }
}

/// The protocol's error for a prompt or a skill that is not given.
fn not_given(context: &RequestContext<RoleServer>, error: ToolError) -> ErrorData {
    match error {
        // One whose tool is switched off is not there.
        ToolError::Arguments(why) | ToolError::NotFound(why) => {
            outcome::invalid(context, "arguments");
            ErrorData::invalid_params(why, None)
        }
        other => {
            outcome::note::<()>(&outcome::notes(context), &Err(other.clone()));
            internal(other)
        }
    }
}

/// The end of the time for the answer to this request.
fn answer_by(context: &RequestContext<RoleServer>) -> Option<AnswerBy> {
    let parts = context.extensions.get::<http::request::Parts>()?;
    parts.extensions.get().copied()
}

/// Waits for this end; for ever if there is none.
async fn passed(end: Option<AnswerBy>) {
    match end {
        Some(AnswerBy(end)) => tokio::time::sleep_until(end.into()).await,
        None => std::future::pending().await,
    }
}

/// The protocol's error for a request that is not wrong itself.
fn internal(error: impl std::fmt::Display) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}

/// Adds the warnings, prepares what people wrote, and cuts the answer to its budget.
fn finish(value: &mut Value, context: &ToolContext) {
    let warnings = context.take_warnings();
    if let (Value::Object(map), false) = (&mut *value, warnings.is_empty()) {
        map.insert("warnings".to_owned(), Value::from(warnings));
    }
    untrusted::prepare(value);
    budget::force(value, context.settings.response_tokens);
}

impl ServerHandler for McpServer {
    fn get_info(&self) -> ServerConfig {
        self.inner.info.clone()
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let (registry, caller) = (&self.inner.registry, self.caller(&context));
        let caller = caller.map_err(internal)?;
        let access = self.access(&caller);
        let list = match Written::of(&context) {
            Some(written) => {
                written.give(Part::Tools(registry.written(|entry| access.has(entry))));
                ListToolsResult::default()
            }
            None => registry.list(|entry| access.has(entry)),
        };
        Ok(list
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Private))
    }

    // The library moves the future of a request about several times: those of work are boxed.

    fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<CallToolResponse, ErrorData>> + Send + '_ {
        Box::pin(self.call(request, context))
    }

    fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ReadResourceResponse, ErrorData>> + Send + '_ {
        Box::pin(self.read(request, context))
    }

    fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<CompleteResult, ErrorData>> + Send + '_ {
        Box::pin(self.completions(request, context))
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        // Every entity of the catalog is a resource: they are found by search or completion.
        Ok(ListResourcesResult::default()
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Private))
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let caller = self.caller(&context).map_err(internal)?;
        let templates = match self.access(&caller).admits(&[resources::READ_BY]) {
            true => resources::templates(),
            false => Vec::new(),
        };
        Ok(ListResourceTemplatesResult::with_all_items(templates)
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Private))
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let caller = self.caller(&context).map_err(internal)?;
        let access = self.access(&caller);
        let prompts = prompts::list(|tools| access.admits(tools));
        Ok(ListPromptsResult::with_all_items(prompts)
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Private))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        self.prompt(&request, &context)
            .map(GetPromptResponse::from)
            .map_err(|error| not_given(&context, error))
    }

    fn list_skills(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ListSkillsResult, ErrorData>> + Send + '_ {
        Box::pin(self.skills(context))
    }

    fn get_skill(
        &self,
        request: GetSkillRequestParams,
        context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<GetSkillResult, ErrorData>> + Send + '_ {
        Box::pin(self.skill(request.uri, context))
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        outcome::invalid(&context, "method_or_parameters");
        let stateless = params::is_stateless(&request, &context);
        if let Some(call) = params::call_without_arguments(&request) {
            let mut answer = ServerResult::from(self.call_tool(call, context).await?);
            if !stateless {
                answer.strip_result_type_for_legacy_peer();
            }
            let answer = serde_json::to_value(answer);
            return answer.map(CustomResult::new).map_err(|error| {
                ErrorData::internal_error(format!("the result cannot be written: {error}"), None)
            });
        }
        Err(params::refuse(&request, stateless))
    }
}
