//! The operator's view: the lines in the log, and the pages that name whose side a fault is on.

use axum::http::StatusCode;

use super::{leaks::capture, *};

fn lines<'a>(log: &'a str, word: &str) -> Vec<&'a str> {
    log.lines().filter(|line| line.contains(word)).collect()
}

#[tokio::test]
async fn a_refused_scheme_has_the_setting_in_the_log_once() {
    let world = World::new().await;
    let (log, guards) = capture();
    let asked = json!({ "redirect_uris": [
        "acme-ide://mcp/callback?secret=1",
        "acme-ide://mcp/other",
        "http://intranet.example/cb",
    ] });
    let answer = world.post_json("/oauth/register", &asked).await;
    assert_eq!(answer.error(), "invalid_redirect_uri");
    let logged = log.text();
    let [line] = lines(&logged, "OAUTH_REDIRECT_SCHEMES")[..] else {
        panic!("one line in {logged}")
    };
    assert!(
        line.contains(" WARN ") && line.contains("add `acme-ide` to"),
        "{line}"
    );
    assert!(line.contains("acme-ide://mcp/callback"), "{line}");
    assert!(!line.contains("secret"), "{line}");

    // One of several: the client goes on, so it is no warning. Until it uses that one.
    let asked = json!({ "redirect_uris": [REDIRECT, "warp://mcp"] });
    let client = text(
        &world.post_json("/oauth/register", &asked).await.json(),
        "client_id",
    );
    let mut request = good_request(&client);
    request.retain(|(name, _)| *name != "redirect_uri");
    request.push(("redirect_uri", "warp://mcp"));
    Jar::default().authorize(&world, &request).await;
    let logged = log.text();
    let [registration, sign_in] = lines(&logged, "add `warp` to OAUTH_REDIRECT_SCHEMES")[..] else {
        panic!("two lines in {logged}")
    };
    assert!(registration.contains(" INFO "), "{registration}");
    assert!(sign_in.contains(" WARN "), "{sign_in}");

    // No setting allows these.
    for uri in [
        "javascript:alert(1)",
        "http://intranet.example/",
        "a b://x",
        "Acme://x",
    ] {
        let asked = json!({ "redirect_uris": [uri] });
        world.post_json("/oauth/register", &asked).await;
    }
    drop(guards);
    assert_eq!(lines(&log.text(), "OAUTH_REDIRECT_SCHEMES").len(), 3);
    assert_eq!(lines(&log.text(), "redirect URI refused").len(), 6);
}

#[tokio::test]
async fn client_metadata_that_cannot_be_reached_is_not_the_apps_fault() {
    let world = World::with(|settings| {
        settings.client_metadata.allowed_domains = vec!["desk.test".to_owned()];
    })
    .await;
    let (log, guards) = capture();
    for (client, host, setting) in [
        // Nobody listens there.
        (
            "http://desk.test:9/c.json",
            "desk.test",
            "OAUTH_CLIENT_METADATA=false",
        ),
        (
            "http://other.test/c.json",
            "other.test",
            "OAUTH_CLIENT_METADATA_DOMAINS",
        ),
    ] {
        let page = Jar::default()
            .authorize(&world, &good_request(client))
            .await;
        assert!(page.is_page(StatusCode::BAD_REQUEST), "{client}");
        assert!(
            page.body.contains("people who run this server"),
            "{}",
            page.body
        );
        assert!(
            !page.body.contains("people who make the app"),
            "{}",
            page.body
        );
        let logged = log.text();
        let mut warnings = lines(&logged, " WARN ").into_iter();
        assert!(
            warnings.any(|line| line.contains(host) && line.contains(setting)),
            "{logged}"
        );
    }
    drop(guards);
    // A document that is reached and wrong is the app's.
    let client = world.idp.serve_document("desk.test", |_| json!({}));
    let page = Jar::default()
        .authorize(&world, &good_request(&client))
        .await;
    assert!(
        page.body.contains("people who make the app"),
        "{}",
        page.body
    );
    // Apps that register are served all the time.
    let client = world.register("x").await;
    world.tokens(&client).await;
}

