//! The deployment as a whole: all well, settings, port, clock, neighbours that hang, validators.

use std::{
    net::{Ipv4Addr, TcpListener},
    time::{Duration, Instant},
};

use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde_json::json;

use super::{World, examine, run, stub};
use crate::oauth_world::KEY;

#[tokio::test]
async fn a_deployment_as_it_should_be_has_no_failure_and_no_warning() {
    let world = World::start().await;
    let examined = examine(&world.settings()).await;
    let others: Vec<_> = examined
        .checks
        .iter()
        .filter(|c| c["status"] != "ok")
        .collect();
    assert!(others.is_empty(), "{others:#?}");
    assert_eq!(examined.status, 0);
    for (name, seen) in [
        ("settings", "valid"),
        ("proxy", "every connection is direct"),
        ("certificates", "authorities are trusted"),
        ("datahub", "DataHub 1.6.0"),
        ("datahub-authentication", "refused with 401"),
        ("provider", "/.well-known/openid-configuration"),
        ("issuer", world.idp.issuer()),
        ("keys", "1 of 1 keys"),
        ("sign-in", "PKCE with S256"),
        ("client-authentication", "none"),
        ("scope", "openid profile email offline_access"),
        ("refresh", "`offline_access` is asked for"),
        ("audience", world.idp.audience()),
        ("upstream-token", "the access token"),
        ("validators:oidc:oidc", "`oidc:oidc` loads"),
        ("store", "memory"),
        ("sealing-key", "OAUTH_TOKEN_KEYS"),
        ("port", "a free port"),
        ("clock:datahub", "as that of datahub"),
        ("clock:provider", "as that of provider"),
    ] {
        let found = examined.find(name, "ok")["seen"].as_str().unwrap();
        assert!(found.contains(seen), "{name}: no {seen} in {found}");
    }
    let lines = run(&world.settings(), &["doctor"]).await;
    let lines = String::from_utf8(lines.stdout).unwrap();
    assert!(lines.contains("\nok    datahub "), "{lines}");
    assert!(lines.ends_with(" 0 warnings, 0 failed\n"), "{lines}");
    assert!(!lines.contains(KEY) && !examined.text.contains(KEY));
}

#[tokio::test]
async fn a_port_at_which_the_server_runs_is_no_problem() {
    let world = crate::world::World::start().await;
    let mut settings = World::start().await.settings();
    let port = world.server.address().port();
    settings.insert("DATAHUB_MCP_PORT", port.to_string());
    let examined = examine(&settings).await;
    let seen = examined.find("port", "ok")["seen"].to_string();
    assert!(seen.contains("answers `/health`"), "{seen}");
}

#[tokio::test]
async fn a_clock_that_is_off_is_a_failure() {
    for (date, seen) in [
        ("Sun, 06 Nov 1994 08:49:37 GMT", "ahead of that of datahub"),
        ("Wed, 06 Nov 2080 08:49:37 GMT", "behind that of datahub"),
    ] {
        let world = World::start().await;
        let hub = stub(move |path| {
            let date = [(header::DATE, date)];
            match path {
                "/config" => (date, axum::Json(json!({"noCode": "true"}))).into_response(),
                _ => (StatusCode::UNAUTHORIZED, date).into_response(),
            }
        });
        let mut settings = world.settings();
        settings.insert("DATAHUB_GMS_URL", hub.await);
        let examined = examine(&settings).await;
        examined.assert_fails("clock:datahub", seen, "NTP");
        examined.find("clock:provider", "ok");
    }
}

#[tokio::test]
async fn settings_that_cannot_be_used_end_with_64_and_service_links_are_named() {
    let world = World::start().await;
    let mut settings = world.settings();
    settings.insert("OAUTH_CLIENT_AUTH", "basic".to_owned());
    settings.insert("TOOLS_SCOPES", "write=a".to_owned());
    let examined = examine(&settings).await;
    assert_eq!(examined.status, 64);
    assert_eq!(examined.checks.len(), 2, "{}", examined.text);
    for (id, fix) in [
        ("settings:OAUTH_CLIENT_AUTH", "OIDC_CLIENT_SECRET"),
        ("settings:TOOLS_SCOPES", "TOOL_SCOPES"),
    ] {
        let check = examined.find(id, "fail").to_string();
        assert!(check.contains(fix), "{check}");
    }

    let mut settings = world.settings();
    settings.insert("DATAHUB_GMS_PORT", "tcp://10.0.0.1:8080".to_owned());
    settings.insert("PUBLIC_URL", "http://datahub-mcp:8000".to_owned());
    settings.remove("OIDC_CLIENT_ID");
    settings.remove("OAUTH_TOKEN_KEYS");
    let examined = examine(&settings).await;
    assert_eq!(examined.status, 0, "{}", examined.text);
    let fix = examined.find("settings:service-links", "warn")["fix"].to_string();
    assert!(fix.contains("enableServiceLinks: false"), "{fix}");
    let fix = examined.find("public-url", "warn")["fix"].to_string();
    assert!(fix.contains("PUBLIC_URL"), "{fix}");
}

#[tokio::test]
async fn neighbours_that_never_answer_hold_nothing_up() {
    let world = World::start().await;
    // Takes connections, by the backlog alone.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = silent.local_addr().unwrap();
    let mut settings = world.settings();
    settings.insert("DATAHUB_GMS_URL", format!("http://{address}"));
    settings.insert("OIDC_ISSUER_URL", format!("http://{address}"));
    settings.insert("OAUTH_STORE_URL", format!("redis://{address}/0"));
    let started = Instant::now();
    let examined = examine(&settings).await;
    assert!(started.elapsed() < Duration::from_secs(30));
    examined.assert_fails("datahub", "did not answer in time", "`DATAHUB_GMS_URL`");
    examined.assert_fails("provider", "did not answer in time", "`OIDC_ISSUER_URL`");
    examined.assert_fails("store", "Redis cannot be reached", "`OAUTH_STORE_URL`");
    examined.find("port", "ok");
}

#[tokio::test]
async fn a_validator_that_ends_its_process_is_a_failure_and_no_more() {
    let world = World::start().await;
    for how in ["exit", "segfault"] {
        let mut settings = world.settings();
        settings.insert("TOKEN_VALIDATOR_FACTORY", "hostile:dies".to_owned());
        settings.insert("PLUGIN_ISOLATION", "in-process".to_owned());
        settings.insert("TOKEN_VALIDATOR_OPT_AT", "health".to_owned());
        settings.insert("TOKEN_VALIDATOR_OPT_HOW", how.to_owned());
        let examined = examine(&settings).await;
        let fix = "`PLUGIN_ISOLATION=process`";
        examined.assert_fails("validators", "ends the process that loads it", fix);
        examined.find("datahub", "ok");
    }
}
