//! Waits until the server is up and a real search gets through to DataHub.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::error::Error;
use crate::host::Host;
use crate::show::search_body;
use crate::stack::Stack;

const LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);
/// The limit for one request; generous, because a debug build on a busy machine is slow.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) async fn wait(host: &mut Host, stack: &Stack) -> Result<(), Error> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox asks the server that it started, which no setting of the product touches"
    )]
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(REQUEST_TIMEOUT)
        .build()
        .map_err(Error::Client)?;
    let started = Instant::now();
    let mut last = "nothing".to_owned();
    while started.elapsed() < LIMIT {
        if let Some(status) = host.has_ended() {
            return Err(Error::HostEnded(status));
        }
        match attempt(&client, host, stack).await {
            Ok(()) => return Ok(()),
            Err(said) => last = said,
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(Error::NotReady {
        seconds: LIMIT.as_secs(),
        last,
    })
}

/// Asks `/health` once and searches once; the error is the server's answer.
async fn attempt(client: &reqwest::Client, host: &Host, stack: &Stack) -> Result<(), String> {
    let plain = |error: reqwest::Error| error.without_url().to_string();
    let health = client
        .get(host.url("/health"))
        .send()
        .await
        .map_err(plain)?;
    if !health.status().is_success() {
        return Err(format!("/health: {}", health.status()));
    }
    let search = client
        .post(host.url("/mcp"))
        .bearer_auth(stack.admin_token())
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .body(search_body())
        .send()
        .await
        .map_err(plain)?;
    let status = search.status();
    let body = search.text().await.map_err(plain)?;
    if status == reqwest::StatusCode::UNAUTHORIZED
        && std::env::var_os("TOKEN_VALIDATOR_FACTORY").is_some()
    {
        // the caller's own validator may not know the embedded provider
        tracing::warn!("the validator in TOKEN_VALIDATOR_FACTORY refuses the sandbox's tokens");
        return Ok(());
    }
    let answered = serde_json::from_str::<Value>(&body).is_ok_and(|answer| {
        answer["result"]["content"][0]["text"].is_string() && answer["result"]["isError"] != true
    });
    if status.is_success() && answered {
        Ok(())
    } else {
        Err(format!("search: {status}: {body}"))
    }
}
