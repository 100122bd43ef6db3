//! The SSRF guard (S-13) and the cache.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{Router, routing::get};
use outbound::{Choice, Looked};
use parking_lot::Mutex;
use reqwest::header::{CACHE_CONTROL, HeaderMap, HeaderValue};

use super::*;

const NETWORK: &str = "192.0.2.0/24";

/// A name service with answers set by the test, which counts its calls.
struct Names {
    answers: Mutex<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Names {
    fn new(answers: &[&str]) -> Arc<Self> {
        let answers = answers.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self {
            answers: Mutex::new(answers),
            asked: AtomicUsize::new(0),
        })
    }
}

impl Lookup for Names {
    fn lookup(&self, _: &str) -> Looked {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answers = self.answers.lock().clone();
        Box::pin(async move { Ok(answers) })
    }
}

fn id(text: &str) -> ClientId {
    ClientId::parse(text).unwrap()
}

fn real(names: &Arc<Names>) -> Arc<Documents> {
    let names: Arc<dyn Lookup> = Arc::clone(names) as Arc<dyn Lookup>;
    Documents::guarded(
        &ClientMetadataSettings::default(),
        names,
        is_public,
        "https",
    )
    .unwrap()
}

#[tokio::test]
async fn names_that_lead_inside_are_not_connected_to() {
    for answers in [
        &["127.0.0.1"][..],
        &["169.254.169.254"],
        &["10.1.2.3"],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["fd00:ec2::254"],
        // One public address does not make up for one that is not.
        &["93.184.215.14", "127.0.0.1"],
        &[],
    ] {
        let names = Names::new(answers);
        let documents = real(&names);
        let error = documents
            .get(&id("https://rebind.example/c.json"), NETWORK)
            .await
            .unwrap_err();
        assert_eq!(error, DocumentError::Unreachable, "{answers:?}");
        assert_eq!(
            names.asked.load(Ordering::SeqCst),
            1,
            "looked up once: {answers:?}"
        );
    }
}

#[tokio::test]
async fn urls_that_are_not_plain_are_not_even_looked_up() {
    let names = Names::new(&["93.184.215.14"]);
    let documents = real(&names);
    for (text, error) in [
        ("http://app.example/c.json", DocumentError::Url),
        ("https://app.example", DocumentError::Url),
        ("https://app.example/", DocumentError::Url),
        ("https://app.example/c.json#x", DocumentError::Url),
        ("https://app.example/c.json?x=y", DocumentError::Url),
        ("https://user@app.example/c.json", DocumentError::Url),
        ("https://user:pw@app.example/c.json", DocumentError::Url),
        ("https://app.example/a/../c.json", DocumentError::Url),
        ("https://app.example/a/%2e%2e/c.json", DocumentError::Url),
        ("https://App.example/c.json", DocumentError::Url),
        ("https://app.example:443/c.json", DocumentError::Url),
        ("https:app.example/c.json", DocumentError::Url),
        ("https://0x7f.1/c.json", DocumentError::Url),
        ("https://127.0.0.1/c.json", DocumentError::Host),
        ("https://[::1]/c.json", DocumentError::Host),
        (
            "https://169.254.169.254/latest/meta-data",
            DocumentError::Host,
        ),
        ("https://10.0.0.1:8443/c.json", DocumentError::Host),
    ] {
        assert_eq!(
            documents.get(&id(text), NETWORK).await.unwrap_err(),
            error,
            "{text}"
        );
    }
    assert_eq!(names.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn behind_a_proxy_only_hosts_that_the_operator_listed_are_fetched() {
    let through = |domains: &[&str], except: Option<&str>| {
        let network = Network {
            proxies: Proxies::new(Choice {
                setting: Some("http://proxy.corp:3128"),
                except,
                ..Choice::default()
            })
            .unwrap(),
            ..Network::default()
        };
        let settings = ClientMetadataSettings {
            allowed_domains: domains.iter().map(|&domain| domain.to_owned()).collect(),
            ..ClientMetadataSettings::default()
        };
        let names = Names::new(&["93.184.215.14"]);
        let documents = Documents::with(
            &settings,
            &network,
            names,
            is_public,
            "https",
            Reach::new(true),
        )
        .unwrap();
        move |text: &str| documents.check(&id(text)).err()
    };
    let closed = through(&[], Some("direct.example"));
    assert_eq!(
        closed("https://app.example/c.json"),
        Some(DocumentError::Host)
    );
    assert_eq!(closed("https://direct.example/c.json"), None);
    let listed = through(&["app.example", "proxy.corp"], None);
    assert_eq!(listed("https://app.example/c.json"), None);
    assert_eq!(listed("https://x.app.example/c.json"), None);
    assert_eq!(
        listed("https://other.example/c.json"),
        Some(DocumentError::Host)
    );
    assert_eq!(
        listed("https://proxy.corp/c.json"),
        Some(DocumentError::Host),
        "the proxy's own name is not looked at"
    );
    assert_eq!(listed("https://10.0.0.1/c.json"), Some(DocumentError::Host));
}

/// A server on loopback that counts requests, and a guard that treats loopback as public.
async fn server(router: Router) -> (Arc<Documents>, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let settings = ClientMetadataSettings::default();
    let names = Names::new(&["127.0.0.1"]);
    let documents = Documents::guarded(&settings, names, |_| true, "http").unwrap();
    (documents, format!("http://app.test:{port}"))
}

#[tokio::test]
async fn redirects_are_not_followed_and_errors_are_remembered() {
    let hits = Arc::new(AtomicUsize::new(0));
    let (first, second) = (Arc::clone(&hits), Arc::clone(&hits));
    let router = Router::new()
        .route(
            "/moved",
            get(move || {
                first.fetch_add(1, Ordering::SeqCst);
                async { axum::response::Redirect::temporary("/c.json") }
            }),
        )
        .route(
            "/c.json",
            get(move || {
                second.fetch_add(100, Ordering::SeqCst);
                async { "{}" }
            }),
        );
    let (documents, base) = server(router).await;
    let moved = id(&format!("{base}/moved"));
    for _ in 0..5 {
        assert_eq!(
            documents.get(&moved, NETWORK).await.unwrap_err(),
            DocumentError::Fetch
        );
    }
    assert_eq!(hits.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let router = Router::new().route(
        "/endless",
        get(|| async {
            let chunks =
                futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 1_024]));
            axum::body::Body::from_stream(chunks)
        }),
    );
    let (documents, base) = server(router).await;
    let error = documents
        .get(&id(&format!("{base}/endless")), NETWORK)
        .await
        .unwrap_err();
    assert_eq!(error, DocumentError::TooLarge);
}

