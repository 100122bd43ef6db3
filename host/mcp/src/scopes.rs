//! The scopes that a token needs for each tool.

use indexmap::IndexMap;

/// The scopes that tools need, by tool name, or by `read` or `write` for all tools of that kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolScopes(IndexMap<String, Vec<String>>);

/// An error in `TOOL_SCOPES`.
#[derive(Debug, thiserror::Error)]
pub enum ScopesError {
    /// A part that is not of the form `name=scope ...`.
    #[error(
        "`{0}` is not of the form tool=scope; write TOOL_SCOPES=write=datahub:write,search=a b"
    )]
    Form(String),
    /// A name that is given twice.
    #[error("`{0}` is given twice; list its scopes once, separated by spaces")]
    Twice(String),
}

impl ToolScopes {
    /// Parses `name=scope scope,name=scope`; a name is that of a tool, or `read` or `write`.
    ///
    /// # Errors
    /// A part of another form, or a name given twice. Whether the names exist is checked by
    /// [`McpServer::new`](super::McpServer::new).
    pub fn parse(text: &str) -> Result<Self, ScopesError> {
        let mut scopes = IndexMap::new();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let form = || ScopesError::Form(part.to_owned());
            let (name, list) = part.split_once('=').ok_or_else(form)?;
            let list: Vec<String> = list.split_whitespace().map(str::to_owned).collect();
            if name.trim().is_empty() || list.is_empty() {
                return Err(form());
            }
            if scopes.insert(name.trim().to_owned(), list).is_some() {
                return Err(ScopesError::Twice(name.trim().to_owned()));
            }
        }
        Ok(Self(scopes))
    }

    /// The names for which scopes are configured.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// All scopes that `tool` needs; a tool's own entry takes precedence over that of its kind.
    pub(super) fn needed(&self, tool: &str, writes: bool) -> &[String] {
        let kind = if writes { "write" } else { "read" };
        self.0
            .get(tool)
            .or_else(|| self.0.get(kind))
            .map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tools_own_scopes_go_before_those_of_its_kind() {
        let scopes = ToolScopes::parse("write=w, add_tags=t1 t2").unwrap();
        assert_eq!(scopes.needed("add_tags", true), ["t1", "t2"]);
        assert_eq!(scopes.needed("add_owners", true), ["w"]);
        assert!(scopes.needed("search", false).is_empty());
        assert!(ToolScopes::parse("write").is_err());
        assert!(ToolScopes::parse("a=b,a=c").is_err());
        assert_eq!(ToolScopes::parse("").unwrap(), ToolScopes::default());
    }
}
