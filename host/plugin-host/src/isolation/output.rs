//! The standard output and error of a validator's process, line by line in the server's log.
//!
//! Whatever a library prints there passes the same limits as its log records: masked, cut, and not
//! more than the log holds.

use std::io::{self, PipeReader, Read};

use tracing::Level;

use crate::boundary::plugin_log;

/// The longest line; what is beyond that is left out.
const MAX_LINE_BYTES: usize = 4 * 1024;
/// The number of bytes that are read in one go, so that a flood does not hold up the answers.
const MAX_READ_BYTES: usize = 64 * 1024;

/// The lines of one process.
#[derive(Debug)]
pub(super) struct Output {
    pipe: PipeReader,
    validators: String,
    line: Vec<u8>,
    /// The last line that was not empty, redacted.
    last: Option<String>,
}

impl Output {
    /// Reads from `pipe`; the lines bear the name `validators`.
    pub(super) fn new(pipe: PipeReader, validators: String) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(Self {
            pipe,
            validators,
            line: Vec::new(),
            last: None,
        })
    }

    pub(super) fn pipe(&self) -> &PipeReader {
        &self.pipe
    }

    /// Writes what has arrived to the log. False: nothing more will come.
    pub(super) fn read(&mut self) -> bool {
        let mut buffer = [0; 4 * 1024];
        for _ in 0..MAX_READ_BYTES / buffer.len() {
            match self.pipe.read(&mut buffer) {
                Ok(0) => return false,
                Ok(len) => self.take(&buffer[..len]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
        true
    }

    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                self.end_line();
            } else if self.line.len() < MAX_LINE_BYTES {
                self.line.push(*byte);
            }
        }
    }

    /// Writes the line that has arrived so far, if there is one.
    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        plugin_log::write(plugin_log::Record {
            plugin: &self.validators,
            request_id: "",
            level: Level::WARN,
            target: "stderr",
            message: line,
            fields: "",
        });
        self.last = Some(plugin_log::redacted(line));
    }

    /// The last line, for the report on the end of the process.
    pub(super) fn last_words(&mut self) -> String {
        self.read();
        self.end_line();
        match &self.last {
            Some(line) => format!("; its last line: {line}"),
            None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_last_line_is_kept_and_cut() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut output = Output::new(reader, "v".to_owned()).unwrap();
        assert_eq!(output.last_words(), "");
        writer.write_all(b"first\n\n").unwrap();
        assert!(output.read());
        writer.write_all(b"second").unwrap();
        assert_eq!(output.last_words(), "; its last line: second");
        writer.write_all(&[b' '; 10]).unwrap();
        writer
            .write_all("ä ".repeat(MAX_LINE_BYTES).as_bytes())
            .unwrap();
        let last = output.last_words();
        assert!(last.len() < MAX_LINE_BYTES + 100, "{}", last.len());
        drop(writer);
        assert!(!output.read());
    }
}
