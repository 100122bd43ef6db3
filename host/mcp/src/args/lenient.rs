//! Values as models and clients write them: numbers and booleans in quotes, lists as one text.

use serde_json::Value;

/// The default limit on one text argument, in characters.
pub(super) const MAX_TEXT: usize = 4_000;
/// The beginning of every urn of DataHub.
const URN: &str = "urn:li:";

/// True for an empty text, list or object.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

pub(super) fn flag_of(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_f64()? {
            0.0 => Some(false),
            1.0 => Some(true),
            _ => None,
        },
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Splits urns that are joined in one text, at commas outside parentheses (a urn may hold commas
/// and other urns inside them) that another urn follows. Any other text stays whole.
pub(super) fn separate_urns(text: String) -> Vec<String> {
    let bare = text.trim();
    let inner = bare.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let bare = inner.unwrap_or(bare);
    if !unquoted(bare).starts_with(URN) {
        return vec![text];
    }
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for (at, character) in bare.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' | '\n' if depth == 0 && unquoted(&bare[at + 1..]).starts_with(URN) => {
                parts.push(&bare[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&bare[start..]);
    if parts.len() == 1 {
        return vec![text];
    }
    let ends = [',', ' ', '"', '\''];
    parts
        .into_iter()
        .map(|part| unquoted(part).trim_end_matches(ends).to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

/// `text` without the spaces and quotes at its beginning and the spaces at its end.
fn unquoted(text: &str) -> &str {
    text.trim().trim_start_matches(['"', '\''])
}

pub(super) fn integer_of(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => {
            let text = text.trim();
            text.parse()
                .ok()
                .or_else(|| whole(text.parse().ok().filter(|_| !text.contains(['e', 'E']))?))
        }
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        _ => None,
    }
}

fn whole(float: f64) -> Option<i64> {
    (float.fract() == 0.0 && float.abs() < 1e15).then_some(float as i64)
}

/// A list, a bare text, or a list written as JSON inside a text. Null inside a list becomes the
/// empty text ("no column here").
pub(super) fn list_of(value: Value, max: usize) -> Result<Vec<String>, String> {
    let wrong = || "must be a list of strings".to_owned();
    let items = match value {
        Value::Array(items) => items,
        Value::String(text) if text.trim_start().starts_with('[') => {
            match serde_json::from_str(&text) {
                Ok(Value::Array(items)) => items,
                _ => vec![Value::String(text)],
            }
        }
        Value::String(text) => vec![Value::String(text)],
        _ => return Err(wrong()),
    };
    if items.len() > max {
        return Err(format!("may hold at most {max} entries"));
    }
    items
        .into_iter()
        .map(|item| match item {
            Value::String(text) => within(text, MAX_TEXT),
            Value::Number(number) => Ok(number.to_string()),
            Value::Null => Ok(String::new()),
            _ => Err(wrong()),
        })
        .collect()
}

pub(super) fn within(text: String, max: usize) -> Result<String, String> {
    // No text has more characters than bytes, so most texts need no counting.
    if text.len() > max && text.chars().count() > max {
        return Err(format!("may be at most {max} characters long"));
    }
    Ok(text)
}
