//! The context of one tool call: DataHub as the caller sees it, the settings, the warnings so far,
//! and a way to report progress.

use std::sync::Arc;

use datahub::{Answer, Caller, DataHubError, Document, FieldError, HttpOutcome, Tree};
use parking_lot::Mutex;
use rmcp::{
    Peer, RoleServer,
    model::{ProgressNotificationParam, ProgressToken},
};
use serde_json::Value;

use super::{
    answer_shape,
    error::ToolError,
    filter::{self, Compiled},
    settings::Settings,
    views::Views,
};

/// The context of one tool call. Lives as long as the call.
pub(crate) struct ToolContext {
    pub(crate) caller: Caller,
    pub(crate) settings: Arc<Settings>,
    pub(crate) views: Arc<Views>,
    warnings: Mutex<Vec<FieldError>>,
    progress: Option<(Peer<RoleServer>, ProgressToken)>,
}

impl ToolContext {
    pub(crate) fn new(caller: Caller, settings: Arc<Settings>, views: Arc<Views>) -> Self {
        Self {
            caller,
            settings,
            views,
            warnings: Mutex::default(),
            progress: None,
        }
    }

    /// Sets the client to report progress to, and the token with which it asked for that.
    pub(crate) fn reporting_to(
        mut self,
        progress: Option<(Peer<RoleServer>, ProgressToken)>,
    ) -> Self {
        self.progress = progress;
        self
    }

    /// Asks DataHub as the caller. Failed fields become warnings of the call; a refused token
    /// decides the HTTP status of the request.
    pub(crate) async fn ask(
        &self,
        document: &Document,
        variables: Value,
    ) -> Result<Answer, DataHubError> {
        let data = self
            .ask_and(document, variables, &|data| data.to_map())
            .await?;
        let warnings = Vec::new();
        Ok(Answer { data, warnings })
    }

    /// The same with what `take` makes of the data, where little of it is kept.
    pub(crate) async fn ask_and<T>(
        &self,
        document: &Document,
        variables: Value,
        take: &(dyn Fn(&Tree<'_>) -> T + Sync),
    ) -> Result<T, DataHubError> {
        let answer = self.sent(document, variables, take).await?;
        let mut warnings = self.warnings.lock();
        for warning in answer.warnings {
            // The same field may be missing from several entities.
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        Ok(answer.data)
    }

    /// The answer, if it has the form of the document.
    async fn sent<T>(
        &self,
        document: &Document,
        variables: Value,
        take: &(dyn Fn(&Tree<'_>) -> T + Sync),
    ) -> Result<Answer<T>, DataHubError> {
        let checked = |data: Tree<'_>| {
            answer_shape::check(document, &data)?;
            Ok(take(&data))
        };
        let datahub = &self.caller.datahub;
        let result = datahub.execute_and(document, variables, &checked).await;
        let answer = self.noticing_refusal(result)?;
        Ok(Answer {
            data: answer.data?,
            warnings: answer.warnings,
        })
    }

    /// Compiles the filter of a call.
    ///
    /// # Errors
    /// The filter is wrong, or compares a field that this DataHub's index does not have.
    pub(crate) async fn filter(&self, text: Option<&str>) -> Result<Compiled, ToolError> {
        let compiled = filter::compile(text)?;
        let Some(field) = compiled.of_cloud() else {
            return Ok(compiled);
        };
        match self.caller.datahub.server().await {
            Some(server) if !server.cloud => Err(ToolError::Arguments(format!(
                "filter: only DataHub Cloud has `{field}` in its index; this open-source DataHub would \
                 select by it wrongly. Leave it out; get_entities and get_dataset_profile show health \
                 and size of what was found"
            ))),
            _ => Ok(compiled),
        }
    }

    /// Reads `path` of DataHub's REST API, which answers JSON.
    pub(crate) async fn get(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Value, DataHubError> {
        let result = self.caller.datahub.get(path, query).await;
        self.noticing_refusal(result)
    }

    fn noticing_refusal<T>(&self, result: Result<T, DataHubError>) -> Result<T, DataHubError> {
        if matches!(result, Err(DataHubError::TokenRefused)) {
            self.caller.decide(HttpOutcome::TokenRefused);
        }
        result
    }

    /// Asks and takes the top-level field `name`; [`Value::Null`] if the answer has none.
    pub(crate) async fn ask_for(
        &self,
        document: &Document,
        variables: Value,
        name: &str,
    ) -> Result<Value, ToolError> {
        Ok(self.ask(document, variables).await?.take(name))
    }

    /// The same for data that a write builds on. Any warning is an error here, because the write
    /// would delete the part that failed or was left out.
    pub(crate) async fn ask_for_whole(
        &self,
        document: &Document,
        variables: Value,
        name: &str,
    ) -> Result<Value, ToolError> {
        let mut answer = self
            .sent(document, variables, &|data| data.to_map())
            .await?;
        if answer.warnings.is_empty() {
            return Ok(answer.take(name));
        }
        let missing = answer.warnings.into_iter().map(in_words);
        Err(ToolError::Incomplete(
            missing.collect::<Vec<_>>().join("; "),
        ))
    }

    /// The urn of the caller's default view.
    pub(crate) async fn default_view(&self) -> Result<Option<String>, DataHubError> {
        self.views
            .default_of(&self.caller)
            .await
            .inspect_err(|error| {
                if *error == DataHubError::TokenRefused {
                    self.caller.decide(HttpOutcome::TokenRefused);
                }
            })
    }

    /// Adds a warning that tells the model what is missing from the answer.
    pub(crate) fn warn(&self, message: impl Into<String>) {
        self.warnings.lock().push(FieldError {
            path: String::new(),
            message: message.into(),
        });
    }

    /// Takes the warnings collected so far, in the form in which the answer lists them.
    pub(crate) fn take_warnings(&self) -> Vec<Value> {
        let warnings = std::mem::take(&mut *self.warnings.lock());
        warnings
            .into_iter()
            .map(in_words)
            .map(Value::from)
            .collect()
    }

    /// Reports the progress of a long call to the client, if it asked for that.
    pub(crate) async fn progress(&self, done: usize, total: Option<usize>, message: &str) {
        let Some((peer, token)) = &self.progress else {
            return;
        };
        let mut params = ProgressNotificationParam::new(token.clone(), done as f64);
        params.total = total.map(|total| total as f64);
        params.message = Some(message.to_owned());
        // A client that has disconnected needs no progress.
        let _ = peer.notify_progress(params).await;
    }
}

fn in_words(missing: FieldError) -> String {
    match missing.path.as_str() {
        "" => missing.message,
        path => format!("{path} is missing: {}", missing.message),
    }
}
