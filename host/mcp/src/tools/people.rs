//! People and groups inside answers: urn, name and mail, so that whoever is responsible can be written to
//! without another call.

use std::collections::HashMap;

use datahub::Tree;
use serde_json::{Map, Value};

use super::said::is_said_by;
use crate::{
    clean::{clean, cleaned},
    fields::{self, Members},
};

/// The members of a person: urn, name, mail and the number of hits.
const MOST_MEMBERS: usize = 4;

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
    let mut people: Vec<(String, Value, usize)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for hit in hits {
        let entity = hit.get_mut("entity");
        let owners = entity
            .and_then(|entity| entity.get_mut("owners"))
            .and_then(Value::as_array_mut);
        for owner in owners.into_iter().flatten() {
            let Some(urn) = owner["urn"].as_str().map(str::to_owned) else {
                continue;
            };
            let person = std::mem::replace(owner, Value::from(urn.as_str()));
            let at = *places.entry(urn.clone()).or_insert(people.len());
            match people.get_mut(at) {
                Some((.., hits)) => *hits += 1,
                None => people.push((urn, person, 1)),
            }
        }
    }
    people.sort_by_key(|(.., hits)| std::cmp::Reverse(*hits));
    people
        .into_iter()
        .map(|(urn, mut person, hits)| {
            let said = |name: &str| is_said_by(&urn, name);
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
    if let Some(short) = shortened(person) {
        *person = short;
    }
}

/// A person of an answer, shortened if it is one.
pub(super) fn short(person: &Tree<'_>) -> Value {
    shortened(person).unwrap_or_else(|| cleaned(person))
}

fn shortened<T: Members>(person: &T) -> Option<Value> {
    let urn = fields::at(person, &["urn"])?.text()?;
    let mut short = Map::with_capacity(MOST_MEMBERS);
    short.insert("urn".to_owned(), Value::from(urn));
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
        if let Some(text) = fields::text_at(person, places) {
            short.insert(name.to_owned(), Value::from(text));
        }
    }
    Some(Value::Object(short))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn many_owners_are_not_compared_with_each_other() {
        let owners: Vec<_> = (0..100_000)
            .map(|number| json!({"urn": format!("urn:li:corpuser:{number}")}))
            .collect();
        let began = std::time::Instant::now();
        let mut hits = [json!({"entity": {"owners": owners}})];
        assert_eq!(collect(&mut hits).len(), 100_000);
        // Each compared with each, it is a minute.
        assert!(began.elapsed().as_secs() < 20);
    }

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
