//! The accept loop. It is our own because `axum::serve` waits forever for slow request heads.
//!
//! Bounds: connections by a semaphore, the head of a request by size and time, an idle connection
//! by time. At the limit, a connection that waits for its client makes room (`open_connections`);
//! if none waits, a few more are accepted, on which only probes are answered. Without free file
//! descriptors, it waits instead of spinning.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, response::Response};
use foundation::client_address::ClientAddress;
use http::{Method, StatusCode};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use telemetry::{Access, AccessLog, Ending, Notes, metrics};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceBuilder;

use super::{
    forwarded,
    io::{HeadSupply, WatchedIo},
    open_connections::{Listed, OpenConnections, Place},
    paths, proxy_protocol,
    seldom::Seldom,
    settings::Limits,
    trusted_proxies::TrustedProxies,
};

/// The most headers of one request; hyper answers more with 431.
const MAX_HEADERS: usize = 100;

/// The places beyond the limit. Those who ask for more than a probe are refused on them at once.
const RESERVE: usize = 16;

/// The time after which a loop that found no place looks for one again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The heads of the largest size that there is room for at once.
const LONG_HEADS: usize = 512;

/// Waits between failing accepts: this long at first, then twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A listener's part in the gauge of open connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// Its connections are clients'.
    Yes,
    /// Its connections are those of who reads the gauge.
    No,
}

impl Counted {
    fn note(self, change: f64) {
        if self == Self::Yes {
            metrics::connections(change);
        }
    }
}

/// The connections of a listener: how they are served, and within which limits.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    pub(super) router: Router,
    pub(super) limits: Limits,
    /// The most of them at once.
    pub(super) most: usize,
    pub(super) counted: Counted,
    /// Writes a line for each request that cannot be read; the others have theirs behind the router.
    pub(super) access: Option<AccessLog>,
    /// The peers that are believed about whom they speak for.
    pub(super) trusted: Arc<TrustedProxies>,
    /// True if connections of trusted peers begin with a PROXY header.
    pub(super) proxy_protocol: bool,
}

/// The origin of a connection.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// This address. If it is trusted, its headers say who it speaks for.
    Of(IpAddr),
    /// This balancer for TCP names nobody (`LOCAL`, `UNKNOWN`). It writes no HTTP: headers come
    /// from whoever is behind it.
    Unnamed(IpAddr),
}

impl Source {
    fn peer(self) -> IpAddr {
        match self {
            Self::Of(peer) | Self::Unnamed(peer) => peer,
        }
    }

    /// The client that a request with these headers counts as.
    fn client(self, headers: &http::HeaderMap, trusted: &TrustedProxies) -> ClientAddress {
        match self {
            Self::Of(peer) => forwarded::client(peer, headers, trusted),
            Self::Unnamed(peer) => ClientAddress::new(peer),
        }
    }
}

impl Connections {
    /// The address that a connection of `peer` comes from: the one in its PROXY header, if it is of
    /// a proxy that must send one. Others, such as health checks from a node, are served without.
    async fn source(&self, stream: &mut TcpStream, peer: IpAddr) -> io::Result<Source> {
        if !self.proxy_protocol || !self.trusted.contain(peer) {
            return Ok(Source::Of(peer));
        }
        let source = timeout(self.limits.header_timeout, proxy_protocol::source(stream)).await??;
        Ok(source.map_or(Source::Unnamed(peer), Source::Of))
    }
}

/// Accepts connections and serves them until `closing`, then lets requests under way finish;
/// `tracker` tells when they have.
pub(super) async fn accept(
    listener: TcpListener,
    connections: Connections,
    closing: CancellationToken,
    tracker: TaskTracker,
) {
    let places = Places::new(connections.most);
    let http = protocol(&connections.limits);
    let longest = connections.limits.max_header_bytes;
    let heads = HeadSupply::new(longest.saturating_mul(LONG_HEADS), longest);
    let counted = connections.counted;
    let mut pause = FIRST_PAUSE;
    loop {
        let accepted = tokio::select! {
            biased;
            () = closing.cancelled() => break,
            accepted = next(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, peer, (place, permit))) => {
                pause = FIRST_PAUSE;
                let connection = serve(
                    stream,
                    peer.ip(),
                    // Before its task runs: the next one may need its place.
                    places.open.add(peer.ip(), place),
                    connections.clone(),
                    (http.clone(), Arc::clone(&heads)),
                    closing.clone(),
                );
                tracker.spawn(async move {
                    counted.note(1.0);
                    connection.await;
                    counted.note(-1.0);
                    drop(permit);
                });
            }
            // The client disconnected while it waited: nothing to report.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                metrics::accept_error();
                tracing::warn!(%error, pause_ms = pause.as_millis() as u64, "cannot accept connections");
                tokio::select! {
                    () = closing.cancelled() => break,
                    () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                }
            }
        }
    }
    // The socket is closed here: the kernel refuses connections from now on.
    drop(listener);
    tracker.close();
}

