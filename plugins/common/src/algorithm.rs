//! The signature algorithms of RFC 7518 section 3.1 that a validator may trust: the asymmetric ones.
//!
//! `none` and the HMAC family have no variant here, so no configuration can allow them: with HMAC
//! an attacker could sign with the public key, which everybody knows.

use std::{fmt, str::FromStr};

use aws_lc_rs::signature::{
    self as lc, EcdsaVerificationAlgorithm, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents,
};
use jsonwebtoken::AlgorithmFamily;

/// An asymmetric signature algorithm of a JWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// Ed25519, named `EdDSA` by RFC 8037 and `Ed25519` by RFC 9864.
    EdDSA,
}

/// The name is not that of an asymmetric signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnknownAlgorithm;

impl Algorithm {
    /// All of them.
    pub(crate) const ALL: [Self; 10] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::EdDSA,
    ];

    /// The name as written in a JOSE header.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The kind of key that it needs.
    pub(crate) fn family(self) -> AlgorithmFamily {
        match self {
            Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 | Self::PS384 | Self::PS512 => {
                AlgorithmFamily::Rsa
            }
            Self::ES256 | Self::ES384 | Self::ES512 => AlgorithmFamily::Ec,
            Self::EdDSA => AlgorithmFamily::Ed,
        }
    }

    fn rsa_parameters(self) -> Option<&'static RsaParameters> {
        Some(match self {
            Self::RS256 => &lc::RSA_PKCS1_2048_8192_SHA256,
            Self::RS384 => &lc::RSA_PKCS1_2048_8192_SHA384,
            Self::RS512 => &lc::RSA_PKCS1_2048_8192_SHA512,
            Self::PS256 => &lc::RSA_PSS_2048_8192_SHA256,
            Self::PS384 => &lc::RSA_PSS_2048_8192_SHA384,
            Self::PS512 => &lc::RSA_PSS_2048_8192_SHA512,
            _ => return None,
        })
    }

    fn ec_parameters(self) -> Option<&'static EcdsaVerificationAlgorithm> {
        Some(match self {
            Self::ES256 => &lc::ECDSA_P256_SHA256_FIXED,
            Self::ES384 => &lc::ECDSA_P384_SHA384_FIXED,
            Self::ES512 => &lc::ECDSA_P521_SHA512_FIXED,
            _ => return None,
        })
    }

    /// Parses an RSA key for this algorithm; `None` if key or algorithm does not fit.
    pub(crate) fn parse_rsa(self, n: &[u8], e: &[u8]) -> Option<ParsedPublicKey> {
        RsaPublicKeyComponents { n, e }
            .to_parsed_public_key(self.rsa_parameters()?)
            .ok()
    }

    /// Parses an uncompressed point or an Ed25519 key; `None` if it does not fit, for example a
    /// point off the curve.
    pub(crate) fn parse_octets(self, key: &[u8]) -> Option<ParsedPublicKey> {
        match self {
            Self::EdDSA => ParsedPublicKey::new(&lc::ED25519, key).ok(),
            _ => ParsedPublicKey::new(self.ec_parameters()?, key).ok(),
        }
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        if name == "Ed25519" {
            return Ok(Self::EdDSA);
        }
        Self::ALL
            .into_iter()
            .find(|known| known.name() == name)
            .ok_or(UnknownAlgorithm)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_symmetric_ones_do_not_exist() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
        }
        assert_eq!("Ed25519".parse(), Ok(Algorithm::EdDSA));
        for bad in [
            "none", "None", "HS256", "HS512", "rs256", "RS256 ", "", "ES521", "ES256K", "Ed448",
        ] {
            assert_eq!(bad.parse::<Algorithm>(), Err(UnknownAlgorithm), "{bad}");
        }
    }
}
