//! `datahub_exchange` in its whole world: the real server, an identity provider that DataHub does
//! not know, and the embedded DataHub with its permissions. What DataHub recorded says as whom it
//! was asked.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use integration_tests::{Server, canary::traces, until};
use rustix::process::Signal;
use sandbox::{
    datahub::{self, Kind},
    idp::{self, EmbeddedIdp},
};
use serde_json::json;

use crate::shop_world::{ORDERS, shop_datahub};

const TOKEN_URN: &str = "urn:li:dataHubAccessToken:";
const SERVICE: &str = "mcp-service";
/// What the validator asks as the service account.
const BY_SERVICE: [&str; 3] = ["validatorPerson", "validatorMint", "validatorRevoke"];

struct World {
    idp: idp::Running,
    datahub: datahub::Running,
    server: Server,
}

/// The access tokens that DataHub knows.
fn tokens_at(datahub: &datahub::Running) -> BTreeSet<String> {
    let catalog = datahub.catalog();
    let tokens = catalog.urns().filter(|urn| urn.starts_with(TOKEN_URN));
    tokens.map(str::to_owned).collect()
}

fn urn(username: &str) -> String {
    format!("urn:li:corpuser:{username}")
}

impl World {
    async fn start() -> Self {
        let idp = EmbeddedIdp::start(idp::Options::default()).await.unwrap();
        let service = datahub::Person {
            username: SERVICE.to_owned(),
            display_name: "The MCP server".to_owned(),
            email: String::new(),
            groups: Vec::new(),
            kind: Kind::Admin,
            suspended: false,
        };
        // No trusted issuer: the provider's token is worth nothing at DataHub.
        let datahub = shop_datahub(|options| options.people.push(service)).await;
        let server = Server::builder()
            .env("OIDC_ISSUER_URL", idp.issuer())
            .env("OIDC_AUDIENCE", idp.audience())
            .env("DATAHUB_GMS_URL", datahub.url())
            .env("DATAHUB_SERVICE_TOKEN", datahub.token(SERVICE).unwrap())
            .env("TOKEN_VALIDATOR_FACTORY", "datahub_exchange")
            .env(
                "TOKEN_VALIDATOR_OPT_USER_REGEX",
                r"([^@]+)@lanternandloom\.example",
            )
            .env("TOOLS_IS_MUTATION_ENABLED", "true")
            .start()
            .unwrap();
        Self {
            idp,
            datahub,
            server,
        }
    }

    /// Who asked for what at DataHub's GraphQL endpoint; nobody where DataHub let nobody in.
    fn asked(&self) -> Vec<(Option<String>, String)> {
        let requests = self.datahub.controls().requests().into_iter();
        requests
            .filter(|request| request.path.ends_with("/graphql"))
            .map(|request| (request.actor, request.operation.unwrap_or_default()))
            .collect()
    }

    fn count(&self, operation: &str) -> usize {
        let asked = self.asked();
        asked.iter().filter(|(_, name)| name == operation).count()
    }

    /// What was written but for the access tokens themselves.
    fn writes(&self) -> Vec<datahub::Written> {
        let writes = self.datahub.controls().writes().into_iter();
        writes
            .filter(|write| !write.urn.starts_with(TOKEN_URN))
            .collect()
    }

    /// The service account asked as the validator does and never as a tool, everybody else the
    /// other way round, and nobody was turned away.
    fn assert_everybody_asked_as_themselves(&self, people: &[&str]) {
        let asked = self.asked();
        for (actor, operation) in &asked {
            let service = actor.as_deref() == Some(&urn(SERVICE));
            assert_eq!(
                service,
                BY_SERVICE.contains(&operation.as_str()),
                "{actor:?} asked {operation}"
            );
        }
        let actors: BTreeSet<_> = asked.into_iter().map(|(actor, _)| actor).collect();
        let expected = people.iter().copied().chain([SERVICE]);
        assert_eq!(actors, expected.map(|name| Some(urn(name))).collect());
    }
}

