//! A DataHub that is not the same to everybody: what it does to some costs those alone.

use futures::future::join_all;
use integration_tests::{Behaviour, Reply, Server, StubDataHub, until};
use serde_json::json;

use crate::world::World;

async fn me(server: &Server, token: &str) -> Reply {
    let mcp = server.mcp();
    mcp.call(Some(token), "get_me", json!({})).await.unwrap()
}

fn assert_well(reply: &Reply) {
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(!reply.is_tool_error(), "{}", reply.text);
}

#[tokio::test]
async fn whoever_gets_errors_of_datahub_is_alone_with_them() {
    let world = World::start().await;
    let (ours, theirs) = (
        world.idp.access_token("editor"),
        world.idp.access_token("viewer"),
    );
    assert_well(&me(&world.server, &ours).await);
    let broken = Behaviour::Fixed(500, "oops".to_owned(), "text/plain");
    world.datahub.behave_to(&theirs, broken);
    let mut refused = 0;
    for _ in 0..10 {
        let attack = join_all((0..8).map(|_| me(&world.server, &theirs)));
        let (replies, ()) = tokio::join!(attack, async {
            for _ in 0..3 {
                assert_well(&me(&world.server, &ours).await);
            }
        });
        for reply in replies {
            assert!(reply.is_tool_error(), "{}", reply.text);
            refused += usize::from(reply.tool_text().contains("circuit breaker"));
        }
    }
    assert!(
        refused > 0,
        "DataHub is spared the calls that it cannot answer"
    );
    assert_well(&me(&world.server, &ours).await);
    let output = world.server.output();
    assert!(!output.contains("datahub is down"), "{output}");
    world.datahub.behave_to(&theirs, Behaviour::Echo);
    until("their pause is over", async || {
        !me(&world.server, &theirs).await.is_tool_error()
    })
    .await;
}

#[tokio::test]
async fn unknown_tokens_that_datahub_is_slow_to_judge_cost_known_people_nothing() {
    let datahub = StubDataHub::start().await.unwrap();
    let server = Server::builder()
        .env("TOKEN_VALIDATOR_FACTORY", "datahub_token")
        .env("DATAHUB_GMS_URL", datahub.url())
        .start()
        .unwrap();
    let known = "known-token-0123456789";
    datahub.behave_to(known, Behaviour::Echo);
    datahub.behave(Behaviour::Stall);
    assert_well(&me(&server, known).await);
    let mcp = server.mcp();
    let strangers = tokio::spawn(async move {
        let calls = (0..200).map(async |number| {
            let token = format!("made-up-token-{number:04}");
            mcp.rpc(Some(&token), "tools/list", json!({})).await
        });
        join_all(calls).await
    });
    until("strangers' tokens are being checked", async || {
        datahub.stalled() >= 4
    })
    .await;
    // As long as they wait: on a busy machine their time is over before many calls are answered.
    let mut answered = 0;
    while answered < 50 && datahub.stalled() >= 1 {
        assert_well(&me(&server, known).await);
        answered += 1;
    }
    assert!(answered >= 5, "{answered} calls while the strangers waited");
    strangers.abort();
}
