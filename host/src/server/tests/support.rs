//! A server of stand-ins, and requests to it.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Response},
};
use datahub::{self, Caller, DataHub, HttpOutcome};
use foundation::{
    identity::{Acceptance, Lease, TokenCheck, TokenDigest, Verdict},
    public_url::PublicUrl,
};
use futures::future::BoxFuture;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use telemetry::AccessLog;
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};

use crate::{
    auth::Authenticator,
    server::{
        Limits, Part, PartState, Parts, Probe, Server, Settings, Shutdown, TrustedProxies,
        allowed_hosts::HostPattern, origin::Origin,
    },
};

/// Counters of the calls that the stand-in validator has received.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) checks: AtomicUsize,
    pub(super) evictions: AtomicUsize,
}

/// Accepts `good...`, is unavailable for `later...`, rejects the rest.
struct Check(Arc<Seen>);

impl TokenCheck for Check {
    fn check<'a>(&'a self, token: &'a SecretString, _id: &'a str) -> BoxFuture<'a, Verdict> {
        self.0.checks.fetch_add(1, Ordering::Relaxed);
        let text = token.expose_secret();
        let verdict = if text.starts_with("good") {
            Verdict::accept(
                Acceptance {
                    // `good-ann-1` and `good-ann-2` are of one person.
                    subject: match text.rsplit_once('-') {
                        Some((person, _)) if person != "good" => format!("person of {person}"),
                        _ => format!("person of {text}"),
                    },
                    scopes: Vec::new(),
                    expires_at: None,
                    validator: "stand-in".to_owned(),
                    datahub_token: SecretString::from(format!("datahub-{text}")),
                    token_digest: TokenDigest::of(text),
                },
                Lease::default(),
            )
        } else if text.starts_with("later") {
            Verdict::Unavailable {
                retry_after: Duration::from_millis(2500),
            }
        } else {
            Verdict::rejected("not good")
        };
        Box::pin(async move { verdict })
    }

    fn evict(&self, _: &TokenDigest) {
        self.0.evictions.fetch_add(1, Ordering::Relaxed);
    }
}

struct Works(bool);

impl Probe for Works {
    fn parts(&self) -> BoxFuture<'_, Vec<Part>> {
        let part = Part {
            name: "datahub".to_owned(),
            state: PartState::of(self.0),
            kind: None,
        };
        Box::pin(async move { vec![part] })
    }
}

/// Stands in for the MCP service. Answers with the caller's subject, and does what the body says.
async fn mcp(request: Request<Body>) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    assert!(
        !parts.headers.contains_key(header::AUTHORIZATION),
        "the token came through"
    );
    let Some(caller) = parts.extensions.get::<Caller>() else {
        panic!("a request without a caller")
    };
    let body = body.collect().await.unwrap().to_bytes();
    match &body[..] {
        b"refused by datahub" => caller.decide(HttpOutcome::TokenRefused),
        b"scope" => caller.decide(HttpOutcome::InsufficientScope(vec![
            "datahub:write".to_owned(),
            "b".to_owned(),
        ])),
        b"panic" => panic!("as asked"),
        b"wait" => std::future::pending().await,
        b"fail" => return Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        _ => {}
    }
    Ok(Response::new(Body::from(
        caller.principal.subject().to_owned(),
    )))
}

/// Settings that tests change.
pub(super) struct Bench {
    pub(super) settings: Settings,
    pub(super) shared_token: Option<&'static str>,
    pub(super) public_url: &'static str,
    pub(super) works: bool,
    pub(super) oauth: Option<Router>,
    pub(super) seen: Arc<Seen>,
}

impl Bench {
    pub(super) fn new() -> Self {
        let limits = Limits {
            max_connections: 64,
            max_concurrent_requests: 2,
            max_body_bytes: 1024,
            max_header_bytes: 16 * 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(60),
        };
        let settings = Settings {
            address: "127.0.0.1:0".parse().unwrap(),
            admin_addresses: Vec::new(),
            trusted_proxies: TrustedProxies::default(),
            proxy_protocol: false,
            allowed_hosts: vec!["extra.example:*".parse::<HostPattern>().unwrap()],
            allowed_origins: None::<Vec<Origin>>,
            scopes: ["openid", "offline_access"].map(str::to_owned).to_vec(),
            identity_provider: Some("https://login.example.com/".to_owned()),
            limits,
            shutdown: Shutdown {
                delay: Duration::ZERO,
                grace: Duration::from_secs(5),
            },
        };
        Self {
            settings,
            shared_token: None,
            public_url: "https://mcp.example.com/mcp",
            works: true,
            oauth: None,
            seen: Arc::default(),
        }
    }

    pub(super) fn server(self) -> Server {
        let gms = "http://127.0.0.1:9".parse().unwrap();
        let datahub = DataHub::new(datahub::Settings::at(gms)).unwrap();
        let check = Arc::new(Check(self.seen));
        let parts = Parts {
            public_url: PublicUrl::parse(self.public_url).unwrap(),
            listening: "127.0.0.1:8000".parse().unwrap(),
            access: AccessLog::new(100),
            authenticator: Authenticator::new(
                check,
                None,
                datahub,
                self.shared_token.map(SecretString::from),
            ),
            probe: Arc::new(Works(self.works)),
            oauth: self.oauth,
        };
        Server::new(
            self.settings,
            parts,
            BoxCloneSyncService::new(service_fn(mcp)),
        )
        .unwrap()
    }

    pub(super) fn router(self) -> Router {
        self.server().into_router()
    }
}

/// A request in the making, to our own name.
pub(super) fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost:8000")
}

/// A call with a token.
pub(super) fn call(token: &str, body: &'static str) -> Request<Body> {
    request("POST", "/mcp")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::from(body))
        .unwrap()
}

/// The server's answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: http::HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }
}

pub(super) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}
