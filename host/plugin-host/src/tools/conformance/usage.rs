//! The resources of this process, measured to detect growth.

use std::{fs, path::Path};

use rustix::io::Errno;

use crate::boundary::heap;

/// The growth that is tolerated, for pools and arenas.
const FEW: usize = 8;
/// More open files than any validator needs for a few calls at once.
const MANY_FILES: usize = 1_000;
const SOME_MEMORY: usize = 32 * 1024 * 1024;

/// The resources of this process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    files: usize,
    threads: usize,
    memory: usize,
}

impl Usage {
    pub(super) fn now() -> Self {
        // Where all files that it may have are open, the directory cannot be opened either.
        let entries = |dir: &str| match fs::read_dir(Path::new(dir)) {
            Ok(entries) => entries.count(),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::MFILE) => usize::MAX,
            Err(_) => 0,
        };
        Self {
            files: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
            memory: memory(),
        }
    }

    pub(super) fn compare(&self, now: &Self) -> Result<(), String> {
        if now.files > MANY_FILES {
            return Err(format!("more than {MANY_FILES} files are open"));
        }
        if now.files > self.files.saturating_add(FEW) {
            return Err(format!(
                "open files grew from {} to {}",
                self.files, now.files
            ));
        }
        if now.threads > self.threads.saturating_add(FEW) {
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

/// The bytes of memory that this process does not share with files.
fn memory() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let mut pages = statm.split_whitespace().skip(1).map(str::parse::<usize>);
    let resident = pages.next().and_then(Result::ok).unwrap_or(0);
    let shared = pages.next().and_then(Result::ok).unwrap_or(0);
    resident.saturating_sub(shared) * rustix::param::page_size()
}

/// The memory after so many calls, which shows a slope and not only a start.
#[derive(Debug, Default)]
pub(super) struct Slope(Vec<(usize, usize)>);

/// Growth for each call by which a token, or something as large, is surely kept ...
const MUCH_FOR_EACH: usize = 4 * 1024;
/// ... and by how much memory grows then at least.
const MUCH: usize = 2 * 1024 * 1024;
/// A cache with a limit is full after so many calls ...
const CACHES_ARE_FULL: usize = 20_000;
/// ... and then memory grows by less than this in a third of them.
const LITTLE: usize = 3 * 1024 * 1024;
/// The growth at which the calls end.
const TOO_MUCH: usize = 64 * 1024 * 1024;

/// The parts of the last calls, in each of which a leak grows.
const PARTS: usize = 6;
/// Growth for each call by which something is surely kept if it goes on and on: for tokens that are
/// never seen again beyond what a cache with a limit holds, and for the same few tokens.
const STEADY_FOR_NEW: usize = 160;
const STEADY_FOR_KNOWN: usize = 64;
/// The least growth of that kind, and the least calls that show it.
const STEADY: usize = 1024 * 1024;
const STEADY_CALLS: usize = 1_000;

/// The tokens that calls are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tokens {
    /// Each is a new one.
    New,
    /// The same few again and again, so that nothing is left to remember.
    Known,
}

impl Tokens {
    fn steady(self) -> usize {
        match self {
            Self::New => STEADY_FOR_NEW,
            Self::Known => STEADY_FOR_KNOWN,
        }
    }
}

/// Growth of the heap for each call about the same few tokens by which something is kept: of three calls,
/// one keeps the least that can be allocated. The heap is counted to the byte, so nothing else looks like it ...
const LITTLE_FOR_EACH: usize = 8;
/// ... but what is collected later, such as records that are sent together. That is unlikely after so many
/// calls, and possible after so many.
const SURELY_KEPT_CALLS: usize = 3_000;
const MAYBE_KEPT_CALLS: usize = 600;

/// What happens to the heap.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heap {
    Stays,
    MayLeak(String),
    Leaks(String),
}

impl Slope {
    /// Notes the memory after `calls` calls. Returns whether it has grown too much to go on.
    pub(super) fn note(&mut self, calls: usize) -> bool {
        self.add(calls, memory())
    }

