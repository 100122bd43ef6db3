//! The tokens that clients hold: sealed around those of the identity provider, so that the token
//! on the wire between client and server is never passed on.
//!
//! Never gives out an upstream token whose envelope is expired, revoked or not ours.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use foundation::clock::{Clock, UnixMillis};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{
    seal::{COMPRESS_FROM_BYTES, Kind, SealFailed, Sealer},
    store::{Standing, Store, StoreError},
    types::{ClientKey, FamilyId, StoreKey, is_spelling},
    upstream::Subjects,
};

/// Longest token that is issued, in bytes: above it, proxies and servers refuse the header.
pub(super) const MAX_TOKEN_BYTES: usize = 8 * 1_024;
/// Longest refresh token that is accepted, in bytes. It is sent in a body.
const MAX_REFRESH_BYTES: usize = 32 * 1_024;
/// Longest token of the identity provider, in bytes: validators accept none that is longer.
const MAX_INNER_BYTES: usize = 16 * 1_024;
/// The age up to which a token is fresh.
const FRESH: Duration = Duration::from_secs(60);

/// The result of opening a presented bearer token.
#[derive(Debug)]
pub enum Opened {
    /// Not a token of this proxy: goes to the validators as it is.
    NotOurs,
    /// A valid token of ours.
    Token {
        /// The identity provider's token within.
        token: SecretString,
        /// It was issued a moment ago: whoever does not accept it will not accept its successor
        /// either.
        fresh: bool,
        /// The client that it was issued to, as the log lines of the sign-in name it.
        client: String,
        /// What it may be used for, if that is less than what the provider's token allows.
        limit: Option<ScopeLimit>,
    },
    /// Looks like ours, but is of another kind, server or key, expired or revoked; or not ours, and
    /// no others are accepted: HTTP 401.
    Invalid,
    /// Ours, but the store cannot say now which sign-ins have ended, or what it keeps of the token:
    /// HTTP 503.
    Unknown,
}

/// The part of a token's scopes that the client asked for at a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeLimit(String);

impl ScopeLimit {
    /// Returns whether `scope`, as the validators read it in the provider's token, belongs to the
    /// part.
    pub fn allows(&self, scope: &str) -> bool {
        self.0.split(' ').any(|allowed| is_spelling(allowed, scope))
    }
}

/// A token could not be issued.
#[derive(Debug, thiserror::Error)]
pub(super) enum IssueError {
    /// A token of the identity provider is larger than any that is used.
    #[error("a token of the identity provider has {0} bytes, more than can be kept")]
    TooLarge(usize),
    /// The store cannot keep a large token now.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The envelope could not be made.
    #[error(transparent)]
    Seal(#[from] SealFailed),
}

impl IssueError {
    /// The text for the client.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => {
                "the token of the identity provider is too large; ask the operator to leave groups or claims out of it"
            }
            Self::Store(_) => "the token cannot be kept now",
            Self::Seal(_) => "the token could not be made",
        }
    }
}

/// A token within an envelope.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(untagged)]
enum Inner {
    /// As it is.
    Text(String),
    /// A large JWT with its first two parts decoded: only text can be compressed well.
    Jwt {
        /// The header and the claims, as JSON.
        j: [String; 2],
        /// The signature, as in the token.
        s: String,
    },
    /// Too large for a header even so: kept in the store.
    Kept {
        /// The number of times that the sign-in had been refreshed: with the sign-in, its place in
        /// the store, where it is sealed.
        #[zeroize(skip)]
        k: u64,
    },
}

impl Inner {
    fn new(token: &str) -> Self {
        Self::decoded(token).unwrap_or_else(|| Self::Text(token.to_owned()))
    }

