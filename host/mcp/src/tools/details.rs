//! An entity in full, without the layers in which DataHub wraps its facts: lists are lists, names stand
//! beside urns, what people wrote goes before what the source says. Members have the names that hits
//! have ([`flat`](super::flat)). Domain, tags and terms keep their layers: programs find them by these.

use serde_json::{Map, Value, json};

use super::{
    flat::{TEXTS, named},
    people,
    said::{is_in_urn, is_said_by},
};
use crate::fields;

/// Members that hold one list, with the path to it; each item is the entity itself.
const LISTS: &[(&str, &[&str])] = &[
    ("parentContainers", &["containers"]),
    ("parentNodes", &["nodes"]),
    ("parentDomains", &["domains"]),
    ("siblings", &["siblings"]),
];
/// Members that count entities and hold the first of them, with the path to these.
const COUNTED: &[&str] = &["relationships", "searchResults"];

/// Flattens an entity that DataHub has answered with.
pub(super) fn flatten(entity: &mut Value) {
    if !entity.is_object() {
        return;
    }
    people::shorten(entity);
    let mut flat = Map::new();
    for name in ["urn", "type"] {
        flat.insert(name.to_owned(), entity[name].clone());
    }
    for (name, places) in TEXTS {
        if let Some(text) = fields::text_at(entity, places) {
            flat.insert((*name).to_owned(), Value::from(text));
        }
    }
    name_person(entity, &mut flat);
    source_description(entity, &mut flat);
    if in_urn(flat.get("qualifiedName"), &flat) {
        flat.insert("qualifiedName".to_owned(), Value::Null);
    }
    let lists = [
        ("subTypes", fields::take(entity, &["subTypes", "typeNames"])),
        (
            "domain",
            json!({"domain": named(&entity["domain"]["domain"])}),
        ),
        ("owners", each(&entity["ownership"]["owners"], owner)),
        ("tags", labels(entity, "tags", "tags", "tag")),
        (
            "glossaryTerms",
            labels(entity, "glossaryTerms", "terms", "term"),
        ),
        (
            "structuredProperties",
            each(&entity["structuredProperties"]["properties"], property),
        ),
        (
            "links",
            fields::take(entity, &["institutionalMemory", "elements"]),
        ),
    ];
    for (name, value) in lists {
        flat.insert(name.to_owned(), value);
    }
    for (name, path) in LISTS {
        if let Some(list) = fields::at(&entity[*name], path) {
            flat.insert((*name).to_owned(), each(list, placed));
        }
    }
    let edited = fields::take(entity, &["editableProperties"]);
    hoist(&mut flat, "editableProperties", edited);
    if let Value::Object(layers) = entity.take() {
        for (name, value) in layers {
            hoist(&mut flat, &name, value);
        }
    }
    *entity = Value::Object(flat);
}

/// Returns true if `text` stands in the urn of the entity.
fn in_urn(text: Option<&Value>, flat: &Map<String, Value>) -> bool {
    let text = text.and_then(Value::as_str);
    let urn = flat.get("urn").and_then(Value::as_str);
    text.zip(urn)
        .is_some_and(|(text, urn)| is_in_urn(text, urn))
}

/// Names a person as others know them: the account's name stands beside.
fn name_person(entity: &Value, flat: &mut Map<String, Value>) {
    if !entity["username"].is_string() {
        return;
    }
    let places = [
        &entity["editableProperties"]["displayName"],
        &entity["properties"]["displayName"],
        &entity["properties"]["fullName"],
    ];
    let mut names = places.iter().filter_map(|place| place.as_str());
    if let Some(name) = names.find(|name| !name.trim().is_empty()) {
        flat.insert("name".to_owned(), Value::from(name));
    }
}

/// Keeps the source's description beside another one that people wrote.
fn source_description(entity: &Value, flat: &mut Map<String, Value>) {
    let source = &entity["properties"]["description"];
    let same = flat.get("description").is_none_or(|shown| shown == source);
    if !same && source.as_str().is_some_and(|text| !text.trim().is_empty()) {
        flat.insert("sourceDescription".to_owned(), source.clone());
    }
}

