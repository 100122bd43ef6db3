//! Requests that are wrong, and who gets the error.

use axum::http::StatusCode;

use super::*;

/// Everything that is wrong with an authorization request before the redirect URI is proven ends
/// on our own page, whatever else it holds.
#[tokio::test]
async fn nothing_is_sent_to_an_unproven_address() {
    let world = World::new().await;
    let client = world.register("x").await;
    let replaced = |name: &'static str, value: Option<&'static str>| {
        let mut request = good_request(&client);
        request.retain(|(key, _)| *key != name);
        request.extend(value.map(|value| (name, value)));
        request
    };
    let evil = "https://evil.example/callback";
    let mut twice_client = good_request(&client);
    twice_client.push(("client_id", "another"));
    let mut twice_uri = good_request(&client);
    twice_uri.push(("redirect_uri", evil));
    let mut twice_same = good_request(&client);
    twice_same.push(("redirect_uri", REDIRECT));
    for request in [
        replaced("client_id", None),
        replaced("client_id", Some("unknown")),
        replaced("client_id", Some("mcp_client_AAAA")),
        replaced("redirect_uri", None),
        replaced("redirect_uri", Some(evil)),
        replaced("redirect_uri", Some("http://127.0.0.1:33418/callback/")),
        replaced("redirect_uri", Some("http://127.0.0.1:33418/other")),
        replaced("redirect_uri", Some("http://localhost:33418/callback")),
        replaced("redirect_uri", Some("http://127.0.0.1:33418/callback?x=y")),
        replaced(
            "redirect_uri",
            Some("http://127.0.0.1:33418@evil.example/callback"),
        ),
        replaced(
            "redirect_uri",
            Some("https://mcp.example.com/oauth/callback"),
        ),
        twice_client,
        twice_uri,
        twice_same,
    ] {
        let answer = Jar::default().authorize(&world, &request).await;
        assert!(answer.is_page(StatusCode::BAD_REQUEST), "{request:?}");
        assert!(!answer.body.contains("evil.example"), "{request:?}");
    }
}

/// S-05: everything else is reported to the client, with `iss` and its `state`.
#[tokio::test]
async fn bad_requests_of_proven_clients_are_told_to_them() {
    let world = World::new().await;
    let client = world.register("x").await;
    let long = "s".repeat(2_049);
    let cases: Vec<(&str, Option<&str>, &str)> = vec![
        ("response_type", None, "invalid_request"),
        ("response_type", Some("token"), "unsupported_response_type"),
        (
            "response_type",
            Some("code token"),
            "unsupported_response_type",
        ),
        ("response_type", Some("none"), "unsupported_response_type"),
        ("response_mode", Some("fragment"), "invalid_request"),
        ("response_mode", Some("form_post"), "invalid_request"),
        ("code_challenge", None, "invalid_request"),
        ("code_challenge", Some("short"), "invalid_request"),
        (
            "code_challenge",
            Some("not base64url but of the right length ....."),
            "invalid_request",
        ),
        ("code_challenge_method", None, "invalid_request"),
        ("code_challenge_method", Some("plain"), "invalid_request"),
        ("code_challenge_method", Some("s256"), "invalid_request"),
        (
            "resource",
            Some("https://other.example/mcp"),
            "invalid_target",
        ),
        (
            "resource",
            Some("https://mcp.example.com/mcp//"),
            "invalid_target",
        ),
        (
            "resource",
            Some("https://mcp.example.com/mcp?x"),
            "invalid_target",
        ),
        (
            "resource",
            Some("https://mcp.example.com/other"),
            "invalid_target",
        ),
        (
            "resource",
            Some("http://mcp.example.com/mcp"),
            "invalid_target",
        ),
        (
            "resource",
            Some("https://mcp.example.com:8443/mcp"),
            "invalid_target",
        ),
        (
            "resource",
            Some("https://mcp.example.com.evil.example/mcp"),
            "invalid_target",
        ),
        (
            "resource",
            Some("https://x@mcp.example.com/mcp"),
            "invalid_target",
        ),
        (
            "resource",
            Some("https://mcp.example.com/mcp#"),
            "invalid_target",
        ),
        ("resource", Some("mcp.example.com"), "invalid_target"),
        ("resource", Some("urn:x"), "invalid_target"),
        (
            "request",
            Some("eyJhbGciOiJub25lIn0.e30."),
            "request_not_supported",
        ),
        (
            "request_uri",
            Some("https://evil.example/r"),
            "request_uri_not_supported",
        ),
        ("state", Some(&long), "invalid_request"),
    ];
    for (name, value, error) in cases {
        let mut request = good_request(&client);
        request.retain(|(key, _)| *key != name);
        request.extend(value.map(|value| (name, value)));
        let answer = Jar::default().authorize(&world, &request).await;
        assert!(
            answer.location().as_str().starts_with(REDIRECT),
            "{name} {value:?}"
        );
        assert_eq!(answer.param("error").unwrap(), error, "{name} {value:?}");
        assert_eq!(answer.param("iss").unwrap(), ISSUER);
        if name != "state" {
            assert_eq!(answer.param("state").unwrap(), "the client's state");
        }
        let description = answer.param("error_description").unwrap();
        assert!(
            !description.contains("scope="),
            "clients take that for a challenge"
        );
    }
    for name in ["state", "scope", "code_challenge", "response_type", "nonce"] {
        let mut request = good_request(&client);
        request.push((name, "again"));
        request.push((name, "and again"));
        let answer = Jar::default().authorize(&world, &request).await;
        assert_eq!(
            answer.param("error").unwrap(),
            "invalid_request",
            "{name} twice"
        );
    }
    // CVE-2025-69196: two resources, one of them ours.
    let mut request = good_request(&client);
    request.push(("resource", "https://other.example/mcp"));
    let answer = Jar::default().authorize(&world, &request).await;
    assert_eq!(answer.param("error").unwrap(), "invalid_target");
}

