//! Small text functions that the tests and the programs run by hand share.

use std::io::Write as _;

/// `bytes` as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Prints a line and flushes it.
pub fn say(line: &str) {
    let mut out = std::io::stdout();
    // A failure means that the reader has closed the stream; nothing can be done about it.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
