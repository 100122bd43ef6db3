//! REST: aspects, entities, versions, writes.

use serde_json::{Value, json};

use super::super::{Catalog, Running};
use super::{client, start};

const ORDERS: &str = "urn:li:dataset:(urn:li:dataPlatform:s3,shop/orders,PROD)";
/// The same, as it stands in a path.
const IN_PATH: &str =
    "urn%3Ali%3Adataset%3A%28urn%3Ali%3AdataPlatform%3As3%2Cshop%2Forders%2CPROD%29";

fn catalog() -> Catalog {
    let file = json!([{"entityUrn": ORDERS, "aspectName": "datasetProperties",
        "aspect": {"json": {"name": "orders"}}}]);
    Catalog::load_str("test", &file.to_string()).unwrap()
}

async fn get(hub: &Running, path: &str) -> (u16, Value) {
    let token = hub.token("editor").unwrap();
    let answer = client()
        .get(format!("{}{path}", hub.url()))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    (
        answer.status().as_u16(),
        answer.json().await.unwrap_or_default(),
    )
}

async fn post(hub: &Running, who: &str, path: &str, body: Value) -> (u16, Value) {
    let token = hub.token(who).unwrap();
    let request = client()
        .post(format!("{}{path}", hub.url()))
        .bearer_auth(token)
        .json(&body);
    let answer = request.send().await.unwrap();
    (
        answer.status().as_u16(),
        answer.json().await.unwrap_or_default(),
    )
}

#[tokio::test]
async fn aspects_come_under_their_class_and_keys_without_being_stored() {
    let hub = start(catalog()).await;
    let (status, body) = get(
        &hub,
        &format!("/aspects/{IN_PATH}?aspect=datasetProperties&version=0"),
    )
    .await;
    assert_eq!(status, 200);
    assert_eq!(
        body["aspect"]["com.linkedin.dataset.DatasetProperties"]["name"],
        "orders"
    );
    let (status, body) = get(
        &hub,
        &format!("/aspects/{IN_PATH}?aspect=datasetKey&version=0"),
    )
    .await;
    assert_eq!(status, 200);
    assert_eq!(
        body["aspect"]["com.linkedin.metadata.key.DatasetKey"]["name"],
        "shop/orders"
    );
    let (status, _) = get(
        &hub,
        &format!("/aspects/{IN_PATH}?aspect=ownership&version=0"),
    )
    .await;
    assert_eq!(status, 404);
    let (status, body) = get(
        &hub,
        &format!("/entitiesV2/{IN_PATH}?aspects=List(datasetProperties)"),
    )
    .await;
    assert_eq!(status, 200);
    assert_eq!(body["aspects"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn a_proposal_is_written_and_the_old_value_is_a_version() {
    let hub = start(catalog()).await;
    let proposal = json!({"proposal": {"entityType": "dataset", "entityUrn": ORDERS, "changeType": "UPSERT",
        "aspectName": "datasetProperties",
        "aspect": {"value": "{\"name\": \"new\"}", "contentType": "application/json"}}});
    let (status, _) = post(
        &hub,
        "viewer",
        "/aspects?action=ingestProposal",
        proposal.clone(),
    )
    .await;
    assert_eq!(status, 403);
    let (status, body) = post(&hub, "editor", "/aspects?action=ingestProposal", proposal).await;
    assert_eq!((status, body["value"].as_str()), (200, Some(ORDERS)));
    let asked =
        json!([{"urn": ORDERS, "datasetProperties": {"headers": {"If-Version-Match": "1"}}}]);
    let path = "/openapi/v3/entity/dataset/batchGet?systemMetadata=true";
    let (_, old) = post(&hub, "editor", path, asked).await;
    assert_eq!(old[0]["datasetProperties"]["value"]["name"], "orders");
    let (_, now) = post(
        &hub,
        "editor",
        path,
        json!([{"urn": ORDERS, "datasetProperties": {}}]),
    )
    .await;
    assert_eq!(now[0]["datasetProperties"]["value"]["name"], "new");
    assert_eq!(
        now[0]["datasetProperties"]["systemMetadata"]["version"],
        "2"
    );
}

#[tokio::test]
async fn entities_are_written_read_and_deleted() {
    let hub = start(catalog()).await;
    let body = json!([{"urn": "urn:li:tag:new", "tagProperties": {"value": {"name": "New"}}}]);
    let (status, _) = post(&hub, "editor", "/openapi/v3/entity/tag?async=false", body).await;
    assert_eq!(status, 200);
    let (status, tag) = get(&hub, "/openapi/v3/entity/tag/urn%3Ali%3Atag%3Anew").await;
    assert_eq!(
        (status, &tag["tagProperties"]["value"]["name"]),
        (200, &json!("New"))
    );
    let wrong = json!([{"urn": "urn:li:domain:new", "tagProperties": {"value": {"name": "New"}}}]);
    let (status, _) = post(&hub, "editor", "/openapi/v3/entity/tag", wrong).await;
    assert_eq!(status, 400);
    let (status, _) = post(
        &hub,
        "editor",
        "/entities?action=delete",
        json!({"urn": "urn:li:tag:new"}),
    )
    .await;
    assert_eq!(status, 200);
    let (status, _) = get(&hub, "/openapi/v3/entity/tag/urn%3Ali%3Atag%3Anew").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_patch_changes_one_item_of_a_list() {
    let hub = start(catalog()).await;
    let upstream = "urn:li:dataset:(urn:li:dataPlatform:s3,raw,PROD)";
    let patch = json!([{"op": "add", "path": format!("/upstreams/{upstream}"),
        "value": {"dataset": upstream, "type": "TRANSFORMED"}}]);
    let proposal = json!({"proposal": {"entityType": "dataset", "entityUrn": ORDERS, "changeType": "PATCH",
        "aspectName": "upstreamLineage",
        "aspect": {"value": patch.to_string(), "contentType": "application/json-patch+json"}}});
    let (status, _) = post(&hub, "editor", "/aspects?action=ingestProposal", proposal).await;
    assert_eq!(status, 200);
    let token = hub.token("editor").unwrap();
    let body = json!([{"urn": ORDERS, "globalTags": {"value": {"patch": [
        {"op": "add", "path": "/tags/urn:li:tag:a", "value": {"tag": "urn:li:tag:a"}}]}}}]);
    let url = format!("{}/openapi/v3/entity/dataset?async=false", hub.url());
    let answer = client()
        .patch(url)
        .bearer_auth(token)
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let catalog = hub.catalog();
    let upstreams = &catalog.aspect(ORDERS, "upstreamLineage").unwrap()["upstreams"];
    assert_eq!(upstreams[0]["dataset"], upstream);
    assert_eq!(
        catalog.aspect(ORDERS, "globalTags").unwrap()["tags"][0]["tag"],
        "urn:li:tag:a"
    );
}
