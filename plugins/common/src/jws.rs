//! The compact form of a JWS (RFC 7515 section 7.1), parsed without trusting its content.
//!
//! Returns the content of a token unverified; it is verified elsewhere. Size is checked before
//! anything is decoded, base64url must be canonical and JSON strict, so that a token can be read in
//! only one way.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use plugin_api::sdk::Failure;
use serde_json::{Map, Value};

use crate::{algorithm::Algorithm, strict_json};

/// The longest token that is parsed.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// The longest signature: RSA of 8192 bits.
const MAX_SIGNATURE_BYTES: usize = 1024;

/// A parsed token.
pub(crate) struct Compact<'a> {
    header: Map<String, Value>,
    /// The claims, not yet verified.
    pub(crate) claims: Map<String, Value>,
    /// The signed part.
    pub(crate) message: &'a [u8],
    /// The signature, decoded.
    pub(crate) signature: Vec<u8>,
}

/// The header of an acceptable token.
pub(crate) struct Header<'a> {
    /// The signature algorithm.
    pub(crate) algorithm: Algorithm,
    /// The id of the key.
    pub(crate) kid: Option<&'a str>,
    /// The type of the token.
    pub(crate) typ: Option<&'a str>,
}

impl<'a> Compact<'a> {
    /// Parses a token. Only its form is checked.
    ///
    /// # Errors
    /// [`Failure::not_mine`] if the token is not a JWT at all, so that the next validator of a
    /// chain may recognize it; [`Failure::rejected`] if it is one that could be read in two ways.
    pub(crate) fn parse(token: &'a str) -> Result<Self, Failure> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Failure::rejected("token is longer than 16 KiB"));
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(Failure::not_mine("token is not a JWT"));
        };
        match parts.count() {
            0 => {}
            2 => {
                return Err(Failure::not_mine(
                    "token is encrypted (five parts, JWE): have the provider issue signed access \
                     tokens for this audience",
                ));
            }
            _ => {
                return Err(Failure::not_mine(
                    "token is not a JWT: it has more than three parts",
                ));
            }
        }
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| {
            Failure::not_mine("token is not a JWT: its header is not canonical base64url")
        })?;
        if header.first() != Some(&b'{') && !header.first().is_some_and(u8::is_ascii_whitespace) {
            return Err(Failure::not_mine(
                "token is not a JWT: its header is not a JSON object",
            ));
        }
        let header = strict_json::parse_object(&header)
            .map_err(|what| Failure::rejected(format!("the token's header {what}")))?;
        let claims = URL_SAFE_NO_PAD
            .decode(payload)
            .map_err(|_| Failure::rejected("the token's payload is not canonical base64url"))?;
        let claims = strict_json::parse_object(&claims)
            .map_err(|what| Failure::rejected(format!("the token's payload {what}")))?;
        let message = &token.as_bytes()[..token.len() - signature.len() - 1];
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| Failure::rejected("the token's signature is not canonical base64url"))?;
        Ok(Self {
            header,
            claims,
            message,
            signature,
        })
    }

    /// Reads the header by the rules of RFC 7515 section 4 and RFC 8725.
    ///
    /// `jwk`, `jku`, `x5u`, `x5c` and the like are ignored: the key is selected only
    /// from the provider's own key set.
    ///
    /// # Errors
    /// [`Failure::rejected`] with the reason.
    pub(crate) fn header(&self) -> Result<Header<'_>, Failure> {
        let name = match self.header.get("alg") {
            Some(Value::String(name)) => name,
            Some(_) => return Err(Failure::rejected("the header's `alg` is not a string")),
            None => return Err(Failure::rejected("the header has no `alg`")),
        };
        let algorithm: Algorithm = name.parse().map_err(|_| {
            let why = if name.eq_ignore_ascii_case("none") {
                "an unsigned token is never accepted"
            } else if name.starts_with("HS") {
                "a symmetric signature is never accepted"
            } else {
                "not an asymmetric signature algorithm"
            };
            Failure::rejected(format!("`alg` {}: {why}", quoted(name)))
        })?;
        if self.header.contains_key("crit") {
            return Err(Failure::rejected(
                "the header's `crit` requires extensions, and none is supported",
            ));
        }
        if self.header.contains_key("b64") {
            return Err(Failure::rejected(
                "the header's `b64` (RFC 7797) is not accepted",
            ));
        }
        if self.header.contains_key("enc") || self.header.contains_key("zip") {
            return Err(Failure::rejected(
                "the header is that of an encrypted token",
            ));
        }
        if self.signature.is_empty() || self.signature.len() > MAX_SIGNATURE_BYTES {
            return Err(Failure::rejected("the signature is empty or too long"));
        }
        Ok(Header {
            algorithm,
            kid: self.header_text("kid")?,
            typ: self.header_text("typ")?,
        })
    }

    fn header_text(&self, name: &str) -> Result<Option<&str>, Failure> {
        match self.header.get(name) {
            None => Ok(None),
            Some(Value::String(value)) => Ok(Some(value)),
            Some(_) => Err(Failure::rejected(format!(
                "the header's `{name}` is not a string"
            ))),
        }
    }
}

/// The claims of a token that looks like a JWT. They are not verified: use them only to route a
/// token or to cache an answer for a shorter time.
pub fn unverified_claims(token: &str) -> Option<Map<String, Value>> {
    Compact::parse(token).ok().map(|compact| compact.claims)
}

pub use outbound::quoted;
