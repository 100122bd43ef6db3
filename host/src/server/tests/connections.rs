//! The accept loop over real sockets.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::support::Bench;
use crate::server::{Ended, bind};

/// More than any of these tests takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    hurry: CancellationToken,
    ended: JoinHandle<Ended>,
}

/// Starts `bench`. Its name is that of port 8000, whatever the port is, and requests use that name.
fn start(bench: Bench) -> Running {
    let listener = bind(bench.settings.address).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, hurry) = (CancellationToken::new(), CancellationToken::new());
    let ended = tokio::spawn(
        bench
            .server()
            .run(listener, None, stop.clone(), hurry.clone()),
    );
    Running {
        address,
        stop,
        hurry,
        ended,
    }
}

/// Sends `text` and reads until the server closes the connection.
async fn exchange(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer counts as an end.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .unwrap();
    String::from_utf8(answer).unwrap()
}

fn statuses(answer: &str) -> Vec<&str> {
    answer
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answer[at + 9..at + 12])
        .collect()
}

#[tokio::test]
async fn requests_that_parsers_disagree_on_get_one_answer_and_the_end() {
    let running = start(Bench::new());
    let host = "Host: localhost:8000\r\n";
    for (text, status) in [
        (format!("GET /health HTTP/1.1\n{host}\r\n"), "400"),
        (format!("GET /health HTTP/1.1\r\n{host}X: y\n\r\n"), "400"),
        (
            "GET /health HTTP/1.1\r\nHost: localhost:8000\n\n".to_owned(),
            "400",
        ),
        ("GET /health HTTP/1.1\r\n\r\n".to_owned(), "400"),
        (format!("GET /health HTTP/1.1\r\n{host}{host}\r\n"), "400"),
        (
            format!("POST /mcp HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
            "400",
        ),
        (
            format!("POST /mcp HTTP/1.1\r\n{host}Transfer-Encoding: xchunked\r\n\r\n"),
            "400",
        ),
        (
            format!("GET /health HTTP/1.1\r\n{host}X: \0\r\n\r\n"),
            "400",
        ),
    ] {
        // A second request must not be read out of the first.
        let answer = exchange(
            running.address,
            &format!("{text}GET /health HTTP/1.1\r\n{host}\r\n"),
        )
        .await;
        assert_eq!(statuses(&answer), [status], "{text:?}");
    }
}

#[tokio::test]
async fn a_chunked_request_is_the_last_of_its_connection() {
    let running = start(Bench::new());
    let host = "Host: localhost:8000\r\n";
    let text = format!(
        "POST /mcp HTTP/1.1\r\n{host}Authorization: Bearer good\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nGET /health HTTP/1.1\r\n{host}\r\n"
    );
    let answer = exchange(running.address, &text).await;
    assert_eq!(statuses(&answer), ["200"], "{answer}");
}

#[tokio::test]
async fn a_line_end_inside_a_chunks_extension_hides_no_request() {
    let running = start(Bench::new());
    let host = "Host: localhost:8000\r\n";
    let head = format!(
        "POST /mcp HTTP/1.1\r\n{host}Authorization: Bearer good\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let hidden = format!("GET /health HTTP/1.1\r\n{host}\r\n");
    for (extension, length) in [
        (";\n", hidden.len()),
        (";a\n", hidden.len()),
        ("\n", hidden.len()),
        (";\r", hidden.len()),
        (";\r\r\n", hidden.len()),
        (";\n0\r\n\r\n", hidden.len()),
        (";a=\"\n0\r\n\r\n", 2),
    ] {
        let text = format!("{head}{length:x}{extension}{hidden}\r\n0\r\n\r\n{hidden}");
        let answer = exchange(running.address, &text).await;
        let statuses = statuses(&answer);
        // One answer at most, and none to what is hidden.
        assert!(statuses.len() <= 1, "{extension:?}: {answer}");
        assert!(!answer.contains("HTTP/1.1 200"), "{extension:?}: {answer}");
    }
}

#[tokio::test]
async fn requests_share_a_connection() {
    let running = start(Bench::new());
    let one = "POST /mcp HTTP/1.1\r\nHost: localhost:8000\r\nAuthorization: Bearer good\r\nContent-Length: 3\r\n\r\n{\n}";
    let last = "GET /health HTTP/1.1\r\nHost: localhost:8000\r\nConnection: close\r\n\r\n";
    let answer = exchange(running.address, &format!("{one}{one}{last}")).await;
    assert_eq!(statuses(&answer), ["200", "200", "200"]);
}

#[tokio::test]
async fn too_much_head_is_431() {
    let running = start(Bench::new());
    let big = format!(
        "GET /health HTTP/1.1\r\nHost: localhost:8000\r\nX: {}\r\n\r\n",
        "x".repeat(20_000)
    );
    let answer = exchange(running.address, &big).await;
    assert_eq!(statuses(&answer), ["431"]);
    let many = format!(
        "GET /health HTTP/1.1\r\nHost: localhost:8000\r\n{}\r\n",
        "X: y\r\n".repeat(101)
    );
    assert_eq!(statuses(&exchange(running.address, &many).await), ["431"]);
}

#[tokio::test]
async fn a_head_that_comes_too_slowly_ends_its_connection() {
    let mut bench = Bench::new();
    bench.settings.limits.header_timeout = Duration::from_millis(50);
    let running = start(bench);
    let answer = exchange(running.address, "GET /health HTTP/1.1\r\nHost: loc").await;
    assert_eq!(answer, "");
}

#[tokio::test]
async fn a_connection_more_than_may_be_open_waits_for_a_place() {
    let mut bench = Bench::new();
    bench.settings.limits.max_connections = 1;
    let running = start(bench);
    let first = TcpStream::connect(running.address).await.unwrap();
    let second = tokio::spawn({
        let address = running.address;
        let get = "GET /health HTTP/1.1\r\nHost: localhost:8000\r\nConnection: close\r\n\r\n";
        async move { exchange(address, get).await }
    });
    drop(first);
    assert_eq!(statuses(&second.await.unwrap()), ["200"]);
}

#[tokio::test]
async fn the_end_lets_requests_finish_and_closes_idle_connections() {
    let running = start(Bench::new());
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    let mut busy = TcpStream::connect(running.address).await.unwrap();
    let head = "POST /mcp HTTP/1.1\r\nHost: localhost:8000\r\nAuthorization: Bearer good\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    busy.write_all(head.as_bytes()).await.unwrap();
    // The server has started on the request when it asks for the body.
    let mut begun = [0; 25];
    busy.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 100 Continue\r\n\r\n");

    running.stop.cancel();
    let mut nothing = [0; 1];
    assert_eq!(idle.read(&mut nothing).await.unwrap(), 0);
    busy.write_all(b"{}").await.unwrap();
    let mut answer = String::new();
    busy.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("person of good"),
        "{answer}"
    );
    assert_eq!(running.ended.await.unwrap(), Ended::Drained);
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn a_call_that_is_cut_at_the_end_is_503_and_never_500() {
    for (stopping, status) in [(false, "500"), (true, "503")] {
        let running = start(Bench::new());
        let mut idle = TcpStream::connect(running.address).await.unwrap();
        let mut busy = TcpStream::connect(running.address).await.unwrap();
        let head = "POST /mcp HTTP/1.1\r\nHost: localhost:8000\r\nAuthorization: Bearer good\r\nContent-Length: 4\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n";
        busy.write_all(head.as_bytes()).await.unwrap();
        let mut begun = [0; 25];
        busy.read_exact(&mut begun).await.unwrap();
        if stopping {
            running.stop.cancel();
            let mut nothing = [0; 1];
            assert_eq!(idle.read(&mut nothing).await.unwrap(), 0);
        }
        busy.write_all(b"fail").await.unwrap();
        let mut answer = String::new();
        busy.read_to_string(&mut answer).await.unwrap();
        assert_eq!(statuses(&answer), [status], "{answer}");
        assert_eq!(answer.contains("retry-after: 1"), stopping, "{answer}");
        running.stop.cancel();
        assert_eq!(running.ended.await.unwrap(), Ended::Drained);
    }
}

/// Starts a call that never ends and waits until the server works on it.
async fn begin_endless_call(address: SocketAddr) -> TcpStream {
    let mut busy = TcpStream::connect(address).await.unwrap();
    let head = "POST /mcp HTTP/1.1\r\nHost: localhost:8000\r\nAuthorization: Bearer good\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    busy.write_all(head.as_bytes()).await.unwrap();
    let mut begun = [0; 25];
    busy.read_exact(&mut begun).await.unwrap();
    busy.write_all(b"wait").await.unwrap();
    busy
}

#[tokio::test]
async fn a_request_that_does_not_finish_in_time_is_cut_off() {
    let mut bench = Bench::new();
    bench.settings.shutdown.grace = Duration::from_millis(10);
    let running = start(bench);
    let _busy = begin_endless_call(running.address).await;
    running.stop.cancel();
    assert_eq!(running.ended.await.unwrap(), Ended::CutOff(1));
}

#[tokio::test]
async fn asked_again_it_ends_at_once() {
    let mut bench = Bench::new();
    bench.settings.shutdown.grace = Duration::from_secs(3600);
    bench.settings.shutdown.delay = Duration::from_secs(3600);
    let running = start(bench);
    let _busy = begin_endless_call(running.address).await;
    running.stop.cancel();
    running.hurry.cancel();
    assert_eq!(running.ended.await.unwrap(), Ended::CutOff(1));
}
