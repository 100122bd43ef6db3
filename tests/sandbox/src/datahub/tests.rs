//! Tests of the embedded DataHub through HTTP.

use serde_json::{Value, json};

use super::{Catalog, EmbeddedDataHub, Kind, Options, Person, Running};

mod complete;
mod reading;
mod rest;
mod searching;
mod siblings;
mod trusted_issuers;
mod writing;

/// Starts a DataHub with four people and this catalog.
pub(super) async fn start(catalog: Catalog) -> Running {
    let person = |username: &str, kind, suspended| Person {
        username: username.to_owned(),
        display_name: username.to_uppercase(),
        email: format!("{username}@example.com"),
        groups: vec!["analysts".to_owned()],
        kind,
        suspended,
    };
    let people = vec![
        person("admin", Kind::Admin, false),
        person("editor", Kind::Editor, false),
        person("viewer", Kind::Viewer, false),
        person("suspended", Kind::Viewer, true),
    ];
    EmbeddedDataHub::start(Options {
        catalog,
        people,
        ..Options::default()
    })
    .await
    .unwrap()
}

pub(super) fn client() -> reqwest::Client {
    #[expect(
        clippy::disallowed_methods,
        reason = "a client of the tests, which the product's settings do not touch"
    )]
    reqwest::Client::builder()
        .timeout(std::time::Duration::from_secs(60))
        .build()
        .unwrap()
}

/// Asks GraphQL as a person; returns the status and the body.
pub(super) async fn ask(hub: &Running, who: &str, query: &str, variables: Value) -> (u16, String) {
    let token = hub.token(who).unwrap_or_else(|| who.to_owned());
    let answer = client()
        .post(format!("{}/api/graphql", hub.url()))
        .bearer_auth(token)
        .json(&json!({ "query": query, "variables": variables }))
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    (status, answer.text().await.unwrap())
}

/// Asks as the editor and asserts that the answer has no errors.
pub(super) async fn data(hub: &Running, query: &str, variables: Value) -> Value {
    let (status, body) = ask(hub, "editor", query, variables).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    assert_eq!(body.get("errors"), None, "{body}");
    body["data"].clone()
}
