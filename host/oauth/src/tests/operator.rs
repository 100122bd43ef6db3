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
