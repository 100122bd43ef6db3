//! Verifies the JWTs of one provider: form, claims, key, signature, in this order.
//!
//! [`Verifier::try_verify`] answers from memory and never waits; [`Verifier::verify`] fetches keys
//! if necessary. A token is never accepted before its signature is checked, and a token that its
//! own claims already rule out never causes a fetch.

use plugin_api::sdk::Failure;
use serde_json::Value;

use crate::{
    claims::{Rules, Verified},
    clock::Clock,
    http::Http,
    issuer::{self, IssuerCheck, key_may_sign},
    jwks::Checked,
    jws::{Compact, Header, quoted},
    options::OidcOptions,
    provider::{Provider, Snapshot},
};

/// The verifier of one provider's access tokens.
#[derive(Debug)]
pub struct Verifier {
    rules: Rules,
    provider: Provider,
    clock: Clock,
    issuer: String,
    /// The check of the issuer, if it is known before there are keys.
    early: Option<IssuerCheck>,
}

/// The result of checking a token against a set of keys.
enum Verdict {
    Accepted(Verified),
    Refused(Failure),
    /// No key fitted, but newer keys might.
    NoKey(Failure),
    /// Like `NoKey`, and the token names an unknown key: while the provider cannot be asked for it,
    /// it cannot be decided whether the token is valid.
    UnknownKey(Failure),
}

impl Verifier {
    /// Makes a verifier and starts fetching the keys, on the current tokio runtime. A provider that
    /// is down is not an error.
    ///
    /// # Errors
    /// [`Failure::misconfigured`] with one line that says what to change.
    pub fn new(options: &OidcOptions, clock: Clock) -> Result<Self, Failure> {
        let (rules, settings) = options.resolve().map_err(Failure::misconfigured)?;
        let configured = issuer::configured(settings.issuer.source());
        let configured = configured.into_iter().chain(settings.jwks_uri.as_ref());
        let http = Http::new(&options.network, configured)
            .map_err(|error| Failure::misconfigured(error.to_string()))?;
        let issuer = settings.issuer.text().to_owned();
        let early = settings.issuer.early();
        let provider = Provider::start(settings, http, clock.clone());
        Ok(Self {
            rules,
            provider,
            clock,
            issuer,
            early,
        })
    }

    /// The issuer as it is configured.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Decides from memory; `None` if keys would have to be fetched. Never waits.
    pub fn try_verify(&self, token: &str) -> Option<Result<Verified, Failure>> {
        let compact = match Compact::parse(token) {
            Ok(compact) => compact,
            Err(failure) => return Some(Err(failure)),
        };
        let Some(snapshot) = self.provider.usable() else {
            return self.check_early(&compact).err().map(Err);
        };
        match self.check(&compact, &snapshot) {
            Verdict::Accepted(verified) => Some(Ok(verified)),
            Verdict::Refused(failure) => Some(Err(failure)),
            Verdict::NoKey(_) | Verdict::UnknownKey(_) if self.provider.may_refetch(&snapshot) => {
                None
            }
            Verdict::NoKey(failure) => Some(Err(failure)),
            Verdict::UnknownKey(failure) => {
                Some(Err(self.without_key(&compact, &snapshot, failure)))
            }
        }
    }

    /// Decides, fetching keys if that is needed and allowed.
    ///
    /// # Errors
    /// [`Failure::not_mine`] for a token of another issuer or kind, [`Failure::rejected`] for a
    /// bad one, [`Failure::unavailable`] while the provider's keys are not available.
    pub async fn verify(&self, token: &str) -> Result<Verified, Failure> {
        let compact = Compact::parse(token)?;
        let snapshot = match self.provider.usable() {
            Some(snapshot) => snapshot,
            None => {
                self.check_early(&compact)?;
                self.provider.keys().await?
            }
        };
        let seen = match self.check(&compact, &snapshot) {
            Verdict::Accepted(verified) => return Ok(verified),
            Verdict::Refused(failure) => return Err(failure),
            miss => miss,
        };
        let fresh = self.provider.refetched(&snapshot).await;
        let verdict = match &fresh {
            Some(fresh) => self.check(&compact, fresh),
            None => seen,
        };
        match verdict {
            Verdict::Accepted(verified) => Ok(verified),
            Verdict::Refused(failure) | Verdict::NoKey(failure) => Err(failure),
            // The keys are newer than the token.
            Verdict::UnknownKey(failure) if fresh.is_some() => Err(failure),
            Verdict::UnknownKey(failure) => Err(self.without_key(&compact, &snapshot, failure)),
        }
    }

