//! Tests of authentication and of the plain endpoints.

use serde_json::{Value, json};

use super::super::Catalog;
use super::{ask, client, data, start};

#[tokio::test]
async fn config_and_health_need_no_token() {
    let hub = start(Catalog::default()).await;
    for prefix in ["", "/api/gms"] {
        let health = client()
            .get(format!("{}{prefix}/health", hub.url()))
            .send()
            .await
            .unwrap();
        assert_eq!(health.status(), 200);
        let config = client()
            .get(format!("{}{prefix}/config", hub.url()))
            .send()
            .await
            .unwrap();
        let config: Value = config.json().await.unwrap();
        assert_eq!(config["versions"]["acryldata/datahub"]["version"], "v1.6.0");
        assert_eq!(config["datahub"]["serverEnv"], "core");
    }
    hub.shutdown().await;
}

#[tokio::test]
async fn me_is_the_owner_of_the_token() {
    let hub = start(Catalog::default()).await;
    let query = "{ me { corpUser { urn username exists properties { displayName } }
                        platformPrivileges { managePolicies } } }";
    let (status, body) = ask(&hub, "admin", query, json!({})).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    let user = &body["data"]["me"]["corpUser"];
    assert_eq!(user["urn"], "urn:li:corpuser:admin");
    assert_eq!(user["exists"], true);
    assert_eq!(user["properties"]["displayName"], "ADMIN");
    assert_eq!(
        body["data"]["me"]["platformPrivileges"]["managePolicies"],
        true
    );
    let me = data(&hub, query, json!({})).await;
    assert_eq!(me["me"]["corpUser"]["username"], "editor");
    let actors: Vec<_> = hub
        .controls()
        .requests()
        .into_iter()
        .filter_map(|r| r.actor)
        .collect();
    assert_eq!(actors, ["urn:li:corpuser:admin", "urn:li:corpuser:editor"]);
}

#[tokio::test]
async fn bad_tokens_and_suspended_people_get_401() {
    let hub = start(Catalog::default()).await;
    for who in [
        "suspended",
        "not.a.token",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
    ] {
        let (status, _) = ask(&hub, who, "{ me { corpUser { urn } } }", json!({})).await;
        assert_eq!(status, 401, "{who}");
    }
}

#[tokio::test]
async fn a_wrong_document_is_told_in_graphqls_words() {
    let hub = start(Catalog::default()).await;
    let (status, body) = ask(&hub, "editor", "{ me { nothing } }", json!({})).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        body["errors"][0]["extensions"]["classification"],
        "ValidationError"
    );
    let (_, body) = ask(&hub, "editor", "{ me {", json!({})).await;
    assert!(body.contains("InvalidSyntax"), "{body}");
}

#[tokio::test]
async fn a_failing_field_leaves_the_rest() {
    let hub = start(Catalog::default()).await;
    hub.controls()
        .fail_field("CorpUser.properties", "out of order");
    let query = "{ me { corpUser { urn properties { displayName } } } }";
    let (_, body) = ask(&hub, "editor", query, json!({})).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        body["data"]["me"]["corpUser"]["urn"],
        "urn:li:corpuser:editor"
    );
    assert_eq!(body["errors"][0]["message"], "out of order");
    assert_eq!(body["errors"][0]["extensions"]["code"], 500);
}
