//! A watch on `try_validate`, which must not block: the time in which the calling thread neither
//! ran nor waited for a processor.

use std::{
    cell::RefCell,
    fs::File,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// The time in one call that is suspicious, blocked or computing ...
const BLOCKED: Duration = Duration::from_millis(20);
const COMPUTING: Duration = Duration::from_millis(100);
/// ... and the number of such calls that is a fault; one may be the first use of a page.
const SEVERAL: usize = 4;
/// One call that blocks for this long is a fault by itself.
const LONG: Duration = Duration::from_millis(250);

/// The calls of `try_validate` so far.
#[derive(Default)]
pub(super) struct Stalls {
    counts: Mutex<Counts>,
    paused: AtomicBool,
}

#[derive(Default)]
struct Counts {
    calls: usize,
    slow: usize,
    longest: Duration,
}

impl Stalls {
    /// Stops measuring, or goes on: threads that call at the same time wait for each other's locks,
    /// the longer the busier the machine is.
    pub(super) fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }

    /// Makes a call and measures it.
    pub(super) fn watch<T>(&self, call: impl FnOnce() -> T) -> T {
        if self.paused.load(Ordering::Relaxed) {
            return call();
        }
        let before = scheduled();
        let started = Instant::now();
        let answer = call();
        let took = started.elapsed();
        let mut counts = self.counts.lock();
        counts.calls += 1;
        if took < BLOCKED {
            return answer;
        }
        let (blocked, computing) = match (before, scheduled()) {
            (Some(before), Some(after)) => {
                let ran = after.ran.saturating_sub(before.ran);
                let queued = after.queued.saturating_sub(before.queued);
                (took.saturating_sub(ran + queued), ran)
            }
            // Where the kernel does not count, a busy machine looks the same for as long as this.
            _ => (took.saturating_sub(LONG), Duration::ZERO),
        };
        if blocked > BLOCKED || computing > COMPUTING {
            counts.slow += 1;
            counts.longest = counts.longest.max(blocked).max(computing);
        }
        answer
    }

    /// The calls so far.
    pub(super) fn verdict(&self) -> Result<String, String> {
        let counts = self.counts.lock();
        let Counts {
            calls,
            slow,
            longest,
        } = *counts;
        if slow < SEVERAL && longest < LONG {
            return Ok(format!("{calls} calls"));
        }
        Err(format!(
            "{slow} of {calls} calls of `try_validate` blocked, the longest for {longest:.0?}; it runs on a \
             thread of the host: answer from memory, or leave the token to `validate`"
        ))
    }
}

/// The time that a thread has run, and has waited for a processor.
#[derive(Clone, Copy)]
struct Scheduled {
    ran: Duration,
    queued: Duration,
}

/// What the kernel counts for the calling thread.
fn scheduled() -> Option<Scheduled> {
    thread_local! {
        static COUNTS: RefCell<Option<File>> = RefCell::new(File::open("/proc/thread-self/schedstat").ok());
    }
    let mut text = [0; 128];
    let length = COUNTS.with_borrow(|file| file.as_ref()?.read_at(&mut text, 0).ok())?;
    let text = std::str::from_utf8(text.get(..length)?).ok()?;
    let mut counts = text.split_whitespace().map(str::parse);
    let ran = counts.next()?.ok()?;
    let queued = counts.next()?.ok()?;
    Some(Scheduled {
        ran: Duration::from_nanos(ran),
        queued: Duration::from_nanos(queued),
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn calls_that_sleep_are_told_from_calls_that_answer() {
        let quick = Stalls::default();
        for _ in 0..100 {
            quick.watch(|| ());
        }
        assert!(quick.verdict().is_ok());
        let several = Stalls::default();
        for _ in 0..4 {
            several.watch(|| thread::sleep(Duration::from_millis(30)));
        }
        let told = several.verdict().unwrap_err();
        assert!(told.contains("4 of 4 calls"), "{told}");
        let one = Stalls::default();
        one.watch(|| thread::sleep(Duration::from_millis(300)));
        assert!(one.verdict().is_err());
    }
}
