//! Clients that are a URL: Client ID Metadata Documents.

use axum::http::StatusCode;

use super::*;

fn document(url: &str) -> Value {
    json!({
        "client_id": url,
        "client_name": "Claude",
        "redirect_uris": ["https://claude.ai/api/mcp/auth_callback", REDIRECT],
        "token_endpoint_auth_method": "none",
        "logo_uri": "https://claude.ai/logo.png",
    })
}

#[tokio::test]
async fn a_client_that_is_a_url_signs_in() {
    let world = World::new().await;
    let client = world.idp.serve_document("client.test", document);
    let mut jar = Jar::default();
    let page = jar.authorize(&world, &good_request(&client)).await;
    assert!(page.body.contains("Claude"));
    assert!(
        page.body.contains("client.test"),
        "who vouches for it is shown"
    );
    let code = world.code(&client, &mut jar).await;
    assert_eq!(world.redeem(&client, &code).await.status, StatusCode::OK);
    assert_eq!(world.idp.fetches(), 1, "kept");
}

#[tokio::test]
async fn its_document_decides_where_answers_go() {
    let world = World::new().await;
    let client = world.idp.serve_document("client.test", document);
    for uri in [
        "https://claude.ai/other",
        "https://evil.example/",
        "javascript:alert(1)",
    ] {
        let mut request = good_request(&client);
        request.retain(|(name, _)| *name != "redirect_uri");
        request.push(("redirect_uri", uri));
        let answer = Jar::default().authorize(&world, &request).await;
        assert!(answer.is_page(StatusCode::BAD_REQUEST), "{uri}");
    }
}

#[tokio::test]
async fn a_client_that_could_be_any_local_program_comes_with_a_warning() {
    let world = World::new().await;
    let local = |url: &str| json!({ "client_id": url, "redirect_uris": [REDIRECT] });
    let client = world.idp.serve_document("local.test", local);
    let page = Jar::default()
        .authorize(&world, &good_request(&client))
        .await;
    assert!(
        page.body.contains("Did you just start this?"),
        "{}",
        page.body
    );
    let client = world.idp.serve_document("hosted.test", document);
    let page = Jar::default()
        .authorize(&world, &good_request(&client))
        .await;
    assert!(!page.body.contains("Did you just start this?"));
}

#[tokio::test]
async fn a_document_of_another_client_or_shape_is_refused() {
    let world = World::new().await;
    let with = |name: &'static str, value: Value| {
        move |url: &str| {
            let mut document = document(url);
            document[name] = value;
            document
        }
    };
    type Fill = Box<dyn FnOnce(&str) -> Value>;
    let cases: [(&str, Fill); 7] = [
        (
            "a.test",
            Box::new(with(
                "client_id",
                json!("https://other.example/client.json"),
            )),
        ),
        ("b.test", Box::new(with("redirect_uris", json!([])))),
        (
            "c.test",
            Box::new(with("redirect_uris", json!("https://claude.ai"))),
        ),
        (
            "d.test",
            Box::new(with("token_endpoint_auth_method", json!("private_key_jwt"))),
        ),
        ("e.test", Box::new(|_: &str| json!("not an object"))),
        (
            "f.test",
            Box::new(with("logo_uri", json!("x".repeat(6_000)))),
        ),
        ("g.test", Box::new(|_: &str| json!({}))),
    ];
    for (name, fill) in cases {
        let client = world.idp.serve_document(name, fill);
        let answer = Jar::default()
            .authorize(&world, &good_request(&client))
            .await;
        assert!(answer.is_page(StatusCode::BAD_REQUEST), "{name}");
    }
}

/// Returns whether the metadata offers documents.
async fn offered(world: &World) -> bool {
    let request = Request::get("/.well-known/oauth-authorization-server");
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    let metadata = answer.json();
    assert!(metadata["registration_endpoint"].is_string(), "{metadata}");
    metadata["client_id_metadata_document_supported"]
        .as_bool()
        .unwrap()
}

#[tokio::test]
async fn they_are_not_offered_while_no_host_of_theirs_can_be_reached() {
    let world = World::new().await;
    let page = async |host: &str| {
        // Nobody listens there.
        let client = format!("http://{host}:1/client.json");
        let request = good_request(&client);
        let answer = Jar::default().authorize(&world, &request).await;
        assert!(answer.is_page(StatusCode::BAD_REQUEST));
        answer.body
    };
    assert!(offered(&world).await);
    let body = page("a.test").await;
    assert!(
        body.contains("Tell the people who run this server"),
        "{body}"
    );
    assert!(offered(&world).await, "one failure may be that host's own");
    let body = page("b.test").await;
    assert!(body.contains("it can register itself now"), "{body}");
    assert!(!body.contains("who make the app"), "{body}");
    assert!(!offered(&world).await);
    // Who registers goes on.
    let client = world.register("x").await;
    world.tokens(&client).await;
    // A document that can be fetched brings the offer back.
    let client = world.idp.serve_document("client.test", document);
    world.code(&client, &mut Jar::default()).await;
    assert!(offered(&world).await);
    // From then on, hosts that strangers name do not count while that one answers.
    page("c.test").await;
    page("d.test").await;
    assert!(offered(&world).await);
}

#[tokio::test]
async fn where_they_are_switched_off_or_of_another_domain_they_are_unknown() {
    let world = World::with(|settings| settings.client_metadata.enabled = false).await;
    let client = world.idp.serve_document("client.test", document);
    let answer = Jar::default()
        .authorize(&world, &good_request(&client))
        .await;
    assert!(answer.is_page(StatusCode::BAD_REQUEST));
    assert_eq!(world.refresh(&client, "x").await.error(), "invalid_client");

    let world = World::with(|settings| {
        settings.client_metadata.allowed_domains = vec!["good.test".to_owned()];
    })
    .await;
    for (name, known) in [
        ("good.test", true),
        ("sub.good.test", true),
        ("evilgood.test", false),
        ("good.test.evil.test", false),
        ("127.0.0.1", false),
    ] {
        let client = world.idp.serve_document(name, document);
        let answer = Jar::default()
            .authorize(&world, &good_request(&client))
            .await;
        assert_eq!(answer.status == StatusCode::OK, known, "{name}");
    }
    assert_eq!(world.idp.fetches(), 2);
}
