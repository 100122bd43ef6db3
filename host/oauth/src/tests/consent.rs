//! The consent page: when it is shown, what it shows, and which answers it accepts.

use axum::http::{StatusCode, header};

use super::{browser::form_of, *};

#[tokio::test]
async fn the_page_says_who_asks_for_what_and_keeps_out_of_frames_and_caches() {
    let world = World::new().await;
    let client = world.register("<b>Evil</b> & \"Co\"\u{202e}").await;
    let page = Jar::default()
        .authorize(&world, &good_request(&client))
        .await;
    assert!(page.is_page(StatusCode::OK));
    assert!(!page.body.contains("<b>Evil"), "escaped");
    assert!(!page.body.contains('\u{202e}'), "no change of direction");
    for shown in [
        "127.0.0.1:33418",
        "Know who you are",
        "See your name",
        "Evil",
    ] {
        assert!(page.body.contains(shown), "{shown} in {}", page.body);
    }
    assert_eq!(page.headers["x-frame-options"], "DENY");
    assert_eq!(page.headers["cache-control"], "no-store");
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert!(
        !policy.contains("form-action"),
        "Chrome applies it to redirects: {policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!page.body.contains("<script"));
}

#[tokio::test]
async fn cookies_are_for_this_host_and_this_browser_alone() {
    let world = World::new().await;
    let client = world.register("x").await;
    let page = Jar::default()
        .authorize(&world, &good_request(&client))
        .await;
    let cookie = page.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-"), "{cookie}");
    for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(
            cookie.split("; ").any(|part| part == attribute),
            "{attribute} in {cookie}"
        );
    }
    // Browsers send cookies of a host to all its ports: each server has a name of its own.
    let mut names = std::collections::HashSet::new();
    for url in [
        "http://127.0.0.1:8000",
        "http://127.0.0.1:8001",
        "http://127.0.0.1:8000/mcp-two",
    ] {
        let world = World::with(|settings| {
            settings.public_url = PublicUrl::parse(url).unwrap();
        })
        .await;
        let client = world.register("x").await;
        let mut request = good_request(&client);
        request.retain(|(name, _)| *name != "resource");
        let page = Jar::default().authorize(&world, &request).await;
        let cookie = page.headers[header::SET_COOKIE].to_str().unwrap();
        assert!(!cookie.contains("Secure"), "{cookie}");
        let (name, _) = cookie.split_once('=').unwrap();
        assert!(name.starts_with("datahub-mcp-"), "{cookie}");
        assert!(names.insert(name.to_owned()), "{cookie} of two servers");
    }
}

#[tokio::test]
async fn it_is_asked_once_for_each_client_and_browser() {
    let world = World::new().await;
    let mut jar = Jar::default();
    let first = world.register("first").await;
    world.code(&first, &mut jar).await;

    let again = jar.authorize(&world, &good_request(&first)).await;
    assert!(
        again.location().as_str().starts_with(world.idp.issuer()),
        "not asked again"
    );
    // Another client is asked for, even of the same name and address (GHSA-c2jp-c369-7pvx).
    let second = world.register("first").await;
    assert!(
        jar.authorize(&world, &good_request(&second))
            .await
            .is_page(StatusCode::OK)
    );
    // So is the same client in another browser, for more scopes, for another destination.
    assert!(
        Jar::default()
            .authorize(&world, &good_request(&first))
            .await
            .is_page(StatusCode::OK)
    );
    let mut more = good_request(&first);
    more.retain(|(name, _)| *name != "scope");
    more.push(("scope", "openid profile email"));
    assert!(jar.authorize(&world, &more).await.is_page(StatusCode::OK));
    let mut asked = good_request(&first);
    asked.push(("prompt", "consent"));
    assert!(jar.authorize(&world, &asked).await.is_page(StatusCode::OK));
    // After a month it is asked again.
    world.clock.advance(Duration::from_secs(31 * 24 * 3_600));
    assert!(
        jar.authorize(&world, &good_request(&first))
            .await
            .is_page(StatusCode::OK)
    );
}

