//! Secrets that were sent must be nowhere in what the server prints or answers, at any level.

use integration_tests::{
    Behaviour, StubDataHub,
    canary::{canary, traces},
    until,
};
use sandbox::idp::{AccessTokens, CONFIDENTIAL_SECRET, EmbeddedIdp, Endpoint, Fault, Options};
use serde_json::{Value, json};

use crate::{
    validators::{as_client, ask, bearers, server, write_list},
    world::World,
};

#[tokio::test]
async fn no_token_is_printed_at_any_level() {
    let shared = canary("shared");
    let world = World::with(Options::default(), |builder| {
        builder
            .env("RUST_LOG", "trace")
            .env("LOG_LEVEL", "trace")
            .env("DATAHUB_GMS_TOKEN", &shared)
    })
    .await;
    let good = world.idp.access_token("editor");
    let expired = world.idp.mint(json!({"exp": 1_000_000}));
    let opaque = canary("opaque");
    let query = canary("query");
    let cookie = canary("cookie");
    let argument = canary("argument");
    let mcp = world.server.mcp();
    for behaviour in [
        Behaviour::Echo,
        Behaviour::Fixed(500, "broken".to_owned(), "text/plain"),
        Behaviour::Fixed(200, "garbage".to_owned(), "text/html"),
        Behaviour::Unauthorized,
    ] {
        world.datahub.behave(behaviour);
        for token in [Some(good.as_str()), Some(&expired), Some(&opaque), None] {
            mcp.call(token, "search", json!({"query": argument}))
                .await
                .unwrap();
            mcp.call(token, "get_entities", json!({"urns": 7}))
                .await
                .unwrap();
        }
    }
    let mut answers = String::new();
    for request in [
        mcp.http()
            .post(format!("{}?access_token={query}", mcp.url())),
        mcp.request(None)
            .header("authorization", format!("Basic {opaque}")),
        mcp.request(Some(&opaque))
            .header("cookie", format!("session={cookie}")),
        mcp.request(Some(&opaque)).body("{"),
        mcp.http()
            .get(world.server.url(&format!("/nothing?token={query}"))),
    ] {
        let reply = integration_tests::mcp::reply(request).await.unwrap();
        answers.push_str(&format!("{:?}\n{}\n", reply.headers, reply.text));
    }
    let cmdline = std::fs::read_to_string(format!("/proc/{}/cmdline", world.server.pid())).unwrap();
    let (_, output) = world.server.stop().unwrap();
    assert!(
        output.contains("/mcp"),
        "the access log is in the output:\n{output}"
    );
    let signature = |token: &str| token.rsplit('.').next().unwrap_or_default().to_owned();
    for (name, secret) in [
        ("shared token", shared),
        ("good token", good.clone()),
        ("good token's signature", signature(&good)),
        ("expired token's signature", signature(&expired)),
        ("opaque token", opaque),
        ("token in the query", query),
        ("cookie", cookie),
    ] {
        let found = traces(&output, &secret);
        assert!(found.is_empty(), "{name} in the log:\n{}", found.join("\n"));
        assert!(
            traces(&answers, &secret).is_empty(),
            "{name} in an answer:\n{answers}"
        );
        assert!(!cmdline.contains(&secret), "{name} on the command line");
    }
}

