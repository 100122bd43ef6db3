//! Skills that a company keeps as documents in a folder of its DataHub (`SKILLS_FOLDER`).

use integration_tests::Reply;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::shop_world::ShopWorld;

const FOLDER: &str = "urn:li:document:team-skills";
const NOTES: &str = "io.github.datahub-mcp/notes";

/// A catalog's file with the folder and these documents in it: id, title, text and what else is said.
fn folder(documents: &[(&str, &str, &str, Value)]) -> String {
    let info = |title: &str, text: &str, parent: Value| {
        json!({
            "customProperties": {}, "title": title, "source": {"sourceType": "NATIVE"},
            "status": {"state": "PUBLISHED"}, "contents": {"text": text},
            "created": {"time": 1, "actor": "urn:li:corpuser:editor"},
            "lastModified": {"time": 1, "actor": "urn:li:corpuser:editor"},
            "parentDocument": parent,
        })
    };
    let proposal = |urn: &str, name: &str, aspect: &Value| {
        json!({"entityType": "document", "entityUrn": urn, "aspectName": name,
               "changeType": "UPSERT", "aspect": {"json": aspect}})
    };
    let mut all = vec![proposal(
        FOLDER,
        "documentInfo",
        &info("Team skills", "", Value::Null),
    )];
    for (id, title, text, more) in documents {
        let urn = format!("urn:li:document:{id}");
        let mut own = info(title, text, json!({"document": FOLDER}));
        if let (Value::Object(own), Value::Object(more)) = (&mut own, &more["info"]) {
            own.extend(more.clone());
        }
        all.push(proposal(&urn, "documentInfo", &own));
        for aspect in ["status", "documentSettings", "ownership"] {
            if !more[aspect].is_null() {
                all.push(proposal(&urn, aspect, &more[aspect]));
            }
        }
    }
    Value::from(all).to_string()
}

async fn world_of(documents: &[(&str, &str, &str, Value)], settings: &[(&str, &str)]) -> ShopWorld {
    world_with("v1.6.0", documents, settings).await
}

async fn world_with(
    version: &str,
    documents: &[(&str, &str, &str, Value)],
    settings: &[(&str, &str)],
) -> ShopWorld {
    let file = folder(documents);
    ShopWorld::with(
        |options| {
            options.catalog.add_str("skills", &file).unwrap();
            version.clone_into(&mut options.version);
        },
        |server| {
            let server = server.env("SKILLS_FOLDER", FOLDER);
            settings
                .iter()
                .fold(server, |server, (name, value)| server.env(name, *value))
        },
    )
    .await
}

/// Asks as a client of the protocol without sessions.
async fn ask_as(world: &ShopWorld, person: &str, method: &str, mut params: Value) -> Reply {
    let token = world.datahub.token(person).unwrap();
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let mut request = world.server.mcp().request(Some(&token));
    if method == "resources/read" {
        request = request.header("mcp-name", params["uri"].as_str().unwrap());
    }
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let request = request
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method)
        .json(&body);
    integration_tests::mcp::reply(request).await.unwrap()
}

