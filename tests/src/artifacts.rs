//! The binaries and plugin libraries under test, built once per run.
//!
//! Plain `cargo test` neither builds another crate's binary nor puts cdylibs where the host looks
//! for them, so the harness runs cargo itself. If everything is up to date, that takes a second.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The directory of the binaries and libraries under test.
#[derive(Debug)]
pub struct Artifacts {
    dir: PathBuf,
}

impl Artifacts {
    /// The directory that holds the binaries and the plugins, such as `target/debug`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The server's binary.
    pub fn server(&self) -> PathBuf {
        self.dir.join("datahub-mcp")
    }

    /// The sandbox's binary.
    pub fn sandbox(&self) -> PathBuf {
        self.dir.join("sandbox")
    }

    /// The library of the plugin `name`.
    pub fn plugin(&self, name: &str) -> PathBuf {
        self.dir.join(format!("lib{name}.so"))
    }
}

/// The root of the workspace.
pub fn workspace_root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Builds the server, the sandbox and every plugin in the profile of the running test, once.
///
/// # Panics
/// If the build fails, because no test could run then.
#[expect(clippy::panic, reason = "a harness without binaries cannot go on")]
pub fn artifacts() -> &'static Artifacts {
    static ARTIFACTS: OnceLock<Artifacts> = OnceLock::new();
    ARTIFACTS.get_or_init(|| {
        let dir = profile_dir();
        let release = dir.file_name().is_some_and(|name| name == "release");
        let mut build = Command::new(env!("CARGO"));
        // Naming a test makes cargo resolve features as `cargo test --workspace` does, so that the
        // dependencies of both are the same and nothing is built twice.
        build
            .args([
                "build",
                "--workspace",
                "--quiet",
                "--lib",
                "--bins",
                "--test",
                "suite",
            ])
            .current_dir(workspace_root());
        if release {
            build.arg("--release");
        }
        // The variables that cargo sets for this crate's tests would change the nested build.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                build.env_remove(&name);
            }
        }
        match build.status() {
            Ok(status) if status.success() => Artifacts { dir },
            other => panic!("`cargo build --workspace` failed: {other:?}"),
        }
    })
}

/// `target/<profile>`, from the path of the running test binary (`target/<profile>/deps/name`).
#[expect(
    clippy::panic,
    reason = "a harness that does not know its place cannot go on"
)]
fn profile_dir() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_else(|error| panic!("current_exe: {error}"));
    let mut dir = exe.parent().unwrap_or(&exe);
    if dir.ends_with("deps") || dir.ends_with("examples") {
        dir = dir.parent().unwrap_or(dir);
    }
    dir.to_path_buf()
}
