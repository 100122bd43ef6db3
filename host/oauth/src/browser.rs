//! The identity of a browser: a sealed cookie with a random id, to which forms and authorizations
//! are bound, and with what the person agreed to in this browser.
//!
//! The cookie says nothing about the person and gives access to nothing.

use axum::http::{HeaderMap, HeaderValue, header};
use foundation::{
    clock::{Clock, UnixMillis},
    public_url::PublicUrl,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    context::CONSENT_TTL,
    seal::{Kind, SealFailed, Sealer},
    types::BrowserId,
};

/// The most consents that are remembered; the oldest is dropped. Keeps the cookie under 4 KB.
const MAX_CONSENTS: usize = 32;

/// A browser, and the content of its cookie.
#[derive(Serialize, Deserialize)]
pub(super) struct Browser {
    /// Its id.
    #[serde(rename = "b")]
    pub(super) id: BrowserId,
    /// The consents that were given, and the expiry of each, in seconds since 1970.
    #[serde(rename = "a")]
    consents: Vec<(String, u64)>,
    /// The expiry of the cookie, in seconds since 1970.
    #[serde(rename = "x")]
    expires: u64,
    /// True if the cookie has still to be sent to the browser.
    #[serde(skip)]
    is_new: bool,
}

impl Browser {
    /// The browser that sent these headers, or a new one.
    pub(super) fn of(headers: &HeaderMap, sealer: &Sealer, url: &PublicUrl, clock: &Clock) -> Self {
        Self::known(headers, sealer, url, clock).unwrap_or_else(|| Self {
            id: BrowserId::random(),
            consents: Vec::new(),
            expires: 0,
            is_new: true,
        })
    }

    /// The browser that sent these headers, if it has our cookie.
    pub(super) fn known(
        headers: &HeaderMap,
        sealer: &Sealer,
        url: &PublicUrl,
        clock: &Clock,
    ) -> Option<Self> {
        let name = cookie_name(url);
        let now = clock.unix_millis();
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(key, _)| *key == name)
            .filter_map(|(_, value)| sealer.open::<Self>(Kind::Browser, value))
            .find(|browser| now < UnixMillis::from_seconds(browser.expires))
    }

    /// Returns whether the person agreed to `consent` in this browser.
    pub(super) fn has_agreed(&self, consent: &str, clock: &Clock) -> bool {
        let now = clock.unix_millis();
        self.consents
            .iter()
            .any(|(agreed, until)| agreed == consent && now < UnixMillis::from_seconds(*until))
    }

    /// Remembers that the person agreed.
    pub(super) fn agree(&mut self, consent: String, clock: &Clock) {
        let now = clock.unix_millis();
        self.consents
            .retain(|(agreed, until)| *agreed != consent && now < UnixMillis::from_seconds(*until));
        if self.consents.len() >= MAX_CONSENTS {
            self.consents.remove(0);
        }
        self.consents
            .push((consent, now.after(CONSENT_TTL).seconds()));
        self.is_new = true;
    }

    /// The `Set-Cookie` to send, if the cookie is new or has changed.
    pub(super) fn set_cookie(
        &mut self,
        sealer: &Sealer,
        url: &PublicUrl,
        clock: &Clock,
    ) -> Result<Option<HeaderValue>, SealFailed> {
        if !self.is_new {
            return Ok(None);
        }
        self.expires = clock.unix_millis().after(CONSENT_TTL).seconds();
        let cookie = format!(
            "{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{}",
            cookie_name(url),
            sealer.seal(Kind::Browser, self)?,
            CONSENT_TTL.as_secs(),
            if url.is_https() { "; Secure" } else { "" },
        );
        let mut value = HeaderValue::try_from(cookie).map_err(|_| SealFailed)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// Returns whether the browser says that nobody sent the person here: an app had it open the URL, the
/// person typed it, or a page of ours leads on (Fetch Metadata). A page of another site may be a
/// hostile server's that names our endpoint as its own; a browser that does not say counts as one.
pub(super) fn came_unled(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-site")
        .is_some_and(|site| site == "none" || site == "same-origin")
}

/// The name of the cookie, which no other server on the same host has: browsers share cookies
/// between the ports and, with `Path=/`, the paths of a host. `__Host-` keeps other hosts of the
/// domain from setting it.
pub(super) fn cookie_name(url: &PublicUrl) -> String {
    /// Bytes of the digest: servers on one host are few, and none picks its name to collide.
    const DIGEST_BYTES: usize = 6;
    let digest = Sha256::digest(url.resource().as_bytes());
    let prefix = if url.is_https() { "__Host-" } else { "" };
    let digest: String = digest[..DIGEST_BYTES]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{prefix}datahub-mcp-{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_on_one_host_have_cookies_of_their_own() {
        let urls = [
            "https://h.example",
            "https://h.example:8443",
            "https://h.example/a",
            "https://h.example/b",
            "http://127.0.0.1:8000",
            "http://127.0.0.1:8001",
            "http://127.0.0.1:8000/a",
            "http://127.0.0.1",
        ];
        let mut names = urls.map(|url| {
            let name = cookie_name(&PublicUrl::parse(url).unwrap());
            assert_eq!(name.starts_with("__Host-"), url.starts_with("https:"));
            assert!(name.len() < 40, "{name}");
            name
        });
        names.sort();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        let same = ["https://h.example", "https://h.example/mcp"]
            .map(|url| cookie_name(&PublicUrl::parse(url).unwrap()));
        assert_eq!(same[0], same[1]);
    }
}
