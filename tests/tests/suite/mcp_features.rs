//! What MCP has beside tools, over real HTTP against the embedded DataHub: resources, completion,
//! prompts, progress on long calls, and who may keep a list.

use integration_tests::{Reply, mcp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::shop_world::{ORDERS, ShopWorld};

async fn ask(world: &ShopWorld, method: &str, params: Value) -> Reply {
    let token = world.datahub.token("viewer").unwrap();
    let mcp = world.server.mcp();
    let reply = mcp.rpc(Some(&token), method, params).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply
}

#[tokio::test]
async fn an_entity_is_a_resource_that_can_be_found_by_completion() {
    let world = ShopWorld::start().await;
    let templates = ask(&world, "resources/templates/list", json!({})).await;
    let template = &templates.json["result"]["resourceTemplates"][0];
    assert_eq!(template["uriTemplate"], "datahub://{urn}");

    let completion = json!({
        "ref": {"type": "ref/resource", "uri": "datahub://{urn}"},
        "argument": {"name": "urn", "value": "fct_ord"},
    });
    let found = ask(&world, "completion/complete", completion).await;
    let values = found.json["result"]["completion"]["values"].clone();
    assert!(
        values.as_array().unwrap().contains(&json!(ORDERS)),
        "{values}"
    );

    let uri = format!("datahub://{ORDERS}");
    let read = ask(&world, "resources/read", json!({"uri": uri})).await;
    let content = &read.json["result"]["contents"][0];
    assert_eq!(content["uri"], uri);
    let entity: Value = serde_json::from_str(content["text"].as_str().unwrap()).unwrap();
    assert_eq!(entity["urn"], ORDERS);

    // What is not there is an error that names it, and never an empty page.
    let missing = "datahub://urn:li:dataset:(urn:li:dataPlatform:snowflake,nothing,PROD)";
    let read = ask(&world, "resources/read", json!({"uri": missing})).await;
    assert!(read.json["result"].is_null(), "{}", read.text);
    assert_eq!(read.json["error"]["data"]["uri"], missing, "{}", read.text);
}

#[tokio::test]
async fn prompts_lead_to_tools_that_are_there() {
    let world = ShopWorld::start().await;
    let tools = ask(&world, "tools/list", json!({})).await;
    let names: Vec<String> = tools.json["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap().to_owned())
        .collect();
    let prompts = ask(&world, "prompts/list", json!({})).await;
    let prompts = prompts.json["result"]["prompts"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(prompts.len(), 3);
    for prompt in prompts {
        let argument = prompt["arguments"][0]["name"].as_str().unwrap();
        let params = json!({"name": prompt["name"], "arguments": {argument: ORDERS}});
        let got = ask(&world, "prompts/get", params).await;
        let text = &got.json["result"]["messages"][0]["content"]["text"];
        let text = text.as_str().unwrap();
        assert!(text.contains(ORDERS), "{text}");
        let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
        for word in words.filter(|word| word.starts_with("get_") || word.starts_with("list_")) {
            assert!(
                names.iter().any(|name| name == word),
                "no tool {word}: {text}"
            );
        }
        // Without what it needs, it says so.
        let params = json!({"name": prompt["name"], "arguments": {}});
        let got = ask(&world, "prompts/get", params).await;
        let message = got.json["error"]["message"].as_str().unwrap();
        assert!(message.contains(argument), "{message}");
    }
}

/// The jobs of the prompts as skills: what is listed, what one is, and the file with that digest.
#[tokio::test]
async fn skills_are_listed_with_digests_of_files_that_can_be_read() {
    let world = ShopWorld::start().await;
    let list = ask(&world, "skills/list", json!({})).await;
    let skills = list.json["result"]["skills"].as_array().unwrap().clone();
    assert_eq!(skills.len(), 3, "{}", list.text);
    for skill in skills {
        let uri = json!({"uri": skill["uri"]});
        let one = ask(&world, "skills/get", uri.clone()).await;
        assert_eq!(one.json["result"]["skill"], skill);
        let read = ask(&world, "resources/read", uri).await;
        let file = &read.json["result"]["contents"][0];
        assert_eq!(file["mimeType"], "text/markdown");
        let text = file["text"].as_str().unwrap();
        let name = skill["frontmatter"]["name"].as_str().unwrap();
        assert!(text.starts_with(&format!("---\nname: {name}\n")), "{text}");
        let digest = Sha256::digest(text.as_bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let listed = &skill["resources"][0];
        assert_eq!(listed["digest"], format!("sha256:{hex}"), "{skill}");
        assert_eq!(listed["size"], text.len(), "{skill}");
    }
    let unknown = json!({"uri": "skill://none/SKILL.md"});
    let unknown = ask(&world, "skills/get", unknown).await;
    assert_eq!(unknown.json["error"]["code"], -32602, "{}", unknown.text);
    let limited = ShopWorld::with(|_| {}, |server| server.env("TOOLS", "search,get_*")).await;
    let list = ask(&limited, "skills/list", json!({})).await;
    assert!(!list.text.contains("explain-table"), "{}", list.text);
}

/// The card is public, says what `server/discover` says, and nothing else.
#[tokio::test]
async fn the_server_card_is_what_the_server_says_of_itself() {
    let world = ShopWorld::start().await;
    let url = world.server.url("/mcp");
    let mcp = world.server.mcp();
    let client = mcp.http();
    let card = client
        .get(format!("{url}/server-card"))
        .send()
        .await
        .unwrap();
    assert_eq!(card.status(), 200);
    for (name, value) in [
        ("content-type", "application/mcp-server-card+json"),
        ("access-control-allow-origin", "*"),
        ("cache-control", "public, max-age=3600"),
    ] {
        assert_eq!(card.headers()[name], value, "{name}");
    }
    let card: Value = card.json().await.unwrap();
    let found = ask_statelessly(&world, "server/discover", json!({})).await;
    let found = &found.json["result"];
    let info = match found["serverInfo"].is_object() {
        true => &found["serverInfo"],
        false => &found["_meta"]["io.modelcontextprotocol/serverInfo"],
    };
    for name in ["version", "title", "description"] {
        assert!(info[name].is_string(), "{found}");
        assert_eq!(card[name], info[name], "{name}");
    }
    assert!(card["description"].as_str().unwrap().len() <= 100, "{card}");
    let remote = &card["remotes"][0];
    assert_eq!(
        (&remote["type"], &remote["url"]),
        (&json!("streamable-http"), &json!(url))
    );
    assert_eq!(
        remote["supportedProtocolVersions"], found["supportedVersions"],
        "{found}"
    );
    let registered = include_str!("../../../host/packaging/server.json");
    let registered: Value = serde_json::from_str(registered).unwrap();
    assert_eq!(card["name"], registered["name"]);
    let mut names: Vec<&str> = card
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "$schema",
            "description",
            "name",
            "remotes",
            "title",
            "version"
        ]
    );
    let post = client
        .post(format!("{url}/server-card"))
        .send()
        .await
        .unwrap();
    assert_eq!(post.status(), 405);
    let foreign = client
        .get(format!("{url}/server-card"))
        .header("host", "evil.example");
    assert_eq!(foreign.send().await.unwrap().status(), 421);
}

/// The messages of an answer that is a stream.
fn messages(reply: &Reply) -> Vec<Value> {
    let lines = reply.text.lines();
    let data = lines.filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}

#[tokio::test]
async fn a_long_call_tells_how_far_it_is_to_those_who_ask() {
    let world = ShopWorld::start().await;
    let token = world.datahub.token("viewer").unwrap();
    let datasets: Vec<String> = world
        .datahub
        .catalog()
        .urns()
        .filter(|urn| urn.starts_with("urn:li:dataset:"))
        .take(20)
        .map(str::to_owned)
        .collect();
    assert_eq!(datasets.len(), 20);
    let call = |meta: Value| {
        let params = json!({
            "name": "get_entities", "arguments": {"urns": datasets}, "_meta": meta,
        });
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params});
        mcp::reply(world.server.mcp().request(Some(&token)).json(&body))
    };
    let reply = call(json!({"progressToken": "p-1"})).await.unwrap();
    let all = messages(&reply);
    let (answers, told): (Vec<_>, Vec<_>) = all.iter().partition(|message| message["id"] == 7);
    assert_eq!(answers.len(), 1, "{}", reply.text);
    assert!(answers[0]["result"]["isError"] != true, "{}", reply.text);
    let mut last = -1.0;
    for message in &told {
        assert_eq!(message["method"], "notifications/progress");
        assert_eq!(message["params"]["progressToken"], "p-1");
        assert_eq!(message["params"]["total"].as_f64(), Some(20.0));
        let progress = message["params"]["progress"].as_f64().unwrap();
        assert!(progress > last, "{told:?}");
        last = progress;
    }
    assert!(!told.is_empty(), "{}", reply.text);
    assert!(last <= 20.0);

    let quiet = call(json!({})).await.unwrap();
    assert!(!quiet.text.contains("notifications/progress"));
}

