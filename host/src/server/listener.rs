//! The listening socket, and the number of connections that the operating system allows.

use std::{io, net::SocketAddr};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket};

/// Connections that the kernel keeps for us until they are accepted.
const BACKLOG: u32 = 1024;

/// Open files that are not client connections: DataHub's pool, plugins, logs, the listener.
const RESERVED_FILES: u64 = 64;

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

/// Listens on `address`.
///
/// # Errors
/// If it is in use, or is not an address of this machine.
pub fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    listen(address).map_err(|source| BindError { address, source })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // A restart must not wait for connections of the previous process.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Raises the limit of open files as far as possible, and returns how many connections may be open:
/// `wanted`, or what the limit leaves.
pub(super) fn connections_within_limit(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let open = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let allowed = allowed_connections(wanted, open);
    if allowed < wanted {
        tracing::warn!(
            wanted,
            allowed,
            open_files = open,
            "fewer connections than configured, the limit of open files is too low"
        );
    }
    allowed
}

/// The connections that `open_files` leaves. [`RESERVED_FILES`], but never more than half of all,
/// are kept for other uses.
fn allowed_connections(wanted: usize, open_files: Option<u64>) -> usize {
    let Some(open) = open_files else {
        return wanted;
    };
    let left = open - RESERVED_FILES.min(open / 2);
    wanted
        .min(usize::try_from(left).unwrap_or(usize::MAX))
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_files_are_kept_for_others() {
        assert_eq!(allowed_connections(8192, None), 8192);
        assert_eq!(allowed_connections(8192, Some(1 << 20)), 8192);
        assert_eq!(allowed_connections(8192, Some(1024)), 960);
        assert_eq!(allowed_connections(8192, Some(64)), 32);
        assert_eq!(allowed_connections(8192, Some(0)), 1);
    }
}
