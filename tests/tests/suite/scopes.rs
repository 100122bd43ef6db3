//! What a token may do by its scopes, and what the log tells of it: `TOOL_SCOPES` and access lines.

use integration_tests::{Reply, Server, ServerBuilder};
use sandbox::idp::Options;
use serde_json::{Value, json};

use crate::world::World;

async fn world(scopes: Option<&str>) -> World {
    World::with(Options::default(), |builder: ServerBuilder| {
        let builder = builder.env("TOOLS_IS_MUTATION_ENABLED", "true");
        match scopes {
            Some(scopes) => builder.env("TOOL_SCOPES", scopes),
            None => builder,
        }
    })
    .await
}

impl World {
    fn token_with(&self, scopes: &str) -> String {
        self.idp.mint(json!({"sub": "editor", "scope": scopes}))
    }

    async fn read(&self, token: &str) -> Reply {
        let arguments = json!({"query": "*"});
        let mcp = self.server.mcp();
        mcp.call(Some(token), "search", arguments).await.unwrap()
    }

    async fn write(&self, token: &str) -> Reply {
        let arguments = json!({"tag_urns": ["urn:li:tag:pii"], "entity_urns": ["urn:li:domain:x"]});
        let mcp = self.server.mcp();
        mcp.call(Some(token), "add_tags", arguments).await.unwrap()
    }
}

/// 403 with one challenge that asks for `scopes`, so that the client signs in once more for all of
/// them (RFC 6750 section 3.1).
fn assert_step_up(reply: &Reply, scopes: &str) {
    assert_eq!(reply.status, 403, "{}", reply.text);
    let challenges: Vec<_> = reply.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(challenges.len(), 1, "{challenges:?}");
    let challenge = reply.header("www-authenticate");
    assert!(challenge.starts_with("Bearer "), "{challenge}");
    for part in [
        "error=\"insufficient_scope\"",
        &format!("scope=\"{scopes}\""),
        "resource_metadata=\"http://127.0.0.1:",
    ] {
        assert_eq!(challenge.matches(part).count(), 1, "{part}: {challenge}");
    }
    assert_eq!(reply.json["error"], "insufficient_scope", "{}", reply.text);
}

#[tokio::test]
async fn a_tool_without_its_scopes_is_403_with_all_of_them_in_one_challenge() {
    let world = world(Some("write=datahub:read datahub:write,create_tag=tags")).await;
    for lacking in ["", "openid", "datahub:write", "datahub:writer datahub:read"] {
        let token = world.token_with(lacking);
        assert_step_up(&world.write(&token).await, "datahub:read datahub:write");
        // Nothing is asked of the read tools, and the refusal did not spoil the token.
        let reply = world.read(&token).await;
        assert_eq!(reply.status, 200, "{lacking}: {}", reply.text);
    }
    // A tool's own scopes stand in place of those of its kind.
    let token = world.token_with("datahub:read datahub:write");
    let mcp = world.server.mcp();
    let reply = mcp
        .call(Some(&token), "create_tag", json!({"name": "x"}))
        .await
        .unwrap();
    assert_step_up(&reply, "tags");

    let before = world.datahub.seen().len();
    assert_step_up(
        &world.write(&world.token_with("")).await,
        "datahub:read datahub:write",
    );
    assert_eq!(world.datahub.seen().len(), before, "datahub was asked");
    let reply = world.write(&token).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(world.datahub.seen().len() > before, "datahub was not asked");
}

#[tokio::test]
async fn no_tool_needs_a_scope_unless_one_is_set() {
    let world = world(None).await;
    let token = world.token_with("");
    for reply in [world.read(&token).await, world.write(&token).await] {
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.header("www-authenticate"), "");
    }
}

#[tokio::test]
async fn read_tools_can_need_a_scope_too_and_the_shared_token_has_none() {
    let world = World::with(Options::default(), |builder| {
        builder
            .env("TOOL_SCOPES", "read=datahub:read")
            .env("DATAHUB_GMS_TOKEN", "shared-token")
    })
    .await;
    assert_step_up(
        &world.read(&world.token_with("openid")).await,
        "datahub:read",
    );
    let reply = world.read(&world.token_with("datahub:read")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let mcp = world.server.mcp();
    let shared = mcp
        .call(None, "search", json!({"query": "*"}))
        .await
        .unwrap();
    assert_step_up(&shared, "datahub:read");
}

/// Each method that gives out what a tool gives out asks for the tool's scopes.
#[tokio::test]
async fn resources_and_completions_need_the_scopes_of_the_tools_beside_them() {
    let urn = "urn:li:corpuser:admin";
    let methods = [
        ("resources/read", json!({"uri": format!("datahub://{urn}")})),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/resource", "uri": "datahub://{urn}"},
                   "argument": {"name": "urn", "value": "ad"}}),
        ),
    ];
    for (scopes, refused) in [
        ("read=datahub:read", [true, true]),
        ("get_entities=datahub:read", [true, false]),
        ("search=datahub:read", [false, true]),
        ("write=datahub:write", [false, false]),
    ] {
        let world = world(Some(scopes)).await;
        let mcp = world.server.mcp();
        for ((method, params), refused) in methods.iter().zip(refused) {
            let before = world.datahub.seen().len();
            let token = world.token_with("openid");
            let reply = mcp.rpc(Some(&token), method, params.clone()).await.unwrap();
            match refused {
                true => {
                    assert_step_up(&reply, "datahub:read");
                    assert_eq!(world.datahub.seen().len(), before, "datahub was asked");
                }
                false => assert_eq!(reply.status, 200, "{method}: {}", reply.text),
            }
            let token = world.token_with("datahub:read");
            let reply = mcp.rpc(Some(&token), method, params.clone()).await.unwrap();
            assert_eq!(reply.status, 200, "{method}: {}", reply.text);
        }
    }
}