/// Puts a member of the entity into `flat`, without its layer.
fn hoist(flat: &mut Map<String, Value>, name: &str, mut value: Value) {
    match name {
        "properties" | "editableProperties" => {
            if let Value::Object(members) = value {
                for (name, value) in members {
                    // The type of the entity has that name.
                    let name = if name == "type" { "kind" } else { &name };
                    hoist(flat, name, value);
                }
            }
            return;
        }
        "schemaMetadata" => {
            for name in ["primaryKeys", "foreignKeys"] {
                flat.insert(name.to_owned(), fields::take(&mut value, &[name]));
            }
            return;
        }
        // Taken already.
        "ownership" | "institutionalMemory" => return,
        "incidents" if value["total"] == 0 => return,
        "customProperties" => value = pairs(&value),
        "deprecation" if value["deprecated"] == false => return,
        "created" | "lastModified" if value["actor"].is_null() => {
            if value.is_object() {
                value = fields::take(&mut value, &["time"]);
            }
        }
        "displayName" | "fullName" if flat.get("name") == Some(&value) => return,
        "origin" if in_urn(Some(&value), flat) => return,
        _ => value = counted(value),
    }
    if !value.is_null() && !flat.contains_key(name) {
        flat.insert(name.to_owned(), value);
    }
}

/// A number of entities and the urns of the first of them; anything else as it is.
fn counted(value: Value) -> Value {
    let Some(list) = COUNTED.iter().find(|name| value[**name].is_array()) else {
        return value;
    };
    let urns = each(&value[*list], |one| one["entity"]["urn"].clone());
    json!({"total": value["total"], "urns": urns})
}

/// Tags or terms, in the layers in which programs for the Python server read them.
fn labels(entity: &Value, name: &str, list: &str, one: &str) -> Value {
    let labels = each(&entity[name][list], |label| {
        let mut layer = Map::new();
        layer.insert(one.to_owned(), explained(&label[one]));
        Value::Object(layer)
    });
    let mut layer = Map::new();
    layer.insert(list.to_owned(), labels);
    Value::Object(layer)
}

fn owner(one: &Value) -> Value {
    let mut owner = one["owner"].clone();
    let kind = &one["ownershipType"];
    let kind = match kind["info"]["name"].as_str() {
        Some(name) => Value::from(name),
        None => kind["urn"].clone(),
    };
    fields::set(&mut owner, "ownershipType", kind);
    owner
}

/// A tag or term, with what it means.
fn explained(one: &Value) -> Value {
    let mut named = named(one);
    fields::set(
        &mut named,
        "description",
        one["properties"]["description"].clone(),
    );
    named
}

/// Something that lies above the entity.
fn placed(one: &Value) -> Value {
    let mut named = named(one);
    fields::set(&mut named, "subTypes", one["subTypes"]["typeNames"].clone());
    named
}

fn property(one: &Value) -> Value {
    let property = &one["structuredProperty"];
    let urn = property["urn"].as_str().unwrap_or_default();
    let name = property["definition"]["displayName"].as_str();
    let name = name.filter(|name| !is_said_by(&urn.replace('.', ":"), name));
    let values = each(&one["values"], |value| {
        match value["stringValue"].is_null() {
            true => value["numberValue"].clone(),
            false => value["stringValue"].clone(),
        }
    });
    json!({"urn": property["urn"], "name": name, "values": values})
}

/// `[{key, value}]` as an object.
fn pairs(list: &Value) -> Value {
    let pairs = list.as_array().into_iter().flatten();
    let pairs =
        pairs.filter_map(|pair| Some((pair["key"].as_str()?.to_owned(), pair["value"].clone())));
    Value::Object(pairs.collect())
}

