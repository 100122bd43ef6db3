//! Authorization by data: whoever may not call a tool gets what it gives out by no other method, and is
//! told of it by no list. Goes through every method of MCP and every tool.

use std::{collections::BTreeSet, fs, path::Path};

use integration_tests::{Reply, mcp};
use sandbox::idp::Options;
use serde_json::{Value, json};

use crate::world::World;

/// A version with `initialize`, and one whose requests stand alone.
const VERSIONS: [&str; 2] = ["2025-06-18", "2026-07-28"];
const URN: &str = "urn:li:corpuser:admin";

/// What the answer to a method gives out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gives {
    /// What everybody may know who is let in.
    Nothing,
    /// A list, from which what may not be used is left out.
    List,
    /// What tools give out: refused without their scopes.
    Data,
}

/// Every method that clients may send, with parameters. `None` in place of the handler's function is a
/// method that the library answers: there is nothing behind it.
fn methods() -> Vec<(&'static str, Value, Option<&'static str>, Gives)> {
    let task = json!({"taskId": "task-1"});
    let completed = json!({
        "ref": {"type": "ref/resource", "uri": "datahub://{urn}"},
        "argument": {"name": "urn", "value": "ad"},
    });
    let prompt = json!({"name": "explain_table", "arguments": {"urn": URN}});
    let listened = json!({"notifications": {"toolsListChanged": true}});
    let client = json!({
        "protocolVersion": VERSIONS[0], "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    });
    let resource = json!({"uri": format!("datahub://{URN}")});
    let skill = json!({"uri": "skill://explain-table/SKILL.md"});
    let call = json!({"name": "get_entities", "arguments": {"urns": [URN]}});
    // Read as a call without arguments, by another function.
    let bare_call = json!({"name": "get_me", "arguments": []});
    vec![
        ("initialize", client, None, Gives::Nothing),
        ("server/discover", json!({}), None, Gives::Nothing),
        ("ping", json!({}), None, Gives::Nothing),
        (
            "logging/setLevel",
            json!({"level": "debug"}),
            None,
            Gives::Nothing,
        ),
        ("tools/list", json!({}), Some("list_tools"), Gives::List),
        ("prompts/list", json!({}), Some("list_prompts"), Gives::List),
        (
            "resources/list",
            json!({}),
            Some("list_resources"),
            Gives::List,
        ),
        (
            "resources/templates/list",
            json!({}),
            Some("list_resource_templates"),
            Gives::List,
        ),
        ("tools/call", call, Some("call_tool"), Gives::Data),
        (
            "tools/call",
            bare_call,
            Some("on_custom_request"),
            Gives::Data,
        ),
        ("prompts/get", prompt, Some("get_prompt"), Gives::Data),
        (
            "resources/read",
            resource.clone(),
            Some("read_resource"),
            Gives::Data,
        ),
        (
            "completion/complete",
            completed,
            Some("complete"),
            Gives::Data,
        ),
        (
            "resources/subscribe",
            resource.clone(),
            None,
            Gives::Nothing,
        ),
        (
            "resources/unsubscribe",
            resource.clone(),
            None,
            Gives::Nothing,
        ),
        ("resources/directory/read", resource, None, Gives::Nothing),
        ("subscriptions/listen", listened, None, Gives::Nothing),
        ("tasks/get", task.clone(), None, Gives::Nothing),
        ("tasks/update", task.clone(), None, Gives::Nothing),
        ("tasks/cancel", task, None, Gives::Nothing),
        ("skills/list", json!({}), Some("list_skills"), Gives::List),
        ("skills/get", skill.clone(), Some("get_skill"), Gives::Data),
        ("resources/read", skill, Some("read_resource"), Gives::Data),
        ("entities/list", json!({}), None, Gives::Nothing),
    ]
}

async fn world(scopes: &str) -> World {
    World::with(Options::default(), |builder| {
        builder
            .env("TOOLS_IS_MUTATION_ENABLED", "true")
            .env("DATA_QUALITY_TOOLS_ENABLED", "true")
            .env("TOOL_SCOPES", scopes)
    })
    .await
}

impl World {
    fn scoped(&self, scopes: &str) -> String {
        self.idp.mint(json!({"sub": "editor", "scope": scopes}))
    }

    /// Sends a request as clients of `version` do.
    async fn send(&self, version: &str, token: &str, method: &str, params: &Value) -> Reply {
        let mut body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut request = self.server.mcp().request(Some(token));
        request = request.header("mcp-protocol-version", version);
        if version == VERSIONS[1] {
            body["params"]["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": version,
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            request = request.header("mcp-method", method);
            for name in ["name", "uri"] {
                if let Some(name) = params[name].as_str() {
                    request = request.header("mcp-name", name);
                }
            }
        }
        mcp::reply(request.json(&body)).await.unwrap()
    }

    async fn tools(&self, token: &str) -> BTreeSet<String> {
        let list = self
            .send(VERSIONS[0], token, "tools/list", &json!({}))
            .await;
        names(&list.json["result"]["tools"])
    }
}

fn names(list: &Value) -> BTreeSet<String> {
    let names = list.as_array().into_iter().flatten();
    names
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The functions of the handler are those of the table above, and it says that it can do no more.
#[tokio::test]
async fn the_table_of_methods_has_all_that_the_server_answers() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/mcp/src/server.rs");
    let source = fs::read_to_string(file).unwrap();
    let (_, handler) = source
        .split_once("impl ServerHandler for McpServer {")
        .unwrap();
    let functions = handler.lines().filter_map(|line| {
        let line = line.strip_prefix("    ")?;
        let line = line.strip_prefix("async ").unwrap_or(line);
        let (name, _) = line.strip_prefix("fn ")?.split_once('(')?;
        (name != "get_info").then(|| name.to_owned())
    });
    let functions: BTreeSet<String> = functions.collect();
    let known = methods()
        .into_iter()
        .filter_map(|(_, _, function, _)| function);
    assert_eq!(functions, known.map(str::to_owned).collect());

    let world = world("read=r").await;
    let (method, params, ..) = methods().swap_remove(0);
    let answer = world
        .send(VERSIONS[0], &world.scoped(""), method, &params)
        .await;
    let capabilities = answer.json["result"]["capabilities"].as_object().unwrap();
    let capabilities: Vec<&str> = capabilities.keys().map(String::as_str).collect();
    assert_eq!(
        capabilities.iter().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from(["completions", "extensions", "prompts", "resources", "tools"])
    );
}

#[tokio::test]
async fn no_method_gives_or_names_what_the_token_may_not_use() {
    let world = world("read=datahub:read,write=datahub:write").await;
    let (all, none) = (world.scoped("datahub:read datahub:write"), world.scoped(""));
    let every_tool = world.tools(&all).await;
    assert!(every_tool.len() > 25, "{every_tool:?}");
    for version in VERSIONS {
        for (method, params, _, gives) in methods() {
            let context = format!("{method} {params} of {version}");
            let asked = world.datahub.seen().len();
            let refused = world.send(version, &none, method, &params).await;
            assert_eq!(
                world.datahub.seen().len(),
                asked,
                "{context}: asked DataHub"
            );
            let allowed = world.send(version, &all, method, &params).await;
            match gives {
                Gives::Data => {
                    assert_eq!(refused.status, 403, "{context}: {}", refused.text);
                    let challenge = refused.header("www-authenticate");
                    assert!(challenge.contains("insufficient_scope"), "{challenge}");
                    assert!(
                        refused.json["result"].is_null(),
                        "{context}: {}",
                        refused.text
                    );
                    assert_eq!(allowed.status, 200, "{context}: {}", allowed.text);
                }
                Gives::List => {
                    assert_eq!(refused.status, 200, "{context}: {}", refused.text);
                    let list = refused.json["result"].as_object().unwrap();
                    let items = list.values().find_map(Value::as_array).unwrap();
                    assert!(items.is_empty(), "{context}: {}", refused.text);
                    let list = allowed.json["result"].as_object().unwrap();
                    let items = list.values().find_map(Value::as_array).unwrap();
                    // There are too many entities to list them.
                    assert_eq!(items.is_empty(), method == "resources/list", "{context}");
                }
                // The same for everybody: there is nothing in it that somebody may not know.
                Gives::Nothing => {
                    assert_eq!(refused.text, allowed.text, "{context}");
                    assert_eq!(refused.status, allowed.status, "{context}");
                }
            }
        }
    }
}

#[tokio::test]
async fn every_tool_needs_its_own_scope_and_is_hidden_without_it() {
    let free = world("").await;
    let every_tool = free.tools(&free.scoped("")).await;
    let scopes: Vec<String> = every_tool
        .iter()
        .map(|tool| format!("{tool}=s:{tool}"))
        .collect();
    let world = world(&scopes.join(",")).await;
    for tool in &every_tool {
        let others = every_tool.iter().filter(|other| *other != tool);
        let others: BTreeSet<String> = others.cloned().collect();
        let lacking: Vec<String> = others.iter().map(|other| format!("s:{other}")).collect();
        let lacking = world.scoped(&lacking.join(" "));
        assert_eq!(world.tools(&lacking).await, others);
        let only = world.scoped(&format!("s:{tool}"));
        assert_eq!(world.tools(&only).await, BTreeSet::from([tool.clone()]));

        let asked = world.datahub.seen().len();
        for version in VERSIONS {
            for arguments in [json!({"urns": [URN], "query": "*"}), json!([])] {
                let params = json!({"name": tool, "arguments": arguments});
                let reply = world.send(version, &lacking, "tools/call", &params).await;
                assert_eq!(reply.status, 403, "{tool}: {}", reply.text);
                let challenge = reply.header("www-authenticate");
                assert!(
                    challenge.contains(&format!("scope=\"s:{tool}\"")),
                    "{challenge}"
                );
            }
        }
        assert_eq!(world.datahub.seen().len(), asked, "{tool}: asked DataHub");
        // Its own scope is enough: it gets as far as its arguments.
        let params = json!({"name": tool, "arguments": {"no_such_argument": [1]}});
        let reply = world.send(VERSIONS[0], &only, "tools/call", &params).await;
        assert_eq!(reply.status, 200, "{tool}: {}", reply.text);

        // The prompts that lead to it are neither listed nor given.
        let listed = world
            .send(VERSIONS[0], &lacking, "prompts/list", &json!({}))
            .await;
        let listed = names(&listed.json["result"]["prompts"]);
        if listed.len() == 3 {
            continue;
        }
        for prompt in ["find_trusted_data", "impact_of_change", "explain_table"] {
            let params = json!({"name": prompt, "arguments": {"urn": URN, "topic": "x"}});
            let got = world
                .send(VERSIONS[0], &lacking, "prompts/get", &params)
                .await;
            let status = if listed.contains(prompt) { 200 } else { 403 };
            assert_eq!(got.status, status, "{prompt} without {tool}: {}", got.text);
            let names_it = got.text.contains(tool.as_str()) && status == 200;
            let is_word = |word: &str| word == tool;
            let mut words = got
                .text
                .split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
            assert!(!names_it || !words.any(is_word), "{prompt} names {tool}");
        }
    }
}

#[tokio::test]
async fn an_error_names_no_tool_that_the_token_may_not_use() {
    let world = world("read=datahub:read,write=datahub:write").await;
    let token = world.scoped("datahub:read");
    for (name, others) in [
        ("add_tag", "add_"),
        ("qqqqqq", "remove_"),
        ("save_documents", "save_document`"),
    ] {
        let params = json!({"name": name, "arguments": {}});
        let reply = world.send(VERSIONS[0], &token, "tools/call", &params).await;
        let message = reply.json["error"]["message"].as_str().unwrap();
        let after = message.split_once(name).unwrap().1;
        assert!(!after.contains(others), "{message}");
    }
    let params = json!({"name": "qqqqqq", "arguments": {}});
    for method in ["tools/call", "prompts/get"] {
        let reply = world
            .send(VERSIONS[0], &world.scoped(""), method, &params)
            .await;
        let message = reply.json["error"]["message"].as_str().unwrap();
        for name in ["search", "get_", "explain", "trusted"] {
            assert!(!message.contains(name), "{message}");
        }
    }
}
