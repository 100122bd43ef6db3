//! Files of the state directory: read only if nobody else could have written or read them, and
//! replaced as a whole, so that each is complete or as it was.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    str::Lines,
    time::Duration,
};

use rustix::{
    fs::{Access, FlockOperation, flock},
    io::Errno,
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The attempts to lock a directory, for about three seconds.
const LOCK_ATTEMPTS: u32 = 300;
/// The time between two of them.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The last line begins with this; the digest of all before it follows.
const TAIL: &str = "sha256 ";

/// A kind of file, and how errors speak of it.
#[derive(Debug)]
pub struct About {
    /// The file's name in the state directory.
    pub(super) name: &'static str,
    /// What it is, after an article.
    pub(super) what: &'static str,
    /// The largest file that is read, in bytes.
    pub(super) max_bytes: u64,
    /// What a damaged one means; after a line end, what to do.
    pub(super) damaged: &'static str,
    /// What to do where it cannot be read or written.
    pub(super) denied: &'static str,
    /// What else can be done where others may read it.
    pub(super) exposed: &'static str,
}

/// A file of the state directory is not usable. Never holds what is in the file.
#[derive(Debug, thiserror::Error)]
pub enum StateFileError {
    /// Others may read or change the file.
    #[error(
        "the {} {} has mode {mode:04o} and owner {owner}: only this user may read and write it\nhint: chown it to the user that runs the server and chmod 600 it{}",
        about.what, path.display(), about.exposed
    )]
    Loose {
        /// What the file is.
        about: &'static About,
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The user id of its owner.
        owner: u32,
    },
    /// The file was not written by this server, or only in part.
    #[error("the {} {} {}", about.what, path.display(), about.damaged)]
    Damaged {
        /// What the file is.
        about: &'static About,
        /// The file.
        path: PathBuf,
    },
    /// The operating system does not let us read or write the file.
    #[error("cannot read or write the {} {}: {source}\nhint: {}", about.what, path.display(), about.denied)]
    Io {
        /// What the file is.
        about: &'static About,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// The version of a file: another one has another value.
pub(super) type Stamp = (u64, i64, i64, u64);

/// A file of the state directory. What reads or writes it blocks.
#[derive(Debug)]
pub(super) struct StateFile {
    directory: PathBuf,
    about: &'static About,
}

impl StateFile {
    pub(super) fn new(directory: &Path, about: &'static About) -> Self {
        Self {
            directory: directory.to_owned(),
            about,
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.join(self.about.name)
    }

    /// What `parse` makes of the file, which is read only if nobody else could have written or read it.
    /// None if there is no file.
    pub(super) fn read<T>(
        &self,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, StateFileError> {
        let (about, path) = (self.about, self.path());
        let failed = |source| self.failed(source);
        let file = match open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        if let Some((mode, owner)) = exposed(&file.metadata().map_err(failed)?, 0o077) {
            return Err(StateFileError::Loose {
                about,
                path,
                mode,
                owner,
            });
        }
        let mut text = Zeroizing::new(String::new());
        let parsed = match file.take(about.max_bytes).read_to_string(&mut text) {
            Ok(_) => parse(&text),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
            Err(error) => return Err(failed(error)),
        };
        match parsed {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(self.damaged()),
        }
    }

    /// Makes the directory, for this user alone, if it is not there.
    pub(super) fn make_directory(&self) -> Result<(), StateFileError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
            .map_err(|source| self.failed(source))
    }

    /// Keeps other processes from replacing files in the directory until the result is dropped.
    pub(super) fn lock(&self) -> Result<Locked, StateFileError> {
        lock(&self.directory)
            .map(Locked)
            .map_err(|source| self.failed(source))
    }

    /// Replaces the file in its directory, which is `locked`; it is on the disk when this returns.
    pub(super) fn replace(&self, text: &str, locked: &Locked) -> Result<(), StateFileError> {
        self.write(text, |draft, path| fs::rename(draft, path))
            .and_then(|()| locked.0.sync_all())
            .map_err(|source| self.failed(source))
    }

    /// Makes the file, unless it is there: of two processes that do it at once one wins.
    pub(super) fn make(&self, text: &str) -> Result<(), StateFileError> {
        let link = |draft: &Path, path: &Path| match fs::hard_link(draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        };
        self.write(text, link).map_err(|source| self.failed(source))
    }

    /// Writes `text` to a draft, which `put` brings into place, so that the file is complete or as it was. It belongs
    /// to the directory's owner, also if root does this.
    fn write(
        &self,
        text: &str,
        put: impl FnOnce(&Path, &Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let name = format!("{}.{:016x}", self.about.name, rand::random::<u64>());
        let draft = self.directory.join(name);
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&draft)?;
            let owner = fs::metadata(&self.directory)?;
            if rustix::process::geteuid().is_root() && owner.uid() != 0 {
                std::os::unix::fs::fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
            }
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            put(&draft, &self.path())
        };
        let written = write();
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => written.and(Err(error)),
            _ => written,
        }
    }

    /// The version of the file; none if there is no file.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        let metadata = fs::metadata(self.path()).ok()?;
        let (seconds, nanos) = (metadata.mtime(), metadata.mtime_nsec());
        Some((metadata.ino(), seconds, nanos, metadata.len()))
    }

    pub(super) fn damaged(&self) -> StateFileError {
        StateFileError::Damaged {
            about: self.about,
            path: self.path(),
        }
    }

    pub(super) fn failed(&self, source: io::Error) -> StateFileError {
        StateFileError::Io {
            about: self.about,
            path: self.path(),
            source,
        }
    }
}