/// The places for connections, and what has them.
struct Places {
    usual: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    open: OpenConnections,
    most: usize,
    full: Seldom,
}

impl Places {
    fn new(most: usize) -> Self {
        Self {
            usual: Arc::new(Semaphore::new(most)),
            reserve: Arc::new(Semaphore::new(RESERVE)),
            open: OpenConnections::new(),
            most,
            full: Seldom::new(),
        }
    }

    /// A place for one more connection, if need be that of one which waits for its client.
    async fn take(&self) -> io::Result<(Place, OwnedSemaphorePermit)> {
        let usual = || Arc::clone(&self.usual);
        let reserve = || Arc::clone(&self.reserve);
        loop {
            if let Ok(permit) = usual().try_acquire_owned() {
                return Ok((Place::Usual, permit));
            }
            if self.full.is_due() {
                tracing::warn!(
                    connections = self.most,
                    "all connections are taken: those that wait for their client are closed; raise \
                     `DATAHUB_MCP_MAX_CONNECTIONS` if these are people"
                );
            }
            let makes_room = self.open.close_one(Place::Usual);
            if !makes_room {
                if let Ok(permit) = reserve().try_acquire_owned() {
                    return Ok((Place::Reserve, permit));
                }
                self.open.close_one(Place::Reserve);
            }
            tokio::select! {
                biased;
                permit = usual().acquire_owned() => {
                    return Ok((Place::Usual, permit.map_err(io::Error::other)?));
                }
                permit = reserve().acquire_owned(), if !makes_room => {
                    return Ok((Place::Reserve, permit.map_err(io::Error::other)?));
                }
                // One that was at work may wait for its client by then.
                () = sleep(LOOK_AGAIN) => {}
            }
        }
    }
}

async fn next(
    listener: &TcpListener,
    places: &Places,
) -> io::Result<(TcpStream, SocketAddr, (Place, OwnedSemaphorePermit))> {
    let (stream, peer) = listener.accept().await?;
    // Without it, every answer in two packets waits 40 ms for the client's delayed ACK.
    stream.set_nodelay(true)?;
    Ok((stream, peer, places.take().await?))
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(
        error.kind(),
        K::ConnectionAborted | K::ConnectionReset | K::ConnectionRefused
    )
}

fn protocol(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        // hyper counts from the end of the previous request, so this is the idle limit; the
        // head itself is watched by `WatchedIo`.
        .header_read_timeout(limits.idle_timeout)
        .max_buf_size(limits.max_header_bytes)
        .max_headers(MAX_HEADERS)
        .half_close(false)
        .keep_alive(true);
    http
}

async fn serve(
    mut stream: TcpStream,
    peer: IpAddr,
    listed: Listed,
    connections: Connections,
    (http, heads): (http1::Builder, Arc<HeadSupply>),
    closing: CancellationToken,
) {
    let header = connections.source(&mut stream, peer);
    let source = tokio::select! {
        source = header => match source {
            Ok(source) => source,
            Err(error) => {
                proxy_protocol::warn(peer, &error);
                return;
            }
        },
        () = listed.connection.closed() => return,
        () = closing.cancelled() => return,
    };
    listed.connection.comes_from(source.peer());
    let Connections {
        router,
        limits,
        access,
        trusted,
        ..
    } = connections;
    let unread = source.client(&http::HeaderMap::new(), &trusted);
    let watched = Arc::clone(&listed.connection);
    let io = WatchedIo::new(stream, limits.header_timeout, limits.write_timeout)
        .listed(Arc::clone(&watched), heads);
    let answered = Arc::clone(&watched);
    let service = ServiceBuilder::new()
        .map_request(move |mut request: http::Request<hyper::body::Incoming>| {
            // The one place that decides who a request comes from.
            let client = source.client(request.headers(), &trusted);
            request.extensions_mut().insert(client);
            request.extensions_mut().insert(Arc::clone(&watched));
            watched.serves(true);
            request
        })
        .map_response(move |response: Response| {
            answered.serves(false);
            response
        })
        .service(router);
    let connection = http.serve_connection(TokioIo::new(io), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = listed.connection.closed() => return,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // hyper's errors say which part of the protocol failed and never quote what was sent.
        tracing::debug!(%error, "connection ended");
        if let Some(access) = access
            && error.is_parse()
        {
            unreadable(access, &error, unread);
        }
    }
}

/// Writes the line of a request whose head hyper refused.
fn unreadable(access: AccessLog, error: &hyper::Error, client: ClientAddress) {
    let status = match error.is_parse_too_large() {
        true => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        false => StatusCode::BAD_REQUEST,
    };
    access.record(&Access {
        request_id: "",
        // Whichever it was: "OTHER".
        method: &Method::TRACE,
        route: paths::label(""),
        ending: Ending::Answered(status, "unreadable_head"),
        took: Duration::ZERO,
        client_address: Some(client),
        user_agent: None,
        notes: &Notes::default(),
    });
}