    /// As [`Self::note`] for the heap, where that is counted.
    pub(super) fn note_heap(&mut self, calls: usize) {
        if let Some(used) = heap::in_use() {
            self.add(calls, used);
        }
    }

    /// True if the heap has grown all along, so that more calls tell more.
    pub(super) fn heap_is_suspicious(&self) -> bool {
        self.heap() != Heap::Stays
    }

    /// The verdict about the heap, after calls about the same few tokens.
    pub(super) fn heap(&self) -> Heap {
        let calls = self.0.last().map_or(0, |(calls, _)| *calls);
        let from = calls / 3;
        let counted = calls - from;
        let Some(for_each) = self
            .steady_from(from)
            .filter(|each| *each >= LITTLE_FOR_EACH)
        else {
            return Heap::Stays;
        };
        let told = format!("the heap grew by {for_each} bytes for each of {counted} calls");
        match counted {
            MAYBE_KEPT_CALLS..SURELY_KEPT_CALLS => {
                Heap::MayLeak(format!("{told}: a leak, unless it is collected later"))
            }
            SURELY_KEPT_CALLS.. => Heap::Leaks(told),
            _ => Heap::Stays,
        }
    }

    fn add(&mut self, calls: usize, memory: usize) -> bool {
        self.0.push((calls, memory));
        let first = self.0.first().map_or(0, |(_, memory)| *memory);
        memory > first + TOO_MUCH
    }

    /// True if memory has grown all along, so that more calls tell more.
    pub(super) fn is_suspicious(&self, tokens: Tokens) -> bool {
        let calls = self.0.last().map_or(0, |(calls, _)| *calls);
        self.steady_from(calls / 2)
            .is_some_and(|for_each| for_each > tokens.steady() / 2)
    }

    /// The growth for each call after the first `calls`, if memory grew in every part of them. A
    /// collector of garbage, an arena or a pool grows in some parts only.
    fn steady_from(&self, calls: usize) -> Option<usize> {
        let at = self.0.partition_point(|(noted, _)| *noted < calls);
        let after = self.0.get(at..)?;
        let (first, last) = (after.first()?, after.last()?);
        let grown = last.1.checked_sub(first.1)?;
        let size = after.len().checked_sub(1)? / PARTS;
        if size == 0 {
            return None;
        }
        let everywhere = (0..PARTS).all(|part| {
            let ends = (after.get(part * size), after.get((part + 1) * size));
            let (Some((_, from)), Some((_, to))) = ends else {
                return false;
            };
            to.saturating_sub(*from) > grown / PARTS / 4
        });
        (everywhere && grown > 0).then(|| grown / (last.0 - first.0).max(1))
    }

    /// Growth for each call that goes on and on.
    fn leak(&self, tokens: Tokens) -> Option<usize> {
        let calls = self.0.last().map_or(0, |(calls, _)| *calls);
        let from = match tokens {
            Tokens::New => CACHES_ARE_FULL,
            Tokens::Known => calls / 3,
        };
        let counted = calls.checked_sub(from)?;
        let for_each = self.steady_from(from)?;
        let much = for_each > tokens.steady() && for_each * counted > STEADY;
        (counted > STEADY_CALLS && much).then_some(for_each)
    }

