//! Secrets that must never be printed: each test makes its own and searches all output for it.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A secret that is easy to find again.
pub fn canary(name: &str) -> String {
    format!("canary{:016x}{name}", rand::random::<u64>())
}

/// The forms, plain or encoded, in which `secret` occurs in `text`; empty if it does not.
pub fn traces<'a>(text: &'a str, secret: &str) -> Vec<&'a str> {
    let encoded = STANDARD.encode(secret);
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    text.lines()
        .filter(|line| {
            line.contains(secret)
                || line.contains(encoded.trim_end_matches('='))
                || line.contains(&percent)
        })
        .collect()
}
