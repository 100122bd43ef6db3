//! The body of a call: read within its limits, and refused with a JSON-RPC error unless it is one
//! JSON-RPC message. Interpreting the message is left to the MCP service.
//!
//! Nothing behind this middleware waits for a client: it gets the whole body at once.

use std::{cell::Cell, fmt};

use axum::{body::Body, extract::Request, response::Response};
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use telemetry::{Message, Notes};

use super::{
    body,
    json_values::{MAX_VALUES, values},
    respond::Refusal,
    said::{self, Params, Text},
    state::State,
    until_sent,
};

/// Reads the body and checks that it is a message.
pub(super) async fn message(
    state: &State,
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let (parts, body) = request.into_parts();
    let (json, limit) = (is_json(&parts.headers), state.limits.max_body_bytes);
    let checked = match body::read(body, limit, &parts.extensions, state).await {
        Ok(body) if json => check(&body.bytes).map(|said| {
            if let Some(notes) = parts.extensions.get::<Notes>() {
                notes.message(said);
            }
            body
        }),
        read => read,
    };
    let body = match checked {
        Ok(body) => body,
        Err(refusal) => return state.responder.refuse(&refusal),
    };
    let request = Request::from_parts(parts, Body::from(body.bytes.clone()));
    let response = next(request).await;
    let (body, taken) = (body.bytes, body.taken);
    if until_sent::is_stream(&response) {
        return until_sent::at_end(response, move || drop(taken));
    }
    drop(taken);
    // The MCP service's status for JSON that is not one of its messages.
    if json && response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        return state.responder.refuse(&unreadable(&body));
    }
    // The MCP service's status for a call that is cut off at the end of the grace.
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR && state.is_draining() {
        return state.responder.refuse(&Refusal::Stopping);
    }
    if response.status() == StatusCode::NOT_ACCEPTABLE {
        return state.responder.refuse(&Refusal::NotAcceptable);
    }
    response
}

/// The refusal of a message that the MCP service cannot read.
fn unreadable(body: &[u8]) -> Refusal {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let (id, params) = (&message["id"], &message["params"]);
    let why = match &params["_meta"] {
        _ if !params.is_object() && !params.is_null() => "`params` must be an object",
        meta if !meta.is_object() && !meta.is_null() => "`params._meta` must be an object",
        _ => return Refusal::NotAMessage("the body is not an MCP message"),
    };
    match message["method"].is_string() && (id.is_string() || id.is_number()) {
        true => Refusal::InvalidParams(id.clone(), why),
        false => Refusal::NotAMessage(why),
    }
}

/// Returns whether the body claims to be JSON. The MCP service refuses any other media type.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Checks that the body is one object with the members of a JSON-RPC message, each once. Returns what
/// the log keeps of it.
fn check(bytes: &[u8]) -> Result<Message, Refusal> {
    let values = Cell::new(0);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let outline = OutlineOf(&values)
        .deserialize(&mut reader)
        .and_then(|outline| reader.end().map(|()| outline))
        .map_err(|error| match error.is_data() {
            _ if values.get() > MAX_VALUES => Refusal::TooManyValues(MAX_VALUES),
            true => Refusal::NotAMessage("the body must be one JSON-RPC message, each member once"),
            false => Refusal::NotJson,
        })?;
    if !outline.version {
        return Err(Refusal::NotAMessage("the member `jsonrpc` must be \"2.0\""));
    }
    if !outline.method && !outline.answer {
        return Err(Refusal::NotAMessage("the member `method` is missing"));
    }
    Ok(outline.said)
}

/// Returns whether the body is a message, for the fuzz target and the benchmark.
#[cfg(any(test, fuzzing, feature = "testing"))]
pub(super) fn passes(bytes: &[u8]) -> bool {
    check(bytes).is_ok()
}

/// The members that a message has.
#[derive(Debug, Default)]
struct Outline {
    version: bool,
    method: bool,
    id: bool,
    answer: bool,
    said: Message,
}

/// Reads the outline and counts the values.
struct OutlineOf<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for OutlineOf<'_> {
    type Value = Outline;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Outline, D::Error> {
        deserializer.deserialize_map(self)
    }
}

/// Sets `seen`, or fails if it is set already.
fn once<E: serde::de::Error>(seen: &mut bool) -> Result<(), E> {
    if std::mem::replace(seen, true) {
        Err(E::custom("twice"))
    } else {
        Ok(())
    }
}

