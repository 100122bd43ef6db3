//! Tests of every condition, expansion and negation.

mod field_by_field;

use serde_json::{Value, json};

use super::super::catalog::Catalog;
use super::super::index::key_name;
use super::Filter;

fn catalog() -> Catalog {
    let dataset = |name: &str| format!("urn:li:dataset:(urn:li:dataPlatform:hive,{name},PROD)");
    let aspect = |urn: String, name: &str, value: Value| {
        json!({"entityUrn": urn, "entityType": "x", "changeType": "UPSERT", "aspectName": name,
               "aspect": {"json": value}})
    };
    let file = json!([
        aspect(
            dataset("orders"),
            "datasetProperties",
            json!({"name": "Orders", "customProperties": {"team": "core"}})
        ),
        aspect(
            dataset("orders"),
            "globalTags",
            json!({"tags": [{"tag": "urn:li:tag:gold"}]})
        ),
        aspect(
            dataset("orders"),
            "operation",
            json!({"timestampMillis": 1, "lastUpdatedTimestamp": 900})
        ),
        aspect(
            dataset("people"),
            "editableSchemaMetadata",
            json!({"editableSchemaFieldInfo": [
            {"fieldPath": "name", "globalTags": {"tags": [{"tag": "urn:li:tag:pii"}]}}]})
        ),
        aspect(
            dataset("people"),
            "operation",
            json!({"timestampMillis": 1, "lastUpdatedTimestamp": 1000})
        ),
        aspect(
            dataset("people"),
            "domains",
            json!({"domains": ["urn:li:domain:child"]})
        ),
        aspect(
            dataset("people"),
            "structuredProperties",
            json!({"properties": [
            {"propertyUrn": "urn:li:structuredProperty:a.b", "values": [{"double": 5}]}]})
        ),
        aspect(
            "urn:li:structuredProperty:a.b".into(),
            "propertyDefinition",
            json!({"qualifiedName": "a.b", "valueType": "urn:li:dataType:datahub.number",
                   "entityTypes": ["urn:li:entityType:datahub.dataset"]})
        ),
        aspect(
            "urn:li:domain:child".into(),
            "domainProperties",
            json!({"name": "Child", "parentDomain": "urn:li:domain:parent"})
        ),
        aspect(
            "urn:li:domain:parent".into(),
            "domainProperties",
            json!({"name": "Parent"})
        ),
    ]);
    Catalog::load_str("test", &file.to_string()).unwrap()
}

/// The names of the datasets that an `and` of conditions selects.
fn selected(conditions: Value) -> Vec<String> {
    let catalog = catalog();
    let filter = Filter::parse(&catalog, &json!({"orFilters": [{"and": conditions}]})).unwrap();
    let docs = catalog
        .records()
        .filter(|record| &*record.entity_type == "dataset");
    docs.filter(|record| filter.selects(record.doc(), None))
        .map(|record| key_name(&record.urn))
        .collect()
}

fn one(field: &str, condition: &str, values: &[&str]) -> Value {
    json!([{"field": field, "condition": condition, "values": values}])
}

#[test]
fn conditions_compare_as_they_are_called() {
    assert_eq!(selected(one("name", "EQUAL", &["Orders"])), ["orders"]);
    assert!(selected(one("name", "EQUAL", &["orders"])).is_empty());
    assert_eq!(selected(one("name", "IEQUAL", &["orders"])), ["orders"]);
    assert_eq!(selected(one("name", "CONTAIN", &["rder"])), ["orders"]);
    assert_eq!(
        selected(one("urn", "START_WITH", &["urn:li:dataset"])).len(),
        2
    );
    assert_eq!(selected(one("id", "END_WITH", &["PLE"])), ["people"]);
    assert_eq!(
        selected(one("customProperties", "EQUAL", &["team=core"])),
        ["orders"]
    );
    let platform = one("platform.keyword", "EQUAL", &["urn:li:dataPlatform:hive"]);
    assert_eq!(selected(platform).len(), 2);
    assert_eq!(
        selected(one("structuredProperties.a.b", "EQUAL", &["5.0"])),
        ["people"]
    );
}

#[test]
fn numbers_are_compared_by_size() {
    assert_eq!(
        selected(one("lastOperationTime", "GREATER_THAN", &["900"])),
        ["people"]
    );
    assert_eq!(
        selected(one(
            "lastOperationTime",
            "GREATER_THAN_OR_EQUAL_TO",
            &["900"]
        ))
        .len(),
        2
    );
    assert_eq!(
        selected(one("lastOperationTime", "LESS_THAN", &["1000"])),
        ["orders"]
    );
    assert_eq!(
        selected(one("lastOperationTime", "LESS_THAN_OR_EQUAL_TO", &["1000"])).len(),
        2
    );
}

#[test]
fn tags_cover_the_columns_and_what_people_wrote() {
    assert_eq!(
        selected(one("tags", "EQUAL", &["urn:li:tag:pii"])),
        ["people"]
    );
    assert_eq!(selected(one("tags", "EXISTS", &[])).len(), 2);
    let negated = json!([{"field": "tags", "values": ["urn:li:tag:pii"], "negated": true}]);
    assert_eq!(selected(negated), ["orders"]);
}

#[test]
fn has_fields_are_booleans() {
    // Tags of columns count.
    assert_eq!(selected(one("hasTags", "EQUAL", &["true"])).len(), 2);
    // The index says nothing of what was never set.
    for field in ["hasDomain", "removed", "deprecated"] {
        assert!(
            selected(one(field, "EQUAL", &["false"])).is_empty(),
            "{field}"
        );
    }
}

#[test]
fn a_parent_domain_covers_its_children_where_asked() {
    assert!(selected(one("domains", "EQUAL", &["urn:li:domain:parent"])).is_empty());
    assert_eq!(
        selected(one(
            "domains",
            "DESCENDANTS_INCL",
            &["urn:li:domain:parent"]
        )),
        ["people"]
    );
}

#[test]
fn entity_types_are_known_by_both_names() {
    for name in ["DATASET", "dataset"] {
        assert_eq!(selected(one("_entityType", "EQUAL", &[name])).len(), 2);
    }
}

#[test]
fn degrees_count_from_a_lineage_search() {
    let catalog = catalog();
    let input = json!({"filters": [{"field": "degree", "values": ["1", "3+"]}]});
    let filter = Filter::parse(&catalog, &input).unwrap();
    let doc = catalog.records().next().unwrap().doc();
    let passing: Vec<_> = (1..6).filter(|d| filter.selects(doc, Some(*d))).collect();
    assert_eq!(passing, [1, 3, 4, 5]);
}
