//! The copy of a library that is opened: nobody can change it while it is in use.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::{
        fd::{AsRawFd, IntoRawFd, OwnedFd},
        unix::fs::{DirBuilderExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{MemfdFlags, SealFlags};

/// A copy of checked bytes: a sealed file in memory, or else a file in a private directory.
#[derive(Debug)]
pub(crate) struct PrivateCopy {
    path: PathBuf,
    /// The private directory.
    directory: Option<PathBuf>,
}

impl PrivateCopy {
    /// Copies `bytes`.
    ///
    /// # Errors
    /// If there is no place for them.
    pub(crate) fn of(bytes: &[u8]) -> io::Result<Self> {
        match memory_copy(bytes) {
            Ok(fd) => {
                let path = PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()));
                if path.exists() {
                    // The number must not be reused: the linker identifies libraries by their path.
                    let _ = fd.into_raw_fd();
                    return Ok(Self {
                        path,
                        directory: None,
                    });
                }
            }
            Err(error) => {
                tracing::debug!(%error, "no memory file; loading from a private directory");
            }
        }
        let (directory, path) = disk_copy(bytes)?;
        Ok(Self {
            path,
            directory: Some(directory),
        })
    }

    /// The path to open it by.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the names that are no longer needed once it is mapped, or refused.
    pub(super) fn opened(self) {
        if let Some(directory) = self.directory {
            let _ = fs::remove_file(&self.path);
            let _ = fs::remove_dir(&directory);
        }
    }
}

/// A file in memory with the content `bytes` that can never change again.
fn memory_copy(bytes: &[u8]) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Some systems require the flag that marks a memory file as executable.
    let fd = rustix::fs::memfd_create("token-validator", flags | MemfdFlags::EXEC)
        .or_else(|_| rustix::fs::memfd_create("token-validator", flags))?;
    let mut file = File::from(fd);
    file.write_all(bytes)?;
    let fd = OwnedFd::from(file);
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    rustix::fs::fcntl_add_seals(&fd, seals)?;
    Ok(fd)
}

/// A file of the same content in a new directory that only this user can enter.
fn disk_copy(bytes: &[u8]) -> io::Result<(PathBuf, PathBuf)> {
    let name = format!(
        "token-validator-{}-{:016x}",
        std::process::id(),
        rand::random::<u64>()
    );
    let dir = std::env::temp_dir().join(name);
    fs::DirBuilder::new().mode(0o700).create(&dir)?;
    let path = dir.join("library.so");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o700)
        .open(&path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok((dir, path))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_memory_copy_cannot_be_changed() {
        let fd = memory_copy(b"content").unwrap();
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        assert_eq!(fs::read(&path).unwrap(), b"content");
        let mut file = File::from(fd);
        assert!(file.write_all(b"x").is_err());
        assert!(file.set_len(1).is_err());
        assert!(file.set_len(100).is_err());
        let mut rest = Vec::new();
        file.read_to_end(&mut rest).unwrap();
    }

    #[test]
    fn the_disk_copy_is_private() {
        use std::os::unix::fs::MetadataExt;

        let (dir, path) = disk_copy(b"content").unwrap();
        assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read(&path).unwrap(), b"content");
        fs::remove_dir_all(dir).unwrap();
    }
}
