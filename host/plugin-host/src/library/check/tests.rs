//! Files that must not be loaded.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    },
};

use super::*;

struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn check(&self, name: &str, pin: Option<Sha256Digest>) -> Result<CheckedFile, CheckError> {
        check(
            &Found {
                dir: self.0.path().to_path_buf(),
                file_name: name.to_owned(),
            },
            pin,
        )
    }

    fn refusal(&self, name: &str) -> CheckError {
        self.check(name, None).unwrap_err()
    }
}

/// The smallest file that passes the ELF check: a header, a loadable and a dynamic segment
/// that holds nothing but its end.
fn tiny_library() -> Vec<u8> {
    let mut bytes = vec![0; 64 + 2 * 56 + 16];
    bytes[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
    let machine: u16 = if cfg!(target_arch = "x86_64") {
        62
    } else {
        183
    };
    bytes[16..18].copy_from_slice(&3_u16.to_le_bytes());
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
    bytes[54..56].copy_from_slice(&56_u16.to_le_bytes());
    bytes[56..58].copy_from_slice(&2_u16.to_le_bytes());
    let end = bytes.len() as u64;
    let mut segment = |at: usize, kind: u32, offset: u64, size: u64| {
        bytes[at..at + 4].copy_from_slice(&kind.to_le_bytes());
        for field in [8, 16] {
            bytes[at + field..at + field + 8].copy_from_slice(&offset.to_le_bytes());
        }
        for field in [32, 40] {
            bytes[at + field..at + field + 8].copy_from_slice(&size.to_le_bytes());
        }
    };
    segment(64, 1, 0, end);
    segment(120, 2, end - 16, 16);
    bytes
}

#[test]
fn a_sound_file_passes_with_its_checksum() {
    let dir = Dir::new();
    fs::write(dir.path("libx.so"), tiny_library()).unwrap();
    let checked = dir.check("libx.so", None).unwrap();
    assert_eq!(checked.sha256, Sha256Digest::of(&tiny_library()));
    assert_eq!(*checked.bytes, tiny_library());
    dir.check("libx.so", Some(checked.sha256)).unwrap();
}

#[test]
fn a_wrong_pin_names_both_checksums() {
    let dir = Dir::new();
    fs::write(dir.path("libx.so"), tiny_library()).unwrap();
    let pinned = Sha256Digest::of(b"another");
    let text = dir.check("libx.so", Some(pinned)).unwrap_err().to_string();
    assert!(text.contains(&pinned.to_string()), "{text}");
    assert!(
        text.contains(&Sha256Digest::of(&tiny_library()).to_string()),
        "{text}"
    );
}

#[test]
fn text_and_nothing_are_refused() {
    let dir = Dir::new();
    fs::write(dir.path("libtext.so"), "hello").unwrap();
    fs::write(dir.path("libempty.so"), "").unwrap();
    for name in ["libtext.so", "libempty.so"] {
        let error = dir.refusal(name);
        assert!(
            matches!(
                error,
                CheckError::Elf {
                    source: ElfError::NotElf(_),
                    ..
                }
            ),
            "{error}"
        );
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let dir = Dir::new();
    fs::create_dir(dir.path("libdir.so")).unwrap();
    let fifo = dir.path("libfifo.so");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let _socket = UnixListener::bind(dir.path("libsocket.so")).unwrap();
    for (name, what) in [
        ("libdir.so", "a directory"),
        ("libfifo.so", "a FIFO"),
        ("libsocket.so", "a socket"),
    ] {
        let error = dir.refusal(name);
        assert!(
            matches!(error, CheckError::NotRegular { found, .. } if found == what),
            "{name}: {error}"
        );
    }
}

#[test]
fn what_others_can_write_is_refused() {
    let dir = Dir::new();
    let path = dir.path("libx.so");
    fs::write(&path, tiny_library()).unwrap();
    for mode in [0o646, 0o666, 0o777] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let text = dir.refusal("libx.so").to_string();
        assert!(text.contains("world-writable"), "{text}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    dir.check("libx.so", None).unwrap();
    fs::set_permissions(dir.0.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(
        dir.refusal("libx.so")
            .to_string()
            .contains("world-writable")
    );
}

#[test]
fn links_that_lead_out_are_refused() {
    let (dir, other) = (Dir::new(), Dir::new());
    fs::write(other.path("libx.so"), tiny_library()).unwrap();
    symlink(other.path("libx.so"), dir.path("libout.so")).unwrap();
    let error = dir.refusal("libout.so");
    assert!(
        matches!(
            error,
            CheckError::Ownership(OwnershipError::LeavesDirectory { .. })
        ),
        "{error}"
    );
    fs::write(dir.path("x-1.2.so"), tiny_library()).unwrap();
    symlink("x-1.2.so", dir.path("libin.so")).unwrap();
    assert!(
        dir.check("libin.so", None)
            .unwrap()
            .path
            .ends_with("x-1.2.so")
    );
}

#[test]
fn a_sparse_giant_is_refused_without_reading_it() {
    let dir = Dir::new();
    let file = File::create(dir.path("libbig.so")).unwrap();
    file.set_len(MAX_LIBRARY_BYTES + 1).unwrap();
    assert!(matches!(
        dir.refusal("libbig.so"),
        CheckError::TooLarge { .. }
    ));
}
