//! The time by which a request has to be answered. The server's edge decides it, and ends what it can
//! still answer otherwise; an answer that has begun is ended by whoever writes it.

use std::time::Instant;

/// The end of the time for an answer, a stream of events included.
#[derive(Debug, Clone, Copy)]
pub struct AnswerBy(pub Instant);
