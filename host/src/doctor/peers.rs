//! The requests of the checks: the server's own way out, with the time of each answer noted.
//!
//! Never keeps a body or a header but `Date` and `Age`.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use foundation::clock::Clock;
use http::{HeaderMap, header};
use outbound::{AddressRule, Answer, Client, Error, Network, Profile};
use url::Url;

/// The limits of one exchange of a check.
const PROFILE: Profile = Profile {
    user_agent: concat!("datahub-mcp/", env!("CARGO_PKG_VERSION")),
    connect: Duration::from_secs(4),
    total: Some(Duration::from_secs(6)),
    idle: Duration::from_secs(10),
    idle_connections: 4,
    max_body: 1024 * 1024,
    https_only: false,
};

/// A client of one peer.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    name: String,
    client: Client,
    clocks: Clocks,
}

impl Peer {
    /// # Errors
    /// If TLS cannot be set up.
    pub(super) fn new(
        name: &str,
        network: &Network,
        addresses: AddressRule,
        clocks: &Clocks,
    ) -> Result<Self, Error> {
        Ok(Self {
            name: name.to_owned(),
            client: Client::new(network, &PROFILE, addresses)?,
            clocks: clocks.clone(),
        })
    }

    /// The client, for what asks by itself.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Fetches a public document as the server does.
    pub(super) async fn get(&self, url: &Url) -> Result<Answer, Error> {
        let asked = self.clocks.0.clock.now();
        let answer = self.client.get(url, "application/json").await?;
        self.clocks.note(&self.name, asked, &answer.headers);
        Ok(answer)
    }

    /// Fetches `url` with further headers, and follows no redirect.
    pub(super) async fn get_with(&self, url: &Url, headers: &HeaderMap) -> Result<Answer, Error> {
        let asked = self.clocks.0.clock.now();
        let request = self.client.requests().get(url.clone());
        let request = request.headers(headers.clone());
        let answer = self.client.exchange(url, request).await?;
        self.clocks.note(&self.name, asked, &answer.headers);
        Ok(answer)
    }
}

/// The clocks of other servers compared with ours.
#[derive(Debug, Clone, Default)]
pub(super) struct Clocks(Arc<Noted>);

#[derive(Default)]
struct Noted {
    clock: Clock,
    /// The seconds by which a peer's clock is ahead, the latest answer of each.
    ahead: Mutex<Vec<(String, i64)>>,
}

impl fmt::Debug for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Noted(..)")
    }
}

impl Clocks {
    /// The seconds by which each peer's clock is ahead of ours; negative if it is behind.
    pub(super) fn ahead(&self) -> Vec<(String, i64)> {
        let ahead = self.0.ahead.lock();
        ahead.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the `Date` of an answer to what was asked at `asked`.
    fn note(&self, name: &str, asked: SystemTime, headers: &HeaderMap) {
        let Some(ahead) = ahead_of(asked, self.0.clock.now(), headers) else {
            return;
        };
        let mut known = self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(other, _)| other != name);
        known.push((name.to_owned(), ahead));
    }
}

/// The seconds by which the clock of an answer is ahead of ours, zero if it may be the same: it was
/// written at some time between `asked` and `came`, and its `Date` leaves out parts of a second.
fn ahead_of(asked: SystemTime, came: SystemTime, headers: &HeaderMap) -> Option<i64> {
    let text = |name| headers.get(name)?.to_str().ok();
    let date = httpdate::parse_http_date(text(header::DATE)?).ok()?;
    // A cache sends the date of its copy.
    let age = text(header::AGE).and_then(|age| age.trim().parse::<u32>().ok());
    let date = seconds(date) + i64::from(age.unwrap_or_default());
    let (asked, came) = (seconds(asked), seconds(came));
    Some(if date < asked - 1 {
        date - asked
    } else if date > came + 1 {
        date - came
    } else {
        0
    })
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_on_the_way_is_no_difference() {
        let at =
            |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000 + seconds);
        let headers = |date: SystemTime, age: Option<&str>| {
            let mut headers = HeaderMap::new();
            let date = httpdate::fmt_http_date(date).parse().unwrap();
            headers.insert(header::DATE, date);
            if let Some(age) = age {
                headers.insert(header::AGE, age.parse().unwrap());
            }
            headers
        };
        for (date, age, ahead) in [
            (at(0), None, 0),
            (at(5), None, 0),
            (at(6), None, 0),
            (at(65), None, 60),
            (at(100) - Duration::from_secs(400), None, -300),
            (at(0), Some("60"), 55),
            (at(0), Some("soon"), 0),
        ] {
            let found = ahead_of(at(0), at(5), &headers(date, age));
            assert_eq!(found, Some(ahead), "{date:?} {age:?}");
        }
        assert_eq!(ahead_of(at(0), at(5), &HeaderMap::new()), None);
    }
}
