//! A validator in another process: calls go over the wire, and dropping one cancels it there.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use secrecy::ExposeSecret;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::{
    process::Process,
    supervisor::{Shared, Silence, State},
    wire::{FromChild, ToChild},
};
use crate::boundary::{Answer, Call, Failure, FailureKind, Instance, Question};

/// A validator in another process.
pub(super) struct Remote {
    shared: Arc<Shared>,
}

impl Remote {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Sends a message about a new call; the answer comes through the channel.
    fn call(&self, message: impl FnOnce(u64) -> ToChild) -> Result<Waiting, Failure> {
        let process = match &*self.shared.state.lock() {
            State::Running(process) => process.clone(),
            State::Down { until } => {
                let mut failure = died();
                failure.retry_after = Some(until.saturating_duration_since(Instant::now()));
                return Err(failure);
            }
            State::Stopped => return Err(Failure::new(FailureKind::Internal, "it is shut down")),
        };
        let id = self.shared.next_call.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.shared.calls.lock().waiting.insert(id, sender);
        let waiting = Waiting {
            shared: Arc::clone(&self.shared),
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
    let mut failure = Failure::new(FailureKind::Unavailable, "its process died");
    failure.retry_after = Some(Duration::from_secs(1));
    failure
}

impl Drop for Remote {
    fn drop(&mut self) {
        let before = std::mem::replace(&mut *self.shared.state.lock(), State::Stopped);
        self.shared.wake.notify_all();
        if let State::Running(process) = before {
            process.kill();
        }
    }
}

impl Instance for Remote {
    fn try_validate(&self, _: &Question) -> Option<Answer> {
        None
    }

    fn validate(&self, question: Question) -> Call<Answer> {
        let waiting = self.call(|call| ToChild::Ask {
            call,
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
        let waiting = self.call(|call| ToChild::Health { call });
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
        let waiting = self.call(|call| ToChild::Shutdown { call });
        Box::pin(async move {
            if let Ok(waiting) = waiting {
                waiting.await;
            }
        })
    }
}

/// A call in flight; it is cancelled if this is dropped before its end.
struct Waiting {
    shared: Arc<Shared>,
    process: Process,
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
        let silence = self.shared.calls.lock().give_up(self.id);
        if silence == Silence::Dead {
            tracing::error!("the process of a validator hangs: killing it");
            self.process.kill();
            return;
        }
        // If it has died, there is nothing to cancel.
        let _ = self.process.send(&ToChild::Cancel { call: self.id });
        if silence == Silence::Suspicious {
            // Nothing waits for this answer: its arrival is enough.
            let call = self.shared.next_call.fetch_add(1, Ordering::Relaxed);
            let _ = self.process.send(&ToChild::Health { call });
        }
    }
}
