//! Nobody ever sees another person's answer, whatever happens around them.

use futures::{StreamExt, stream};
use integration_tests::{Behaviour, marker, until};
use serde_json::json;

use crate::world::World;

const PEOPLE: usize = 200;
const REQUESTS: usize = 20;
const AT_ONCE: usize = 64;

#[tokio::test]
async fn two_hundred_people_at_once_get_their_own_answers() {
    let world = World::start().await;
    let tokens: Vec<(String, String)> = (0..PEOPLE)
        .map(|number| {
            let name = format!("person{number:03}");
            let token = world.idp.access_token(&name);
            (name, token)
        })
        .collect();
    let mcp = world.server.mcp();
    // Round by round, so that everybody's requests are under way beside everybody else's.
    let requests = (0..REQUESTS).flat_map(|round| tokens.iter().map(move |person| (round, person)));
    let wrong: Vec<String> = stream::iter(requests)
        .map(|(round, (name, token))| {
            let mcp = mcp.clone();
            async move {
                // A caller that goes away in the middle must not leave its answer to somebody else.
                if (round + name.len()) % 7 == 0 {
                    let call = mcp.call(Some(token), "search", json!({"query": "gone"}));
                    let gone = std::time::Duration::from_millis(2);
                    let _ = tokio::time::timeout(gone, call).await;
                }
                let reply = mcp
                    .call(Some(token), "search", json!({"query": name}))
                    .await
                    .unwrap();
                let own = reply.status == 200 && reply.text.contains(&marker(token));
                (!own).then(|| format!("{name}, round {round}: {} {}", reply.status, reply.text))
            }
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(|wrong| async move { wrong })
        .collect()
        .await;
    assert!(
        wrong.is_empty(),
        "{} of {}: {:?}",
        wrong.len(),
        PEOPLE * REQUESTS,
        wrong.first()
    );
    // Each answer holds exactly one person's marker: the echo of who asked.
    let (_, token) = &tokens[0];
    let reply = mcp
        .call(Some(token), "search", json!({"query": "*"}))
        .await
        .unwrap();
    assert!(
        tokens[1..]
            .iter()
            .all(|(_, other)| !reply.text.contains(&marker(other)))
    );
}

#[tokio::test]
async fn two_persons_of_one_name_at_two_issuers_are_two() {
    use sandbox::idp::{EmbeddedIdp, Options};
    let world = World::start().await;
    let other = EmbeddedIdp::start(Options::default()).await.unwrap();
    let (ours, theirs) = (
        world.idp.access_token("editor"),
        other.access_token("editor"),
    );
    let mcp = world.server.mcp();
    assert_eq!(
        mcp.call(Some(&ours), "search", json!({}))
            .await
            .unwrap()
            .status,
        200
    );
    assert_eq!(
        mcp.call(Some(&theirs), "search", json!({}))
            .await
            .unwrap()
            .status,
        401
    );
}

#[tokio::test]
async fn what_a_client_claims_about_itself_reaches_nobody() {
    let world = World::start().await;
    let token = world.idp.access_token("viewer");
    let mcp = world.server.mcp();
    let spoofed = [
        ("x-datahub-actor", "urn:li:corpuser:admin"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-user", "admin"),
        // Spellings that some servers read as the header with dashes.
        ("x_forwarded_user", "admin"),
        ("x_datahub_actor", "urn:li:corpuser:admin"),
        ("x-auth_request-user", "admin"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "for=203.0.113.9"),
        ("cookie", "actor=urn:li:corpuser:admin"),
    ];
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "search", "arguments": {"query": "*"}}});
    let mut request = mcp.request(Some(&token)).json(&body);
    for (name, value) in spoofed {
        request = request.header(name, value);
    }
    let reply = integration_tests::mcp::reply(request).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text);
    for seen in world.datahub.seen() {
        for (name, _) in spoofed {
            assert!(
                !seen.headers.contains_key(name),
                "{name} reached DataHub: {:?}",
                seen.headers
            );
        }
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_ends_its_call_to_datahub() {
    let world = World::start().await;
    let token = world.idp.access_token("editor");
    let mcp = world.server.mcp();
    assert_eq!(
        mcp.rpc(Some(&token), "tools/list", json!({}))
            .await
            .unwrap()
            .status,
        200
    );
    world.datahub.behave(Behaviour::Stall);
    let call = tokio::spawn({
        let (mcp, token) = (mcp.clone(), token.clone());
        async move {
            mcp.call(Some(&token), "search", json!({"query": "*"}))
                .await
        }
    });
    until("the call is there", async || world.datahub.in_flight() == 1).await;
    call.abort();
    until("it is cancelled", async || {
        world.datahub.in_flight() == 0 && world.datahub.cancelled() == 1
    })
    .await;
}
