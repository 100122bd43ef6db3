//! What shares and the count of values cost a call with a known token, for the benchmark.

use std::{sync::Arc, time::Duration};

use datahub::{Caller, DataHub};
use foundation::{
    breaker::{Breaker, Policy},
    client_address::ClientAddress,
    identity::{Acceptance, Lease, TokenDigest, Verdict},
    shares::Exhausted,
};
use http::Extensions;
use secrecy::SecretString;

use super::{
    message,
    open_connections::{Listed, OpenConnections, Place},
    settings::Limits,
    shares::Taken,
    supplies::Supplies,
};

/// One person's call, again and again, beside others that are under way.
pub struct Bench {
    supplies: Supplies,
    request: Extensions,
    breaker: Breaker,
    who: u64,
    connection: Listed,
    /// Calls of others.
    _held: Vec<Taken>,
}

impl Bench {
    /// A server in which `others` people have a call under way.
    ///
    /// # Panics
    /// If a stand-in cannot be made.
    #[expect(
        clippy::expect_used,
        reason = "a benchmark without its parts cannot run"
    )]
    pub fn new(others: u32) -> Self {
        let supplies = Supplies::new(&Limits {
            max_connections: 8192,
            max_concurrent_requests: 512,
            max_body_bytes: 256 * 1024,
            max_header_bytes: 64 * 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(60),
        });
        let gms = "http://127.0.0.1:9".parse().expect("a URL");
        let datahub = DataHub::new(datahub::Settings::at(gms)).expect("a pool");
        let address = ClientAddress::new([192, 0, 2, 1].into());
        let request = |name: &str| {
            let acceptance = Acceptance {
                subject: format!("{name}@example.com"),
                scopes: Vec::new(),
                expires_at: None,
                validator: "oidc".to_owned(),
                datahub_token: SecretString::from("token"),
                token_digest: TokenDigest::of(name),
            };
            let verdict = Verdict::accept(acceptance, Lease::default());
            let person = Arc::clone(verdict.principal().expect("a person"));
            let who = person.digest().number();
            let client = datahub.client_of(&person);
            let mut request = Extensions::new();
            request.insert(Caller::new(person, client));
            request.insert(address);
            (request, who)
        };
        let held = (0..others).filter_map(|number| {
            let (request, _) = request(&format!("person{number}"));
            supplies.requests.take(supplies.holder(&request), 1).ok()
        });
        let _held = held.collect();
        let (request, who) = request("ada");
        Self {
            supplies,
            request,
            breaker: Breaker::new(Policy {
                faults: 5,
                window: None,
                pause: Duration::from_secs(1),
                longest_pause: Duration::from_secs(30),
                probe_retry: Duration::from_secs(1),
                people: 3,
            }),
            who,
            connection: OpenConnections::new().add([192, 0, 2, 1].into(), Place::Usual),
            _held,
        }
    }

    /// Everything that a call takes and gives back: its connection's state, the bytes of its body, its
    /// place among calls and among those to DataHub, and the pass of the breaker.
    ///
    /// # Errors
    /// If there is nothing left, which does not happen.
    pub fn shares(&self, body: &[u8], now: Duration) -> Result<(), Exhausted> {
        let connection = &self.connection.connection;
        connection.serves(true);
        let mut bytes = self
            .supplies
            .body_bytes
            .take(self.supplies.holder(&self.request), 0)?;
        bytes.grow(body.len())?;
        connection.owes(false);
        let place = self
            .supplies
            .requests
            .take(self.supplies.holder(&self.request), 1)?;
        // DataHub's places are of the same type.
        let place_at_datahub = self
            .supplies
            .sign_ins
            .take(self.supplies.holder(&self.request), 1)?;
        if let Ok(pass) = self.breaker.admit(now, Some(self.who)) {
            pass.succeeded(now);
        }
        drop((place_at_datahub, place, bytes));
        connection.serves(false);
        Ok(())
    }

    /// Reads the message and counts its values; returns whether it is one.
    pub fn message(&self, body: &[u8]) -> bool {
        message::passes(body)
    }
}
