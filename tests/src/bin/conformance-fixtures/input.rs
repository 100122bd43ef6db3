//! Calls that need more input: the request for it goes to the client, which calls again with the
//! answer.
//!
//! The state that goes with the request comes back from an untrusted client, so it is signed, and
//! accepted only for the tool that it was made for.

use aws_lc_rs::{hmac, rand::SystemRandom};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rmcp::{
    ErrorData,
    model::{ClientCapabilities, InputRequiredResult, InputResponses},
};
use serde_json::{Map, Value, json};

/// The parts of a call that only a second one has.
pub(crate) struct Retry<'a> {
    pub(crate) responses: Option<&'a InputResponses>,
    pub(crate) state: Option<&'a str>,
}

impl Retry<'_> {
    /// The answer to the question `key`, if it is an object.
    fn answer(&self, key: &str) -> Option<&Map<String, Value>> {
        self.responses?.get(key)?.as_object()
    }

    /// The value that the person entered for `field`.
    pub(crate) fn filled(&self, key: &str, field: &str) -> Option<&Value> {
        self.answer(key)?.get("content")?.get(field)
    }
}

/// The outcome of a call.
pub(crate) enum Outcome {
    /// The call is complete, with this text.
    Done(String),
    /// More input is needed first.
    Needs(InputRequiredResult),
}

/// A question to the person, for one field of this type.
pub(crate) fn form(message: &str, field: &str, kind: &str) -> Value {
    let schema =
        json!({"type": "object", "properties": {field: {"type": kind}}, "required": [field]});
    json!({"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}})
}

fn sampling(prompt: &str) -> Value {
    let message = json!({"role": "user", "content": {"type": "text", "text": prompt}});
    json!({"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": 50}})
}

fn roots() -> Value {
    json!({"method": "roots/list", "params": {}})
}

/// The result that asks the client these questions.
pub(crate) fn ask(
    questions: &Value,
    state: Option<String>,
) -> Result<InputRequiredResult, ErrorData> {
    let questions = serde_json::from_value(questions.clone())
        .map_err(|error| ErrorData::internal_error(format!("a bad question: {error}"), None))?;
    Ok(InputRequiredResult::new(Some(questions), state))
}

fn needs(questions: &Value, state: Option<String>) -> Result<Outcome, ErrorData> {
    ask(questions, state).map(Outcome::Needs)
}

/// Signs the state that passes through the client.
pub(crate) struct Seal(hmac::Key);

impl Seal {
    /// Creates a seal with a new random key.
    pub(crate) fn new() -> anyhow::Result<Self> {
        hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map(Self)
            .map_err(|_| anyhow::anyhow!("no random numbers"))
    }

    fn seal(&self, tool: &str, step: &str) -> String {
        let tag = hmac::sign(&self.0, format!("{tool}\n{step}").as_bytes());
        format!("{step}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    }

    /// The step in the state, or an error if this process did not sign it for `tool`.
    fn open<'a>(&self, tool: &str, state: Option<&'a str>) -> Result<Option<&'a str>, ErrorData> {
        let Some(state) = state else { return Ok(None) };
        let opened = state.split_once('.').filter(|(step, tag)| {
            URL_SAFE_NO_PAD.decode(tag).is_ok_and(|tag| {
                hmac::verify(&self.0, format!("{tool}\n{step}").as_bytes(), &tag).is_ok()
            })
        });
        match opened {
            Some((step, _)) => Ok(Some(step)),
            None => Err(ErrorData::invalid_params(
                "requestState is not as it was given",
                None,
            )),
        }
    }
}

/// Calls the tool `name` of this family; `None` if the name is not of this family.
pub(crate) fn call(
    name: &str,
    seal: &Seal,
    retry: &Retry<'_>,
    client: &ClientCapabilities,
) -> Option<Result<Outcome, ErrorData>> {
    Some(match name.strip_prefix("test_input_required_result_")? {
        "elicitation" => match retry.filled("user_name", "name") {
            Some(name) => done(format!("Good day, {}.", plain(name))),
            None => needs(
                &json!({"user_name": form("Who are you?", "name", "string")}),
                None,
            ),
        },
        "sampling" => match retry
            .answer("capital_question")
            .and_then(|a| a.get("content"))
        {
            Some(content) => done(plain(&content["text"])),
            None => needs(
                &json!({"capital_question": sampling("Name the capital of France.")}),
                None,
            ),
        },
        "list_roots" => match retry.answer("client_roots").and_then(|a| a.get("roots")) {
            Some(roots) => done(format!("Roots: {roots}")),
            None => needs(&json!({"client_roots": roots()}), None),
        },
        "request_state" | "tampered_state" => confirmed(name, seal, retry),
        "multiple_inputs" => several(name, seal, retry),
        "multi_round" => rounds(name, seal, retry),
        "capabilities" => as_client_can(client),
        _ => return None,
    })
}

fn done(text: String) -> Result<Outcome, ErrorData> {
    Ok(Outcome::Done(text))
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn confirmed(tool: &str, seal: &Seal, retry: &Retry<'_>) -> Result<Outcome, ErrorData> {
    let asked = seal.open(tool, retry.state)?.is_some();
    match retry.filled("confirm", "ok") {
        Some(ok) if asked => done(format!("state-ok, confirmed: {ok}")),
        _ => needs(
            &json!({"confirm": form("Is this right?", "ok", "boolean")}),
            Some(seal.seal(tool, "asked")),
        ),
    }
}

fn several(tool: &str, seal: &Seal, retry: &Retry<'_>) -> Result<Outcome, ErrorData> {
    let asked = seal.open(tool, retry.state)?.is_some();
    let all = ["user_name", "greeting", "client_roots"];
    if asked && all.iter().all(|key| retry.answer(key).is_some()) {
        return done("All three answers are here.".to_owned());
    }
    let questions = json!({
        "user_name": form("Who are you?", "name", "string"),
        "greeting": sampling("Write a greeting."),
        "client_roots": roots(),
    });
    needs(&questions, Some(seal.seal(tool, "asked")))
}

fn rounds(tool: &str, seal: &Seal, retry: &Retry<'_>) -> Result<Outcome, ErrorData> {
    let step = seal.open(tool, retry.state)?;
    match step {
        Some("2") if retry.filled("step2", "color").is_some() => {
            done("Both answers are here.".to_owned())
        }
        Some("1") if retry.filled("step1", "name").is_some() => needs(
            &json!({"step2": form("Second question: which colour?", "color", "string")}),
            Some(seal.seal(tool, "2")),
        ),
        _ => needs(
            &json!({"step1": form("First question: who are you?", "name", "string")}),
            Some(seal.seal(tool, "1")),
        ),
    }
}

/// Asks only for input that the client declares it supports.
fn as_client_can(client: &ClientCapabilities) -> Result<Outcome, ErrorData> {
    let mut questions = Map::new();
    if client.sampling.is_some() {
        questions.insert("model".to_owned(), sampling("Say something."));
    }
    if client.elicitation.is_some() {
        questions.insert(
            "person".to_owned(),
            form("Say something.", "text", "string"),
        );
    }
    if questions.is_empty() {
        return done("This client can be asked nothing.".to_owned());
    }
    needs(&Value::Object(questions), None)
}
