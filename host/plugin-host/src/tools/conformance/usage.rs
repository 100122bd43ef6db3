//! The resources of this process, measured to detect growth.

use std::{fs, path::Path};

/// The growth that is tolerated, for pools and arenas.
const FEW: usize = 8;
const SOME_MEMORY: usize = 32 * 1024 * 1024;

/// The resources of this process.
pub(super) struct Usage {
    files: usize,
    threads: usize,
    memory: usize,
}

impl Usage {
    pub(super) fn now() -> Self {
        let entries = |dir: &str| fs::read_dir(Path::new(dir)).map_or(0, Iterator::count);
        let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages: usize = statm
            .split_whitespace()
            .nth(1)
            .and_then(|pages| pages.parse().ok())
            .unwrap_or(0);
        Self {
            files: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
            memory: pages * rustix::param::page_size(),
        }
    }

    pub(super) fn compare(&self, now: &Self) -> Result<(), String> {
        if now.files > self.files + FEW {
            return Err(format!(
                "open files grew from {} to {}",
                self.files, now.files
            ));
        }
        if now.threads > self.threads + FEW {
            return Err(format!(
                "threads grew from {} to {}",
                self.threads, now.threads
            ));
        }
        if now.memory > self.memory + SOME_MEMORY {
            return Err(format!(
                "memory grew from {} to {} bytes",
                self.memory, now.memory
            ));
        }
        Ok(())
    }
}
