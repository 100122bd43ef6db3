//! The folders in which the system's dynamic linker looks for libraries, and whether only root can have
//! written what lies there.

use std::{
    collections::BTreeSet,
    env::consts::ARCH,
    fs,
    path::{Component, Path, PathBuf},
};

use super::ownership::{OwnershipError, Trust};

/// The linker's own folders, which no file names.
const BUILT_IN: [&str; 4] = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"];
const CONFIGURATION: &str = "/etc/ld.so.conf";
/// The largest number of its files that are read.
const MAX_FILES: usize = 256;

/// The folders of the system's dynamic linker.
#[derive(Debug)]
pub(crate) struct SystemFolders {
    folders: Vec<PathBuf>,
    /// The files that this process was started with: they add no code that is not in it already.
    mapped: BTreeSet<PathBuf>,
    trust: Trust,
}

impl SystemFolders {
    /// The folders of this system.
    pub(crate) fn of_this_system() -> Self {
        let mut folders = Vec::new();
        configured(Path::new(CONFIGURATION), &mut folders, &mut BTreeSet::new());
        for built_in in BUILT_IN {
            folders.push(Path::new(built_in).join(format!("{ARCH}-linux-gnu")));
            folders.push(PathBuf::from(built_in));
        }
        folders.retain(|folder| folder.is_dir());
        Self {
            folders,
            mapped: mapped(),
            trust: Trust::of_root(),
        }
    }

    /// The folders, in the order in which they are searched.
    pub(crate) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// True if `path` is absolute and one of the folders or below one, whichever way its links lead.
    pub(crate) fn holds(&self, path: &Path) -> bool {
        let plain = path.is_absolute()
            && path
                .components()
                .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        let below = |path: &Path| self.folders.iter().any(|folder| path.starts_with(folder));
        plain
            && below(path)
            && fs::canonicalize(path).map_or(true, |target| {
                below(&target)
                    || self
                        .folders
                        .iter()
                        .filter_map(|folder| fs::canonicalize(folder).ok())
                        .any(|folder| target.starts_with(folder))
            })
    }

    /// Checks that only root can add to `folder`.
    ///
    /// # Errors
    /// The folder, or the one above it, that others can write.
    pub(crate) fn trusts_folder(&self, folder: &Path) -> Result<(), OwnershipError> {
        self.trust.directory(folder).map(|_| ())
    }

    /// Checks that only root can have written `file`.
    ///
    /// # Errors
    /// The file, or the folder above it, that others can write.
    pub(crate) fn trusts_file(&self, file: &Path) -> Result<(), OwnershipError> {
        let io = |source| OwnershipError::Io {
            path: file.to_path_buf(),
            source,
        };
        let target = fs::canonicalize(file).map_err(io)?;
        if self.mapped.contains(&target) {
            return Ok(());
        }
        if let Some(folder) = target.parent() {
            self.trusts_folder(folder)?;
        }
        let metadata = fs::symlink_metadata(&target).map_err(io)?;
        self.trust.file(&target, &metadata)
    }

    #[cfg(test)]
    pub(crate) fn for_test(folder: &Path) -> Self {
        Self {
            folders: vec![folder.to_path_buf()],
            mapped: BTreeSet::new(),
            trust: Trust::of_this_process(),
        }
    }
}

/// The folders that `file`, in the format of `ld.so.conf`, names.
fn configured(file: &Path, folders: &mut Vec<PathBuf>, seen: &mut BTreeSet<PathBuf>) {
    let Ok(file) = fs::canonicalize(file) else {
        return;
    };
    if seen.len() >= MAX_FILES || !seen.insert(file.clone()) {
        return;
    }
    let Ok(text) = fs::read_to_string(&file) else {
        return;
    };
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(pattern) = line.strip_prefix("include ") {
            for other in included(&file, pattern.trim()) {
                configured(&other, folders, seen);
            }
        } else if line.starts_with('/') {
            folders.push(PathBuf::from(line));
        }
    }
}

/// The files of an include line: a path whose last part may have one `*`.
fn included(by: &Path, pattern: &str) -> Vec<PathBuf> {
    let pattern = by.parent().unwrap_or(by).join(pattern);
    let (Some(dir), Some(name)) = (
        pattern.parent(),
        pattern.file_name().and_then(|n| n.to_str()),
    ) else {
        return Vec::new();
    };
    let Some((start, end)) = name.split_once('*') else {
        return vec![pattern];
    };
    let fits = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        })
    };
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(fits).collect();
    files.sort();
    files
}

/// The files that are mapped into this process.
fn mapped() -> BTreeSet<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines()
        .filter_map(|line| line.find('/').map(|at| PathBuf::from(&line[at..])))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_c_library_is_found_and_trusted() {
        let system = SystemFolders::of_this_system();
        let found = system
            .folders()
            .iter()
            .map(|folder| folder.join("libc.so.6"))
            .find(|path| path.exists())
            .unwrap();
        system.trusts_file(&found).unwrap();
        assert!(system.holds(&found), "{system:?}");
    }

    #[test]
    fn paths_that_leave_the_folders_are_not_in_them() {
        let system = SystemFolders::of_this_system();
        for path in [
            "/tmp",
            "/usr/lib/../../tmp",
            "usr/lib",
            "",
            "/usr/library",
            ".",
        ] {
            assert!(!system.holds(Path::new(path)), "{path}");
        }
        for path in ["/usr/lib", "/usr/lib/not-there/yet"] {
            assert!(system.holds(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn a_link_out_of_a_folder_is_not_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (dir.path().join("lib"), dir.path().join("elsewhere"));
        fs::create_dir(&inside).unwrap();
        fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        let system = SystemFolders::for_test(&inside);
        assert!(system.holds(&inside.join("other")));
        assert!(!system.holds(&inside.join("link")));
    }

    #[test]
    fn includes_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write(
            "main.conf",
            "# of a system\n/opt/one\ninclude more/*.conf\n",
        );
        fs::create_dir(dir.path().join("more")).unwrap();
        write("more/b.conf", "/opt/three # with a word\nrelative\n");
        write("more/a.conf", "/opt/two\ninclude ../main.conf\n");
        write("more/c.other", "/opt/no");
        let mut folders = Vec::new();
        let main = dir.path().join("main.conf");
        configured(&main, &mut folders, &mut BTreeSet::new());
        assert_eq!(
            folders,
            ["/opt/one", "/opt/two", "/opt/three"].map(PathBuf::from)
        );
    }
}
