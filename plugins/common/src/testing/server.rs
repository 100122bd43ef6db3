//! An HTTP/1.1 server for tests: one handler, one request per connection, a count of requests.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use url::Url;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET`, `POST`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Header fields, names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: String,
}

impl Asked {
    /// A field of a form body, decoded.
    pub fn field(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The body as JSON; null if it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// The server's response to a request.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Announces this length instead of the true one.
    claimed: Option<usize>,
    hang: bool,
    /// Sends the body this many times.
    repeat: usize,
}

impl Reply {
    /// A status and a body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self {
            status,
            headers: Vec::new(),
            body,
            claimed: None,
            hang: false,
            repeat: 1,
        }
    }

    /// 200 with a JSON body.
    pub fn json(body: &serde_json::Value) -> Self {
        Self::new(200, body.to_string()).header("content-type", "application/json")
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Never answers, and keeps the connection.
    pub fn hang() -> Self {
        Self {
            hang: true,
            ..Self::new(200, "")
        }
    }

    /// Breaks off in the middle of its body.
    #[must_use]
    pub fn cut_short(mut self) -> Self {
        self.claimed = Some(self.body.len() + 100);
        self
    }

    /// Sends the body `times` times, without announcing the length.
    #[must_use]
    pub fn endless(mut self, times: usize) -> Self {
        self.repeat = times;
        self
    }
}

/// A server on a free port of the loopback interface. Ends when it is dropped.
pub struct Server {
    /// Its origin, with a slash at the end.
    pub url: Url,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts a server.
    pub async fn start(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let url = Url::parse(&format!("http://{address}/")).expect("a URL");
        let requests = Arc::new(AtomicUsize::new(0));
        let handler = Arc::new(handler);
        let counter = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (handler, counter) = (Arc::clone(&handler), Arc::clone(&counter));
                tokio::spawn(async move { serve(stream, &*handler, &counter).await });
            }
        });
        Self {
            url,
            requests,
            task,
        }
    }

    /// A URL of this server.
    pub fn at(&self, path: &str) -> Url {
        self.url.join(path).expect("a path")
    }

    /// The number of requests so far.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    handler: &(dyn Fn(&Asked) -> Reply + Send + Sync),
    counter: &AtomicUsize,
) -> Option<()> {
    let asked = read(&mut stream).await?;
    counter.fetch_add(1, Ordering::SeqCst);
    let reply = handler(&asked);
    if reply.hang {
        std::future::pending::<()>().await;
    }
    let mut head = format!("HTTP/1.1 {} test\r\nconnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if reply.repeat == 1 {
        let length = reply.claimed.unwrap_or(reply.body.len());
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.ok()?;
    for _ in 0..reply.repeat {
        stream.write_all(&reply.body).await.ok()?;
    }
    stream.shutdown().await.ok()
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let mut request = lines.next()?.split(' ');
    let (method, path) = (request.next()?.to_owned(), request.next()?.to_owned());
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers
        .get("content-length")
        .map_or(Some(0), |text| text.parse().ok())?;
    let mut body = bytes.split_off(head_end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Asked {
        method,
        path,
        headers,
        body: String::from_utf8(body).ok()?,
    })
}
