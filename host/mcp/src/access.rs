//! What the caller of one request may use, by the scopes of its token.
//!
//! One answer for a tool, for every other method that gives out what the tool gives out, and for the
//! lists that name it: what is refused is not listed either.

use datahub::{Caller, HttpOutcome};

use super::{
    error::ToolError,
    registry::{Entry, Registry},
    scopes::ToolScopes,
};

/// The view that one caller has of the tools.
pub(crate) struct Access<'a> {
    registry: &'a Registry,
    scopes: &'a ToolScopes,
    caller: &'a Caller,
}

impl<'a> Access<'a> {
    pub(crate) fn new(registry: &'a Registry, scopes: &'a ToolScopes, caller: &'a Caller) -> Self {
        Self {
            registry,
            scopes,
            caller,
        }
    }

    /// Returns whether the token has all scopes that the tool needs.
    pub(crate) fn has(&self, entry: &Entry) -> bool {
        let given = self.caller.principal.scopes();
        let mut needed = self.needed(entry).iter();
        needed.all(|scope| given.contains(scope))
    }

    /// Returns whether each of `tools` is switched on and the token has its scopes.
    pub(crate) fn admits(&self, tools: &[&str]) -> bool {
        let mut entries = tools.iter().map(|name| self.registry.find(name));
        entries.all(|entry| entry.is_some_and(|entry| self.has(entry)))
    }

    /// Refuses a token without all scopes that `tools` need, and decides the request's status.
    pub(crate) fn check(&self, tools: &[&str]) -> Result<(), ToolError> {
        let mut all: Vec<String> = Vec::new();
        let mut has_all = true;
        for name in tools {
            let entry = self.registry.find(name);
            let entry = entry.ok_or_else(|| ToolError::NotFound(self.unknown(name)))?;
            has_all &= self.has(entry);
            for scope in self.needed(entry) {
                if !all.contains(scope) {
                    all.push(scope.clone());
                }
            }
        }
        if has_all {
            return Ok(());
        }
        self.caller
            .decide(HttpOutcome::InsufficientScope(all.clone()));
        Err(ToolError::Scopes(all))
    }

    /// The error text for a tool that cannot be called; names only what this caller may call.
    pub(crate) fn unknown(&self, name: &str) -> String {
        self.registry.unknown(name, |entry| self.has(entry))
    }

    fn needed(&self, entry: &Entry) -> &'a [String] {
        let definition = &entry.definition;
        self.scopes
            .needed(definition.name, definition.effect.writes())
    }
}
