//! People and groups inside answers: urn, name and mail, so that whoever is responsible can be written to
//! without another call.

use serde_json::{Value, json};

use super::said::is_said_by;
use crate::{clean::clean, fields};

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

/// The owners of all `hits`, who are shortened already, with the number of hits that they own if it is
/// more than one, most first.
/// Each hit keeps their urns: the same few people own most of a page. A name that the urn says is left
/// out.
pub(super) fn collect(hits: &mut [Value]) -> Vec<Value> {
    let mut people: Vec<(Value, usize)> = Vec::new();
    for hit in hits {
        let owners = hit
            .pointer_mut("/entity/owners")
            .and_then(Value::as_array_mut);
        for owner in owners.into_iter().flatten() {
            if owner["urn"].is_null() {
                continue;
            }
            let urn = owner["urn"].clone();
            match people.iter_mut().find(|(known, _)| known["urn"] == urn) {
                Some((_, hits)) => *hits += 1,
                None => people.push((owner.take(), 1)),
            }
            *owner = urn;
        }
    }
    people.sort_by_key(|(_, hits)| std::cmp::Reverse(*hits));
    people
        .into_iter()
        .map(|(mut person, hits)| {
            let urn = person["urn"].as_str().unwrap_or_default();
            let said = |name: &str| is_said_by(urn, name);
            if person["name"].as_str().is_some_and(said) {
                fields::take(&mut person, &["name"]);
            }
            if hits > 1 {
                fields::set(&mut person, "hits", hits);
            }
            clean(&mut person);
            person
        })
        .collect()
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
    fn a_page_names_each_owner_once() {
        let ada = json!({"urn": "urn:li:corpuser:a", "name": "Ada", "email": "a@x.example"});
        let bo = json!({"urn": "urn:li:corpuser:b"});
        let mut hits = [
            json!({"entity": {"owners": [bo, null]}}),
            json!({"entity": {"owners": [ada, bo]}}),
            json!({"entity": {}}),
            json!({"entity": {"owners": [ada, bo]}}),
        ];
        assert_eq!(
            collect(&mut hits),
            [
                json!({"urn": "urn:li:corpuser:b", "hits": 3}),
                json!({"urn": "urn:li:corpuser:a", "name": "Ada", "email": "a@x.example", "hits": 2}),
            ]
        );
        let urns = json!(["urn:li:corpuser:a", "urn:li:corpuser:b"]);
        assert_eq!(hits[1]["entity"]["owners"], urns);
    }

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