/// S-14: the secrets of each validator, and the tokens that it gets and gives.
#[tokio::test]
async fn no_validator_at_trace_level_prints_a_secret_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("tokens.json");
    let machine = canary("machine");
    write_list(&list, "nightly", &machine);
    for validator in [
        "token_exchange",
        "introspection",
        "static_tokens",
        "datahub_token",
    ] {
        let options = Options {
            access_tokens: match validator {
                "introspection" => AccessTokens::Opaque,
                _ => AccessTokens::Signed,
            },
            ..Options::default()
        };
        let idp = EmbeddedIdp::start(options).await.unwrap();
        let datahub = StubDataHub::start().await.unwrap();
        let mut options = match validator {
            "static_tokens" => json!({"file": &list}),
            "datahub_token" => json!({}),
            _ => as_client(&idp, CONFIDENTIAL_SECRET),
        };
        if validator == "token_exchange" {
            options["target_audience"] = json!("datahub");
        }
        let server = server(&datahub, validator, &options)
            .env("LOG_LEVEL", "trace")
            .env("RUST_LOG", "trace")
            .env("DATAHUB_MCP_ADMIN_ADDRESS", "127.0.0.1:0")
            .start()
            .unwrap();
        let good = match validator {
            "static_tokens" => machine.clone(),
            "datahub_token" => canary("datahub"),
            _ => idp.access_token("editor"),
        };
        let (bad, other) = (canary("bad"), idp.access_token("viewer"));
        assert_eq!(ask(&server, &good).await.status, 200, "{validator}");
        datahub.behave(Behaviour::Unauthorized);
        let mut answers = ask(&server, &bad).await.text;
        idp.break_endpoint(Endpoint::Token, Fault::garbage());
        idp.break_endpoint(Endpoint::Introspection, Fault::garbage());
        answers += &ask(&server, &other).await.text;
        answers += &server.metrics().await.unwrap();
        let ready = server.mcp().http().get(server.url("/ready")).send().await;
        answers += &ready.unwrap().text().await.unwrap();
        let mut secrets = vec![
            good,
            bad,
            other,
            CONFIDENTIAL_SECRET.to_owned(),
            "datahub-token-of-nightly".to_owned(),
        ];
        // What it got in exchange.
        secrets.extend(bearers(&datahub));
        let (_, output) = server.stop().unwrap();
        assert!(output.contains("TRACE"), "{validator}");
        for (number, secret) in secrets.iter().enumerate() {
            for text in [&output, &answers] {
                let found = traces(text, secret);
                assert!(found.is_empty(), "{validator}, secret {number}: {found:?}");
            }
        }
    }
}

/// O-04: whatever is asked, the log can be parsed, and each request has one line.
#[tokio::test]
async fn every_line_of_the_log_is_json_and_each_request_has_one() {
    let world = World::start().await;
    let token = world.idp.access_token("editor");
    let mcp = world.server.mcp();
    let mut ids = Vec::new();
    for behaviour in [
        Behaviour::Echo,
        Behaviour::Fixed(
            500,
            "line\nof \"another\" kind\u{1b}[2J".to_owned(),
            "text/plain",
        ),
        Behaviour::Unauthorized,
    ] {
        world.datahub.behave(behaviour);
        for token in [Some(&*token), Some("made-up\u{7f}"), None] {
            for request in [
                mcp.request(token).body("{"),
                mcp.request(token)
                    .header("user-agent", "two\tparts \"and\" \u{e9}")
                    .json(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                        "params": {"name": "search\n{}", "arguments": {}}})),
                mcp.request(token)
                    .json(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                        "params": {"name": "search", "arguments": {"query": "\n\"x"}}})),
                mcp.http().get(world.server.url("/no/such%0aplace")),
            ] {
                // A token that no header can carry is not sent.
                let Ok(reply) = integration_tests::mcp::reply(request).await else {
                    continue;
                };
                ids.push(reply.header("x-request-id").to_owned());
            }
        }
    }
    let lines = || -> Vec<Value> {
        let output = world.server.output();
        let lines = output.lines().map(|line| {
            let line = serde_json::from_str(line);
            line.unwrap_or_else(|error| panic!("{error} in a line of\n{output}"))
        });
        lines.collect()
    };
    until("each request has its line", async || {
        let lines = lines();
        ids.iter().all(|id| {
            let own = |line: &&Value| line["target"] == "access" && line["request_id"] == **id;
            lines.iter().filter(own).count() == 1
        })
    })
    .await;
    let access = lines()
        .iter()
        .filter(|line| line["target"] == "access")
        .count();
    assert_eq!(access, ids.len());
}
