//! Fields with rules of their own: those that stand for several, other names, structured properties; what
//! hides removed entities, and what sorts.

use serde_json::{Value, json};

use super::super::super::super::catalog::Catalog;
use super::super::super::super::search::Search;
use super::rules::{Fails, MAPPINGS, Outcome, Passes, SUBFIELDS, Selects};
use super::{outcome, urn_of};

/// An entity, a field, a condition, its values, the outcome, and its source.
type OwnRule<'a> = (&'a str, &'a str, &'a str, &'a [&'a str], Outcome, &'a str);

/// A dataset, a container and a dashboard, with what the rules for single fields need.
fn few() -> Catalog {
    let dataset = urn_of("dataset");
    let dashboard = "urn:li:dashboard:(looker,d)";
    let entry = |urn: &str, aspect: &str, value: Value| {
        json!({"entityUrn": urn, "entityType": "x", "changeType": "UPSERT", "aspectName": aspect,
               "aspect": {"json": value}})
    };
    let property = |name: &str, of_type: &str| {
        let urn = format!("urn:li:structuredProperty:{name}");
        let of_type = format!("urn:li:dataType:datahub.{of_type}");
        let definition = json!({"qualifiedName": name, "valueType": of_type});
        entry(&urn, "propertyDefinition", definition)
    };
    let value = |name: &str, value: Value| json!({"propertyUrn": format!("urn:li:structuredProperty:{name}"), "values": [value]});
    let file = json!([
        entry(
            &dataset,
            "datasetProperties",
            json!({"name": "Orders", "description": "By day"})
        ),
        entry(
            &dataset,
            "editableDatasetProperties",
            json!({"description": "By people"})
        ),
        entry(&dataset, "status", json!({"removed": true})),
        entry(
            &dataset,
            "structuredProperties",
            json!({"properties": [
                value("a.text", json!({"string": "Gold"})),
                value("a.number", json!({"double": 30.0})),
                value("a.date", json!({"string": "2026-01-01"})),
                value("a.urn", json!({"string": "urn:li:corpuser:jane"})),
                value("a.undefined", json!({"string": "x"})),
                value("a.deleted", json!({"string": "x"})),
            ]})
        ),
        property("a.text", "string"),
        property("a.number", "number"),
        property("a.date", "date"),
        property("a.urn", "urn"),
        property("a.deleted", "string"),
        entry(
            "urn:li:structuredProperty:a.deleted",
            "status",
            json!({"removed": true})
        ),
        entry(
            "urn:li:container:c",
            "containerProperties",
            json!({"name": "C", "env": "PROD"})
        ),
        entry(dashboard, "dashboardInfo", json!({"title": "Board"})),
        entry(
            "urn:li:ownershipType:o",
            "ownershipTypeInfo",
            json!({"name": "O"})
        ),
    ]);
    Catalog::load_str("test", &file.to_string()).unwrap()
}

