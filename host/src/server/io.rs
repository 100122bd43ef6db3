//! A client's TCP connection, with a watch on what hyper does not see: a head that arrives too
//! slowly, a client that does not read its answer, and line ends on which parsers disagree.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use foundation::{
    client_address::ClientNetwork,
    shares::{Exhausted, Supply, Taken},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::{head::HeadScanner, open_connections::OpenConnection};

/// A timer that exists only while something is late.
#[derive(Debug)]
struct Deadline {
    after: Duration,
    running: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    fn new(after: Duration) -> Self {
        Self {
            after,
            running: None,
        }
    }

    /// Starts the timer if it is not running, and fails if it has run out.
    fn poll(&mut self, cx: &mut Context<'_>, what: &'static str) -> io::Result<()> {
        let after = self.after;
        let timer = self
            .running
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + after)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::Error::new(io::ErrorKind::TimedOut, what)),
            Poll::Pending => Ok(()),
        }
    }

    fn stop(&mut self) {
        self.running = None;
    }
}

/// The bytes of heads that have begun and not ended, by the network that they come from.
pub(super) type HeadSupply = Supply<ClientNetwork>;

/// The bytes of one head that count for nobody: usual ones are shorter.
const FREE_HEAD_BYTES: usize = 8 * 1024;

/// The part of a connection in the bytes of long heads.
#[derive(Debug)]
struct HeadRoom {
    heads: Arc<HeadSupply>,
    held: usize,
    taken: Option<Taken<ClientNetwork>>,
}

impl HeadRoom {
    /// Holds what a head of `bytes` takes.
    fn hold(&mut self, bytes: usize, network: ClientNetwork) -> Result<(), Exhausted> {
        let wanted = bytes.saturating_sub(FREE_HEAD_BYTES);
        if wanted == 0 {
            (self.held, self.taken) = (0, None);
        } else if wanted > self.held {
            let more = wanted - self.held;
            match &mut self.taken {
                Some(taken) => taken.grow(more)?,
                None => self.taken = Some(self.heads.take(network, more)?),
            }
            self.held = wanted;
        }
        Ok(())
    }
}

/// A connection that is watched.
#[derive(Debug)]
pub(super) struct WatchedIo<S> {
    stream: S,
    scanner: HeadScanner,
    head: Deadline,
    write: Deadline,
    listed: Option<(Arc<OpenConnection>, HeadRoom)>,
}

impl<S> WatchedIo<S> {
    /// `header_timeout` runs from a head's first byte to its last, `write_timeout` while the client
    /// reads nothing.
    pub(super) fn new(stream: S, header_timeout: Duration, write_timeout: Duration) -> Self {
        Self {
            stream,
            scanner: HeadScanner::new(),
            head: Deadline::new(header_timeout),
            write: Deadline::new(write_timeout),
            listed: None,
        }
    }

    /// The same, noted as waiting for its client in the list of open connections, and with its part in
    /// the bytes of `heads`.
    pub(super) fn listed(
        mut self,
        connection: Arc<OpenConnection>,
        heads: Arc<HeadSupply>,
    ) -> Self {
        let room = HeadRoom {
            heads,
            held: 0,
            taken: None,
        };
        self.listed = Some((connection, room));
        self
    }

    fn watch_write<T>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match result {
            Poll::Ready(result) => {
                self.write.stop();
                Poll::Ready(result)
            }
            Poll::Pending => match self.write.poll(cx, "the client does not read its answer") {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(result) => {
                this.scanner.scan(&mut buf.filled_mut()[before..]);
                if !this.scanner.is_inside_head() {
                    this.head.stop();
                }
                // Only new bytes tell something new: whoever reads a body knows its end as well.
                if let Some((listed, room)) = &mut this.listed
                    && buf.filled().len() > before
                {
                    listed.owes(this.scanner.is_inside_body());
                    if room
                        .hold(this.scanner.head_bytes(), listed.network())
                        .is_err()
                    {
                        let why = "too many long heads of its network are under way";
                        return Poll::Ready(Err(io::Error::other(why)));
                    }
                }
                Poll::Ready(result)
            }
            Poll::Pending if this.scanner.is_inside_head() => {
                match this.head.poll(cx, "the request head arrived too slowly") {
                    Ok(()) => Poll::Pending,
                    Err(error) => Poll::Ready(Err(error)),
                }
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WatchedIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch_write(cx, result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A socket has nothing to flush; its writes are what is watched. hyper flushes when all of
        // an answer has been written.
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        if let Some((listed, _)) = &self.listed {
            listed.has_sent();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch_write(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const NEVER: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_slow_head_ends_the_connection_and_an_idle_one_does_not() {
        let (mut client, server) = duplex(1024);
        let mut server = WatchedIo::new(server, SOON, NEVER);
        let mut buf = [0; 64];
        assert!(futures::poll!(Box::pin(server.read(&mut buf))).is_pending());
        assert!(
            server.head.running.is_none(),
            "an idle connection is not timed"
        );

        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        assert_eq!(server.read(&mut buf).await.unwrap(), 16);
        assert!(futures::poll!(Box::pin(server.read(&mut buf))).is_pending());
        let end = server.head.running.as_ref().unwrap().deadline();
        client.write_all(b"X").await.unwrap();
        assert_eq!(server.read(&mut buf).await.unwrap(), 1);
        let error = server.read(&mut buf).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let timer = server.head.running.as_ref().unwrap();
        assert_eq!(timer.deadline(), end, "a byte now and then does not help");
    }

    #[tokio::test]
    async fn a_head_that_is_whole_stops_the_timer() {
        let (mut client, server) = duplex(1024);
        let mut server = WatchedIo::new(server, NEVER, NEVER);
        let mut buf = [0; 64];
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        assert_eq!(server.read(&mut buf).await.unwrap(), 16);
        assert!(futures::poll!(Box::pin(server.read(&mut buf))).is_pending());
        assert!(server.head.running.is_some());
        client.write_all(b"\r\n").await.unwrap();
        assert_eq!(server.read(&mut buf).await.unwrap(), 2);
        assert!(server.head.running.is_none());
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_ends_the_connection() {
        let (_client, server) = duplex(4);
        let mut server = WatchedIo::new(server, NEVER, SOON);
        let error = server.write_all(b"12345").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
