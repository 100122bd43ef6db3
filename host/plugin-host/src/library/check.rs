//! The checks of a library before any of its code can run: who could have written it, what kind
//! of file it is, whether it is complete, and whether it is the one that was pinned.
//!
//! Reads each file once. The bytes that were checked are the bytes that are loaded.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};

use super::{
    elf::{self, ElfError},
    find::Found,
    image::Image,
    linkage::{self, LinkError},
    ownership::{OwnershipError, Trust},
    system_folders::SystemFolders,
};
use crate::Sha256Digest;

/// The largest library that is loaded.
pub(crate) const MAX_LIBRARY_BYTES: u64 = 256 * 1024 * 1024;

/// A library that passed every check; nothing of it has run yet.
#[derive(Debug)]
pub(crate) struct CheckedFile {
    /// The path at which it was found (after symbolic links).
    pub(crate) path: PathBuf,
    /// Its content.
    pub(crate) bytes: Image,
    /// The checksum of the content.
    pub(crate) sha256: Sha256Digest,
}

/// The reason a file is not loaded.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// Somebody else could have written it.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// It cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// A directory, a FIFO, a socket, a device.
    #[error("{path}: expected a regular file, found {found}")]
    NotRegular {
        /// The file.
        path: PathBuf,
        /// The kind of file found.
        found: &'static str,
    },
    /// Larger than the limit for a library.
    #[error("{path}: {bytes} bytes are more than the {MAX_LIBRARY_BYTES} that a library may have")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// Not a shared library for this machine, or an incomplete one.
    #[error("{path}: {source}")]
    Elf {
        /// The file.
        path: PathBuf,
        /// The fault in it.
        source: ElfError,
    },
    /// It brings in libraries that nothing says can be trusted.
    #[error("{path}: {source}")]
    Link {
        /// The file.
        path: PathBuf,
        /// The link that is not trusted.
        source: LinkError,
    },
    /// Not the file that the operator pinned.
    #[error("{path}: expected sha256 {expected} (`TOKEN_VALIDATOR_SHA256`), found {found}")]
    Pin {
        /// The file.
        path: PathBuf,
        /// The pinned checksum.
        expected: Sha256Digest,
        /// The checksum of the file.
        found: Sha256Digest,
    },
}

/// Checks the file of `found`: owners and modes, file type, size, ELF, the libraries that it brings in,
/// checksum.
///
/// # Errors
/// The first failed check, with the expected and the actual value.
pub(crate) fn check(found: &Found, pin: Option<Sha256Digest>) -> Result<CheckedFile, CheckError> {
    let path = owned(found)?;
    let (bytes, metadata) = read(&path)?;
    Trust::of_this_process().file(&path, &metadata)?;
    elf::check(&bytes).map_err(|source| CheckError::Elf {
        path: path.clone(),
        source,
    })?;
    linkage::check(&bytes, &SystemFolders::of_this_system()).map_err(|source| {
        CheckError::Link {
            path: path.clone(),
            source,
        }
    })?;
    let sha256 = Sha256Digest::of(&bytes);
    match pin {
        Some(expected) if expected != sha256 => Err(CheckError::Pin {
            path,
            expected,
            found: sha256,
        }),
        _ => Ok(CheckedFile {
            path,
            bytes,
            sha256,
        }),
    }
}

/// Checks who could have written the file of `found`, and returns its path after symbolic links.
///
/// # Errors
/// The first file or directory that somebody else could change.
pub(crate) fn owned(found: &Found) -> Result<PathBuf, CheckError> {
    let trust = Trust::of_this_process();
    let dir = trust.directory(&found.dir)?;
    let path = trust.entry(&dir, &found.file_name)?;
    let metadata = std::fs::symlink_metadata(&path).map_err(|source| CheckError::Io {
        path: path.clone(),
        source,
    })?;
    if metadata.is_file() {
        trust.file(&path, &metadata)?;
    }
    Ok(path)
}

/// Reads a regular file of bounded size. Never follows a symbolic link, never waits for a FIFO.
///
/// # Errors
/// If it is something else, or too large.
pub(crate) fn read(path: &Path) -> Result<(Image, std::fs::Metadata), CheckError> {
    let io_error = |source: io::Error| CheckError::Io {
        path: path.to_path_buf(),
        source,
    };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(fd) => File::from(fd),
        // A socket or a device without a driver cannot be opened; report its kind all the same.
        Err(error) => {
            if let Ok(metadata) = std::fs::symlink_metadata(path) {
                regular(path, &metadata)?;
            }
            return Err(io_error(error.into()));
        }
    };
    let metadata = file.metadata().map_err(io_error)?;
    regular(path, &metadata)?;
    let too_large = |bytes| CheckError::TooLarge {
        path: path.to_path_buf(),
        bytes,
    };
    if metadata.len() > MAX_LIBRARY_BYTES {
        return Err(too_large(metadata.len()));
    }
    // A file that grows while it is read is longer than its metadata says.
    let limit = usize::try_from(metadata.len()).unwrap_or(usize::MAX - 1);
    let mut file = file;
    let bytes = Image::read(&mut file, limit).map_err(io_error)?;
    Ok((bytes, metadata))
}

fn regular(path: &Path, metadata: &std::fs::Metadata) -> Result<(), CheckError> {
    use std::os::unix::fs::FileTypeExt;

    let kind = metadata.file_type();
    let found = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(CheckError::NotRegular {
        path: path.to_path_buf(),
        found,
    })
}

#[cfg(test)]
mod tests;
