//! The list of the tools that are offered: names, in which `*` stands for any characters.

use regex::Regex;

/// The tools that `TOOLS` names. The default names all.
#[derive(Debug, Clone, Default)]
pub struct AllowList(Vec<(String, Regex)>);

/// A part of `TOOLS` that is no name of a tool.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not the name of a tool: letters, digits and `_`, with `*` for any of them")]
pub struct NotAName(String);

impl AllowList {
    /// Parses `name,name`. An empty text names all tools.
    ///
    /// # Errors
    /// A part with characters that no name has. Whether the tools exist is checked by
    /// [`McpServer::new`](super::McpServer::new).
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        let names = text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let patterns = names.map(|name| {
            let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '*';
            let wrong = || NotAName(name.chars().take(60).collect());
            if !name.chars().all(of_name) {
                return Err(wrong());
            }
            // Nothing in it but `*` means more than itself.
            let regex = Regex::new(&format!("^{}$", name.replace('*', ".*")));
            Ok((name.to_owned(), regex.map_err(|_| wrong())?))
        });
        patterns.collect::<Result<_, _>>().map(Self)
    }

    /// Returns whether `tool` is offered.
    pub(super) fn contains(&self, tool: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|(_, name)| name.is_match(tool))
    }

    /// The first part that names none of `tools`.
    pub(super) fn of_no_tool<'a>(
        &self,
        tools: impl Iterator<Item = &'a str> + Clone,
    ) -> Option<&str> {
        let unknown = self
            .0
            .iter()
            .find(|(_, name)| !tools.clone().any(|tool| name.is_match(tool)));
        unknown.map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOLS: [&str; 4] = ["search", "search_documents", "get_me", "get_entities"];

    fn named(text: &str) -> Vec<&'static str> {
        let list = AllowList::parse(text).unwrap();
        TOOLS
            .into_iter()
            .filter(|tool| list.contains(tool))
            .collect()
    }

    #[test]
    fn a_star_stands_for_any_characters_and_nothing_else_does() {
        assert_eq!(named("search"), ["search"]);
        assert_eq!(named("search*"), ["search", "search_documents"]);
        assert_eq!(
            named(" get_* , search ,"),
            ["search", "get_me", "get_entities"]
        );
        assert_eq!(named("*_me"), ["get_me"]);
        assert_eq!(named("g*t*s"), ["get_entities"]);
        assert_eq!(named("get"), [""; 0]);
        assert_eq!(named(""), TOOLS);
        assert_eq!(named("*"), TOOLS);
    }

    #[test]
    fn what_is_no_name_is_refused_and_what_names_no_tool_is_told() {
        for wrong in [
            "search.*",
            "get_?",
            "[gs]*",
            "search;get_me",
            "!search",
            "get-me",
        ] {
            assert!(AllowList::parse(wrong).is_err(), "{wrong}");
        }
        let list = AllowList::parse("search,serch*,get_*").unwrap();
        assert_eq!(list.of_no_tool(TOOLS.into_iter()), Some("serch*"));
        let list = AllowList::parse("search,get_*").unwrap();
        assert_eq!(list.of_no_tool(TOOLS.into_iter()), None);
    }
}