#[tokio::test]
async fn whoever_takes_json_gets_json_with_or_without_a_slash() {
    let world = ShopWorld::start().await;
    let token = world.datahub.token("viewer").unwrap();
    let urns = vec![ORDERS; 10];
    let params = json!({
        "name": "get_entities", "arguments": {"urns": urns}, "_meta": {"progressToken": 1},
    });
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params});
    let ask = async |path: &str, accept: Option<&str>| {
        let http = world.server.mcp().http().clone();
        let mut request = http
            .post(world.server.url(path))
            .bearer_auth(&token)
            .header("content-type", "application/json");
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        mcp::reply(request.body(body.to_string())).await.unwrap()
    };
    for path in ["/mcp", "/mcp/"] {
        for accept in [
            None,
            Some("application/json"),
            Some("*/*"),
            Some("application/*"),
            Some("application/json, application/mcp+json"),
        ] {
            let reply = ask(path, accept).await;
            assert_eq!(reply.status, 200, "{accept:?}: {}", reply.text);
            assert_eq!(reply.header("content-type"), "application/json");
            assert_eq!(reply.json["id"], 7, "{}", reply.text);
            assert!(!reply.is_tool_error(), "{}", reply.text);
        }
    }
    let reply = ask("/mcp", Some("text/event-stream")).await;
    assert_eq!(reply.status, 406, "{}", reply.text);
    let message = reply.json["error"]["message"].as_str().unwrap();
    assert!(message.contains("application/json"), "{message}");
}

