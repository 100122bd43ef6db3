//! What others quote of ours is not printed.

use std::net::Ipv4Addr;

use axum::{
    Json, Router,
    extract::Request,
    http::{StatusCode, header},
    response::IntoResponse,
};
use integration_tests::mcp::http_client;
use serde_json::json;

use super::{World, examine, sign_in::SignIn, stub};
use crate::oauth_world::param;

/// A secret parameter that only the token endpoint gets.
const KEY: &str = "k3y+for/the=gateway";
const CLIENT_SECRET: &str = "the-client's secret";
const GMS_TOKEN: &str = "a-token-of-the-fallback";

/// A provider whose token endpoint quotes what it was sent, as it came and decoded.
async fn quoting_provider() -> String {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
    });
    let router = Router::new().fallback(move |request: Request| {
        let document = document.clone();
        async move {
            let (parts, body) = request.into_parts();
            match parts.uri.path() {
                "/.well-known/openid-configuration" => Json(document).into_response(),
                "/token" => {
                    let form = axum::body::to_bytes(body, 64 * 1024).await.unwrap();
                    let pairs = url::form_urlencoded::parse(&form);
                    let decoded: String = pairs.map(|(_, value)| format!("[{value}] ")).collect();
                    let login = parts.headers.get(header::AUTHORIZATION);
                    let login = login.map(|login| login.to_str().unwrap().to_owned());
                    let description = format!(
                        "cannot use {decoded}in {} of {}",
                        String::from_utf8_lossy(&form),
                        login.unwrap_or_default()
                    );
                    let error =
                        json!({"error": "invalid_request", "error_description": description});
                    (StatusCode::BAD_REQUEST, Json(error)).into_response()
                }
                _ => StatusCode::NOT_FOUND.into_response(),
            }
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    issuer
}

#[tokio::test]
async fn what_the_token_endpoint_quotes_is_masked() {
    let world = World::start().await;
    let mut settings = world.settings();
    settings.insert("OIDC_ISSUER_URL", quoting_provider().await);
    settings.insert("OIDC_CLIENT_SECRET", CLIENT_SECRET.to_owned());
    settings.insert(
        "OAUTH_AUTHORIZE_PARAMS",
        "audience=https://api.example".to_owned(),
    );
    let encoded: String = url::form_urlencoded::byte_serialize(KEY.as_bytes()).collect();
    let params = format!("audience=https://api.example&gateway_key={encoded}");
    settings.insert("OAUTH_TOKEN_PARAMS", params);
    for method in ["basic", "post"] {
        settings.insert("OAUTH_CLIENT_AUTH", method.to_owned());
        let mut doctor = SignIn::start(&settings);
        let url = doctor.url().await;
        let (redirect, state) = (param(&url, "redirect_uri"), param(&url, "state"));
        let code = "c0de-0f-this-sign-in";
        let back = format!("{}?code={code}&state={}", redirect.unwrap(), state.unwrap());
        let page = http_client().get(back).send().await.unwrap();
        assert_eq!(page.status(), 200);
        let (status, said) = doctor.end().await;
        assert_eq!(status, 1, "{said}");
        assert!(said.contains("FAIL  token "), "{said}");
        assert!(
            said.contains("cannot use") && said.contains("***"),
            "{said}"
        );
        let login = "Basic ZGF0YWh1Yi1tY3A6dGhl";
        for secret in [KEY, &encoded, CLIENT_SECRET, "client's", code, login] {
            assert!(!said.contains(secret), "{secret} in {said}");
        }
    }
}

#[tokio::test]
async fn what_datahub_and_a_proxy_quote_is_masked() {
    let world = World::start().await;
    let refuses = json!({"errors": [{"message": format!("no {GMS_TOKEN} and {KEY}")}]});
    let hub = stub(move |path| match path {
        "/config" => Json(json!({"noCode": "true"})).into_response(),
        _ => Json(refuses.clone()).into_response(),
    });
    let mut settings = world.settings();
    settings.insert("DATAHUB_GMS_URL", hub.await);
    settings.insert("DATAHUB_GMS_TOKEN", GMS_TOKEN.to_owned());
    let headers = json!({"X-Gateway": KEY}).to_string();
    settings.insert("DATAHUB_GMS_EXTRA_HEADERS", headers);
    let examined = examine(&settings).await;
    examined.find("shared-token", "fail");
    assert!(
        examined.text.contains("no *** and ***"),
        "{}",
        examined.text
    );
    for secret in [GMS_TOKEN, KEY, "fallback"] {
        assert!(
            !examined.text.contains(secret),
            "{secret} in {}",
            examined.text
        );
    }
}
