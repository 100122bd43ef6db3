//! Trust in a library's file: every directory above it and the file itself must belong to root or
//! to the running user, and nobody else may write to them.
//!
//! Says yes or no with a reason; never changes a mode.

use std::{
    ffi::OsString,
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

const GROUP_WRITABLE: u32 = 0o020;
const OTHERS_WRITABLE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// The reason a file or a directory is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum OwnershipError {
    /// It cannot be examined.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// It belongs to somebody who could replace the code.
    #[error(
        "{path} belongs to user {owner}: expected root{}", server_user(*.expected)
    )]
    Owner {
        /// The file or directory.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// The other user that is trusted: root if there is none.
        expected: u32,
    },
    /// Others may write to it.
    #[error("{path} is {}-writable (mode {mode:04o}): run `chmod go-w {path}`", .who)]
    Writable {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// `group` or `world`.
        who: &'static str,
    },
    /// A symbolic link leads out of the plugin directory.
    #[error("{link} is a symbolic link to {target}, outside of the plugin directory {dir}")]
    LeavesDirectory {
        /// The link.
        link: PathBuf,
        /// Its target.
        target: PathBuf,
        /// The plugin directory.
        dir: PathBuf,
    },
}

fn server_user(expected: u32) -> String {
    if expected == 0 {
        return String::new();
    }
    format!(" or the user that runs the server ({expected})")
}

/// The users and groups that the running user trusts.
#[derive(Debug)]
pub(crate) struct Trust {
    uid: u32,
    /// The user's private group: nobody else is in it, so group-writable is no wider than the
    /// user. Debian and Ubuntu give such a group to each person, with a umask of 002.
    private_gid: Option<u32>,
}

impl Trust {
    /// The trust of the user that runs this process.
    pub(crate) fn of_this_process() -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let private_gid = if uid == 0 {
            None
        } else {
            let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
            let group = fs::read_to_string("/etc/group").unwrap_or_default();
            private_group(&passwd, &group, uid)
        };
        Self { uid, private_gid }
    }

    /// The trust in files of the system: in root alone.
    pub(crate) fn of_root() -> Self {
        Self {
            uid: 0,
            private_gid: None,
        }
    }

    /// Checks `dir` and everything above it; returns its canonical path.
    ///
    /// # Errors
    /// If somebody else could change its content.
    pub(crate) fn directory(&self, dir: &Path) -> Result<PathBuf, OwnershipError> {
        let canonical = canonicalize(dir)?;
        for (depth, ancestor) in canonical.ancestors().enumerate() {
            let metadata = metadata(ancestor)?;
            // In a sticky directory such as /tmp only the owner of an entry can replace it, so it
            // may be above a plugin directory. It cannot be one: anybody could add a library.
            let sticky_parent = depth > 0 && metadata.mode() & STICKY != 0;
            self.owned(ancestor, &metadata)?;
            if !sticky_parent {
                self.not_writable(ancestor, &metadata)?;
            }
        }
        Ok(canonical)
    }

    /// Resolves the entry `file_name` of the canonical directory `dir`, which may be a symbolic
    /// link to another place within it.
    ///
    /// # Errors
    /// If the link leads out of the directory or a directory on its path is not trusted.
    pub(crate) fn entry(&self, dir: &Path, file_name: &str) -> Result<PathBuf, OwnershipError> {
        let path = dir.join(file_name);
        if !metadata(&path)?.is_symlink() {
            return Ok(path);
        }
        let target = canonicalize(&path)?;
        match target.parent() {
            Some(parent) if target.starts_with(dir) => {
                self.directory(parent)?;
                Ok(target)
            }
            _ => Err(OwnershipError::LeavesDirectory {
                link: path,
                target,
                dir: dir.to_path_buf(),
            }),
        }
    }

    /// Checks an open file.
    ///
    /// # Errors
    /// If somebody else could change it.
    pub(crate) fn file(&self, path: &Path, metadata: &Metadata) -> Result<(), OwnershipError> {
        self.owned(path, metadata)?;
        self.not_writable(path, metadata)
    }

    fn owned(&self, path: &Path, metadata: &Metadata) -> Result<(), OwnershipError> {
        let owner = metadata.uid();
        if owner == 0 || owner == self.uid {
            return Ok(());
        }
        Err(OwnershipError::Owner {
            path: path.to_path_buf(),
            owner,
            expected: self.uid,
        })
    }

    fn not_writable(&self, path: &Path, metadata: &Metadata) -> Result<(), OwnershipError> {
        let mode = metadata.mode() & 0o7777;
        let who = if mode & OTHERS_WRITABLE != 0 {
            "world"
        } else if mode & GROUP_WRITABLE != 0 && self.private_gid != Some(metadata.gid()) {
            "group"
        } else {
            return Ok(());
        };
        Err(OwnershipError::Writable {
            path: path.to_path_buf(),
            mode,
            who,
        })
    }
}