fn each(list: &Value, of: impl Fn(&Value) -> Value) -> Value {
    list.as_array().into_iter().flatten().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::clean;

    fn flat(mut entity: Value) -> Value {
        flatten(&mut entity);
        clean(&mut entity);
        entity
    }

    #[test]
    fn facts_stand_without_their_layers() {
        let entity = json!({
            "urn": "urn:li:dataset:(urn:li:dataPlatform:hive,db.orders,PROD)", "type": "DATASET",
            "name": "db.orders", "platform": {"urn": "urn:li:dataPlatform:hive", "name": "hive"},
            "properties": {"name": "ORDERS", "qualifiedName": "DB.ORDERS", "origin": "PROD",
                "description": "source", "created": 0, "lastModified": {"time": 1_795_744_800_000_i64},
                "customProperties": [{"key": "dbt_model", "value": "orders"}]},
            "editableProperties": {"name": null, "description": "edited"},
            "subTypes": {"typeNames": ["Table"]},
            "parentContainers": {"containers": [{"urn": "urn:li:container:1",
                "properties": {"name": "marts"}, "subTypes": {"typeNames": ["Schema"]}}]},
            "domain": {"domain": {"urn": "urn:li:domain:sales", "properties": {"name": "Sales"}}},
            "tags": {"tags": [{"tag": {"urn": "urn:li:tag:tier-1",
                "properties": {"name": "Tier 1", "description": "Wakes somebody up."}}}]},
            "glossaryTerms": {"terms": [{"term": {"urn": "urn:li:glossaryTerm:47",
                "properties": {"name": "Order", "description": null}}}]},
            "ownership": {"owners": [{"owner": {"urn": "urn:li:corpuser:a",
                "properties": {"displayName": "Ada", "email": "a@x.example"}},
                "ownershipType": {"urn": "t", "info": {"name": "Technical Owner"}}}]},
            "structuredProperties": {"properties": [{"structuredProperty": {
                "urn": "urn:li:structuredProperty:io.retention",
                "definition": {"displayName": "Retention"}},
                "values": [{"stringValue": "7 years"}, {"numberValue": 7.0}]}]},
            "institutionalMemory": {"elements": [{"url": "https://x.example", "label": "wiki"}]},
            "siblings": {"isPrimary": true, "siblings": [{"urn": "urn:li:dataset:s"}]},
            "schemaMetadata": {"primaryKeys": ["id"]},
            "incidents": {"total": 0, "incidents": []},
            "deprecation": {"deprecated": false, "note": ""},
            "statsSummary": {"queryCountLast30Days": 3},
            "charts": {"total": 9, "relationships": [{"entity": {"urn": "urn:li:chart:c"}}]},
        });
        assert_eq!(
            flat(entity),
            json!({
                "urn": "urn:li:dataset:(urn:li:dataPlatform:hive,db.orders,PROD)", "type": "DATASET",
                "name": "ORDERS", "platform": "hive", "description": "edited",
                "sourceDescription": "source", "subTypes": ["Table"],
                "domain": {"domain": {"urn": "urn:li:domain:sales"}},
                "owners": [{"urn": "urn:li:corpuser:a", "name": "Ada", "email": "a@x.example",
                    "ownershipType": "Technical Owner"}],
                "tags": {"tags": [{"tag": {"urn": "urn:li:tag:tier-1",
                    "description": "Wakes somebody up."}}]},
                "glossaryTerms": {"terms": [{"term": {"urn": "urn:li:glossaryTerm:47", "name": "Order"}}]},
                "structuredProperties": [{"urn": "urn:li:structuredProperty:io.retention",
                    "values": ["7 years", 7.0]}],
                "links": [{"url": "https://x.example", "label": "wiki"}],
                "parentContainers": [{"urn": "urn:li:container:1", "name": "marts", "subTypes": ["Schema"]}],
                "siblings": [{"urn": "urn:li:dataset:s"}],
                "lastModified": "2026-11-27T02:00:00Z", "customProperties": {"dbt_model": "orders"},
                "primaryKeys": ["id"], "statsSummary": {"queryCountLast30Days": 3},
                "charts": {"total": 9, "urns": ["urn:li:chart:c"]}
            })
        );
    }

    #[test]
    fn what_has_no_layers_stays_as_it_is() {
        let document = json!({"urn": "urn:li:document:d", "type": "DOCUMENT", "subType": "Runbook",
            "info": {"title": "Late orders", "contents": {"text": "Wait."}}});
        assert_eq!(flat(document.clone()), document);
        let person = json!({"urn": "urn:li:corpuser:ada", "type": "CORP_USER", "username": "ada",
            "properties": {"displayName": "Ada", "email": "a@x", "title": "Analyst", "active": true},
            "editableProperties": {"title": "Lead", "skills": ["sql"]}});
        assert_eq!(
            flat(person),
            json!({"urn": "urn:li:corpuser:ada", "type": "CORP_USER", "name": "Ada", "title": "Lead",
                "skills": ["sql"], "username": "ada", "email": "a@x", "active": true})
        );
        for odd in [
            json!(null),
            json!({}),
            json!({"tags": 7, "ownership": {"owners": [null]}}),
        ] {
            flat(odd);
        }
    }
}