/// GHSA-6x8h-498w-gv8c: a hostile server names our endpoint as its own and leads the browser there.
#[tokio::test]
async fn a_page_of_another_site_does_not_get_past_the_page() {
    let world = World::with(|settings| {
        settings.clients.push(crate::ConfiguredClient {
            client_id: "shared".to_owned(),
            client_secret: None,
            name: "An editor of many servers".to_owned(),
            redirect_uris: vec![REDIRECT.to_owned()],
        });
    })
    .await;
    let mut jar = Jar::default();
    world.code("shared", &mut jar).await;
    let request = good_request("shared");
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "None")],
        &[("sec-fetch-site", "")],
        &[("referer", "https://other.example/")],
        &[],
    ] {
        let page = jar.navigate(&world, &request, headers).await;
        assert!(page.is_page(StatusCode::OK), "{headers:?}: {}", page.status);
        let upstream = jar.decide(&world, &page, "approve").await;
        assert!(upstream.location().as_str().starts_with(world.idp.issuer()));
    }
    for site in ["none", "same-origin"] {
        let headers = [("sec-fetch-site", site)];
        let on = jar.navigate(&world, &request, &headers).await.location();
        assert!(on.as_str().starts_with(world.idp.issuer()), "{site}");
    }
}

#[tokio::test]
async fn it_is_asked_each_time_where_the_operator_wants_that() {
    let world = World::with(|settings| settings.remember_consent = false).await;
    let client = world.register("x").await;
    let mut jar = Jar::default();
    for _ in 0..2 {
        let page = jar.authorize(&world, &good_request(&client)).await;
        assert!(page.is_page(StatusCode::OK), "{}", page.status);
        let upstream = jar.decide(&world, &page, "approve").await;
        let path = world.idp.sign_in(&upstream.location(), "alice");
        assert!(jar.get(&world, &path).await.param("code").is_some());
    }
}

#[tokio::test]
async fn looking_at_the_page_changes_nothing_and_earlier_pages_stay_good() {
    let world = World::new().await;
    let client = world.register("x").await;
    let mut jar = Jar::default();
    let first = jar.authorize(&world, &good_request(&client)).await;
    // fastmcp probes the URL without cookies; browsers prefetch it with them.
    Jar::default()
        .authorize(&world, &good_request(&client))
        .await;
    jar.authorize(&world, &good_request(&client)).await;
    let upstream = jar.decide(&world, &first, "approve").await;
    let path = world.idp.sign_in(&upstream.location(), "alice");
    assert!(jar.get(&world, &path).await.param("code").is_some());
    // Back to the page and once more: a sign-in of its own.
    let upstream = jar.decide(&world, &first, "approve").await;
    let path = world.idp.sign_in(&upstream.location(), "alice");
    assert!(jar.get(&world, &path).await.param("code").is_some());
}

#[tokio::test]
async fn saying_no_is_told_to_the_client() {
    let world = World::new().await;
    let client = world.register("x").await;
    let mut jar = Jar::default();
    let page = jar.authorize(&world, &good_request(&client)).await;
    let back = jar.decide(&world, &page, "cancel").await;
    assert!(back.location().as_str().starts_with(REDIRECT));
    assert_eq!(back.param("error").unwrap(), "access_denied");
    assert_eq!(back.param("state").unwrap(), "the client's state");
    assert_eq!(back.param("iss").unwrap(), ISSUER);
    assert!(back.param("code").is_none());
    // And nothing is remembered.
    assert!(
        jar.authorize(&world, &good_request(&client))
            .await
            .is_page(StatusCode::OK)
    );
}

