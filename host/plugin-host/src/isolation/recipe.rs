//! The start of a library's process, the first time and each time after it died.

use std::{
    os::fd::AsFd,
    sync::Arc,
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{
    process::{Bounds, Event, Link},
    sandbox::{Level, Policy},
    wire::{FromChild, ToChild},
};
use crate::boundary::{Failure, description::Description, plugin_log, sealed::SealedLibrary};

/// The time that a process has to end by itself after it said why it cannot start.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Everything needed to start the process.
pub(super) struct Recipe {
    pub(super) file: Arc<SealedLibrary>,
    pub(super) bounds: Bounds,
    pub(super) policy: Policy,
    /// The library, in the log.
    pub(super) name: String,
}

/// What a process says once it has opened the library.
pub(super) struct Opened {
    pub(super) description: Description,
    pub(super) level: Level,
}

/// A validator that the process made, to make it again.
pub(super) struct Made {
    pub(super) number: u64,
    pub(super) id: String,
    pub(super) factory: String,
    pub(super) config: SecretString,
}

impl Made {
    pub(super) fn message(&self) -> ToChild {
        ToChild::Create {
            call: self.number,
            id: self.id.clone(),
            factory: self.factory.clone(),
            config: Zeroizing::new(self.config.expose_secret().to_owned()),
        }
    }
}

impl Recipe {
    /// Starts a process that has opened the library.
    pub(super) fn open(&self) -> Result<(Link, Opened), String> {
        let until = Instant::now() + self.bounds.start;
        let mut link = Link::start(self.bounds, self.name.clone())
            .map_err(|error| format!("cannot start a process: {error}"))?;
        let load = ToChild::Load {
            path: self.file.path.clone(),
            sha256: self.file.sha256,
            symbols: self.file.symbols,
            level: plugin_log::number(plugin_log::level_in_force()),
            memory: self.bounds.memory,
            sandbox: self.policy.clone(),
        };
        let sent = link.process().send_file(self.file.content.as_fd());
        // If it cannot be sent, the process has ended or hangs.
        let _ = sent.and_then(|()| link.process().send(&load));
        match link.next(until) {
            Event::Message(FromChild::Loaded {
                description,
                sandbox: level,
            }) => match link.running() {
                Ok(()) => Ok((link, Opened { description, level })),
                Err(error) => Err(error.to_string()),
            },
            Event::Message(FromChild::Unloadable(reason)) => {
                link.end(LAST_WORDS);
                Err(reason)
            }
            Event::Message(_) => Err("its process answers out of order".to_owned()),
            Event::Ended(how) => Err(format!("its process {how} while it opened the library")),
            Event::Quiet => Err(format!(
                "opening it took more than {} seconds; its initialisers hang, or \
                 `TOKEN_VALIDATOR_START_TIMEOUT_SECS` is too short",
                self.bounds.start.as_secs()
            )),
        }
    }

    /// Starts a process again, with the validators that the one before had.
    pub(super) fn again(&self, made: &[Made]) -> Result<Link, String> {
        let (mut link, opened) = self.open()?;
        opened.level.announce(&self.name);
        for made in made {
            let until = Instant::now() + self.bounds.start;
            let _ = link.process().send(&made.message());
            match link.next(until) {
                Event::Message(FromChild::Created { .. }) => {}
                Event::Message(FromChild::Refused { failure, .. }) => {
                    return Err(format!("{}: {}", made.id, Failure::from(failure)));
                }
                Event::Message(_) => return Err("its process answers out of order".to_owned()),
                Event::Ended(how) => return Err(format!("{}: its process {how}", made.id)),
                Event::Quiet => return Err(format!("{}: did not start in time", made.id)),
            }
        }
        Ok(link)
    }
}
