//! The lineage of entities that stand for the same thing.

use serde_json::{Value, json};

use super::super::Catalog;
use super::{data, start};

fn table(platform: &str, name: &str) -> String {
    format!("urn:li:dataset:(urn:li:dataPlatform:{platform},{name},PROD)")
}

/// Two tables that dbt makes in Snowflake, the second from the first.
fn catalog() -> Catalog {
    let aspect = |urn: &str, name: &str, value: Value| {
        json!({"entityUrn": urn, "entityType": "x", "changeType": "UPSERT", "aspectName": name,
               "aspect": {"json": value}})
    };
    let mut file = Vec::new();
    for name in ["raw", "orders"] {
        let (model, made) = (table("dbt", name), table("snowflake", name));
        file.push(aspect(
            &model,
            "siblings",
            json!({"siblings": [made], "primary": true}),
        ));
        file.push(aspect(
            &made,
            "siblings",
            json!({"siblings": [model], "primary": false}),
        ));
    }
    let from = |all: &[String]| {
        let upstreams: Value = all
            .iter()
            .map(|urn| json!({"dataset": urn, "type": "VIEW"}))
            .collect();
        json!({ "upstreams": upstreams })
    };
    file.push(aspect(
        &table("dbt", "orders"),
        "upstreamLineage",
        from(&[table("dbt", "raw")]),
    ));
    let made_of = [table("dbt", "orders"), table("snowflake", "raw")];
    file.push(aspect(
        &table("snowflake", "orders"),
        "upstreamLineage",
        from(&made_of),
    ));
    Catalog::load_str("test", &json!(file).to_string()).unwrap()
}

#[tokio::test]
async fn siblings_have_one_lineage_unless_asked_for_apart() {
    let hub = start(catalog()).await;
    let query = "query of($urn: String!, $input: LineageInput!) { dataset(urn: $urn) {
        lineage(input: $input) { total relationships { entity { urn } } } } }";
    let upstreams = async |urn: String, separate: Value| {
        let input = json!({"direction": "UPSTREAM", "separateSiblings": separate});
        let got = data(&hub, query, json!({"urn": urn, "input": input})).await;
        let found = got["dataset"]["lineage"]["relationships"]
            .as_array()
            .unwrap()
            .clone();
        found
            .iter()
            .map(|one| one["entity"]["urn"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    for one in [table("snowflake", "orders"), table("dbt", "orders")] {
        // The siblings are not their own upstreams, and of the two others only the primary is shown.
        assert_eq!(upstreams(one, Value::Null).await, [table("dbt", "raw")]);
    }
    assert_eq!(
        upstreams(table("snowflake", "orders"), json!(true)).await,
        [table("dbt", "orders"), table("snowflake", "raw")]
    );
}
