//! Fragments that several documents share. Each document gets those that it uses, and no others:
//! DataHub refuses a document with an unused fragment.

use std::collections::HashMap;

/// Shared fragments by their names.
#[derive(Debug, Default)]
pub struct Fragments(HashMap<&'static str, &'static str>);

impl Fragments {
    /// The fragments in `texts`. One begins at a line `fragment name on Type {` and ends at the
    /// next line that is a closing brace without indentation.
    pub fn read(texts: &[&'static str]) -> Self {
        let mut fragments = HashMap::new();
        for text in texts {
            for part in text.split("\n}").filter_map(fragment) {
                fragments.insert(part.0, part.1);
            }
        }
        Self(fragments)
    }

    /// The fragments that `text` uses, directly or through other fragments, in the order of first
    /// use, without their closing brace. An unknown name is assumed to be defined in the text
    /// itself.
    pub(super) fn used_by(&self, text: &str) -> Vec<&'static str> {
        let mut used: Vec<&'static str> = Vec::new();
        let mut next = 0;
        self.add(text, &mut used);
        while let Some(definition) = used.get(next).copied() {
            self.add(definition, &mut used);
            next += 1;
        }
        used
    }

    fn add(&self, text: &str, used: &mut Vec<&'static str>) {
        for name in spreads(text) {
            if let Some(definition) = self.0.get(name).copied()
                && !used.contains(&definition)
            {
                used.push(definition);
            }
        }
    }
}

/// The name and the definition in a text that may begin with comments and empty lines.
fn fragment(text: &'static str) -> Option<(&'static str, &'static str)> {
    let start = text.find("fragment ")?;
    let definition = &text[start..];
    let name = definition.split_ascii_whitespace().nth(1)?;
    Some((name, definition))
}

/// The names of the fragments that `text` spreads.
pub(super) fn spreads(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("..."))
        .filter(|name| !name.is_empty() && !name.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARED: &str = "# why\n\nfragment a on A {\n  x\n  ...b\n}\n\nfragment b on B {\n  y {\n    z\n  }\n}\nfragment c on C {\n  w\n}\n";

    #[test]
    fn gives_what_is_used_and_what_that_uses() {
        let fragments = Fragments::read(&[SHARED]);
        let used = fragments
            .used_by("query q {\n  me {\n    ...a\n    ... on X {\n      ...a\n    }\n  }\n}");
        assert_eq!(
            used,
            [
                "fragment a on A {\n  x\n  ...b",
                "fragment b on B {\n  y {\n    z\n  }"
            ]
        );
        assert!(fragments.used_by("query q {\n  me\n}").is_empty());
        assert!(fragments.used_by("query q {\n  ...own\n}").is_empty());
    }
}
