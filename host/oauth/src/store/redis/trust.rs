//! TLS to Redis: the authorities of all other outgoing connections, and the words for TLS that fails.

use std::{error::Error, sync::Arc};

use outbound::{Authorities, tls_trouble};
use redis::{Client, ConnectionAddr, ConnectionInfo, RedisError, RedisResult, TlsCertificates};

/// The trusted authorities.
pub(crate) struct Trust(Vec<u8>);

impl Trust {
    pub(crate) fn new(authorities: &Authorities) -> Self {
        Self(authorities.pem())
    }

    /// A client of one Redis.
    pub(crate) fn client(&self, address: ConnectionInfo) -> RedisResult<Client> {
        match is_tls(&address) {
            true => Client::build_with_tls(address, self.certificates()),
            false => Client::open(address),
        }
    }

    /// The authorities in the form in which they are handed to a client of several.
    pub(super) fn certificates(&self) -> TlsCertificates {
        TlsCertificates {
            client_tls: None,
            root_cert: Some(self.0.clone()),
        }
    }
}

pub(super) fn is_tls(address: &ConnectionInfo) -> bool {
    matches!(address.addr(), ConnectionAddr::TcpTls { .. })
}

/// The words for a failure of TLS, the same as for any other connection.
pub(crate) fn trouble(error: &RedisError) -> Option<&'static str> {
    let source = error.source()?;
    // The client shares the cause, which hides it from a look at its type.
    match source.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
        Some(shared) => tls_trouble(&**shared),
        None => tls_trouble(source),
    }
}

/// True if the name of the host has no address. The error of the standard library has no kind for that.
pub(crate) fn is_unknown_name(error: &RedisError) -> bool {
    error.is_io_error() && error.to_string().contains("lookup address")
}
