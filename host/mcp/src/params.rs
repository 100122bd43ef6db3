//! Requests of a known method whose `params` have another shape. The protocol library takes these
//! for methods that it does not know; they are answered with "invalid params" and what is wrong.

use rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolRequestParams, CompleteRequestParams, CustomRequest, GetPromptRequestParams,
        GetSkillRequestParams, InitializeRequestParams, PaginatedRequestParams,
        ReadResourceRequestParams,
    },
    service::RequestContext,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::not_offered;

/// The longest part of the library's own explanation that is shown, in characters.
const MAX_REASON: usize = 200;

/// The type of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Text,
    Object,
}

/// A member of `params`.
struct Member(&'static str, Type, Need);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Required,
    Optional,
}

/// The form of a method's `params`.
struct Form {
    method: &'static str,
    members: &'static [Member],
    /// The explanation of the library, if it cannot read these.
    reason: fn(Value) -> Option<String>,
}

const PAGE: &[Member] = &[Member("cursor", Type::Text, Need::Optional)];

/// The methods that this server implements.
const FORMS: &[Form] = &[
    Form {
        method: "initialize",
        members: &[
            Member("protocolVersion", Type::Text, Need::Required),
            Member("capabilities", Type::Object, Need::Required),
            Member("clientInfo", Type::Object, Need::Required),
        ],
        reason: reason::<InitializeRequestParams>,
    },
    Form {
        method: "server/discover",
        members: &[],
        reason: reason::<Map<String, Value>>,
    },
    Form {
        method: "tools/call",
        members: &[
            Member("name", Type::Text, Need::Required),
            Member("arguments", Type::Object, Need::Optional),
        ],
        reason: reason::<CallToolRequestParams>,
    },
    Form {
        method: "resources/read",
        members: &[Member("uri", Type::Text, Need::Required)],
        reason: reason::<ReadResourceRequestParams>,
    },
    Form {
        method: "prompts/get",
        members: &[
            Member("name", Type::Text, Need::Required),
            Member("arguments", Type::Object, Need::Optional),
        ],
        reason: reason::<GetPromptRequestParams>,
    },
    Form {
        method: "completion/complete",
        members: &[
            Member("ref", Type::Object, Need::Required),
            Member("argument", Type::Object, Need::Required),
        ],
        reason: reason::<CompleteRequestParams>,
    },
    Form {
        method: "skills/get",
        members: &[Member("uri", Type::Text, Need::Required)],
        reason: reason::<GetSkillRequestParams>,
    },
    page("skills/list"),
    page("tools/list"),
    page("resources/list"),
    page("resources/templates/list"),
    page("prompts/list"),
];

const fn page(method: &'static str) -> Form {
    Form {
        method,
        members: PAGE,
        reason: reason::<PaginatedRequestParams>,
    }
}

/// The error for a request that the protocol library could not assign to a method.
pub(crate) fn refuse(request: &CustomRequest, stateless: bool) -> ErrorData {
    // Without sessions there is no `initialize`.
    let known =
        |form: &&Form| form.method == request.method && !(stateless && form.method == "initialize");
    let Some(form) = FORMS.iter().find(known) else {
        return not_offered::refusal(&request.method);
    };
    let problem = problem(form, request.params.as_ref());
    ErrorData::invalid_params(format!("{}: {problem}", form.method), None)
}

/// The call of a tool whose `arguments` are an empty list: how languages that have one type for lists
/// and maps write that there are none.
pub(crate) fn call_without_arguments(request: &CustomRequest) -> Option<CallToolRequestParams> {
    let params = request.params.as_ref()?.as_object()?;
    let empty = params.get("arguments")?.as_array()?.is_empty();
    if request.method != "tools/call" || !empty {
        return None;
    }
    let mut params = params.clone();
    params.remove("arguments");
    serde_json::from_value(Value::Object(params)).ok()
}

fn problem(form: &Form, params: Option<&Value>) -> String {
    let params = match params {
        None | Some(Value::Null) => return "`params` is missing".to_owned(),
        Some(Value::Object(params)) => params,
        Some(other) => return format!("`params` must be an object, not {}", name_of(other)),
    };
    let meta = Member("_meta", Type::Object, Need::Optional);
    let wrong: Vec<String> = form
        .members
        .iter()
        .chain([&meta])
        .filter_map(|member| wrong(member, params))
        .collect();
    if !wrong.is_empty() {
        return wrong.join("; ");
    }
    match (form.reason)(Value::Object(params.clone())) {
        Some(reason) => format!("`params` cannot be read: {reason}"),
        None => "`params` cannot be read".to_owned(),
    }
}

