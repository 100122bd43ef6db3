//! Clients in the operator's hands: they are listed, blocked and expire, with every store.

use axum::http::StatusCode;

use super::*;
use crate::{
    ClientBook, ListedClient, StoreSettings,
    store::{Redis, RedisStore, Standing},
    types::ClientId,
};

/// Two processes with one list: a proxy, and the command line.
struct Operated {
    world: World,
    book: ClientBook,
}

impl Operated {
    async fn in_directory(directory: &std::path::Path, change: impl FnOnce(&mut Setup)) -> Self {
        let world = World::with_store(change, |clock| {
            let store = MemoryStore::lasting(clock, MAX_TRANSACTIONS, directory, |_| {});
            let store = Arc::new(store.unwrap());
            tokio::spawn(MemoryStore::follow(Arc::downgrade(&store)));
            store
        })
        .await;
        let settings = StoreSettings::StateDirectory {
            directory: directory.to_owned(),
            required: true,
        };
        let book = ClientBook::open(&settings, ISSUER, &Default::default()).unwrap();
        Self { world, book }
    }

    async fn in_redis(redis: &Redis) -> Self {
        let url = redis.url();
        let world = World::with_store(
            |_| {},
            |clock| {
                RedisStore::new(
                    &url,
                    ISSUER,
                    clock,
                    MAX_TRANSACTIONS,
                    |_| {},
                    &Default::default(),
                )
                .unwrap()
            },
        )
        .await;
        let book =
            ClientBook::open(&StoreSettings::Redis(url), ISSUER, &Default::default()).unwrap();
        // Until the list of blocked clients is known, nobody signs in.
        let nobody = ClientId::parse("nobody").unwrap().key();
        let known = async {
            while world.context.store.client_standing(&nobody) == Standing::Unknown {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), known)
            .await
            .unwrap();
        Self { world, book }
    }

    async fn listed(&self) -> Vec<ListedClient> {
        self.book.list().await.unwrap()
    }

    /// Blocks a client, or ends the block, and waits until the proxy knows.
    async fn set_blocked(&self, named: &str, blocked: bool, client: &str) {
        self.book.set_blocked(named, blocked).await.unwrap();
        let known = tokio::time::timeout(Duration::from_secs(30), async {
            loop {
                let page = Jar::default()
                    .authorize(&self.world, &good_request(client))
                    .await;
                if (page.status == StatusCode::FORBIDDEN) == blocked {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        known.await.expect("the proxy hears of it");
    }
}

async fn a_block_ends_all_that_a_client_has(operated: &Operated) {
    let world = &operated.world;
    let (client, other) = (world.register("Codex").await, world.register("Other").await);
    assert_eq!(operated.listed().await, [], "nobody signed in yet");
    let tokens = world.tokens(&client).await;
    let others = world.tokens(&other).await;
    let code = world.code(&client, &mut Jar::default()).await;
    let (mut reading, mut away) = (Jar::default(), Jar::default());
    let page = reading.authorize(world, &good_request(&client)).await;
    let listed = operated.listed().await;
    assert_eq!(listed.len(), 2, "{listed:?}");
    let listed = listed.iter().find(|listed| listed.name == "Codex").unwrap();
    assert_eq!(listed.kind, "registered");
    assert!(listed.redirects_to.contains("127.0.0.1"), "{listed:?}");
    let now = world.clock.unix_millis().seconds();
    assert_eq!(
        (listed.registered_at, listed.last_sign_in),
        (Some(now), Some(now))
    );

    // By the digest in the list, and by the whole id.
    for named in [listed.id.clone(), client.clone()] {
        let at_provider = away.authorize(world, &good_request(&client)).await;
        let at_provider = match at_provider.status {
            StatusCode::OK => away.decide(world, &at_provider, "approve").await,
            _ => at_provider,
        };
        operated.set_blocked(&named, true, &client).await;
        // A person who reads the page, and one who is at the provider.
        let back = world.idp.sign_in(&at_provider.location(), "alice");
        let asked = world.idp.requests().len();
        for answer in [
            reading.decide(world, &page, "approve").await,
            away.get(world, &back).await,
        ] {
            assert!(answer.is_page(StatusCode::FORBIDDEN), "{}", answer.body);
            assert!(answer.body.contains("blocked this app"), "{}", answer.body);
        }
        assert_eq!(world.idp.requests().len(), asked, "the provider was asked");
        let blocked = operated.listed().await;
        let blocked: Vec<_> = blocked.iter().filter(|c| c.blocked_at.is_some()).collect();
        assert_eq!(blocked.len(), 1, "{blocked:?}");
        assert_eq!((&blocked[0].id, &*blocked[0].name), (&listed.id, "Codex"));

        let page = Jar::default()
            .authorize(world, &good_request(&client))
            .await;
        assert!(page.is_page(StatusCode::FORBIDDEN), "{}", page.body);
        let refresh = text(&tokens, "refresh_token");
        for answer in [
            world.redeem(&client, &code).await,
            world.refresh(&client, &refresh).await,
        ] {
            assert_eq!(answer.error(), "invalid_grant", "{}", answer.body);
            assert!(answer.body.contains("blocked"), "{}", answer.body);
        }
        let access = text(&tokens, "access_token");
        assert_eq!(
            world.open(&access).await,
            None,
            "its bearer tokens are refused"
        );
        // Nobody else is touched.
        assert!(world.open(&text(&others, "access_token")).await.is_some());
        operated.set_blocked(&named, false, &client).await;
        assert!(world.open(&access).await.is_some());
    }
    let answer = world.redeem(&client, &code).await;
    assert_eq!(answer.status, StatusCode::OK, "the code was not spent");

    // One that nobody signed in with, such as one in a warning of another company.
    let unseen = world.register("Unseen").await;
    operated.set_blocked(&unseen, true, &unseen).await;
    assert_eq!(operated.listed().await.len(), 3);
    operated.set_blocked(&unseen, false, &unseen).await;
    assert_eq!(operated.listed().await.len(), 2, "nothing is known of it");
}

#[tokio::test]
async fn a_client_is_listed_and_blocked_in_the_state_directory() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("state");
    let operated = Operated::in_directory(&directory, |_| {}).await;
    a_block_ends_all_that_a_client_has(&operated).await;
    // And after a restart.
    let client = operated.world.register("x").await;
    let access = text(&operated.world.tokens(&client).await, "access_token");
    operated.set_blocked(&client, true, &client).await;
    let next = Operated::in_directory(&directory, |_| {}).await;
    assert_eq!(next.world.open(&access).await, None);
}

#[tokio::test]
async fn a_client_is_listed_and_blocked_in_redis() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let operated = Operated::in_redis(&redis).await;
    a_block_ends_all_that_a_client_has(&operated).await;
    let client = operated.world.register("x").await;
    let access = text(&operated.world.tokens(&client).await, "access_token");
    operated.set_blocked(&client, true, &client).await;
    // Another replica, from its first answer on.
    let next = World::beside(
        operated.world.idp.clone(),
        operated.world.clock.clone(),
        |_| {},
        |clock| {
            RedisStore::new(
                &redis.url(),
                ISSUER,
                clock,
                MAX_TRANSACTIONS,
                |_| {},
                &Default::default(),
            )
            .unwrap()
        },
    );
    let opened = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            match next.context.tokens.open(&access.clone().into()).await {
                Opened::Unknown => tokio::time::sleep(Duration::from_millis(20)).await,
                opened => break opened,
            }
        }
    });
    assert!(matches!(opened.await.unwrap(), Opened::Invalid));
}

