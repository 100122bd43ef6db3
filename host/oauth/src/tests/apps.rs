//! Apps with a scheme of their own: the browser opens the app and is left on a page.

use axum::http::{StatusCode, header};

use super::*;

const APP: &str = "cursor://anysphere.cursor-mcp/oauth/callback?a=1&b='2'";

/// The URLs that `page` opens, by itself and by its button.
fn opened(page: &Answer) -> [Url; 2] {
    assert!(
        page.is_page(StatusCode::OK),
        "{}: {}",
        page.status,
        page.body
    );
    assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");
    assert!(!page.body.contains("<script"), "{}", page.body);
    assert!(
        page.body.contains("You can close this window."),
        "{}",
        page.body
    );
    let after = |mark: &str| {
        let rest = page.body.split(mark).nth(1);
        let url = rest.and_then(|rest| rest.split('"').next());
        let url = url.unwrap_or_else(|| panic!("no {mark} in {}", page.body));
        let url = url
            .replace("&#38;", "&")
            .replace("&amp;", "&")
            .replace("&#39;", "'");
        Url::parse(&url).unwrap()
    };
    [
        after("http-equiv=\"refresh\" content=\"0;url="),
        after("<a class=\"primary\" href=\""),
    ]
}

async fn app(world: &World) -> String {
    let asked = json!({ "redirect_uris": [APP] });
    let answer = world.post_json("/oauth/register", &asked).await;
    text(&answer.json(), "client_id")
}

fn request(client: &str) -> Vec<(&str, &str)> {
    let mut request = good_request(client);
    request.retain(|(name, _)| *name != "redirect_uri");
    request.push(("redirect_uri", APP));
    request
}

#[tokio::test]
async fn a_sign_in_ends_on_a_page_that_opens_the_app() {
    let world = World::new().await;
    let client = app(&world).await;
    let mut jar = Jar::default();
    let page = jar.authorize(&world, &request(&client)).await;
    let upstream = jar.decide(&world, &page, "approve").await.location();
    let page = jar
        .get(&world, &world.idp.sign_in(&upstream, "alice"))
        .await;
    let [first, button] = opened(&page);
    assert_eq!(first, button);
    assert!(first.as_str().starts_with(APP), "{first}");
    assert_eq!(param(&first, "state").unwrap(), "the client's state");
    assert_eq!(param(&first, "iss").unwrap(), ISSUER);
    let code = param(&first, "code").unwrap();
    let mut form = redemption(&client, &code);
    form.retain(|(name, _)| *name != "redirect_uri");
    form.push(("redirect_uri", APP));
    let answer = world.post_form("/oauth/token", &form).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[tokio::test]
async fn an_error_goes_to_the_app_in_the_same_way() {
    let world = World::new().await;
    let client = app(&world).await;
    let mut jar = Jar::default();
    let page = jar.authorize(&world, &request(&client)).await;
    let refused = jar.decide(&world, &page, "cancel").await;
    let [url, _] = opened(&refused);
    assert_eq!(param(&url, "error").unwrap(), "access_denied");
    assert!(refused.body.contains("You are not signed in"));
    let mut wrong = request(&client);
    wrong.retain(|(name, _)| *name != "code_challenge");
    let [url, _] = opened(&jar.authorize(&world, &wrong).await);
    assert_eq!(param(&url, "error").unwrap(), "invalid_request");
    let upstream = jar.decide(&world, &page, "approve").await.location();
    let denied = jar.get(&world, &world.idp.deny(&upstream)).await;
    let [url, _] = opened(&denied);
    assert_eq!(
        param(&url, "error_description").unwrap(),
        "no thanksSet-Cookie: x=y"
    );
}
