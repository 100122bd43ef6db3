//! What a catalog may hold and seldom does, seen through the tools: names that have to be encoded, a very
//! wide table, an application, deprecated and removed entities, an incident in each state.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::shop_world::ShopWorld;

const ODD: &str = "urn:li:dataset:(urn:li:dataPlatform:oracle,kiln.lab.odd_names,PROD)";
const COPY: &str = "urn:li:dataset:(urn:li:dataPlatform:oracle,kiln.lab.odd_names_copy,PROD)";
const WIDE: &str = "urn:li:dataset:(urn:li:dataPlatform:oracle,kiln.lab.sensor_readings,PROD)";

fn paths(answer: &Value) -> Vec<String> {
    let fields = answer["fields"].as_array().unwrap();
    let path = |field: &Value| field["fieldPath"].as_str().unwrap().to_owned();
    fields.iter().map(path).collect()
}

#[tokio::test]
async fn columns_of_any_name_have_their_lineage() {
    let world = ShopWorld::start().await;
    let columns = paths(&world.ok("list_schema_fields", json!({"urn": ODD})).await);
    assert_eq!(columns.len(), 10, "{columns:?}");
    for column in &columns {
        for (urn, upstream, other) in [(COPY, true, ODD), (ODD, false, COPY)] {
            let arguments = json!({"urn": urn, "column": column, "upstream": upstream});
            let answer = world.ok("get_lineage", arguments).await;
            let way = if upstream { "upstreams" } else { "downstreams" };
            assert_eq!(answer[way]["total"], 1, "{column}: {answer}");
            assert!(answer.to_string().contains(other), "{column}: {answer}");
        }
    }
    let arguments = json!({"urn": ODD, "column": "Item_Id"});
    let refused = world.error("get_lineage", arguments).await;
    assert!(
        refused.contains("item_id") && refused.contains("ITEM_ID"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_thousand_columns_come_page_by_page_and_are_found_by_name() {
    let world = ShopWorld::start().await;
    let mut seen = BTreeSet::new();
    for offset in (0..1000).step_by(250) {
        let arguments = json!({"urn": WIDE, "limit": 250, "offset": offset});
        let page = paths(&world.ok("list_schema_fields", arguments).await);
        assert!(!page.is_empty(), "{offset}");
        seen.extend(page);
    }
    assert!(seen.contains("reading_0001") && seen.contains("reading_1000"));
    let arguments = json!({"urn": WIDE, "keywords": "reading_0777"});
    let found = paths(&world.ok("list_schema_fields", arguments).await);
    assert_eq!(found.first().map(String::as_str), Some("reading_0777"));
    // The index has every one of them.
    let arguments = json!({"filter": "fieldPaths = reading_1000"});
    assert_eq!(world.ok("search", arguments).await["total"], 1);
    let entity = world.ok("get_entities", json!({"urns": [WIDE]})).await;
    assert!(
        entity.to_string().len() < 80_000,
        "{}",
        entity.to_string().len()
    );
}

#[tokio::test]
async fn entities_in_every_state_are_found_by_it() {
    let world = ShopWorld::start().await;
    let total = async |filter: &str| {
        let answer = world
            .ok("search", json!({"filter": filter, "num_results": 0}))
            .await;
        answer["total"].as_u64().unwrap()
    };
    for (filter, wanted) in [
        ("type = application", 1),
        ("applications = urn:li:application:kiln-control", 3),
        ("platform = oracle AND deprecated = true", 1),
        // Said to be false, and never said.
        (
            "platform = oracle AND type = dataset AND deprecated = false",
            3,
        ),
        (
            "platform = oracle AND type = dataset AND status = ONLY_SOFT_DELETED",
            1,
        ),
        ("platform = oracle AND type = dataset AND status = ALL", 5),
        (
            "type IN (tag, glossaryTerm) AND status = ONLY_SOFT_DELETED",
            2,
        ),
        ("platform = oracle AND has_active_incidents = true", 1),
        (
            "platform = oracle AND type = dataset AND has_active_incidents = false",
            3,
        ),
        ("type = incident AND stage = WORK_IN_PROGRESS", 1),
        (
            "type = incident AND state = RESOLVED AND stage IN (FIXED, NO_ACTION_REQUIRED)",
            2,
        ),
    ] {
        assert_eq!(total(filter).await, wanted, "{filter}");
    }
    for (state, wanted) in [
        (
            "ACTIVE",
            ["kiln-triage", "kiln-investigation", "kiln-work"].as_slice(),
        ),
        ("RESOLVED", &["kiln-fixed", "kiln-no-action"]),
    ] {
        let arguments = json!({"urn": WIDE, "state": state});
        let listed = world.ok("list_incidents", arguments).await.to_string();
        for name in [
            "kiln-triage",
            "kiln-investigation",
            "kiln-work",
            "kiln-fixed",
            "kiln-no-action",
        ] {
            assert_eq!(
                listed.contains(name),
                wanted.contains(&name),
                "{state}: {listed}"
            );
        }
    }
}

#[tokio::test]
async fn an_application_has_its_name_in_hits_and_its_owners_beside_it() {
    let world = ShopWorld::start().await;
    let urn = "urn:li:application:kiln-control";
    let filter = json!({"filter": "type = application"});
    let found = world.ok("search", filter).await;
    let hit = &found["searchResults"][0]["entity"];
    assert_eq!(
        (&hit["urn"], &hit["name"]),
        (&json!(urn), &json!("Kiln Control"))
    );
    let entity = world.ok("get_entities", json!({"urns": urn})).await;
    assert_eq!(entity["name"], "Kiln Control", "{entity}");
    assert!(
        entity["description"]
            .as_str()
            .unwrap()
            .contains("fires the kilns")
    );
    assert!(entity["owners"].to_string().contains("data-platform"));
}
