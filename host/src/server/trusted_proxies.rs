//! The proxies in front of this server, which may say for whom they speak.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::{IpNet, Ipv4Net};

/// The widest networks that can be meant: 10.0.0.0/8 and fc00::/7 are the widest private ones.
const WIDEST_IPV4: u8 = 8;
const WIDEST_IPV6: u8 = 7;
/// The bits of an IPv6 address before the IPv4 address that it holds (RFC 4291 section 2.5.5.2).
const MAPPED_PREFIX: u8 = 96;

/// The reason a text is no network of proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotProxies {
    /// Not an address and not a network.
    Unreadable,
    /// So wide that strangers could choose the address that they count as.
    TooWide,
}

/// An address or a network of proxies: `10.0.0.0/8`, `fd00::/8`, `127.0.0.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyNetwork(IpNet);

impl FromStr for ProxyNetwork {
    type Err = NotProxies;

    fn from_str(text: &str) -> Result<Self, NotProxies> {
        let network = match text.parse::<IpNet>() {
            Ok(network) => folded(network.trunc()),
            Err(_) => IpNet::from(
                text.parse::<IpAddr>()
                    .map_err(|_| NotProxies::Unreadable)?
                    .to_canonical(),
            ),
        };
        let widest = match network {
            IpNet::V4(_) => WIDEST_IPV4,
            IpNet::V6(_) => WIDEST_IPV6,
        };
        match network.prefix_len() < widest {
            true => Err(NotProxies::TooWide),
            false => Ok(Self(network)),
        }
    }
}

impl fmt::Display for ProxyNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The IPv4 network that `network` holds, if it does: addresses are compared in that form.
fn folded(network: IpNet) -> IpNet {
    let prefix = network.prefix_len().checked_sub(MAPPED_PREFIX);
    match (network.addr().to_canonical(), network, prefix) {
        (IpAddr::V4(address), IpNet::V6(_), Some(prefix)) => {
            Ipv4Net::new(address, prefix).map_or(network, IpNet::V4)
        }
        _ => network,
    }
}

/// The networks of all proxies that are trusted; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<ProxyNetwork>);

impl TrustedProxies {
    /// Trusts these.
    pub fn new(networks: Vec<ProxyNetwork>) -> Self {
        Self(networks)
    }

    /// Returns whether no proxy is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether `address` is that of a trusted proxy.
    pub(super) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.0.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(networks: &[&str]) -> TrustedProxies {
        let networks = networks.iter().map(|text| text.parse().unwrap());
        TrustedProxies::new(networks.collect())
    }

    #[test]
    fn networks_and_addresses_contain_theirs_in_both_forms() {
        let trusted = proxies(&[
            "10.1.2.3/8",
            "fd00::/8",
            "127.0.0.1",
            "::1",
            "::ffff:192.0.2.0/120",
        ]);
        for ours in [
            "10.0.0.1",
            "10.255.255.255",
            "::ffff:10.0.0.1",
            "fd12::1",
            "127.0.0.1",
            "::1",
            "192.0.2.77",
        ] {
            assert!(trusted.contain(ours.parse().unwrap()), "{ours}");
        }
        for other in ["11.0.0.1", "127.0.0.2", "fe80::1", "::2", "192.0.3.1"] {
            assert!(!trusted.contain(other.parse().unwrap()), "{other}");
        }
        assert!(!TrustedProxies::default().contain("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in [
            "",
            "proxy",
            "10.0.0.0/33",
            "10.0.0/8",
            "10.0.0.0/",
            "10.0.0.0/255.0.0.0",
            "fd00::/129",
            "[::1]",
            "127.0.0.1:80",
            "10.0.0.1-10.0.0.9",
            "*",
            "010.0.0.1",
        ] {
            let parsed = text.parse::<ProxyNetwork>();
            assert_eq!(parsed, Err(NotProxies::Unreadable), "{text}");
        }
        for text in [
            "0.0.0.0/0",
            "::/0",
            "128.0.0.0/1",
            "2000::/3",
            "::ffff:0:0/96",
            "::ffff:0.0.0.0/97",
        ] {
            let parsed = text.parse::<ProxyNetwork>();
            assert_eq!(parsed, Err(NotProxies::TooWide), "{text}");
        }
    }
}
