//! Methods that this server does not offer: each is refused with its name, the reason, and what to do
//! instead. The protocol library knows most of them and refuses them by their bare names.

use std::borrow::Cow;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use foundation::suggest;
use http::{Response, header::CONTENT_LENGTH};
use http_body_util::BodyExt;
use rmcp::{ErrorData, model::ErrorCode};
use serde_json::Value;

/// The longest answer that may be such a refusal, in bytes. No other answer is looked at.
const MAX_REFUSAL_BYTES: u64 = 512;
/// The longest part of a method's name that is shown, in characters.
const MAX_SHOWN: usize = 60;

/// Nothing is pushed, because any instance may answer any request, and holds nothing for a client.
const NOT_PUSHED: &str = "nothing is pushed; each list says in `ttlMs` for how long it may be kept, \
    so ask for it again after that";
const READ_AGAIN: &str = "changes of a resource are not pushed; read it again";
const NO_TASKS: &str = "no call is a task; `tools/call` answers when its work is done";

/// The methods of the protocol that are not offered, and why.
const METHODS: &[(&str, &str)] = &[
    ("subscriptions/listen", NOT_PUSHED),
    ("resources/subscribe", READ_AGAIN),
    ("resources/unsubscribe", READ_AGAIN),
    ("tasks/get", NO_TASKS),
    ("tasks/list", NO_TASKS),
    ("tasks/result", NO_TASKS),
    ("tasks/update", NO_TASKS),
    ("tasks/cancel", NO_TASKS),
    (
        "logging/setLevel",
        "no log is sent to clients; the operator sets the level of the server's own",
    ),
    (
        "resources/directory/read",
        "each skill is one file; list them with `skills/list`",
    ),
    (
        "initialize",
        "this protocol version has none; ask `server/discover`, or send a request at once",
    ),
    (
        "ping",
        "this protocol version has none; any answer shows that the server is there",
    ),
];

/// The methods that are offered.
const OFFERED: &[&str] = &[
    "initialize",
    "server/discover",
    "ping",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "skills/list",
    "skills/get",
];

/// The refusal of `method`, whether or not the protocol has it.
pub(crate) fn refusal(method: &str) -> ErrorData {
    let text = known(method).unwrap_or_else(|| unknown(method));
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, text, None)
}

/// The library's error in these words, if it is such a refusal.
pub(crate) fn in_words(mut error: ErrorData) -> ErrorData {
    if error.code == ErrorCode::METHOD_NOT_FOUND
        && let Some(text) = known(&error.message)
    {
        error.message = Cow::Owned(text);
    }
    error
}

/// The library's answer in these words, if it is such a refusal.
pub(crate) async fn answered<B>(response: Response<B>) -> Response<Body>
where
    B: HttpBody<Data = Bytes, Error = std::convert::Infallible> + Send + 'static,
{
    let size = response.body().size_hint().exact();
    if size.is_none_or(|size| size > MAX_REFUSAL_BYTES) {
        return response.map(Body::new);
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = body.collect().await;
    let body = body.to_bytes();
    match worded(&body) {
        None => Response::from_parts(parts, Body::from(body)),
        Some(text) => {
            parts.headers.remove(CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(text))
        }
    }
}

fn worded(body: &[u8]) -> Option<String> {
    let mut answer: Value = serde_json::from_slice(body).ok()?;
    let error = answer.get_mut("error")?;
    if error["code"] != ErrorCode::METHOD_NOT_FOUND.0 {
        return None;
    }
    let text = known(error["message"].as_str()?)?;
    error["message"] = Value::from(text);
    Some(answer.to_string())
}

fn known(method: &str) -> Option<String> {
    let (name, why) = METHODS.iter().find(|(name, _)| *name == method)?;
    Some(format!("`{name}` is not offered: {why}"))
}

fn unknown(method: &str) -> String {
    let seen = |c: &char| !c.is_control();
    let shown: String = method.chars().filter(seen).take(MAX_SHOWN).collect();
    match suggest::names(method, OFFERED.iter().copied(), 1).first() {
        Some(near) => format!("there is no method `{shown}`; did you mean `{near}`?"),
        None => format!(
            "there is no method `{shown}`; methods: {}",
            OFFERED.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_names_the_method_and_what_to_do() {
        for (method, _) in METHODS {
            let text = refusal(method).message.into_owned();
            assert!(
                text.starts_with(&format!("`{method}` is not offered: ")),
                "{text}"
            );
            let bare = ErrorData::new(ErrorCode::METHOD_NOT_FOUND, *method, None);
            assert_eq!(in_words(bare).message, text);
        }
        assert_eq!(
            refusal("tools/cal").message,
            "there is no method `tools/cal`; did you mean `tools/call`?"
        );
        let far = refusal("entirely/unlike\u{7}").message.into_owned();
        assert!(
            far.starts_with("there is no method `entirely/unlike`; methods: "),
            "{far}"
        );
        assert!(refusal(&"x".repeat(9_000)).message.len() < 500);
    }

    #[test]
    fn other_errors_and_answers_stay_as_they_are() {
        let other = ErrorData::invalid_params("ping", None);
        assert_eq!(in_words(other.clone()), other);
        let error = |code: i32, message: &str| {
            json!({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}})
                .to_string()
        };
        let told = worded(error(-32601, "tasks/get").as_bytes()).unwrap();
        assert!(
            told.contains("no call is a task") && told.contains("\"id\":1"),
            "{told}"
        );
        for other in [
            error(-32602, "tasks/get"),
            error(-32601, "what it is"),
            json!({"result": {"code": -32601}}).to_string(),
            "{}".to_owned(),
            "x".to_owned(),
        ] {
            assert_eq!(worded(other.as_bytes()), None, "{other}");
        }
    }
}
