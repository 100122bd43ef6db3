//! Records the compiler's version for the SDK, which a plugin reports to the host.

use std::process::Command;

fn main() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=PLUGIN_API_RUSTC={}", version.trim());
    println!("cargo::rerun-if-changed=build.rs");
}