    /// The failure for a token that names a key that is not in `snapshot`, while no other keys can be
    /// fetched. It stays `refused` if the provider had no such key after the token was issued.
    fn without_key(&self, compact: &Compact<'_>, snapshot: &Snapshot, refused: Failure) -> Failure {
        if let Some(trouble) = self.provider.trouble() {
            return trouble;
        }
        let issued_at = compact.claims.get("iat").and_then(Value::as_f64);
        // Exact, because the dates of tokens are far below 2^53.
        if issued_at.is_none_or(|issued_at| issued_at <= snapshot.asked_at as f64) {
            return refused;
        }
        let kid = compact.header().ok().and_then(|header| header.kid);
        let undecided = kid.and_then(|kid| self.provider.undecided(kid));
        undecided.unwrap_or(refused)
    }

    /// Checks that there are keys to verify with.
    ///
    /// # Errors
    /// [`Failure::unavailable`] if there are none and they cannot be fetched.
    pub async fn health(&self) -> Result<(), Failure> {
        match self.provider.keys().await?.keys.len() {
            0 => Err(Failure::unavailable("the provider publishes no usable key")),
            _ => Ok(()),
        }
    }

    /// Refuses tokens that can be refused without keys.
    fn check_early(&self, compact: &Compact<'_>) -> Result<(), Failure> {
        if let Some(rule) = &self.early {
            rule.check(&compact.claims)?;
            self.rules
                .check(&compact.header()?, &compact.claims, self.clock.unix())?;
        }
        Ok(())
    }

    fn check(&self, compact: &Compact<'_>, snapshot: &Snapshot) -> Verdict {
        let header = match self.check_claims(compact, snapshot) {
            Ok(header) => header,
            Err(failure) => return Verdict::Refused(failure),
        };
        let keys = &snapshot.keys;
        if keys.len() == 0 {
            let failure = "the provider publishes no usable key";
            return Verdict::NoKey(Failure::unavailable(failure));
        }
        let checked = keys.check(
            header.kid,
            header.algorithm,
            compact.message,
            &compact.signature,
        );
        match checked {
            Checked::Good { key } if key_may_sign(keys.issuer_of(key), &compact.claims) => {
                match self.rules.person(&compact.claims) {
                    Ok(verified) => Verdict::Accepted(verified),
                    Err(failure) => Verdict::Refused(failure),
                }
            }
            Checked::Good { .. } => {
                Verdict::Refused(Failure::rejected("the key belongs to another issuer"))
            }
            Checked::Bad => Verdict::NoKey(Failure::rejected("the signature is wrong")),
            Checked::NoSuchKey => Verdict::UnknownKey(Failure::rejected(match header.kid {
                Some(kid) => format!("the provider has no key {}", quoted(kid)),
                None => format!("the provider has no key for {}", header.algorithm),
            })),
            Checked::WrongAlgorithm => Verdict::NoKey(Failure::rejected(format!(
                "the key that the token names is not for {}",
                header.algorithm
            ))),
        }
    }

    fn check_claims<'a>(
        &self,
        compact: &'a Compact<'_>,
        snapshot: &Snapshot,
    ) -> Result<Header<'a>, Failure> {
        snapshot.issuer.check(&compact.claims)?;
        let header = compact.header()?;
        self.rules
            .check(&header, &compact.claims, self.clock.unix())?;
        Ok(header)
    }
}

#[cfg(test)]
mod tests;
