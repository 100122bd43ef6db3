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

/// Prepares the answer of a tool, and names its members with texts that people wrote, if there are any.
pub(crate) fn prepare(answer: &mut Value) {
    let mut found = [false; FREE.len()];
    walk(answer, true, &mut found);
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

/// Prepares a text.
pub(crate) fn prepared(text: &str) -> Cow<'_, str> {
    match hidden::visible(text) {
        Cow::Borrowed(seen) => images::without_images(seen),
        Cow::Owned(seen) => Cow::Owned(images::without_images(&seen).into_owned()),
    }
}

/// Prepares every text in `value`, and notes which of [`FREE`] hold some. One walk for all of it: most
/// answers have nothing that has to change.
fn walk(value: &mut Value, at_the_top: bool, found: &mut [bool; FREE.len()]) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(plain) = prepared(text) {
                *text = plain;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, false, found)),
        Value::Object(map) => {
            hidden::remove_from_names(map);
            for (name, inner) in map {
                let place = FREE.iter().position(|free| free == name);
                // What stands in a statement is the statement.
                if name == "statement" && inner.is_object() {
                    walk(inner, false, &mut [false; FREE.len()]);
                    note(found, place);
                    continue;
                }
                walk(inner, false, found);
                let ours = at_the_top && OURS_AT_THE_TOP.contains(&name.as_str());
                if !ours && inner.as_str().is_some_and(|text| !text.is_empty()) {
                    note(found, place);
                }
            }
        }
        _ => {}
    }
}

fn note(found: &mut [bool; FREE.len()], place: Option<usize>) {
    if let Some(found) = place.and_then(|place| found.get_mut(place)) {
        *found = true;
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
    fn texts_and_names_are_prepared_at_every_depth() {
        let mut answer = json!({"a\u{200b}": [{"b": "x\u{202e}y"}, "![x](y)"], "c": 7,
            "statement": {"text": "![x](y)", "title": {"note\u{200b}": "z"}}});
        prepare(&mut answer);
        assert_eq!(
            answer,
            json!({"a": [{"b": "xy"}, "[x](y)"], "c": 7,
                "statement": {"text": "[x](y)", "title": {"note": "z"}}, MARK: ["statement"]})
        );
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
