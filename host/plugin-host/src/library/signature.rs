//! Signatures of libraries in minisign's format: `FILE.minisig` beside the file, by a key that the
//! operator named.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use minisign_verify::{PublicKey, Signature};
use rustix::fs::{Mode, OFlags};

/// The longest signature file that is read; one has about 300 bytes.
const MAX_SIGNATURE_BYTES: u64 = 4_096;

/// The public keys whose signatures count. Empty: no signature is required.
#[derive(Clone, Default)]
pub struct Signers(Vec<Signer>);

#[derive(Clone)]
struct Signer {
    text: String,
    key: PublicKey,
}

impl fmt::Debug for Signers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|signer| &signer.text))
            .finish()
    }
}

/// The text is not a public key of minisign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a public key of minisign (the second line of `minisign.pub`, which begins with `RW`)"
)]
pub struct SignerError(String);

/// The reason that a library's signature does not count.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// It has none, or it cannot be read.
    #[error(
        "{path}: {source}; a signature is required (`PLUGIN_SIGNERS`): sign the library with `minisign -S -m FILE`"
    )]
    Missing {
        /// The signature's file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// It is not in minisign's format.
    #[error("{0}: not a signature of minisign; sign the library with `minisign -S -m FILE`")]
    Malformed(PathBuf),
    /// No key of the operator's made it, or the library is another one.
    #[error(
        "{0}: not a signature of this file by a key of `PLUGIN_SIGNERS`; ask its vendor for the file and its signature, or add the vendor's key"
    )]
    Untrusted(PathBuf),
}

impl Signers {
    /// Reads public keys, separated by commas.
    ///
    /// # Errors
    /// The first that is none.
    pub fn parse(text: &str) -> Result<Self, SignerError> {
        text.split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(|text| {
                let key = PublicKey::from_base64(text);
                let key = key.map_err(|_| SignerError(text.escape_default().take(80).collect()))?;
                let text = text.to_owned();
                Ok(Signer { text, key })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// True if no signature is required.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key that signed `bytes`, the content of `library`; `None` if no signature is required.
    ///
    /// # Errors
    /// If one is required and there is none that counts.
    pub(crate) fn of(&self, library: &Path, bytes: &[u8]) -> Result<Option<&str>, SignatureError> {
        if self.is_empty() {
            return Ok(None);
        }
        let mut path = library.as_os_str().to_owned();
        path.push(".minisig");
        let path = PathBuf::from(path);
        let text = read(&path).map_err(|source| SignatureError::Missing {
            path: path.clone(),
            source,
        })?;
        let Ok(signature) = Signature::decode(&text) else {
            return Err(SignatureError::Malformed(path));
        };
        // Signatures of minisign before 0.8, which do not hash first, are refused.
        let signer = self.0.iter().find(|signer| {
            let verified = signer.key.verify(bytes, &signature, false);
            verified.is_ok()
        });
        match signer {
            Some(signer) => Ok(Some(&signer.text)),
            None => Err(SignatureError::Untrusted(path)),
        }
    }
}

/// Reads a small regular file. Never waits for a FIFO.
fn read(path: &Path) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut text = String::new();
    file.take(MAX_SIGNATURE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The vector of the crate's own documentation: a signature of the text `test`.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const OTHER: &str = "RWSmYTaQoNnQXWkmqRcXa7yP0Wd7VfqK4sD0l8bQ6yqZp1a7s2c3d4e5";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key\n\
        RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n\
        trusted comment: timestamp:1633700835\tfile:test\tprehashed\n\
        wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==\n";

    #[test]
    fn only_a_signature_of_this_file_by_a_named_key_counts() {
        let dir = tempfile::tempdir().unwrap();
        let library = dir.path().join("libx.so");
        let signers = Signers::parse(KEY).unwrap();
        let of = |signers: &Signers, bytes: &[u8]| {
            let signer = signers.of(&library, bytes);
            signer
                .map(|key| key.map(str::to_owned))
                .map_err(|error| error.to_string())
        };
        assert_eq!(of(&Signers::default(), b"test"), Ok(None));
        assert!(of(&signers, b"test").unwrap_err().contains("required"));
        let signature = dir.path().join("libx.so.minisig");
        std::fs::write(&signature, SIGNATURE).unwrap();
        assert_eq!(of(&signers, b"test"), Ok(Some(KEY.to_owned())));
        assert!(
            of(&signers, b"tesT")
                .unwrap_err()
                .contains("not a signature of this file")
        );
        if let Ok(others) = Signers::parse(OTHER) {
            assert!(of(&others, b"test").is_err());
        }
        for cut in [0, 20, SIGNATURE.len() - 10] {
            std::fs::write(&signature, &SIGNATURE[..cut]).unwrap();
            assert!(of(&signers, b"test").is_err(), "{cut}");
        }
    }

    #[test]
    fn what_is_no_key_is_named() {
        for bad in ["x", "RWQf6LRCGA9i53mlYecO", &KEY[1..]] {
            assert!(Signers::parse(bad).is_err(), "{bad}");
        }
        assert!(!Signers::parse(&format!("{KEY}, {KEY}")).unwrap().is_empty());
        assert!(Signers::parse("").unwrap().is_empty());
    }
}
