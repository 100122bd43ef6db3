//! The sign-in of honest clients and people.

use axum::http::{Method, Request, StatusCode, header};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;

#[tokio::test]
async fn the_metadata_is_what_clients_accept() {
    let world = World::new().await;
    let path = "/.well-known/oauth-authorization-server";
    let answer = world
        .send(Request::get(path).body(Body::empty()).unwrap())
        .await;
    assert!(!answer.body.contains("null"), "{}", answer.body);
    assert_eq!(
        answer.json(),
        json!({
            "issuer": "https://mcp.example.com",
            "authorization_endpoint": "https://mcp.example.com/oauth/authorize",
            "token_endpoint": "https://mcp.example.com/oauth/token",
            "registration_endpoint": "https://mcp.example.com/oauth/register",
            "revocation_endpoint": "https://mcp.example.com/oauth/revoke",
            "scopes_supported": ["openid", "profile", "email"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported":
                ["none", "client_secret_basic", "client_secret_post"],
            "revocation_endpoint_auth_methods_supported":
                ["none", "client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "client_id_metadata_document_supported": true,
        })
    );
}

/// Clients that refresh only where this scope is named never would otherwise.
#[tokio::test]
async fn the_metadata_names_offline_access_where_it_is_a_default_scope() {
    let world =
        World::with(|settings| settings.default_scopes.push("offline_access".to_owned())).await;
    let path = "/.well-known/oauth-authorization-server";
    let request = Request::get(path).body(Body::empty()).unwrap();
    assert_eq!(
        world.send(request).await.json()["scopes_supported"],
        json!(["openid", "profile", "email", "offline_access"])
    );
}

#[tokio::test]
async fn offline_access_is_not_named_for_a_provider_that_refuses_it() {
    let world = World::with(|settings| {
        settings.default_scopes.push("offline_access".to_owned());
        settings.upstream.offline_access = false;
    })
    .await;
    let path = "/.well-known/oauth-authorization-server";
    let request = Request::get(path).body(Body::empty()).unwrap();
    let metadata = world.send(request).await.json();
    assert_eq!(
        metadata["scopes_supported"],
        json!(["openid", "profile", "email"])
    );
    let asked = json!({ "redirect_uris": [REDIRECT] });
    let registered = world.post_json("/oauth/register", &asked).await.json();
    assert_eq!(registered["scope"], "openid profile email");
}

#[tokio::test]
async fn an_issuer_with_a_path_has_its_metadata_where_rfc_8414_puts_it() {
    let world = World::with(|settings| {
        settings.public_url = PublicUrl::parse("https://example.com/data/mcp").unwrap();
    })
    .await;
    let path = "/.well-known/oauth-authorization-server/data";
    let answer = world
        .send(Request::get(path).body(Body::empty()).unwrap())
        .await;
    assert_eq!(answer.json()["issuer"], "https://example.com/data");
    assert_eq!(
        answer.json()["token_endpoint"],
        "https://example.com/data/oauth/token"
    );
}

#[tokio::test]
async fn a_client_registers_and_gets_its_metadata_back() {
    let world = World::new().await;
    let asked = json!({
        "client_name": "Claude Code (datahub)",
        "redirect_uris": [REDIRECT, "cursor://anysphere.cursor-mcp/oauth/callback"],
        "token_endpoint_auth_method": "client_secret_post",
        "application_type": "native",
        "scope": null,
        "logo_uri": null,
        "contacts": [],
    });
    let answer = world.post_json("/oauth/register", &asked).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let registered = answer.json();
    assert_eq!(registered["redirect_uris"], asked["redirect_uris"]);
    assert_eq!(registered["client_name"], "Claude Code (datahub)");
    assert_eq!(registered["token_endpoint_auth_method"], "none");
    assert_eq!(registered["response_types"], json!(["code"]));
    assert_eq!(registered["application_type"], "native");
    assert!(registered.get("client_secret").is_none());
    assert!(!answer.body.contains("null"));
    // One without the brackets of a list.
    let asked = json!({ "redirect_uris": REDIRECT });
    let answer = world.post_json("/oauth/register", &asked).await;
    assert_eq!(answer.json()["redirect_uris"], json!([REDIRECT]));
}

#[tokio::test]
async fn a_person_signs_in_and_the_client_gets_sealed_tokens() {
    let world = World::new().await;
    let client = world.register("Inspector").await;
    let mut jar = Jar::default();

    let page = jar.authorize(&world, &good_request(&client)).await;
    assert!(page.is_page(StatusCode::OK), "{}", page.body);
    let upstream = jar.decide(&world, &page, "approve").await;
    let location = upstream.location();
    assert_eq!(param(&location, "client_id").unwrap(), "our-upstream-id");
    assert_eq!(
        param(&location, "redirect_uri").unwrap(),
        format!("{ISSUER}/oauth/callback")
    );
    assert_eq!(param(&location, "scope").unwrap(), "openid profile");
    assert_eq!(param(&location, "resource"), None);
    // A PKCE pair of our own, not the client's.
    assert_eq!(param(&location, "code_challenge_method").unwrap(), "S256");
    assert_ne!(param(&location, "code_challenge").unwrap(), CHALLENGE);
    assert_ne!(param(&location, "state").unwrap(), "the client's state");

    let back = jar
        .get(&world, &world.idp.sign_in(&location, "alice"))
        .await;
    assert!(back.location().as_str().starts_with(REDIRECT));
    assert_eq!(back.param("state").unwrap(), "the client's state");
    assert_eq!(back.param("iss").unwrap(), ISSUER);
    assert_eq!(back.headers[header::REFERRER_POLICY], "no-referrer");

    let answer = world.redeem(&client, &back.param("code").unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let tokens = answer.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 600);
    assert_eq!(tokens["scope"], "openid profile");
    assert!(
        !answer.body.contains("upstream-"),
        "the provider's tokens stay here"
    );
    let access = text(&tokens, "access_token");
    assert!(access.starts_with("mcp_at_"));
    assert!(
        world
            .open(&access)
            .await
            .unwrap()
            .starts_with("upstream-access-alice")
    );
    assert!(text(&tokens, "refresh_token").starts_with("mcp_rt_"));
}

#[tokio::test]
async fn our_secret_goes_to_the_provider_in_the_configured_way_and_nowhere_else() {
    for auth in [UpstreamAuth::Basic, UpstreamAuth::Post, UpstreamAuth::None] {
        let world = World::with(|settings| {
            settings.upstream.auth = auth;
            settings
                .upstream
                .token_params
                .push(("audience".to_owned(), "datahub".to_owned()));
        })
        .await;
        let client = world.register("x").await;
        world.tokens(&client).await;
        let (headers, form) = world.idp.requests().pop().unwrap();
        let basic = headers
            .get(header::AUTHORIZATION)
            .map(|value| value.to_str().unwrap());
        let expected = format!(
            "Basic {}",
            STANDARD.encode("our-upstream-id:our-upstream-secret")
        );
        assert_eq!(
            basic.is_some_and(|basic| basic == expected),
            auth == UpstreamAuth::Basic
        );
        assert_eq!(
            form.contains_key("client_secret"),
            auth == UpstreamAuth::Post
        );
        assert_eq!(form.contains_key("client_id"), auth != UpstreamAuth::Basic);
        assert_eq!(form["audience"], "datahub");
        assert!(!form.contains_key("resource"));
    }
}

#[tokio::test]
async fn resource_and_extra_parameters_travel_on_where_configured() {
    let world = World::with(|settings| {
        settings.upstream.forward_resource = true;
        settings
            .upstream
            .authorize_params
            .push(("prompt".to_owned(), "login".to_owned()));
        settings.default_scopes.push("offline_access".to_owned());
    })
    .await;
    let client = world.register("x").await;
    let mut jar = Jar::default();
    let page = jar.authorize(&world, &good_request(&client)).await;
    let location = jar.decide(&world, &page, "approve").await.location();
    assert_eq!(param(&location, "resource").unwrap(), RESOURCE);
    assert_eq!(param(&location, "prompt").unwrap(), "login");
    assert_eq!(
        param(&location, "scope").unwrap(),
        "openid profile offline_access"
    );
}

/// glewlwyd and others refuse a request without one.
#[tokio::test]
async fn each_sign_in_sends_a_nonce_of_its_own() {
    let world = World::with(|settings| {
        let fixed = ("nonce".to_owned(), "the same for everybody".to_owned());
        settings.upstream.authorize_params.push(fixed);
    })
    .await;
    let client = world.register("x").await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..3 {
        let mut jar = Jar::default();
        let page = jar.authorize(&world, &good_request(&client)).await;
        let location = jar.decide(&world, &page, "approve").await.location();
        let nonce = param(&location, "nonce").unwrap();
        assert!(nonce.len() >= 16 && seen.insert(nonce));
    }
    world.idp.set(Mood::Nonce);
    let tokens = world.tokens(&client).await;
    assert_eq!(tokens["expires_in"], 3_600, "0 is not a lifetime");
    world.idp.set(Mood::OtherNonce);
    let refused = world.sign_in(&client, &mut Jar::default()).await;
    assert_eq!(refused.param("error").unwrap(), "server_error");
}

#[tokio::test]
async fn the_id_token_is_taken_where_configured() {
    let world = World::with(|settings| settings.upstream.token = UpstreamToken::IdToken).await;
    world.idp.set(Mood::IdToken);
    let client = world.register("x").await;
    let tokens = world.tokens(&client).await;
    let inner = world.open(&text(&tokens, "access_token")).await.unwrap();
    assert!(inner.starts_with("e30."), "{inner}");
    assert_eq!(
        tokens["expires_in"], 3600,
        "the access token's life is not the ID token's"
    );
}

/// OpenID Connect Core section 3.1.3.7: a nonce that was sent must come back.
#[tokio::test]
async fn an_id_token_without_the_nonce_is_not_taken() {
    let world = World::with(|settings| settings.upstream.token = UpstreamToken::IdToken).await;
    let client = world.register("x").await;
    for mood in [Mood::Good, Mood::OtherNonce] {
        world.idp.set(mood);
        let refused = world.sign_in(&client, &mut Jar::default()).await;
        assert_eq!(refused.param("error").unwrap(), "server_error", "{mood:?}");
    }
}

#[tokio::test]
async fn no_scope_means_the_default_and_a_slash_behind_the_resource_is_tolerated() {
    let world = World::new().await;
    let client = world.register("x").await;
    let mut jar = Jar::default();
    let mut request = good_request(&client);
    request.retain(|(name, _)| *name != "scope" && *name != "resource");
    request.push(("resource", "https://mcp.example.com/mcp/"));
    let page = jar.authorize(&world, &request).await;
    let location = jar.decide(&world, &page, "approve").await.location();
    assert_eq!(param(&location, "scope").unwrap(), "openid profile email");
    let back = jar
        .get(&world, &world.idp.sign_in(&location, "alice"))
        .await;
    let code = back.param("code").unwrap();
    let mut form = redemption(&client, &code);
    form.retain(|(name, _)| *name != "resource" && *name != "redirect_uri");
    let answer = world.post_form("/oauth/token", &form).await;
    assert_eq!(answer.json()["scope"], "openid profile email");
}

#[tokio::test]
async fn a_loopback_client_may_listen_on_another_port() {
    let world = World::new().await;
    let client = world.register("x").await;
    let elsewhere = "http://127.0.0.1:5555/callback";
    let mut jar = Jar::default();
    let mut request = good_request(&client);
    request.retain(|(name, _)| *name != "redirect_uri");
    request.push(("redirect_uri", elsewhere));
    let page = jar.authorize(&world, &request).await;
    let location = jar.decide(&world, &page, "approve").await.location();
    let back = jar
        .get(&world, &world.idp.sign_in(&location, "alice"))
        .await;
    assert!(back.location().as_str().starts_with(elsewhere));
    // At the token endpoint it is the one that was asked for.
    let code = back.param("code").unwrap();
    assert_eq!(world.redeem(&client, &code).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_configured_confidential_client_proves_itself() {
    let world = World::with(|settings| {
        settings.clients.push(crate::ConfiguredClient {
            client_id: "copilot studio".to_owned(),
            client_secret: Some(SecretString::from("s+cr/t & more".to_owned())),
            name: "Copilot Studio".to_owned(),
            redirect_uris: vec![REDIRECT.to_owned()],
        });
    })
    .await;
    let client = "copilot studio";
    let code = world.code(client, &mut Jar::default()).await;
    let mut form = redemption(client, &code);
    for secret in ["", "wrong", "s+cr/t & more "] {
        form.push(("client_secret", secret));
        assert_eq!(
            world.post_form("/oauth/token", &form).await.error(),
            "invalid_client"
        );
        form.pop();
    }
    form.push(("client_secret", "s+cr/t & more"));
    assert_eq!(
        world.post_form("/oauth/token", &form).await.status,
        StatusCode::OK
    );

    // The same by Basic, form-encoded as RFC 6749 says.
    let code = world.code(client, &mut Jar::default()).await;
    let mut form = redemption(client, &code);
    form.retain(|(name, _)| *name != "client_id");
    let credentials = STANDARD.encode("copilot+studio:s%2Bcr%2Ft+%26+more");
    let request = Request::post("/oauth/token")
        .header("authorization", format!("Basic {credentials}"))
        .body(Body::from(encode(&form)))
        .unwrap();
    assert_eq!(world.send(request).await.status, StatusCode::OK);
}

#[tokio::test]
async fn programs_in_browsers_may_call_from_anywhere_and_pages_may_not_be_read() {
    let world = World::new().await;
    for path in [
        "/.well-known/oauth-authorization-server",
        "/oauth/register",
        "/oauth/token",
        "/oauth/revoke",
    ] {
        let request = Request::builder()
            .method(Method::OPTIONS)
            .uri(path)
            .header("origin", "https://inspector.example")
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "content-type,mcp-protocol-version",
            )
            .body(Body::empty())
            .unwrap();
        let answer = world.send(request).await;
        assert!(answer.status.is_success(), "{path}");
        assert_eq!(answer.headers["access-control-allow-origin"], "*", "{path}");
        let allowed = answer.headers["access-control-allow-headers"]
            .to_str()
            .unwrap();
        assert!(allowed.contains("mcp-protocol-version"), "{path}");
    }
    let client = world.register("x").await;
    let page = Jar::default()
        .authorize(&world, &good_request(&client))
        .await;
    assert!(!page.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn with_sealed_only_no_other_token_is_passed_on() {
    let tokens = async |only: bool| {
        let world = World::with(|settings| settings.sealed_only = only).await;
        let client = world.register("x").await;
        let access = text(&world.tokens(&client).await, "access_token");
        let raw = SecretString::from(world.open(&access).await.unwrap());
        world.context.tokens.open(&raw).await
    };
    assert!(matches!(tokens(false).await, Opened::NotOurs));
    assert!(matches!(tokens(true).await, Opened::Invalid));
}
