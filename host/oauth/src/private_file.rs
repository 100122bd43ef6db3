//! Files of the state directory: read only if nobody else could have written or read them.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

/// Opens the file at `path` for reading; never waits, as for the other end of a pipe.
pub(super) fn open(path: &Path) -> io::Result<File> {
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

/// True for this user and for root, who may change all files anyway.
pub(super) fn is_ours(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}
