//! What DataHub does to us: down, slow, stalled, garbage, too much.

use std::time::{Duration, Instant};

use integration_tests::{Behaviour, Reply, Vitals, until};
use serde_json::json;

use crate::world::World;

/// A world in which the token's verdict is cached, so that only the tool talks to DataHub.
async fn warm(
    adapt: impl FnOnce(integration_tests::ServerBuilder) -> integration_tests::ServerBuilder,
) -> (World, String) {
    let world = World::with(sandbox::idp::Options::default(), adapt).await;
    let token = world.idp.access_token("editor");
    let reply = world
        .server
        .mcp()
        .call(Some(&token), "search", json!({"query": "*"}))
        .await
        .unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text);
    (world, token)
}

async fn search(world: &World, token: &str) -> Reply {
    world
        .server
        .mcp()
        .call(Some(token), "search", json!({"query": "*"}))
        .await
        .unwrap()
}

/// The model is told that DataHub failed, in words, and the server lives.
fn assert_tool_failed(reply: &Reply, context: &str) {
    assert_eq!(reply.status, 200, "{context}: {}", reply.text);
    assert!(reply.is_tool_error(), "{context}: {}", reply.text);
    assert!(
        reply.tool_text().contains("DataHub"),
        "{context}: {}",
        reply.text
    );
}

