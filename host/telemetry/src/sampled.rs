//! Samples of log lines that can come in any number: some of each kind a minute, and a count of the
//! others, so that a fault leaves a trace and does not fill the log.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;

/// The span in which lines are counted.
const SPAN: Duration = Duration::from_secs(60);
/// The most lines of one kind in one span.
const MAX_LINES: u32 = 5;
/// The most kinds that are counted apart; the others count together.
const MAX_KINDS: usize = 64;

/// Decides which lines are written. One for each message; its kinds are the reasons in it.
#[derive(Debug, Default)]
pub struct Sampled(Mutex<Kinds>);

#[derive(Debug, Default)]
struct Kinds {
    named: HashMap<String, Written>,
    others: Written,
}

#[derive(Debug, Default)]
struct Written {
    since: Duration,
    lines: u32,
    left_out: u64,
}

impl Sampled {
    /// The number of lines of `kind` that were left out since the last one; `None` if this one is
    /// left out, too. `now` is the time since the start.
    pub fn admit(&self, kind: &str, now: Duration) -> Option<u64> {
        let mut kinds = self.0.lock();
        if !kinds.named.contains_key(kind) {
            if kinds.named.len() >= MAX_KINDS {
                kinds
                    .named
                    .retain(|_, written| now.saturating_sub(written.since) < SPAN);
            }
            if kinds.named.len() >= MAX_KINDS {
                return kinds.others.admit(now);
            }
            kinds.named.insert(kind.to_owned(), Written::starting(now));
        }
        kinds.named.get_mut(kind)?.admit(now)
    }
}

impl Written {
    fn starting(now: Duration) -> Self {
        Self {
            since: now,
            ..Self::default()
        }
    }

    fn admit(&mut self, now: Duration) -> Option<u64> {
        if now.saturating_sub(self.since) >= SPAN {
            self.since = now;
            self.lines = 0;
        }
        if self.lines >= MAX_LINES {
            self.left_out += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn some_lines_a_minute_are_written_and_the_others_counted() {
        let log = Sampled::default();
        for _ in 0..MAX_LINES {
            assert_eq!(log.admit("a", AT(10)), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(log.admit("a", AT(59)), None);
        }
        assert_eq!(log.admit("a", AT(70)), Some(7));
        assert_eq!(log.admit("a", AT(70)), Some(0));
    }

    #[test]
    fn a_frequent_kind_does_not_hide_a_rare_one() {
        let log = Sampled::default();
        (0..1_000).for_each(|_| {
            log.admit("frequent", AT(1));
        });
        assert_eq!(log.admit("rare", AT(1)), Some(0));
    }

    #[test]
    fn kinds_that_strangers_make_up_take_a_bounded_room_and_not_for_long() {
        let log = Sampled::default();
        let written = (0..10_000).filter_map(|n| log.admit(&format!("made up {n}"), AT(1)));
        assert_eq!(written.count(), MAX_KINDS + MAX_LINES as usize);
        assert_eq!(log.0.lock().named.len(), MAX_KINDS);
        assert_eq!(log.admit("rare", AT(1)), None);
        assert_eq!(log.admit("rare", AT(62)), Some(0));
    }
}