// The server is waited for while DataHub, in this very process, answers it.
#[tokio::test(flavor = "multi_thread")]
async fn reads_and_writes_reach_datahub_as_the_person_and_end_with_the_server() {
    let world = World::start().await;
    let before = tokens_at(&world.datahub);
    let mcp = world.server.mcp();
    let editor = world.idp.access_token("editor");
    let viewer = world.idp.access_token("viewer");

    for token in [&editor, &viewer] {
        let reply = mcp
            .call(Some(token), "search", json!({"query": "orders"}))
            .await
            .unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert!(reply.text.contains("fct_orders"), "{}", reply.text);
    }
    world.assert_everybody_asked_as_themselves(&["editor", "viewer"]);

    // What a person may do is DataHub's to say: the viewer gets a tool's error, and nothing changes.
    let tags = json!({"tag_urns": ["urn:li:tag:pii"], "entity_urns": [ORDERS]});
    let refused = mcp
        .call(Some(&viewer), "add_tags", tags.clone())
        .await
        .unwrap();
    assert_eq!(refused.status, 200, "{}", refused.text);
    assert!(refused.is_tool_error(), "{}", refused.text);
    assert_eq!(world.writes(), []);

    let done = mcp.call(Some(&editor), "add_tags", tags).await.unwrap();
    assert_eq!(done.status, 200, "{}", done.text);
    assert!(!done.is_tool_error(), "{}", done.text);
    let writes = world.writes();
    assert!(!writes.is_empty());
    for write in &writes {
        assert_eq!((&*write.actor, &*write.urn), (&*urn("editor"), ORDERS));
    }
    world.assert_everybody_asked_as_themselves(&["editor", "viewer"]);

    let minted = tokens_at(&world.datahub).difference(&before).count();
    assert_eq!((minted, world.count("validatorMint")), (2, 2));
    let World {
        idp,
        datahub,
        server,
    } = world;
    let (status, output) = server.stop().unwrap();
    assert!(status.success(), "{status:?}\n{output}");
    let service = datahub.token(SERVICE).unwrap();
    for secret in [&editor, &viewer, &service] {
        assert!(traces(&output, secret).is_empty(), "{output}");
    }
    let requests = datahub.controls().requests();
    let revoked = |request: &&datahub::Recorded| {
        request.operation.as_deref() == Some("validatorRevoke")
            && request.actor.as_deref() == Some(&urn(SERVICE))
    };
    assert_eq!(requests.iter().filter(revoked).count(), 2, "{output}");
    assert_eq!(
        tokens_at(&datahub),
        before,
        "a minted token outlived the server"
    );
    drop(idp);
}

#[tokio::test]
async fn whom_datahub_does_not_let_in_gets_401_and_no_token() {
    let world = World::start().await;
    let mcp = world.server.mcp();
    // Suspended, unknown to DataHub, an account that nobody becomes, and a stranger's signature.
    let stranger = EmbeddedIdp::start(idp::Options::default()).await.unwrap();
    let tokens = [
        ("suspended", world.idp.access_token("suspended")),
        ("unknown", world.idp.access_token("nobody")),
        ("denied", world.idp.access_token("admin")),
        (
            "forged",
            stranger
                .mint(json!({"iss": world.idp.issuer(), "email": "editor@lanternandloom.example"})),
        ),
    ];
    for (name, token) in &tokens {
        let reply = mcp
            .call(Some(token), "search", json!({"query": "*"}))
            .await
            .unwrap();
        assert_eq!(reply.status, 401, "{name}: {}", reply.text);
        let challenge = reply.header("www-authenticate");
        assert!(
            challenge.contains("error=\"invalid_token\""),
            "{name}: {challenge}"
        );
    }
    assert_eq!(world.count("validatorMint"), 0);
}

