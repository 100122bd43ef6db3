//! Search, entities, schema and lineage through HTTP.

use serde_json::{Value, json};

use super::super::Catalog;
use super::{ask, data, start};

fn table(platform: &str, name: &str) -> String {
    format!("urn:li:dataset:(urn:li:dataPlatform:{platform},{name},PROD)")
}

fn catalog() -> Catalog {
    let aspect = |urn: &str, name: &str, value: Value| {
        json!({"entityUrn": urn, "entityType": "x", "changeType": "UPSERT", "aspectName": name,
               "aspect": {"json": value}})
    };
    let (raw, orders, gone) = (
        table("s3", "raw/orders"),
        table("snowflake", "shop.orders"),
        table("s3", "gone"),
    );
    let column = |of: &str, name: &str| format!("urn:li:schemaField:({of},{name})");
    let file = json!([
        aspect(&raw, "datasetProperties", json!({"name": "raw orders"})),
        aspect(
            &orders,
            "datasetProperties",
            json!({
            "name": "ORDERS", "description": "One row for each order",
            "customProperties": {"team": "core"}, "lastModified": {"time": 5}})
        ),
        aspect(
            &orders,
            "schemaMetadata",
            json!({
            "schemaName": "orders", "platform": "urn:li:dataPlatform:snowflake", "version": 0, "hash": "",
            "platformSchema": {"com.linkedin.schema.OtherSchema": {"rawSchema": "x"}},
            "fields": [{"fieldPath": "id", "nullable": false, "nativeDataType": "NUMBER",
                "type": {"type": {"com.linkedin.schema.NumberType": {}}},
                "globalTags": {"tags": [{"tag": "urn:li:tag:pii"}]}}]})
        ),
        aspect(
            &orders,
            "ownership",
            json!({"owners": [
            {"owner": "urn:li:corpuser:editor", "type": "DATAOWNER"}]})
        ),
        aspect(
            &orders,
            "container",
            json!({"container": "urn:li:container:schema"})
        ),
        aspect(
            "urn:li:container:schema",
            "containerProperties",
            json!({"name": "SHOP"})
        ),
        aspect(
            "urn:li:container:schema",
            "container",
            json!({"container": "urn:li:container:db"})
        ),
        aspect(
            "urn:li:container:db",
            "containerProperties",
            json!({"name": "DB"})
        ),
        aspect(
            &orders,
            "upstreamLineage",
            json!({
            "upstreams": [{"dataset": raw, "type": "TRANSFORMED"}],
            "fineGrainedLineages": [{"upstreams": [column(&raw, "o_id")], "downstreams": [column(&orders, "id")]}]})
        ),
        aspect(
            "urn:li:dashboard:(looker,sales)",
            "dashboardInfo",
            json!({
            "title": "Sales", "description": "", "charts": [], "datasets": [orders],
            "lastModified": {"created": {"time": 1, "actor": "urn:li:corpuser:a"}}})
        ),
        aspect(&gone, "datasetProperties", json!({"name": "gone orders"})),
        aspect(&gone, "status", json!({"removed": true})),
    ]);
    Catalog::load_str("test", &file.to_string()).unwrap()
}

const SEARCH: &str = "query search($input: SearchAcrossEntitiesInput!) {
  searchAcrossEntities(input: $input) { start count total
    searchResults { entity { urn type ... on Dataset { name platform { name } } } matchedFields { name value } }
    facets { field displayName aggregations { value count entity { urn } } } } }";

