//! The listener on loopback to which the browser comes back, for one answer.
//!
//! Listens on 127.0.0.1 alone. What has another state is refused, and changes nothing.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use oauth::{Came, Walk};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

const PATH: &str = "/oauth/callback";
/// The time that a person has to sign in.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(300);
/// The time in which the page gets to the browser.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The most answers with another state that are refused; then something is wrong.
const MAX_STRANGERS: usize = 50;

/// A query that came, and the way to answer if it is ours.
type Asked = (String, oneshot::Sender<bool>);

/// The listener.
pub(super) struct Callback {
    url: String,
    asked: mpsc::Receiver<Asked>,
    stop: CancellationToken,
    serving: JoinHandle<io::Result<()>>,
}

impl Callback {
    /// Listens on `port` of 127.0.0.1, a free one if it is 0.
    pub(super) async fn listen(port: u16, localhost: bool) -> io::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(address).await?;
        let port = listener.local_addr()?.port();
        let host = match localhost {
            true => "localhost",
            false => "127.0.0.1",
        };
        let (sender, asked) = mpsc::channel(1);
        let router = Router::new().route(PATH, get(arrived)).with_state(sender);
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
        Ok(Self {
            url: format!("http://{host}:{port}{PATH}"),
            asked,
            stop,
            serving: tokio::spawn(serving.into_future()),
        })
    }

    /// The redirect URI.
    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    /// Waits for the answer to `walk`.
    pub(super) async fn wait(&mut self, walk: &Walk) -> Option<Came> {
        let ours = async {
            for _ in 0..MAX_STRANGERS {
                let (query, answer) = self.asked.recv().await?;
                let came = walk.came(&query).await;
                let is_ours = !matches!(came, Came::Stranger);
                // A browser that has gone needs no page.
                let _ = answer.send(is_ours);
                if is_ours {
                    return Some(came);
                }
            }
            None
        };
        timeout(SIGN_IN_TIMEOUT, ours).await.ok().flatten()
    }

    /// Stops listening.
    pub(super) async fn close(self) {
        drop(self.asked);
        self.stop.cancel();
        let abort = self.serving.abort_handle();
        if timeout(CLOSE_TIMEOUT, self.serving).await.is_err() {
            abort.abort();
        }
    }
}

/// `GET /oauth/callback`.
async fn arrived(State(asked): State<mpsc::Sender<Asked>>, RawQuery(query): RawQuery) -> Response {
    let (answer, answered) = oneshot::channel();
    let passed = asked.send((query.unwrap_or_default(), answer)).await;
    let ours = passed.is_ok() && answered.await.unwrap_or(false);
    let (status, text) = match ours {
        true => (
            StatusCode::OK,
            "The answer has arrived. You can close this page; the rest is in the terminal.\n",
        ),
        false => (
            StatusCode::BAD_REQUEST,
            "This is not the answer to the sign-in that is waited for.\n",
        ),
    };
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONNECTION, "close"),
    ];
    (status, headers, text).into_response()
}
