//! From a library's name to its file in the plugin directories.
//!
//! Looks at names only: never opens a file, never follows a name out of its directory.

use std::{
    collections::BTreeSet,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use foundation::suggest;

use crate::settings::is_library_name;

/// The maximum number of names that an error lists.
const MAX_LISTED: usize = 20;

/// A library's file, found but not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The plugin directory that holds it.
    pub(crate) dir: PathBuf,
    /// Its name in that directory.
    pub(crate) file_name: String,
}

impl Found {
    /// The whole path.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.join(&self.file_name)
    }

    /// The file at `path`, with its directory as the plugin directory.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let file_name = path.file_name()?.to_str()?.to_owned();
        let dir = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        Some(Self { dir, file_name })
    }

    /// The name under which an operator selects it.
    pub(crate) fn library(&self) -> &str {
        library_of(&self.file_name).unwrap_or(&self.file_name)
    }
}

/// The reason a name leads to no file.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The name could lead out of the directories.
    #[error("`{0}` is not a name of a library")]
    BadName(String),
    /// No such file.
    #[error(
        "no library `{library}` (`lib{library}.so` or `{library}.so`) in {}; {}{}",
        Listing(.looked_in), There(.there), suggest::hint(.near)
    )]
    NotFound {
        /// The name that was asked for.
        library: String,
        /// The directories searched, and the error for each that could not be read.
        looked_in: Vec<(PathBuf, Option<io::ErrorKind>)>,
        /// The libraries in those directories.
        there: Vec<String>,
        /// Those whose names are similar.
        near: Vec<String>,
    },
    /// More than one file, and no rule to choose between them.
    #[error("`{library}` is ambiguous: {}; remove or rename all but one", Paths(.paths))]
    Ambiguous {
        /// The name that was asked for.
        library: String,
        /// The files.
        paths: Vec<PathBuf>,
    },
}

struct Listing<'a>(&'a [(PathBuf, Option<io::ErrorKind>)]);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no directory at all");
        }
        for (index, (dir, error)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}", dir.display())?;
            if let Some(error) = error {
                write!(f, " ({error})")?;
            }
        }
        Ok(())
    }
}

struct There<'a>(&'a [String]);

impl fmt::Display for There<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            0 => f.write_str("there are none"),
            n if n > MAX_LISTED => write!(
                f,
                "there are {} and {} more",
                self.0[..MAX_LISTED].join(", "),
                n - MAX_LISTED
            ),
            _ => write!(f, "there are {}", self.0.join(", ")),
        }
    }
}

struct Paths<'a>(&'a [PathBuf]);

impl fmt::Display for Paths<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<_> = self
            .0
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        f.write_str(&paths.join(" and "))
    }
}

/// The one file of the library `name` in `directories`.
///
/// # Errors
/// If there is none, or more than one.
pub(crate) fn library(directories: &[PathBuf], name: &str) -> Result<Found, FindError> {
    if !is_library_name(name) {
        return Err(FindError::BadName(name.escape_default().to_string()));
    }
    let mut matches = Vec::new();
    for dir in distinct(directories) {
        for file_name in [format!("lib{name}.so"), format!("{name}.so")] {
            // Any entry counts, even a broken link or a FIFO: the checks report what is wrong with
            // it.
            if fs::symlink_metadata(dir.join(&file_name)).is_ok() {
                matches.push(Found {
                    dir: dir.clone(),
                    file_name,
                });
            }
        }
    }
    match matches.len() {
        0 => Err(not_found(directories, name)),
        1 => Ok(matches.swap_remove(0)),
        _ => Err(FindError::Ambiguous {
            library: name.to_owned(),
            paths: matches.iter().map(Found::path).collect(),
        }),
    }
}

/// Every file in `directories` that has a library's name, in the order of the directories.
pub(crate) fn all(directories: &[PathBuf]) -> Vec<Found> {
    let mut found = Vec::new();
    for dir in distinct(directories) {
        for file_name in libraries_in(&dir).unwrap_or_default() {
            found.push(Found {
                dir: dir.clone(),
                file_name,
            });
        }
    }
    found
}

