//! rmcp's own client: `rmcp-client token` with the token in MCP_TOKEN, `rmcp-client sign-in` through the
//! browser in BROWSER_SCRIPT.

use std::borrow::Cow;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rmcp::model::CallToolRequestParams;
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{AuthClient, AuthorizationRequest, OAuthState};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ServiceExt as _, service::ServiceError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;

const ORDERS: &str = "urn:li:dataset:(urn:li:dataPlatform:snowflake,lantern.marts.fct_orders,PROD)";
const UPSTREAM: &str = "urn:li:dataset:(urn:li:dataPlatform:dbt,lantern.marts.fct_orders,PROD)";
const CALLBACK: &str = "http://127.0.0.1:33420/callback";
const CALLBACK_ADDR: &str = "127.0.0.1:33420";

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::var("MCP_URL").context("MCP_URL")?;
    let done = match std::env::args().nth(1).as_deref() {
        Some("token") => token(&url).await?,
        Some("sign-in") => sign_in(&url).await?,
        _ => bail!("usage: rmcp-client token|sign-in"),
    };
    println!("{done}");
    Ok(())
}

async fn token(url: &str) -> Result<String> {
    let token = std::env::var("MCP_TOKEN").context("MCP_TOKEN")?;
    let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(token);
    let client = ().serve(StreamableHttpClientTransport::from_config(config)).await?;
    let done = exercise(&client).await?;
    client.cancel().await?;
    Ok(done)
}

async fn sign_in(url: &str) -> Result<String> {
    let mut state = OAuthState::new(url, None).await?;
    let request = AuthorizationRequest::new(CALLBACK).with_client_name("sandbox test client (rmcp)");
    state.start_authorization(request).await?;
    let listener = TcpListener::bind(CALLBACK_ADDR).await?;
    let mut browser = Command::new("node")
        .arg(std::env::var("BROWSER_SCRIPT").context("BROWSER_SCRIPT")?)
        .arg(state.get_authorization_url().await?)
        .env("BROWSER_CALLBACK", CALLBACK)
        .kill_on_drop(true)
        .spawn()?;
    let landed = tokio::select! {
        landed = callback(&listener) => landed?,
        status = browser.wait() => bail!("the browser got stuck: {status:?}"),
    };
    state.handle_callback_url(&landed).await?;
    // the second visit, by the refresh token alone
    state.refresh_token().await?;
    let manager = state.into_authorization_manager().context("not signed in")?;
    let client = AuthClient::new(reqwest::Client::new(), manager);
    let config = StreamableHttpClientTransportConfig::with_uri(url);
    let transport = StreamableHttpClientTransport::with_client(client, config);
    let client = ().serve(transport).await?;
    let done = exercise(&client).await?;
    client.cancel().await?;
    Ok(format!("{done}; refreshed before"))
}

/// Waits for the browser's visit and returns the address that it was sent to.
async fn callback(listener: &TcpListener) -> Result<String> {
    let (mut stream, _) = tokio::time::timeout(Duration::from_secs(60), listener.accept()).await??;
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        ensure!(stream.read_buf(&mut request).await? > 0, "the browser went away");
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await?;
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1).context("no path")?;
    Ok(format!("http://{CALLBACK_ADDR}{path}"))
}

async fn exercise(client: &RunningService<RoleClient, ()>) -> Result<String> {
    let tools = client.list_all_tools().await?;
    for name in ["search", "get_lineage"] {
        ensure!(tools.iter().any(|tool| tool.name == name), "no tool {name}");
    }
    let found = call(client, "search", serde_json::json!({ "query": "fct_orders" })).await?;
    ensure!(found.contains(ORDERS), "search did not find {ORDERS}: {found}");
    let arguments = serde_json::json!({ "urn": ORDERS, "upstream": true });
    let lineage = call(client, "get_lineage", arguments).await?;
    ensure!(lineage.contains(UPSTREAM), "lineage lacks {UPSTREAM}: {lineage}");
    Ok(format!("{} tools, search and lineage answered", tools.len()))
}

async fn call(
    client: &RunningService<RoleClient, ()>,
    name: &'static str,
    arguments: serde_json::Value,
) -> Result<String, ServiceError> {
    let mut request = CallToolRequestParams::new(Cow::Borrowed(name));
    request.arguments = arguments.as_object().cloned();
    let result = client.call_tool(request).await?;
    Ok(serde_json::to_string(&result.content).unwrap_or_default())
}
