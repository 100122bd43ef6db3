//! A client of one connection that costs next to nothing: the generator must not be what is measured.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use integration_tests::raw;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The answer to a request.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn has(&self, header: &str) -> bool {
        value(&self.head, header).is_some()
    }
}

/// One connection. Requests follow each other on it.
pub(super) struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        Self::of(TcpStream::connect(address).await?)
    }

    /// From another address of this machine, such as 127.0.0.9.
    pub(super) async fn open_from(source: IpAddr, address: SocketAddr) -> io::Result<Self> {
        let stream = raw::connect_from(source, address).await;
        Self::of(stream.map_err(io::Error::other)?)
    }

    fn of(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Reads until the server closes the connection.
    pub(super) async fn wait_for_end(&mut self) {
        let mut part = [0; 1024];
        while self.stream.read(&mut part).await.is_ok_and(|read| read > 0) {}
    }

    /// Sends a request and reads its answer.
    pub(super) async fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.send(request).await?;
        let end = loop {
            if let Some(at) = position(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            self.read().await?;
        };
        let head = String::from_utf8_lossy(self.buffer.get(..end).unwrap_or_default()).into_owned();
        self.buffer.drain(..end);
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        let body = match value(&head, "content-length").map(str::parse::<usize>) {
            Some(Ok(length)) => {
                while self.buffer.len() < length {
                    self.read().await?;
                }
                self.buffer.drain(..length).collect()
            }
            Some(Err(_)) => return Err(io::ErrorKind::InvalidData.into()),
            None if value(&head, "transfer-encoding").is_some() => {
                let last = b"\r\n0\r\n\r\n";
                while !self.buffer.ends_with(last) {
                    self.read().await?;
                }
                std::mem::take(&mut self.buffer)
            }
            None => Vec::new(),
        };
        Ok(Answer { status, head, body })
    }

    async fn read(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// The value of the header `name`, which is in lower case.
fn value<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

/// A GET without a token.
pub(super) fn get(address: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes()
}

/// A message to `/mcp`.
pub(super) fn post(address: SocketAddr, token: &str, message: &str) -> Vec<u8> {
    let head = head(address, token, message.len());
    (head + message).into_bytes()
}

/// The head of a message to `/mcp`.
pub(super) fn head(address: SocketAddr, token: &str, length: usize) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\
         Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\r\n"
    )
}

/// A search as a client sends it.
pub(super) fn search(address: SocketAddr, token: &str) -> Vec<u8> {
    let message = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"query":"orders"}}}"#;
    post(address, token, message)
}

/// The list of tools as a client asks for it.
pub(super) fn list(address: SocketAddr, token: &str) -> Vec<u8> {
    let message = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#;
    post(address, token, message)
}
