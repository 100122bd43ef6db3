//! The calls that wait for an answer of one validator's process.

use std::{
    collections::HashMap,
    sync::mpsc,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::wire::FromChild;
use crate::boundary::Queue;

/// A process that sent no answer for this long, and left a call unanswered, gets a health check: its
/// provider may be the slow part.
const SILENCE: Duration = Duration::from_secs(8);
/// The time for that health check, after which the process counts as hung. Longer than our
/// validators take to check their provider: 12 s for keys and 5 s for a call.
const PATIENCE: Duration = Duration::from_secs(20);

/// The receiver of an answer.
pub(super) enum Reply {
    Task(oneshot::Sender<FromChild>),
    Thread(mpsc::SyncSender<FromChild>),
}

impl Reply {
    fn give(self, message: FromChild) {
        // The caller may have been dropped in this moment.
        match self {
            Self::Task(sender) => {
                let _ = sender.send(message);
            }
            Self::Thread(sender) => {
                let _ = sender.try_send(message);
            }
        }
    }
}

/// The calls of one process, and what they say about it.
#[derive(Default)]
pub(super) struct Calls {
    waiting: HashMap<u64, (Reply, Queue)>,
    /// The time since which calls were given up without any answer.
    silent_since: Option<Instant>,
    /// The time of the health check since then, if there was one.
    asked: Option<Instant>,
    /// How the process ended, if it has.
    end: Option<String>,
}

/// The assessment of a process that did not answer a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// Too short to act on.
    Short,
    /// Long enough for a health check.
    Suspicious,
    /// It hangs.
    Dead,
}

impl Calls {
    /// The calls of a process that ended in these words: none is left.
    pub(super) fn ended(how: String) -> Self {
        Self {
            end: Some(how),
            ..Self::default()
        }
    }

    /// How the process ended, if it has.
    pub(super) fn end(&self) -> Option<&str> {
        self.end.as_deref()
    }

    pub(super) fn wait(&mut self, call: u64, reply: Reply, queue: Queue) {
        self.waiting.insert(call, (reply, queue));
    }

    /// Passes an answer on to the caller.
    pub(super) fn answer(&mut self, call: u64, message: FromChild) {
        self.silent_since = None;
        self.asked = None;
        if let Some((reply, _)) = self.waiting.remove(&call) {
            reply.give(message);
        }
    }

    /// Records that a call waits in the process, or that the plugin sees it.
    pub(super) fn queued(&self, call: u64, waits: bool) {
        match self.waiting.get(&call) {
            Some((_, queue)) if waits => queue.wait(),
            Some((_, queue)) => queue.begin(),
            None => {}
        }
    }

    /// Ends a call that was not answered.
    pub(super) fn give_up(&mut self, call: u64) {
        // What the plugin has not seen says nothing about it.
        if let Some((_, queue)) = self.waiting.remove(&call)
            && !queue.waits()
        {
            self.silent_since.get_or_insert_with(Instant::now);
        }
    }

    /// Judges the silence of the process. If it is suspicious, the caller sends a health check.
    pub(super) fn silence(&mut self) -> Silence {
        match (self.silent_since, self.asked) {
            (Some(_), Some(asked)) if asked.elapsed() > PATIENCE => Silence::Dead,
            (Some(since), None) if since.elapsed() > SILENCE => {
                self.asked = Some(Instant::now());
                Silence::Suspicious
            }
            _ => Silence::Short,
        }
    }
}