impl<'de> Visitor<'de> for OutlineOf<'_> {
    type Value = Outline;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON-RPC message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline, A::Error> {
        let mut outline = Outline::default();
        let (mut version, mut params, mut error) = (false, false, false);
        while let Some(member) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            match member.as_ref() {
                "jsonrpc" => {
                    once(&mut version)?;
                    let version = map.next_value_seed(Text(self.0))?;
                    outline.version = version.is_some_and(|version| version == "2.0");
                    continue;
                }
                "method" => {
                    once(&mut outline.method)?;
                    let name = map.next_value_seed(Text(self.0))?.unwrap_or_default();
                    outline.said.method = said::method(&name);
                    continue;
                }
                "id" => once(&mut outline.id)?,
                "result" => once(&mut outline.answer)?,
                "error" => {
                    once(&mut error)?;
                    outline.answer = true;
                }
                "params" => {
                    once(&mut params)?;
                    map.next_value_seed(Params::new(self.0, &mut outline.said))?;
                    continue;
                }
                _ => {}
            }
            map.next_value_seed(values(self.0))?;
        }
        Ok(outline)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn messages_pass() {
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#,
            r#" {"method":"x","jsonrpc":"2.0","extra":[1,{"a":null}]} "#,
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":1,"a":2}}"#,
        ] {
            assert!(check(text.as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_log_learns_who_calls_what_in_any_order_of_members() {
        let message = |method: &'static str, name: Option<&str>, client: Option<&str>| Message {
            method: method.into(),
            name: name.map(str::to_owned),
            client_info: client.map(str::to_owned),
        };
        for (text, said) in [
            (
                r#"{"params":{"arguments":{"name":"x"},"name":"search","_meta":{"io.modelcontextprotocol/clientInfo":{"version":"2","name":"cli"}}},"method":"tools/call","jsonrpc":"2.0","id":1}"#,
                message("tools/call", Some("search"), Some("cli/2")),
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"clientInfo":{"name":"cli"}}}"#,
                message("initialize", None, Some("cli")),
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"x/y","params":{"name":{"name":"x"},"clientInfo":7,"_meta":[]}}"#,
                message("x/y", None, None),
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"name":"a","name":"b"}}"#,
                message("ping", Some("b"), None),
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
                Message::default(),
            ),
        ] {
            assert_eq!(check(text.as_bytes()), Ok(said), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_and_what_is_no_message_are_told_apart() {
        for text in [
            "",
            "{",
            "nonsense",
            "{\"jsonrpc\":\"2.0\",}",
            "\u{feff}{}",
            "{\"a\":1e999",
            "{} {}",
        ] {
            assert_eq!(check(text.as_bytes()), Err(Refusal::NotJson), "{text}");
        }
        assert_eq!(check(b"{\"\xff\":1}"), Err(Refusal::NotJson));
        for text in [
            "[]",
            "null",
            "7",
            "\"x\"",
            "{}",
            r#"[{"jsonrpc":"2.0","id":1,"method":"x"}]"#,
            r#"{"jsonrpc":"1.0","id":1,"method":"x"}"#,
            r#"{"jsonrpc":2.0,"id":1,"method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"x","method":"y"}"#,
            r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{},"params":{}}"#,
            r#"{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"x"}"#,
        ] {
            assert!(
                matches!(check(text.as_bytes()), Err(Refusal::NotAMessage(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn values_are_counted_wherever_they_are() {
        let message = |params: &str| {
            let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{params}}}"#);
            check(text.as_bytes())
        };
        let many = |count: usize, value: &str| vec![value; count].join(",");
        let refused = Err(Refusal::TooManyValues(MAX_VALUES));
        assert!(message(&format!("[{}]", many(9_000, "1.5"))).is_ok());
        assert_eq!(message(&format!("[{}]", many(11_000, "1"))), refused);
        assert_eq!(
            message(&format!("{{\"x\":[{}]}}", many(6_000, "[[]]"))),
            refused
        );
        assert_eq!(
            message(&format!("{{{}}}", many(11_000, "\"\":null"))),
            refused
        );
        let other = format!(r#"{{"jsonrpc":[{}],"method":"x"}}"#, many(11_000, "{}"));
        assert_eq!(check(other.as_bytes()), refused);
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(message(&deep), Err(Refusal::NotJson));
    }

    #[test]
    fn params_that_are_no_object_are_named_with_the_id() {
        for params in ["[]", "\"x\"", "7", "true"] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":5,"method":"x","params":{params}}}"#);
            assert_eq!(
                unreadable(body.as_bytes()),
                Refusal::InvalidParams(Value::from(5), "`params` must be an object")
            );
        }
        let meta = br#"{"jsonrpc":"2.0","id":"a","method":"x","params":{"_meta":7}}"#;
        assert!(matches!(unreadable(meta), Refusal::InvalidParams(..)));
        for other in [
            &br#"{"jsonrpc":"2.0","id":{},"method":"x","params":[]}"#[..],
            br#"{"jsonrpc":"2.0","id":1,"method":"x","params":{}}"#,
            br#"{"jsonrpc":"2.0","id":1,"method":"x"}"#,
            b"[]",
        ] {
            assert!(matches!(unreadable(other), Refusal::NotAMessage(_)));
        }
    }

    #[test]
    fn depth_and_length_cost_no_stack() {
        for unit in ["[", "{\"a\":"] {
            let deep = format!(
                r#"{{"jsonrpc":"2.0","method":"x","params":{}"#,
                unit.repeat(200_000)
            );
            assert_eq!(check(deep.as_bytes()), Err(Refusal::NotJson));
        }
        let batch = format!("[{}1]", "1,".repeat(100_000));
        assert!(matches!(
            check(batch.as_bytes()),
            Err(Refusal::NotAMessage(_))
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,60}") {
            let _ = check(&bytes);
            let _ = check(format!("{{\"jsonrpc\":\"2.0\",\"method\":{text}}}").as_bytes());
        }
    }
}
