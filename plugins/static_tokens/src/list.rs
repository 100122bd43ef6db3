//! The list: read completely or not at all, from files that no other user can change.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use plugin_api::sdk::Token;
use serde::Deserialize;
use subtle::ConstantTimeEq;
use thiserror::Error;
use validator_common::TokenDigest;

const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// The most entries of a list: every token is compared with each of them.
const MAX_TOKENS: usize = 1_000;
const MAX_NAME_BYTES: usize = 128;
const MAX_DATAHUB_TOKEN_BYTES: usize = 16 * 1024;

/// The reason for which a list is not used. Names files and entries, never a token.
#[derive(Debug, Error)]
pub(crate) enum ListError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        error: io::Error,
    },
    /// Another user can write the file, or read a token in it.
    #[error("{}: {what}", path.display())]
    Unsafe {
        /// The file.
        path: PathBuf,
        /// The problem, and how to fix it.
        what: &'static str,
    },
    /// The file is not a list.
    #[error("{}: {what}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The problem and its position.
        what: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    tokens: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    sha256: String,
    #[serde(default)]
    scopes: Vec<String>,
    datahub_token: String,
    #[serde(default)]
    expires_at: Option<u64>,
}

/// The entry of one machine.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    digest: [u8; 32],
    pub(crate) scopes: Vec<String>,
    pub(crate) datahub_token: Token,
    /// The expiry, in seconds since the Unix epoch.
    pub(crate) expires_at: Option<u64>,
}

/// The list in use.
#[derive(Debug)]
pub(crate) struct List {
    entries: Vec<Entry>,
}

/// The metadata of the files when they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<(PathBuf, Option<Seen>)>);

/// Device, inode, size, and time of change in seconds and nanoseconds.
type Seen = (u64, u64, u64, i64, i64);

impl List {
    /// Reads a list and the files that it refers to.
    ///
    /// # Errors
    /// [`ListError`] for the first problem; no entry of such a list is used.
    pub(crate) fn load(path: &Path) -> Result<(Self, Stamp), ListError> {
        let mut stamp = Stamp(Vec::new());
        let (text, metadata) = read(path, &mut stamp)?;
        let invalid = |what: String| ListError::Invalid {
            path: path.to_owned(),
            what,
        };
        let document: Document = serde_json::from_str(&text).map_err(|error| {
            // serde quotes the value that it found, which could be a secret; the position is
            // enough.
            invalid(format!(
                "not a list of tokens at line {}, column {}",
                error.line(),
                error.column()
            ))
        })?;
        if document.tokens.len() > MAX_TOKENS {
            return Err(invalid(format!("holds more than {MAX_TOKENS} tokens")));
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(document.tokens.len());
        for (index, line) in document.tokens.into_iter().enumerate() {
            let entry = parse(path, &metadata, line, &mut stamp).map_err(|error| match error {
                ListError::Invalid { path, what } => ListError::Invalid {
                    path,
                    what: format!("entry {}: {what}", index + 1),
                },
                other => other,
            })?;
            if entries
                .iter()
                .any(|known| known.name == entry.name || known.digest == entry.digest)
            {
                return Err(invalid(format!(
                    "entry {}: the name or the hash is repeated",
                    index + 1
                )));
            }
            entries.push(entry);
        }
        Ok((Self { entries }, stamp))
    }

    /// The number of entries.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entry of the token with this digest. Takes the same time wherever the entry is in the
    /// list, and if there is none.
    pub(crate) fn find(&self, digest: &TokenDigest) -> Option<&Entry> {
        let mut found = None;
        for entry in &self.entries {
            if bool::from(entry.digest.ct_eq(digest.bytes())) {
                found = Some(entry);
            }
        }
        found
    }
}

/// Reloads a list if one of its files has changed.
///
/// # Errors
/// As [`List::load`].
pub(crate) fn reload(path: &Path, old: &Stamp) -> Result<Option<(List, Stamp)>, ListError> {
    let unchanged = old
        .0
        .iter()
        .all(|(file, seen)| fs::metadata(file).ok().map(|now| look(&now)) == *seen);
    if unchanged {
        Ok(None)
    } else {
        List::load(path).map(Some)
    }
}

fn look(metadata: &Metadata) -> Seen {
    (
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec(),
    )
}

fn read(path: &Path, stamp: &mut Stamp) -> Result<(String, Metadata), ListError> {
    let io = |error| ListError::Io {
        path: path.to_owned(),
        error,
    };
    let refused = |what| {
        Err(ListError::Unsafe {
            path: path.to_owned(),
            what,
        })
    };
    // Checked before it is opened: opening a FIFO would wait for a writer.
    if !fs::metadata(path).map_err(io)?.is_file() {
        return refused("is not a regular file");
    }
    let file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return refused("is not a regular file");
    }
    if metadata.uid() != 0 && metadata.uid() != rustix::process::geteuid().as_raw() {
        return refused("must be owned by root or by the user that runs the server");
    }
    if metadata.mode() & 0o022 != 0 {
        return refused("is writable by its group or by everybody: run `chmod go-w`");
    }
    if metadata.size() > MAX_FILE_BYTES {
        return refused("is larger than 1 MiB");
    }
    let mut text = String::new();
    file.take(MAX_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(io)?;
    stamp.0.push((path.to_owned(), Some(look(&metadata))));
    Ok((text, metadata))
}

fn parse(path: &Path, list: &Metadata, line: Line, stamp: &mut Stamp) -> Result<Entry, ListError> {
    let invalid = |what: &str| ListError::Invalid {
        path: path.to_owned(),
        what: what.to_owned(),
    };
    let named = |byte: u8| byte.is_ascii_graphic();
    if line.name.is_empty() || line.name.len() > MAX_NAME_BYTES || !line.name.bytes().all(named) {
        return Err(invalid("`name` must be 1 to 128 visible ASCII characters"));
    }
    let digest =
        hex(&line.sha256).ok_or_else(|| invalid("`sha256` must be 64 hexadecimal digits"))?;
    if digest == *TokenDigest::of("").bytes() {
        return Err(invalid("`sha256` is that of empty text: hash the token"));
    }
    let token = match line.datahub_token.strip_prefix('@') {
        Some(file) => {
            let file = path.parent().unwrap_or(Path::new(".")).join(file);
            read(&file, stamp)?.0.trim_end().to_owned()
        }
        None if list.mode() & 0o004 != 0 => {
            return Err(ListError::Unsafe {
                path: path.to_owned(),
                what: "holds a DataHub token and can be read by everybody: run `chmod o-r`, or \
                       name a file after `@`",
            });
        }
        None => line.datahub_token,
    };
    if token.is_empty() || token.len() > MAX_DATAHUB_TOKEN_BYTES || !token.bytes().all(named) {
        return Err(invalid("`datahub_token` is not a token"));
    }
    if !line
        .scopes
        .iter()
        .all(|scope| !scope.is_empty() && scope.bytes().all(named))
    {
        return Err(invalid("`scopes` holds a value that is not a scope"));
    }
    Ok(Entry {
        name: line.name,
        digest,
        scopes: line.scopes,
        datahub_token: Token::new(token),
        expires_at: line.expires_at,
    })
}

fn hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (high, low) = (digit(*pair.first()?)?, digit(*pair.get(1)?)?);
        // Both are below 16, so the sum fits a byte.
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}
