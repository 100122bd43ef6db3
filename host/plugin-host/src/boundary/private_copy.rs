//! The copy of a library that is opened: nobody can change it while it is in use.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd},
        unix::fs::OpenOptionsExt,
    },
    path::PathBuf,
};

use rustix::fs::{MemfdFlags, SealFlags};

/// A copy of checked bytes: a sealed file in memory, or else a file that has no name any more.
///
/// Not in the memory of this process: a process that opens it shares its pages with others that do.
#[derive(Debug)]
pub(crate) struct PrivateCopy(OwnedFd);

impl PrivateCopy {
    /// Copies `bytes`.
    ///
    /// # Errors
    /// If there is no place for them.
    pub(crate) fn of(bytes: &[u8]) -> io::Result<Self> {
        let copy = memory_copy(bytes).or_else(|error| {
            tracing::debug!(%error, "no memory file; loading from a file without a name");
            disk_copy(bytes)
        });
        copy.map(Self)
    }

    /// True if the file can never change again, whoever opens it.
    pub(crate) fn is_sealed(&self) -> bool {
        let seals = rustix::fs::fcntl_get_seals(&self.0);
        seals.is_ok_and(|seals| seals.contains(SealFlags::WRITE))
    }

    /// The path by which this process opens it, as long as this value lives.
    pub(crate) fn path(&self) -> PathBuf {
        path_of(&self.0)
    }

    /// A path by which this process opens it that never names another file: the dynamic linker
    /// identifies libraries by their path.
    ///
    /// # Errors
    /// If no more files can be open.
    pub(super) fn path_for_good(&self) -> io::Result<PathBuf> {
        let file = self.0.try_clone()?;
        let path = path_of(&file);
        let _ = file.into_raw_fd();
        Ok(path)
    }
}

impl AsFd for PrivateCopy {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A copy that another process made.
impl From<OwnedFd> for PrivateCopy {
    fn from(file: OwnedFd) -> Self {
        Self(file)
    }
}

fn path_of(file: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
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

/// A file of the same content, opened for reading, whose name is removed before anything is in it.
fn disk_copy(bytes: &[u8]) -> io::Result<OwnedFd> {
    let name = format!(
        "token-validator-{}-{:016x}.so",
        std::process::id(),
        rand::random::<u64>()
    );
    let path = std::env::temp_dir().join(name);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o500)
        .open(&path)?;
    let opened = File::open(&path);
    fs::remove_file(&path)?;
    file.write_all(bytes)?;
    Ok(opened?.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_memory_copy_cannot_be_changed() {
        let copy = PrivateCopy::from(memory_copy(b"content").unwrap());
        assert!(copy.is_sealed());
        assert_eq!(fs::read(copy.path()).unwrap(), b"content");
        let mut file = File::from(copy.0);
        assert!(file.write_all(b"x").is_err());
        assert!(file.set_len(1).is_err());
        assert!(file.set_len(100).is_err());
        let mut rest = Vec::new();
        file.read_to_end(&mut rest).unwrap();
    }

    #[test]
    fn the_disk_copy_has_no_name_and_is_open_for_reading() {
        use std::os::unix::fs::MetadataExt;

        let copy = PrivateCopy::from(disk_copy(b"content").unwrap());
        assert!(!copy.is_sealed());
        assert_eq!(fs::read(copy.path()).unwrap(), b"content");
        let mut file = File::from(copy.0);
        assert_eq!(file.metadata().unwrap().nlink(), 0);
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o500);
        assert!(file.write_all(b"x").is_err());
    }

    #[test]
    fn a_path_for_good_outlives_the_copy() {
        let copy = PrivateCopy::of(b"content").unwrap();
        let path = copy.path_for_good().unwrap();
        drop(copy);
        assert_eq!(fs::read(path).unwrap(), b"content");
    }
}
