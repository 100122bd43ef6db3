//! DataHub: really one, and does it ask who is calling.

use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use sandbox::{datahub, idp};
use serde_json::json;

use super::{World, examine, sign_in_world, stub};

#[tokio::test]
async fn authentication_that_is_off_at_datahub_is_a_failure() {
    let options = datahub::Options {
        authentication: false,
        ..datahub::Options::default()
    };
    let world = World::with(idp::Options::default(), options).await;
    examine(&world.settings()).await.assert_fails(
        "datahub-authentication",
        "authentication is off at DataHub (METADATA_SERVICE_AUTH_ENABLED)",
        "METADATA_SERVICE_AUTH_ENABLED=true",
    );
}

#[tokio::test]
async fn an_answer_of_graphql_to_a_made_up_token_is_a_failure() {
    let world = World::start().await;
    let error = json!({"errors": [{"message": "Failed to get", "extensions": {"code": 500}}]});
    let hub = stub(move |path| match path {
        "/config" => axum::Json(json!({"noCode": "true"})).into_response(),
        _ => axum::Json(error.clone()).into_response(),
    });
    let mut settings = world.settings();
    settings.insert("DATAHUB_GMS_URL", hub.await);
    let examined = examine(&settings).await;
    let fix = "METADATA_SERVICE_AUTH_ENABLED=true";
    examined.assert_fails("datahub-authentication", "probably off at DataHub", fix);
}

#[tokio::test]
async fn a_shared_token_that_datahub_refuses_is_a_failure() {
    let world = sign_in_world(idp::Options::default()).await;
    let mut settings = world.settings();
    settings.insert("DATAHUB_GMS_TOKEN", world.datahub.token("viewer").unwrap());
    let examined = examine(&settings).await;
    examined.find("shared-token", "ok");
    settings.insert("DATAHUB_GMS_TOKEN", "no-longer-good".to_owned());
    let examined = examine(&settings).await;
    examined.assert_fails("shared-token", "refuses", "`DATAHUB_GMS_TOKEN`");
    assert!(
        !examined.text.contains("no-longer-good"),
        "{}",
        examined.text
    );
}

#[tokio::test]
async fn a_server_that_is_not_datahub_is_not_taken_for_one() {
    let world = World::start().await;
    let page = stub(|_| ([(header::CONTENT_TYPE, "text/html")], "<html>hello").into_response());
    let json = stub(|_| axum::Json(json!({"status": "ok"})).into_response());
    let nothing = stub(|_| StatusCode::NOT_FOUND.into_response());
    let sign_in = stub(|_| (StatusCode::FOUND, [(header::LOCATION, "/login")]).into_response());
    for url in [page.await, json.await, nothing.await, sign_in.await] {
        let mut settings = world.settings();
        settings.insert("DATAHUB_GMS_URL", url);
        let examined = examine(&settings).await;
        examined.assert_fails("datahub", "it is not DataHub", "set `DATAHUB_GMS_URL`");
    }
}
