//! Tests of both file formats, and of refused files.

use serde_json::json;

use super::parse;

#[test]
fn both_wrappings_of_a_proposal_give_the_same_value() {
    let text = json!([
        {"entityType": "tag", "entityUrn": "urn:li:tag:a", "changeType": "UPSERT",
         "aspectName": "tagProperties", "aspect": {"json": {"name": "a"}}},
        {"entityType": "tag", "entityUrn": "urn:li:tag:b", "changeType": "UPSERT",
         "aspectName": "tagProperties",
         "aspect": {"value": "{\"name\": \"a\"}", "contentType": "application/json"}},
    ]);
    let changes = parse("test", &text.to_string()).unwrap();
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0].value, changes[1].value);
}

#[test]
fn a_snapshot_gives_one_change_for_each_aspect() {
    let text = json!([{
        "auditHeader": null,
        "proposedSnapshot": {"com.linkedin.pegasus2avro.metadata.snapshot.DatasetSnapshot": {
            "urn": "urn:li:dataset:(urn:li:dataPlatform:hive,a,PROD)",
            "aspects": [
                {"com.linkedin.pegasus2avro.common.Status": {"removed": false}},
                {"com.linkedin.pegasus2avro.schema.SchemaMetadata": {"fields": [
                    {"fieldPath": "x", "type": {"type":
                        {"com.linkedin.pegasus2avro.schema.StringType": {}}}}]}},
                {"com.example.SomethingNew": {"kept": [1, 2]}},
            ]}},
        "systemMetadata": {"lastObserved": 5}
    }]);
    let changes = parse("test", &text.to_string()).unwrap();
    let names: Vec<_> = changes
        .iter()
        .map(|change| change.aspect.as_str())
        .collect();
    assert_eq!(names, ["status", "schemaMetadata", "somethingNew"]);
    assert!(
        changes[1]
            .value
            .to_string()
            .contains("com.linkedin.schema.StringType")
    );
    assert_eq!(changes[2].value, json!({"kept": [1, 2]}));
    assert_eq!(changes[0].time, 5);
}

#[test]
fn an_entry_that_is_neither_is_named_by_its_place() {
    let error = parse("some.json", "[{}]").unwrap_err().to_string();
    assert!(
        error.contains("some.json") && error.contains("entry 0"),
        "{error}"
    );
    let error = parse("some.json", "{").unwrap_err().to_string();
    assert!(error.contains("not JSON"), "{error}");
}
