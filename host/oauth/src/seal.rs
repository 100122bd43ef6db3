//! Envelopes: texts that this server hands out and accepts back, encrypted and authenticated so
//! that nobody else can read, make or change one.
//!
//! AES-256-GCM-SIV (RFC 8452), which forgives a repeated nonce, with a key of its own for each
//! [`Kind`] (HKDF, RFC 5869). Kind, issuer and resource are authenticated beside the content: an
//! envelope of one kind never opens as another, nor that of another server. Never says why one
//! does not open.

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use foundation::public_url::PublicUrl;
use miniz_oxide::{deflate::compress_to_vec, inflate::decompress_to_vec_with_limit};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::keys::Keys;

/// The number of an envelope's layout: JSON, and deflated JSON (RFC 1951). Another layout gets
/// another number.
const PLAIN: u8 = 1;
const DEFLATED: u8 = 2;
/// The content that is deflated, in bytes: below it, no header that it is sent in comes near a limit.
pub(super) const COMPRESS_FROM_BYTES: usize = 3 * 1_024;
/// The largest content of a deflated envelope, in bytes.
const MAX_CONTENT_BYTES: usize = 256 * 1_024;
/// Good compression of text, in about a tenth of a millisecond.
const LEVEL: u8 = 6;
/// Version and key id.
const HEAD_BYTES: usize = 1 + 4;

/// The purpose of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An access token.
    Access,
    /// A refresh token.
    Refresh,
    /// A registered client, which is its own `client_id`.
    Client,
    /// A checked authorization request inside the consent page's form.
    Form,
    /// A browser's cookie: its id, and the consents given in it.
    Browser,
    /// A pending authorization, in the store.
    Transaction,
    /// The grant that an authorization code stands for, in the store.
    Code,
    /// A provider's token that is too large for a header, in the store.
    Token,
    /// The answer to a refresh, kept for the grace period, in the store.
    Answer,
    /// The provider's refresh token, kept for the end of the sign-in, in the store.
    Provider,
}

impl Kind {
    pub(super) const ALL: [Self; 10] = [
        Self::Access,
        Self::Refresh,
        Self::Client,
        Self::Form,
        Self::Browser,
        Self::Transaction,
        Self::Code,
        Self::Token,
        Self::Answer,
        Self::Provider,
    ];

    /// The start of such an envelope's text, by which people and secret scanners recognize it.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "mcp_at_",
            Self::Refresh => "mcp_rt_",
            Self::Client => "mcp_client_",
            Self::Form => "mcp_form_",
            Self::Browser => "mcp_browser_",
            Self::Transaction => "mcp_tx_",
            Self::Code => "mcp_code_",
            Self::Token => "mcp_token_",
            Self::Answer => "mcp_answer_",
            Self::Provider => "mcp_idp_",
        }
    }

    /// True if it holds tokens of the identity provider, of any size. The content of the others is
    /// bounded by the length of their text.
    const fn holds_tokens(self) -> bool {
        matches!(
            self,
            Self::Access | Self::Refresh | Self::Code | Self::Token | Self::Answer | Self::Provider
        )
    }

    /// Returns whether `text` looks like an envelope of any kind.
    pub(super) fn any_prefixes(text: &str) -> bool {
        Self::ALL.iter().any(|kind| text.starts_with(kind.prefix()))
    }
}

/// An envelope could not be made. Not something that a stranger can cause.
#[derive(Debug, thiserror::Error)]
#[error("cannot seal an envelope")]
pub struct SealFailed;

struct DerivedKey {
    id: [u8; 4],
    by_kind: [LessSafeKey; Kind::ALL.len()],
}

/// Seals and opens envelopes of this server.
pub(super) struct Sealer {
    keys: Vec<DerivedKey>,
    context: String,
    log_key: [u8; 32],
}

impl Sealer {
    /// A sealer for the server at `public_url`.
    pub(super) fn new(keys: &Keys, public_url: &PublicUrl) -> Result<Self, SealFailed> {
        let log_key = log_key(keys.0.first().ok_or(SealFailed)?)?;
        let keys = keys.0.iter().map(derive).collect::<Result<Vec<_>, _>>()?;
        let context = format!("{}\0{}", public_url.issuer(), public_url.resource());
        Ok(Self {
            keys,
            context,
            log_key,
        })
    }

    /// The key of the digests by which logs know people: the same for all that seal with one key.
    pub(super) fn log_key(&self) -> [u8; 32] {
        self.log_key
    }

