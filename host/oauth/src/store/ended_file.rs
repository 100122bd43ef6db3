//! The file of the sign-ins that have ended, beside the store in memory: what was revoked stays so
//! after a restart.
//!
//! Replaced as a whole, so that it is complete or as it was. Never goes on with a file that is
//! damaged or that others may change: an end that is not known would be permission.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use foundation::clock::UnixMillis;

use super::{ClientsFile, MAX_FAMILIES, used_file::UsedFile};
use crate::{
    state_file::{self, About, Stamp, StateFile, StateFileError},
    types::FamilyId,
};

/// The file's first line.
const HEAD: &str = "datahub-mcp ended sign-ins 1";
/// The longest id of a family.
const MAX_ID_BYTES: usize = 64;
static ABOUT: About = About {
    name: "oauth-ended-sign-ins",
    what: "list of ended sign-ins",
    // Each line has an id, a space, a time and a line end.
    max_bytes: (MAX_FAMILIES as u64 + 2) * (MAX_ID_BYTES as u64 + 24),
    damaged: "is damaged, so it is not known which tokens were revoked\n\
        hint: restore it; or delete it together with the key file `oauth-token-key` (with \
        `OAUTH_TOKEN_KEYS`, replace the keys), and everybody signs in again",
    denied: "make it and its directory writable for the user that runs the server, or set `OAUTH_STORE_URL`",
    exposed: "",
};

/// Families that have ended, each until no token of it can be left.
pub(super) type Ended = HashMap<FamilyId, UnixMillis>;

/// The file of ended sign-ins is not usable.
#[derive(Debug, thiserror::Error)]
pub enum EndedFileError {
    /// The file itself, or one beside it: the list of clients, or that of the used refresh tokens.
    #[error(transparent)]
    File(#[from] StateFileError),
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
    let file = EndedFile(StateFile::new(directory, &ABOUT));
    let is_there = file.0.path().symlink_metadata().is_ok();
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
    match state_file::check_place(directory) {
        Ok(()) => Ok(()),
        Err(source) if is_there => Err(file.0.failed(source).into()),
        Err(source) => Err(EndedFileError::New {
            path: file.0.path(),
            source,
        }),
    }
}

/// See the module.
pub(super) struct EndedFile(StateFile);

impl EndedFile {
    /// Reads the file in `directory`, and replaces it, which shows that it can be written.
    pub(super) fn open(directory: &Path, now: UnixMillis) -> Result<(Self, Ended), EndedFileError> {
        let file = Self(StateFile::new(directory, &ABOUT));
        let is_there = match file.0.path().symlink_metadata() {
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(source) => return Err(file.0.failed(source).into()),
        };
        let made = file.0.make_directory().map_err(EndedFileError::from);
        let ended = made
            .and_then(|()| file.check_directory())
            .and_then(|()| Ok(file.add(&Ended::new(), now)?));
        match ended {
            Ok(ended) => {
                file.warn_of_parents();
                Ok((file, ended))
            }
            Err(EndedFileError::File(StateFileError::Io { path, source, .. })) if !is_there => {
                Err(EndedFileError::New { path, source })
            }
            Err(error) => Err(error),
        }
    }

    /// Says so if another directory can be put in the place of this one. Volumes of Kubernetes are like that, for the
    /// containers of one pod.
    fn warn_of_parents(&self) {
        let directory = self.0.directory();
        if let Some((parent, mode, owner)) = state_file::loose_parent(directory) {
            let mode = format!("{mode:04o}");
            tracing::warn!(
                directory = %directory.display(),
                parent = %parent.display(),
                mode,
                owner,
                "others may put another directory in the place of OAUTH_STATE_DIR, and what was revoked would be forgotten: \
                 let everything above it belong to root or to the user that runs the server, and nobody else write there"
            );
        }
    }

    /// Refuses a directory in which everybody may write, or that is another user's. Its group may:
    /// Kubernetes gives a volume to the group of the pod.
    fn check_directory(&self) -> Result<(), EndedFileError> {
        let directory = self.0.directory();
        let metadata = fs::metadata(directory).map_err(|source| self.0.failed(source))?;
        match state_file::exposed(&metadata, 0o002) {
            None => Ok(()),
            Some((mode, owner)) => Err(EndedFileError::LooseDirectory {
                path: directory.to_owned(),
                mode,
                owner,
            }),
        }
    }

    /// Adds `ended` to what the file holds, which another process may have changed, and returns
    /// all that has not expired. Blocks.
    pub(super) fn add(&self, ended: &Ended, now: UnixMillis) -> Result<Ended, StateFileError> {
        let locked = self.0.lock()?;
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
        self.0.replace(&render(&all), &locked)?;
        Ok(all)
    }

    /// The version of the file; none if there is no file.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        self.0.stamp()
    }

    /// What the file holds; nothing if there is no file. Blocks.
    pub(super) fn read(&self) -> Result<Ended, StateFileError> {
        Ok(self.0.read(parse)?.unwrap_or_default())
    }
}

fn render(ended: &Ended) -> String {
    let lines = ended
        .iter()
        .map(|(family, until)| format!("{} {}", family.as_str(), until.0));
    state_file::with_digest(HEAD, lines)
}

/// `None` for anything that [`render`] does not write.
fn parse(text: &str) -> Option<Ended> {
    state_file::lines(HEAD, text)?
        .map(|line| {
            let (family, until) = line.split_once(' ')?;
            let is_id = (1..=MAX_ID_BYTES).contains(&family.len());
            let until = until.parse().ok().filter(|_| is_id)?;
            Some((FamilyId::from_store(family.to_owned()), UnixMillis(until)))
        })
        .collect()
}