#[tokio::test]
async fn a_no_at_the_provider_is_told_to_the_client_without_its_tricks() {
    let world = World::new().await;
    let client = world.register("x").await;
    let mut jar = Jar::default();
    let page = jar.authorize(&world, &good_request(&client)).await;
    let upstream = jar.decide(&world, &page, "approve").await;
    let back = jar.get(&world, &world.idp.deny(&upstream.location())).await;
    assert_eq!(back.param("error").unwrap(), "access_denied");
    assert_eq!(
        back.param("error_description").unwrap(),
        "no thanksSet-Cookie: x=y"
    );
    assert_eq!(back.param("error_uri"), None);
    assert_eq!(back.param("iss").unwrap(), ISSUER, "ours, once");
    assert_eq!(back.param("state").unwrap(), "the client's state");
}

#[tokio::test]
async fn an_approval_from_another_place_is_refused() {
    let world = World::new().await;
    let client = world.register("x").await;
    let mut jar = Jar::default();
    let page = jar.authorize(&world, &good_request(&client)).await;
    let form = form_of(&page.body);
    let good = [("request", &*form), ("decision", "approve")];
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "cross-site"), ("origin", ISSUER)],
        &[("origin", "https://evil.example")],
        &[("origin", "https://mcp.example.com.evil.example")],
    ] {
        let answer = jar.submit(&world, &good, headers).await;
        assert!(answer.is_page(StatusCode::FORBIDDEN), "{headers:?}");
    }
    // Without the sealed form, with a made-up one, with another kind of envelope, undecided.
    for fields in [
        &[("decision", "approve")][..],
        &[("decision", "approve"), ("request", "mcp_form_AAAA")],
        &[("decision", "approve"), ("request", &client)],
        &[("decision", "perhaps"), ("request", &form)],
        &[
            ("decision", "approve"),
            ("decision", "cancel"),
            ("request", &form),
        ],
    ] {
        let answer = jar
            .submit(&world, fields, &[("sec-fetch-site", "same-origin")])
            .await;
        assert!(answer.is_page(StatusCode::BAD_REQUEST), "{fields:?}");
    }
    // The form of one browser in another: asked again there, with a form of its own.
    let mut other = Jar::default();
    let answer = other
        .submit(&world, &good, &[("sec-fetch-site", "same-origin")])
        .await;
    assert!(answer.is_page(StatusCode::FORBIDDEN));
    assert!(answer.body.contains("decide once more"));
    let answer = other.decide(&world, &answer, "approve").await;
    assert!(answer.location().as_str().starts_with(world.idp.issuer()));
    // And after it has expired.
    world.clock.advance(Duration::from_secs(1_801));
    let answer = jar
        .submit(&world, &good, &[("sec-fetch-site", "same-origin")])
        .await;
    assert!(answer.is_page(StatusCode::BAD_REQUEST));
}

#[tokio::test]
async fn the_page_does_not_open_in_a_frame() {
    let world = World::new().await;
    let client = world.register("x").await;
    for dest in ["iframe", "frame", "embed", "object", "fencedframe"] {
        let request = Request::get(format!(
            "/oauth/authorize?{}",
            encode(&good_request(&client))
        ))
        .header("sec-fetch-dest", dest)
        .body(Body::empty())
        .unwrap();
        assert!(
            world.send(request).await.is_page(StatusCode::FORBIDDEN),
            "{dest}"
        );
    }
}

#[tokio::test]
async fn a_provider_that_is_down_costs_a_page_and_comes_back_without_a_restart() {
    let world = World::new().await;
    world.idp.set(Mood::Down);
    let client = world.register("x").await;
    let mut jar = Jar::default();
    let page = jar.authorize(&world, &good_request(&client)).await;
    let answer = jar.decide(&world, &page, "approve").await;
    assert!(answer.is_page(StatusCode::SERVICE_UNAVAILABLE));
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    world.idp.set(Mood::Good);
    world.clock.advance(Duration::from_secs(4));
    let answer = jar.decide(&world, &page, "approve").await;
    let back = jar
        .get(&world, &world.idp.sign_in(&answer.location(), "alice"))
        .await;
    assert!(back.param("code").is_some());
}