    /// Seals `content` as `kind`.
    pub(super) fn seal<T: Serialize>(&self, kind: Kind, content: &T) -> Result<String, SealFailed> {
        let key = self.keys.first().ok_or(SealFailed)?;
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce);
        // Encrypted in place, so that no copy of the plain text stays behind.
        let mut sealed = Zeroizing::new(serde_json::to_vec(content).map_err(|_| SealFailed)?);
        let mut version = PLAIN;
        if kind.holds_tokens() && (COMPRESS_FROM_BYTES..=MAX_CONTENT_BYTES).contains(&sealed.len())
        {
            let deflated = Zeroizing::new(compress_to_vec(&sealed, LEVEL));
            if deflated.len() < sealed.len() {
                (version, sealed) = (DEFLATED, deflated);
            }
        }
        key.by_kind[kind as usize]
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(self.authenticated(version, kind, key.id)),
                &mut *sealed,
            )
            .map_err(|_| SealFailed)?;
        let mut envelope = Vec::with_capacity(HEAD_BYTES + NONCE_LEN + sealed.len());
        envelope.push(version);
        envelope.extend_from_slice(&key.id);
        envelope.extend_from_slice(&nonce);
        envelope.extend_from_slice(&sealed);
        let mut text = String::with_capacity(kind.prefix().len() + envelope.len() * 4 / 3 + 4);
        text.push_str(kind.prefix());
        URL_SAFE_NO_PAD.encode_string(&envelope, &mut text);
        Ok(text)
    }

    /// Opens an envelope of `kind`; `None` for everything else.
    pub(super) fn open<T: DeserializeOwned>(&self, kind: Kind, text: &str) -> Option<T> {
        let envelope = URL_SAFE_NO_PAD
            .decode(text.strip_prefix(kind.prefix())?)
            .ok()?;
        let (head, rest) = envelope.split_at_checked(HEAD_BYTES)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let (version, id) = head.split_first()?;
        if !matches!(*version, PLAIN | DEFLATED) {
            return None;
        }
        let key = self.keys.iter().find(|key| key.id == *id)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let content = key.by_kind[kind as usize]
            .open_in_place(
                Nonce::try_assume_unique_for_key(nonce).ok()?,
                Aad::from(self.authenticated(*version, kind, key.id)),
                &mut plain,
            )
            .ok()?;
        if *version == PLAIN {
            return serde_json::from_slice(content).ok();
        }
        // Only content of our own gets here, and only as much as was sealed.
        let inflated = decompress_to_vec_with_limit(content, MAX_CONTENT_BYTES).ok()?;
        serde_json::from_slice(&Zeroizing::new(inflated)).ok()
    }

    /// Seals `content` as `kind` for one place in the store: whoever can write there cannot move it.
    pub(super) fn seal_at<T: Serialize>(
        &self,
        kind: Kind,
        place: &str,
        content: &T,
    ) -> Result<String, SealFailed> {
        self.seal(kind, &(place, content))
    }

    /// Opens an envelope of `kind` that was sealed for `place`; `None` for everything else.
    pub(super) fn open_at<T: DeserializeOwned>(
        &self,
        kind: Kind,
        place: &str,
        text: &str,
    ) -> Option<T> {
        let (sealed_for, content): (String, T) = self.open(kind, text)?;
        (sealed_for == place).then_some(content)
    }

    fn authenticated(&self, version: u8, kind: Kind, key_id: [u8; 4]) -> Vec<u8> {
        let mut data = vec![version];
        data.extend_from_slice(&key_id);
        data.extend_from_slice(kind.prefix().as_bytes());
        data.push(0);
        data.extend_from_slice(self.context.as_bytes());
        data
    }
}

fn log_key(key: &super::keys::Key) -> Result<[u8; 32], SealFailed> {
    let extracted = Salt::new(HKDF_SHA256, b"datahub-mcp logs 1").extract(key.secret.as_slice());
    let mut derived = [0; 32];
    extracted
        .expand(&[b"person"], HKDF_SHA256)
        .and_then(|key| key.fill(&mut derived))
        .map_err(|_| SealFailed)?;
    Ok(derived)
}