#[tokio::test]
async fn a_requests_line_in_the_log_says_whom_it_served_with_what() {
    let world = world(Some("write=datahub:write")).await;
    let token = world.token_with("openid datahub:read");
    let served = world.read(&token).await;
    let lacking = world.write(&token).await;
    let refused = world.read("garbage").await;
    let statuses = [served.status, lacking.status, refused.status];
    assert_eq!(statuses, [200, 403, 401]);

    let (_, output) = world.server.stop().unwrap();
    let lines: Vec<Value> = output
        .lines()
        .map(|line| {
            let parsed = serde_json::from_str(line);
            parsed.unwrap_or_else(|error| panic!("{error} in the line {line}"))
        })
        .collect();
    let line_of = |reply: &Reply| {
        let id = reply.header("x-request-id");
        let mut lines = lines
            .iter()
            .filter(|line| line["target"] == "access" && line["request_id"] == id);
        let line = lines
            .next()
            .unwrap_or_else(|| panic!("no {id} in {output}"));
        assert!(lines.next().is_none(), "two lines for one request");
        line
    };
    let subject = line_of(&served)["subject"].as_str().unwrap_or_default();
    assert_eq!(subject.len(), 16, "a digest");
    for (reply, who) in [
        (&served, [subject, "openid datahub:read", "oidc:oidc"]),
        (&lacking, [subject, "openid datahub:read", "oidc:oidc"]),
        (&refused, ["", "", ""]),
    ] {
        let line = line_of(reply);
        assert_eq!(line["status"], reply.status, "{line}");
        assert_eq!(
            (&line["method"], &line["route"]),
            (&json!("POST"), &json!("/mcp"))
        );
        assert!(line["duration_us"].is_u64(), "{line}");
        let fields = ["subject", "scopes", "validator"].map(|name| &line[name]);
        assert_eq!(fields, who, "{line}");
        assert!(!line.to_string().contains("editor"), "{line}");
    }
}

#[tokio::test]
async fn a_tool_that_is_not_on_the_list_is_hidden_everywhere() {
    let world = World::with(Options::default(), |builder| {
        builder.env("TOOLS", "search, get_m*, add_*")
    })
    .await;
    let token = world.token_with("");
    let mcp = world.server.mcp();
    let ask = async |method: &str, params: Value| {
        let reply = mcp.rpc(Some(&token), method, params).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json
    };
    let list = ask("tools/list", json!({})).await;
    let tools = list["result"]["tools"].as_array().unwrap();
    let mut names: Vec<_> = tools.iter().map(|tool| &tool["name"]).collect();
    names.sort_by_key(ToString::to_string);
    // Nothing that is switched off is switched on by its name: `add_*` are tools that write.
    assert_eq!(names, ["get_me", "search"]);

    assert_eq!(world.read(&token).await.json["error"], Value::Null);
    let seen = world.datahub.seen().len();
    let entity = json!({"urns": ["urn:li:tag:pii"]});
    let call = json!({"name": "get_entities", "arguments": entity});
    let refused = ask("tools/call", call).await["error"]["message"].to_string();
    assert!(refused.contains("switched off"), "{refused}");
    let templates = ask("resources/templates/list", json!({})).await;
    assert_eq!(templates["result"]["resourceTemplates"], json!([]));
    let read = json!({"uri": "datahub://urn:li:tag:pii"});
    let refused = ask("resources/read", read).await["error"]["message"].to_string();
    assert!(refused.contains("switched off"), "{refused}");
    assert_eq!(world.datahub.seen().len(), seen, "datahub was asked");
}

#[test]
fn a_list_with_a_name_of_no_tool_is_refused_at_start() {
    for (list, words) in [
        ("search,get_entity*", ["`get_entity*`", "get_entities"]),
        ("search;get_me", ["`TOOLS`", "search,get_*"]),
    ] {
        let server = Server::builder()
            .env("DATAHUB_GMS_URL", "http://127.0.0.1:9")
            .env("DATAHUB_GMS_TOKEN", "shared-token")
            .env("TOOLS", list);
        server.refuse().unwrap().assert_says(&words);
    }
}
