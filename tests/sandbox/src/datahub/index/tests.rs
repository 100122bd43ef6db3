//! Tests of the indexed form of entities.

use super::super::catalog::Catalog;

const FILE: &str = r#"[
 {"entityType": "dataset", "entityUrn": "urn:li:dataset:(urn:li:dataPlatform:hive,shop.orders,PROD)",
  "changeType": "UPSERT", "aspectName": "schemaMetadata", "aspect": {"json": {"fields": [
    {"fieldPath": "[version=2.0].[type=long].order_id", "description": "The key",
     "globalTags": {"tags": [{"tag": "urn:li:tag:pii"}]}},
    {"fieldPath": "total"}]}}},
 {"entityType": "dataset", "entityUrn": "urn:li:dataset:(urn:li:dataPlatform:hive,shop.orders,PROD)",
  "changeType": "UPSERT", "aspectName": "structuredProperties", "aspect": {"json": {"properties": [
    {"propertyUrn": "urn:li:structuredProperty:a.b", "values": [{"double": 5.0}, {"string": "x"}]}]}}},
 {"entityType": "dataset", "entityUrn": "urn:li:dataset:(urn:li:dataPlatform:hive,shop.orders,PROD)",
  "changeType": "UPSERT", "aspectName": "browsePathsV2", "aspect": {"json": {"path": [
    {"id": "urn:li:container:c", "urn": "urn:li:container:c"}, {"id": "shop"}]}}}
]"#;

#[test]
fn values_have_the_names_of_datahubs_index() {
    let catalog = Catalog::load_str("test", FILE).unwrap();
    let record = catalog
        .get("urn:li:dataset:(urn:li:dataPlatform:hive,shop.orders,PROD)")
        .unwrap();
    let doc = record.doc();
    let has = |field: &str, value: &str| doc.values(field).iter().any(|v| v == value);
    assert_eq!(doc.entity_type(), "dataset");
    assert!(has("platform", "urn:li:dataPlatform:hive"));
    assert!(has("origin", "PROD"));
    assert!(has("fieldPaths", "[version=2.0].[type=long].order_id"));
    assert!(has("fieldTags", "urn:li:tag:pii"));
    assert!(has("structuredProperties.a.b", "5.0"));
    assert!(has("structuredProperties.a.b", "x"));
    assert!(has(
        "browsePathV2",
        "\u{241f}urn:li:container:c\u{241f}shop"
    ));
    assert!(has("browsePathV2", "\u{241f}urn:li:container:c"));
    assert!(!has("browsePathV2", "urn:li:container:c"));
    assert!(has("hasTags", "true"));
    for missing in [
        // No field of the index.
        "hasStructuredProperties",
        // Missing where nothing was said.
        "removed",
        "hasOwners",
        "hasActiveIncidents",
        "hasFailingAssertions",
        "deprecated",
    ] {
        assert!(doc.values(missing).is_empty(), "{missing}");
    }
    assert_eq!(doc.name, ["shop", "order"]);
}
