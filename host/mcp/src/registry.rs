//! The registry of the tools that the settings enable. Built once; a tool that is switched off is
//! not in it and so cannot be called.

use std::collections::HashMap;

use bytes::Bytes;
use foundation::suggest;
use rmcp::model::{ListToolsResult, Tool};

use super::{
    settings::Settings,
    tool::{AnyTool, Definition},
    tools,
};

/// The reason why no server could be created: a setting names a tool that does not exist.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// `TOOL_SCOPES` does.
    #[error(
        "TOOL_SCOPES names `{name}`, which is not a tool{hint}; use a tool's name, read or write"
    )]
    ScopesOfNoTool {
        /// The unknown name.
        name: String,
        /// A question that suggests a similar name, or nothing.
        hint: String,
    },
    /// `TOOLS` does.
    #[error("TOOLS names `{name}`, which is not a tool{hint}; use names such as search,get_*")]
    NoTool {
        /// The unknown name.
        name: String,
        /// A question that suggests a similar name, or nothing.
        hint: String,
    },
}

/// Returns whether these settings offer a tool that writes.
pub fn offers_writes(settings: &Settings) -> bool {
    tools::all(settings).iter().any(|tool| {
        let definition = tool.definition();
        definition.effect.writes() && definition.is_offered(settings)
    })
}

pub(crate) struct Registry {
    tools: Vec<Entry>,
    by_name: HashMap<&'static str, usize>,
    /// The names of the tools that are switched off, for the error text.
    off: Vec<&'static str>,
    /// All tools that are switched on, as a JSON list.
    written: Bytes,
}

pub(crate) struct Entry {
    pub(crate) definition: Definition,
    pub(crate) tool: Box<dyn AnyTool>,
    /// The tool as `tools/list` shows it, and the same as JSON.
    listed: Tool,
    written: String,
}

impl Registry {
    /// # Errors
    /// A setting names a tool that does not exist.
    pub(crate) fn new(settings: &Settings) -> Result<Self, SetupError> {
        let mut tools = Vec::new();
        let mut off = Vec::new();
        for tool in tools::all(settings) {
            let definition = tool.definition();
            if definition.is_offered(settings) {
                let listed = definition.to_mcp();
                let written = serde_json::to_string(&listed);
                tools.push(Entry {
                    definition,
                    tool,
                    listed,
                    written: written.expect("definitions of tools are JSON"),
                });
            } else {
                off.push(definition.name);
            }
        }
        let by_name = tools
            .iter()
            .enumerate()
            .map(|(i, e)| (e.definition.name, i))
            .collect();
        let written = joined(tools.iter());
        let registry = Self {
            tools,
            by_name,
            off,
            written,
        };
        registry.knows_all_of(settings)?;
        Ok(registry)
    }

    /// Refuses settings that name a tool which does not exist: whoever wrote it means another.
    fn knows_all_of(&self, settings: &Settings) -> Result<(), SetupError> {
        let hint = |name: &str| {
            let near = suggest::names(name, self.names(), 1);
            near.first()
                .map_or(String::new(), |near| format!(" (is it `{near}`?)"))
        };
        let kinds = ["read", "write"];
        let mut scoped = settings.scopes.names();
        if let Some(name) =
            scoped.find(|name| !kinds.contains(name) && !self.names().any(|known| known == *name))
        {
            let (name, hint) = (name.to_owned(), hint(name));
            return Err(SetupError::ScopesOfNoTool { name, hint });
        }
        if let Some(name) = settings.tools.of_no_tool(self.names()) {
            let (name, hint) = (name.to_owned(), hint(name));
            return Err(SetupError::NoTool { name, hint });
        }
        Ok(())
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name).map(|index| &self.tools[*index])
    }

    /// The names of all tools, switched on or off.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.tools
            .iter()
            .map(|entry| entry.definition.name)
            .chain(self.off.iter().copied())
    }

    /// The answer of `tools/list` for somebody who may use what `admits` admits.
    pub(crate) fn list(&self, admits: impl Fn(&Entry) -> bool) -> ListToolsResult {
        let tools = self.tools.iter().filter(|entry| admits(entry));
        ListToolsResult::with_all_items(tools.map(|entry| entry.listed.clone()).collect())
    }

    /// The tools of that answer, as JSON.
    pub(crate) fn written(&self, admits: impl Fn(&Entry) -> bool) -> Bytes {
        match self.tools.iter().all(&admits) {
            true => self.written.clone(),
            false => joined(self.tools.iter().filter(|entry| admits(entry))),
        }
    }

    /// The error text for `name`, which cannot be called, for somebody who may use what `admits`
    /// admits; begins with the words of the MCP specification.
    pub(crate) fn unknown(&self, name: &str, admits: impl Fn(&Entry) -> bool) -> String {
        if self.off.contains(&name) {
            return format!("Unknown tool: {name} (it is switched off on this server)");
        }
        let known = self.tools.iter().filter(|entry| admits(entry));
        let known: Vec<&str> = known.map(|entry| entry.definition.name).collect();
        let shown: String = name.chars().take(60).collect();
        match suggest::names(name, known.iter().copied(), 3).as_slice() {
            [] if known.is_empty() => format!("Unknown tool: {shown}; this token may use none"),
            [] => format!("Unknown tool: {shown}; tools: {}", known.join(", ")),
            near => format!("Unknown tool: {shown}; did you mean {}?", near.join(" or ")),
        }
    }
}

/// The entries as a JSON list.
fn joined<'a>(entries: impl Iterator<Item = &'a Entry>) -> Bytes {
    let entries: Vec<&str> = entries.map(|entry| entry.written.as_str()).collect();
    Bytes::from(format!("[{}]", entries.join(",")))
}
