//! An in-process DataHub for tests: answers each request with the result of a closure.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

use super::{DataHub, DataHubClient, Settings};

pub type Reply = Response<BoxBody<Bytes, std::io::Error>>;

/// One request as the fake saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub path: String,
    pub authorization: String,
    pub body: Value,
}

/// A running fake; ends with the test's runtime.
pub struct Fake {
    pub address: SocketAddr,
    pub hits: Arc<AtomicUsize>,
}

impl Fake {
    pub async fn start(answer: impl Fn(Seen) -> Reply + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("loopback");
        let hits = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&hits);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, counter) = (answer.clone(), Arc::clone(&counter));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (answer, counter) = (answer.clone(), Arc::clone(&counter));
                    async move {
                        let path = request.uri().to_string();
                        let authorization = request
                            .headers()
                            .get("authorization")
                            .map(|value| value.to_str().expect("loopback").to_owned())
                            .unwrap_or_default();
                        let body = request
                            .into_body()
                            .collect()
                            .await
                            .expect("loopback")
                            .to_bytes();
                        if path.ends_with("/graphql") {
                            counter.fetch_add(1, Ordering::SeqCst);
                        }
                        let body = serde_json::from_slice(&body).unwrap_or_default();
                        Ok::<_, Infallible>(answer(Seen {
                            path,
                            authorization,
                            body,
                        }))
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { address, hits }
    }

    pub fn settings(&self) -> Settings {
        Settings::at(
            format!("http://{}/", self.address)
                .parse()
                .expect("loopback"),
        )
    }

    pub fn client(&self) -> DataHubClient {
        self.client_with(self.settings())
    }

    pub fn client_with(&self, settings: Settings) -> DataHubClient {
        DataHub::new(settings)
            .expect("loopback")
            .client("canary-token".into())
    }

    pub fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }
}

/// A whole reply with this status and body.
pub fn reply(status: u16, body: impl Into<Bytes>) -> Reply {
    let body = Full::new(body.into())
        .map_err(|never: Infallible| match never {})
        .boxed();
    Response::builder()
        .status(status)
        .body(body)
        .expect("loopback")
}

/// A GraphQL reply.
pub fn json(body: &Value) -> Reply {
    reply(200, body.to_string())
}