/// A directory that no other process replaces files in.
pub(super) struct Locked(File);

/// Opens the file at `path` for reading; never waits, as for the other end of a pipe.
fn open(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let no_waiting = rustix::fs::OFlags::NONBLOCK.bits();
    OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(no_waiting).unwrap_or_default())
        .open(path)
}

/// The permission bits and the owner of what `metadata` is of, if the bits `others` are in them or
/// the owner is another user.
pub(super) fn exposed(metadata: &Metadata, others: u32) -> Option<(u32, u32)> {
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    (mode & others != 0 || !is_ours(owner)).then_some((mode, owner))
}

/// What lies above `directory`, as it is named and as links lead to it, and lets somebody else put another one in
/// its place; with its permission bits and its owner. In a directory with the sticky bit only its owner can.
pub(super) fn loose_parent(directory: &Path) -> Option<(PathBuf, u32, u32)> {
    const STICKY: u32 = 0o1000;
    let named = std::path::absolute(directory).ok()?;
    let target = fs::canonicalize(directory).ok();
    let loose_link = |path: &Path| {
        let metadata = path.symlink_metadata().ok()?;
        let link = metadata.is_symlink().then(|| exposed(&metadata, 0))?;
        link.map(|(mode, owner)| (path.to_owned(), mode, owner))
    };
    let loose = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        let others = if metadata.mode() & STICKY != 0 {
            0
        } else {
            0o002
        };
        exposed(&metadata, others).map(|(mode, owner)| (path.to_owned(), mode, owner))
    };
    let places = [Some(&named), target.as_ref()].into_iter().flatten();
    let mut parents = places.flat_map(|place| place.ancestors().skip(1));
    let link = named.ancestors().find_map(loose_link);
    link.or_else(|| parents.find_map(loose))
}

/// True for this user and for root, who may change all files anyway.
pub(super) fn is_ours(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

/// File systems of the kernel, in which nobody makes a directory: proc, sysfs, debugfs, tracefs,
/// securityfs, devpts and both cgroups (`linux/magic.h`).
const OF_THE_KERNEL: [u32; 8] = [
    0x9fa0,
    0x6265_6572,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0x1cd1,
    0x0027_e0eb,
    0x6367_7270,
];

/// Checks that files can be made in `directory`, which may have to be made itself. Makes none.
pub(super) fn check_place(directory: &Path) -> io::Result<()> {
    let is_there = |path: &&Path| path.symlink_metadata().is_ok();
    let place = directory.ancestors().find(is_there);
    let place = place.unwrap_or(Path::new("."));
    let refuse = |why: &str| Err(io::Error::other(format!("{} {why}", place.display())));
    match fs::metadata(place) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return refuse("is not a directory"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return refuse("is a link to a place that does not exist");
        }
        Err(error) => return Err(error),
    }
    let write = Access::WRITE_OK | Access::EXEC_OK;
    if let Err(error) = rustix::fs::access(place, write) {
        let why = io::Error::from(error);
        return refuse(&format!("cannot be written to by this user: {why}"));
    }
    // The superuser may write everywhere, and these refuse it all the same.
    let kind = rustix::fs::statfs(place).map(|found| found.f_type);
    match kind.map(u32::try_from) {
        Ok(Ok(kind)) if OF_THE_KERNEL.contains(&kind) => {
            refuse("is of the kernel, which makes no files there")
        }
        _ => Ok(()),
    }
}

/// Waits for its turn among the processes that replace files in `directory`.
fn lock(directory: &Path) -> io::Result<File> {
    let directory = File::open(directory)?;
    for _ in 0..LOCK_ATTEMPTS {
        match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(directory),
            Err(Errno::WOULDBLOCK | Errno::INTR) => std::thread::sleep(LOCK_PAUSE),
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::Error::other("another process keeps it locked"))
}

/// The text of a file with these lines, which [`lines`] takes apart.
pub(super) fn with_digest(head: &str, lines: impl Iterator<Item = String>) -> String {
    let mut text = format!("{head}\n");
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    let digest = digest(&text);
    text.push_str(&format!("{TAIL}{digest}\n"));
    text
}

/// The lines after the first one, which must be `head`; `None` for anything that [`with_digest`] does not make.
pub(super) fn lines<'t>(head: &str, text: &'t str) -> Option<Lines<'t>> {
    let body = text.strip_suffix('\n')?;
    let (start, last) = body.split_at(body.rfind('\n')? + 1);
    if last.strip_prefix(TAIL)? != digest(start) {
        return None;
    }
    let mut lines = start.lines();
    (lines.next()? == head).then_some(lines)
}

/// The digest of a text, in lower-case hex.
pub(super) fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
