//! People and groups inside answers: urn, name and mail, so that whoever is responsible can be written to
//! without another call.

use serde_json::{Value, json};

use crate::fields;

/// Shortens every owner and assignee in `value` to urn, name and mail.
pub(super) fn shorten(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map.iter_mut() {
                match (name.as_str(), inner) {
                    ("owner", owner) => shorten_one(owner),
                    ("assignees", Value::Array(people)) => {
                        people.iter_mut().for_each(shorten_one);
                    }
                    (_, inner) => shorten(inner),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        _ => {}
    }
}

fn shorten_one(person: &mut Value) {
    let Some(urn) = person["urn"].as_str() else {
        return;
    };
    let first = |places: &[&[&str]]| {
        let texts = places
            .iter()
            .filter_map(|p| fields::at(person, p)?.as_str());
        texts.into_iter().find(|text| !text.trim().is_empty())
    };
    let mut short = json!({"urn": urn});
    // People may have changed what their directory says.
    let texts: [(&str, &[&[&str]]); 2] = [
        (
            "name",
            &[
                &["editableProperties", "displayName"],
                &["properties", "displayName"],
                &["properties", "fullName"],
            ],
        ),
        (
            "email",
            &[&["editableProperties", "email"], &["properties", "email"]],
        ),
    ];
    for (name, places) in texts {
        if let Some(text) = first(places) {
            fields::set(&mut short, name, text);
        }
    }
    *person = short;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_have_name_and_mail_beside_the_urn() {
        let mut value = json!({"ownership": {"owners": [
            {"owner": {"urn": "urn:li:corpuser:u1",
                "properties": {"displayName": "", "fullName": "Ada Marsh", "email": "a@x.example"},
                "editableProperties": {"displayName": null, "email": "ada@x.example"}},
             "ownershipType": {"urn": "t", "info": {"name": "Technical Owner"}}},
            {"owner": {"urn": "urn:li:corpGroup:g", "properties": {"displayName": "Platform"}}},
            {"owner": {"urn": "urn:li:corpuser:gone", "properties": null}},
            {"owner": null}, 7
        ]}, "assignees": [{"urn": "urn:li:corpuser:u2", "properties": {"displayName": "Bo"}}]});
        shorten(&mut value);
        assert_eq!(
            value,
            json!({"ownership": {"owners": [
                {"owner": {"urn": "urn:li:corpuser:u1", "name": "Ada Marsh", "email": "ada@x.example"},
                 "ownershipType": {"urn": "t", "info": {"name": "Technical Owner"}}},
                {"owner": {"urn": "urn:li:corpGroup:g", "name": "Platform"}},
                {"owner": {"urn": "urn:li:corpuser:gone"}},
                {"owner": null}, 7
            ]}, "assignees": [{"urn": "urn:li:corpuser:u2", "name": "Bo"}]})
        );
    }
}
