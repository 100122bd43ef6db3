//! The server from its parts to its end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use http::header::CONTENT_TYPE;
use tokio::{net::TcpListener, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    accept::{Counted, accept},
    health::Probe,
    host::AllowedHosts,
    listener, metadata,
    origin::AllowedOrigins,
    respond::Responder,
    routes::{self, McpService},
    settings::Settings,
    state::State,
};
use crate::{
    auth::{Authenticator, Challenge},
    oauth::PublicUrl,
    telemetry::{AccessLog, metrics::Metrics},
};

/// The server cannot be put together from its settings.
#[derive(Debug, thiserror::Error)]
#[error("the server cannot be set up: {0}")]
pub struct SetupError(String);

/// How the server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All requests were answered.
    Drained,
    /// This many connections had to be cut off.
    CutOff(usize),
}

/// A server that is ready to accept connections.
#[derive(Debug)]
pub struct Server {
    router: Router,
    state: Arc<State>,
    settings: Settings,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("State")
    }
}

/// What a server is put together from.
pub struct Parts {
    /// The URL that people use.
    pub public_url: PublicUrl,
    /// The address that was bound.
    pub listening: SocketAddr,
    /// Writes a line for each request.
    pub access: AccessLog,
    /// Lets requests in.
    pub authenticator: Authenticator,
    /// Says which parts work.
    pub probe: Arc<dyn Probe>,
    /// The routes of the sign-in proxy, where it is on.
    pub oauth: Option<Router>,
}

impl Server {
    /// Puts the server together; `mcp` answers at `/mcp`.
    ///
    /// # Errors
    /// Where a URL or a scope cannot stand in a header.
    pub fn new(settings: Settings, parts: Parts, mcp: impl McpService) -> Result<Self, SetupError> {
        let Parts {
            public_url: public,
            listening,
            access,
            authenticator,
            probe,
            oauth,
        } = parts;
        let scopes = &settings.scopes;
        let challenge = Challenge::new(&public.url(routes::RESOURCE_METADATA), scopes)
            .map_err(|error| SetupError(error.to_string()))?;
        let issuer = match &oauth {
            Some(_) => Some(public.issuer()),
            None => settings.identity_provider.as_deref(),
        };
        let document = metadata::document(&public.resource(), issuer, scopes)
            .map_err(|error| SetupError(error.to_string()))?;
        let public_host = public
            .origin()
            .split_once("://")
            .and_then(|(_, host)| host.parse().ok());
        let state = Arc::new(State::new(
            authenticator,
            Responder::new(challenge),
            AllowedHosts::new(&settings.allowed_hosts, public_host, listening),
            AllowedOrigins::new(
                settings.allowed_origins.as_deref(),
                public.origin().parse().ok(),
            ),
            settings.limits.clone(),
            document,
            access,
            probe,
        ));
        let router = routes::router(&state, mcp, oauth);
        Ok(Self {
            router,
            state,
            settings,
        })
    }

    /// The whole server as one service, for tests that need no socket.
    #[cfg(test)]
    pub(super) fn into_router(self) -> Router {
        self.router
    }

    /// Serves connections of `listener` until `stop`, then ends as [`Shutdown`](super::Shutdown) says:
    /// `/ready` says no, the listener closes, requests under way finish. `hurry` ends the waiting.
    pub async fn run(
        self,
        listener: TcpListener,
        metrics: Option<(TcpListener, Metrics)>,
        stop: CancellationToken,
        hurry: CancellationToken,
    ) -> Ended {
        let Self {
            router,
            state,
            settings,
        } = self;
        let (closing, tracker) = (CancellationToken::new(), TaskTracker::new());
        let connections = listener::connections_within_limit(settings.limits.max_connections);
        let accepting = tokio::spawn(accept(
            listener,
            router,
            settings.limits.clone(),
            connections,
            Counted::Yes,
            closing.clone(),
            tracker.clone(),
        ));
        if let Some((listener, metrics)) = metrics {
            // Ends with the process: the last scrape may come while requests finish.
            let limits = settings.limits.clone();
            tokio::spawn(accept(
                listener,
                metrics_router(metrics),
                limits,
                METRICS_CONNECTIONS,
                Counted::No,
                CancellationToken::new(),
                TaskTracker::new(),
            ));
        }
        stop.cancelled().await;
        state.drain();
        tokio::select! {
            () = sleep(settings.shutdown.delay) => {}
            () = hurry.cancelled() => {}
        }
        closing.cancel();
        // The loop only ends; it has no result that could be lost.
        let _ = accepting.await;
        finish(&tracker, settings.shutdown.grace, &hurry).await
    }
}

/// Scrapers at once.
const METRICS_CONNECTIONS: usize = 16;

fn metrics_router(metrics: Metrics) -> Router {
    let serve = move || {
        let text = metrics.render();
        async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text) }
    };
    Router::new().route("/metrics", get(serve))
}

async fn finish(tracker: &TaskTracker, grace: Duration, hurry: &CancellationToken) -> Ended {
    tracing::info!(connections = tracker.len(), "finishing requests under way");
    tokio::select! {
        biased;
        () = tracker.wait() => Ended::Drained,
        () = sleep(grace) => Ended::CutOff(tracker.len()),
        () = hurry.cancelled() => Ended::CutOff(tracker.len()),
    }
}
