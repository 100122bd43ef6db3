//! Small things of text that tests and the programs run by hand share.

use std::io::Write as _;

/// `bytes` in lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Prints a line at once.
pub fn say(line: &str) {
    let mut out = std::io::stdout();
    // Nobody reads any more: nothing to do about it.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
