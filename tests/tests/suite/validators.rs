//! The validators that come along, each behind the real binary: what it makes of a token, whom
//! DataHub sees, and what happens where its neighbour fails. `oidc` has modules of its own.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use integration_tests::{Reply, Server, ServerBuilder, StubDataHub, hex, until};
use sandbox::idp::{
    AccessTokens, CONFIDENTIAL_CLIENT, CONFIDENTIAL_SECRET, EmbeddedIdp, Endpoint, Fault, Options,
    Running,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A server with one validator and its options.
pub(crate) fn server(datahub: &StubDataHub, validator: &str, options: &Value) -> ServerBuilder {
    Server::builder()
        .env("DATAHUB_GMS_URL", datahub.url())
        .env("TOKEN_VALIDATOR_FACTORY", validator)
        .env("TOKEN_VALIDATOR_CONFIG", options.to_string())
}

/// Options of a validator that is a confidential client of `idp`.
pub(crate) fn as_client(idp: &Running, secret: &str) -> Value {
    json!({
        "issuer_url": idp.issuer(),
        "audience": idp.audience(),
        "client_id": CONFIDENTIAL_CLIENT,
        "client_secret": secret,
    })
}

pub(crate) async fn ask(server: &Server, token: &str) -> Reply {
    let call = json!({"query": "*"});
    let mcp = server.mcp();
    mcp.call(Some(token), "search", call).await.unwrap()
}

/// The bearer tokens that DataHub was asked with.
pub(crate) fn bearers(datahub: &StubDataHub) -> BTreeSet<String> {
    let seen = datahub.seen();
    let values = seen.iter().filter_map(|seen| {
        let value = seen.headers.get("authorization")?.to_str().ok()?;
        Some(value.strip_prefix("Bearer ")?.to_owned())
    });
    values.collect()
}

#[tokio::test]
async fn an_exchanged_token_reaches_datahub_and_the_callers_own_never_does() {
    let idp = EmbeddedIdp::start(Options::default()).await.unwrap();
    let datahub = StubDataHub::start().await.unwrap();
    let mut options = as_client(&idp, CONFIDENTIAL_SECRET);
    options["target_audience"] = json!("datahub");
    let server = server(&datahub, "token_exchange", &options)
        .start()
        .unwrap();
    let (editor, viewer) = (idp.access_token("editor"), idp.access_token("viewer"));
    let calls = (0..20).map(|number| {
        let token = if number % 2 == 0 { &editor } else { &viewer };
        ask(&server, token)
    });
    for reply in futures::future::join_all(calls).await {
        assert_eq!(reply.status, 200, "{}", server.output());
    }
    assert_eq!(idp.requests(Endpoint::Token), 2, "one exchange a person");
    let verifier = idp.verifier();
    let seen: BTreeSet<_> = bearers(&datahub)
        .iter()
        .map(|token| {
            let claims = verifier.verify(token).unwrap();
            assert_eq!(claims["aud"], "datahub");
            claims["sub"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(seen, ["editor", "viewer"].map(str::to_owned).into());
    assert!(!bearers(&datahub).contains(&editor));

    // What the provider would exchange is verified before it is asked.
    let expired = idp.mint(json!({"exp": 1_000_000_000}));
    assert_eq!(ask(&server, &expired).await.status, 401);
    assert_eq!(idp.requests(Endpoint::Token), 2);
    idp.break_endpoint(Endpoint::Token, Fault::garbage());
    assert_eq!(ask(&server, &idp.access_token("admin")).await.status, 503);
    idp.heal();
    assert_eq!(ask(&server, &idp.access_token("admin")).await.status, 200);
}

#[tokio::test]
async fn an_opaque_token_is_whatever_the_provider_says_of_it() {
    let opaque = Options {
        access_tokens: AccessTokens::Opaque,
        ..Options::default()
    };
    let idp = EmbeddedIdp::start(opaque).await.unwrap();
    let datahub = StubDataHub::start().await.unwrap();
    let options = as_client(&idp, CONFIDENTIAL_SECRET);
    let server = server(&datahub, "introspection", &options).start().unwrap();
    let token = idp.access_token("editor");
    assert!(!token.contains('.'), "a JWT");
    for _ in 0..3 {
        assert_eq!(ask(&server, &token).await.status, 200);
    }
    assert_eq!(idp.requests(Endpoint::Introspection), 1, "remembered");
    assert_eq!(bearers(&datahub), [token].into());
    assert_eq!(ask(&server, "of-nobody").await.status, 401);
    let brief = idp.access_token_for("viewer", Duration::from_secs(60));
    idp.advance(Duration::from_secs(120));
    assert_eq!(ask(&server, &brief).await.status, 401, "expired there");
    idp.break_endpoint(Endpoint::Introspection, Fault::garbage());
    assert_eq!(ask(&server, &idp.access_token("admin")).await.status, 503);
    assert_eq!(ask(&server, "of-nobody-either").await.status, 503);
}

/// Nobody is signed out because our own credentials are wrong.
#[tokio::test]
async fn a_provider_that_refuses_our_own_secret_is_503_and_said_in_the_log() {
    for (validator, tokens) in [
        ("introspection", AccessTokens::Opaque),
        ("token_exchange", AccessTokens::Signed),
    ] {
        let options = Options {
            access_tokens: tokens,
            ..Options::default()
        };
        let idp = EmbeddedIdp::start(options).await.unwrap();
        let datahub = StubDataHub::start().await.unwrap();
        let mut options = as_client(&idp, "canary-wrong-secret");
        if validator == "token_exchange" {
            options["target_audience"] = json!("datahub");
        }
        let server = server(&datahub, validator, &options).start().unwrap();
        let reply = ask(&server, &idp.access_token("editor")).await;
        assert_eq!(reply.status, 503, "{validator}: {}", reply.text);
        assert!(!reply.header("retry-after").is_empty(), "{validator}");
        let (_, log) = server.stop().unwrap();
        assert!(log.contains("credentials"), "{validator}: {log}");
        assert!(!log.contains("canary-wrong-secret"), "{validator}");
        assert!(bearers(&datahub).is_empty(), "{validator}");
    }
}

/// Writes a list with one machine as an operator should: aside, then renamed.
pub(crate) fn write_list(path: &Path, name: &str, token: &str) {
    let list = json!({"tokens": [{
        "name": name,
        "sha256": hex(&Sha256::digest(token)),
        "datahub_token": format!("datahub-token-of-{name}"),
    }]});
    let aside = path.with_extension("new");
    fs::write(&aside, list.to_string()).unwrap();
    fs::set_permissions(&aside, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(&aside, path).unwrap();
}

#[tokio::test]
async fn a_machines_token_works_while_it_is_in_the_list() {
    let (old, new) = (
        "machine-token-0123456789abcdef",
        "machine-token-fedcba9876543210",
    );
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.json");
    write_list(&path, "nightly", old);
    let datahub = StubDataHub::start().await.unwrap();
    let options = json!({"file": path, "reload_interval": 1});
    let server = server(&datahub, "static_tokens", &options)
        .env("TOKEN_VALIDATOR_CACHE_TTL_SECS", "1")
        .start()
        .unwrap();
    assert_eq!(ask(&server, old).await.status, 200);
    assert_eq!(ask(&server, new).await.status, 401);
    let bearer = "datahub-token-of-nightly".to_owned();
    assert_eq!(bearers(&datahub), [bearer].into());

    write_list(&path, "weekly", new);
    until("the new list is taken", async || {
        ask(&server, old).await.status == 401 && ask(&server, new).await.status == 200
    })
    .await;
    assert!(!server.output().contains("machine-token"));
}