#[tokio::test]
async fn a_document_is_fetched_once_for_all_who_ask() {
    let hits = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&hits);
    let router = Router::new().route(
        "/c.json",
        get(move |headers: HeaderMap| {
            count.fetch_add(1, Ordering::SeqCst);
            let host = headers["host"].to_str().unwrap().to_owned();
            async move {
                axum::Json(serde_json::json!({
                    "client_id": format!("http://{host}/c.json"),
                    "redirect_uris": ["https://app.example/cb"],
                }))
            }
        }),
    );
    let (documents, base) = server(router).await;
    let client = id(&format!("{base}/c.json"));
    let all = (0..50).map(|_| documents.get(&client, NETWORK));
    for document in futures::future::join_all(all).await {
        assert_eq!(document.unwrap().redirect_uris, ["https://app.example/cb"]);
    }
    assert_eq!(hits.load(Ordering::SeqCst), 1);
}

/// A document that names its own URL.
fn good() -> axum::routing::MethodRouter {
    get(|headers: HeaderMap| async move {
        let host = headers["host"].to_str().unwrap();
        axum::Json(serde_json::json!({
            "client_id": format!("http://{host}/c.json"),
            "redirect_uris": ["https://app.example/cb"],
        }))
    })
}

#[tokio::test]
async fn a_burst_of_hosts_that_do_not_answer_does_not_keep_others_waiting() {
    let hits = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&hits);
    let never = get(move || {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<()>()
    });
    let router = Router::new()
        .route("/never/{n}", never)
        .route("/c.json", good());
    let (documents, base) = server(router).await;
    let burst: Vec<_> = (0..40)
        .map(|n| {
            let (documents, client) = (Arc::clone(&documents), id(&format!("{base}/never/{n}")));
            tokio::spawn(async move { documents.get(&client, "198.51.100.0/24").await })
        })
        .collect();
    while hits.load(Ordering::SeqCst) < 4 {
        tokio::task::yield_now().await;
    }
    let client = id(&format!("{base}/c.json"));
    let document = documents.get(&client, NETWORK).await;
    assert!(document.is_ok(), "{document:?}");
    assert_eq!(hits.load(Ordering::SeqCst), 4, "the share of one network");
    for task in burst {
        task.abort();
    }
}

#[tokio::test]
async fn waiting_in_vain_is_no_failure_and_is_not_remembered() {
    let (mut documents, base) = server(Router::new().route("/c.json", good())).await;
    Arc::get_mut(&mut documents).unwrap().places = Places::new(1, Duration::ZERO);
    let client = id(&format!("{base}/c.json"));
    let place = documents.places.take("198.51.100.0/24").await.unwrap();
    for _ in 0..5 {
        let busy = documents.get(&client, NETWORK).await;
        assert_eq!(busy.unwrap_err(), DocumentError::Busy);
    }
    assert!(documents.is_offered());
    drop(place);
    assert!(documents.get(&client, NETWORK).await.is_ok());
}

#[test]
fn headers_say_how_long_a_document_is_kept_within_bounds() {
    for (value, seconds) in [
        ("max-age=600", 600),
        ("public, Max-Age=\"600\", immutable", 600),
        ("max-age=0", 10),
        ("max-age=99999999999", 24 * 3_600),
        ("max-age=nonsense", 10),
        ("no-store", 10),
        ("max-age=600, no-cache", 10),
        ("private", 300),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(value));
        assert_eq!(
            LIFETIME.of(&headers),
            Duration::from_secs(seconds),
            "{value}"
        );
    }
    assert_eq!(LIFETIME.of(&HeaderMap::new()), LIFETIME.default);
}