#[tokio::test]
async fn a_token_for_another_resource_is_not_issued() {
    let world = World::new().await;
    let client = world.register("x").await;
    let code = world.code(&client, &mut Jar::default()).await;
    let mut form = redemption(&client, &code);
    form.retain(|(name, _)| *name != "resource");
    form.push(("resource", "https://other.example/mcp"));
    assert_eq!(
        world.post_form("/oauth/token", &form).await.error(),
        "invalid_target"
    );
}

/// One server has one resource, however clients spell it.
#[tokio::test]
async fn every_spelling_of_our_resource_is_ours() {
    let prefixed = World::with(|settings| {
        settings.public_url = PublicUrl::parse("https://example.com/data/mcp").unwrap();
    });
    let (root, prefixed) = (World::new().await, prefixed.await);
    for (world, resource) in [
        (&root, "https://mcp.example.com"),
        (&root, "https://mcp.example.com/"),
        (&root, "https://mcp.example.com/mcp/"),
        (&root, "https://mcp.example.com:443/mcp"),
        (&root, "HTTPS://MCP.Example.COM:443/"),
        (&prefixed, "https://example.com"),
        (&prefixed, "https://example.com/data"),
        (&prefixed, "https://example.com/data/"),
        (&prefixed, "https://EXAMPLE.com:443/data/mcp/"),
    ] {
        let client = world.register("x").await;
        let mut request = good_request(&client);
        request.retain(|(name, _)| *name != "resource");
        request.push(("resource", resource));
        let page = Jar::default().authorize(world, &request).await;
        assert!(page.is_page(StatusCode::OK), "{resource}: {}", page.body);
    }
    // The same at the token endpoint.
    let client = root.register("x").await;
    let code = root.code(&client, &mut Jar::default()).await;
    let mut form = redemption(&client, &code);
    form.retain(|(name, _)| *name != "resource");
    form.push(("resource", "https://mcp.example.com/"));
    let answer = root.post_form("/oauth/token", &form).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

/// A client that was told one name of this computer names the server by another.
#[tokio::test]
async fn on_loopback_the_names_of_the_computer_are_one() {
    for ours in ["http://localhost:8000", "http://127.0.0.1:8000"] {
        let world = World::with(|settings| {
            settings.public_url = PublicUrl::parse(ours).unwrap();
        })
        .await;
        let client = world.register("x").await;
        for (resource, is_ours) in [
            ("http://localhost:8000/mcp", true),
            ("http://127.0.0.1:8000/mcp", true),
            ("http://127.0.0.1:8000", true),
            ("http://[::1]:8000/mcp/", true),
            ("http://127.0.0.1:8001/mcp", false),
            ("https://localhost:8000/mcp", false),
            ("http://localhost:8000/other", false),
            ("http://localhost.example:8000/mcp", false),
            ("http://192.0.2.1:8000/mcp", false),
        ] {
            let mut request = good_request(&client);
            request.retain(|(name, _)| *name != "resource");
            request.push(("resource", resource));
            let page = Jar::default().authorize(&world, &request).await;
            assert_eq!(
                page.is_page(StatusCode::OK),
                is_ours,
                "{resource} at {ours}"
            );
        }
    }
    // Elsewhere a name of the computer is none of ours.
    let world = World::new().await;
    let client = world.register("x").await;
    let mut request = good_request(&client);
    request.retain(|(name, _)| *name != "resource");
    request.push(("resource", "https://localhost/mcp"));
    let back = Jar::default().authorize(&world, &request).await;
    assert_eq!(back.param("error").unwrap(), "invalid_target");
}

/// Clients ask for scopes by habit (RFC 6749 section 3.3).
#[tokio::test]
async fn scopes_that_are_not_offered_are_left_out() {
    let world = World::new().await;
    let client = world.register("x").await;
    for (asked, granted) in [
        ("openid read write", "openid"),
        ("mcp:read", "openid profile email"),
        ("  email  openid email admin", "email openid"),
        ("openid offline_access", "openid offline_access"),
        ("offline_access x", "openid profile email offline_access"),
    ] {
        let mut request = good_request(&client);
        request.retain(|(name, _)| *name != "scope");
        request.push(("scope", asked));
        let mut jar = Jar::default();
        let page = jar.authorize(&world, &request).await;
        let location = jar.decide(&world, &page, "approve").await.location();
        assert_eq!(param(&location, "scope").unwrap(), granted, "{asked}");
        let back = jar
            .get(&world, &world.idp.sign_in(&location, "alice"))
            .await;
        let code = back.param("code").unwrap();
        let tokens = world.redeem(&client, &code).await.json();
        assert_eq!(tokens["scope"], granted, "the answer says what was granted");
        // At a refresh, the client names what it named before.
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &*text(&tokens, "refresh_token")),
            ("client_id", &client),
            ("scope", asked),
        ];
        let answer = world.post_form("/oauth/token", &form).await;
        assert_eq!(answer.status, StatusCode::OK, "{asked}: {}", answer.body);
    }
}

