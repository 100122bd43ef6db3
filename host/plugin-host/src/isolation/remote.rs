//! A validator in another process: calls go over the wire, and dropping one cancels it there.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use secrecy::ExposeSecret;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::{
    calls::Reply,
    process::Process,
    supervisor::{State, Supervisor},
    wire::{FromChild, ToChild},
};
use crate::boundary::{Answer, Call, Failure, FailureKind, Instance, Question, Queue};

/// A validator in another process, which lives at least as long.
pub(super) struct Remote {
    supervisor: Arc<Supervisor>,
    /// Its number there.
    validator: u64,
}

impl Remote {
    pub(super) fn new(supervisor: Arc<Supervisor>, validator: u64) -> Self {
        Self {
            supervisor,
            validator,
        }
    }

    /// Sends a message about a new call; the answer comes through the channel.
    fn call(&self, queue: Queue, message: impl FnOnce(u64) -> ToChild) -> Result<Waiting, Failure> {
        let shared = &self.supervisor.shared;
        let process = match &*shared.state.lock() {
            State::Running(process) => Arc::clone(process),
            State::Down { until } => {
                let mut failure = died();
                failure.retry_after = Some(until.saturating_duration_since(Instant::now()));
                return Err(failure);
            }
            State::Stopped => return Err(Failure::new(FailureKind::Internal, "it is shut down")),
        };
        let id = shared.number();
        let (sender, receiver) = oneshot::channel();
        shared.calls.lock().wait(id, Reply::Task(sender), queue);
        let waiting = Waiting {
            supervisor: Arc::clone(&self.supervisor),
            process,
            id,
            receiver,
            done: false,
        };
        waiting.process.send(&message(id)).map_err(|_| died())?;
        Ok(waiting)
    }
}

fn died() -> Failure {
    let mut failure = Failure::new(FailureKind::Internal, "its process died");
    failure.retry_after = Some(Duration::from_secs(1));
    failure
}

impl Instance for Remote {
    fn try_validate(&self, _: &Question) -> Option<Answer> {
        None
    }

    fn validate(&self, question: Question) -> Call<Answer> {
        let validator = self.validator;
        let waiting = self.call(question.queue.clone(), |call| ToChild::Ask {
            call,
            validator,
            token: Zeroizing::new(question.token.expose_secret().to_owned()),
            request_id: question.request_id.to_string(),
            deadline_ms: u64::try_from(question.deadline.as_millis()).unwrap_or(u64::MAX),
        });
        Box::pin(async move {
            match waiting {
                Ok(waiting) => match waiting.await {
                    Some(FromChild::Answer { answer, .. }) => answer.into(),
                    _ => Answer::Failed(died()),
                },
                Err(failure) => Answer::Failed(failure),
            }
        })
    }

    fn health(&self) -> Call<Result<(), Failure>> {
        let validator = self.validator;
        let waiting = self.call(Queue::default(), |call| ToChild::Health { call, validator });
        Box::pin(async move {
            match waiting?.await {
                Some(FromChild::Health { problem: None, .. }) => Ok(()),
                Some(FromChild::Health {
                    problem: Some(failure),
                    ..
                }) => Err(failure.into()),
                _ => Err(died()),
            }
        })
    }

    fn shutdown(&self) -> Call<()> {
        let validator = self.validator;
        let waiting = self.call(Queue::default(), |call| ToChild::Shutdown {
            call,
            validator,
        });
        Box::pin(async move {
            if let Ok(waiting) = waiting {
                waiting.await;
            }
        })
    }
}

/// A call in flight; it is cancelled if this is dropped before its end.
struct Waiting {
    supervisor: Arc<Supervisor>,
    process: Arc<Process>,
    id: u64,
    receiver: oneshot::Receiver<FromChild>,
    done: bool,
}

impl Future for Waiting {
    type Output = Option<FromChild>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let received = Pin::new(&mut self.receiver).poll(context);
        received.map(|message| {
            self.done = true;
            message.ok()
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        self.supervisor.shared.calls.lock().give_up(self.id);
        // If it has died, there is nothing to cancel.
        let _ = self.process.send(&ToChild::Cancel { call: self.id });
    }
}
