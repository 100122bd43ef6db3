//! The parts of an answer that are JSON already. The MCP library writes an answer from its types, so
//! text that is ready would be parsed and written again: for the list of tools at each request, for
//! the result of a tool twice, as text and as structured content.
//!
//! A handler leaves an empty place in its answer and gives the JSON for it here; the service puts it
//! there. Only where the answer is one JSON message: anything else is written by the library alone.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::request::Parts;
use rmcp::{
    RoleServer,
    model::{CallToolResult, ContentBlock},
    service::RequestContext,
};
use serde_json::{Map, Value, json};

use crate::fields;

/// The member that is not DataHub's in the answer of any tool, and those in the answer of a search.
const BESIDE: &[&str] = &["next"];
const BESIDE_HITS: &[&str] = &["owners", "writtenByPeople", "next"];

/// The place of a list of tools that is left empty.
const TOOLS: &str = r#""tools":[]"#;
/// The place of a text that is left empty.
const TEXT: &str = r#""text":"""#;
/// The place of structured content that is left empty.
const STRUCTURED: &str = r#""structuredContent":{}"#;

/// What a handler has written of the answer to one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written(Arc<OnceLock<Part>>);

#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// The array of tools.
    Tools(Bytes),
    /// The object that a tool answers with.
    Result {
        text: String,
        /// The members that only structured content has.
        beside: Map<String, Value>,
    },
}

impl Written {
    /// The one of this request, unless its answer is not one JSON message over HTTP.
    pub(crate) fn of(context: &RequestContext<RoleServer>) -> Option<Self> {
        let parts = context.extensions.get::<Parts>()?;
        parts.extensions.get::<Self>().cloned()
    }

    /// Gives the `part` of the answer. There is one.
    pub(crate) fn give(&self, part: Part) {
        // A second one would be a second answer to the same request, which the library does not send.
        let _ = self.0.set(part);
    }

    /// True if the answer has an empty place.
    pub(crate) fn is_given(&self) -> bool {
        self.0.get().is_some()
    }

    /// The answer `with_places` with its empty places filled; nothing if one of them is not there.
    pub(crate) fn fill(&self, with_places: &[u8]) -> Option<Vec<u8>> {
        match self.0.get() {
            None => Some(with_places.to_vec()),
            Some(Part::Tools(tools)) => {
                let (before, after) = around(with_places, TOOLS, 2)?;
                Some([before, tools, after].concat())
            }
            Some(Part::Result { text, beside }) => {
                let (before, rest) = around(with_places, TEXT, 2)?;
                let (between, after) = around(rest, STRUCTURED, 2)?;
                let mut answer = Vec::with_capacity(with_places.len() + text.len() * 5 / 2);
                answer.extend_from_slice(before);
                quote(&mut answer, text);
                answer.extend_from_slice(between);
                answer.extend_from_slice(text.as_bytes());
                if !beside.is_empty() {
                    // Into the object, which has other members.
                    answer.pop();
                    answer.push(b',');
                    let members = serde_json::to_vec(beside).ok()?;
                    answer.extend_from_slice(members.get(1..)?);
                }
                answer.extend_from_slice(after);
                Some(answer)
            }
        }
    }
}

