//! The limit on the length of an answer: long texts and long lists are cut, with a marker that says
//! how to get the rest. Length is counted in tokens, estimated at four bytes of JSON each.

use serde_json::Value;

/// A rule of thumb for JSON that holds for the usual tokenizers.
const BYTES_PER_TOKEN: usize = 4;

/// The estimated tokens of `value` written as JSON.
pub(crate) fn tokens(value: &Value) -> usize {
    bytes(value).div_ceil(BYTES_PER_TOKEN)
}

/// The approximate number of bytes of `value` written as JSON, not counting escapes.
fn bytes(value: &Value) -> usize {
    match value {
        Value::Null => 4,
        Value::Bool(_) => 5,
        Value::Number(number) => {
            // Most numbers are small; the exact width of the others does not matter.
            number
                .as_u64()
                .map_or(12, |n| n.checked_ilog10().unwrap_or(0) as usize + 1)
        }
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| bytes(item) + 1).sum::<usize>(),
        Value::Object(map) => {
            2 + map
                .iter()
                .map(|(key, inner)| key.len() + 4 + bytes(inner))
                .sum::<usize>()
        }
    }
}

/// Keeps the longest prefix of `items` that fits `limit` tokens, but at least one item. Returns
/// how many were dropped.
pub(crate) fn fit(items: &mut Vec<Value>, limit: usize) -> usize {
    let mut left = limit;
    let mut kept = 0;
    for item in items.iter() {
        let size = tokens(item);
        if size > left && kept > 0 {
            break;
        }
        left = left.saturating_sub(size);
        kept += 1;
    }
    let dropped = items.len() - kept;
    items.truncate(kept);
    dropped
}

/// Cuts every text in `value` that is longer than `chars`, saying so at its end.
pub(crate) fn cut_texts(value: &mut Value, chars: usize) {
    match value {
        Value::String(text) => cut(text, chars),
        Value::Array(items) => items.iter_mut().for_each(|item| cut_texts(item, chars)),
        Value::Object(map) => map.values_mut().for_each(|inner| cut_texts(inner, chars)),
        _ => {}
    }
}

/// The first `chars` characters of `text`, with an ellipsis where that is not all of it.
pub(crate) fn beginning(text: &str, chars: usize) -> String {
    if text.len() <= chars {
        return text.to_owned();
    }
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}

fn cut(text: &mut String, chars: usize) {
    if text.len() <= chars {
        return;
    }
    if let Some((end, _)) = text.char_indices().nth(chars) {
        let total = text.chars().count();
        text.truncate(end);
        text.push_str(&format!("... [cut: {chars} of {total} characters]"));
    }
}

/// Shortens the texts in `value` step by step until it fits `limit` tokens or they are cut to 64
/// characters, then its lists and objects, and says so. The last resort: tools cut their own lists
/// before.
pub(crate) fn force(value: &mut Value, limit: usize) {
    let mut chars = 4_096;
    while tokens(value) > limit && chars >= 64 {
        cut_texts(value, chars);
        chars /= 4;
    }
    let (mut most, mut left) = (1_024, None);
    while tokens(value) > limit && most >= 4 {
        cut_lists(value, most);
        left = Some(most);
        most /= 4;
    }
    if let (Some(left), Value::Object(map)) = (left, value) {
        let warnings = map
            .entry("warnings")
            .or_insert_with(|| Value::from(Vec::<Value>::new()));
        if let Value::Array(warnings) = warnings {
            warnings.push(Value::from(format!(
                "the answer was too long: of each list the first {left} are left; ask for less at once"
            )));
        }
    }
}

/// Cuts every list and every object in `value` that has more than `most` members.
fn cut_lists(value: &mut Value, most: usize) {
    match value {
        Value::Array(items) => {
            items.truncate(most);
            items.iter_mut().for_each(|item| cut_lists(item, most));
        }
        Value::Object(map) => {
            if map.len() > most {
                *map = std::mem::take(map).into_iter().take(most).collect();
            }
            map.values_mut().for_each(|inner| cut_lists(inner, most));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_estimate_is_near_the_length_of_the_json() {
        let value = json!({"a": [1, 20, 300, true, null], "text": "hello", "deep": {"x": -1.5}});
        let real = value.to_string().len();
        assert!(
            bytes(&value).abs_diff(real) * 4 < real,
            "{} {real}",
            bytes(&value)
        );
    }

    #[test]
    fn lists_keep_what_fits_and_at_least_one() {
        let mut items: Vec<Value> = (0..10).map(|_| json!("x".repeat(38))).collect();
        assert_eq!(fit(&mut items, 35), 7);
        assert_eq!(items.len(), 3);
        assert_eq!(fit(&mut items, 1), 2);
        assert_eq!(fit(&mut items, 1), 0);
    }

    #[test]
    fn texts_are_cut_between_characters_with_a_marker() {
        let mut value = json!({"d": "äöüäöü", "short": "abc"});
        cut_texts(&mut value, 3);
        assert_eq!(value["d"], "äöü... [cut: 3 of 6 characters]");
        assert_eq!(value["short"], "abc");
        assert_eq!(beginning("äöü", 3), "äöü");
        assert_eq!(beginning("äö üx", 3), "äö…");
        let mut value = json!(vec!["y".repeat(10_000); 20]);
        force(&mut value, 2_000);
        assert!(tokens(&value) <= 2_000);
    }

    #[test]
    fn long_lists_and_objects_of_short_texts_are_cut_and_the_answer_says_so() {
        let properties: serde_json::Map<_, _> = (0..50_000)
            .map(|number| (format!("property {number}"), json!("x")))
            .collect();
        let tags: Vec<_> = (0..50_000)
            .map(|number| json!({"urn": format!("urn:li:tag:{number}"), "terms": vec![number; 9]}))
            .collect();
        for mut value in [
            json!({"urn": "u", "customProperties": properties}),
            json!({"urn": "u", "tags": tags, "warnings": ["one"]}),
            json!({"entities": [{"tags": tags}, {"tags": tags}]}),
        ] {
            force(&mut value, 2_000);
            assert!(tokens(&value) <= 2_100, "{}", tokens(&value));
            let warnings = value["warnings"].as_array().unwrap();
            let last = warnings.last().and_then(Value::as_str).unwrap();
            assert!(last.contains("too long"), "{last}");
        }
        let mut short = json!({"tags": [1, 2, 3]});
        force(&mut short, 2_000);
        assert_eq!(short, json!({"tags": [1, 2, 3]}));
    }
}