#[test]
fn fields_with_rules_of_their_own() {
    let dataset = urn_of("dataset");
    let (container, dashboard) = ("urn:li:container:c", "urn:li:dashboard:(looker,d)");
    let of_type = "urn:li:ownershipType:o";
    let catalog = few();
    let expanded = "utils/ESUtils.FIELDS_TO_EXPANDED_FIELDS_LIST";
    let properties = "StructuredPropertyUtils.toElasticsearchFieldType";
    let types = "SearchUtil.transformEntityTypeCriterion";
    let alias = "V2MappingsBuilder.getMappingsForFieldNameAliases";
    let unmapped = "no annotation";
    let rules: &[OwnRule<'_>] = &[
        (
            &dataset,
            "description",
            "EQUAL",
            &["By people"],
            Selects,
            expanded,
        ),
        (
            &dataset,
            "editedDescription",
            "EQUAL",
            &["By day"],
            Passes,
            expanded,
        ),
        (container, "origin", "EQUAL", &["PROD"], Selects, expanded),
        (&dataset, "env", "EQUAL", &["PROD"], Selects, expanded),
        (&dataset, "urn", "EQUAL", &[&dataset], Selects, SUBFIELDS),
        (
            &dataset,
            "urn.keyword",
            "EQUAL",
            &[&dataset],
            Passes,
            SUBFIELDS,
        ),
        (
            &dataset,
            "urn",
            "START_WITH",
            &["URN:li:dataset"],
            Selects,
            SUBFIELDS,
        ),
        (
            &dataset,
            "_entityType",
            "EQUAL",
            &["DATASET"],
            Selects,
            types,
        ),
        (
            &dataset,
            "_entityType",
            "EQUAL",
            &["dataset"],
            Selects,
            types,
        ),
        (&dataset, "_entityType", "CONTAIN", &["data"], Passes, types),
        (&dataset, "_entityType", "EQUAL", &["CHART"], Passes, types),
        (
            &dataset,
            "entityType",
            "EQUAL",
            &["DATASET"],
            Passes,
            unmapped,
        ),
        // The name in GraphQL is not that of the index.
        (
            of_type,
            "_entityType",
            "EQUAL",
            &["CUSTOM_OWNERSHIP_TYPE"],
            Passes,
            types,
        ),
        (
            of_type,
            "_entityType",
            "EQUAL",
            &["OWNERSHIP_TYPE"],
            Selects,
            types,
        ),
        (&dataset, "_entityName", "EXISTS", &[], Selects, alias),
        (&dataset, "_entityName", "EQUAL", &["Orders"], Passes, alias),
        (&dataset, "_entityName", "CONTAIN", &["rder"], Passes, alias),
        (dashboard, "title", "EQUAL", &["Board"], Selects, MAPPINGS),
        (dashboard, "name", "EQUAL", &["Board"], Passes, unmapped),
        (&dataset, "nothing", "EXISTS", &[], Passes, unmapped),
        (&dataset, "nothing", "EQUAL", &["x"], Passes, unmapped),
        (
            &dataset,
            "_entityType\u{241e}typeNames",
            "EQUAL",
            &["DATASET\u{241e}x"],
            Passes,
            unmapped,
        ),
        (
            &dataset,
            "structuredProperties",
            "EXISTS",
            &[],
            Selects,
            properties,
        ),
        (
            &dataset,
            "structuredProperties.a.text",
            "EQUAL",
            &["Gold"],
            Selects,
            properties,
        ),
        (
            &dataset,
            "structuredProperties.a.text",
            "EQUAL",
            &["gold"],
            Passes,
            properties,
        ),
        (
            &dataset,
            "structuredProperties.a.text",
            "CONTAIN",
            &["OL"],
            Selects,
            properties,
        ),
        (
            &dataset,
            "structuredProperties.a.number",
            "EQUAL",
            &["30"],
            Selects,
            properties,
        ),
        (
            &dataset,
            "structuredProperties.a.number",
            "EQUAL",
            &["30.0"],
            Selects,
            properties,
        ),
        (
            &dataset,
            "structuredProperties.a.number",
            "GREATER_THAN",
            &["29.5"],
            Selects,
            properties,
        ),
        (
            &dataset,
            "structuredProperties.a.number",
            "EQUAL",
            &["thirty"],
            Fails,
            properties,
        ),
        (
            &dataset,
            "structuredProperties.a.number",
            "CONTAIN",
            &["3"],
            Passes,
            properties,
        ),
        (
            &dataset,
            "structuredProperties.a.date",
            "EQUAL",
            &["1767225600000"],
            Selects,
            properties,
        ),
        (
            &dataset,
            "structuredProperties.a.date",
            "GREATER_THAN",
            &["2025-01-01"],
            Fails,
            properties,
        ),
        (
            &dataset,
            "structuredProperties.a.date",
            "EXISTS",
            &[],
            Selects,
            properties,
        ),
        // A urn has no `.keyword` there, which is what a comparison looks at.
        (
            &dataset,
            "structuredProperties.a.urn",
            "EXISTS",
            &[],
            Selects,
            properties,
        ),
        (
            &dataset,
            "structuredProperties.a.urn",
            "EQUAL",
            &["urn:li:corpuser:jane"],
            Passes,
            properties,
        ),
        (
            &dataset,
            "structuredProperties.a.undefined",
            "EXISTS",
            &[],
            Passes,
            properties,
        ),
        (
            &dataset,
            "structuredProperties.a.deleted",
            "EXISTS",
            &[],
            Fails,
            properties,
        ),
    ];
    for (urn, field, condition, values, wanted, source) in rules {
        let one = json!({"field": field, "condition": condition, "values": values});
        assert_eq!(
            outcome(&catalog, urn, &one),
            *wanted,
            "{urn}: {one}, by {source}"
        );
        let not =
            json!({"field": field, "condition": condition, "values": values, "negated": true});
        let wanted = match wanted {
            Selects => Passes,
            Passes => Selects,
            Fails => Fails,
        };
        assert_eq!(
            outcome(&catalog, urn, &not),
            wanted,
            "{urn}: {not}, by {source}"
        );
    }
    // `ESUtils.buildConjunctiveFilterQuery` leaves out what has no values.
    let none = json!({"field": "owners", "condition": "EQUAL"});
    assert_eq!(outcome(&catalog, &dataset, &none), Selects);
}

#[test]
fn removed_entities_are_hidden_unless_a_condition_is_about_them() {
    let catalog = few();
    let search = |input: Value| Search::parse(&catalog, &input).unwrap().run(&catalog).len();
    let and = |field: &str, value: &str, negated: bool| {
        let one =
            json!({"field": field, "condition": "EQUAL", "values": [value], "negated": negated});
        json!({"types": ["DATASET"], "orFilters": [{"and": [one]}]})
    };
    assert_eq!(search(json!({"types": ["DATASET"]})), 0);
    assert_eq!(search(and("removed", "true", false)), 1);
    assert_eq!(search(and("removed.keyword", "true", false)), 1);
    assert_eq!(search(and("removed", "false", true)), 1);
    assert_eq!(search(and("urn", &urn_of("dataset"), false)), 0);
    let flags = json!({"includeSoftDeleted": true});
    assert_eq!(
        search(json!({"types": ["DATASET"], "searchFlags": flags})),
        1
    );
}

#[test]
fn only_fields_with_sortable_values_sort() {
    let catalog = few();
    let sorts = |types: Value, field: &str| {
        let by = json!([{"field": field, "sortOrder": "DESCENDING"}]);
        let input = json!({"types": types, "sortInput": {"sortCriteria": by}});
        Search::parse(&catalog, &input).is_ok()
    };
    let of_datasets = |field: &str| sorts(json!(["DATASET"]), field);
    for field in [
        "name",
        "name.keyword",
        "_entityName",
        "urn",
        "lastModifiedAt",
        "lastOperationTime",
        "deprecated",
        "_score",
    ] {
        assert!(of_datasets(field), "{field}");
    }
    // Words, of which a document has several: `ESUtils.buildSortOrder` sorts by the field as it is named.
    for field in ["platform", "owners", "tags"] {
        assert!(!of_datasets(field), "{field}");
        assert!(of_datasets(&format!("{field}.keyword")), "{field}");
    }
    // In no index of a dataset.
    for field in ["relevance", "rowCountFeature", "lastIngested", "title"] {
        assert!(!of_datasets(field), "{field}");
    }
    assert!(sorts(json!(["DASHBOARD", "DATASET"]), "title"));
}
