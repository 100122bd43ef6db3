//! Answers that take long to send: those that nobody reads, and streams of progress. What a request
//! holds is held until its answer is sent.

use std::{net::SocketAddr, time::Duration};

use integration_tests::{Behaviour, Reply, Server, StubDataHub, until};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// The longest wait on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The time that the first entities take, of which there are many rounds.
const A_ROUND: Duration = Duration::from_millis(300);

struct World {
    server: Server,
    datahub: StubDataHub,
}

/// A server that takes any token as a person of its own.
async fn world(settings: &[(&str, &str)]) -> World {
    let datahub = StubDataHub::start().await.unwrap();
    let mut server = Server::builder()
        .env("DATAHUB_GMS_URL", datahub.url())
        .env("TOKEN_VALIDATOR_FACTORY", "datahub_token")
        .env("LOG_FORMAT", "json");
    for (name, value) in settings {
        server = server.env(name, *value);
    }
    let server = server.start().unwrap();
    World { server, datahub }
}

impl World {
    /// Sends a call that accepts a stream of events, on a connection of its own.
    async fn send(&self, token: &str, id: &str, tool: &str, arguments: &Value) -> TcpStream {
        let address: SocketAddr = self.server.address();
        let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": 1}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let body = body.to_string();
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\nX-Request-Id: {id}\r\n\
             Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\n\r\n{body}",
            body.len(),
        );
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Asks for many entities, and waits until some have been read.
    async fn streaming(&self, token: &str, id: &str) -> (TcpStream, String) {
        self.datahub.behave_to(token, Behaviour::Slow(A_ROUND));
        let urns: Vec<_> = (0..50).map(|n| format!("urn:li:tag:t{n}")).collect();
        let arguments = json!({"urns": urns});
        let mut stream = self.send(token, id, "get_entities", &arguments).await;
        let read = read_until(&mut stream, "notifications/progress").await;
        assert!(read.contains("text/event-stream"), "{read}");
        (stream, read)
    }

    async fn list(&self, token: &str) -> Reply {
        let mcp = self.server.mcp();
        mcp.rpc(Some(token), "tools/list", json!({})).await.unwrap()
    }

    fn line_of(&self, id: &str) -> Option<Value> {
        let output = self.server.output();
        let mut lines = output
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["target"] == "access" && line["request_id"] == id)
    }
}

/// Reads until `text` has come.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut read = String::new();
    let all = async {
        while !read.contains(text) {
            let mut piece = [0; 4096];
            let length = stream.read(&mut piece).await.unwrap();
            assert!(length > 0, "{read}");
            read.push_str(&String::from_utf8_lossy(&piece[..length]));
        }
    };
    timeout(PATIENCE, all).await.unwrap();
    read
}

#[tokio::test]
async fn answers_that_nobody_reads_keep_their_places() {
    let world = world(&[
        ("DATAHUB_MCP_MAX_CONCURRENT_REQUESTS", "16"),
        ("TOOL_RESPONSE_TOKEN_LIMIT", "10000000"),
        ("DESCRIPTION_LENGTH_LIMIT", "10000000"),
    ])
    .await;
    assert_eq!(world.list("greedy").await.status, 200);
    // More than the buffers of the system take.
    let long = "x".repeat(6 << 20);
    let me = json!({"data": {"me": {"corpUser": {
        "urn": "urn:li:corpuser:greedy", "type": "CORP_USER", "username": "greedy", "exists": true,
        "properties": {"displayName": "greedy", "title": long},
    }}}});
    let answer = Behaviour::Fixed(200, me.to_string(), "application/json");
    world.datahub.behave_to("greedy", answer);
    let mut unread = Vec::new();
    for number in 0..8 {
        let id = format!("unread-{number}");
        unread.push(world.send("greedy", &id, "get_me", &json!({})).await);
        until("the answer is ready", async || world.line_of(&id).is_some()).await;
    }
    let refused = world.list("greedy").await;
    assert_eq!(refused.status, 429, "{}", refused.text);
    assert_eq!(world.list("somebody-else").await.status, 200);
    drop(unread);
    until("the places are free again", async || {
        world.list("greedy").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_progress_keeps_its_place() {
    let world = world(&[("DATAHUB_MCP_MAX_CONCURRENT_REQUESTS", "16")]).await;
    assert_eq!(world.list("greedy").await.status, 200);
    let mut streams = Vec::new();
    for number in 0..8 {
        let stream = world.streaming("greedy", &format!("place-{number}")).await;
        let before = world.datahub.stalled();
        world.datahub.behave_to("greedy", Behaviour::Stall);
        until("it waits for DataHub", async || {
            world.datahub.stalled() > before
        })
        .await;
        streams.push(stream);
    }
    let refused = world.list("greedy").await;
    assert_eq!(refused.status, 429, "{}", refused.text);
    assert_eq!(world.list("somebody-else").await.status, 200);
    drop(streams);
    until("the places are free again", async || {
        world.list("greedy").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_progress_has_the_time_of_a_request() {
    let world = world(&[("DATAHUB_MCP_REQUEST_TIMEOUT_SECS", "8")]).await;
    assert_eq!(world.list("somebody").await.status, 200);
    let (mut stream, _) = world.streaming("somebody", "endless").await;
    world.datahub.behave_to("somebody", Behaviour::Stall);
    read_until(&mut stream, "took longer than a call may").await;
    until("the call has its line", async || {
        world.line_of("endless").is_some()
    })
    .await;
    let line = world.line_of("endless").unwrap();
    assert_eq!(line["reason"], "timeout", "{line}");
    until("DataHub's calls ended", async || {
        world.datahub.in_flight() == 0
    })
    .await;
}

#[tokio::test]
async fn a_token_that_datahub_refuses_in_the_middle_of_a_stream_is_forgotten() {
    let world = world(&[]).await;
    assert_eq!(world.list("somebody").await.status, 200);
    let (mut stream, _) = world.streaming("somebody", "revoked").await;
    world.datahub.behave_to("somebody", Behaviour::Unauthorized);
    read_until(&mut stream, "does not accept the token").await;
    until("the verdict is forgotten", async || {
        world.list("somebody").await.status == 401
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_progress_does_not_make_room_for_other_connections() {
    let world = world(&[("DATAHUB_MCP_MAX_CONNECTIONS", "3")]).await;
    assert_eq!(world.list("somebody").await.status, 200);
    let (mut stream, _) = world.streaming("somebody", "busy").await;
    let mut idle = Vec::new();
    for _ in 0..10 {
        idle.push(TcpStream::connect(world.server.address()).await.unwrap());
    }
    read_until(&mut stream, "\"result\"").await;
}