fn not_found(directories: &[PathBuf], name: &str) -> FindError {
    let mut looked_in = Vec::new();
    let mut there = BTreeSet::new();
    for dir in distinct(directories) {
        match libraries_in(&dir) {
            Ok(names) => {
                there.extend(
                    names
                        .iter()
                        .filter_map(|n| library_of(n))
                        .map(str::to_owned),
                );
                looked_in.push((dir, None));
            }
            Err(error) => looked_in.push((dir, Some(error.kind()))),
        }
    }
    let near = suggest::offers(name, there.iter().map(String::as_str));
    FindError::NotFound {
        library: name.to_owned(),
        looked_in,
        near,
        there: there.into_iter().collect(),
    }
}

/// The directories without duplicates, compared by canonical path.
fn distinct(directories: &[PathBuf]) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    let mut distinct = Vec::new();
    for dir in directories {
        let canonical = fs::canonicalize(dir).unwrap_or_else(|_| dir.clone());
        if seen.insert(canonical) {
            distinct.push(dir.clone());
        }
    }
    distinct
}

fn libraries_in(dir: &Path) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(dir)?
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| library_of(name).is_some())
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// `oidc` of `liboidc.so` and of `oidc.so`.
fn library_of(file_name: &str) -> Option<&str> {
    let stem = file_name.strip_suffix(".so")?;
    let name = stem
        .strip_prefix("lib")
        .filter(|name| !name.is_empty())
        .unwrap_or(stem);
    is_library_name(name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir_with(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(dir.path().join(name), "").unwrap();
        }
        dir
    }

    #[test]
    fn finds_both_spellings() {
        let dir = dir_with(&["libone.so", "two.so"]);
        let dirs = [dir.path().to_path_buf()];
        assert_eq!(library(&dirs, "one").unwrap().file_name, "libone.so");
        assert_eq!(library(&dirs, "two").unwrap().file_name, "two.so");
        // `lib` may also be part of the name.
        assert_eq!(library(&dirs, "libone").unwrap().library(), "one");
    }

    #[test]
    fn two_matches_are_an_error() {
        let one = dir_with(&["libx.so", "x.so"]);
        let two = dir_with(&["libx.so"]);
        let error = library(&[one.path().to_path_buf()], "x").unwrap_err();
        assert!(matches!(error, FindError::Ambiguous { ref paths, .. } if paths.len() == 2));
        let one = dir_with(&["libx.so"]);
        let dirs = [one.path().to_path_buf(), two.path().to_path_buf()];
        assert!(
            library(&dirs, "x")
                .unwrap_err()
                .to_string()
                .contains("ambiguous")
        );
    }

    #[test]
    fn the_same_directory_twice_is_no_ambiguity() {
        let dir = dir_with(&["libx.so"]);
        let dirs = [dir.path().to_path_buf(), dir.path().join(".")];
        library(&dirs, "x").unwrap();
        assert_eq!(all(&dirs).len(), 1);
    }

    #[test]
    fn says_what_is_there() {
        let dir = dir_with(&["liboidc.so", "README.md", ".hidden.so"]);
        let missing = dir.path().join("missing");
        let dirs = [dir.path().to_path_buf(), missing];
        let text = library(&dirs, "odic").unwrap_err().to_string();
        assert!(text.contains("there are oidc;"), "{text}");
        assert!(text.contains("did you mean `oidc`?"), "{text}");
        assert!(text.contains("missing (entity not found)"), "{text}");
        assert!(!text.contains("hidden"), "{text}");
    }

    #[test]
    fn refuses_what_could_leave_the_directory() {
        let dir = dir_with(&["libx.so"]);
        for name in ["../x", "a/b", ".x", "", "x\0"] {
            let error = library(&[dir.path().to_path_buf()], name).unwrap_err();
            assert!(matches!(error, FindError::BadName(_)), "{name:?}");
        }
    }
}
