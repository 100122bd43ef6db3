//! The form of a tool: a definition that the model reads, and one function.

use futures::future::BoxFuture;
use rmcp::model::{JsonObject, ToolAnnotations};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{
    args::{self, Param},
    context::ToolContext,
    error::ToolError,
    settings::Settings,
};

/// The effect of a tool on DataHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Changes nothing.
    Reads,
    /// Adds something, without overwriting or removing anything.
    Adds {
        /// True if the same call, repeated, changes nothing more.
        idempotent: bool,
    },
    /// Overwrites or removes something.
    Destroys,
}

impl Effect {
    pub(crate) fn writes(self) -> bool {
        self != Self::Reads
    }

    fn annotations(self) -> ToolAnnotations {
        let annotations = ToolAnnotations::new().open_world(false);
        match self {
            // The other two mean something for tools that write only.
            Self::Reads => annotations.read_only(true),
            Self::Adds { idempotent } => annotations
                .read_only(false)
                .destructive(false)
                .idempotent(idempotent),
            Self::Destroys => annotations
                .read_only(false)
                .destructive(true)
                .idempotent(true),
        }
    }
}

/// The definition of a tool, as a model reads it.
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    pub(crate) params: Vec<Param>,
    /// The properties of the answer, each a JSON Schema.
    pub(crate) output: Value,
    pub(crate) effect: Effect,
    /// Returns true if these settings enable the tool.
    pub(crate) enabled: fn(&Settings) -> bool,
}

impl Definition {
    /// Returns whether these settings offer the tool to clients.
    pub(crate) fn is_offered(&self, settings: &Settings) -> bool {
        (self.enabled)(settings) && settings.tools.contains(self.name)
    }

    pub(crate) fn to_mcp(&self) -> rmcp::model::Tool {
        let mut output = Map::new();
        output.insert("type".to_owned(), Value::from("object"));
        output.insert("properties".to_owned(), self.listed_output());
        rmcp::model::Tool::new(self.name, self.description, args::schema(&self.params))
            .with_title(self.title)
            .with_raw_output_schema(output.into())
            .with_annotations(self.effect.annotations())
    }

    /// The members of the answer by which a model goes on, with their types: what they hold it sees in the
    /// answer, and every model reads the list of tools before it has asked anything.
    fn listed_output(&self) -> Value {
        let members = self.output.as_object().into_iter().flatten();
        let listed = members.filter(|(name, _)| *name != "success");
        Value::Object(
            listed
                .map(|(name, schema)| (name.clone(), json!({"type": schema["type"]})))
                .collect(),
        )
    }
}

/// A tool. `call` gets arguments that match the parameters and answers with a JSON object.
pub(crate) trait Tool: Send + Sync + 'static {
    type Args: DeserializeOwned + Send;

    fn definition(&self) -> Definition;

    fn call(
        &self,
        context: &ToolContext,
        args: Self::Args,
    ) -> impl Future<Output = Result<Value, ToolError>> + Send;
}

/// A tool with its type of arguments erased, as the registry holds it.
pub(crate) trait AnyTool: Send + Sync {
    fn definition(&self) -> Definition;

    fn call<'a>(
        &'a self,
        context: &'a ToolContext,
        definition: &'a Definition,
        arguments: JsonObject,
    ) -> BoxFuture<'a, Result<Value, ToolError>>;
}

impl<T: Tool> AnyTool for T {
    fn definition(&self) -> Definition {
        Tool::definition(self)
    }

    fn call<'a>(
        &'a self,
        context: &'a ToolContext,
        definition: &'a Definition,
        arguments: JsonObject,
    ) -> BoxFuture<'a, Result<Value, ToolError>> {
        Box::pin(async move {
            let args = args::read(definition.name, &definition.params, arguments)
                .map_err(ToolError::Arguments)?;
            Tool::call(self, context, args).await
        })
    }
}
