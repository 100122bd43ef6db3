//! Signing in with a real browser, as a person does: Chromium, the consent page, the provider's
//! login page, back and reload. Says "skipped" where Chromium is not installed.

use std::sync::Arc;

use axum::{Router, routing::get};
use integration_tests::Chromium;
use serde_json::json;
use url::Url;

use crate::{
    oauth_world::{App, param, start, text},
    world::World,
};

const APPROVE: &str = "button[value=approve]";
const CANCEL: &str = "button[value=cancel]";

/// A client that listens, as programs on a person's computer do; gives its redirect URI.
async fn listening_client() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/callback", get(|| async { "You can close this window." }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/callback")
}

async fn log_in(browser: &Chromium, world: &World, person: &str) -> anyhow::Result<()> {
    browser.arrive(world.idp.url()).await?;
    browser.type_into("#username", person).await?;
    browser
        .type_into("#password", &format!("{person}-password"))
        .await?;
    browser.click("button[value=sign-in]").await
}

#[tokio::test]
async fn a_person_signs_in() -> anyhow::Result<()> {
    let Some(browser) = Chromium::start().await? else {
        return Ok(());
    };
    let world = start().await;
    let redirect = listening_client().await;
    let app = App::register(&world, &redirect).await;

    // The consent page, once reloaded; its one style sheet passes its own policy.
    browser.open(&app.authorize_url(&redirect)).await?;
    browser.find(APPROVE).await?;
    browser.reload().await?;
    browser.find(APPROVE).await?;
    let width = browser
        .evaluate("return getComputedStyle(document.querySelector('main')).maxWidth")
        .await?;
    assert_eq!(width, json!("544px"), "the style sheet is applied");
    let overflow = browser
        .evaluate("return document.documentElement.scrollWidth > window.innerWidth")
        .await?;
    assert_eq!(overflow, json!(false), "nothing sticks out on a phone");
    browser.prefer_dark(true).await?;
    let dark = browser
        .evaluate("return getComputedStyle(document.body).backgroundColor")
        .await?;
    assert_eq!(dark, json!("rgb(13, 17, 23)"));
    browser.prefer_dark(false).await?;
    if let Some(path) = std::env::var_os("CONSENT_SCREENSHOT") {
        std::fs::write(path, browser.screenshot().await?)?;
    }

    // To the provider and back: it was approved, so our page sends on to the provider anew.
    browser.click(APPROVE).await?;
    browser.arrive(world.idp.url()).await?;
    browser.back().await?;
    log_in(&browser, &world, "editor").await?;
    let back = Url::parse(&browser.arrive(&redirect).await?)?;
    let tokens = app.redeem(&back, &redirect).await;
    let token = text(&tokens, "access_token");
    let reply = world
        .server
        .mcp()
        .call(Some(token), "search", json!({"query": "*"}))
        .await?;
    assert_eq!(reply.status, 200, "{}", reply.text);

    // Back and reload afterwards: a page that says what to do, and no fault of ours.
    browser.back().await?;
    browser.reload().await?;
    let page = browser.source().await?;
    assert!(!page.contains("Something went wrong"), "{page}");

    // The same client again: nobody is asked. Another one: asked.
    browser.open(&app.authorize_url(&redirect)).await?;
    let back = Url::parse(&browser.arrive(&redirect).await?)?;
    assert!(param(&back, "code").is_some());
    let other = App::register(&world, &redirect).await;
    browser.open(&other.authorize_url(&redirect)).await?;
    browser.find(APPROVE).await?;
    browser.close().await
}

/// No program is registered for the scheme in a test: the browser stays where it is.
#[tokio::test]
async fn an_app_with_a_scheme_of_its_own_leaves_the_person_on_a_page() -> anyhow::Result<()> {
    let Some(browser) = Chromium::start().await? else {
        return Ok(());
    };
    let world = start().await;
    let redirect = "cursor://anysphere.cursor-mcp/oauth/callback";
    let app = App::register(&world, redirect).await;
    browser.open(&app.authorize_url(redirect)).await?;
    browser.click(APPROVE).await?;
    log_in(&browser, &world, "editor").await?;
    browser.find("a.primary").await?;
    let href = browser
        .evaluate("return document.querySelector('a.primary').href")
        .await?;
    let back = Url::parse(href.as_str().unwrap_or_default())?;
    app.redeem(&back, redirect).await;
    let page = browser.source().await?;
    assert!(page.contains("You can close this window."), "{page}");
    if let Some(path) = std::env::var_os("END_SCREENSHOT") {
        std::fs::write(path, browser.screenshot().await?)?;
    }
    browser.close().await
}

#[tokio::test]
async fn a_person_says_no() -> anyhow::Result<()> {
    let Some(browser) = Chromium::start().await? else {
        return Ok(());
    };
    let world = Arc::new(start().await);
    let redirect = listening_client().await;
    let app = App::register(&world, &redirect).await;
    // On our page.
    browser.open(&app.authorize_url(&redirect)).await?;
    browser.click(CANCEL).await?;
    let back = Url::parse(&browser.arrive(&redirect).await?)?;
    assert_eq!(param(&back, "error").as_deref(), Some("access_denied"));
    assert_eq!(param(&back, "code"), None);
    // At the provider.
    browser.open(&app.authorize_url(&redirect)).await?;
    browser.click(APPROVE).await?;
    browser.arrive(world.idp.url()).await?;
    browser.click("button[value=cancel]").await?;
    let back = Url::parse(&browser.arrive(&redirect).await?)?;
    assert_eq!(param(&back, "error").as_deref(), Some("access_denied"));
    assert_eq!(param(&back, "iss").as_deref(), Some(&*world.server.url("")));
    browser.close().await
}