    /// The verdict about tokens of `length` bytes.
    pub(super) fn verdict(&self, length: usize, tokens: Tokens) -> Result<String, String> {
        let (Some(first), Some(last)) = (self.0.first(), self.0.last()) else {
            return Ok(String::new());
        };
        let grown = last.1.saturating_sub(first.1);
        let at = self.0.len() * 2 / 3;
        let third = self.0.get(at).unwrap_or(first);
        let (calls, slope) = (last.0 - third.0, last.1.saturating_sub(third.1));
        let for_each = slope / calls.max(1);
        let kept = for_each > MUCH_FOR_EACH + 2 * length && slope > MUCH;
        let unbounded = last.0 > CACHES_ARE_FULL && slope > LITTLE;
        let leak = self.leak(tokens);
        let for_each = leak.unwrap_or(for_each);
        if kept || unbounded || grown > TOO_MUCH || leak.is_some() {
            return Err(format!(
                "memory grew by {} KiB over {} calls, at the end by {for_each} bytes for each",
                grown / 1024,
                last.0 - first.0
            ));
        }
        Ok(format!("{} calls", last.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slope(memory: impl Fn(usize) -> usize, calls: usize) -> Result<String, String> {
        about(Tokens::New, memory, calls)
    }

    fn about(
        tokens: Tokens,
        memory: impl Fn(usize) -> usize,
        calls: usize,
    ) -> Result<String, String> {
        let mut slope = Slope::default();
        for call in (0..calls).step_by(100) {
            if slope.add(call, memory(call)) {
                break;
            }
        }
        slope.verdict(100, tokens)
    }

    #[test]
    fn a_slope_is_told_from_a_cache_that_fills() {
        const MIB: usize = 1024 * 1024;
        assert!(slope(|_| 50 * MIB, 2_000).is_ok());
        // A start, an arena, a cache of 10,000 answers.
        assert!(slope(|call| if call < 300 { MIB } else { 20 * MIB }, 2_000).is_ok());
        assert!(slope(|call| call.min(10_000) * 1_000, 40_000).is_ok());
        assert!(slope(|call| call.min(10_000) * 1_000, 3_000).is_ok());
        for bytes in [64 * 1024, 8 * 1024] {
            assert!(slope(|call| call * bytes, 2_000).is_err(), "{bytes}");
        }
        assert!(slope(|call| call * 600, 40_000).is_err());
        assert!(slope(|call| call * 256, 30_000).is_err());
        // A cache of many small answers.
        assert!(slope(|call| call * 100, 30_000).is_ok());
    }

    #[test]
    fn a_leak_is_told_from_garbage_that_is_collected() {
        const KIB: usize = 1024;
        let about = |memory: &dyn Fn(usize) -> usize, calls| about(Tokens::Known, memory, calls);
        assert!(about(&|call| call * 4 * KIB, 2_000).is_err());
        assert!(about(&|call| call * 272, 10_000).is_err());
        // A heap that is collected at 4 MiB, and one that doubles.
        assert!(about(&|call| call * KIB % (4 * KIB * KIB), 10_000).is_ok());
        assert!(about(&|call| (call * KIB).min(4 * KIB * KIB), 10_000).is_ok());
        assert!(about(&|call| call.next_power_of_two() * 400, 10_000).is_ok());
        assert!(about(&|call| 50 * KIB * KIB + call * 8, 10_000).is_ok());
    }

    #[test]
    fn small_leaks_show_in_the_heap() {
        let about = |heap: &dyn Fn(usize) -> usize, calls: usize| {
            let mut slope = Slope::default();
            for call in (0..calls).step_by(100) {
                slope.add(call, 1_000_000 + heap(call));
            }
            slope.heap()
        };
        // The least that can be allocated, by one call of three.
        assert!(matches!(
            about(&|call| call / 3 * 32, 10_000),
            Heap::Leaks(_)
        ));
        assert!(matches!(about(&|call| call * 64, 2_000), Heap::MayLeak(_)));
        assert_eq!(about(&|call| call * 64, 800), Heap::Stays);
        // What comes and goes, what fills, what doubles, a few bytes now and then.
        assert_eq!(about(&|call| call * 7919 % 4096, 10_000), Heap::Stays);
        assert_eq!(about(&|call| call * 100 % 200_000, 10_000), Heap::Stays);
        assert_eq!(about(&|call| call.min(5_000) * 100, 10_000), Heap::Stays);
        assert_eq!(
            about(&|call| call.next_power_of_two() * 64, 10_000),
            Heap::Stays
        );
        assert_eq!(about(&|call| call / 100 * 200, 10_000), Heap::Stays);
    }
}
