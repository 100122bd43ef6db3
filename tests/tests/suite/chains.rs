//! Several validators in one chain, each the real one with whom it asks: a token is decided on by
//! the validator whose kind it is, an error is neither a yes nor a no, and the log says who said
//! what.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use integration_tests::{Server, artifacts, canary::traces, hex};
use sandbox::{
    datahub::{self, EmbeddedDataHub},
    idp::{AccessTokens, CONFIDENTIAL_CLIENT, CONFIDENTIAL_SECRET, EmbeddedIdp, Options, Running},
    people,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const STATIC: &str = "static_tokens:static_tokens";
const COMPANY: &str = "oidc:oidc";
const PARTNER: &str = "oidc_partner:oidc";
const OPAQUE: &str = "introspection:introspection";
const DATAHUB: &str = "datahub_token:datahub_token";
const CHAIN: [&str; 5] = [STATIC, COMPANY, PARTNER, OPAQUE, DATAHUB];
const MACHINE: &str = "a-machine-whose-token-is-in-the-list";

/// A company with its provider, a partner with another, a third with opaque tokens, and DataHub.
struct World {
    company: Running,
    partner: Running,
    opaque: Running,
    datahub: datahub::Running,
    server: Server,
    /// What was sent, and what the log must say of it.
    sent: Vec<Sent>,
    _plugins: tempfile::TempDir,
}

/// A request that was answered.
struct Sent {
    token: String,
    request_id: String,
    /// What each validator that was asked said, in order.
    decisions: Vec<[&'static str; 2]>,
    /// Whom the access line names.
    served_by: &'static str,
}

/// The libraries of the chain, one of them a second time under another name, and the list of
/// machines.
fn plugins() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["static_tokens", "oidc", "introspection", "datahub_token"] {
        put(&artifacts().plugin(name), dir.path(), name);
    }
    put(&artifacts().plugin("oidc"), dir.path(), "oidc_partner");
    let digest = hex(&Sha256::digest(MACHINE));
    let list = json!({"tokens": [
        {"name": "nightly", "sha256": digest, "datahub_token": "of-nightly-at-datahub"}
    ]});
    let file = dir.path().join("machines.json");
    fs::write(&file, list.to_string()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    dir
}

fn put(library: &Path, dir: &Path, name: &str) {
    let file = dir.join(format!("lib{name}.so"));
    fs::copy(library, &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
}

impl World {
    /// `prepare` sees the partner's provider before the server does.
    async fn start(prepare: impl AsyncFnOnce(&Running)) -> Self {
        let company = EmbeddedIdp::start(Options::default()).await.unwrap();
        let partner = EmbeddedIdp::start(Options::default()).await.unwrap();
        let opaque = Options {
            access_tokens: AccessTokens::Opaque,
            ..Options::default()
        };
        let opaque = EmbeddedIdp::start(opaque).await.unwrap();
        let datahub = EmbeddedDataHub::start(datahub::Options {
            people: people::demo().iter().map(datahub::Person::from).collect(),
            ..datahub::Options::default()
        })
        .await
        .unwrap();
        prepare(&partner).await;
        let plugins = plugins();
        let oidc = |idp: &Running| json!({"issuer_url": idp.issuer(), "audience": idp.audience()});
        let config = json!({
            "static_tokens": {"file": plugins.path().join("machines.json")},
            "oidc": oidc(&company),
            "oidc_partner": oidc(&partner),
            "introspection": {
                "issuer_url": opaque.issuer(), "audience": opaque.audience(),
                "client_id": CONFIDENTIAL_CLIENT, "client_secret": CONFIDENTIAL_SECRET,
                "opaque_only": true,
            },
        });
        let server = Server::builder()
            .env("DATAHUB_GMS_URL", datahub.url())
            .env(
                "TOKEN_VALIDATOR_PLUGIN_DIR",
                plugins.path().display().to_string(),
            )
            .env(
                "TOKEN_VALIDATOR_FACTORY",
                "static_tokens,oidc,oidc_partner,introspection,datahub_token",
            )
            .env("TOKEN_VALIDATOR_CONFIG", config.to_string())
            .env("RUST_LOG", "info,datahub_mcp=debug")
            .start()
            .unwrap();
        Self {
            company,
            partner,
            opaque,
            datahub,
            server,
            sent: Vec::new(),
            _plugins: plugins,
        }
    }

    /// Asks with `token` what asks DataHub nothing, so that the answer is the chain's alone. Those
    /// before `decides` pass the token on, `decides` says `outcome`, and nobody behind sees it.
    async fn assert_decides(
        &mut self,
        token: &str,
        decides: &'static str,
        outcome: &'static str,
        status: u16,
    ) {
        let before = CHAIN.iter().take_while(|name| **name != decides);
        let mut decisions: Vec<_> = before.map(|name| [*name, "not_mine"]).collect();
        if CHAIN.contains(&decides) {
            decisions.push([decides, outcome]);
        }
        let mcp = self.server.mcp();
        let reply = mcp.rpc(Some(token), "tools/list", json!({})).await.unwrap();
        let output = self.server.output();
        assert_eq!(reply.status, status, "{decides}: {}\n{output}", reply.text);
        assert_eq!(reply.header("retry-after").is_empty(), status != 503);
        self.sent.push(Sent {
            token: token.to_owned(),
            request_id: reply.header("x-request-id").to_owned(),
            decisions,
            served_by: if status == 200 { decides } else { "" },
        });
    }

    /// Stops the server: its whole log says of each request what was expected, and no token.
    fn assert_logged(self) {
        let (status, output) = self.server.stop().unwrap();
        assert!(status.success(), "{status:?}\n{output}");
        let lines: Vec<Value> = output
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        for sent in &self.sent {
            let lines = || {
                let of_request = |line: &&Value| line["request_id"] == *sent.request_id;
                lines.iter().filter(of_request)
            };
            let decisions: Vec<_> = lines()
                .filter(|line| line["outcome"].is_string() && line["target"] != "access")
                .inspect(|line| assert_masked(line))
                .map(|line| {
                    ["validator", "outcome"].map(|name| line[name].as_str().unwrap_or_default())
                })
                .collect();
            assert_eq!(decisions, sent.decisions, "{output}");
            let access: Vec<_> = lines().filter(|line| line["target"] == "access").collect();
            assert_eq!(access.len(), 1, "{access:?}");
            assert_eq!(access[0]["validator"], sent.served_by);
            let signature = sent.token.rsplit('.').next().unwrap_or_default();
            for secret in [&sent.token, signature] {
                let found = traces(&output, secret);
                assert!(found.is_empty(), "a token in the log: {found:?}");
            }
        }
    }
}

/// A log knows a token by eight digits of its digest.
fn assert_masked(line: &Value) {
    let token = line["token"].as_str().unwrap_or_default();
    let masked = token.len() == 8 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(masked, "{line}");
}

#[tokio::test]
async fn each_token_is_decided_on_by_the_validator_whose_kind_it_is() {
    let mut world = World::start(async |_| {}).await;
    let at_datahub = world.datahub.token("editor").unwrap();
    let good = [
        (MACHINE.to_owned(), STATIC),
        (world.company.access_token("editor"), COMPANY),
        (world.partner.access_token("editor"), PARTNER),
        (world.opaque.access_token("editor"), OPAQUE),
        (at_datahub.clone(), DATAHUB),
    ];
    for (token, validator) in good {
        world
            .assert_decides(&token, validator, "accepted", 200)
            .await;
    }
    // A token of its kind that is bad ends there: the next one is not asked for another opinion.
    let expired = json!({"exp": 1_000_000});
    let forged = json!({"iss": world.partner.issuer()});
    let bad = [
        (world.company.mint(expired.clone()), COMPANY),
        (world.partner.mint(expired), PARTNER),
        (world.company.mint(forged), PARTNER),
        ("an-opaque-token-of-nobody".to_owned(), OPAQUE),
        (format!("{at_datahub}x"), DATAHUB),
    ];
    for (token, validator) in bad {
        world
            .assert_decides(&token, validator, "rejected", 401)
            .await;
    }
    // Nobody's: refused because nobody said yes.
    let stranger = EmbeddedIdp::start(Options::default()).await.unwrap();
    let token = stranger.access_token("editor");
    world.assert_decides(&token, "nobody", "", 401).await;
    world.assert_logged();
}

#[tokio::test]
async fn a_validator_in_trouble_says_neither_yes_nor_no_and_costs_only_its_own() {
    let mut world = World::start(async |partner| partner.go_down().await).await;
    // Its tokens could be good: 503, and none of those behind it is asked instead.
    let token = world.partner.access_token("editor");
    world
        .assert_decides(&token, PARTNER, "unavailable", 503)
        .await;
    world.opaque.go_down().await;
    let token = world.opaque.access_token("editor");
    world
        .assert_decides(&token, OPAQUE, "unavailable", 503)
        .await;
    world.datahub.controls().set_status(Some(503));
    let token = world.datahub.token("editor").unwrap();
    world
        .assert_decides(&token, DATAHUB, "unavailable", 503)
        .await;
    // What is decided before them is decided as ever.
    let token = world.company.access_token("editor");
    world.assert_decides(&token, COMPANY, "accepted", 200).await;
    let token = world.company.mint(json!({"exp": 1_000_000}));
    world.assert_decides(&token, COMPANY, "rejected", 401).await;
    world.assert_decides(MACHINE, STATIC, "accepted", 200).await;
    world.assert_logged();
}