/// A client that is a URL is blocked for good: it cannot get another id.
#[tokio::test]
async fn a_client_with_a_document_is_listed_and_blocked_by_its_url() {
    let root = tempfile::tempdir().unwrap();
    let operated = Operated::in_directory(root.path(), |_| {}).await;
    let world = &operated.world;
    let client = world.idp.serve_document(
        "client.test",
        |url| json!({ "client_id": url, "client_name": "Claude", "redirect_uris": [REDIRECT] }),
    );
    world.tokens(&client).await;
    let listed = operated.listed().await;
    assert_eq!(listed[0].kind, "document");
    assert_eq!(listed[0].client_id.as_deref(), Some(&*client));
    operated.set_blocked(&client, true, &client).await;
}

#[tokio::test]
async fn a_registration_expires() {
    let world = World::with(|settings| {
        settings.registration_ttl = Some(Duration::from_secs(86_400));
    })
    .await;
    let client = world.register("x").await;
    let refresh = text(&world.tokens(&client).await, "refresh_token");
    let code = world.code(&client, &mut Jar::default()).await;
    world.clock.advance(Duration::from_secs(86_399));
    assert_eq!(
        world.refresh(&client, &refresh).await.status,
        StatusCode::OK
    );
    let page = Jar::default()
        .authorize(&world, &good_request(&client))
        .await;
    assert!(page.is_page(StatusCode::OK));

    world.clock.advance(Duration::from_secs(1));
    let page = Jar::default()
        .authorize(&world, &good_request(&client))
        .await;
    assert!(page.is_page(StatusCode::BAD_REQUEST), "{}", page.body);
    assert!(page.body.contains("add it again"), "{}", page.body);
    // Programs register again when they read this.
    for answer in [
        world.refresh(&client, &refresh).await,
        world.redeem(&client, &code).await,
    ] {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.error(), "invalid_client");
    }
    let again = world.register("x").await;
    assert_ne!(again, client);
    world.tokens(&again).await;
}