    fn decoded(token: &str) -> Option<Self> {
        if token.len() <= COMPRESS_FROM_BYTES {
            return None;
        }
        let mut parts = token.split('.');
        let mut json = || String::from_utf8(URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok();
        let j = [json()?, json()?];
        let s = parts.next()?.to_owned();
        let inner = Self::Jwt { j, s };
        // Byte for byte, or the signature would not fit any more.
        (parts.next().is_none() && inner.text().as_deref() == Some(token)).then_some(inner)
    }

    /// The token; `None` if it is not in here.
    fn text(&self) -> Option<String> {
        Some(match self {
            Self::Text(text) => text.clone(),
            Self::Jwt { j, s } => {
                let [header, claims] = j.each_ref().map(|json| URL_SAFE_NO_PAD.encode(json));
                format!("{header}.{claims}.{s}")
            }
            Self::Kept { .. } => return None,
        })
    }
}

/// The content of an access token.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct AccessContent {
    /// The upstream token.
    t: Inner,
    /// The expiry, in seconds since 1970.
    #[zeroize(skip)]
    x: u64,
    /// The time of issue, in seconds since 1970.
    #[zeroize(skip)]
    #[serde(default)]
    i: u64,
    /// The client that it was issued to.
    #[zeroize(skip)]
    c: ClientKey,
    /// The sign-in that it comes from.
    #[zeroize(skip)]
    f: FamilyId,
    /// The scopes that it is good for.
    #[zeroize(skip)]
    s: String,
    /// The expiry of the refresh token that came with it, in seconds since 1970; 0 if none did.
    #[zeroize(skip)]
    #[serde(default, skip_serializing_if = "is_zero")]
    y: u64,
    /// True if these are less than what the provider's token allows.
    #[zeroize(skip)]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    l: bool,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The sign-in that a token is of.
pub(super) struct Owned {
    /// The client that it was issued to.
    pub(super) client: ClientKey,
    /// The sign-in.
    pub(super) family: FamilyId,
    /// The time until which a token of it may be good, in seconds since 1970.
    pub(super) expires: u64,
    /// The provider's token, if it is in there.
    pub(super) at_provider: Option<String>,
}

/// The content of a refresh token.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct RefreshContent {
    /// The upstream refresh token.
    #[serde(rename = "t")]
    pub(super) upstream: String,
    /// The expiry, in seconds since 1970.
    #[zeroize(skip)]
    #[serde(rename = "x")]
    pub(super) expires: u64,
    /// The client that it was issued to.
    #[zeroize(skip)]
    #[serde(rename = "c")]
    pub(super) client: ClientKey,
    /// The sign-in that it comes from.
    #[zeroize(skip)]
    #[serde(rename = "f")]
    pub(super) family: FamilyId,
    /// The number of times that the family was refreshed before.
    #[zeroize(skip)]
    #[serde(rename = "g")]
    pub(super) generation: u64,
    /// The granted scopes.
    #[zeroize(skip)]
    #[serde(rename = "s")]
    pub(super) scope: String,
    /// Other names for them: those of the client's own request.
    #[zeroize(skip)]
    #[serde(rename = "n", default, skip_serializing_if = "String::is_empty")]
    pub(super) names: String,
    /// Whom the provider's tokens are about.
    #[zeroize(skip)]
    #[serde(rename = "w", default, skip_serializing_if = "Subjects::is_empty")]
    pub(super) subjects: Subjects,
}

/// What tokens are issued for.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    /// The client that gets them.
    pub(super) client: &'a ClientKey,
    /// The sign-in that they come from.
    pub(super) family: &'a FamilyId,
    /// The number of times that it was refreshed before.
    pub(super) generation: u64,
    /// Other names for the granted scopes, see [`RefreshContent`].
    pub(super) names: &'a str,
    /// The part of the granted scopes that the access token is good for; `None` for all.
    pub(super) part: Option<&'a str>,
}

/// Tokens of the identity provider with what is needed to issue ours around them.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct TokenSet {
    /// The token that DataHub and the validators will see.
    #[serde(rename = "t")]
    pub(super) token: String,
    /// The provider's refresh token; without one we issue none.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub(super) refresh: Option<String>,
    /// The expiry of the access token, in seconds since 1970.
    #[zeroize(skip)]
    #[serde(rename = "x")]
    pub(super) expires: u64,
    /// The expiry of the refresh token, in seconds since 1970.
    #[zeroize(skip)]
    #[serde(rename = "y")]
    pub(super) refresh_expires: u64,
    /// The granted scopes.
    #[zeroize(skip)]
    #[serde(rename = "s")]
    pub(super) scope: String,
    /// Whom the tokens are about.
    #[zeroize(skip)]
    #[serde(rename = "w", default, skip_serializing_if = "Subjects::is_empty")]
    pub(super) subjects: Subjects,
}

/// Opens the tokens that this proxy issued. Cheap, and without waiting unless the token was too large
/// for a header: it runs on each request.
pub struct SealedTokens {
    sealer: Arc<Sealer>,
    store: Arc<dyn Store>,
    clock: Clock,
    /// Accept no others.
    only: bool,
}

impl std::fmt::Debug for SealedTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedTokens")
    }
}

impl SealedTokens {
    pub(super) fn new(
        sealer: Arc<Sealer>,
        store: Arc<dyn Store>,
        clock: Clock,
        only: bool,
    ) -> Self {
        Self {
            sealer,
            store,
            clock,
            only,
        }
    }