fn derive(key: &super::keys::Key) -> Result<DerivedKey, SealFailed> {
    let extracted =
        Salt::new(HKDF_SHA256, b"datahub-mcp envelopes 1").extract(key.secret.as_slice());
    let derive_one = |kind: Kind| -> Result<LessSafeKey, SealFailed> {
        let info = [kind.prefix().as_bytes()];
        let unbound: UnboundKey = extracted
            .expand(&info, &AES_256_GCM_SIV)
            .map_err(|_| SealFailed)?
            .into();
        Ok(LessSafeKey::new(unbound))
    };
    let derived = Kind::ALL
        .into_iter()
        .map(derive_one)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(DerivedKey {
        id: key.id,
        by_kind: derived.try_into().map_err(|_| SealFailed)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::SecretString;

    use super::*;
    use crate::KeySource;

    fn sealer(keys: &str, url: &str) -> Sealer {
        let keys = Keys::load(&KeySource::Given(SecretString::from(keys.to_owned()))).unwrap();
        Sealer::new(&keys, &PublicUrl::parse(url).unwrap()).unwrap()
    }

    fn key(byte: u8) -> String {
        let mut key = [byte; 32];
        key[0] = 0;
        base64::engine::general_purpose::STANDARD.encode(key)
    }

    const URL: &str = "https://mcp.example.com";

    #[test]
    fn a_kind_never_opens_as_another() {
        let sealer = sealer(&key(1), URL);
        for kind in Kind::ALL {
            let envelope = sealer.seal(kind, &"content").unwrap();
            for other in Kind::ALL {
                // With its own prefix, and dressed up with the other's.
                let dressed = envelope.replacen(kind.prefix(), other.prefix(), 1);
                assert_eq!(
                    sealer.open::<String>(other, &envelope).is_some(),
                    other == kind
                );
                assert_eq!(
                    sealer.open::<String>(other, &dressed).is_some(),
                    other == kind
                );
            }
        }
    }

    #[test]
    fn the_key_of_logs_depends_on_the_first_key_alone() {
        let log_key = |keys: &str, url: &str| sealer(keys, url).log_key();
        let ours = log_key(&key(1), URL);
        assert_eq!(ours, log_key(&format!("{},{}", key(1), key(2)), URL));
        assert_eq!(ours, log_key(&key(1), "https://other.example.com"));
        assert_ne!(ours, log_key(&key(2), URL));
        assert_ne!(ours, [1; 32]);
    }

    #[test]
    fn large_content_is_deflated_and_opens_again() {
        let sealer = sealer(&key(1), URL);
        for kind in Kind::ALL {
            for (length, fits) in [(4_000, true), (200_000, true), (300_000, false)] {
                let content = "group ".repeat(length / 6);
                let envelope = sealer.seal(kind, &content).unwrap();
                let is_small = envelope.len() < content.len() / 10;
                assert_eq!(is_small, fits && kind.holds_tokens(), "{kind:?} {length}");
                assert_eq!(sealer.open::<String>(kind, &envelope), Some(content));
            }
        }
    }

    #[test]
    fn what_is_sealed_for_a_place_opens_there_alone() {
        let sealer = sealer(&key(1), URL);
        let envelope = sealer.seal_at(Kind::Token, "a", &"content").unwrap();
        let open = |place| sealer.open_at::<String>(Kind::Token, place, &envelope);
        assert_eq!(open("a").as_deref(), Some("content"));
        assert_eq!(open("b"), None);
        let nowhere = sealer.seal(Kind::Token, &"content").unwrap();
        assert_eq!(sealer.open_at::<String>(Kind::Token, "a", &nowhere), None);
    }

    #[test]
    fn the_layout_is_authenticated() {
        let sealer = sealer(&key(1), URL);
        for content in ["short".to_owned(), "long ".repeat(1_000)] {
            let envelope = sealer.seal(Kind::Access, &content).unwrap();
            let text = envelope.strip_prefix(Kind::Access.prefix()).unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
            bytes[0] = PLAIN + DEFLATED - bytes[0];
            let other = format!("{}{}", Kind::Access.prefix(), URL_SAFE_NO_PAD.encode(bytes));
            assert_eq!(sealer.open::<String>(Kind::Access, &other), None);
        }
    }

    #[test]
    fn another_server_or_key_does_not_open_it() {
        let ours = sealer(&key(1), URL);
        let envelope = ours.seal(Kind::Access, &"content").unwrap();
        for (keys, url) in [
            (key(1), "https://other.example.com"),
            (key(1), "https://mcp.example.com/other"),
            (key(2), URL),
        ] {
            assert_eq!(
                sealer(&keys, url).open::<String>(Kind::Access, &envelope),
                None
            );
        }
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let old = sealer(&key(1), URL);
        let both = sealer(&format!("{},{}", key(2), key(1)), URL);
        let new = sealer(&key(2), URL);
        let before = old.seal(Kind::Refresh, &"before").unwrap();
        let after = both.seal(Kind::Refresh, &"after").unwrap();
        assert_eq!(
            both.open::<String>(Kind::Refresh, &before).as_deref(),
            Some("before")
        );
        assert_eq!(
            new.open::<String>(Kind::Refresh, &after).as_deref(),
            Some("after")
        );
        assert_eq!(old.open::<String>(Kind::Refresh, &after), None);
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_and_a_changed_byte_does_not(
            content in ".{0,200}",
            position in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let sealer = sealer(&key(1), URL);
            let envelope = sealer.seal(Kind::Code, &content).unwrap();
            prop_assert_eq!(sealer.open::<String>(Kind::Code, &envelope), Some(content));
            let text = envelope.strip_prefix(Kind::Code.prefix()).unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
            let position = position.index(bytes.len());
            bytes[position] ^= 1 << bit;
            let changed = format!("{}{}", Kind::Code.prefix(), URL_SAFE_NO_PAD.encode(bytes));
            prop_assert_eq!(sealer.open::<String>(Kind::Code, &changed), None);
        }

        #[test]
        fn noise_does_not_open(noise in "[ -~]{0,300}") {
            let sealer = sealer(&key(1), URL);
            for kind in Kind::ALL {
                prop_assert_eq!(sealer.open::<String>(kind, &noise), None);
                let dressed = format!("{}{noise}", kind.prefix());
                prop_assert_eq!(sealer.open::<String>(kind, &dressed), None);
            }
        }
    }
}
