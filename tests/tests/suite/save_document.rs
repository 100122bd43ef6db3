//! Where `save_document` keeps what it saves, and what it writes over.

use serde_json::{Value, json};

use crate::shop_world::{RUNBOOK, ShopWorld};

const FOLDER: &str = "urn:li:document:__system_shared_documents";

fn note(title: &str, urn: Option<&str>) -> Value {
    let mut arguments = json!({"document_type": "Note", "title": title, "content": "# Why\nSo."});
    if let Some(urn) = urn {
        arguments["urn"] = json!(urn);
    }
    arguments
}

/// An aspect as the catalog holds it now.
fn aspect(world: &ShopWorld, urn: &str, aspect: &str) -> Value {
    let catalog = world.datahub.catalog();
    catalog.aspect(urn, aspect).cloned().unwrap_or_default()
}

async fn save(world: &ShopWorld, title: &str) -> String {
    let saved = world.ok("save_document", note(title, None)).await;
    saved["urn"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn documents_go_into_one_folder_that_is_made_once() {
    let world = ShopWorld::with(
        |_| {},
        |server| server.env("SAVE_DOCUMENT_PARENT_TITLE", "From agents"),
    )
    .await;
    for title in ["One", "Two"] {
        let urn = save(&world, title).await;
        let info = aspect(&world, &urn, "documentInfo");
        assert_eq!(info["parentDocument"]["document"], FOLDER, "{info}");
        assert_eq!(info["title"], title);
        let settings = aspect(&world, &urn, "documentSettings");
        assert_eq!(settings["showInGlobalContext"], true);
    }
    let folder = aspect(&world, FOLDER, "documentInfo");
    assert_eq!(folder["title"], "From agents");
    assert_eq!(folder["parentDocument"], Value::Null);
    let kind = aspect(&world, FOLDER, "subTypes");
    assert_eq!(kind["typeNames"], json!(["Folder"]));
}

#[tokio::test]
async fn a_folder_that_was_removed_is_brought_back() {
    let world = ShopWorld::start().await;
    save(&world, "One").await;
    assert_eq!(
        aspect(&world, FOLDER, "documentInfo")["title"],
        "Shared",
        "the default"
    );
    let token = world.datahub.token("admin").unwrap();
    let removed = world.server.mcp().http()
        .post(format!("{}/api/graphql", world.datahub.url()))
        .bearer_auth(token)
        .json(&json!({"query": "mutation m($urn: String!) { deleteDocument(urn: $urn) }", "variables": {"urn": FOLDER}}))
        .send()
        .await
        .unwrap();
    assert_eq!(removed.status(), 200);
    assert_eq!(aspect(&world, FOLDER, "status")["removed"], true);
    save(&world, "Two").await;
    assert_eq!(aspect(&world, FOLDER, "status")["removed"], false);
}

#[tokio::test]
async fn people_have_folders_of_their_own_where_that_is_on() {
    let world = ShopWorld::with(
        |_| {},
        |server| server.env("SAVE_DOCUMENT_ORGANIZE_BY_USER", "true"),
    )
    .await;
    let urn = save(&world, "One").await;
    let own = "urn:li:document:agent-docs-user-editor";
    let info = aspect(&world, &urn, "documentInfo");
    assert_eq!(info["parentDocument"]["document"], own);
    let folder = aspect(&world, own, "documentInfo");
    assert_eq!(folder["title"], "Edwin Okoro");
    assert_eq!(folder["parentDocument"]["document"], FOLDER);
    // What lies deeper is in the folder too, and may be written over.
    world
        .ok("save_document", note("One, mended", Some(&urn)))
        .await;
    let info = aspect(&world, &urn, "documentInfo");
    assert_eq!(info["title"], "One, mended");
    assert_eq!(info["parentDocument"]["document"], own, "it stays there");
    let error = world.error("save_document", note("Mine", Some(own))).await;
    assert!(error.contains("is a folder"), "{error}");
}

/// A folder of that id which somebody made elsewhere takes nobody's documents.
#[tokio::test]
async fn a_folder_that_lies_elsewhere_is_not_saved_to() {
    let world = ShopWorld::with(
        |_| {},
        |server| server.env("SAVE_DOCUMENT_ORGANIZE_BY_USER", "true"),
    )
    .await;
    let create = json!({
        "query": "mutation m($input: CreateDocumentInput!) { createDocument(input: $input) }",
        "variables": {"input": {
            "id": "agent-docs-user-editor", "title": "Mine", "contents": {"text": "."},
        }},
    });
    let token = world.datahub.token("admin").unwrap();
    let http = world.server.mcp().http().clone();
    let made = http
        .post(format!("{}/api/graphql", world.datahub.url()))
        .bearer_auth(token)
        .json(&create)
        .send();
    let made: Value = made.await.unwrap().json().await.unwrap();
    assert!(made["errors"].is_null(), "{made}");
    let urn = save(&world, "One").await;
    let info = aspect(&world, &urn, "documentInfo");
    assert_eq!(info["parentDocument"]["document"], FOLDER);
}

#[tokio::test]
async fn only_documents_in_the_folder_are_written_over() {
    let world = ShopWorld::start().await;
    save(&world, "One").await;
    for (urn, why) in [
        (RUNBOOK, "is not in the folder `Shared`"),
        (FOLDER, "is a folder"),
    ] {
        let before = aspect(&world, urn, "documentInfo");
        let error = world.error("save_document", note("Mine", Some(urn))).await;
        assert!(error.contains(why), "{error}");
        assert_eq!(aspect(&world, urn, "documentInfo"), before);
    }
}

#[tokio::test]
async fn without_the_restriction_any_document_is_written_over() {
    let world = ShopWorld::with(
        |_| {},
        |server| server.env("SAVE_DOCUMENT_RESTRICT_UPDATES", "false"),
    )
    .await;
    let parent = aspect(&world, RUNBOOK, "documentInfo")["parentDocument"].clone();
    world
        .ok("save_document", note("Late orders", Some(RUNBOOK)))
        .await;
    let info = aspect(&world, RUNBOOK, "documentInfo");
    assert_eq!(info["title"], "Late orders");
    assert_eq!(info["contents"]["text"], "# Why\nSo.");
    assert_eq!(info["parentDocument"], parent, "it stays where it was");
}