    /// Returns what `token` is, and the identity provider's token within.
    pub async fn open(&self, token: &SecretString) -> Opened {
        let token = token.expose_secret();
        if !Kind::any_prefixes(token) {
            return match self.only {
                true => Opened::Invalid,
                false => Opened::NotOurs,
            };
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Opened::Invalid;
        }
        let content = self.sealer.open::<AccessContent>(Kind::Access, token);
        let Some(content) = content else {
            return Opened::Invalid;
        };
        let client = self.store.client_standing(&content.c);
        match (self.standing(content.x, &content.f), client) {
            (Standing::Live, Standing::Live) => {}
            (Standing::Ended, _) | (_, Standing::Ended) => return Opened::Invalid,
            _ => return Opened::Unknown,
        }
        let inner = match &content.t {
            Inner::Kept { k } => match self.kept(&content.f, *k).await {
                Ok(inner) => inner.and_then(|inner| inner.text()),
                Err(error) => {
                    tracing::error!(%error, "sign-in store failed");
                    return Opened::Unknown;
                }
            },
            inner => inner.text(),
        };
        let issued = UnixMillis::from_seconds(content.i);
        inner.map_or(Opened::Invalid, |inner| Opened::Token {
            token: SecretString::from(inner),
            fresh: self.clock.unix_millis() < issued.after(FRESH),
            client: content.c.as_str().to_owned(),
            limit: content.l.then(|| ScopeLimit(content.s.clone())),
        })
    }

    async fn kept(&self, family: &FamilyId, generation: u64) -> Result<Option<Inner>, StoreError> {
        let place = StoreKey::of_token(family, generation);
        let sealed = self.store.get_token(&place).await?;
        Ok(sealed.and_then(|sealed| self.sealer.open_at(Kind::Token, place.as_str(), &sealed)))
    }

    /// What an access token is of, for its revocation.
    pub(super) fn access_owner(&self, token: &str) -> Option<Owned> {
        let content = self.sealer.open::<AccessContent>(Kind::Access, token)?;
        Some(Owned {
            client: content.c.clone(),
            family: content.f.clone(),
            expires: content.x.max(content.y),
            at_provider: content.t.text(),
        })
    }

    /// A refresh token's content, if it is ours and not expired. Only the store knows whether it
    /// was used before.
    pub(super) fn open_refresh(&self, token: &str) -> Option<RefreshContent> {
        if token.len() > MAX_REFRESH_BYTES {
            return None;
        }
        let content = self.sealer.open::<RefreshContent>(Kind::Refresh, token)?;
        (self.clock.unix_millis() < UnixMillis::from_seconds(content.expires)).then_some(content)
    }

    /// Checks that tokens can be issued around these.
    pub(super) fn check(&self, tokens: &TokenSet) -> Result<(), IssueError> {
        let sizes =
            std::iter::once(tokens.token.len()).chain(tokens.refresh.as_ref().map(String::len));
        match sizes.max() {
            Some(bytes) if bytes > MAX_INNER_BYTES => Err(IssueError::TooLarge(bytes)),
            _ => Ok(()),
        }
    }

    /// A refresh token around the provider's, if it gave one. Always for all that was granted.
    pub(super) fn issue_refresh(
        &self,
        tokens: &TokenSet,
        terms: &Terms<'_>,
    ) -> Result<Option<String>, IssueError> {
        let Some(upstream) = &tokens.refresh else {
            return Ok(None);
        };
        let refresh = RefreshContent {
            upstream: upstream.clone(),
            expires: tokens.refresh_expires,
            client: terms.client.clone(),
            family: terms.family.clone(),
            generation: terms.generation,
            scope: tokens.scope.clone(),
            names: terms.names.to_owned(),
            subjects: tokens.subjects.clone(),
        };
        Ok(Some(self.sealer.seal(Kind::Refresh, &refresh)?))
    }

    /// An access token around the provider's.
    pub(super) async fn issue_access(
        &self,
        tokens: &TokenSet,
        terms: &Terms<'_>,
    ) -> Result<String, IssueError> {
        let now = self.clock.unix_millis();
        let mut content = AccessContent {
            t: Inner::new(&tokens.token),
            x: tokens.expires,
            i: now.seconds(),
            c: terms.client.clone(),
            f: terms.family.clone(),
            s: terms.part.unwrap_or(&tokens.scope).to_owned(),
            y: match &tokens.refresh {
                Some(_) => tokens.refresh_expires,
                None => 0,
            },
            l: terms.part.is_some(),
        };
        let access = self.sealer.seal(Kind::Access, &content)?;
        if access.len() <= MAX_TOKEN_BYTES {
            return Ok(access);
        }
        let place = StoreKey::of_token(terms.family, terms.generation);
        let sealed = self
            .sealer
            .seal_at(Kind::Token, place.as_str(), &content.t)?;
        let left = Duration::from_secs(tokens.expires.saturating_sub(now.seconds()));
        self.store.put_token(&place, sealed, left).await?;
        content.t = Inner::Kept {
            k: terms.generation,
        };
        Ok(self.sealer.seal(Kind::Access, &content)?)
    }

    fn standing(&self, expires: u64, family: &FamilyId) -> Standing {
        if self.clock.unix_millis() >= UnixMillis::from_seconds(expires) {
            return Standing::Ended;
        }
        self.store.standing(family)
    }
}
