//! A DataHub that lacks fields and types of the documents that it is sent: the tools answer with
//! what it has, and say what is left out.

use serde_json::{Value, json};

use crate::shop_world::{ORDERS, ShopWorld};

/// Fields and a type that search, get_entities and get_lineage ask for.
const HIDDEN: &[&str] = &[
    "Dataset.health",
    "DatasetProperties.qualifiedName",
    "DatasetProperties.lastModified",
    "SchemaField.isPartitioningKey",
    "MLFeatureTable",
];

async fn lacking(hidden: &[&str]) -> ShopWorld {
    let hidden = hidden.iter().map(|name| (*name).to_owned()).collect();
    ShopWorld::with(|options| options.hidden = hidden, |server| server).await
}

fn warnings(answer: &Value) -> Vec<&str> {
    let warnings = answer["warnings"].as_array().into_iter().flatten();
    warnings.filter_map(Value::as_str).collect()
}

/// How often DataHub was asked this.
fn asked(world: &ShopWorld, operation: &str) -> usize {
    let requests = world.datahub.controls().requests();
    let same = requests
        .iter()
        .filter(|one| one.operation.as_deref() == Some(operation));
    same.count()
}

#[tokio::test]
async fn tools_answer_without_the_fields_that_datahub_does_not_know() {
    let world = lacking(HIDDEN).await;
    let whole = ShopWorld::start().await;

    let arguments = json!({"query": "orders", "filter": "type = dataset", "num_results": 3});
    let mut answer = world.ok("search", arguments.clone()).await;
    assert_eq!(
        warnings(&answer),
        ["left out, because this DataHub does not know it: \
          Dataset.properties.qualifiedName, MLFeatureTable"]
    );
    let mut expected = whole.ok("search", arguments).await;
    answer.as_object_mut().unwrap().remove("warnings");
    for answer in [&mut answer, &mut expected] {
        for hit in answer["searchResults"].as_array_mut().unwrap() {
            let entity = hit["entity"].as_object_mut().unwrap();
            entity.remove("qualifiedName");
        }
    }
    assert_eq!(answer, expected, "all the rest is there");

    let answer = world.ok("get_entities", json!({"urns": ORDERS})).await;
    let table = &answer;
    assert_eq!(table["urn"], ORDERS);
    assert!(table["fields"].as_array().unwrap().len() > 3);
    assert!(table.get("health").is_none());
    let warnings = warnings(&answer);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for name in [
        "Dataset.health",
        "Dataset.properties.lastModified",
        "SchemaField.isPartitioningKey",
    ] {
        assert!(warnings[0].contains(name), "{warnings:?}");
    }

    let arguments = json!({"urn": ORDERS, "upstream": true});
    let answer = world.ok("get_lineage", arguments).await;
    assert!(answer["upstreams"]["total"].as_i64().unwrap() > 0);
    assert!(
        answer["warnings"][0]
            .as_str()
            .unwrap()
            .contains("MLFeatureTable")
    );
}

#[tokio::test]
async fn what_is_not_known_is_found_out_once() {
    let world = lacking(&["Dataset.health"]).await;
    let urns = json!({"urns": ORDERS});
    world.ok("get_entities", urns.clone()).await;
    assert_eq!(
        asked(&world, "dataset"),
        2,
        "the whole document, the cut one"
    );
    for _ in 0..3 {
        let answer = world.ok("get_entities", urns.clone()).await;
        assert_eq!(warnings(&answer).len(), 1, "told each time");
    }
    assert_eq!(asked(&world, "dataset"), 5);
}

#[tokio::test]
async fn many_entities_are_warned_of_once() {
    let world = lacking(&["Dataset.health"]).await;
    let found = world
        .ok(
            "search",
            json!({"filter": "type = dataset", "num_results": 9}),
        )
        .await;
    let hits = found["searchResults"].as_array().unwrap();
    let urns: Vec<&Value> = hits.iter().map(|hit| &hit["entity"]["urn"]).collect();
    let answer = world.ok("get_entities", json!({"urns": urns})).await;
    assert_eq!(warnings(&answer).len(), 1, "{answer}");
}

#[tokio::test]
async fn where_nothing_would_be_left_the_error_stays() {
    let world = lacking(&["Query.listQueries"]).await;
    let error = world
        .error("get_dataset_queries", json!({"urn": ORDERS}))
        .await;
    assert!(
        error.contains("'listQueries' in type 'Query' is undefined"),
        "{error}"
    );
    assert!(error.contains("use another tool"), "{error}");
}

/// What a write builds on must be whole: what is not read would be written over.
#[tokio::test]
async fn nothing_is_written_over_what_cannot_be_read() {
    let world = lacking(&["Dataset.editableProperties"]).await;
    let written = world.datahub.controls().writes().len();
    for operation in ["append", "replace"] {
        let arguments = json!({
            "entity_urn": ORDERS, "operation": operation, "description": "More.",
        });
        let error = world.error("update_description", arguments).await;
        assert!(error.contains("nothing was changed"), "{error}");
        assert!(error.contains("Dataset.editableProperties"), "{error}");
    }
    assert_eq!(world.datahub.controls().writes().len(), written);
}
