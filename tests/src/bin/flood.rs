//! Floods the sign-in proxy on loopback, run by hand:
//! `cargo run --release -p integration-tests --bin flood [COUNT]`.
//!
//! COUNT (100,000) clients register, COUNT sign-ins are approved and never finished. Prints the
//! server's resident memory before and after each, and checks at the end that a sign-in still
//! reaches the identity provider. Bounded by COUNT; ends by itself.

use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use integration_tests::{Server, StubDataHub, Vitals, artifacts, flooded, mcp::http_client, say};
use reqwest::{Client, header};
use sandbox::idp::{EmbeddedIdp, Options};
use serde_json::{Value, json};

const DEFAULT_COUNT: usize = 100_000;
const AT_ONCE: usize = 32;
const REDIRECT: &str = "http://127.0.0.1:9/callback";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let count = std::env::args()
        .nth(1)
        .map_or(Ok(DEFAULT_COUNT), |text| text.parse())
        .context("COUNT")?;
    let idp = EmbeddedIdp::start(Options::default()).await?;
    let datahub = StubDataHub::start().await?;
    artifacts();
    let server = flooded(&idp, &datahub).start()?;
    let http = http_client();
    let base = server.url("");
    let id = register(&http, &base).await?;
    approve(&http, &base, &id).await?;
    report("at rest", &server)?;

    run(count, || register(&http, &base)).await?;
    report(&format!("after {count} registrations"), &server)?;
    for part in 1..=4 {
        run(count / 4, || approve(&http, &base, &id)).await?;
        report(
            &format!("after {} unfinished sign-ins", count / 4 * part),
            &server,
        )?;
    }
    let last = approve(&http, &base, &id).await?;
    ensure!(last.starts_with(idp.issuer()), "sent to {last}");
    say("a person still gets to the identity provider");
    Ok(())
}

async fn run<F, T>(count: usize, act: impl Fn() -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<T>>,
{
    stream::iter(0..count)
        .map(|_| act())
        .buffer_unordered(AT_ONCE)
        .try_for_each(|_| async { Ok(()) })
        .await
}

/// Registers a client (RFC 7591) and returns its id.
async fn register(http: &Client, base: &str) -> anyhow::Result<String> {
    let metadata = json!({"client_name": "flood", "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none"});
    let answer = http
        .post(format!("{base}/oauth/register"))
        .json(&metadata)
        .send()
        .await?;
    let answer: Value = answer.error_for_status()?.json().await?;
    Ok(answer["client_id"]
        .as_str()
        .context("client_id")?
        .to_owned())
}

/// Opens the consent page in a new browser and approves; returns the URL of the redirect.
async fn approve(http: &Client, base: &str, id: &str) -> anyhow::Result<String> {
    let query = [
        ("response_type", "code"),
        ("client_id", id),
        ("redirect_uri", REDIRECT),
        ("state", "s"),
        (
            "code_challenge",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        ),
        ("code_challenge_method", "S256"),
    ];
    let page = http
        .get(format!("{base}/oauth/authorize"))
        .query(&query)
        .send()
        .await?
        .error_for_status()?;
    let cookies: Vec<String> = page
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .filter_map(|cookie| cookie.to_str().ok()?.split(';').next().map(str::to_owned))
        .collect();
    let body = page.text().await?;
    let form = body
        .split("name=\"request\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .context("the page's form")?;
    let answer = http
        .post(format!("{base}/oauth/authorize"))
        .header(header::COOKIE, cookies.join("; "))
        .header("sec-fetch-site", "same-origin")
        .form(&[("request", form), ("decision", "approve")])
        .send()
        .await?;
    ensure!(answer.status().as_u16() == 303, "{}", answer.status());
    let location = answer.headers().get(header::LOCATION).context("location")?;
    Ok(location.to_str()?.to_owned())
}

fn report(what: &str, server: &Server) -> anyhow::Result<()> {
    let resident = Vitals::of(server.pid())?.resident_kib;
    say(&format!("{what}: {resident} kB"));
    Ok(())
}
