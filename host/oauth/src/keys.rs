//! The keys that seal tokens: given by the operator, or kept in a file that only this user can read.
//!
//! Never logs a key, never accepts a key file that others can read.

use std::{io, path::Path};

use base64::{Engine, engine::general_purpose};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::{
    KeySource,
    state_file::{self, About, StateFile, StateFileError},
};

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// More keys than this are a mistake; each costs time on every unknown token.
const MAX_KEYS: usize = 16;
/// The key file's name in the state directory.
pub const KEY_FILE: &str = "oauth-token-key";
static ABOUT: About = About {
    name: KEY_FILE,
    what: "key file",
    max_bytes: 4_096,
    damaged: "does not hold a key (32 bytes in base64)\n\
        hint: delete it; a new one is made at the next start and everybody signs in again",
    denied: "make the directory writable, or set `OAUTH_TOKEN_KEYS`",
    exposed: ", or delete it so that a new one is made",
};

/// The keys are not usable. Never holds a key.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A key in `OAUTH_TOKEN_KEYS` is not 32 bytes.
    #[error(
        "key {position} of `OAUTH_TOKEN_KEYS` is not 32 bytes in base64 or hex\nhint: make one with `openssl rand -base64 32`"
    )]
    Malformed {
        /// Counted from 1.
        position: usize,
    },
    /// No key, too many, or one twice.
    #[error("`OAUTH_TOKEN_KEYS` {0}\nhint: give one key, or the new one followed by the old one")]
    Number(&'static str),
    /// The key file is not usable.
    #[error(transparent)]
    File(#[from] StateFileError),
}

/// One key and the id that envelopes name it by.
pub(super) struct Key {
    pub(super) id: [u8; 4],
    pub(super) secret: Zeroizing<[u8; KEY_BYTES]>,
}

impl Key {
    fn new(secret: [u8; KEY_BYTES]) -> Self {
        let digest = Sha256::new()
            .chain_update(b"datahub-mcp key id\0")
            .chain_update(secret)
            .finalize();
        let mut id = [0; 4];
        id.copy_from_slice(&digest[..4]);
        Self {
            id,
            secret: Zeroizing::new(secret),
        }
    }
}

/// All keys; the first seals.
pub(super) struct Keys(pub(super) Vec<Key>);

impl Keys {
    /// Reads the keys, or makes the key file at the first start.
    pub(super) fn load(source: &KeySource) -> Result<Self, KeysError> {
        match source {
            KeySource::Given(keys) => Self::parse(keys),
            KeySource::StateDirectory(directory) => Ok(Self(vec![key_file(directory)?])),
        }
    }

    fn parse(keys: &SecretString) -> Result<Self, KeysError> {
        let mut parsed: Vec<Key> = Vec::new();
        let given = keys
            .expose_secret()
            .split(',')
            .map(str::trim)
            .filter(|key| !key.is_empty());
        for (index, text) in given.enumerate() {
            let secret = decode(text).ok_or(KeysError::Malformed {
                position: index + 1,
            })?;
            if is_guessable(&secret) {
                return Err(KeysError::Number(
                    "holds a key that anybody can guess: one byte again and again, a short pattern, or numbers that count",
                ));
            }
            let key = Key::new(secret);
            if parsed.iter().any(|other| other.id == key.id) {
                return Err(KeysError::Number("holds the same key twice"));
            }
            parsed.push(key);
        }
        match parsed.len() {
            0 => Err(KeysError::Number("holds no key")),
            1..=MAX_KEYS => Ok(Self(parsed)),
            _ => Err(KeysError::Number("holds more than 16 keys")),
        }
    }
}

/// 32 bytes from base64 (either alphabet, padded or not) or hex.
fn decode(text: &str) -> Option<[u8; KEY_BYTES]> {
    let mut bytes = if text.len() == 2 * KEY_BYTES && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        (0..KEY_BYTES)
            .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16))
            .collect::<Result<Vec<u8>, _>>()
            .ok()?
    } else {
        let standard = Zeroizing::new(
            text.trim_end_matches('=')
                .replace('-', "+")
                .replace('_', "/"),
        );
        general_purpose::STANDARD_NO_PAD
            .decode(standard.as_bytes())
            .ok()?
    };
    let key = bytes.as_slice().try_into().ok();
    bytes.zeroize();
    key
}

/// True for zeros, any other byte that is repeated, a pattern of up to half the key, and bytes that count: what
/// people type in the place of a key. One that was drawn looks like that once in 2^128.
fn is_guessable(key: &[u8; KEY_BYTES]) -> bool {
    let repeats = |period: usize| key[period..] == key[..KEY_BYTES - period];
    let step = key[1].wrapping_sub(key[0]);
    let counts = key
        .windows(2)
        .all(|pair| pair[1].wrapping_sub(pair[0]) == step);
    counts || (1..=KEY_BYTES / 2).any(repeats)
}

