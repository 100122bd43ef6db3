//! An entity as a line of a list: the facts by which a person chooses, without the layers in which
//! DataHub wraps them, and without what its urn says already.

use serde_json::{Map, Value, json};

use super::{
    people,
    said::{is_in_urn, is_said_by},
};
use crate::{budget, fields};

/// The longest name of an entity in a list, in characters. Whoever may write could fill a page with it.
const NAME_CHARS: usize = 200;
/// The members that become one text, each with the places where DataHub may have it. What people wrote
/// goes before what the source says.
pub(super) const TEXTS: &[(&str, &[&[&str]])] = &[
    (
        "name",
        &[
            &["editableProperties", "name"],
            &["properties", "name"],
            &["userProperties", "displayName"],
            &["groupProperties", "displayName"],
            &["queryProperties", "name"],
            &["definition", "displayName"],
            &["name"],
            &["username"],
        ],
    ),
    ("qualifiedName", &[&["properties", "qualifiedName"]]),
    ("email", &[&["userProperties", "email"]]),
    ("title", &[&["userProperties", "title"], &["title"]]),
    (
        "platform",
        &[&["platform", "name"], &["dataFlow", "platform", "name"]],
    ),
    ("dataFlow", &[&["dataFlow", "urn"]]),
    ("parent", &[&["parent", "urn"]]),
    ("state", &[&["status", "state"]]),
    (
        "description",
        &[
            &["editableProperties", "description"],
            &["properties", "description"],
            &["groupProperties", "description"],
            &["queryProperties", "description"],
            &["definition", "description"],
            &["description"],
        ],
    ),
];
/// The members of DataHub's entity that the others are made of.
const LAYERS: &[&str] = &[
    "type",
    "editableProperties",
    "properties",
    "userProperties",
    "groupProperties",
    "queryProperties",
    "definition",
    "username",
    "status",
    "subTypes",
    "domain",
    "tags",
    "glossaryTerms",
    "ownership",
    "deprecation",
];

/// Flattens the entity of a hit, whose description is cut to `chars`.
pub(super) fn flatten(entity: &mut Value, chars: usize) {
    if !entity.is_object() {
        return;
    }
    people::shorten(entity);
    let mut flat = Map::new();
    flat.insert("urn".to_owned(), fields::take(entity, &["urn"]));
    for (name, places) in TEXTS {
        let mut texts = places
            .iter()
            .filter_map(|p| fields::at(entity, p)?.as_str());
        if let Some(text) = texts.find(|text| !text.trim().is_empty()) {
            let chars = if *name == "description" {
                chars
            } else {
                NAME_CHARS
            };
            flat.insert(
                (*name).to_owned(),
                Value::from(budget::beginning(text, chars)),
            );
        }
    }
    for name in ["qualifiedName", "dataFlow", "platform"] {
        if is_in_urn(flat.get(name), flat.get("urn")) || flat.get(name) == flat.get("name") {
            flat.insert(name.to_owned(), Value::Null);
        }
    }
    let types = fields::take(entity, &["subTypes", "typeNames"]);
    let domain = &entity["domain"]["domain"];
    let lists = [
        ("subTypes", types),
        ("domain", named(domain)),
        (
            "tags",
            each(&entity["tags"]["tags"], |tag| tag["tag"]["urn"].clone()),
        ),
        (
            "glossaryTerms",
            each(&entity["glossaryTerms"]["terms"], |term| {
                named(&term["term"])
            }),
        ),
        (
            "owners",
            each(&entity["ownership"]["owners"], |owner| {
                owner["owner"].clone()
            }),
        ),
    ];
    for (name, value) in lists {
        flat.insert(name.to_owned(), value);
    }
    if entity["deprecation"]["deprecated"] == true {
        flat.insert("deprecated".to_owned(), Value::Bool(true));
    }
    // What has no layers stays as it is.
    if let Value::Object(rest) = entity.take() {
        for (name, value) in rest {
            if !LAYERS.contains(&name.as_str()) && !flat.contains_key(&name) {
                flat.insert(name, value);
            }
        }
    }
    *entity = Value::Object(flat);
}

/// The urn of an entity, and its name unless the urn says it.
pub(super) fn named(entity: &Value) -> Value {
    let Some(urn) = entity["urn"].as_str() else {
        return Value::Null;
    };
    let name = entity["properties"]["name"].as_str();
    let name = name.filter(|name| !is_said_by(urn, name));
    json!({"urn": urn, "name": name.map(|name| budget::beginning(name, NAME_CHARS))})
}

