//! Requests that strangers can send without signing in: sizes, floods, a store that fails.

use axum::http::{StatusCode, header};

use super::*;
use crate::{LimitSettings, store::FailingStore};

/// As many unfinished sign-ins as the store keeps in this test.
const CAPACITY: usize = 200;

fn unlimited(settings: &mut Setup) {
    settings.limits = LimitSettings {
        address_burst: 10_000_000,
        address_per_minute: 10_000_000,
        sign_in_burst: 10_000_000,
        sign_in_per_minute: 10_000_000,
    };
}

#[tokio::test]
async fn bad_registrations_are_refused_with_the_error_of_rfc_7591() {
    let world = World::new().await;
    let uri = |uri: &str| json!({ "redirect_uris": [uri] });
    let long: Vec<String> = (0..3)
        .map(|n| format!("https://app.example/{n}{}", "x".repeat(1_000)))
        .collect();
    for (asked, error) in [
        (json!({}), "invalid_redirect_uri"),
        (json!({ "redirect_uris": [] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": null }), "invalid_redirect_uri"),
        (uri("javascript:alert(1)"), "invalid_redirect_uri"),
        (
            uri("https://mcp.example.com/oauth/callback"),
            "invalid_redirect_uri",
        ),
        (
            json!({ "redirect_uris": ["http://intranet.example/cb", "data:text/html,x"] }),
            "invalid_redirect_uri",
        ),
        (json!({ "redirect_uris": long }), "invalid_client_metadata"),
        (
            json!({ "redirect_uris": { "uri": "https://app.example" } }),
            "invalid_client_metadata",
        ),
        (json!({ "redirect_uris": [1] }), "invalid_client_metadata"),
        (
            json!({ "redirect_uris": [REDIRECT], "grant_types": ["implicit"] }),
            "invalid_client_metadata",
        ),
        (
            json!({ "redirect_uris": [REDIRECT], "response_types": ["token"] }),
            "invalid_client_metadata",
        ),
        (json!([]), "invalid_client_metadata"),
    ] {
        let answer = world.post_json("/oauth/register", &asked).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{asked}");
        assert_eq!(answer.error(), error, "{asked}");
    }
}

/// RFC 7591 section 2 has an array; a client with one URI loses nothing without the brackets.
#[tokio::test]
async fn one_redirect_uri_needs_no_brackets() {
    let world = World::new().await;
    let asked = json!({ "redirect_uris": REDIRECT });
    let answer = world.post_json("/oauth/register", &asked).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.json()["redirect_uris"], json!([REDIRECT]));
    let bad = json!({ "redirect_uris": "javascript:alert(1)" });
    let answer = world.post_json("/oauth/register", &bad).await;
    assert_eq!(answer.error(), "invalid_redirect_uri");
}

/// RFC 7591 section 2: what is not needed may be left out. The answer says what was registered.
#[tokio::test]
async fn what_is_not_usable_is_left_out_of_a_registration() {
    let world = World::new().await;
    let plain = json!({ "redirect_uris": [REDIRECT], "client_name": "An app" });
    for (name, value) in [
        ("contacts", json!("ops@example.com")),
        ("client_name", json!(5)),
        ("client_name", json!({ "en": "An app" })),
        ("grant_types", json!("authorization_code")),
        ("grant_types", json!([1, null])),
        ("grant_types", json!([1, "authorization_code"])),
        ("response_types", json!({})),
        ("application_type", json!(["native"])),
        ("application_type", json!("desktop")),
        ("scope", json!(["openid"])),
        ("jwks", json!("none")),
        ("redirect_uris", json!([5, REDIRECT, null, {}])),
    ] {
        let mut asked = plain.clone();
        asked[name] = value.clone();
        let answer = world.post_json("/oauth/register", &asked).await;
        assert_eq!(
            answer.status,
            StatusCode::CREATED,
            "{name} {value}: {}",
            answer.body
        );
        let registered = answer.json();
        assert_eq!(registered["redirect_uris"], json!([REDIRECT]), "{name}");
        assert!(registered.get("contacts").is_none() && registered.get("jwks").is_none());
        assert!(
            registered.get("application_type").is_none(),
            "{answer}",
            answer = answer.body
        );
        let kept = registered.get("client_name").is_some();
        assert_eq!(kept, name != "client_name", "{}", answer.body);
        let client = text(&registered, "client_id");
        let page = Jar::default()
            .authorize(&world, &good_request(&client))
            .await;
        assert!(page.is_page(StatusCode::OK), "{name}");
    }
}

#[tokio::test]
async fn of_very_many_redirect_uris_the_first_usable_ones_are_registered() {
    let world = World::new().await;
    let mut asked: Vec<String> = (0..30)
        .map(|n| format!("https://app.example/{n}"))
        .collect();
    asked.insert(0, "http://intranet.example/cb".to_owned());
    let first = json!(asked[1..11]);
    let answer = world
        .post_json("/oauth/register", &json!({ "redirect_uris": asked }))
        .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    assert_eq!(answer.json()["redirect_uris"], first);
}

/// RFC 7591 section 3.2.1: the answer lists what was registered.
#[tokio::test]
async fn a_redirect_uri_that_is_not_allowed_does_not_cost_the_others() {
    let world = World::new().await;
    for bad in [
        "http://intranet.example/cb",
        "https://app.example/cb#x",
        "windsurf://codeium.windsurf/oauth",
        "data:text/html,x",
        "javascript:alert(1)",
        "https://mcp.example.com/oauth/callback",
        "",
    ] {
        for asked in [json!([REDIRECT, bad]), json!([bad, REDIRECT])] {
            let asked = json!({ "redirect_uris": asked });
            let answer = world.post_json("/oauth/register", &asked).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{bad}");
            assert_eq!(answer.json()["redirect_uris"], json!([REDIRECT]), "{bad}");
            let client = text(&answer.json(), "client_id");
            let mut request = good_request(&client);
            let page = Jar::default().authorize(&world, &request).await;
            assert!(page.is_page(StatusCode::OK), "{bad}");
            request.retain(|(name, _)| *name != "redirect_uri");
            request.push(("redirect_uri", bad));
            let page = Jar::default().authorize(&world, &request).await;
            assert!(page.is_page(StatusCode::BAD_REQUEST), "{bad}");
        }
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_as_json() {
    let world = World::new().await;
    for path in ["/oauth/register", "/oauth/token", "/oauth/revoke"] {
        let request = Request::post(path)
            .body(Body::from(vec![b'x'; 65 * 1_024]))
            .unwrap();
        let answer = world.send(request).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        assert_eq!(answer.error(), "invalid_request", "{path}");
    }
    let client = world.register("x").await;
    let mut request = good_request(&client);
    let long = "x".repeat(20_000);
    request.push(("x", &long));
    let answer = Jar::default().authorize(&world, &request).await;
    assert!(answer.is_page(StatusCode::BAD_REQUEST));
}

#[tokio::test]
async fn bad_token_requests_are_json_and_not_cached() {
    let world = World::new().await;
    let client = world.register("x").await;
    for (form, status, error) in [
        (&[][..], StatusCode::BAD_REQUEST, "invalid_request"),
        (
            &[("client_id", "nobody")][..],
            StatusCode::UNAUTHORIZED,
            "invalid_client",
        ),
        (
            &[("client_id", &*client)][..],
            StatusCode::BAD_REQUEST,
            "invalid_request",
        ),
        (
            &[("client_id", &*client), ("grant_type", "password")][..],
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
        ),
        (
            &[("client_id", &*client), ("client_id", &*client)][..],
            StatusCode::BAD_REQUEST,
            "invalid_request",
        ),
    ] {
        let answer = world.post_form("/oauth/token", form).await;
        assert_eq!(
            (answer.status, &*answer.error()),
            (status, error),
            "{form:?}"
        );
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    }
}

#[tokio::test]
async fn too_many_requests_of_one_address_are_429_and_others_go_on() {
    let world = World::with(|settings| {
        settings.limits.address_burst = 5;
        // So slow that a busy machine is not allowed another request in between.
        settings.limits.address_per_minute = 1;
    })
    .await;
    let client = world.register("x").await;
    let page = format!("/oauth/authorize?{}", encode(&good_request(&client)));
    for (path, method) in [
        (&*page, "GET"),
        ("/oauth/token", "POST"),
        ("/oauth/register", "POST"),
    ] {
        let request = || {
            Request::builder()
                .method(method)
                .uri(path)
                .body(Body::empty())
                .unwrap()
        };
        let mut last = world.send(request()).await;
        for _ in 0..5 {
            last = world.send(request()).await;
        }
        assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert!(last.headers.contains_key(header::RETRY_AFTER), "{path}");
        let other = world.send_from("192.0.2.9", request()).await;
        assert_ne!(other.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
}

/// S-17: a flood of unfinished sign-ins stays within its cap, and people's sign-ins still finish.
#[tokio::test]
async fn a_flood_of_unfinished_sign_ins_pushes_out_its_own_kind() {
    let store: Arc<parking_lot::Mutex<Option<Arc<MemoryStore>>>> = Arc::default();
    let keep = Arc::clone(&store);
    let world = World::with_store(unlimited, move |clock| {
        let store = Arc::new(MemoryStore::new(clock, CAPACITY));
        *keep.lock() = Some(Arc::clone(&store));
        store
    })
    .await;
    let store = store.lock().clone().unwrap();

    let person = world.register("person").await;
    let mut jar = Jar::default();
    let page = jar.authorize(&world, &good_request(&person)).await;
    let upstream = jar.decide(&world, &page, "approve").await;

    let flooder = world.register("flooder").await;
    let mut flood = Jar::default();
    let page = flood.authorize(&world, &good_request(&flooder)).await;
    flood.decide(&world, &page, "approve").await;
    let path = format!("/oauth/authorize?{}", encode(&good_request(&flooder)));
    for _ in 0..3 * CAPACITY {
        let answer = flood.get_from(&world, "198.51.100.1", &path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(store.transactions(), CAPACITY);

    let back = jar
        .get(&world, &world.idp.sign_in(&upstream.location(), "alice"))
        .await;
    let answer = world.redeem(&person, &back.param("code").unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK, "who was on the way arrives");
}

/// F-09: a store that fails is 503, never 200.
#[tokio::test]
async fn a_store_that_fails_lets_nobody_through() {
    let world = World::with_store(|_| {}, |_| Arc::new(FailingStore)).await;
    let client = world.register("x").await;
    let mut jar = Jar::default();
    let page = jar.authorize(&world, &good_request(&client)).await;
    let answer = jar.decide(&world, &page, "approve").await;
    assert!(answer.is_page(StatusCode::SERVICE_UNAVAILABLE));
    let path = format!("/oauth/callback?code=x&state={}", "A".repeat(43));
    assert!(
        jar.get(&world, &path)
            .await
            .is_page(StatusCode::SERVICE_UNAVAILABLE)
    );
    let answer = world.redeem(&client, &"A".repeat(43)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.error(), "temporarily_unavailable");

    // A valid refresh token of a server with the same keys and a store that works.
    let good = World::new().await;
    let client = good.register("x").await;
    let tokens = good.tokens(&client).await;
    for (path, name) in [
        ("/oauth/token", "refresh_token"),
        ("/oauth/revoke", "token"),
    ] {
        let token = text(&tokens, "refresh_token");
        let form = [
            ("grant_type", "refresh_token"),
            (name, &*token),
            ("client_id", &*client),
        ];
        let answer = world.post_form(path, &form).await;
        assert_eq!(
            answer.status,
            StatusCode::SERVICE_UNAVAILABLE,
            "{path}: {}",
            answer.body
        );
    }
}
