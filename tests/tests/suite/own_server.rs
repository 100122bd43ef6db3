//! Sign-in as two people see it, against a server of one's own or, without one, against ours.
//!
//! `MCP_SERVER_URL` is the MCP endpoint; `MCP_TEST_AUTH_TOKEN` and `MCP_TEST_AUTH_TOKEN_2` are tokens
//! of two different people. Reads only.

use integration_tests::{Mcp, marker};
use serde_json::json;

use crate::world::World;

/// How often each of the two asks while the other does.
const ROUNDS: usize = 25;

/// What an answer is told apart by: whom DataHub says that the caller is.
async fn who(mcp: &Mcp, token: &str) -> String {
    let reply = mcp.call(Some(token), "get_me", json!({})).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(!reply.is_tool_error(), "{}", reply.text);
    reply.structured().to_string()
}

/// Two people at once get their own answers, each time.
async fn two_people_at_once(mcp: &Mcp, one: &str, two: &str) -> (String, String) {
    let (first, second) = (who(mcp, one).await, who(mcp, two).await);
    assert_ne!(first, second, "both tokens are of the same person");
    let rounds = (0..ROUNDS).map(|_| async {
        let (again, other) = tokio::join!(who(mcp, one), who(mcp, two));
        assert_eq!(again, first, "the first person got another answer");
        assert_eq!(other, second, "the second person got another answer");
    });
    futures::future::join_all(rounds).await;
    (first, second)
}

/// A bad token is 401; no token is 401 with a challenge, or the shared token's answer.
async fn without_a_good_token(mcp: &Mcp, people: &(String, String)) {
    let bad = mcp
        .call(Some("not-a-token"), "get_me", json!({}))
        .await
        .unwrap();
    assert_eq!(bad.status, 401, "{}", bad.text);
    let none = mcp.call(None, "get_me", json!({})).await.unwrap();
    match none.status {
        401 => assert!(
            none.header("www-authenticate")
                .contains("resource_metadata="),
            "{:?}",
            none.headers
        ),
        200 => {
            let shared = none.structured().to_string();
            assert!(
                shared != people.0 && shared != people.1,
                "no token is served as a person"
            );
        }
        other => panic!("{other}: {}", none.text),
    }
}

#[tokio::test]
async fn a_server_of_ones_own_keeps_two_people_apart() {
    let setting = |name| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty());
        if value.is_none() {
            test_support::skipped(name);
        }
        value
    };
    let settings = || {
        let url = setting("MCP_SERVER_URL")?;
        let one = setting("MCP_TEST_AUTH_TOKEN")?;
        Some((url, one, setting("MCP_TEST_AUTH_TOKEN_2")?))
    };
    let Some((url, one, two)) = settings() else {
        return;
    };
    let mcp = Mcp::new(url);
    let people = two_people_at_once(&mcp, &one, &two).await;
    without_a_good_token(&mcp, &people).await;
}

#[tokio::test]
async fn our_server_keeps_two_people_apart_with_and_without_a_fallback() {
    for shared in [None, Some("shared-token")] {
        let world = World::with(sandbox::idp::Options::default(), |builder| match shared {
            Some(token) => builder.env("DATAHUB_GMS_TOKEN", token),
            None => builder,
        })
        .await;
        let (one, two) = (
            world.idp.access_token("editor"),
            world.idp.access_token("viewer"),
        );
        let mcp = world.server.mcp();
        let people = two_people_at_once(&mcp, &one, &two).await;
        assert!(
            people.0.contains(&marker(&one)) && people.1.contains(&marker(&two)),
            "{people:?}"
        );
        without_a_good_token(&mcp, &people).await;
        let none = mcp.call(None, "get_me", json!({})).await.unwrap();
        assert_eq!(
            none.status,
            if shared.is_some() { 200 } else { 401 },
            "{}",
            none.text
        );
    }
}
