//! What a process holds and has used, as the operating system sees it.

use std::{fmt, fs, time::Duration};

use anyhow::Context;

/// Memory, files, threads and processor time of a process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Vitals {
    /// Resident memory.
    pub resident_kib: u64,
    /// The part of it that belongs to no file, or is a modified copy of a file's page.
    pub written_kib: u64,
    /// Open files.
    pub files: usize,
    /// Threads.
    pub threads: u64,
    /// Time on a processor since the start, of all threads, in the program and in the system.
    pub cpu: Duration,
}

impl Vitals {
    /// Those of the process `pid`.
    ///
    /// # Errors
    /// If there is no such process, or it is another user's.
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))
            .with_context(|| format!("no process {pid}"))?;
        let field = |name: &str| -> anyhow::Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            Ok(number.context("a field of status")?.parse()?)
        };
        Ok(Self {
            resident_kib: field("VmRSS:")?,
            written_kib: field("RssAnon:")?,
            files: fs::read_dir(format!("/proc/{pid}/fd"))?.count(),
            threads: field("Threads:")?,
            cpu: cpu(pid)?,
        })
    }

    /// Those of this process.
    ///
    /// # Errors
    /// As [`Vitals::of`].
    pub fn own() -> anyhow::Result<Self> {
        Self::of(std::process::id())
    }

    /// Resident memory.
    pub fn resident_mib(&self) -> u64 {
        self.resident_kib / 1024
    }
}

impl fmt::Display for Vitals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mib, files, threads) = (self.resident_mib(), self.files, self.threads);
        write!(f, "{mib} MiB resident, {files} files, {threads} threads")
    }
}

fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program may have spaces; what follows it begins with the third field.
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let field = |place: usize| -> anyhow::Result<u64> {
        let field = fields.split(' ').nth(place - 3);
        Ok(field.context("a field of stat")?.parse()?)
    };
    let ticks = (field(14)? + field(15)?) * 1_000_000;
    Ok(Duration::from_micros(
        ticks / rustix::param::clock_ticks_per_second(),
    ))
}