fn names(list: &Reply) -> Vec<String> {
    let skills = list.json["result"]["skills"].as_array();
    let names = skills.unwrap_or_else(|| panic!("{}", list.text)).iter();
    names
        .map(|skill| skill["frontmatter"]["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The skills beside those of the server.
fn ours(list: &Reply) -> Vec<String> {
    let built_in = ["find-trusted-data", "impact-of-change", "explain-table"];
    let mut names = names(list);
    for name in built_in {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    names.retain(|name| !built_in.contains(&name.as_str()));
    names.sort_unstable();
    names
}

fn notes(list: &Reply) -> String {
    list.json["result"]["_meta"][NOTES].to_string()
}

fn plain() -> Value {
    json!({})
}

#[tokio::test]
async fn published_documents_of_the_folder_are_skills_with_digests() {
    let hidden = "Load orders nightly.\u{e0041}\u{200b}\n\n![x](https://x.example/a.png)";
    let unpublished = json!({"info": {"status": {"state": "UNPUBLISHED"}}, "ownership": {
        "owners": [{"owner": "urn:li:corpuser:editor", "type": "TECHNICAL_OWNER"}]}});
    let world = world_of(
        &[
            ("load-1", "Load orders: how?", hidden, plain()),
            ("draft", "Draft", "Not yet.", unpublished),
            (
                "gone",
                "Gone",
                "Was here.",
                json!({"status": {"removed": true}}),
            ),
            (
                "aside",
                "Aside",
                "Beside assets.",
                json!({"documentSettings": {"showInGlobalContext": false}}),
            ),
            (
                "elsewhere",
                "Elsewhere",
                "No.",
                json!({"info": {"parentDocument": null}}),
            ),
            (
                "below",
                "Below",
                "No.",
                json!({"info": {"parentDocument": {"document": "urn:li:document:load-1"}}}),
            ),
        ],
        &[],
    )
    .await;
    let list = ask_as(&world, "editor", "skills/list", json!({})).await;
    assert_eq!(ours(&list), ["load-orders-how"], "{}", list.text);
    let result = &list.json["result"];
    assert_eq!(result["ttlMs"], 300_000);
    assert_eq!(result["cacheScope"], "private");
    assert_eq!(result["_meta"], Value::Null, "{}", list.text);
    let skills = result["skills"].as_array().unwrap();
    let skill = skills
        .iter()
        .find(|s| s["frontmatter"]["name"] == "load-orders-how")
        .unwrap();
    let uri = skill["uri"].as_str().unwrap();
    assert_eq!(uri, "skill://datahub/load-1/load-orders-how/SKILL.md");

    let one = ask_as(&world, "viewer", "skills/get", json!({"uri": uri})).await;
    assert_eq!(&one.json["result"]["skill"], skill, "{}", one.text);
    assert_eq!(one.json["result"]["cacheScope"], "private");
    assert_eq!(one.json["result"]["ttlMs"], 300_000);
    let read = ask_as(&world, "viewer", "resources/read", json!({"uri": uri})).await;
    let file = &read.json["result"]["contents"][0];
    assert_eq!(
        (&file["uri"], &file["mimeType"]),
        (&json!(uri), &json!("text/markdown"))
    );
    let text = file["text"].as_str().unwrap();
    let digest = Sha256::digest(text.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        skill["resources"],
        json!([{
            "uri": uri, "digest": format!("sha256:{hex}"), "size": text.len()
        }])
    );
    assert!(text.contains("Written by people of this company"), "{text}");
    assert!(text.contains("[x](https://x.example/a.png)"), "{text}");
    for kept_out in ["\u{e0041}", "\u{200b}", "!["] {
        assert!(!text.contains(kept_out), "{text}");
    }
    for other in ["draft", "gone", "elsewhere", "below", "none"] {
        let uri = json!({"uri": format!("skill://datahub/{other}/{other}/SKILL.md")});
        for method in ["skills/get", "resources/read"] {
            let refused = ask_as(&world, "editor", method, uri.clone()).await;
            assert!(
                refused.json["result"].is_null(),
                "{method} {other}: {}",
                refused.text
            );
            assert!(refused.text.contains("no skill"), "{}", refused.text);
        }
    }
}

#[tokio::test]
async fn names_that_two_have_and_what_is_too_long_are_said() {
    let long = "x".repeat(70_000);
    let world = world_of(
        &[
            ("a", "Close the month", "One.", plain()),
            ("b", "Close the Month!", "Two.", plain()),
            ("c", "Explain table", "Three.", plain()),
            ("d", "Long", &long, plain()),
            ("e", "Empty", " ", plain()),
        ],
        &[],
    )
    .await;
    let list = ask_as(&world, "editor", "skills/list", json!({})).await;
    let names = ours(&list);
    assert_eq!(names.len(), 3, "{names:?}");
    for (name, start) in
        names
            .iter()
            .zip(["close-the-month-", "close-the-month-", "explain-table-"])
    {
        assert!(name.starts_with(start), "{names:?}");
    }
    let notes = notes(&list);
    for said in [
        "another skill is `close-the-month`",
        "another skill is `explain-table`",
        "urn:li:document:d has 70000 bytes",
        "urn:li:document:e is empty",
    ] {
        assert!(notes.contains(said), "{said}: {notes}");
    }
    // The name of a skill of the server is not given away by its URI either.
    for (id, name, is_there) in [
        ("c", "explain-table", false),
        ("a", "close-the-month", true),
        ("a", "other", false),
    ] {
        let uri = json!({"uri": format!("skill://datahub/{id}/{name}/SKILL.md")});
        let one = ask_as(&world, "editor", "skills/get", uri).await;
        assert_eq!(
            one.json["result"]["skill"].is_object(),
            is_there,
            "{}",
            one.text
        );
        if !is_there {
            assert_eq!(one.json["error"]["code"], -32602, "{}", one.text);
        }
    }
}

#[tokio::test]
async fn of_a_full_folder_some_are_listed() {
    let ids: Vec<String> = (0..60).map(|number| format!("s{number}")).collect();
    let documents: Vec<_> = ids
        .iter()
        .map(|id| (id.as_str(), id.as_str(), "Do.", plain()))
        .collect();
    let world = world_of(&documents, &[]).await;
    let list = ask_as(&world, "viewer", "skills/list", json!({})).await;
    assert_eq!(ours(&list).len(), 50);
    assert!(
        notes(&list).contains("holds 60 documents, of which 50"),
        "{}",
        notes(&list)
    );
    // One that is not listed can be read all the same.
    let listed = ours(&list);
    let other = ids.iter().find(|id| !listed.contains(id)).unwrap();
    let uri = json!({"uri": format!("skill://datahub/{other}/{other}/SKILL.md")});
    let one = ask_as(&world, "viewer", "skills/get", uri).await;
    assert!(one.json["result"]["skill"].is_object(), "{}", one.text);
}

#[tokio::test]
async fn who_may_not_read_documents_gets_none_of_these_skills() {
    let documents = [("a", "Close the month", "One.", plain())];
    let uri = json!({"uri": "skill://datahub/a/close-the-month/SKILL.md"});
    for setting in [
        ("TOOLS", "search,get_*,list_schema_fields"),
        ("DATAHUB_MCP_DOCUMENT_TOOLS_DISABLED", "true"),
        ("TOOL_SCOPES", "search_documents=documents"),
    ] {
        let world = world_of(&documents, &[setting]).await;
        let list = ask_as(&world, "editor", "skills/list", json!({})).await;
        assert_eq!(ours(&list), Vec::<String>::new(), "{setting:?}");
        assert_eq!(notes(&list), "null");
        for method in ["skills/get", "resources/read"] {
            let refused = ask_as(&world, "editor", method, uri.clone()).await;
            assert!(
                refused.json["result"].is_null(),
                "{setting:?}: {}",
                refused.text
            );
            let status = if setting.0 == "TOOL_SCOPES" {
                403
            } else {
                refused.status
            };
            assert_eq!(refused.status, status, "{setting:?}: {}", refused.text);
        }
        assert_eq!(asked(&world), 0, "{setting:?}");
    }
}

/// How often DataHub was asked for these skills.
fn asked(world: &ShopWorld) -> usize {
    let asked = world.datahub.controls().requests();
    let names = asked.iter().filter_map(|one| one.operation.as_deref());
    names.filter(|name| name.starts_with("skill")).count()
}

#[tokio::test]
async fn an_old_datahub_is_not_asked() {
    let documents = [("a", "Close the month", "One.", plain())];
    let world = world_with("v1.3.0", &documents, &[]).await;
    let list = ask_as(&world, "editor", "skills/list", json!({})).await;
    assert_eq!(ours(&list), Vec::<String>::new());
    assert!(
        notes(&list).contains("needs DataHub 1.4.0"),
        "{}",
        notes(&list)
    );
    assert_eq!(asked(&world), 0);
}

#[tokio::test]
async fn the_skills_of_the_server_are_there_without_datahub() {
    let documents = [("a", "Close the month", "One.", plain())];
    let world = world_of(&documents, &[]).await;
    // The token has been checked before.
    let list = ask_as(&world, "editor", "skills/list", json!({})).await;
    assert_eq!(ours(&list), ["close-the-month"], "{}", list.text);
    world.datahub.controls().set_status(Some(503));
    let list = ask_as(&world, "editor", "skills/list", json!({})).await;
    assert_eq!(ours(&list), Vec::<String>::new());
    assert!(
        notes(&list).contains("left out: DataHub is not available"),
        "{}",
        notes(&list)
    );
    assert_eq!(list.json["result"]["ttlMs"], 10_000, "{}", list.text);
    // A person whom DataHub refuses signs in again.
    let token = world.datahub.token("suspended").unwrap();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "skills/list", "params": {}});
    world.datahub.controls().reset();
    let refused =
        integration_tests::mcp::reply(world.server.mcp().request(Some(&token)).json(&body));
    assert_eq!(refused.await.unwrap().status, 401);
}

#[tokio::test]
async fn agents_folders_and_other_things_are_no_folder_of_skills() {
    for wrong in [
        "team-skills",
        "urn:li:tag:a",
        "urn:li:document:__system_shared_documents",
    ] {
        let failed = integration_tests::Server::builder()
            .env("DATAHUB_GMS_URL", "http://127.0.0.1:1")
            .env("SKILLS_FOLDER", wrong)
            .start();
        let error = failed
            .err()
            .map(|error| format!("{error:#}"))
            .unwrap_or_default();
        assert!(error.contains("SKILLS_FOLDER"), "{wrong}: {error}");
    }
}