#[tokio::test]
async fn params_of_another_shape_are_told_what_is_wrong() {
    let world = ShopWorld::start().await;
    for (method, params, code, words) in [
        (
            "tools/call",
            json!({"name": "get_me", "arguments": "{}"}),
            -32602,
            "`arguments` must be an object",
        ),
        ("tools/call", json!({}), -32602, "`name` is missing"),
        (
            "initialize",
            json!({"protocolVersion": "2025-06-18", "capabilities": {}}),
            -32602,
            "`clientInfo` is missing",
        ),
        ("resources/read", json!({"uri": 7}), -32602, "`uri`"),
        ("skills/get", json!({}), -32602, "`uri` is missing"),
        ("tools/cal", json!({}), -32601, "did you mean `tools/call`?"),
    ] {
        let reply = ask(&world, method, params.clone()).await;
        let error = &reply.json["error"];
        assert_eq!(error["code"], code, "{method} {params}: {}", reply.text);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(words), "{method} {params}: {message}");
    }
}

/// The name, the reason and what to do instead, in the status of each protocol era.
#[tokio::test]
async fn a_method_that_is_not_offered_is_refused_in_words() {
    let world = ShopWorld::start().await;
    let listened = json!({"notifications": {"toolsListChanged": true}});
    let task = json!({"taskId": "x"});
    let uri = json!({"uri": format!("datahub://{ORDERS}")});
    for (method, params, words) in [
        (
            "subscriptions/listen",
            listened,
            "ask for it again after that",
        ),
        ("resources/subscribe", uri.clone(), "read it again"),
        ("resources/directory/read", uri, "`skills/list`"),
        ("tasks/get", task, "no call is a task"),
        (
            "logging/setLevel",
            json!({"level": "debug"}),
            "no log is sent",
        ),
        ("entities/list", json!({}), "methods: initialize"),
    ] {
        let old = ask(&world, method, params.clone()).await;
        let new = ask_statelessly(&world, method, params).await;
        for (reply, status) in [(old, 200), (new, 404)] {
            assert_eq!(reply.status, status, "{method}: {}", reply.text);
            assert_eq!(reply.json["id"], 1, "{method}: {}", reply.text);
            let error = &reply.json["error"];
            assert_eq!(error["code"], -32601, "{method}: {}", reply.text);
            let message = error["message"].as_str().unwrap();
            assert!(message.contains(&format!("`{method}`")), "{message}");
            assert!(message.contains(words), "{method}: {message}");
        }
    }
}