#[tokio::test]
async fn garbage_is_a_typed_error_and_the_next_call_is_well() {
    let (world, token) = warm(|builder| builder).await;
    for behaviour in [
        Behaviour::Fixed(200, "<html><body>proxy</body></html>".to_owned(), "text/html"),
        Behaviour::Fixed(200, r#"{"data": {"searchAcrossEntities": {"start""#.to_owned(), "application/json"),
        Behaviour::Fixed(200, "[]".to_owned(), "application/json"),
        Behaviour::Fixed(200, r#"{"data": null}"#.to_owned(), "application/json"),
        Behaviour::Fixed(200, r#"{"errors": [{"message": "no", "extensions": {"code": 403, "type": "UNAUTHORIZED"}}], "data": null}"#.to_owned(), "application/json"),
        Behaviour::Fixed(400, "bad".to_owned(), "text/plain"),
        Behaviour::Fixed(404, "not here".to_owned(), "text/plain"),
        Behaviour::Fixed(302, String::new(), "text/plain"),
        Behaviour::TooMany(3),
    ] {
        world.datahub.behave(behaviour.clone());
        let reply = search(&world, &token).await;
        assert_tool_failed(&reply, &format!("{behaviour:?}"));
    }
    world.datahub.behave(Behaviour::Echo);
    assert!(!search(&world, &token).await.is_tool_error());
}

#[tokio::test]
async fn other_types_are_an_error_at_once_and_never_nothing_found() {
    let (world, token) = warm(|builder| builder).await;
    let table = "urn:li:dataset:(urn:li:dataPlatform:hive,t,PROD)";
    for (tool, arguments, data) in [
        ("get_me", json!({}), json!({"me": 7})),
        ("get_me", json!({}), json!({"me": []})),
        ("get_me", json!({}), json!({"me": {"corpUser": "alice"}})),
        (
            "get_entities",
            json!({"urns": table}),
            json!({"entity": "gone"}),
        ),
        (
            "get_lineage",
            json!({"urn": table}),
            json!({"searchAcrossLineage": "none"}),
        ),
        (
            "list_schema_fields",
            json!({"urn": table}),
            json!({"dataset": [1]}),
        ),
        (
            "get_lineage_paths_between",
            json!({"source_urn": table, "target_urn": "urn:li:dataset:(urn:li:dataPlatform:hive,u,PROD)"}),
            json!({}),
        ),
        (
            "get_lineage_paths_between",
            json!({"source_urn": table, "target_urn": "urn:li:dataset:(urn:li:dataPlatform:hive,u,PROD)"}),
            json!({"searchAcrossLineage": null}),
        ),
        (
            "get_lineage_paths_between",
            json!({"source_urn": table, "target_urn": "urn:li:dataset:(urn:li:dataPlatform:hive,u,PROD)"}),
            json!({"searchAcrossLineage": {}}),
        ),
        (
            "search",
            json!({"query": "x"}),
            json!({"searchAcrossEntities": {"start": 0, "count": 10, "total": "many", "searchResults": 7}}),
        ),
        (
            "search",
            json!({"query": "x"}),
            json!({"searchAcrossEntities": {"start": 0, "count": 10, "total": 3, "searchResults": "none"}}),
        ),
    ] {
        let body = json!({"data": data}).to_string();
        world
            .datahub
            .behave(Behaviour::Fixed(200, body, "application/json"));
        let begin = Instant::now();
        let mcp = world.server.mcp();
        let reply = mcp.call(Some(&token), tool, arguments).await.unwrap();
        assert_tool_failed(&reply, &format!("{tool} {data}"));
        // A call that panics without an answer ends with the deadline of the request, 60 s.
        assert!(begin.elapsed() < Duration::from_secs(30), "{tool} {data}");
    }
    assert!(!world.server.output().contains("panicked"));
    let nothing = json!({"data": {"searchAcrossEntities": {
        "start": 0, "count": 0, "total": 0, "searchResults": [], "facets": []}}});
    world.datahub.behave(Behaviour::Fixed(
        200,
        nothing.to_string(),
        "application/json",
    ));
    assert!(!search(&world, &token).await.is_tool_error());
}

/// As many as `get_entities` may have under way, of those that one call asks for.
const ENTITIES_AT_ONCE: u64 = 8;

#[tokio::test]
async fn many_entities_are_asked_for_some_at_a_time() {
    let (world, token) = warm(|builder| builder).await;
    world.datahub.behave(Behaviour::Together(ENTITIES_AT_ONCE));
    let urns: Vec<String> = (0..20).map(|i| format!("urn:li:tag:t{i}")).collect();
    let before = world.datahub.requests();
    let reply = world
        .server
        .mcp()
        .call(Some(&token), "get_entities", json!({"urns": urns}))
        .await
        .unwrap();
    // No answer comes before so many are under way; more never are.
    assert!(!reply.is_tool_error(), "{}", reply.text);
    let entities = reply.structured()["entities"].as_array().unwrap();
    assert_eq!(entities.len(), 20);
    assert_eq!(world.datahub.requests() - before, 20);
    assert_eq!(world.datahub.most_in_flight(), ENTITIES_AT_ONCE);
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let (world, token) = warm(|builder| builder).await;
    world.datahub.behave(Behaviour::Endless);
    assert_tool_failed(&search(&world, &token).await, "endless");
    let vitals = Vitals::of(world.server.pid()).unwrap();
    assert!(vitals.resident_mib() < 300, "the whole answer was kept");
}

/// A long answer of tiny values takes a hundred times its size in memory: it is refused before that.
#[tokio::test]
async fn an_answer_of_very_many_values_is_refused_and_costs_little() {
    let (world, token) = warm(|builder| builder).await;
    for value in ["0", "{}", "{\"\":0}", "null"] {
        let values = vec![value; 3_000_000].join(",");
        for body in [
            format!("{{\"data\":{{\"searchAcrossEntities\":{{\"total\":1,\"x\":[{values}]}}}}}}"),
            format!("{{\"errors\":[{values}]}}"),
        ] {
            let behaviour = Behaviour::Fixed(200, body, "application/json");
            world.datahub.behave(behaviour);
            let reply = search(&world, &token).await;
            assert_tool_failed(&reply, value);
            assert!(reply.text.contains("values"), "{}", reply.text);
        }
    }
    let vitals = Vitals::of(world.server.pid()).unwrap();
    assert!(vitals.resident_mib() < 300, "{vitals}");
}

#[tokio::test]
async fn a_stalled_or_trickling_datahub_does_not_hold_anybody_for_ever() {
    let (world, token) = warm(|builder| builder.env("DATAHUB_MCP_GMS_TIMEOUT_SECS", "1")).await;
    for behaviour in [Behaviour::Stall, Behaviour::Trickle] {
        world.datahub.behave(behaviour.clone());
        let begin = Instant::now();
        assert_tool_failed(&search(&world, &token).await, &format!("{behaviour:?}"));
        // Generous: the machine may be busy. Without the limit it would be for ever.
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "{behaviour:?}: {:?}",
            begin.elapsed()
        );
    }
}

#[tokio::test]
async fn a_broken_datahub_opens_the_breaker_and_a_healed_one_closes_it() {
    let (world, token) = warm(|builder| builder).await;
    world
        .datahub
        .behave(Behaviour::Fixed(503, "down".to_owned(), "text/plain"));
    for _ in 0..30 {
        assert_tool_failed(&search(&world, &token).await, "503");
    }
    let asked = world.datahub.requests();
    for _ in 0..10 {
        assert_tool_failed(&search(&world, &token).await, "open breaker");
    }
    assert!(
        world.datahub.requests() - asked < 10,
        "the breaker never opened"
    );
    // Health is about us, readiness about our neighbours.
    let http = world.server.mcp().http().clone();
    assert_eq!(
        http.get(world.server.url("/health"))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    world.datahub.behave(Behaviour::Echo);
    until("the breaker closes again", async || {
        !search(&world, &token).await.is_tool_error()
    })
    .await;
}
