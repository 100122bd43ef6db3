//! The file of the sign-ins that have ended, beside the store in memory: what was revoked stays so
//! after a restart.
//!
//! Replaced as a whole, so that it is complete or as it was. Never goes on with a file that is
//! damaged or that others may change: an end that is not known would be permission.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use foundation::clock::UnixMillis;

use super::{ClientsFile, MAX_FAMILIES, used_file::UsedFile};
use crate::{
    private_file::{self, Stamp, Unreadable},
    types::FamilyId,
};

/// The file's name in the state directory.
const FILE: &str = "oauth-ended-sign-ins";
/// The file's first line.
const HEAD: &str = "datahub-mcp ended sign-ins 1";
/// The longest id of a family.
const MAX_ID_BYTES: usize = 64;
/// The largest file that is read: each line has an id, a space, a time and a line end.
const MAX_FILE_BYTES: u64 = (MAX_FAMILIES as u64 + 2) * (MAX_ID_BYTES as u64 + 24);

/// Families that have ended, each until no token of it can be left.
pub(super) type Ended = HashMap<FamilyId, UnixMillis>;

/// The file of ended sign-ins is not usable.
#[derive(Debug, thiserror::Error)]
pub enum EndedFileError {
    /// Others may read or change the file.
    #[error(
        "the list of ended sign-ins {} has mode {mode:04o} and owner {owner}: only this user may read and write it\nhint: chown it to the user that runs the server and chmod 600 it",
        path.display()
    )]
    Loose {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The user id of its owner.
        owner: u32,
    },
    /// Others may take the file away, and with it what was revoked.
    #[error(
        "the directory {} has mode {mode:04o} and owner {owner}: others may take the list of ended sign-ins away\nhint: chown it to the user that runs the server and chmod 700 it, or set `OAUTH_STATE_DIR` to a directory in it, which is made",
        path.display()
    )]
    LooseDirectory {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The user id of its owner.
        owner: u32,
    },
    /// The file was not written by this server, or only in part.
    #[error(
        "the list of ended sign-ins {} is damaged, so it is not known which tokens were revoked\nhint: restore it; or delete it together with the key file `oauth-token-key` (with `OAUTH_TOKEN_KEYS`, replace the keys), and everybody signs in again",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The file is there, but it cannot be read or replaced.
    #[error(
        "cannot read or replace the list of ended sign-ins {}: {source}\nhint: make it and its directory writable for the user that runs the server, or set `OAUTH_STORE_URL`",
        path.display()
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The list of clients beside it is not usable.
    #[error(transparent)]
    Clients(#[from] super::ClientsFileError),
    /// The list of used refresh tokens beside it is not usable.
    #[error(transparent)]
    Used(#[from] super::UsedFileError),
    /// There is no file, and none can be made.
    #[error(
        "cannot make the list of ended sign-ins {}: {source}\nhint: set `OAUTH_STATE_DIR` to a directory that is writable and lasts, or set `OAUTH_STORE_URL`",
        path.display()
    )]
    New {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// Looks at the list in `directory` and at that of the clients beside it, and makes none.
///
/// # Errors
/// As those at the start.
pub fn look_at_ended(directory: &Path) -> Result<(), EndedFileError> {
    let file = EndedFile {
        directory: directory.to_owned(),
    };
    let is_there = file.path().symlink_metadata().is_ok();
    if directory.is_dir() {
        file.check_directory()?;
    }
    if is_there {
        file.read()?;
    }
    if directory.is_dir() {
        ClientsFile::new(directory).read()?;
        UsedFile::new(directory).read()?;
    }
    match private_file::check_place(directory) {
        Ok(()) => Ok(()),
        Err(source) if is_there => Err(file.failed(source)),
        Err(source) => Err(EndedFileError::New {
            path: file.path(),
            source,
        }),
    }
}

/// See the module.
pub(super) struct EndedFile {
    directory: PathBuf,
}

impl EndedFile {
    /// Reads the file in `directory`, and replaces it, which shows that it can be written.
    pub(super) fn open(directory: &Path, now: UnixMillis) -> Result<(Self, Ended), EndedFileError> {
        let file = Self {
            directory: directory.to_owned(),
        };
        let is_there = match file.path().symlink_metadata() {
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(source) => return Err(file.failed(source)),
        };
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory);
        let ended = made
            .map_err(|source| file.failed(source))
            .and_then(|()| file.check_directory())
            .and_then(|()| file.add(&Ended::new(), now));
        match ended {
            Ok(ended) => Ok((file, ended)),
            Err(EndedFileError::Io { path, source }) if !is_there => {
                Err(EndedFileError::New { path, source })
            }
            Err(error) => Err(error),
        }
    }

    /// Refuses a directory in which everybody may write, or that is another user's. Its group may:
    /// Kubernetes gives a volume to the group of the pod.
    fn check_directory(&self) -> Result<(), EndedFileError> {
        let metadata = fs::metadata(&self.directory).map_err(|source| self.failed(source))?;
        match private_file::exposed(&metadata, 0o002) {
            None => Ok(()),
            Some((mode, owner)) => Err(EndedFileError::LooseDirectory {
                path: self.directory.clone(),
                mode,
                owner,
            }),
        }
    }

    /// Adds `ended` to what the file holds, which another process may have changed, and returns
    /// all that has not expired. Blocks.
    pub(super) fn add(&self, ended: &Ended, now: UnixMillis) -> Result<Ended, EndedFileError> {
        let failed = |source| self.failed(source);
        let directory = private_file::lock(&self.directory).map_err(failed)?;
        let mut all = self.read()?;
        for (family, until) in ended {
            let known = all.entry(family.clone()).or_insert(*until);
            *known = (*known).max(*until);
        }
        all.retain(|_, until| now < *until);
        if all.len() > MAX_FAMILIES {
            let mut by_end: Vec<_> = all.into_iter().collect();
            by_end.sort_unstable_by_key(|(_, until)| std::cmp::Reverse(*until));
            by_end.truncate(MAX_FAMILIES);
            all = by_end.into_iter().collect();
        }
        private_file::replace(&self.directory, FILE, &render(&all)).map_err(failed)?;
        directory.sync_all().map_err(failed)?;
        Ok(all)
    }

    /// The version of the file; none if there is no file.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        private_file::stamp(&self.path())
    }

    /// What the file holds; nothing if there is no file. Blocks.
    pub(super) fn read(&self) -> Result<Ended, EndedFileError> {
        let path = self.path();
        match private_file::read(&path, MAX_FILE_BYTES, parse) {
            Ok(ended) => Ok(ended),
            Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Ended::new())
            }
            Err(Unreadable::Io(source)) => Err(EndedFileError::Io { path, source }),
            Err(Unreadable::Loose { mode, owner }) => {
                Err(EndedFileError::Loose { path, mode, owner })
            }
            Err(Unreadable::Damaged) => Err(EndedFileError::Damaged { path }),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    fn failed(&self, source: io::Error) -> EndedFileError {
        EndedFileError::Io {
            path: self.path(),
            source,
        }
    }
}

fn render(ended: &Ended) -> String {
    let lines = ended
        .iter()
        .map(|(family, until)| format!("{} {}", family.as_str(), until.0));
    private_file::with_digest(HEAD, lines)
}

/// `None` for anything that [`render`] does not write.
fn parse(text: &str) -> Option<Ended> {
    private_file::lines(HEAD, text)?
        .map(|line| {
            let (family, until) = line.split_once(' ')?;
            let is_id = (1..=MAX_ID_BYTES).contains(&family.len());
            let until = until.parse().ok().filter(|_| is_id)?;
            Some((FamilyId::from_store(family.to_owned()), UnixMillis(until)))
        })
        .collect()
}