/// Asks as a client of the protocol without sessions.
async fn ask_statelessly(world: &ShopWorld, method: &str, mut params: Value) -> Reply {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let token = world.datahub.token("viewer").unwrap();
    let mut request = world.server.mcp().request(Some(&token));
    request = request
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method);
    if let Some(name) = params["uri"].as_str().or(params["taskId"].as_str()) {
        request = request.header("mcp-name", name);
    }
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    mcp::reply(request.json(&body)).await.unwrap()
}

#[tokio::test]
async fn an_empty_list_of_arguments_is_read_as_none() {
    let world = ShopWorld::start().await;
    let get_me = async |arguments: Value| {
        let params = json!({"name": "get_me", "arguments": arguments});
        ask(&world, "tools/call", params).await.json["result"].clone()
    };
    let plain = get_me(json!({})).await;
    assert_eq!(plain["isError"], false, "{plain}");
    assert_eq!(get_me(json!([])).await, plain);
    let params = json!({"name": "search", "arguments": [], "_meta": {"progressToken": 1}});
    let missing = ask(&world, "tools/call", params).await;
    let same = ask(
        &world,
        "tools/call",
        json!({"name": "search", "arguments": {}}),
    )
    .await;
    assert_eq!(missing.json["result"], same.json["result"]);
    let params = json!({"name": "get_me", "arguments": ["x"]});
    let refused = ask(&world, "tools/call", params).await;
    assert_eq!(refused.json["error"]["code"], -32602, "{}", refused.text);
}

#[tokio::test]
async fn params_that_are_no_object_are_refused_with_the_id() {
    let world = ShopWorld::start().await;
    let token = world.datahub.token("viewer").unwrap();
    for params in [json!([]), json!("x"), json!({"name": "get_me", "_meta": 7})] {
        let mcp = world.server.mcp();
        let reply = mcp.rpc(Some(&token), "tools/call", params.clone()).await;
        let reply = reply.unwrap();
        assert_eq!(
            reply.json["error"]["code"], -32602,
            "{params}: {}",
            reply.text
        );
        assert_eq!(reply.json["id"], 1, "{params}: {}", reply.text);
    }
}

#[tokio::test]
async fn arguments_are_read_as_clients_send_them() {
    let world = ShopWorld::start().await;
    let plain = world.ok("search", json!({"query": "orders"})).await;
    let padded = json!({
        "query": "orders", "filter": "", "sort_by": "", "sort_order": "", "num_results": "10",
        "offset": "", "made_up": null,
    });
    assert_eq!(world.ok("search", padded).await, plain);
    let me = world.ok("get_me", json!({})).await;
    assert_eq!(world.ok("get_me", json!({"random_string": "x"})).await, me);
    let user = me["data"]["corpUser"]["urn"].as_str().unwrap();
    let both = world
        .ok("get_entities", json!({"urns": [ORDERS, user]}))
        .await;
    for joined in [
        format!("{ORDERS}, {user}"),
        format!("{ORDERS},{user}"),
        json!([ORDERS, user]).to_string(),
    ] {
        assert_eq!(
            world.ok("get_entities", json!({"urns": joined})).await,
            both
        );
    }
}

/// Lists differ from person to person, so no shared cache may keep them (SEP-2549).
#[tokio::test]
async fn no_list_may_be_kept_for_another_person() {
    let world = ShopWorld::start().await;
    for method in [
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "skills/list",
    ] {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": meta}});
        let request = world
            .server
            .mcp()
            .request(Some(&world.datahub.token("viewer").unwrap()));
        let request = request
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", method)
            .json(&body);
        let reply = mcp::reply(request).await.unwrap();
        let scope = &reply.json["result"]["cacheScope"];
        assert_eq!(scope, "private", "{method}: {}", reply.text);
        assert_eq!(reply.json["result"]["ttlMs"], 300_000, "{method}");
    }
}
