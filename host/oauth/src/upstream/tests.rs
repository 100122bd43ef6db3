//! Settings, discovery and the values taken from the provider's responses.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use foundation::clock::Clock;

use super::*;
use crate::{
    UpstreamToken,
    tests::{FakeIdp, Mood},
};

fn settings(issuer: Option<&str>) -> UpstreamSettings {
    UpstreamSettings {
        client_id: "id".to_owned(),
        client_secret: None,
        auth: UpstreamAuth::None,
        authorize_endpoint: None,
        token_endpoint: None,
        issuer: issuer.map(str::to_owned),
        discovery_url: None,
        allow_http: false,
        authorize_params: Vec::new(),
        token_params: Vec::new(),
        forward_resource: false,
        token: UpstreamToken::AccessToken,
        offline_access: true,
        api_scopes: Vec::new(),
    }
}

fn clock() -> Clock {
    Clock::manual(std::time::UNIX_EPOCH + Duration::from_secs(1_900_000_000))
}

fn upstream(settings: &UpstreamSettings) -> Result<Upstream, SettingsError> {
    Upstream::new(
        settings,
        &Network::default(),
        "https://mcp.example.com/oauth/callback".to_owned(),
        clock(),
    )
}

#[test]
fn settings_that_cannot_work_stop_the_start_by_name() {
    let with = |change: fn(&mut UpstreamSettings)| {
        let mut settings = settings(Some("https://idp.example"));
        change(&mut settings);
        upstream(&settings)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    assert_eq!(with(|_| {}), "");
    for (change, named) in [
        (
            (|s| s.issuer = None) as fn(&mut UpstreamSettings),
            "OIDC_ISSUER_URL",
        ),
        (|s| s.client_id = " ".to_owned(), "OIDC_CLIENT_ID"),
        (|s| s.auth = UpstreamAuth::Basic, "OIDC_CLIENT_SECRET"),
        (
            |s| s.issuer = Some("http://idp.example".to_owned()),
            "OAUTH_ISSUER_URL",
        ),
        (|s| s.issuer = Some("idp".to_owned()), "OAUTH_ISSUER_URL"),
        (
            |s| s.token_endpoint = Some("ftp://idp".to_owned()),
            "OAUTH_TOKEN_ENDPOINT",
        ),
        (
            |s| s.authorize_endpoint = Some("https://a:b@idp.example/".to_owned()),
            "OAUTH_AUTHORIZE_ENDPOINT",
        ),
        (
            |s| s.authorize_params = vec![("state".to_owned(), "x".to_owned())],
            "`state`",
        ),
        (
            |s| s.token_params = vec![("client_secret".to_owned(), "x".to_owned())],
            "`client_secret`",
        ),
    ] {
        let error = with(change);
        assert!(error.contains(named), "{named} in {error:?}");
        assert!(error.contains("hint:"), "{error}");
    }
}

#[tokio::test]
async fn the_place_to_look_is_not_the_issuer_that_is_checked() {
    let idp = FakeIdp::start().await;
    idp.set(Mood::OtherIssuer);
    let mut apart = settings(Some("https://other.example"));
    apart.discovery_url = Some(idp.issuer().to_owned());
    let apart = upstream(&apart).unwrap();
    let endpoints = apart.endpoints().await.unwrap();
    assert_eq!(endpoints.token.as_str(), format!("{}/token", idp.issuer()));
    assert!(apart.is_issuer(Some("https://other.example")).await);
    assert!(!apart.is_issuer(Some("https://other.example/")).await);
    assert!(!apart.is_issuer(Some(idp.issuer())).await);
}

#[tokio::test]
async fn a_slash_at_the_end_of_the_issuer_is_told_with_both_values() {
    let idp = FakeIdp::start().await;
    let slash = format!("{}/", idp.issuer());
    let error = upstream(&settings(Some(&slash))).unwrap().endpoints().await;
    let error = error.unwrap_err().to_string();
    for part in [
        "differ only in the slash at the end",
        &slash,
        &format!("`{}`", idp.issuer()),
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[test]
fn one_switch_lets_the_provider_be_asked_over_plain_http() {
    let mut plain = settings(Some("http://keycloak:8080/realms/x"));
    let error = upstream(&plain).err().map(|error| error.to_string());
    assert!(error.is_some_and(|error| error.contains("OUTBOUND_ALLOW_HTTP=true")));
    plain.allow_http = true;
    plain.token_endpoint = Some("http://keycloak:8080/token".to_owned());
    assert!(upstream(&plain).is_ok());
}

#[tokio::test]
async fn endpoints_are_discovered_once_and_kept_when_the_provider_is_down() {
    let idp = FakeIdp::start().await;
    let clock = clock();
    let upstream = Upstream::new(
        &settings(Some(idp.issuer())),
        &Network::default(),
        String::new(),
        clock.clone(),
    )
    .unwrap();
    let all = (0..20).map(|_| upstream.endpoints());
    for endpoints in futures::future::join_all(all).await {
        assert_eq!(
            endpoints.unwrap().token.as_str(),
            format!("{}/token", idp.issuer())
        );
    }
    assert_eq!(idp.discoveries(), 1);
    idp.set(Mood::Down);
    clock.advance(Duration::from_secs(3_601));
    upstream
        .endpoints()
        .await
        .expect("old endpoints are better than none");
    assert_eq!(idp.discoveries(), 2);
    for _ in 0..10 {
        upstream.endpoints().await.unwrap();
    }
    assert_eq!(idp.discoveries(), 2, "not asked again right away");
}

#[tokio::test]
async fn a_document_of_another_issuer_is_refused() {
    let idp = FakeIdp::start().await;
    idp.set(Mood::OtherIssuer);
    let error = upstream(&settings(Some(idp.issuer())))
        .unwrap()
        .endpoints()
        .await
        .unwrap_err();
    assert!(matches!(error, UpstreamError::Unusable(_)), "{error}");
}

#[tokio::test]
async fn configured_endpoints_need_no_discovery() {
    let mut settings = settings(None);
    settings.authorize_endpoint = Some("https://idp.example/a?tenant=1".to_owned());
    settings.token_endpoint = Some("https://idp.example/t".to_owned());
    let upstream = upstream(&settings).unwrap();
    let verifier = CodeVerifier::random();
    let url = upstream
        .authorize_url(
            &State::random(),
            &Nonce::random(),
            &verifier.challenge(),
            "openid",
            "https://r",
        )
        .await
        .unwrap();
    assert!(
        url.starts_with("https://idp.example/a?tenant=1&response_type=code"),
        "{url}"
    );
    assert!(
        upstream.is_issuer(Some("https://anything.example")).await,
        "nothing to compare with"
    );
}

#[test]
fn scopes_are_asked_for_as_the_provider_needs_them() {
    let asked = |offline_access: bool, api: &[&str], wanted: &str| {
        let mut settings = settings(Some("https://idp.example"));
        settings.offline_access = offline_access;
        settings.api_scopes = api.iter().map(|&scope| scope.to_owned()).collect();
        upstream(&settings).unwrap().scope(wanted)
    };
    let offline = "openid offline_access";
    assert_eq!(asked(true, &[], offline), offline);
    assert_eq!(asked(false, &[], offline), "openid");
    let api = ["api://a/read", "api://a/write"];
    assert_eq!(
        asked(true, &api, "openid"),
        "openid api://a/read api://a/write"
    );
    assert_eq!(
        asked(true, &api, "api://a/read openid"),
        "api://a/read openid"
    );
    assert_eq!(
        asked(
            true,
            &["guid/.default"],
            "openid guid/mcp.access access email"
        ),
        "openid email guid/.default",
        "what Entra grants for `.default` has other names"
    );
    assert_eq!(asked(true, &api, ""), "api://a/read api://a/write");
    assert_eq!(asked(false, &[], ""), "");
}

#[test]
fn token_answers_are_read_as_providers_really_send_them() {
    let now = clock().unix_millis();
    let take = |json: &str| {
        UpstreamTokens::read(
            json.as_bytes(),
            UpstreamToken::AccessToken,
            now,
            &Secrets::default(),
        )
    };
    let expires = |json: &str| take(json).unwrap().expires;
    assert_eq!(
        expires(r#"{"access_token":"x","expires_in":600}"#),
        Some(now.after(Duration::from_secs(600)))
    );
    assert_eq!(
        expires(r#"{"access_token":"x","expires_in":"600"}"#),
        Some(now.after(Duration::from_secs(600)))
    );
    assert_eq!(expires(r#"{"access_token":"x"}"#), None);
    let odd = r#"-5, 0, 0.0, "0", "", "soon", null, [], true, 1e300"#;
    for odd in odd.split(", ") {
        let json = format!(r#"{{"access_token":"x","expires_in":{odd}}}"#);
        assert_eq!(expires(&json), None, "{odd}");
    }
    assert_eq!(
        expires(r#"{"access_token":"x","expires_in":" 600.5 "}"#),
        Some(now.after(Duration::from_millis(600_500)))
    );
    // A JWT that expires earlier than the response says.
    let payload = URL_SAFE_NO_PAD.encode(r#"{"exp":1900000100.5}"#);
    assert_eq!(
        expires(&format!(
            r#"{{"access_token":"h.{payload}.s","expires_in":600}}"#
        )),
        Some(UnixMillis::from_seconds(1_900_000_100))
    );
    for json in [
        "",
        "[]",
        "{}",
        r#"{"access_token":""}"#,
        r#"{"access_token":1}"#,
        "<p>",
    ] {
        assert!(take(json).is_err(), "{json}");
    }
    let odd = r#"{"access_token":"x","scope":"a\"b","refresh_token":""}"#;
    let tokens = take(odd).unwrap();
    assert!(tokens.scope.is_none() && tokens.refresh.is_none());
    // Members that are not needed may have any type.
    for odd in ["1", "{}", "[]", "null", "true", "1.5"] {
        for name in [
            "refresh_token",
            "id_token",
            "error",
            "error_description",
            "token_type",
        ] {
            let json = format!(r#"{{"access_token":"x","{name}":{odd}}}"#);
            let tokens = take(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
            assert!(tokens.refresh.is_none(), "{json}");
        }
    }
    for (scope, read) in [
        ("a b", Some("a b")),
        ("a  b ", Some("a b")),
        ("a,b", Some("a b")),
        ("a,b c", Some("a,b c")),
        (" ", None),
        (",", None),
    ] {
        let json = format!(r#"{{"access_token":"x","scope":"{scope}"}}"#);
        assert_eq!(take(&json).unwrap().scope.as_deref(), read, "{scope}");
    }
}

/// Some providers do not write errors as RFC 6749 section 5.2 says.
#[test]
fn errors_are_read_in_every_form() {
    let read = |status: u16, body: &str| {
        let answer = Answer {
            status: http::StatusCode::from_u16(status).unwrap(),
            headers: http::HeaderMap::new(),
            body: body.to_owned().into(),
        };
        read_error(&answer, &Secrets::default())
    };
    for body in [
        r#"{"error":"invalid_grant"}"#,
        r#"{"error":"invalid_grant","error_description":{"x":1},"scope":5}"#,
        r#"{"error":{"code":"invalid_grant","message":"x"}}"#,
        r#"{"error":{"code":400,"type":"invalid_grant"}}"#,
        "error=invalid_grant&error_description=the+token+is+old",
        "error_description=x&error=invalid%5Fgrant",
    ] {
        let error = read(400, body);
        assert!(error.needs_sign_in(), "{body}: {error}");
        let named = error.to_string();
        assert!(named.ends_with("refused: invalid_grant"), "{named}");
    }
    for body in [
        "",
        "{}",
        "[]",
        r#"{"error":7}"#,
        r#"{"error":""}"#,
        "error=",
        "<p>error=invalid_grant</p>",
    ] {
        let error = read(400, body);
        assert!(
            matches!(error, UpstreamError::Unusable(_)),
            "{body}: {error}"
        );
    }
    let busy = read(503, r#"{"error":"invalid_grant"}"#);
    assert!(matches!(busy, UpstreamError::Unavailable(_)), "{busy}");
}

#[tokio::test]
async fn an_optional_endpoint_that_is_not_usable_is_left_out() {
    let idp = FakeIdp::start().await;
    idp.set(Mood::OddDocument);
    let upstream = upstream(&settings(Some(idp.issuer()))).unwrap();
    let endpoints = upstream.endpoints().await.unwrap();
    assert_eq!(endpoints.token.as_str(), format!("{}/token", idp.issuer()));
    assert!(endpoints.revoke.is_none());
    upstream.revoke("token").await.expect("nothing to ask");
}

#[test]
fn the_nonce_of_an_id_token_is_that_of_the_sign_in() {
    let ours = Nonce::random();
    let admits_for = |wanted: UpstreamToken, claims: serde_json::Value| {
        let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
        let body = serde_json::json!({ "access_token": "x", "id_token": format!("h.{payload}.s") });
        UpstreamTokens::read(
            body.to_string().as_bytes(),
            wanted,
            clock().unix_millis(),
            &Secrets::default(),
        )
        .unwrap()
        .check_nonce(wanted, &ours)
        .is_ok()
    };
    let admits = |claims| admits_for(UpstreamToken::AccessToken, claims);
    assert!(admits(serde_json::json!({ "nonce": ours.expose() })));
    assert!(admits(serde_json::json!({ "sub": "alice" })));
    // What DataHub gets must be of this sign-in (OpenID Connect Core section 3.1.3.7).
    let of_id_token = |claims| admits_for(UpstreamToken::IdToken, claims);
    assert!(of_id_token(serde_json::json!({ "nonce": ours.expose() })));
    assert!(!of_id_token(serde_json::json!({ "sub": "alice" })));
    assert!(!of_id_token(serde_json::json!({ "nonce": "another" })));
    assert!(!admits(serde_json::json!({ "nonce": 1 })));
    for other in ["", "another", Nonce::random().expose()] {
        assert!(!admits(serde_json::json!({ "nonce": other })), "{other}");
    }
}