#[tokio::test]
async fn the_consent_page_promises_what_the_tools_can_do() {
    for writes in [false, true] {
        let world = World::with(|settings| settings.writes = writes).await;
        let client = world.register("x").await;
        let page = Jar::default()
            .authorize(&world, &good_request(&client))
            .await;
        let promise = "Read and change in DataHub";
        assert_eq!(page.body.contains(promise), writes, "{}", page.body);
        let denial = "cannot change anything";
        assert_eq!(page.body.contains(denial), !writes, "{}", page.body);
    }
}

/// The provider does not take this server as its client: one line has its words and the settings.
#[tokio::test]
async fn a_registration_that_does_not_fit_has_one_line_with_the_remedy() {
    for (code, auth, remedies) in [
        (
            "invalid_client",
            UpstreamAuth::Basic,
            &[
                "OIDC_CLIENT_ID",
                "OIDC_CLIENT_SECRET",
                "OAUTH_CLIENT_AUTH=post",
            ][..],
        ),
        (
            "invalid_client",
            UpstreamAuth::Post,
            &["OAUTH_CLIENT_AUTH=basic"],
        ),
        ("invalid_client", UpstreamAuth::None, &["no secret is sent"]),
        (
            "unauthorized_client",
            UpstreamAuth::Post,
            &["authorization_code", "OIDC_CLIENT_ID"],
        ),
        (
            "redirect_uri_mismatch",
            UpstreamAuth::Post,
            &["https://mcp.example.com/oauth/callback"],
        ),
        (
            "invalid_scope",
            UpstreamAuth::Post,
            &["OAUTH_DEFAULT_SCOPE"],
        ),
        (
            "invalid_target",
            UpstreamAuth::Post,
            &["OAUTH_FORWARD_RESOURCE=true"],
        ),
    ] {
        let world = World::with(|settings| settings.upstream.auth = auth).await;
        let client = world.register("x").await;
        let tokens = world.tokens(&client).await;
        world.idp.set(Mood::Quoting(code));
        let (log, guards) = capture();
        let back = world.sign_in(&client, &mut Jar::default()).await;
        assert_eq!(back.param("error").unwrap(), "server_error");
        let refreshed = world
            .refresh(&client, &text(&tokens, "refresh_token"))
            .await;
        assert!(refreshed.status.is_server_error(), "{code}");
        drop(guards);
        let logged = log.text();
        let warnings = lines(&logged, " WARN ");
        assert_eq!(warnings.len(), 2, "one of each: {logged}");
        for line in warnings {
            assert!(
                line.contains(code) && line.contains("AADSTS7000215: not a client"),
                "{line}"
            );
            for remedy in remedies {
                assert!(line.contains(remedy), "no {remedy} in {line}");
            }
        }
        for (headers, form) in world.idp.requests() {
            let basic = headers.get("authorization");
            let basic = basic.map(|value| value.to_str().unwrap().to_owned());
            let sent = ["code", "code_verifier", "refresh_token", "client_secret"];
            let mut secrets: Vec<_> = sent.iter().filter_map(|name| form.get(*name)).collect();
            secrets.extend(&basic);
            for secret in secrets {
                assert!(!logged.contains(&**secret), "{secret} in {logged}");
                assert!(
                    !logged.contains(&secret[..12]),
                    "a part of {secret} in {logged}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_at_the_callback_has_a_warning_only_where_a_setting_helps() {
    let world = World::new().await;
    let client = world.register("x").await;
    for (code, why, remedy) in [
        (
            "invalid_scope",
            "AADSTS650053: no such scope",
            Some("OAUTH_DEFAULT_SCOPE"),
        ),
        ("unauthorized_client", "not enabled", Some("OIDC_CLIENT_ID")),
        (
            "invalid_request",
            "the redirect_uri is not registered",
            Some("PUBLIC_URL"),
        ),
        (
            "invalid_target",
            "unknown resource",
            Some("OAUTH_AUTHORIZE_PARAMS"),
        ),
        ("access_denied", "the person refused to be redirected", None),
        ("temporarily_unavailable", "later", None),
    ] {
        let mut jar = Jar::default();
        let page = jar.authorize(&world, &good_request(&client)).await;
        let upstream = jar.decide(&world, &page, "approve").await.location();
        let state = param(&upstream, "state").unwrap();
        let (log, guards) = capture();
        let path = world.idp.fail(&upstream, code, &format!("{why} {state}"));
        let back = jar.get(&world, &path).await;
        drop(guards);
        assert_eq!(back.param("error").unwrap(), code);
        let logged = log.text();
        assert!(!logged.contains(&state), "{logged}");
        let warnings = lines(&logged, " WARN ");
        assert_eq!(
            warnings.len(),
            usize::from(remedy.is_some()),
            "{code}: {logged}"
        );
        if let (Some(remedy), [line]) = (remedy, &warnings[..]) {
            assert!(line.contains(remedy) && line.contains(why), "{line}");
        }
    }
}

#[tokio::test]
async fn a_request_for_another_resource_is_logged_with_both() {
    let world = World::new().await;
    let client = world.register("x").await;
    let code = world.code(&client, &mut Jar::default()).await;
    let (log, guards) = capture();
    let asked = "https://me:password@other.example:8443/mcp?token=hidden#hidden";
    let mut request = good_request(&client);
    request.retain(|(name, _)| *name != "resource");
    request.push(("resource", asked));
    let back = Jar::default().authorize(&world, &request).await;
    assert_eq!(back.param("error").unwrap(), "invalid_target");
    let mut form = redemption(&client, &code);
    form.retain(|(name, _)| *name != "resource");
    form.push(("resource", asked));
    for _ in 0..20 {
        let answer = world.post_form("/oauth/token", &form).await;
        assert_eq!(answer.error(), "invalid_target");
    }
    drop(guards);
    let logged = log.text();
    let warnings = lines(&logged, " WARN ");
    assert_eq!(warnings.len(), 5, "sampled: {logged}");
    for line in warnings {
        assert!(line.contains("other.example:8443/mcp"), "{line}");
        assert!(line.contains(&format!("expected=\"{RESOURCE}\"")), "{line}");
    }
    for hidden in ["password", "hidden", &code] {
        assert!(!logged.contains(hidden), "{logged}");
    }
}

#[tokio::test]
async fn a_refused_registration_has_its_true_reason_in_the_log() {
    let world = World::new().await;
    let (log, guards) = capture();
    for (asked, reason) in [
        (json!("s3cret"), "not a JSON object"),
        (
            json!({ "software_statement": "s3cret" }),
            "`redirect_uris` is missing or empty",
        ),
        (
            json!({ "redirect_uris": { "s3cret": 1 } }),
            "`redirect_uris` is not a list",
        ),
        (
            json!({ "redirect_uris": [REDIRECT], "grant_types": ["s3cret"], "contacts": 5 }),
            "`grant_types` must hold authorization_code",
        ),
        (
            json!({ "redirect_uris": [REDIRECT], "response_types": ["s3cret"] }),
            "`response_types` must hold code",
        ),
        (
            json!({ "redirect_uris": ["http://intranet.example/cb?s3cret"] }),
            "uses plain http",
        ),
    ] {
        let answer = world.post_json("/oauth/register", &asked).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{asked}");
        let said = text(&answer.json(), "error_description");
        assert!(said.contains(reason), "{said}");
        let logged = log.text();
        assert_eq!(lines(&logged, reason).len(), 1, "{reason} in {logged}");
    }
    for _ in 0..20 {
        world.post_json("/oauth/register", &json!({})).await;
    }
    drop(guards);
    let logged = log.text();
    assert_eq!(
        lines(&logged, "missing or empty").len(),
        5,
        "sampled: {logged}"
    );
    assert!(!logged.contains("s3cret"), "{logged}");
}