#[tokio::test]
async fn search_finds_counts_and_hides_the_soft_deleted() {
    let hub = start(catalog()).await;
    let found = data(
        &hub,
        SEARCH,
        json!({"input": {"query": "orders", "types": ["DATASET"]}}),
    )
    .await;
    let found = &found["searchAcrossEntities"];
    assert_eq!(found["total"], 2);
    assert_eq!(
        found["searchResults"][0]["entity"]["urn"],
        table("snowflake", "shop.orders")
    );
    assert_eq!(
        found["searchResults"][0]["entity"]["platform"]["name"],
        "snowflake"
    );
    let platforms = found["facets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["field"] == "platform")
        .unwrap();
    assert_eq!(platforms["aggregations"].as_array().unwrap().len(), 2);
    let input = json!({"input": {"query": "orders", "types": ["DATASET"], "count": 1,
        "searchFlags": {"includeSoftDeleted": true}}});
    let found = data(&hub, SEARCH, input).await;
    assert_eq!(found["searchAcrossEntities"]["total"], 3);
    assert_eq!(
        found["searchAcrossEntities"]["searchResults"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn entities_come_with_schema_owners_and_parents() {
    let hub = start(catalog()).await;
    let query = "query one($urn: String!) { entity(urn: $urn) { urn ... on Dataset { exists
        properties { name description customProperties { key value associatedUrn } lastModified { time } }
        schemaMetadata { name fields { fieldPath type nativeDataType tags { tags { tag { name } associatedUrn } }
            schemaFieldEntity { urn parent { urn } } } platformSchema { ... on TableSchema { schema } } }
        ownership { owners { type ownershipType { info { name } } owner { ... on CorpUser { username } } } }
        parentContainers { count containers { properties { name } } }
        structuredProperties { properties { values { ... on StringValue { stringValue } } } } health { type status } } } }";
    let urn = table("snowflake", "shop.orders");
    let got = data(&hub, query, json!({ "urn": urn })).await;
    let got = &got["entity"];
    assert_eq!(
        got["properties"]["customProperties"],
        json!([
        {"key": "team", "value": "core", "associatedUrn": urn}])
    );
    assert_eq!(got["schemaMetadata"]["fields"][0]["type"], "NUMBER");
    assert_eq!(
        got["schemaMetadata"]["fields"][0]["tags"]["tags"][0]["tag"]["name"],
        "pii"
    );
    assert_eq!(
        got["schemaMetadata"]["fields"][0]["schemaFieldEntity"]["parent"]["urn"],
        urn
    );
    assert_eq!(
        got["ownership"]["owners"][0]["ownershipType"]["info"]["name"],
        "Technical Owner"
    );
    assert_eq!(got["parentContainers"]["count"], 2);
    assert_eq!(
        got["parentContainers"]["containers"][1]["properties"]["name"],
        "DB"
    );
}

#[tokio::test]
async fn an_unknown_urn_is_a_stub_and_a_malformed_one_an_error() {
    let hub = start(catalog()).await;
    let query = "query many($urns: [String!]!) { entities(urns: $urns) { urn ... on Dataset { exists name } } }";
    let urn = table("hive", "nowhere");
    let got = data(&hub, query, json!({ "urns": [urn] })).await;
    assert_eq!(
        got["entities"],
        json!([{"urn": urn, "exists": false, "name": "nowhere"}])
    );
    let (_, body) = ask(&hub, "editor", query, json!({ "urns": ["nonsense"] })).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], 400);
}

const LINEAGE: &str = "query lineage($input: SearchAcrossLineageInput!) {
  searchAcrossLineage(input: $input) { total searchResults { degree entity { urn type }
    paths { path { urn type ... on SchemaFieldEntity { fieldPath } } } } facets { field } } }";

#[tokio::test]
async fn lineage_gives_degrees_and_paths_of_tables_and_columns() {
    let hub = start(catalog()).await;
    let (raw, orders) = (table("s3", "raw/orders"), table("snowflake", "shop.orders"));
    let input =
        json!({"input": {"urn": raw, "direction": "DOWNSTREAM", "query": "*", "count": 10}});
    let got = data(&hub, LINEAGE, input).await;
    let results = &got["searchAcrossLineage"]["searchResults"];
    assert_eq!(got["searchAcrossLineage"]["total"], 2);
    assert_eq!(
        (&results[0]["degree"], &results[1]["degree"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(results[1]["entity"]["type"], "DASHBOARD");
    assert_eq!(results[1]["paths"][0]["path"].as_array().unwrap().len(), 3);
    let near = json!([{"and": [{"field": "degree", "values": ["1"]}]}]);
    let input = json!({"input": {"urn": raw, "direction": "DOWNSTREAM", "orFilters": near}});
    let got = data(&hub, LINEAGE, input).await;
    assert_eq!(got["searchAcrossLineage"]["total"], 1);
    let column = format!("urn:li:schemaField:({orders},id)");
    let input = json!({"input": {"urn": column, "direction": "UPSTREAM"}});
    let got = data(&hub, LINEAGE, input).await;
    let result = &got["searchAcrossLineage"]["searchResults"][0];
    assert_eq!(result["entity"]["urn"], raw);
    assert_eq!(result["paths"][0]["path"][1]["fieldPath"], "o_id");
}

#[tokio::test]
async fn scrolling_comes_to_every_entity_once() {
    let hub = start(catalog()).await;
    let query =
        "query scroll($input: ScrollAcrossEntitiesInput!) { scrollAcrossEntities(input: $input) {
        nextScrollId count total searchResults { entity { urn } } } }";
    let mut seen = Vec::new();
    let mut id = Value::Null;
    // Each page brings one at least, or there would be no end.
    for page in 1.. {
        assert!(seen.len() + 1 >= page, "page {page} after {seen:?}");
        let got = data(
            &hub,
            query,
            json!({"input": {"query": "*", "count": 2, "scrollId": id}}),
        )
        .await;
        let page = &got["scrollAcrossEntities"];
        for result in page["searchResults"].as_array().unwrap() {
            seen.push(result["entity"]["urn"].as_str().unwrap().to_owned());
        }
        id = page["nextScrollId"].clone();
        if id.is_null() {
            assert_eq!(page["total"], seen.len());
            break;
        }
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all);
}
