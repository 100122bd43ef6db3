//! The known attacks on sign-in proxies, each as its attacker would do it.

use axum::http::{StatusCode, header};

use super::*;

/// CVE-2026-27124: the attacker starts a sign-in, the victim's browser finishes it.
#[tokio::test]
async fn a_sign_in_ends_only_in_the_browser_that_started_it() {
    let world = World::new().await;
    let client = world.register("x").await;
    let mut attacker = Jar::default();
    let mut victim = Jar::default();
    // The victim has used the server before, so has a cookie of its own.
    world.code(&client, &mut victim).await;
    for (mut browser, why) in [(victim, "another browser"), (Jar::default(), "no cookie")] {
        let page = attacker.authorize(&world, &good_request(&client)).await;
        let upstream = if page.status == StatusCode::OK {
            attacker.decide(&world, &page, "approve").await
        } else {
            page
        };
        let path = world.idp.sign_in(&upstream.location(), "victim");
        let asked = world.idp.requests().len();
        let answer = browser.get(&world, &path).await;
        assert!(answer.is_page(StatusCode::BAD_REQUEST), "{why}");
        assert_eq!(
            world.idp.requests().len(),
            asked,
            "{why}: the code was not redeemed"
        );
    }
}

#[tokio::test]
async fn a_state_works_once_and_not_for_long() {
    let world = World::new().await;
    let client = world.register("x").await;
    let mut jar = Jar::default();
    let page = jar.authorize(&world, &good_request(&client)).await;
    let upstream = jar.decide(&world, &page, "approve").await;
    let path = world.idp.sign_in(&upstream.location(), "alice");
    assert!(jar.get(&world, &path).await.param("code").is_some());
    assert!(
        jar.get(&world, &path)
            .await
            .is_page(StatusCode::BAD_REQUEST),
        "used before"
    );

    let upstream = jar.authorize(&world, &good_request(&client)).await;
    let path = world.idp.sign_in(&upstream.location(), "alice");
    world.clock.advance(Duration::from_secs(601));
    assert!(
        jar.get(&world, &path)
            .await
            .is_page(StatusCode::BAD_REQUEST),
        "too late"
    );

    for path in [
        "/oauth/callback",
        "/oauth/callback?code=x",
        "/oauth/callback?code=x&state=guess",
        &format!("/oauth/callback?code=x&state={}", "A".repeat(43)),
        &format!("/oauth/callback?code=x&state={0}&state={0}", "A".repeat(43)),
    ] {
        assert!(
            jar.get(&world, path).await.is_page(StatusCode::BAD_REQUEST),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_code_works_once_and_its_second_use_ends_the_tokens() {
    let world = World::new().await;
    let client = world.register("x").await;
    let code = world.code(&client, &mut Jar::default()).await;
    let tokens = world.redeem(&client, &code).await.json();
    let access = text(&tokens, "access_token");
    assert!(world.open(&access).await.is_some());
    let again = world.redeem(&client, &code).await;
    assert_eq!(
        (again.status, &*again.error()),
        (StatusCode::BAD_REQUEST, "invalid_grant")
    );
    assert!(
        world.open(&access).await.is_none(),
        "the access token has ended"
    );
    let refresh = text(&tokens, "refresh_token");
    assert_eq!(
        world.refresh(&client, &refresh).await.error(),
        "invalid_grant"
    );
    assert_eq!(world.idp.refreshes(), 0);
}

#[tokio::test]
async fn a_code_is_good_for_its_client_verifier_and_redirect_uri_alone() {
    let world = World::new().await;
    let client = world.register("x").await;
    let other = world.register("x").await;
    let wrong = [
        ("client_id", &*other),
        (
            "code_verifier",
            "another-verifier-of-the-right-length-0123456789",
        ),
        ("redirect_uri", "http://127.0.0.1:33418/callback/"),
        ("redirect_uri", "http://127.0.0.1:9/callback"),
    ];
    for (name, value) in wrong {
        let code = world.code(&client, &mut Jar::default()).await;
        let mut form = redemption(&client, &code);
        form.retain(|(key, _)| *key != name);
        form.push((name, value));
        assert_eq!(
            world.post_form("/oauth/token", &form).await.error(),
            "invalid_grant",
            "{name}"
        );
        // That attempt was the only one it was valid for.
        assert_eq!(
            world.redeem(&client, &code).await.error(),
            "invalid_grant",
            "{name}"
        );
    }
    let code = world.code(&client, &mut Jar::default()).await;
    world.clock.advance(Duration::from_secs(121));
    assert_eq!(
        world.redeem(&client, &code).await.error(),
        "invalid_grant",
        "too late"
    );
}

/// PKCE downgrade: a stolen code redeemed without the verifier.
#[tokio::test]
async fn a_code_without_its_verifier_is_worth_nothing() {
    let world = World::new().await;
    let client = world.register("x").await;
    let code = world.code(&client, &mut Jar::default()).await;
    for verifier in [None, Some(""), Some("short"), Some(CHALLENGE)] {
        let mut form = redemption(&client, &code);
        form.retain(|(name, _)| *name != "code_verifier");
        form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
        let answer = world.post_form("/oauth/token", &form).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{verifier:?}");
    }
}

#[tokio::test]
async fn an_envelope_of_one_kind_or_server_is_nothing_anywhere_else() {
    let world = World::new().await;
    let client = world.register("x").await;
    let tokens = world.tokens(&client).await;
    let (access, refresh) = (
        text(&tokens, "access_token"),
        text(&tokens, "refresh_token"),
    );
    assert!(
        world.open(&refresh).await.is_none(),
        "a refresh token as a bearer token"
    );
    assert!(
        world.open(&client).await.is_none(),
        "a client id as a bearer token"
    );
    assert!(
        world
            .open(&refresh.replacen("mcp_rt_", "mcp_at_", 1))
            .await
            .is_none()
    );
    assert_eq!(
        world.refresh(&client, &access).await.error(),
        "invalid_grant"
    );
    let dressed = access.replacen("mcp_at_", "mcp_rt_", 1);
    assert_eq!(
        world.refresh(&client, &dressed).await.error(),
        "invalid_grant"
    );
    for id in [
        &access,
        &refresh,
        &access.replacen("mcp_at_", "mcp_client_", 1),
    ] {
        assert_eq!(world.refresh(id, &refresh).await.error(), "invalid_client");
    }
    // Same keys, another public URL.
    let other = World::with(|settings| {
        settings.public_url = PublicUrl::parse("https://other.example").unwrap();
    })
    .await;
    assert!(other.open(&access).await.is_none());
    assert_eq!(
        other.refresh(&client, &refresh).await.error(),
        "invalid_client"
    );
}

#[tokio::test]
async fn a_registration_tells_nothing_of_ours() {
    let world = World::new().await;
    let asked = json!({ "redirect_uris": [REDIRECT], "client_id": "our-upstream-id" });
    let answer = world.post_json("/oauth/register", &asked).await;
    assert!(!answer.body.contains("our-upstream"), "{}", answer.body);
}

#[tokio::test]
async fn host_and_forwarded_headers_change_no_url() {
    let world = World::new().await;
    let client = world.register("x").await;
    let mut jar = Jar::default();
    let page = jar.authorize(&world, &good_request(&client)).await;
    for path in [
        "/.well-known/oauth-authorization-server",
        "/oauth/callback?x",
        "/oauth/authorize",
    ] {
        let request = Request::get(path)
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "gopher")
            .header("forwarded", "host=evil.example;proto=gopher")
            .body(Body::empty())
            .unwrap();
        let answer = world.send(request).await;
        assert!(!answer.body.contains("evil.example"), "{path}");
        assert!(!answer.body.contains("gopher"), "{path}");
    }
    let upstream = jar.decide(&world, &page, "approve").await;
    assert_eq!(
        param(&upstream.location(), "redirect_uri").unwrap(),
        format!("{ISSUER}/oauth/callback")
    );
}

/// What the provider's answer says before its `iss`, and its state.
fn around_iss(path: &str) -> (&str, &str) {
    let (head, _) = path.split_once("&iss=").unwrap();
    let (_, state) = path.rsplit_once("&state=").unwrap();
    (head, state)
}

#[tokio::test]
async fn an_answer_of_another_issuer_is_not_redeemed() {
    let world = World::new().await;
    let client = world.register("x").await;
    let mut jar = Jar::default();
    let page = jar.authorize(&world, &good_request(&client)).await;
    let upstream = jar.decide(&world, &page, "approve").await;
    let path = world.idp.sign_in(&upstream.location(), "alice");
    let (head, state) = around_iss(&path);
    let path = format!("{head}&iss=https%3A%2F%2Fmixed.example&state={state}");
    let back = jar.get(&world, &path).await;
    assert_eq!(back.param("error").unwrap(), "server_error");
    assert_eq!(back.param("iss").unwrap(), ISSUER);
    assert!(world.idp.requests().is_empty());
}

/// RFC 9207 section 2.4: a provider that says that it names itself does so.
#[tokio::test]
async fn an_answer_without_the_issuer_is_not_redeemed_if_the_provider_names_itself() {
    for (mood, is_redeemed) in [(Mood::Good, true), (Mood::NamesItself, false)] {
        let world = World::new().await;
        world.idp.set(mood);
        let client = world.register("x").await;
        let mut jar = Jar::default();
        let page = jar.authorize(&world, &good_request(&client)).await;
        let upstream = jar.decide(&world, &page, "approve").await;
        let path = world.idp.sign_in(&upstream.location(), "alice");
        let (head, state) = around_iss(&path);
        let back = jar.get(&world, &format!("{head}&state={state}")).await;
        assert_eq!(back.param("code").is_some(), is_redeemed);
        assert_eq!(world.idp.requests().is_empty(), !is_redeemed);
        // With it, and with an error that has none, it is as for any other.
        let named = world.sign_in(&client, &mut jar).await;
        assert!(named.param("code").is_some());
        let again = jar.authorize(&world, &good_request(&client)).await;
        let again = match again.status {
            StatusCode::SEE_OTHER => again,
            _ => jar.decide(&world, &again, "approve").await,
        };
        let refused = world.idp.fail(&again.location(), "access_denied", "no");
        let told = jar.get(&world, &refused).await;
        assert_eq!(told.param("error").as_deref(), Some("access_denied"));
    }
}

/// Answers to many clients at once go to the right ones.
#[tokio::test]
async fn answers_are_not_crossed_between_clients() {
    let world = Arc::new(World::new().await);
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let person = format!("person{number}x");
                let client = world.register(&person).await;
                let mut jar = Jar::default();
                let state = format!("state of {person}");
                let mut request = good_request(&client);
                request.retain(|(name, _)| *name != "state");
                request.push(("state", &state));
                let page = jar.authorize(&world, &request).await;
                let upstream = jar.decide(&world, &page, "approve").await;
                let path = world.idp.sign_in(&upstream.location(), &person);
                let back = jar.get(&world, &path).await;
                assert_eq!(back.param("state").unwrap(), state);
                let answer = world.redeem(&client, &back.param("code").unwrap()).await;
                let token = text(&answer.json(), "access_token");
                assert!(world.open(&token).await.unwrap().contains(&person));
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// S-19: an answer does not tell what was wrong.
#[tokio::test]
async fn failures_look_alike() {
    let world = World::with(|settings| {
        settings.clients.push(crate::ConfiguredClient {
            client_id: "known".to_owned(),
            client_secret: Some(SecretString::from("secret".to_owned())),
            name: "Known".to_owned(),
            redirect_uris: vec![REDIRECT.to_owned()],
        });
    })
    .await;
    let client = world.register("x").await;
    let mut unknown = redemption("nobody", "code");
    let mut wrong_secret = redemption("known", "code");
    unknown.push(("client_secret", "guess"));
    wrong_secret.push(("client_secret", "guess"));
    let unknown = world.post_form("/oauth/token", &unknown).await;
    let wrong_secret = world.post_form("/oauth/token", &wrong_secret).await;
    assert_eq!(unknown.status, StatusCode::UNAUTHORIZED);
    assert_eq!(unknown.error(), "invalid_client");
    assert_eq!(
        (unknown.status, unknown.body),
        (wrong_secret.status, wrong_secret.body)
    );

    let never_issued = world.redeem(&client, &"A".repeat(43)).await;
    let code = world.code(&client, &mut Jar::default()).await;
    world.redeem(&client, &code).await;
    let used = world.redeem(&client, &code).await;
    let other = world.register("y").await;
    let code = world.code(&client, &mut Jar::default()).await;
    let of_another = world.redeem(&other, &code).await;
    let refresh = world.refresh(&client, "mcp_rt_guess").await;
    for answer in [&used, &of_another, &refresh] {
        assert_eq!(
            (answer.status, &answer.body),
            (never_issued.status, &never_issued.body)
        );
    }
}

#[tokio::test]
async fn a_provider_that_answers_nonsense_costs_the_client_an_error_and_no_more() {
    for (mood, error) in [
        (Mood::Down, "temporarily_unavailable"),
        (Mood::Refusing, "server_error"),
        (Mood::Html, "server_error"),
        (Mood::Huge(16 * 1_024), "server_error"),
    ] {
        let world = World::new().await;
        let client = world.register("x").await;
        let mut jar = Jar::default();
        let page = jar.authorize(&world, &good_request(&client)).await;
        let upstream = jar.decide(&world, &page, "approve").await;
        let path = world.idp.sign_in(&upstream.location(), "alice");
        world.idp.set(mood);
        let back = jar.get(&world, &path).await;
        assert_eq!(back.param("error").unwrap(), error, "{mood:?}");
        assert_eq!(back.param("code"), None);
        if matches!(mood, Mood::Huge(_)) {
            assert!(
                back.param("error_description")
                    .unwrap()
                    .contains("too large")
            );
        }
        assert!(!back.headers.contains_key(header::SET_COOKIE));
    }
}
