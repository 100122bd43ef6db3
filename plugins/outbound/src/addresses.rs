//! The one table of networks, and the rule for the addresses that requests may go to.
//!
//! A host that the operator configured may have any address but that of a cloud's metadata service.
//! A host that only a fetched document names (such as that of a `jwks_uri`) must not lead to this
//! machine or to a metadata service, whether its name is an address or resolves to one. A host that
//! a stranger names must be on the public internet with every address that it has.
//!
//! If a proxy is used, the proxy resolves names, so only addresses that are literally in a URL are
//! checked.

use std::{
    collections::HashSet,
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The reach of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// On the public internet.
    Public,
    /// In a private or reserved network.
    Private,
    /// This machine itself.
    Local,
    /// A cloud's metadata service, or not a single host: never contacted.
    Never,
}

/// The IPv4 networks that are not globally reachable (IANA special-purpose registry), as address and
/// prefix length; the first match counts.
const V4: [([u8; 4], u32, Scope); 22] = [
    // Metadata and host services of clouds that are not link-local: Azure, Alibaba, Oracle.
    ([168, 63, 129, 16], 32, Scope::Never),
    ([100, 100, 100, 200], 32, Scope::Never),
    ([192, 0, 0, 192], 32, Scope::Never),
    // Link-local, which includes the metadata services of AWS, Azure, Google and others.
    ([169, 254, 0, 0], 16, Scope::Never),
    // Multicast and broadcast.
    ([224, 0, 0, 0], 4, Scope::Never),
    ([255, 255, 255, 255], 32, Scope::Never),
    // 0.0.0.0/8 reaches the local machine on Linux.
    ([0, 0, 0, 0], 8, Scope::Local),
    ([127, 0, 0, 0], 8, Scope::Local),
    ([10, 0, 0, 0], 8, Scope::Private),
    ([100, 64, 0, 0], 10, Scope::Private),
    ([172, 16, 0, 0], 12, Scope::Private),
    ([192, 0, 0, 0], 24, Scope::Private),
    ([192, 0, 2, 0], 24, Scope::Private),
    ([192, 31, 196, 0], 24, Scope::Private),
    ([192, 52, 193, 0], 24, Scope::Private),
    ([192, 88, 99, 0], 24, Scope::Private),
    ([192, 168, 0, 0], 16, Scope::Private),
    ([192, 175, 48, 0], 24, Scope::Private),
    ([198, 18, 0, 0], 15, Scope::Private),
    ([198, 51, 100, 0], 24, Scope::Private),
    ([203, 0, 113, 0], 24, Scope::Private),
    ([240, 0, 0, 0], 4, Scope::Private),
];

/// The IPv6 address of the metadata service on AWS; the IPv4 ones are link-local.
const AWS_METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// The reach of `address`. An IPv6 address that embeds an IPv4 one has the reach of the latter.
pub fn scope(address: IpAddr) -> Scope {
    match address {
        IpAddr::V4(address) => scope_v4(address),
        IpAddr::V6(address) => scope_v6(address),
    }
}

/// Returns whether `address` is on the public internet.
pub fn is_public(address: IpAddr) -> bool {
    scope(address) == Scope::Public
}

fn scope_v4(address: Ipv4Addr) -> Scope {
    let bits = u32::from(address);
    let fits = |network: [u8; 4], length: u32| {
        let mask = u32::MAX << (32 - length);
        bits & mask == u32::from(Ipv4Addr::from(network))
    };
    V4.iter()
        .find(|(network, length, _)| fits(*network, *length))
        .map_or(Scope::Public, |(_, _, scope)| *scope)
}

fn scope_v6(address: Ipv6Addr) -> Scope {
    let [a, b, c, ..] = address.segments();
    if let Some(embedded) = address.to_ipv4_mapped() {
        return scope_v4(embedded);
    }
    if address.is_loopback() || address.is_unspecified() {
        return Scope::Local;
    }
    if address.is_multicast() || address.is_unicast_link_local() || address == AWS_METADATA_V6 {
        return Scope::Never;
    }
    match (a, b) {
        // NAT64 (RFC 6052): the last 32 bits.
        (0x0064, 0xff9b) if c == 0 => scope_v4(last_v4(address)),
        // 6to4 (RFC 3056): the 32 bits after the prefix.
        (0x2002, _) => scope_v4(Ipv4Addr::from((u32::from(b) << 16) | u32::from(c))),
        // IETF protocol assignments with Teredo and ORCHID, documentation.
        (0x2001, 0x0000..=0x01ff | 0x0db8) | (0x3fff, 0x0000..=0x0fff) => Scope::Private,
        // AS112, which answers for private zones.
        (0x2620, 0x004f) if c == 0x8000 => Scope::Private,
        // Global unicast is 2000::/3.
        _ if a & 0xe000 == 0x2000 => Scope::Public,
        _ => Scope::Private,
    }
}

