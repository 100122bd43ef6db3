//! Everything that happens in a day at a steady rate: memory, files and threads must not grow.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;
use integration_tests::{StubDataHub, Vitals, artifacts, flooded, say};
use sandbox::idp::{EmbeddedIdp, Options};
use serde_json::json;
use tokio::{task::JoinSet, time::MissedTickBehavior};

use super::{
    people::Seen,
    wire::{self, Wire},
};

const PEOPLE: usize = 100;
const WORKERS: usize = 16;
/// 16 workers, about 200 requests a second.
const PAUSE: Duration = Duration::from_millis(80);
/// Until here, caches and pools fill.
const WARM_UP: Duration = Duration::from_secs(300);
const SAMPLE: Duration = Duration::from_secs(10);
/// The growth of memory that is taken for none, per ten minutes.
const MOST_PERCENT: f64 = 1.0;

/// What the workers send.
struct Mix {
    address: SocketAddr,
    good: Vec<String>,
    expired: String,
}

pub(super) async fn run(minutes: u64) -> anyhow::Result<()> {
    let day = Duration::from_secs(24 * 3600);
    let options = Options {
        access_token_ttl: day,
        ..Options::default()
    };
    let idp = EmbeddedIdp::start(options).await?;
    let datahub = StubDataHub::start().await?;
    artifacts();
    let server = flooded(&idp, &datahub)
        .env("DATAHUB_MCP_BODY_TIMEOUT_SECS", "2")
        .env("DATAHUB_MCP_HEADER_TIMEOUT_SECS", "2")
        // Bounded caches have to be full for a plateau.
        .env("TOKEN_VALIDATOR_CACHE_ENTRIES", "200")
        .start()?;
    let mix = Arc::new(Mix {
        address: server.address(),
        good: (0..PEOPLE)
            .map(|number| idp.access_token(&format!("person{number}")))
            .collect(),
        expired: idp.mint(json!({"exp": 1_000_000})),
    });
    let time = Duration::from_secs(60 * minutes);
    let begin = Instant::now();
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        workers.spawn(work(worker, Arc::clone(&mix), time));
    }
    let (mut samples, mut tick) = (Vec::new(), tokio::time::interval(SAMPLE));
    while begin.elapsed() < time {
        tick.tick().await;
        let now = Vitals::of(server.pid())?;
        samples.push((begin.elapsed(), now));
        if samples.len() % 30 == 1 {
            say(&format!("after {:.0?}: {now}", begin.elapsed()));
        }
    }
    let mut seen = Seen::default();
    while let Some(worker) = workers.join_next().await {
        seen.add(worker?);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    say(&format!("requests by status: {}", seen.line()));
    say(&format!("at rest after it: {}", Vitals::of(server.pid())?));
    judge(&samples)
}

fn judge(samples: &[(Duration, Vitals)]) -> anyhow::Result<()> {
    let steady: Vec<_> = samples
        .iter()
        .filter(|(at, _)| *at >= WARM_UP)
        .map(|(at, vitals)| (at.as_secs_f64(), *vitals))
        .collect();
    let (Some((_, first)), Some((_, last))) = (steady.first(), steady.last()) else {
        say("too short for a judgement");
        return Ok(());
    };
    #[expect(clippy::cast_precision_loss, reason = "kibibytes")]
    let memory: Vec<_> = steady
        .iter()
        .map(|(at, vitals)| (*at, vitals.resident_kib as f64))
        .collect();
    let (slope, mean) = slope(&memory);
    let percent = slope * 600.0 / mean * 100.0;
    say(&format!(
        "after five minutes: {first}; at the end: {last}; memory {percent:+.2} % in ten minutes"
    ));
    ensure!(percent <= MOST_PERCENT, "memory grows");
    let more = |before: usize, after: usize| after.saturating_sub(before);
    ensure!(more(first.files, last.files) <= 2 * WORKERS, "files grow");
    ensure!(last.threads <= first.threads + 2, "threads grow");
    Ok(())
}

/// The slope of the line through the points (least squares), and their mean.
#[expect(clippy::cast_precision_loss, reason = "a few hundred points")]
fn slope(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let both: f64 = points
        .iter()
        .map(|point| (point.0 - x) * (point.1 - y))
        .sum();
    let square: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    (both / square.max(f64::MIN_POSITIVE), y)
}

async fn work(worker: usize, mix: Arc<Mix>, time: Duration) -> Seen {
    let (begin, mut seen, mut wire) = (Instant::now(), Seen::default(), None);
    let mut tick = tokio::time::interval(PAUSE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut number = worker;
    while begin.elapsed() < time {
        tick.tick().await;
        number = number.wrapping_add(WORKERS + 1);
        let asked = Instant::now();
        let status = mix.one(number, &mut wire).await.unwrap_or_else(|_| {
            wire = None;
            0
        });
        seen.note(status, asked.elapsed());
    }
    seen
}

impl Mix {
    /// The request of this number; returns its status, or 0 for one that was not finished.
    async fn one(&self, number: usize, wire: &mut Option<Wire>) -> std::io::Result<u16> {
        let address = self.address;
        let good = self.good.get(number % PEOPLE).map_or("", String::as_str);
        let request = match number % 20 {
            0..=8 => wire::search(address, good),
            9..=11 => wire::list(address, good),
            12 => wire::list(address, &self.expired),
            13 | 14 => wire::list(address, &format!("made-up-{number}")),
            15 => return self.sign_in(number).await,
            16 => wire::get(address, "/.well-known/oauth-protected-resource"),
            17 => return self.leave(good).await,
            18 => return self.stall(good).await,
            _ => wire::post(address, good, "{\"jsonrpc\":\"2.0\",\"id\":1,"),
        };
        let open = match wire {
            Some(open) => open,
            None => wire.insert(Wire::open(address).await?),
        };
        Ok(open.ask(&request).await?.status)
    }

    /// A client registers and opens the consent page, and nobody agrees.
    async fn sign_in(&self, number: usize) -> std::io::Result<u16> {
        let (address, mut wire) = (self.address, Wire::open(self.address).await?);
        let metadata = json!({"client_name": format!("soak {number}"), "redirect_uris": ["http://127.0.0.1:9/callback"],
            "token_endpoint_auth_method": "none"})
        .to_string();
        let request = format!(
            "POST /oauth/register HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{metadata}",
            metadata.len()
        );
        let answer = wire.ask(request.as_bytes()).await?;
        let registered: serde_json::Value =
            serde_json::from_slice(&answer.body).unwrap_or_default();
        let id = registered["client_id"].as_str().unwrap_or_default();
        let path = format!(
            "/oauth/authorize?response_type=code&client_id={id}&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback&state=s\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
        );
        Ok(wire.ask(&wire::get(address, &path)).await?.status)
    }

    /// A client leaves in the middle of its call.
    async fn leave(&self, token: &str) -> std::io::Result<u16> {
        let mut wire = Wire::open(self.address).await?;
        wire.send(&wire::search(self.address, token)).await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(0)
    }

    /// A client that sends half of its request and is cut off.
    async fn stall(&self, token: &str) -> std::io::Result<u16> {
        let mut wire = Wire::open(self.address).await?;
        let head = wire::head(self.address, token, 500) + "{";
        Ok(wire.ask(head.as_bytes()).await?.status)
    }
}