/// RFC 9700 section 4.11.2: whoever registers a client would have a link of ours that leads to a page of theirs.
#[tokio::test]
async fn nobody_is_sent_to_a_strangers_page_before_they_agree() {
    let world = World::with(|settings| {
        settings.clients.push(crate::ConfiguredClient {
            client_id: "known".to_owned(),
            client_secret: None,
            name: "Known".to_owned(),
            redirect_uris: vec!["https://known.example/cb".to_owned()],
        });
    })
    .await;
    let body = json!({ "redirect_uris": ["https://stranger.example/cb?a=1&b=2", REDIRECT] });
    let registered = world.post_json("/oauth/register", &body).await.json();
    let stranger = text(&registered, "client_id");
    let described = world.idp.serve_document(
        "client.test",
        |url| json!({ "client_id": url, "redirect_uris": ["https://stranger.example/cb"] }),
    );
    let ask = async |client: &str, uri: &str| {
        let mut request = good_request(client);
        request.retain(|(name, _)| !matches!(*name, "redirect_uri" | "code_challenge_method"));
        request.push(("redirect_uri", uri));
        Jar::default().authorize(&world, &request).await
    };
    for (client, uri) in [
        (&stranger, "https://stranger.example/cb?a=1&b=2"),
        (&described, "https://stranger.example/cb"),
    ] {
        let page = ask(client, uri).await;
        assert!(page.is_page(StatusCode::BAD_REQUEST), "{:?}", page.headers);
        // The person may go on, and the app is told.
        assert!(page.body.contains("stranger.example"), "{}", page.body);
        let link = page.body.split("href=\"").nth(1).unwrap();
        let link = link.split('"').next().unwrap().replace("&#38;", "&");
        let link = Url::parse(&link).unwrap();
        assert!(link.as_str().starts_with(uri), "{link}");
        assert_eq!(param(&link, "error").as_deref(), Some("invalid_request"));
        assert_eq!(param(&link, "iss").as_deref(), Some(ISSUER));
        assert_eq!(param(&link, "state").as_deref(), Some("the client's state"));
    }
    // What stays on the person's computer, and what the operator knows, is told at once.
    for (client, uri) in [
        (&*stranger, REDIRECT),
        ("known", "https://known.example/cb"),
    ] {
        let answer = ask(client, uri).await;
        assert_eq!(answer.param("error").as_deref(), Some("invalid_request"));
    }
}
