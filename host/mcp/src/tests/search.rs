//! Tests of `search` against a fake DataHub: what a model reads beside the hits.

use serde_json::{Value, json};

use super::tools::Hub;

/// A search's answer with these hits and facets.
fn found(total: u64, hits: Value, facets: Value) -> Value {
    json!({"searchAcrossEntities": {"start": 0, "count": 10, "total": total,
        "searchResults": hits, "facets": facets}})
}

#[tokio::test]
async fn values_of_facets_that_are_urns_have_names() {
    let value = |urn: &str, entity: Value| json!({"value": urn, "count": 2, "entity": entity});
    let facets = json!([{"field": "container", "displayName": "Container", "aggregations": [
        value("urn:li:container:6ea1", json!({"properties": {"name": "Marts"}})),
        value("urn:li:corpuser:u1", json!({"userProperties": {"displayName": "", "fullName": "Ada"}})),
        value("urn:li:corpGroup:g1", json!({"groupProperties": {"displayName": "Platform"}})),
        value("PROD", Value::Null),
        value("urn:li:tag:gone", json!({"properties": null})),
    ]}]);
    let hub = Hub::new(move |_, _| found(1, json!([]), facets.clone())).await;
    let answer = hub.ok("search", json!({})).await;
    assert_eq!(
        answer["facets"][0]["aggregations"],
        json!([
            {"value": "urn:li:container:6ea1", "count": 2, "name": "Marts"},
            {"value": "urn:li:corpuser:u1", "count": 2, "name": "Ada"},
            {"value": "urn:li:corpGroup:g1", "count": 2, "name": "Platform"},
            {"value": "PROD", "count": 2},
            {"value": "urn:li:tag:gone", "count": 2}
        ])
    );
}
