//! Bare axum to compare with, in a process of its own as the server is, so that its CPU time can be told.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::post,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{mcp::http_client, say};

/// The first argument of a process that is to be one of these.
const ARGUMENT: &str = "--bare";
/// The question of a hop to DataHub: the smallest search.
pub const SEARCH: &str = r#"{"operationName":"search","query":"query search { searchAcrossEntities { total } }","variables":{}}"#;
/// Longer than any comparison: it ends by itself if nothing stops it.
const LIFETIME: Duration = Duration::from_secs(600);

/// A server with one route, `/mcp`. Ends when this is dropped.
pub struct Bare {
    child: Child,
    address: SocketAddr,
}

impl Bare {
    /// Answers every JSON with the same one.
    ///
    /// # Errors
    /// If it does not start.
    pub fn fixed() -> anyhow::Result<Self> {
        Self::start(&[])
    }

    /// Asks `datahub` (a URL) [`SEARCH`] with the caller's token, and passes on what it answers.
    ///
    /// # Errors
    /// If it does not start.
    pub fn hop(datahub: &str) -> anyhow::Result<Self> {
        Self::start(&[datahub])
    }

    /// This program once more, whose `main` calls [`serve_if_asked`].
    fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        // Not by its path: a build of the server may have replaced this program.
        let mut child = Command::new("/proc/self/exe")
            .arg(ARGUMENT)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("stdout")?).read_line(&mut line)?;
        let address = line.trim().parse().context("its address")?;
        Ok(Self { child, address })
    }

    /// The address at which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of its route.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// The number of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves where this process was started by [`Bare`]; else returns false at once.
///
/// # Errors
/// If it cannot serve.
pub fn serve_if_asked() -> anyhow::Result<bool> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(ARGUMENT) {
        return Ok(false);
    }
    let routes = match (arguments.next(), arguments.next()) {
        (None, _) => Router::new().route("/mcp", post(fixed)),
        (Some(datahub), None) => Router::new().route("/mcp", post(hop)).with_state(Hop {
            client: http_client(),
            url: format!("{datahub}/api/graphql"),
        }),
        _ => bail!("give at most one URL"),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        say(&listener.local_addr()?.to_string());
        let _ = tokio::time::timeout(LIFETIME, axum::serve(listener, routes)).await;
        Ok(true)
    })
}

async fn fixed(Json(_): Json<Value>) -> Json<Value> {
    Json(json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": []}}))
}

#[derive(Clone)]
struct Hop {
    client: reqwest::Client,
    url: String,
}

async fn hop(
    State(hop): State<Hop>,
    headers: HeaderMap,
    Json(_): Json<Value>,
) -> Result<([(header::HeaderName, &'static str); 1], Bytes), StatusCode> {
    let token = headers.get(header::AUTHORIZATION);
    let token = token.ok_or(StatusCode::UNAUTHORIZED)?;
    let asked = hop.client.post(&hop.url).body(SEARCH);
    let asked = asked
        .header(header::AUTHORIZATION, token)
        .header(header::CONTENT_TYPE, "application/json");
    let answered = asked.send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let body = answered.bytes().await;
    let body = body.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body))
}
