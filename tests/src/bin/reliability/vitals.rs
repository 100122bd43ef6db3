//! What a process holds, as the operating system sees it.

use std::fs;

use rustix::process::{Resource, getrlimit, setrlimit};

/// Memory, files and threads of a process.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Vitals {
    pub(super) resident_kib: u64,
    pub(super) files: usize,
    pub(super) threads: u64,
}

impl Vitals {
    pub(super) fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            number.and_then(|number| number.parse().ok())
        };
        let files = fs::read_dir(format!("/proc/{pid}/fd"));
        Self {
            resident_kib: field("VmRSS:").unwrap_or_default(),
            files: files.map(Iterator::count).unwrap_or_default(),
            threads: field("Threads:").unwrap_or_default(),
        }
    }

    pub(super) fn resident_mib(&self) -> u64 {
        self.resident_kib / 1024
    }
}

impl std::fmt::Display for Vitals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            resident_kib,
            files,
            threads,
        } = self;
        let mib = resident_kib / 1024;
        write!(f, "{mib} MiB resident, {files} files, {threads} threads")
    }
}

/// Lets this process, and those that it starts, open as many files as they may.
pub(super) fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where that fails, a scenario with many sockets says so.
    let _ = setrlimit(Resource::Nofile, limit);
}