fn wrong(Member(name, kind, need): &Member, params: &Map<String, Value>) -> Option<String> {
    let given = params.get(*name).filter(|value| !value.is_null());
    match (given, kind) {
        (None, _) => (*need == Need::Required).then(|| format!("`{name}` is missing")),
        (Some(Value::String(_)), Type::Text) | (Some(Value::Object(_)), Type::Object) => None,
        (Some(other), Type::Text) => {
            Some(format!("`{name}` must be a string, not {}", name_of(other)))
        }
        (Some(Value::String(_)), Type::Object) => Some(format!(
            "`{name}` must be an object, not a string (not JSON inside a string either)"
        )),
        (Some(other), Type::Object) => Some(format!(
            "`{name}` must be an object, not {}",
            name_of(other)
        )),
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn reason<T: DeserializeOwned>(params: Value) -> Option<String> {
    let error = serde_json::from_value::<T>(params).err()?;
    Some(error.to_string().chars().take(MAX_REASON).collect())
}

/// The first protocol version without `initialize`.
const STATELESS: &str = "2026-07-28";

/// Returns true if the request names a protocol version without sessions, in its header or in `_meta`.
pub(crate) fn is_stateless(request: &CustomRequest, context: &RequestContext<RoleServer>) -> bool {
    const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
    let header = context
        .extensions
        .get::<http::request::Parts>()
        .and_then(|parts| parts.headers.get("mcp-protocol-version"))
        .and_then(|version| version.to_str().ok());
    let in_params = request
        .params
        .as_ref()
        .map(|params| &params["_meta"][VERSION]);
    let in_meta = context.meta.get(VERSION);
    let named = [in_params, in_meta].into_iter().flatten();
    let named = named.filter_map(Value::as_str).chain(header);
    // Versions are dates, so they compare as text.
    named.into_iter().any(|version| version >= STATELESS)
}

#[cfg(test)]
mod tests {
    use rmcp::model::ErrorCode;
    use serde_json::json;

    use super::*;

    fn told(method: &str, params: Option<Value>) -> String {
        let error = refuse(&CustomRequest::new(method, params), false);
        assert_eq!(error.code, ErrorCode::INVALID_PARAMS, "{error:?}");
        error.message.into_owned()
    }

    #[test]
    fn each_member_that_is_wrong_is_named() {
        assert_eq!(told("tools/call", None), "tools/call: `params` is missing");
        assert_eq!(
            told("tools/call", Some(json!([]))),
            "tools/call: `params` must be an object, not a list"
        );
        assert_eq!(
            told("tools/call", Some(json!({"arguments": [], "_meta": 7}))),
            "tools/call: `name` is missing; `arguments` must be an object, not a list; `_meta` must \
             be an object, not a number"
        );
        assert!(
            told("tools/call", Some(json!({"name": "x", "arguments": "{}"})))
                .contains("`arguments` must be an object, not a string")
        );
        assert_eq!(
            told(
                "initialize",
                Some(json!({"protocolVersion": 1, "capabilities": {}}))
            ),
            "initialize: `protocolVersion` must be a string, not a number; `clientInfo` is missing"
        );
        assert!(
            told(
                "initialize",
                Some(
                    json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {}})
                )
            )
            .contains("name")
        );
        assert!(told("tools/list", Some(json!({"cursor": 5}))).contains("`cursor`"));
        assert!(told("resources/read", Some(json!({}))).contains("`uri` is missing"));
        assert!(told("skills/get", Some(json!({"uri": 7}))).contains("`uri` must be a string"));
        assert!(told("skills/list", Some(json!({"cursor": 5}))).contains("`cursor`"));
    }

    #[test]
    fn an_empty_list_of_arguments_is_none() {
        let call = |method: &str, params: Value| {
            call_without_arguments(&CustomRequest::new(method, Some(params)))
        };
        let found = call("tools/call", json!({"name": "get_me", "arguments": []})).unwrap();
        assert_eq!((&*found.name, found.arguments), ("get_me", None));
        for (method, params) in [
            ("tools/call", json!({"name": "get_me", "arguments": ["x"]})),
            ("tools/call", json!({"name": 7, "arguments": []})),
            ("tools/call", json!({"arguments": []})),
            ("tools/call", json!([])),
            ("prompts/get", json!({"name": "x", "arguments": []})),
        ] {
            assert_eq!(call(method, params.clone()), None, "{method} {params}");
        }
    }

    #[test]
    fn a_method_that_does_not_exist_is_still_not_found() {
        for method in ["tools/cal", "", "sampling/createMessage", "tasks/get"] {
            let error = refuse(&CustomRequest::new(method, Some(json!([]))), false);
            assert_eq!(error.code, ErrorCode::METHOD_NOT_FOUND);
        }
    }

    #[test]
    fn there_is_no_initialize_without_sessions() {
        let request = CustomRequest::new("initialize", Some(json!({})));
        assert_eq!(refuse(&request, false).code, ErrorCode::INVALID_PARAMS);
        assert_eq!(refuse(&request, true).code, ErrorCode::METHOD_NOT_FOUND);
    }
}
