//! The state that all requests share, made once at start. Only the drain flag changes later.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use telemetry::{AccessLog, Sampled};

use super::{
    allowed_hosts::AllowedHosts, landing::Landing, origin::AllowedOrigins, probe::Probe,
    respond::Responder, settings::Limits, supplies::Supplies,
};
use crate::auth::Authenticator;

/// The state that all requests share.
pub(super) struct State {
    pub(super) authenticator: Authenticator,
    pub(super) responder: Responder,
    pub(super) hosts: AllowedHosts,
    pub(super) origins: AllowedOrigins,
    pub(super) limits: Limits,
    /// The shares of what requests take from each other.
    pub(super) supplies: Supplies,
    /// The protected-resource metadata, ready to send.
    pub(super) metadata: Bytes,
    /// The server card, ready to send.
    pub(super) card: Bytes,
    /// The page for people.
    pub(super) landing: Landing,
    pub(super) access: AccessLog,
    pub(super) probe: Arc<dyn Probe>,
    draining: AtomicBool,
    /// The log lines that strangers can cause in any number.
    lines: Sampled,
    start: Instant,
}

impl State {
    #[expect(
        clippy::too_many_arguments,
        reason = "the one constructor, called in one place"
    )]
    pub(super) fn new(
        authenticator: Authenticator,
        responder: Responder,
        hosts: AllowedHosts,
        origins: AllowedOrigins,
        limits: Limits,
        metadata: Bytes,
        card: Bytes,
        landing: Landing,
        access: AccessLog,
        probe: Arc<dyn Probe>,
    ) -> Self {
        Self {
            authenticator,
            responder,
            hosts,
            origins,
            supplies: Supplies::new(&limits),
            limits,
            metadata,
            card,
            landing,
            access,
            probe,
            draining: AtomicBool::new(false),
            lines: Sampled::default(),
            start: Instant::now(),
        }
    }

    /// The number of lines of this kind that were left out since the last one; `None` if this one is, too.
    pub(super) fn admit_line(&self, kind: &str) -> Option<u64> {
        self.lines.admit(kind, self.start.elapsed())
    }

    /// Makes `/ready` answer 503 from now on.
    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
