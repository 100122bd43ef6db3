//! A validator in C whose initialiser misbehaves.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

use crate::artifacts::workspace_root;

/// Builds `tests/fixtures/c/faulty.c` into the folder `target`, with the statement `at_load` in its
/// initialiser.
///
/// # Errors
/// If it does not build.
pub fn faulty(target: &Path, at_load: &str) -> anyhow::Result<PathBuf> {
    let root = workspace_root();
    fs::create_dir_all(target)?;
    let library = target.join("libfaulty.so");
    let built = Command::new("cc")
        .args(["-std=c11", "-O1", "-fPIC", "-shared", "-fvisibility=hidden"])
        .arg(format!("-DAT_LOAD={at_load}"))
        .arg("-I")
        .arg(root.join("plugin-api/include"))
        .arg(root.join("tests/fixtures/c/faulty.c"))
        .arg("-o")
        .arg(&library)
        .status()
        .context("cc")?;
    ensure!(built.success(), "the faulty library does not build");
    Ok(library)
}
