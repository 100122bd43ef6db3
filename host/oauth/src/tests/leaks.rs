//! Nothing secret in a log, at any level: whole sign-ins, good and bad, with every log line kept.

use std::io;

use tracing::{Dispatch, subscriber::DefaultGuard};
use tracing_subscriber::{filter::LevelFilter, fmt::MakeWriter, layer::SubscriberExt};

use super::*;

/// Keeps what is logged.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<parking_lot::Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

/// Keeps what this thread logs, as long as the guards live.
pub(super) fn capture() -> (Log, (DefaultGuard, Dispatch)) {
    let log = Log::default();
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(log.clone());
    let subscriber = tracing_subscriber::registry()
        .with(LevelFilter::TRACE)
        .with(layer);
    let guard = tracing::subscriber::set_default(subscriber);
    // With a single subscriber, a log line that another test reaches first is disabled for all.
    let second = Dispatch::new(tracing_subscriber::registry());
    (log, (guard, second))
}

#[tokio::test]
async fn a_whole_sign_in_at_trace_level_logs_no_secret() {
    let (log, guards) = capture();

    let world = World::new().await;
    let client = world.register("Leaky").await;
    let mut jar = Jar::default();
    let page = jar.authorize(&world, &good_request(&client)).await;
    let form = browser::form_of(&page.body);
    let upstream = jar.decide(&world, &page, "approve").await;
    let location = upstream.location();
    let callback = world.idp.sign_in(&location, "alice");
    let back = jar.get(&world, &callback).await;
    jar.get(&world, &callback).await;
    Jar::default().get(&world, &callback).await;
    let code = back.param("code").unwrap();
    let tokens = world.redeem(&client, &code).await.json();
    let (access, refresh) = (
        text(&tokens, "access_token"),
        text(&tokens, "refresh_token"),
    );
    let fresh = world.refresh(&client, &refresh).await.json();
    world.redeem(&client, &code).await;
    world.idp.set(Mood::Down);
    world.refresh(&client, &text(&fresh, "refresh_token")).await;
    let mut broken = access.clone();
    broken.pop();
    world.open(&broken).await;
    let debug = format!(
        "{:?} {:?}",
        Proxy {
            context: Arc::clone(&world.context)
        },
        world.context.settings
    );
    drop(guards);

    let logged = log.text();
    assert!(
        logged.contains("person signed in"),
        "the log was kept: {logged}"
    );
    let (_, sent) = &world.idp.requests()[0];
    let (_, refreshed) = &world.idp.requests()[1];
    for (name, secret) in [
        ("our secret", "our-upstream-secret".to_owned()),
        ("the client's verifier", VERIFIER.to_owned()),
        ("our verifier", sent["code_verifier"].clone()),
        ("the provider's code", sent["code"].clone()),
        (
            "the provider's refresh token",
            refreshed["refresh_token"].clone(),
        ),
        (
            "the provider's access token",
            world
                .open(&text(&fresh, "access_token"))
                .await
                .unwrap_or_else(|| "upstream-access".to_owned()),
        ),
        ("our state", param(&location, "state").unwrap()),
        ("the client's state", "the client's state".to_owned()),
        ("our code", code),
        ("our access token", access),
        ("our refresh token", refresh),
        ("the form", form),
        ("the cookie", jar.value()),
        ("the client id", client),
    ] {
        assert!(!logged.contains(&secret), "{name} is in the log");
        assert!(!debug.contains(&secret), "{name} is in Debug");
    }
}
