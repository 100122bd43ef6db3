//! Secrets that were sent must be nowhere in what the server prints or answers, at any level.

use integration_tests::{
    Behaviour,
    canary::{canary, traces},
};
use sandbox::idp::Options;
use serde_json::json;

use crate::world::World;

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
