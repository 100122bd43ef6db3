//! A small MCP client that shows status, headers and body of every answer.

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

/// The answer to a request.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The HTTP headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The JSON-RPC message in the body (or in the only event of an SSE stream), or null.
    pub json: Value,
}

impl Reply {
    /// The value of a header, or an empty string.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The structured content of a tool's answer.
    pub fn structured(&self) -> &Value {
        &self.json["result"]["structuredContent"]
    }

    /// The text of a tool's answer. What is beside DataHub's answer may follow it.
    pub fn tool_text(&self) -> &str {
        self.json["result"]["content"][0]["text"]
            .as_str()
            .unwrap_or_default()
    }

    /// The texts that follow that of a tool's answer, in one.
    pub fn tool_note(&self) -> Option<String> {
        let texts = self.json["result"]["content"].as_array()?.iter().skip(1);
        let texts: Vec<&str> = texts.filter_map(|block| block["text"].as_str()).collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    /// True if the answer is a tool's own error.
    pub fn is_tool_error(&self) -> bool {
        self.json["result"]["isError"] == json!(true)
    }
}

/// A client of one MCP endpoint.
#[derive(Debug, Clone)]
pub struct Mcp {
    http: reqwest::Client,
    url: String,
}

impl Mcp {
    /// Creates a client of the endpoint at `url`.
    pub fn new(url: String) -> Self {
        Self {
            http: http_client(),
            url,
        }
    }

    /// The URL of the endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The underlying HTTP client, for requests that are not MCP.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// A POST with the headers that MCP requires, not yet sent.
    pub fn request(&self, token: Option<&str>) -> reqwest::RequestBuilder {
        let request = self
            .http
            .post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream");
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a JSON-RPC request.
    ///
    /// # Errors
    /// If no HTTP answer comes.
    pub async fn rpc(
        &self,
        token: Option<&str>,
        method: &str,
        params: Value,
    ) -> anyhow::Result<Reply> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        reply(self.request(token).json(&body)).await
    }

    /// Calls a tool.
    ///
    /// # Errors
    /// If no HTTP answer comes.
    pub async fn call(
        &self,
        token: Option<&str>,
        tool: &str,
        arguments: Value,
    ) -> anyhow::Result<Reply> {
        self.rpc(
            token,
            "tools/call",
            json!({"name": tool, "arguments": arguments}),
        )
        .await
    }
}

/// Sends a request and reads the whole answer.
///
/// # Errors
/// If no HTTP answer comes.
pub async fn reply(request: reqwest::RequestBuilder) -> anyhow::Result<Reply> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    let message = text
        .lines()
        .find_map(|line| {
            line.strip_prefix("data:")
                .map(str::trim)
                .filter(|data| !data.is_empty())
        })
        .unwrap_or(&text);
    let json = serde_json::from_str(message).unwrap_or(Value::Null);
    Ok(Reply {
        status,
        headers,
        text,
        json,
    })
}

/// An HTTP client that follows no redirect and gives up after a minute.
///
/// # Panics
/// If TLS cannot be set up, because no test could run then.
pub fn http_client() -> reqwest::Client {
    #[expect(
        clippy::expect_used,
        clippy::disallowed_methods,
        reason = "a harness without a client of its own cannot go on"
    )]
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(std::time::Duration::from_secs(60))
        .build()
        .expect("an HTTP client")
}

/// The status of a request that needs nothing but a good token.
///
/// # Panics
/// If no HTTP answer comes.
pub async fn status(mcp: &Mcp, token: &str) -> u16 {
    let reply = mcp.rpc(Some(token), "tools/list", json!({})).await;
    #[expect(clippy::expect_used, reason = "a test without an answer cannot go on")]
    reply.expect("an answer").status
}
