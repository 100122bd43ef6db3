//! The operator's settings for outgoing connections: the same for every client of a process.

use crate::{authorities::Authorities, proxy::Proxies};

/// Proxies and authorities. The default is direct connections with the system's authorities.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// The proxies and their exceptions.
    pub proxies: Proxies,
    /// Authorities in addition to the system's.
    pub authorities: Authorities,
}
