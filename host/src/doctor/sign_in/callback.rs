//! The listener on loopback to which the browser comes back, for one answer.
//!
//! Listens on 127.0.0.1 alone. Whatever has another state is refused and changes nothing, however much of
//! it comes: only the answer with our state, or the end of the time, ends the wait. Each connection has
//! one request and a time limit, and where there are too many, a silent one makes room.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use oauth::{Came, Walk};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;

const PATH: &str = "/oauth/callback";
/// The time that a person has to sign in.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(300);
/// The time in which the page gets to the browser.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The time in which a connection must have sent its request. A browser that connects ahead of time
/// connects again.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest life of a connection.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(15);
/// The most connections at a time.
const MAX_CONNECTIONS: usize = 64;
/// The most requests that wait to be looked at.
const MAX_WAITING: usize = 16;
/// The largest head of a request: the query of a provider is long.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The time after which a connection without a request makes room for another.
const SILENCE: Duration = Duration::from_secs(1);
/// The pause while no connection can be accepted.
const PAUSE: Duration = Duration::from_millis(50);

/// A query that came, and the way to answer if it is ours.
type Asked = (String, oneshot::Sender<bool>);

/// The end of the wait.
pub(super) enum Waited {
    /// Our answer came.
    Came(Came),
    /// It did not come in time. So many requests were not ours.
    InVain(usize),
}

/// The listener.
pub(super) struct Callback {
    url: String,
    asked: mpsc::Receiver<Asked>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
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
        let (sender, asked) = mpsc::channel(MAX_WAITING);
        let router = Router::new().route(PATH, get(arrived)).with_state(sender);
        let stop = CancellationToken::new();
        Ok(Self {
            url: format!("http://{host}:{port}{PATH}"),
            asked,
            stop: stop.clone(),
            serving: tokio::spawn(serve(listener, router, stop)),
        })
    }

    /// The redirect URI.
    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    /// Waits for the answer to `walk`.
    pub(super) async fn wait(&mut self, walk: &Walk) -> Waited {
        let mut strangers = 0;
        let ours = async {
            loop {
                // The listener holds the other end for as long as it runs.
                let (query, answer) = self.asked.recv().await?;
                let came = walk.came(&query).await;
                let is_ours = !matches!(came, Came::Stranger);
                // A browser that has gone needs no page.
                let _ = answer.send(is_ours);
                if is_ours {
                    return Some(came);
                }
                strangers += 1;
            }
        };
        match timeout(SIGN_IN_TIMEOUT, ours).await {
            Ok(Some(came)) => Waited::Came(came),
            Ok(None) | Err(_) => Waited::InVain(strangers),
        }
    }

    /// Stops listening.
    pub(super) async fn close(self) {
        drop(self.asked);
        self.stop.cancel();
        let abort = self.serving.abort_handle();
        if timeout(CLOSE_TIMEOUT * 2, self.serving).await.is_err() {
            abort.abort();
        }
    }
}

/// An open connection.
struct Open {
    since: Instant,
    /// True once it has sent a request.
    asked: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Open {
    fn is_silent(&self) -> bool {
        !self.asked.load(Ordering::Relaxed) && self.since.elapsed() >= SILENCE
    }
}

/// Accepts connections until `stop`, then lets those that are answered finish.
async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let mut open: Vec<Open> = Vec::new();
    let accept = async {
        loop {
            make_room(&mut open).await;
            let Ok((stream, _)) = listener.accept().await else {
                sleep(PAUSE).await;
                continue;
            };
            let asked = Arc::new(AtomicBool::new(false));
            let answer = answer(stream, router.clone(), Arc::clone(&asked), stop.clone());
            open.push(Open {
                since: Instant::now(),
                asked,
                task: tokio::spawn(answer),
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = stop.cancelled() => {}
    }
    drop(listener);
    let all = async {
        for connection in open
            .iter_mut()
            .filter(|open| open.asked.load(Ordering::Relaxed))
        {
            // One that was aborted has ended, too.
            let _ = (&mut connection.task).await;
        }
    };
    let _ = timeout(CLOSE_TIMEOUT, all).await;
    open.iter().for_each(|connection| connection.task.abort());
}

/// Waits until one more connection may be open: one has ended, or is silent and is closed.
async fn make_room(open: &mut Vec<Open>) {
    loop {
        open.retain(|connection| !connection.task.is_finished());
        if open.len() < MAX_CONNECTIONS {
            return;
        }
        match open.iter().position(Open::is_silent) {
            Some(silent) => open.remove(silent).task.abort(),
            None => sleep(PAUSE).await,
        }
    }
}

/// Answers the one request of a connection.
async fn answer(
    stream: TcpStream,
    router: Router,
    asked: Arc<AtomicBool>,
    stop: CancellationToken,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .keep_alive(false);
    let service = ServiceBuilder::new()
        .map_request(move |request| {
            asked.store(true, Ordering::Relaxed);
            request
        })
        .service(router);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    let whole = async {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    };
    // A connection that breaks or takes too long is no answer.
    let _ = timeout(CONNECTION_TIMEOUT, whole).await;
}

/// `GET /oauth/callback`.
async fn arrived(
    State(asked): State<mpsc::Sender<Asked>>,
    method: Method,
    RawQuery(query): RawQuery,
) -> Response {
    // The router takes HEAD for GET, and whoever only looks must not use the answer up.
    if method != Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
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
    ];
    (status, headers, text).into_response()
}
