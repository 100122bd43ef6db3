//! Which network addresses may be asked.
//!
//! A host that the operator configured may be anywhere the operator likes. A host that only a
//! fetched document named (a `jwks_uri`, say) must not lead back into this machine or to the
//! metadata service of a cloud, whether its name is an address or resolves to one. Cloud metadata
//! addresses are refused for everybody.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The rule about addresses, and the resolver that applies it to names.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressRule {
    /// Hosts that the operator named, lower case, as `Url::host_str` writes them.
    configured: Arc<HashSet<String>>,
    /// One of them is this machine, so its documents may lead to this machine too.
    local: bool,
}

impl AddressRule {
    pub(crate) fn new<'a>(configured: impl IntoIterator<Item = &'a Url>) -> Self {
        let configured: Vec<&Url> = configured.into_iter().collect();
        let local = configured.iter().any(|url| is_loopback(url));
        let hosts = configured.iter().filter_map(|url| url.host_str());
        let hosts = hosts.map(str::to_ascii_lowercase).collect();
        Self {
            configured: Arc::new(hosts),
            local,
        }
    }

    /// Checks a URL whose host is an address; names are checked when they are resolved.
    pub(crate) fn permits(&self, url: &Url) -> bool {
        let trusted = self.is_trusted(url.host_str().unwrap_or_default());
        match url.host() {
            Some(Host::Ipv4(ip)) => permitted(IpAddr::V4(ip), trusted),
            Some(Host::Ipv6(ip)) => permitted(IpAddr::V6(ip), trusted),
            Some(Host::Domain(_)) => true,
            None => false,
        }
    }

    fn is_trusted(&self, host: &str) -> bool {
        self.local || self.configured.contains(&host.to_ascii_lowercase())
    }
}

impl Resolve for AddressRule {
    fn resolve(&self, name: Name) -> Resolving {
        let trusted = self.is_trusted(name.as_str());
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let kept: Vec<SocketAddr> = found
                .into_iter()
                .filter(|addr| permitted(addr.ip(), trusted))
                .collect();
            if kept.is_empty() {
                return Err("the name has no address that may be asked".into());
            }
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

/// Whether an address may be asked; `trusted` says that the operator configured the host.
fn permitted(ip: IpAddr, trusted: bool) -> bool {
    let ip = ip.to_canonical();
    let never = match ip {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast() || v4.is_multicast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_multicast() || v6 == AWS_METADATA_V6,
    };
    !never && (trusted || !(ip.is_loopback() || is_this_machine(ip)))
}

/// The IPv6 address of the metadata service on AWS; the IPv4 ones are link-local.
const AWS_METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

fn is_this_machine(ip: IpAddr) -> bool {
    match ip {
        // 0.0.0.0/8 reaches the local machine on Linux.
        IpAddr::V4(v4) => v4.octets()[0] == 0 || v4 == Ipv4Addr::UNSPECIFIED,
        IpAddr::V6(v6) => v6.is_unspecified(),
    }
}

/// Whether a URL names this machine itself (`localhost`, `127.0.0.0/8`, `::1`), where plain HTTP
/// crosses no network.
pub(crate) fn is_loopback(url: &Url) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_document_cannot_lead_to_this_machine_or_to_cloud_metadata() {
        let rule = AddressRule::new([&url("https://idp.example.com/")]);
        for refused in [
            "http://127.0.0.1/keys",
            "http://127.9.9.9/keys",
            "http://2130706433/keys",
            "http://0x7f.1/keys",
            "http://0.0.0.0/keys",
            "http://[::1]/keys",
            "http://[::]/keys",
            "http://[::ffff:127.0.0.1]/keys",
            "http://169.254.169.254/latest/meta-data",
            "http://[fe80::1]/keys",
            "http://[fd00:ec2::254]/keys",
            "http://255.255.255.255/keys",
        ] {
            assert!(!rule.permits(&url(refused)), "{refused}");
        }
        for permitted in [
            "https://93.184.216.34/keys",
            "https://10.0.0.7/keys",
            "https://a.example/",
        ] {
            assert!(rule.permits(&url(permitted)), "{permitted}");
        }
    }

    #[test]
    fn a_configured_host_may_be_this_machine_but_never_cloud_metadata() {
        let rule = AddressRule::new([
            &url("http://127.0.0.1:8080/"),
            &url("http://169.254.169.254/"),
        ]);
        assert!(rule.permits(&url("http://127.0.0.1:9/keys")));
        assert!(
            rule.permits(&url("http://[::1]:9/keys")),
            "one loopback address for another"
        );
        let named = AddressRule::new([&url("http://10.0.0.1/"), &url("http://0.0.0.0:80/")]);
        assert!(named.permits(&url("http://0.0.0.0/keys")));
        assert!(!named.permits(&url("http://127.0.0.1/keys")));
        assert!(!rule.permits(&url("http://169.254.169.254/keys")));
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_this_machine_is_refused_unless_configured() {
        let name = || "localhost".parse::<Name>().unwrap();
        assert!(AddressRule::default().resolve(name()).await.is_err());
        let rule = AddressRule::new([&url("http://localhost/")]);
        assert!(rule.resolve(name()).await.unwrap().next().is_some());
    }

    #[test]
    fn loopback_is_known_by_name_and_by_address() {
        for yes in [
            "http://localhost:80/",
            "http://LOCALHOST./",
            "http://idp.localhost",
            "http://127.1/",
            "http://[::1]/",
        ] {
            assert!(is_loopback(&url(yes)), "{yes}");
        }
        for no in [
            "http://localhost.example/",
            "http://10.0.0.1/",
            "http://[fe80::1]/",
        ] {
            assert!(!is_loopback(&url(no)), "{no}");
        }
    }
}
