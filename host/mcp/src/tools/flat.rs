//! An entity as a line of a list: the facts by which a person chooses, without the layers in which
//! DataHub wraps them, and without what its urn says already.

use datahub::Tree;
use serde_json::{Map, Value};

use super::{
    people,
    said::{is_in_urn, is_said_by},
};
use crate::{
    budget, clean,
    fields::{self, Members},
};

/// The longest name of an entity in a list, in characters. Whoever may write could fill a page with it.
const NAME_CHARS: usize = 200;
/// The facts that most entities have at most.
const MOST_FACTS: usize = 10;
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

/// The entity of a hit, flat, without what carries no information. Its description is cut to `chars`.
pub(super) fn flat(entity: &Tree<'_>, chars: usize) -> Value {
    if !matches!(entity, Tree::Object(_)) {
        return clean::cleaned(entity);
    }
    let urn = entity.get("urn").as_str();
    let mut flat = Map::with_capacity(MOST_FACTS);
    clean::add(&mut flat, "urn", clean::cleaned(entity.get("urn")));
    let texts = texts(entity, chars);
    let name = texts.iter().find(|(name, _)| *name == "name");
    let name = name.map(|(_, text)| text.as_str());
    // What has no layers stays as it is, unless it is said by something else.
    let mut said = vec!["urn"];
    for of in ["qualifiedName", "dataFlow", "platform"] {
        let text = texts.iter().find(|(name, _)| *name == of);
        let text = text.map(|(_, text)| text.as_str());
        let in_urn = text
            .zip(urn)
            .is_some_and(|(text, urn)| is_in_urn(text, urn));
        if in_urn || text == name {
            said.push(of);
        }
    }
    for (name, text) in texts {
        if !said.contains(&name) {
            said.push(name);
            flat.insert(name.to_owned(), Value::from(text));
        }
    }
    let lists = [
        (
            "subTypes",
            clean::cleaned(entity.at(&["subTypes", "typeNames"])),
        ),
        ("domain", named(entity.at(&["domain", "domain"]))),
        (
            "tags",
            each(entity.at(&["tags", "tags"]), |tag| {
                clean::cleaned(tag.at(&["tag", "urn"]))
            }),
        ),
        (
            "glossaryTerms",
            each(entity.at(&["glossaryTerms", "terms"]), |term| {
                named(term.get("term"))
            }),
        ),
        (
            "owners",
            each(entity.at(&["ownership", "owners"]), |owner| {
                people::short(owner.get("owner"))
            }),
        ),
    ];
    for (name, value) in lists {
        said.push(name);
        clean::add(&mut flat, name, value);
    }
    if *entity.at(&["deprecation", "deprecated"]) == Tree::Bool(true) {
        said.push("deprecated");
        flat.insert("deprecated".to_owned(), Value::Bool(true));
    }
    let mut rest = Map::new();
    for (name, value) in entity.members() {
        if !LAYERS.contains(&&**name) && !said.contains(&&**name) {
            clean::add(&mut rest, name, clean::cleaned_member(name, value));
        }
    }
    if !rest.is_empty() {
        let mut rest = Value::Object(rest);
        people::shorten(&mut rest);
        flat.extend(rest.as_object_mut().into_iter().flat_map(std::mem::take));
    }
    Value::Object(flat)
}

/// The texts of an entity, cut to what a line has room for.
fn texts(entity: &Tree<'_>, chars: usize) -> Vec<(&'static str, String)> {
    let text = |(name, places): &(&'static str, &[&[&str]])| {
        let text = fields::text_at(entity, places)?;
        let most = match *name {
            "description" => chars,
            _ => NAME_CHARS,
        };
        Some((*name, budget::beginning(text, most)))
    };
    TEXTS.iter().filter_map(text).collect()
}

/// The urn of an entity, and its name unless the urn says it.
pub(super) fn named<T: Members>(entity: &T) -> Value {
    let Some(urn) = fields::at(entity, &["urn"]).and_then(T::text) else {
        return Value::Null;
    };
    let mut named = Map::with_capacity(2);
    named.insert("urn".to_owned(), Value::from(urn));
    let name = fields::at(entity, &["properties", "name"]).and_then(T::text);
    if let Some(name) = name.filter(|name| !is_said_by(urn, name)) {
        let name = budget::beginning(name, NAME_CHARS);
        named.insert("name".to_owned(), Value::from(name));
    }
    Value::Object(named)
}

/// What `of` makes of the items, without what carries no information.
fn each<'a>(list: &Tree<'a>, of: impl Fn(&Tree<'a>) -> Value) -> Value {
    let items = list.items().iter().map(of);
    Value::Array(items.filter(|item| !item.is_null()).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flat(entity: Value) -> Value {
        super::flat(&Tree::from(&entity), 20)
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
        assert_eq!(self::flat(job)["dataFlow"], Value::Null);
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
