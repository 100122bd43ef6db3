//! The server, from its assembly to its shutdown.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use foundation::public_url::PublicUrl;
use mcp::McpHttpService;
use telemetry::{AccessLog, metrics::Metrics};
use tokio::{net::TcpListener, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    accept::{Connections, Counted, accept},
    admin,
    allowed_hosts::AllowedHosts,
    landing::{Entry, Landing},
    listener, metadata,
    origin::AllowedOrigins,
    paths,
    prefix::Prefix,
    probe::Probe,
    respond::Responder,
    routes,
    settings::Settings,
    state::State,
};
use crate::auth::{Authenticator, Challenge};

/// The server cannot be assembled from its settings.
#[derive(Debug, thiserror::Error)]
#[error("the server cannot be set up: {0}")]
pub struct SetupError(String);

/// The way in which the server ended.
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

/// The parts that a server is assembled from.
pub struct Parts {
    /// The URL that people use.
    pub public_url: PublicUrl,
    /// The address that was bound.
    pub listening: SocketAddr,
    /// Writes a line for each request.
    pub access: AccessLog,
    /// Authenticates requests.
    pub authenticator: Authenticator,
    /// Reports which parts work.
    pub probe: Arc<dyn Probe>,
    /// The routes of the sign-in proxy, if it is on.
    pub oauth: Option<Router>,
}

impl Server {
    /// Assembles the server; `mcp` answers at `/mcp`.
    ///
    /// # Errors
    /// If a URL or a scope holds characters that no header can carry.
    pub fn new(settings: Settings, parts: Parts, mcp: McpHttpService) -> Result<Self, SetupError> {
        let Parts {
            public_url: public,
            listening,
            access,
            authenticator,
            probe,
            oauth,
        } = parts;
        let scopes = &settings.scopes;
        let challenge = Challenge::new(&public.url(paths::RESOURCE_METADATA), scopes)
            .map_err(|error| SetupError(error.to_string()))?;
        let issuer = match &oauth {
            Some(_) => Some(public.issuer()),
            None => settings.identity_provider.as_deref(),
        };
        let document = metadata::document(&public.resource(), issuer, scopes)
            .map_err(|error| SetupError(error.to_string()))?;
        let entry = match issuer {
            // Without a token nobody is asked to sign in.
            _ if authenticator.has_shared_token() => Entry::Shared,
            Some(_) => Entry::SignIn,
            None => Entry::Token,
        };
        let landing = Landing::new(&public.resource(), entry)
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
            mcp::server_card(&public.resource()).into(),
            landing,
            access,
            probe,
        ));
        let router = routes::router(&state, mcp, oauth, Prefix::new(public.path()));
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

    /// Serves connections of `listener` until `stop`, then shuts down with the times of
    /// [`Shutdown`](super::Shutdown): `/ready` answers 503, the listener closes, requests under way
    /// finish. `hurry` ends the waiting. Operators are served on the listeners of `admin`.
    pub async fn run(
        self,
        listener: TcpListener,
        admin: impl IntoIterator<Item = (TcpListener, Metrics)>,
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
        let people = Connections {
            router,
            limits: settings.limits.clone(),
            most: connections,
            counted: Counted::Yes,
            access: Some(state.access),
            trusted: Arc::new(settings.trusted_proxies),
            proxy_protocol: settings.proxy_protocol,
        };
        let accepting = tokio::spawn(accept(listener, people, closing.clone(), tracker.clone()));
        for (listener, metrics) in admin {
            // Ends with the process: the last scrape may come while requests finish.
            let operators = Connections {
                router: admin::router(&state, metrics),
                limits: settings.limits.clone(),
                most: ADMIN_CONNECTIONS,
                counted: Counted::No,
                access: None,
                trusted: Arc::default(),
                proxy_protocol: false,
            };
            let (end, tracker) = (CancellationToken::new(), TaskTracker::new());
            tokio::spawn(accept(listener, operators, end, tracker));
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

/// The most connections of probes and scrapers, at each of their listeners.
const ADMIN_CONNECTIONS: usize = 16;

async fn finish(tracker: &TaskTracker, grace: Duration, hurry: &CancellationToken) -> Ended {
    tracing::info!(connections = tracker.len(), "finishing requests under way");
    tokio::select! {
        biased;
        () = tracker.wait() => Ended::Drained,
        () = sleep(grace) => Ended::CutOff(tracker.len()),
        () = hurry.cancelled() => Ended::CutOff(tracker.len()),
    }
}
