//! One HTTP server on loopback: bind, serve a router, stop. Both embedded servers run on it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A bound listener on 127.0.0.1, whose address is known before anything is served.
pub struct Bound {
    listener: TcpListener,
    addr: SocketAddr,
}

impl Bound {
    /// Binds 127.0.0.1 and `port`; 0 takes a free one.
    ///
    /// # Errors
    /// The port is taken, or the process has no file descriptor left.
    pub async fn loopback(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let addr = listener.local_addr()?;
        Ok(Self { listener, addr })
    }

    /// The address with the port that was taken.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Serves `router` until [`Server::stop`], or until the returned value is dropped.
    pub fn serve(self, router: Router) -> Server {
        let stopping = CancellationToken::new();
        let stopped = stopping.clone();
        let task = tokio::spawn(async move {
            let served = axum::serve(self.listener, router)
                .with_graceful_shutdown(stopped.cancelled_owned())
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "embedded server ended");
            }
        });
        Server {
            addr: self.addr,
            stopping,
            task,
        }
    }
}

/// A running server. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    stopping: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Stops listening at once (the next connection is refused) and closes idle connections;
    /// requests in flight are finished in the background.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Stops, and waits until nothing listens on the port and every request is answered.
    pub async fn stopped(mut self) {
        self.stop();
        if (&mut self.task).await.is_err() {
            tracing::error!("embedded server's task panicked");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}
