//! Tests of the authorization endpoint.

use super::browser::{Browser, authorize_url, hidden};
use super::*;

#[tokio::test]
async fn a_person_signs_in_and_the_second_visit_needs_no_password() {
    let idp = start(options()).await;
    let mut browser = Browser::default();
    let url = authorize_url(&idp, &[]);
    let first = browser.sign_in(&url, "editor", "editor-password").await;
    assert_eq!(first.parameter("state"), "the state");
    assert_eq!(first.parameter("iss"), idp.issuer());
    let second = browser.open(&url).await;
    assert!(!second.parameter("code").is_empty());
    assert_ne!(second.parameter("code"), first.parameter("code"));
}

#[tokio::test]
async fn a_wrong_password_shows_the_form_again() {
    let idp = start(options()).await;
    let mut browser = Browser::default();
    let url = authorize_url(&idp, &[]);
    let again = browser.sign_in(&url, "edi\"tor", "wrong").await;
    let (status, html) = again.page();
    assert_eq!(status, 401);
    assert!(html.contains("Wrong username or password"), "{html}");
    assert!(!html.contains("edi\"tor"), "not escaped: {html}");
    let csrf = hidden(html, "csrf");
    let form = [
        ("csrf", csrf.as_str()),
        ("username", "editor"),
        ("password", "editor-password"),
    ];
    assert!(
        !browser
            .submit(&url, &form)
            .await
            .parameter("code")
            .is_empty()
    );
}

#[tokio::test]
async fn the_login_form_is_bound_to_the_browser() {
    let idp = start(options()).await;
    let url = authorize_url(&idp, &[]);
    let landing = Browser::default().open(&url).await;
    let csrf = hidden(landing.page().1, "csrf");
    let form = [
        ("csrf", csrf.as_str()),
        ("username", "editor"),
        ("password", "editor-password"),
    ];
    let elsewhere = Browser::default().submit(&url, &form).await;
    assert_eq!(elsewhere.page().0, 400);
}

#[tokio::test]
async fn an_unproven_client_gets_a_page_and_no_redirect() {
    let idp = start(options()).await;
    for changes in [
        [("client_id", "nobody")],
        [("redirect_uri", "http://127.0.0.1:4000/callback/")],
        [("redirect_uri", "http://127.0.0.1:4001/callback")],
        [("redirect_uri", "")],
        [("client_id", "")],
    ] {
        let landing = Browser::default()
            .open(&authorize_url(&idp, &changes))
            .await;
        assert_eq!(landing.page().0, 400, "{changes:?}");
    }
    let twice = format!("{}&state=two", authorize_url(&idp, &[]));
    let landing = Browser::default().open(&twice.parse().unwrap()).await;
    assert_eq!(landing.page().0, 400);
}

#[tokio::test]
async fn a_proven_client_hears_what_is_wrong() {
    let idp = start(options()).await;
    for (changes, error) in [
        (vec![("code_challenge", "")], "invalid_request"),
        (vec![("code_challenge_method", "plain")], "invalid_request"),
        (vec![("code_challenge_method", "")], "invalid_request"),
        (vec![("code_challenge", "short")], "invalid_request"),
        (
            vec![("response_type", "token")],
            "unsupported_response_type",
        ),
        (
            vec![("request_uri", "https://example.org")],
            "request_not_supported",
        ),
        (vec![("prompt", "none")], "login_required"),
    ] {
        let landing = Browser::default()
            .open(&authorize_url(&idp, &changes))
            .await;
        assert_eq!(landing.parameter("error"), error, "{changes:?}");
        assert_eq!(landing.parameter("state"), "the state");
        assert_eq!(landing.parameter("iss"), idp.issuer());
    }
}

#[tokio::test]
async fn cancelling_tells_the_client() {
    let idp = start(options()).await;
    let mut browser = Browser::default();
    let url = authorize_url(&idp, &[]);
    let landing = browser.open(&url).await;
    let csrf = hidden(landing.page().1, "csrf");
    let landing = browser
        .submit(&url, &[("csrf", &csrf), ("action", "cancel")])
        .await;
    assert_eq!(landing.parameter("error"), "access_denied");
}

#[tokio::test]
async fn a_session_ends_by_time_and_by_signing_out() {
    let idp = start(options()).await;
    let url = authorize_url(&idp, &[]);
    let mut browser = Browser::default();
    browser.sign_in(&url, "viewer", "viewer-password").await;
    assert_eq!(
        browser
            .open(&authorize_url(&idp, &[("prompt", "login")]))
            .await
            .page()
            .0,
        200
    );
    browser
        .open(&idp.endpoint_url("logout").parse().unwrap())
        .await;
    assert_eq!(browser.open(&url).await.page().0, 200);
    browser.sign_in(&url, "viewer", "viewer-password").await;
    idp.advance(Options::default().session_ttl);
    assert_eq!(browser.open(&url).await.page().0, 200);
}

#[tokio::test]
async fn resource_is_refused_where_the_options_say_so() {
    let idp = start(Options {
        resource: ResourceParameter::Refused,
        ..options()
    })
    .await;
    let url = authorize_url(&idp, &[("resource", "http://127.0.0.1:1/mcp")]);
    assert_eq!(
        Browser::default().open(&url).await.parameter("error"),
        "invalid_target"
    );
}

#[tokio::test]
async fn a_client_may_come_back_to_any_port_of_loopback_if_it_is_registered_so() {
    let registered = "http://127.0.0.1/oauth/callback";
    let any = Client::public("any")
        .redirect(registered)
        .at_any_loopback_port();
    for (client, uri, expected) in [
        (&any, "http://127.0.0.1:4711/oauth/callback", true),
        (&any, registered, true),
        (&any, "http://127.0.0.1:4711/oauth/callback/", false),
        (&any, "http://127.0.0.1:4711/oauth/callback?x=y", false),
        (&any, "http://localhost:4711/oauth/callback", false),
        (&any, "https://127.0.0.1:4711/oauth/callback", false),
        (&any, "http://me@127.0.0.1:4711/oauth/callback", false),
        (&any, "http://127.0.0.1.evil.example/oauth/callback", false),
        (
            &Client::public("one").redirect(registered),
            "http://127.0.0.1:4711/oauth/callback",
            false,
        ),
    ] {
        assert_eq!(client.registered(uri).is_some(), expected, "{uri}");
    }
}