fn each(list: &Value, of: impl Fn(&Value) -> Value) -> Value {
    list.as_array().into_iter().flatten().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::clean;

    fn flat(mut entity: Value) -> Value {
        flatten(&mut entity, 20);
        clean(&mut entity);
        entity
    }

    #[test]
    fn a_hit_keeps_its_facts_without_their_layers() {
        let entity = json!({
            "urn": "u", "type": "DATASET", "name": "db.orders", "platform": {"name": "hive"},
            "properties": {"name": "ORDERS", "qualifiedName": "DB.ORDERS", "description": "source"},
            "editableProperties": {"name": null, "description": "edited"},
            "subTypes": {"typeNames": ["Table"]},
            "domain": {"domain": {"urn": "urn:li:domain:s", "properties": {"name": "Sales"}}},
            "tags": {"tags": [{"tag": {"urn": "urn:li:tag:certified"}}]},
            "glossaryTerms": {"terms": [{"term": {"urn": "t", "properties": {"name": "Order"}}}]},
            "ownership": {"owners": [{"owner": {"urn": "urn:li:corpuser:a",
                "properties": {"displayName": "Ada", "email": "a@x.example"}}}]},
            "deprecation": {"deprecated": true}
        });
        assert_eq!(
            flat(entity),
            json!({
                "urn": "u", "name": "ORDERS", "qualifiedName": "DB.ORDERS",
                "platform": "hive", "description": "edited", "subTypes": ["Table"],
                "domain": {"urn": "urn:li:domain:s", "name": "Sales"},
                "tags": ["urn:li:tag:certified"],
                "glossaryTerms": [{"urn": "t", "name": "Order"}],
                "owners": [{"urn": "urn:li:corpuser:a", "name": "Ada", "email": "a@x.example"}],
                "deprecated": true
            })
        );
    }

    #[test]
    fn what_the_urn_says_is_not_said_again_and_texts_are_bounded() {
        let entity = json!({
            "urn": "urn:li:dataset:(urn:li:dataPlatform:hive,db.orders,PROD)",
            "platform": {"name": "hive"},
            "properties": {"name": "n".repeat(500), "qualifiedName": "DB.Orders",
                "description": "One row for each order, whatever it is."},
            "domain": {"domain": {"urn": "urn:li:domain:supply-chain",
                "properties": {"name": "Supply Chain"}}},
            "glossaryTerms": {"terms": [
                {"term": {"urn": "urn:li:glossaryTerm:4711", "properties": {"name": "Order"}}}]},
        });
        let flat = flat(entity);
        assert_eq!(
            (&flat["qualifiedName"], &flat["platform"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(
            flat["name"].as_str().unwrap().chars().count(),
            NAME_CHARS + 1
        );
        assert_eq!(flat["description"], "One row for each ord…");
        assert_eq!(flat["domain"], json!({"urn": "urn:li:domain:supply-chain"}));
        let term = json!([{"urn": "urn:li:glossaryTerm:4711", "name": "Order"}]);
        assert_eq!(flat["glossaryTerms"], term);
        let job = json!({"urn": "urn:li:dataJob:(urn:li:dataFlow:(airflow,f,prod),j)",
            "dataFlow": {"urn": "urn:li:dataFlow:(airflow,f,prod)"}});
        let mut job = job;
        flatten(&mut job, 20);
        assert_eq!(job["dataFlow"], Value::Null);
    }

    #[test]
    fn what_is_missing_or_of_another_kind_is_left_as_it_is() {
        assert_eq!(
            flat(json!({"urn": "u", "type": "CORP_USER", "username": "ada",
                "userProperties": {"displayName": "", "email": "a@x", "title": "Analyst"}})),
            json!({"urn": "u", "name": "ada", "email": "a@x", "title": "Analyst"})
        );
        assert_eq!(
            flat(
                json!({"urn": "u", "type": "INCIDENT", "title": "late", "priority": "HIGH",
                "status": {"state": "ACTIVE"}, "deprecation": {"deprecated": false}})
            ),
            json!({"urn": "u", "title": "late", "state": "ACTIVE", "priority": "HIGH"})
        );
        assert_eq!(
            flat(json!({"urn": "u", "type": "DATA_JOB", "properties": null,
                "dataFlow": {"urn": "f", "platform": {"name": "airflow"}}, "info": {"x": 1}})),
            json!({"urn": "u", "platform": "airflow", "dataFlow": "f", "info": {"x": 1}})
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
