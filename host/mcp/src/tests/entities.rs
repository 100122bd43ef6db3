//! Tests of `get_entities` against a fake DataHub: what a person needs to know of an entity.

use serde_json::json;

use super::tools::{Hub, TABLE};

#[tokio::test]
async fn data_products_that_contain_an_asset_are_named() {
    let hub = Hub::new(|_, variables| {
        let urn = variables["urn"].as_str().unwrap();
        let product = json!({"urn": "urn:li:dataProduct:7", "properties": {"name": "Revenue"}});
        let found = match urn == TABLE {
            true => json!([{"entity": product}, {"entity": null}]),
            false => json!([]),
        };
        json!({"entity": {"urn": urn, "type": "DATASET", "exists": true,
            "dataProducts": {"relationships": found}}})
    })
    .await;
    let other = "urn:li:dataset:(urn:li:dataPlatform:hive,x,PROD)";
    let answer = hub
        .ok("get_entities", json!({"urns": [TABLE, other]}))
        .await;
    assert_eq!(
        answer["entities"],
        json!([
            {"urn": TABLE, "type": "DATASET",
             "dataProducts": [{"urn": "urn:li:dataProduct:7", "name": "Revenue"}]},
            {"urn": other, "type": "DATASET"}
        ])
    );
}