fn key_file(directory: &Path) -> Result<Key, KeysError> {
    let file = StateFile::new(directory, &ABOUT);
    if let Some(key) = file.read(read_key)? {
        return Ok(key);
    }
    file.make_directory()?;
    file.make(&new_key())?;
    tracing::info!(path = %file.path().display(), "made a key for sealed tokens");
    // The file on disk counts: another process may have been first.
    let gone = || file.failed(io::ErrorKind::NotFound.into()).into();
    file.read(read_key)?.ok_or_else(gone)
}

/// Looks for the key file in `directory`, and makes none. True if it is there, false if one can be
/// made at the start.
///
/// # Errors
/// As those at the start.
pub fn look_at_key(directory: &Path) -> Result<bool, KeysError> {
    let file = StateFile::new(directory, &ABOUT);
    match file.read(read_key) {
        Ok(Some(_)) => return Ok(true),
        // Below something that is not a directory: that is said more clearly of the place.
        Err(StateFileError::Io { source, .. }) if source.kind() == io::ErrorKind::NotADirectory => {
        }
        read => read.map(drop)?,
    }
    state_file::check_place(directory).map_err(|source| file.failed(source))?;
    Ok(false)
}

fn read_key(text: &str) -> Option<Key> {
    let secret = decode(text.trim()).filter(|secret| !is_guessable(secret));
    secret.map(Key::new)
}

/// A new key, as [`decode`] reads it.
fn new_key() -> Zeroizing<String> {
    let mut secret = Zeroizing::new([0_u8; KEY_BYTES]);
    rand::fill(secret.as_mut_slice());
    // Never moved to a larger place, which would leave a copy.
    let mut text = Zeroizing::new(String::with_capacity(2 * KEY_BYTES));
    general_purpose::STANDARD.encode_string(secret.as_slice(), &mut text);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt},
    };

    use super::*;

    fn parse(text: &str) -> Result<Keys, KeysError> {
        Keys::parse(&SecretString::from(text.to_owned()))
    }

    #[test]
    fn keys_are_taken_in_base64_and_hex() {
        let hex = "00".repeat(31) + "ff";
        let mut bytes = [0; 32];
        bytes[31] = 0xff;
        let padded = general_purpose::STANDARD.encode(bytes);
        let url = general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        for text in [hex, padded, url] {
            assert_eq!(*parse(&text).unwrap().0[0].secret, bytes, "{text}");
        }
    }

    #[test]
    fn bad_keys_are_refused_by_position_and_never_shown() {
        let mut good = [7; 32];
        good[0] = 1;
        let good = general_purpose::STANDARD.encode(good);
        let error = parse(&format!("{good},c2hvcnQ="))
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("key 2 of"), "{error}");
        assert!(!error.contains("c2hvcnQ"), "{error}");
        let counting: String = (0..32).map(|byte| format!("{byte:02x}")).collect();
        for guessable in [
            "0".repeat(64),
            "ff".repeat(32),
            "0123456789abcdef".repeat(4),
            "5f0e1a2b3c4d5e6f708192a3b4c5d6e7".repeat(2),
            counting,
        ] {
            let error = parse(&guessable).err().unwrap().to_string();
            assert!(error.contains("guess"), "{error}");
            assert!(!error.contains(&guessable[..16]), "{error}");
        }
        assert!(matches!(parse(" , "), Err(KeysError::Number(_))));
        assert!(matches!(
            parse(&format!("{good},{good}")),
            Err(KeysError::Number(_))
        ));
    }

    #[test]
    fn the_key_file_is_made_once_and_only_for_us() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("state/oauth");
        let first = key_file(&directory).unwrap();
        let second = key_file(&directory).unwrap();
        assert_eq!(first.secret, second.secret);
        let mode = fs::metadata(directory.join(KEY_FILE)).unwrap().mode() & 0o7777;
        assert_eq!(mode, 0o600);
        assert_eq!(
            fs::read_dir(&directory).unwrap().count(),
            1,
            "the draft is gone"
        );
    }

    #[test]
    fn starting_at_once_ends_with_one_key() {
        let root = tempfile::tempdir().unwrap();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| key_file(root.path()).unwrap().secret))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_loose_or_corrupt_key_file_stops_the_start() {
        let root = tempfile::tempdir().unwrap();
        key_file(root.path()).unwrap();
        let path = root.path().join(KEY_FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = key_file(root.path()).err().unwrap();
        assert!(error.to_string().contains("0640"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for content in [&b"nonsense"[..], b"", b"\xff\xfe"] {
            fs::write(&path, content).unwrap();
            assert!(matches!(key_file(root.path()), Err(KeysError::File { .. })));
        }
    }
}
