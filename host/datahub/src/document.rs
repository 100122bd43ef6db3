//! A GraphQL document: one operation with the fragments that it uses, and nothing else (DataHub
//! refuses documents with more than one operation).

use serde_json::Value;

use super::{fragments::Fragments, prune, version::Since};

/// The kind of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reads: may be sent again when the first attempt got lost.
    Query,
    /// Writes: sent once.
    Mutation,
}

/// The text of a document that is known to hold a named operation.
///
/// Only such a text makes a [`Document`]: what an operation does decides whether it may be sent
/// again, and must not be guessed.
#[derive(Debug, Clone, Copy)]
pub struct NamedOperation<'a> {
    operation: Operation,
    name: &'a str,
    text: &'a str,
}

impl<'a> NamedOperation<'a> {
    /// Finds the first `query name` or `mutation name` at the start of a line of `text`; `None`
    /// where there is none. Constant, so that a document of ours without one does not compile.
    pub const fn find(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if at == 0 || bytes[at - 1] == b'\n' {
                let (operation, start) = if has(bytes, at, b"query ") {
                    (Operation::Query, at + b"query ".len())
                } else if has(bytes, at, b"mutation ") {
                    (Operation::Mutation, at + b"mutation ".len())
                } else {
                    at += 1;
                    continue;
                };
                let mut end = start;
                while end < bytes.len()
                    && (bytes[end].is_ascii_alphanumeric() || bytes[end] == b'_')
                {
                    end += 1;
                }
                if end > start {
                    let (name, _) = text.split_at(start).1.split_at(end - start);
                    return Some(Self {
                        operation,
                        name,
                        text,
                    });
                }
            }
            at += 1;
        }
        None
    }
}

/// Does `bytes` hold `word` at `at`?
const fn has(bytes: &[u8], at: usize, word: &[u8]) -> bool {
    let mut length = 0;
    while length < word.len() {
        if at + length >= bytes.len() || bytes[at + length] != word[length] {
            return false;
        }
        length += 1;
    }
    true
}

/// A GraphQL document as it is sent, made once per process.
#[derive(Debug, Clone)]
pub struct Document {
    name: String,
    operation: Operation,
    since: Since,
    /// `{"operationName":"..","query":"..","variables":` with everything escaped already.
    prefix: String,
    text: String,
}

impl Document {
    #[cfg(test)]
    pub(super) fn new(text: &str) -> Self {
        let operation = NamedOperation::find(text).expect("a named operation");
        Self::with(&Fragments::default(), operation)
    }

    /// The document of an operation, with those of the shared `fragments` that it uses.
    pub fn with(fragments: &Fragments, operation: NamedOperation<'_>) -> Self {
        let NamedOperation {
            operation,
            name,
            text,
        } = operation;
        let mut squeezed = squeeze(text);
        for definition in fragments.used_by(text) {
            squeezed.push('\n');
            squeezed.push_str(&squeeze(definition));
            squeezed.push_str("\n}");
        }
        Self::squeezed(name, operation, squeezed)
    }

    fn squeezed(name: &str, operation: Operation, text: String) -> Self {
        let prefix = format!(
            "{{\"operationName\":{},\"query\":{},\"variables\":",
            Value::from(name),
            Value::from(text.as_str())
        );
        Self {
            name: name.to_owned(),
            operation,
            since: Since::ALWAYS,
            prefix,
            text,
        }
    }

    /// Restricts the document to servers that support it.
    pub fn since(mut self, since: Since) -> Self {
        self.since = since;
        self
    }

    /// The document without the selections on these lines, counted from 1, and what they ask for.
    /// `None` if nothing would be left, or a line holds no selection.
    pub(super) fn without(&self, lines: &[usize]) -> Option<(Self, Vec<String>)> {
        let stripped = prune::prune(&self.text, lines)?;
        let document = Self::squeezed(&self.name, self.operation, stripped.text);
        Some((document.since(self.since), stripped.left_out))
    }

    /// The name of the operation.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind of the operation: read or write.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The first server version that supports it.
    pub fn needs(&self) -> Since {
        self.since
    }

    /// The text, without comments and indentation.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The request body with these variables.
    pub(super) fn body(&self, variables: &Value) -> String {
        let mut body = String::with_capacity(self.prefix.len() + 256);
        body.push_str(&self.prefix);
        match variables {
            Value::Null => body.push_str("{}"),
            // Not its `Display`: that checks each piece of the text once more.
            other => body.push_str(&serde_json::to_string(other).unwrap_or_default()),
        }
        body.push('}');
        body
    }
}

/// Drops comment lines and indentation: our documents hold no block strings.
fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
    {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn builds_the_body_that_datahub_expects() {
        let document =
            Document::new("# why\nquery hello($a: String!) {\n  me(x: $a) { \n  y }\n}\n");
        assert_eq!(document.name(), "hello");
        assert_eq!(document.operation(), Operation::Query);
        let body: Value = serde_json::from_str(&document.body(&json!({"a": "\"q\""}))).unwrap();
        assert_eq!(
            body,
            json!({
                "operationName": "hello",
                "query": "query hello($a: String!) {\nme(x: $a) {\ny }\n}",
                "variables": {"a": "\"q\""}
            })
        );
    }

    #[test]
    fn carries_the_fragments_that_it_uses() {
        let fragments =
            Fragments::read(&["fragment a on A {\n  x\n}\nfragment b on B {\n  y\n}\n"]);
        let operation = NamedOperation::find("query q {\n  me {\n    ...b\n  }\n}\n").unwrap();
        let document = Document::with(&fragments, operation);
        assert_eq!(
            document.text(),
            "query q {\nme {\n...b\n}\n}\nfragment b on B {\ny\n}"
        );
    }

    #[test]
    fn a_text_without_a_named_operation_makes_no_document() {
        for text in [
            "",
            "{ me }",
            "query { me }",
            "query\nq { me }",
            "mutation { write }",
            "mutation ($a: String!) {\n  write(a: $a)\n}",
            "subscription s { me }",
            "# query q { me }",
            "fragment query on X { a }",
            "quer",
        ] {
            assert!(NamedOperation::find(text).is_none(), "{text}");
        }
    }

    #[test]
    fn tells_mutations_from_queries_even_behind_fragments() {
        let document = Document::new("fragment f on X { a }\nmutation write { b }");
        assert_eq!(
            (document.operation(), document.name()),
            (Operation::Mutation, "write")
        );
    }
}
