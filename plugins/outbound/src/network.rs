//! What the operator set about the way out: the same value for every client of a process.

use crate::{authorities::Authorities, proxy::Proxies};

/// Proxies and authorities. The default is a direct way with the system's authorities.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Which URL goes through which proxy.
    pub proxies: Proxies,
    /// Authorities beside the system's.
    pub authorities: Authorities,
}
