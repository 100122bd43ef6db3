//! The templates in other languages, built as their vendors build them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

use crate::artifacts::workspace_root;

/// Builds the C library into `target`.
///
/// # Errors
/// If it does not build.
pub fn in_c(target: &Path) -> anyhow::Result<PathBuf> {
    from_c(
        target,
        "plugin-api/template/c/my_validator.c",
        "libvendor_c.so",
        &[],
    )
}

/// Builds the library of faults into `target`.
///
/// # Errors
/// If it does not build.
pub fn faulty_in_c(target: &Path) -> anyhow::Result<PathBuf> {
    faulty_in_c_with(target, "libfaulty.so", &[])
}

/// Builds it as `name`, with texts for its macros.
///
/// # Errors
/// If it does not build.
pub fn faulty_in_c_with(
    target: &Path,
    name: &str,
    macros: &[(&str, &str)],
) -> anyhow::Result<PathBuf> {
    from_c(target, "tests/faulty/faulty.c", name, macros)
}

fn from_c(
    target: &Path,
    source: &str,
    name: &str,
    macros: &[(&str, &str)],
) -> anyhow::Result<PathBuf> {
    let root = workspace_root();
    fs::create_dir_all(target)?;
    let library = target.join(name);
    let built = Command::new("cc")
        .args([
            "-std=c11",
            "-O2",
            "-fPIC",
            "-shared",
            "-fvisibility=hidden",
            "-pthread",
            "-I",
        ])
        .arg(root.join("plugin-api/include"))
        .args(
            macros
                .iter()
                .map(|(name, text)| format!("-D{name}={text:?}")),
        )
        .arg(root.join(source))
        .arg("-o")
        .arg(&library)
        .status()
        .context("cc")?;
    ensure!(built.success(), "{source} does not build");
    Ok(library)
}

/// Builds the Go library into `target`; `None` if `go` is not installed.
///
/// # Errors
/// If it does not build.
pub fn in_go(target: &Path) -> anyhow::Result<Option<PathBuf>> {
    let library = target.join("go/libvendor_go.so");
    let built = Command::new("go")
        .args(["build", "-buildmode=c-shared", "-buildvcs=false", "-o"])
        .arg(&library)
        .current_dir(workspace_root().join("plugin-api/template/go"))
        .env("GOCACHE", target.join("go-cache"))
        .env("GOFLAGS", "")
        .env("GOPROXY", "off")
        .env("CGO_ENABLED", "1")
        .status();
    match built {
        Ok(status) => {
            ensure!(status.success(), "the library in Go does not build");
            Ok(Some(library))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("go"),
    }
}
