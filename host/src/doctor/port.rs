//! The address to listen on: free, or taken by a server of ours that is running.

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use outbound::{AddressRule, Network};
use serde_json::Value;
use tokio::net::TcpSocket;
use url::Url;

use super::{
    peers::{Clocks, Peer},
    report::Check,
};

const PORT: &str = "port";

pub(super) async fn check(address: SocketAddr) -> Vec<Check> {
    vec![match bind(address) {
        Ok(()) if address.port() == 0 => Check::ok(PORT, "a free port is picked at each start"),
        Ok(()) => Check::ok(PORT, format!("{address} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => taken(address).await,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Check::fail(
            PORT,
            format!("{address}: {error}"),
            "set `DATAHUB_MCP_PORT` to a number above 1023, or run it with CAP_NET_BIND_SERVICE",
        ),
        Err(error) => Check::fail(
            PORT,
            format!("{address}: {error}"),
            "set `DATAHUB_MCP_HOST` to an address of this machine: `127.0.0.1`, or `0.0.0.0` for all",
        ),
    }]
}

/// Takes the address without listening on it, so that nobody can connect.
fn bind(address: SocketAddr) -> io::Result<()> {
    let socket = match address.is_ipv4() {
        true => TcpSocket::new_v4(),
        false => TcpSocket::new_v6(),
    }?;
    // As the server does.
    socket.set_reuseaddr(true)?;
    socket.bind(address)
}

/// Asks the server that listens there whether it is one of ours.
async fn taken(mut address: SocketAddr) -> Check {
    let port = address.port();
    if address.ip().is_unspecified() {
        address.set_ip(match address.is_ipv4() {
            true => IpAddr::from([127, 0, 0, 1]),
            false => IpAddr::from(Ipv6Addr::LOCALHOST),
        });
    }
    let health = Url::parse(&format!("http://{address}/health"));
    let direct = Network::default();
    let peer = Peer::new(PORT, &direct, AddressRule::any(), &Clocks::default());
    let answer = match (&health, &peer) {
        (Ok(url), Ok(peer)) => peer.get(url).await.ok(),
        _ => None,
    };
    let ours = answer.is_some_and(|answer| {
        let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let status = body.as_ref().and_then(|body| body.get("status")?.as_str());
        answer.status.is_success() && status == Some("ok")
    });
    if ours {
        return Check::ok(
            PORT,
            format!(
                "{address} is taken by a server that answers `/health`, as this one does when it runs"
            ),
        );
    }
    Check::fail(
        PORT,
        format!(
            "port {port} is already taken, by something that does not answer `/health` as this server does"
        ),
        "end what listens there, or set `DATAHUB_MCP_PORT` to another port",
    )
}