/// Writes `json` as a JSON string. Control characters are escaped in it already, so that two characters
/// are left to escape.
fn quote(out: &mut Vec<u8>, json: &str) {
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\');
    out.push(b'"');
    let mut rest = json.as_bytes();
    while let Some(at) = rest.iter().position(is_special) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        out.push(b'\\');
        out.extend_from_slice(&special[..1]);
        rest = &special[1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// The result of a tool that answers with `value`, as text and as structured content. What a search says
/// beside DataHub's answer is in texts of its own, as is the sentence that says how to get the rest, `next`:
/// clients read the first text as DataHub's answer.
pub(crate) fn result(mut value: Value, written: Option<&Written>) -> CallToolResult {
    let mut beside = take_beside(&mut value);
    // The last of them.
    let next = beside.shift_remove("next");
    let rest = (!beside.is_empty()).then(|| serde_json::to_string(&beside).unwrap_or_default());
    let next_text = next.as_ref().and_then(Value::as_str).map(str::to_owned);
    if let Some(next) = next {
        beside.insert("next".to_owned(), next);
    }
    // Not its `Display`: that checks each piece of the text once more.
    let text = serde_json::to_string(&value).unwrap_or_default();
    let mut blocks = Vec::with_capacity(3);
    let structured = match written {
        Some(written) => {
            written.give(Part::Result { text, beside });
            blocks.push(ContentBlock::text(""));
            json!({})
        }
        None => {
            blocks.push(ContentBlock::text(text));
            for (name, member) in beside {
                fields::set(&mut value, &name, member);
            }
            value
        }
    };
    blocks.extend(rest.into_iter().chain(next_text).map(ContentBlock::text));
    let mut result = CallToolResult::success(blocks);
    result.structured_content = Some(structured);
    result
}

/// Takes out the members of `value` that are not DataHub's.
fn take_beside(value: &mut Value) -> Map<String, Value> {
    let mut beside = Map::new();
    if let Value::Object(map) = value {
        let is_search = map.contains_key("searchResults");
        let names = if is_search { BESIDE_HITS } else { BESIDE };
        for name in names {
            if let Some(member) = map.shift_remove(*name) {
                beside.insert((*name).to_owned(), member);
            }
        }
    }
    beside
}

/// What is before and after the empty value, of `length` bytes, at the end of `place`. A place cannot
/// occur inside a string: its quotation marks are escaped there.
fn around<'a>(answer: &'a [u8], place: &str, length: usize) -> Option<(&'a [u8], &'a [u8])> {
    let at = answer
        .windows(place.len())
        .position(|window| window == place.as_bytes())?;
    let end = at + place.len();
    Some((&answer[..end - length], &answer[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(part: Part, with_places: &Value) -> Option<Value> {
        let written = Written::default();
        written.give(part);
        let answer = written.fill(with_places.to_string().as_bytes())?;
        Some(serde_json::from_slice(&answer).unwrap())
    }

    fn part(value: &Value, beside: &Value) -> Part {
        let text = value.to_string();
        let beside = beside.as_object().cloned().unwrap_or_default();
        Part::Result { text, beside }
    }

    #[test]
    fn what_is_beside_the_answer_is_in_structured_content_only() {
        let beside = json!({"owners": [{"urn": "u"}], "next": "2 \"more\""});
        let with_places = json!({"text": "", "structuredContent": {}, "isError": false});
        assert_eq!(
            filled(part(&json!({"a": 1}), &beside), &with_places).unwrap(),
            json!({
                "text": "{\"a\":1}",
                "structuredContent": {"a": 1, "owners": [{"urn": "u"}], "next": "2 \"more\""},
                "isError": false
            })
        );
    }

    #[test]
    fn an_answer_without_a_part_stays_as_it_is() {
        assert_eq!(Written::default().fill(b"{}").unwrap(), b"{}");
    }

    proptest::proptest! {
        #[test]
        fn json_is_quoted_as_any_text_is(text in "[a-c\\\\\"/\\x00-\\x20\\x7fé\u{2028}]{0,20}") {
            let json = Value::from(text).to_string();
            let mut quoted = Vec::new();
            quote(&mut quoted, &json);
            proptest::prop_assert_eq!(quoted, serde_json::to_vec(&json).unwrap());
        }
    }

    #[test]
    fn places_in_the_id_of_the_request_are_left_alone() {
        for id in [TOOLS, TEXT, STRUCTURED, "\\\"tools\":[]", "\"text\":\"\"\\"] {
            let tools = Part::Tools(Bytes::from_static(br#"[{"name":"a"}]"#));
            let list = json!({"id": id, "result": {"tools": [], "ttlMs": 1}});
            assert_eq!(
                filled(tools, &list).unwrap(),
                json!({"id": id, "result": {"tools": [{"name": "a"}], "ttlMs": 1}})
            );
            let value = json!({"text": "\"ä\\\n\u{7}\"", "structuredContent": {}});
            let called = json!({"id": id, "result": {
                "content": [{"type": "text", "text": ""}],
                "structuredContent": {},
                "isError": false,
            }});
            let whole = filled(part(&value, &json!({})), &called).unwrap();
            assert_eq!(whole["id"], *id);
            assert_eq!(whole["result"]["structuredContent"], value);
            let text = whole["result"]["content"][0]["text"].as_str().unwrap();
            assert_eq!(serde_json::from_str::<Value>(text).unwrap(), value);
        }
    }

    #[test]
    fn a_place_that_is_missing_leaves_no_answer() {
        let tools = || Part::Tools(Bytes::from_static(b"[]"));
        assert_eq!(filled(tools(), &json!({"result": {}})), None);
        assert_eq!(filled(tools(), &json!({"tools": [1]})), None);
        let result = || part(&json!({}), &json!({}));
        assert_eq!(filled(result(), &json!({"structuredContent": {}})), None);
        assert_eq!(filled(result(), &json!({"text": ""})), None);
    }
}