fn last_v4(address: Ipv6Addr) -> Ipv4Addr {
    let [.., high, low] = address.segments();
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

/// Returns whether a URL names this machine itself (`localhost`, `127.0.0.0/8`, `::1`): plain HTTP
/// to it crosses no network.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.to_canonical().is_loopback(),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

/// The result of a look-up.
pub type Looked = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Resolves names. A trait, so that tests can replace the name service.
pub trait Lookup: Send + Sync {
    /// All addresses of `host`.
    fn lookup(&self, host: &str) -> Looked;
}

/// The system's name service.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> Looked {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The rule for the addresses that may be contacted, and the resolver that applies it to names.
#[derive(Clone)]
pub struct AddressRule {
    policy: Policy,
    lookup: Arc<dyn Lookup>,
    /// Hosts of proxies, which the operator configured as well.
    proxies: Arc<HashSet<String>>,
}

#[derive(Debug, Clone)]
enum Policy {
    /// Every URL was configured by the operator.
    Any,
    /// The operator's hosts, and the hosts that their documents name.
    Configured {
        /// In lower case, as written by `Url::host_str`.
        hosts: Arc<HashSet<String>>,
        /// One of them is this machine, so its documents may lead to this machine too.
        local: bool,
    },
    /// Hosts that strangers name.
    Strangers(fn(IpAddr) -> bool),
}

impl AddressRule {
    /// For a client that only requests URLs that the operator configured.
    pub fn any() -> Self {
        Self::with(Policy::Any, Arc::new(SystemLookup))
    }

    /// For a provider: `configured` are the URLs that the operator configured. Their hosts may have
    /// any address but a cloud's metadata service; other hosts must not lead to this machine
    /// either.
    pub fn configured<'a>(configured: impl IntoIterator<Item = &'a Url>) -> Self {
        let configured: Vec<&Url> = configured.into_iter().collect();
        let local = configured.iter().any(|url| is_loopback(url));
        let hosts = configured.iter().filter_map(|url| url.host_str());
        let hosts = hosts.map(str::to_ascii_lowercase).collect();
        let hosts = Arc::new(hosts);
        Self::with(Policy::Configured { hosts, local }, Arc::new(SystemLookup))
    }

    /// For URLs that strangers name: each address of a name must be `allowed`, which is
    /// [`is_public`] except in tests.
    pub fn strangers(lookup: Arc<dyn Lookup>, allowed: fn(IpAddr) -> bool) -> Self {
        Self::with(Policy::Strangers(allowed), lookup)
    }

    fn with(policy: Policy, lookup: Arc<dyn Lookup>) -> Self {
        Self {
            policy,
            lookup,
            proxies: Arc::default(),
        }
    }

    /// Lets the resolver return any address of the proxies.
    pub(crate) fn with_proxies<'a>(mut self, proxies: impl IntoIterator<Item = &'a str>) -> Self {
        let names = proxies.into_iter().map(str::to_ascii_lowercase).collect();
        self.proxies = Arc::new(names);
        self
    }

    /// Returns whether a URL may be requested, judged by its text; a name is checked when it is
    /// resolved.
    pub fn permits(&self, url: &Url) -> bool {
        let address: IpAddr = match url.host() {
            Some(Host::Ipv4(ip)) => ip.into(),
            Some(Host::Ipv6(ip)) => ip.into(),
            Some(Host::Domain(name)) => return self.permits_name(name, is_loopback(url)),
            None => return false,
        };
        match &self.policy {
            Policy::Any => true,
            Policy::Configured { hosts, local } => {
                let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
                permitted(address, *local || hosts.contains(&host))
            }
            Policy::Strangers(allowed) => allowed(address),
        }
    }

    fn permits_name(&self, name: &str, loopback: bool) -> bool {
        match &self.policy {
            Policy::Any => true,
            Policy::Configured { hosts, local } => {
                !loopback || *local || hosts.contains(&name.to_ascii_lowercase())
            }
            // The resolver would treat it as the proxy.
            Policy::Strangers(_) => !self.proxies.contains(&name.to_ascii_lowercase()),
        }
    }
}

impl Default for AddressRule {
    fn default() -> Self {
        Self::configured([])
    }
}

impl std::fmt::Debug for AddressRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AddressRule").field(&self.policy).finish()
    }
}

/// Returns whether an address may be contacted; `trusted` is true if the operator configured the
/// host.
fn permitted(address: IpAddr, trusted: bool) -> bool {
    match scope(address) {
        Scope::Public | Scope::Private => true,
        Scope::Local => trusted,
        Scope::Never => false,
    }
}

/// Resolves names for the HTTP client, which connects only to addresses that it gets from here:
/// there is no second look-up that could answer differently.
impl Resolve for AddressRule {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.lookup.lookup(name.as_str());
        let host = name.as_str().to_ascii_lowercase();
        let policy = match self.proxies.contains(&host) {
            true => Policy::Any,
            false => self.policy.clone(),
        };
        Box::pin(async move {
            let mut found = lookup.await?;
            match policy {
                Policy::Any => {}
                Policy::Configured { hosts, local } => {
                    let trusted = local || hosts.contains(&host);
                    found.retain(|address| permitted(*address, trusted));
                }
                // A single address that is not public rules out the whole name.
                Policy::Strangers(allowed) => {
                    if !found.iter().all(|address| allowed(*address)) {
                        found.clear();
                    }
                }
            }
            if found.is_empty() {
                return Err("the name has no address that may be asked".into());
            }
            let found = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(found) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
