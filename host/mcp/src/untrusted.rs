//! Texts from the catalog, before a model reads them: anybody who may write there may have written orders
//! for models. What people do not see is left out, nothing is left that a page would fetch, and an answer
//! names its members that hold such texts.

use std::borrow::Cow;

use serde_json::Value;

use crate::{hidden, images};

/// The member of an answer that names the others that people wrote.
const MARK: &str = "writtenByPeople";
/// The members that hold free text.
const FREE: &[&str] = &[
    "description",
    "sourceDescription",
    "title",
    "note",
    "message",
    "text",
    "excerpt",
    "statement",
];
/// Of these, the ones that are this server's own words at the top of an answer.
const OURS_AT_THE_TOP: &[&str] = &["note", "message"];

/// Prepares the answer of a tool.
pub(crate) fn prepare(value: &mut Value) {
    hidden::remove(value);
    images::neutralise(value);
    mark(value);
}

/// Prepares a text.
pub(crate) fn prepared(text: &str) -> String {
    let seen = hidden::visible(text);
    match images::without_images(&seen) {
        Cow::Owned(plain) => plain,
        Cow::Borrowed(_) => seen.into_owned(),
    }
}

/// Names the members with texts that people wrote, if there are any.
fn mark(answer: &mut Value) {
    let mut found = vec![false; FREE.len()];
    look(answer, true, &mut found);
    let names: Vec<&str> = FREE
        .iter()
        .zip(found)
        .filter_map(|(name, found)| found.then_some(*name))
        .collect();
    if let Value::Object(map) = answer
        && !names.is_empty()
    {
        map.insert(MARK.to_owned(), Value::from(names));
    }
}

fn look(value: &Value, at_the_top: bool, found: &mut [bool]) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| look(item, false, found)),
        Value::Object(map) => {
            for (name, inner) in map {
                let ours = at_the_top && OURS_AT_THE_TOP.contains(&name.as_str());
                let place = FREE.iter().position(|free| free == name);
                match (place.and_then(|place| found.get_mut(place)), inner) {
                    (Some(found), Value::String(text)) => *found |= !ours && !text.is_empty(),
                    (Some(found), Value::Object(_)) if name == "statement" => *found = true,
                    _ => look(inner, false, found),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_names_what_people_wrote() {
        let mut answer = json!({"entities": [{"urn": "u", "description": "![x](https://x)\u{200b}",
            "deprecation": {"note": "Use b."}}, {"statement": {"value": "select 1"}}]});
        prepare(&mut answer);
        assert_eq!(answer["entities"][0]["description"], "[x](https://x)");
        assert_eq!(answer[MARK], json!(["description", "note", "statement"]));
    }

    #[test]
    fn our_own_words_are_not_marked() {
        for plain in [
            json!({"success": true, "message": "tags added"}),
            json!({"total": 0, "note": "no queries are recorded here", "queries": []}),
            json!({"searchResults": [{"entity": {"urn": "u", "description": ""}}]}),
            json!({}),
        ] {
            let mut answer = plain.clone();
            prepare(&mut answer);
            assert_eq!(answer, plain);
        }
        assert_eq!(prepared("a\u{200b} <img src=x>"), "a &lt;img src=x>");
    }
}
