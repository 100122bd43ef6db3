//! Sends raw bytes to a socket and reads the answer, for requests that no HTTP library would send.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// The longest wait for an answer, on a busy machine.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Sends `bytes` and reads until the server closes the connection or the limit passes.
///
/// # Errors
/// If no connection can be made.
pub async fn send(address: SocketAddr, bytes: &[u8]) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    // The server may close the connection before it has read everything, which is an answer too.
    let _ = stream.write_all(bytes).await;
    Ok(read_to_close(&mut stream).await)
}

/// As [`send`], from another address of this machine, such as 127.0.0.9.
///
/// # Errors
/// If no connection can be made.
pub async fn send_from(
    source: IpAddr,
    address: SocketAddr,
    bytes: &[u8],
) -> anyhow::Result<String> {
    let mut stream = connect_from(source, address).await?;
    let _ = stream.write_all(bytes).await;
    Ok(read_to_close(&mut stream).await)
}

/// Connects from `source`.
///
/// # Errors
/// If no connection can be made.
pub async fn connect_from(source: IpAddr, address: SocketAddr) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(source, 0))?;
    Ok(socket.connect(address).await?)
}

/// Reads until the server closes the connection or the limit passes.
pub async fn read_to_close(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0_u8; 16 * 1024];
    let _ = timeout(ANSWER_LIMIT, async {
        while let Ok(count) = stream.read(&mut buffer).await {
            if count == 0 {
                break;
            }
            answer.extend_from_slice(&buffer[..count]);
        }
    })
    .await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of the first response in `answer`.
pub fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// The number of responses in `answer`.
pub fn responses(answer: &str) -> usize {
    answer.matches("HTTP/1.1 ").count()
}
