//! An HTTP server for tests: one handler, one request per connection, and a record of requests.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};
use url::Url;

/// A status, header fields and a body.
pub(crate) type Reply = (u16, Vec<(&'static str, String)>, String);

/// A reply without header fields.
pub(crate) fn reply(status: u16, body: impl Into<String>) -> Reply {
    (status, Vec::new(), body.into())
}

/// A redirect.
pub(crate) fn moved(to: impl Into<String>) -> Reply {
    (302, vec![("location", to.into())], String::new())
}

pub(crate) struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// `answer` gets the request's target.
    pub(crate) async fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let record = Arc::clone(&seen);
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (record, answer) = (Arc::clone(&record), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") {
                        if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    record.lock().unwrap().push(head.clone());
                    let target = head.split(' ').nth(1).unwrap_or_default();
                    let (status, headers, body) = answer(target);
                    let mut text = format!("HTTP/1.1 {status} x\r\nconnection: close\r\n");
                    for (name, value) in headers {
                        text.push_str(&format!("{name}: {value}\r\n"));
                    }
                    text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
                    let _gone = stream.write_all(text.as_bytes()).await;
                });
            }
        });
        Self { port, seen }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        format!("http://127.0.0.1:{}{path}", self.port)
            .parse()
            .unwrap()
    }

    /// The heads of all requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// The targets of all requests so far.
    pub(crate) fn targets(&self) -> Vec<String> {
        let heads = self.heads();
        let target = |head: &String| head.split(' ').nth(1).unwrap_or_default().to_owned();
        heads.iter().map(target).collect()
    }
}
