//! Interpretation of GraphQL responses. DataHub answers most requests with HTTP 200: a refusal is
//! an error with a code inside, and partial data beside errors is normal.

use std::time::Duration;

use foundation::json_values::are_more;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    error::DataHubError,
    tree::{self, Tree},
};

/// Longer messages of DataHub (stack traces) are cut to this many characters.
const MAX_MESSAGE_CHARS: usize = 400;
/// Shorter answers hold too few values to matter, and are not read twice.
const COUNTED_FROM_BYTES: usize = 512 * 1024;
/// The most values in an answer; those about a very wide table are a fifth of it.
const MAX_VALUES: usize = 500_000;
/// The number of failed fields that are named; the rest are counted.
const MAX_FIELD_ERRORS: usize = 20;

/// A field that DataHub could not answer although it answered the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The path in the answer, such as `dataset.usageStats`.
    pub path: String,
    /// DataHub's message.
    pub message: String,
}

/// The data of a response, and what is missing from it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer<T = Map<String, Value>> {
    /// The `data` member, or what was made of it. Below its own members, those that are null are left
    /// out: DataHub answers null for each field that it has no value for, which is most of them.
    pub data: T,
    /// The fields that failed; empty most of the time.
    pub warnings: Vec<FieldError>,
}

impl Answer {
    /// Takes the top-level field `name` out of the data; null if it is missing.
    pub fn take(&mut self, name: &str) -> Value {
        self.data.get_mut(name).map(Value::take).unwrap_or_default()
    }
}

/// A response without data: its meaning, and the lines of the document at which DataHub's
/// validation found something that it does not know.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: DataHubError,
    /// Lines of the document, from 1; empty unless every error comes from validation and names one.
    pub(super) invalid_lines: Vec<usize>,
}

impl From<DataHubError> for Refusal {
    fn from(error: DataHubError) -> Self {
        Self {
            error,
            invalid_lines: Vec::new(),
        }
    }
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(default, borrow, deserialize_with = "tree::data")]
    data: Option<Tree<'a>>,
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
    locations: Option<Vec<Location>>,
    #[serde(default)]
    extensions: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Location {
    line: usize,
}

/// Reads a response body that came with HTTP 200 (or 400, which DataHub uses for documents that it
/// finds invalid). The answer has what `take` makes of the data, which does not outlive the body.
///
/// # Errors
/// The error in it if it has no data, and [`DataHubError::Malformed`] for anything that is not a
/// GraphQL response.
pub(super) fn read<T>(
    body: &[u8],
    take: &(dyn Fn(Tree<'_>) -> T + Sync),
) -> Result<Answer<T>, Refusal> {
    check_values(body)?;
    // Checked as a whole, which is faster than text by text.
    let text = std::str::from_utf8(body).ok();
    let response: Response<'_> = text
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| DataHubError::Malformed {
            what: malformed_kind(body),
        })?;
    if response.data.is_none() && response.errors.is_none() {
        let what = "JSON without data and errors";
        return Err(DataHubError::Malformed { what }.into());
    }
    let errors = response.errors.unwrap_or_default();
    let data = response.data.unwrap_or(Tree::Object(Vec::new()));
    // A refused token ends the call, even beside partial data.
    if errors.iter().any(|e| e.code() == Some(401)) {
        return Err(DataHubError::TokenRefused.into());
    }
    let has_data = data.members().iter().any(|(_, value)| !value.is_null());
    let unknown = errors.iter().find(|error| error.is_of_schema());
    match unknown.or(errors.first()) {
        Some(first) if !has_data => Err(Refusal {
            error: first.to_error(),
            invalid_lines: invalid_lines(&errors),
        }),
        _ => Ok(Answer {
            data: take(data),
            warnings: warnings(&errors),
        }),
    }
}

/// Refuses a long answer of very many values: it may take a hundred times its size.
///
/// # Errors
/// [`DataHubError::TooManyValues`].
pub(super) fn check_values(body: &[u8]) -> Result<(), DataHubError> {
    match body.len() >= COUNTED_FROM_BYTES && are_more(body, MAX_VALUES) {
        true => Err(DataHubError::TooManyValues { limit: MAX_VALUES }),
        false => Ok(()),
    }
}

/// The lines that validation errors name. Empty if any error has no line or comes from a field
/// that was executed, because it is then not a validation error.
fn invalid_lines(errors: &[GraphQlError]) -> Vec<usize> {
    let line = |error: &GraphQlError| match (&error.path, error.code(), &error.locations) {
        (None, None, Some(locations)) => locations.first().map(|location| location.line),
        _ => None,
    };
    errors
        .iter()
        .map(line)
        .collect::<Option<Vec<_>>>()
        .unwrap_or_default()
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

    /// True if the error reports an unknown field or type.
    fn is_of_schema(&self) -> bool {
        let message = self.message.as_deref().unwrap_or_default();
        self.path.is_none() && (message.contains("Undefined") || message.contains("UnknownType"))
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
                    why: "it reports status 503",
                    retry_after: Duration::from_secs(1),
                };
            }
            _ => {}
        }
        match (self.text("type"), self.text("classification")) {
            ("UNAUTHORIZED", _) => DataHubError::Forbidden { message },
            ("BAD_REQUEST", _) => DataHubError::BadRequest { message },
            ("NOT_FOUND", _) => DataHubError::NotFound { message },
            (_, "ValidationError" | "InvalidSyntax") if self.is_of_schema() => {
                DataHubError::Schema { message }
            }
            (_, "ValidationError" | "InvalidSyntax") => DataHubError::BadRequest { message },
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
