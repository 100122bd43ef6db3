//! The way out: proxies that do not work, and certificates that are not accepted.

use std::net::Ipv4Addr;

use axum::{Router, http::StatusCode};

use super::{World, examine};
use crate::tls::TlsServer;

#[tokio::test]
async fn a_proxy_that_does_not_work_is_told_apart_from_the_server_behind_it() {
    let world = World::start().await;
    let mut settings = world.settings();
    settings.insert("DATAHUB_GMS_URL", "http://datahub.example:8080".to_owned());
    settings.insert("OUTBOUND_PROXY", "http://me:hunter2@127.0.0.1:1".to_owned());
    let examined = examine(&settings).await;
    examined.assert_fails("proxy", "does not take connections", "`OUTBOUND_PROXY`");
    examined.assert_fails("datahub", "the proxy 127.0.0.1:1", "`OUTBOUND_PROXY`");
    assert!(!examined.text.contains("hunter2"), "{}", examined.text);

    let unknown = "http://proxy.invalid:3128".to_owned();
    settings.insert("OUTBOUND_PROXY", unknown);
    let examined = examine(&settings).await;
    examined.assert_fails("proxy", "cannot be resolved", "`OUTBOUND_PROXY`");

    // A proxy that refuses what is behind it.
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    let refuses = Router::new().fallback(|| async { StatusCode::FORBIDDEN });
    tokio::spawn(async move { axum::serve(listener, refuses).await });
    settings.remove("OUTBOUND_PROXY");
    settings.insert("HTTPS_PROXY", format!("http://{address}"));
    settings.insert("DATAHUB_GMS_URL", "https://datahub.example".to_owned());
    let examined = examine(&settings).await;
    let seen = examined.find("proxy", "ok")["seen"].to_string();
    assert!(
        seen.contains(&format!("through http://{address}")),
        "{seen}"
    );
    examined.assert_fails(
        "datahub",
        "does not lead to datahub.example:443",
        "`OUTBOUND_NO_PROXY`",
    );
}

#[tokio::test]
async fn an_authority_that_is_missing_is_named_with_its_setting() {
    let world = World::start().await;
    let hub = TlsServer::start("localhost", r#"{"noCode": "true"}"#);
    let mut settings = world.settings();
    settings.insert("DATAHUB_GMS_URL", hub.url("localhost"));
    let examined = examine(&settings).await;
    examined.assert_fails(
        "datahub",
        "authority that is not trusted",
        "`OUTBOUND_CA_FILE`",
    );

    let bundle = hub.certificate().display().to_string();
    settings.insert("OUTBOUND_CA_FILE", bundle.clone());
    let examined = examine(&settings).await;
    examined.find("datahub", "ok");
    let seen = examined.find("certificates", "ok")["seen"].to_string();
    assert!(
        seen.contains(&bundle) && seen.contains("`OUTBOUND_CA_FILE`"),
        "{seen}"
    );

    settings.insert("DATAHUB_GMS_URL", hub.url("127.0.0.1"));
    let examined = examine(&settings).await;
    examined.assert_fails("datahub", "for another name", "`DATAHUB_GMS_URL`");

    let old = TlsServer::expired("localhost");
    settings.insert("DATAHUB_GMS_URL", old.url("localhost"));
    settings.insert("OUTBOUND_CA_FILE", old.certificate().display().to_string());
    let examined = examine(&settings).await;
    examined.assert_fails("datahub", "has expired", "renew the server's certificate");

    settings.insert("OUTBOUND_CA_FILE", "/nowhere/ca.pem".to_owned());
    let examined = examine(&settings).await;
    assert_eq!(examined.status, 64, "{}", examined.text);
    examined.find("settings:OUTBOUND_CA_FILE", "fail");
}
