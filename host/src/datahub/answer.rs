//! What a GraphQL response means. DataHub says most things with HTTP 200: a refusal is an error
//! with a code inside, and partial data beside errors is normal.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::DataHubError;

/// Longer messages of DataHub (stack traces) are cut to this many characters.
const MAX_MESSAGE_CHARS: usize = 400;
/// So many failed fields are named; the rest are counted.
const MAX_FIELD_ERRORS: usize = 20;

/// A field that DataHub could not answer while the rest of the answer is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where in the answer, as `dataset.usageStats`.
    pub path: String,
    /// DataHub's words.
    pub message: String,
}

/// The data of a response, and what is missing from it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The `data` member.
    pub data: Map<String, Value>,
    /// The fields that failed; empty most of the time.
    pub warnings: Vec<FieldError>,
}

impl Answer {
    /// Takes the top-level field `name` out of the data; null if it is not there.
    pub fn take(&mut self, name: &str) -> Value {
        self.data.get_mut(name).map(Value::take).unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    data: Option<Map<String, Value>>,
    #[serde(default)]
    errors: Option<Vec<GraphQlError>>,
}

#[derive(Deserialize)]
struct GraphQlError {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    path: Option<Vec<Value>>,
    #[serde(default)]
    extensions: Option<Map<String, Value>>,
}

/// Reads a response body that came with HTTP 200 (or 400, which DataHub uses for documents that it
/// finds invalid).
///
/// # Errors
/// What the errors in it say where no data is left, and [`DataHubError::Malformed`] for anything
/// that is not a GraphQL response.
pub(super) fn read(body: &[u8]) -> Result<Answer, DataHubError> {
    let response: Response = serde_json::from_slice(body).map_err(|_| DataHubError::Malformed {
        what: malformed_kind(body),
    })?;
    if response.data.is_none() && response.errors.is_none() {
        return Err(DataHubError::Malformed {
            what: "JSON without data and errors",
        });
    }
    let errors = response.errors.unwrap_or_default();
    let data = response.data.unwrap_or_default();
    // A refused token ends the call whatever else is there.
    if errors.iter().any(|e| e.code() == Some(401)) {
        return Err(DataHubError::TokenRefused);
    }
    let has_data = data.values().any(|value| !value.is_null());
    match errors.first() {
        Some(first) if !has_data => Err(first.to_error()),
        _ => Ok(Answer {
            data,
            warnings: warnings(&errors),
        }),
    }
}

fn malformed_kind(body: &[u8]) -> &'static str {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => "an empty body",
        Some(b'<') => "an HTML page (does DATAHUB_GMS_URL point at the metadata service?)",
        Some(b'{') => "cut or broken JSON",
        Some(_) => "not a GraphQL response",
    }
}

fn warnings(errors: &[GraphQlError]) -> Vec<FieldError> {
    let mut warnings: Vec<FieldError> = errors
        .iter()
        .take(MAX_FIELD_ERRORS)
        .map(|error| FieldError {
            path: error.path(),
            message: error.message(),
        })
        .collect();
    if errors.len() > MAX_FIELD_ERRORS {
        let more = errors.len() - MAX_FIELD_ERRORS;
        warnings.push(FieldError {
            path: String::new(),
            message: format!("{more} more errors"),
        });
    }
    warnings
}

impl GraphQlError {
    /// The code of DataHub's `extensions`, as a number or as text.
    fn code(&self) -> Option<u64> {
        match self.extensions.as_ref()?.get("code")? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn text(&self, key: &str) -> &str {
        let value = self.extensions.as_ref().and_then(|map| map.get(key));
        value.and_then(Value::as_str).unwrap_or_default()
    }

    fn message(&self) -> String {
        shorten(self.message.as_deref().unwrap_or("no message"))
    }

    fn path(&self) -> String {
        let mut out = String::new();
        for part in self.path.iter().flatten().take(32) {
            match part {
                Value::String(name) => {
                    if !out.is_empty() {
                        out.push('.');
                    }
                    out.push_str(name);
                }
                Value::Number(index) => out.push_str(&format!("[{index}]")),
                _ => {}
            }
        }
        out
    }

    fn to_error(&self) -> DataHubError {
        let message = self.message();
        match self.code() {
            Some(403) => return DataHubError::Forbidden { message },
            Some(400) => return DataHubError::BadRequest { message },
            Some(404) => return DataHubError::NotFound { message },
            Some(409) => return DataHubError::Conflict { message },
            Some(429) => {
                return DataHubError::RateLimited {
                    retry_after: Duration::from_secs(1),
                };
            }
            Some(503) => {
                return DataHubError::Unavailable {
                    why: "it says so itself",
                    retry_after: Duration::from_secs(1),
                };
            }
            _ => {}
        }
        match (self.text("type"), self.text("classification")) {
            ("UNAUTHORIZED", _) => DataHubError::Forbidden { message },
            ("BAD_REQUEST", _) => DataHubError::BadRequest { message },
            ("NOT_FOUND", _) => DataHubError::NotFound { message },
            (_, "ValidationError" | "InvalidSyntax") => {
                if message.contains("Undefined") || message.contains("UnknownType") {
                    DataHubError::Schema { message }
                } else {
                    DataHubError::BadRequest { message }
                }
            }
            _ => DataHubError::Internal { message },
        }
    }
}

/// One line of at most [`MAX_MESSAGE_CHARS`] characters.
fn shorten(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default().trim();
    match line.char_indices().nth(MAX_MESSAGE_CHARS) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}