#[tokio::test]
async fn fifty_first_requests_at_once_mint_one_token_a_person() {
    let world = World::start().await;
    let mcp = world.server.mcp();
    // A token of the provider for each request, so that the host has no answer to share.
    let tokens: Vec<_> = ["editor", "viewer"]
        .iter()
        .flat_map(|person| (0..50).map(|_| world.idp.access_token(person)))
        .collect();
    assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), 100);
    let calls = tokens
        .iter()
        .map(|token| mcp.call(Some(token), "get_me", json!({})));
    for (number, reply) in join_all(calls).await.into_iter().enumerate() {
        let reply = reply.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text);
        let person = if number < 50 { "editor" } else { "viewer" };
        assert!(
            reply.text.contains(&urn(person)),
            "{person}: {}",
            reply.text
        );
    }
    assert_eq!(world.count("validatorMint"), 2);
    world.assert_everybody_asked_as_themselves(&["editor", "viewer"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datahub_that_does_not_answer_holds_up_the_stop_only_so_long_and_the_log_says_what_is_left()
 {
    let world = World::start().await;
    let token = world.idp.access_token("editor");
    let reply = world
        .server
        .mcp()
        .call(Some(&token), "get_me", json!({}))
        .await
        .unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text);
    let minute = Duration::from_secs(60);
    world.datahub.controls().set_delay(minute);
    let (status, output) = world.server.stop().unwrap();
    assert!(status.success(), "{status:?}\n{output}");
    assert!(
        output.contains("not all DataHub tokens were revoked in time"),
        "{output}"
    );
    // The validator gave up by itself, before the host gave it up.
    assert!(!output.contains("hangs at shutdown"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_takes_no_token_back_from_a_request_under_way() {
    let world = World::start().await;
    let mcp = world.server.mcp();
    let token = world.idp.access_token("editor");
    let me = async || {
        let reply = mcp.call(Some(&token), "get_me", json!({})).await.unwrap();
        assert_eq!(
            reply.status,
            200,
            "{}\n{}",
            reply.text,
            world.server.output()
        );
        assert!(reply.text.contains(&urn("editor")), "{}", reply.text);
    };
    me().await;
    let controls = world.datahub.controls();
    controls.set_delay(Duration::from_secs(3));
    let reload = async {
        until("a request waits for datahub", async || {
            controls.delayed() == 1
        })
        .await;
        // What is asked from here on is answered at once, a revocation before the request.
        controls.set_delay(Duration::ZERO);
        world.server.signal(Signal::HUP).unwrap();
        until("a reload", async || {
            world.server.output().contains("validator reloaded")
        })
        .await;
    };
    futures::join!(me(), reload);
    // Then it is taken back, and the next request gets another one.
    until("a revocation", async || world.count("validatorRevoke") == 1).await;
    me().await;
    assert_eq!(world.count("validatorMint"), 2);
}

#[tokio::test]
async fn a_token_that_was_revoked_at_datahub_does_not_lock_its_person_out() {
    let world = World::start().await;
    let before = tokens_at(&world.datahub);
    let mcp = world.server.mcp();
    let token = world.idp.access_token("editor");
    let me = async || {
        mcp.call(Some(&token), "get_me", json!({}))
            .await
            .unwrap()
            .status
    };
    assert_eq!(me().await, 200);
    let after = tokens_at(&world.datahub);
    let minted = after.difference(&before).next().unwrap();
    let id = minted.strip_prefix(TOKEN_URN).unwrap();
    let revoked = mcp
        .http()
        .post(format!("{}/api/graphql", world.datahub.url()))
        .bearer_auth(world.datahub.token(SERVICE).unwrap())
        .json(&json!({"query": format!("mutation {{ revokeAccessToken(tokenId: \"{id}\") }}")}))
        .send()
        .await
        .unwrap();
    assert!(revoked.text().await.unwrap().contains("true"));
    assert_eq!(tokens_at(&world.datahub), before);
    // What is remembered is found out by the first request.
    assert_eq!(me().await, 401);
    until("the person is served again", async || me().await == 200).await;
    assert_eq!(world.count("validatorMint"), 2);
}
