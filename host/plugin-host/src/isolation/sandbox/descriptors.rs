//! The file descriptors that a process inherited.
#![expect(
    unsafe_code,
    reason = "the standard library closes only what it opened; no library does this without"
)]

use std::{ffi::c_int, fs, io};

/// The first descriptor after standard input, output and error.
const FIRST: c_int = 3;

/// Closes everything but standard input, output and error. The server's own descriptors are closed
/// by `exec`; this closes what its parent left open for it, such as the socket of a supervisor.
///
/// Must be the first that the process does: nothing of it may own a descriptor yet.
pub(super) fn close_inherited() {
    // SAFETY: takes no pointers. No value of this process owns a descriptor from 3 up, because it
    // has not opened any: this is called first.
    let closed = unsafe { libc::close_range(FIRST.cast_unsigned(), u32::MAX, 0) };
    if closed != 0 && io::Error::last_os_error().raw_os_error() == Some(libc::ENOSYS) {
        close_one_by_one();
    }
}

/// For kernels before 5.9.
fn close_one_by_one() {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else {
        return;
    };
    let open: Vec<c_int> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for descriptor in open.into_iter().filter(|number| *number >= FIRST) {
        // SAFETY: as above; the directory that was just read is closed already, and closing a
        // number that is not open does nothing.
        unsafe { libc::close(descriptor) };
    }
}