/// The user's private group, from the files of `passwd(5)` and `group(5)`: the user's primary
/// group, named like the user, nobody else's primary group, with no other member.
fn private_group(passwd: &str, group: &str, uid: u32) -> Option<u32> {
    let users: Vec<(&str, u32, u32)> = passwd
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some((name, uid, gid))
        })
        .collect();
    let (name, _, gid) = *users.iter().find(|(_, id, _)| *id == uid)?;
    if users
        .iter()
        .any(|(_, other, primary)| *other != uid && *primary == gid)
    {
        return None;
    }
    let mut groups = group.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let id: u32 = fields.nth(1)?.parse().ok()?;
        Some((name, id, fields.next().unwrap_or_default()))
    });
    let (group_name, _, members) = groups.find(|(_, id, _)| *id == gid)?;
    let alone = members
        .split(',')
        .all(|member| member.is_empty() || member == name);
    (group_name == name && alone).then_some(gid)
}

fn metadata(path: &Path) -> Result<Metadata, OwnershipError> {
    fs::symlink_metadata(path).map_err(|source| OwnershipError::Io {
        path: path.to_path_buf(),
        source,
    })
}

fn canonicalize(path: &Path) -> Result<PathBuf, OwnershipError> {
    let path = if path.as_os_str().is_empty() {
        PathBuf::from(OsString::from("."))
    } else {
        path.to_path_buf()
    };
    fs::canonicalize(&path).map_err(|source| OwnershipError::Io { path, source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_private_directory_below_tmp_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        Trust::of_this_process().directory(dir.path()).unwrap();
    }

    #[test]
    fn a_writable_ancestor_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("plugins");
        fs::create_dir(&inner).unwrap();
        chmod(&inner, 0o755);
        let trust = Trust::of_this_process();
        trust.directory(&inner).unwrap();
        chmod(dir.path(), 0o757);
        let error = trust.directory(&inner).unwrap_err();
        assert!(
            matches!(error, OwnershipError::Writable { who: "world", .. }),
            "{error}"
        );
        // Sticky helps a parent, not the directory itself.
        chmod(dir.path(), 0o1757);
        trust.directory(&inner).unwrap();
        chmod(&inner, 0o1757);
        trust.directory(&inner).unwrap_err();
    }

    #[test]
    fn a_foreign_owner_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let trust = Trust {
            uid: rustix::process::geteuid().as_raw() + 1,
            private_gid: None,
        };
        let metadata = fs::metadata(dir.path()).unwrap();
        if metadata.uid() == 0 {
            // Root is trusted by everybody.
            trust.file(dir.path(), &metadata).unwrap();
            std::os::unix::fs::chown(dir.path(), Some(4_711), None).unwrap();
        }
        let error = trust.directory(dir.path()).unwrap_err();
        assert!(matches!(error, OwnershipError::Owner { .. }), "{error}");
    }

    #[test]
    fn links_stay_inside() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        fs::write(root.join("real.so.1"), "x").unwrap();
        symlink("real.so.1", root.join("libin.so")).unwrap();
        symlink(outside.path(), root.join("libout.so")).unwrap();
        symlink("nowhere", root.join("libbroken.so")).unwrap();
        let trust = Trust::of_this_process();
        assert_eq!(
            trust.entry(&root, "libin.so").unwrap(),
            root.join("real.so.1")
        );
        let error = trust.entry(&root, "libout.so").unwrap_err();
        assert!(
            matches!(error, OwnershipError::LeavesDirectory { .. }),
            "{error}"
        );
        assert!(matches!(
            trust.entry(&root, "libbroken.so"),
            Err(OwnershipError::Io { .. })
        ));
    }

    #[test]
    fn a_private_group_has_one_member() {
        let passwd = "root:x:0:0:::\nann:x:1000:1000:::\nbob:x:1001:1001:::\n";
        let group = "root:x:0:\nann:x:1000:\nbob:x:1001:bob\n";
        assert_eq!(private_group(passwd, group, 1000), Some(1000));
        assert_eq!(private_group(passwd, group, 1001), Some(1001));
        assert_eq!(private_group(passwd, "ann:x:1000:bob\n", 1000), None);
        assert_eq!(private_group(passwd, "staff:x:1000:\n", 1000), None);
        assert_eq!(private_group(passwd, group, 4711), None);
        let shared = format!("{passwd}eve:x:1002:1000:::\n");
        assert_eq!(private_group(&shared, group, 1000), None);
    }
}
