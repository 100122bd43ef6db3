//! The heap of the C library, which a plugin allocates from unless it brings an allocator of its own.
#![expect(unsafe_code, reason = "calls a function that is looked up by its name")]

/// The bytes that are in use of the heap of the C library, to the byte; `None` where it does not tell (glibc
/// does, from 2.33 on).
pub(crate) fn in_use() -> Option<usize> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::sync::LazyLock;

        use libloading::os::unix::{Library, Symbol};

        type MallInfo = unsafe extern "C" fn() -> libc::mallinfo2;
        // Looked up, because a program that needs it does not start with an older C library.
        static MALLINFO: LazyLock<Option<Symbol<MallInfo>>> = LazyLock::new(|| {
            // SAFETY: that is the type of the function of this name.
            unsafe { Library::this().get(c"mallinfo2".to_bytes_with_nul()) }.ok()
        });
        // SAFETY: it takes nothing, and may be called from any thread.
        let info = unsafe { MALLINFO.as_ref()?() };
        Some(info.uordblks + info.hblkhd)
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    None
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    #[test]
    fn what_is_allocated_is_counted() {
        let before = super::in_use().unwrap();
        let kept = vec![1_u8; 64 * 1024 * 1024];
        let after = super::in_use().unwrap();
        assert!(after > before + kept.len() / 2, "{before}, {after}");
    }
}
