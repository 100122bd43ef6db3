//! What a validator needs of the system, for a host that confines its plugins.

use serde_json::{Value, json};

/// The parts of the system that a validator uses. A host with a sandbox allows nothing else.
///
/// The default is the network without limits and no files. The host adds what the operator names in the
/// options: the ports of their URLs, and the files that they name.
///
/// ```
/// use plugin_api::sdk::Needs;
///
/// let of_a_signature_check = Needs::without_network();
/// let of_an_introspection = Needs::with_ports([443]).file("/etc/notary/authorities.pem");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    network: Network,
    files: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Network {
    #[default]
    Any,
    /// The TCP ports; none: no network.
    Ports(Vec<u16>),
}

impl Needs {
    /// No connection at all, but for the URLs that the options name.
    pub fn without_network() -> Self {
        Self::with_ports([])
    }

    /// Connections to these TCP ports, and to those of the URLs that the options name.
    pub fn with_ports(ports: impl IntoIterator<Item = u16>) -> Self {
        Self {
            network: Network::Ports(ports.into_iter().collect()),
            files: Vec::new(),
        }
    }

    /// Adds a file that the validator reads, by its absolute path. Everybody on the machine can read it, or
    /// the host does not allow it: let an option name a file of the operator's.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>) -> Self {
        self.files.push(path.into());
        self
    }

    /// Both together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.network = match (self.network, other.network) {
            (Network::Ports(mut ports), Network::Ports(others)) => {
                ports.extend(others);
                ports.sort_unstable();
                ports.dedup();
                Network::Ports(ports)
            }
            _ => Network::Any,
        };
        self.files.extend(other.files);
        self
    }

    /// The member `needs` of the library's description; `None` for the default.
    pub(crate) fn to_json(&self) -> Option<Value> {
        if *self == Self::default() {
            return None;
        }
        let network = match &self.network {
            Network::Any => json!(true),
            Network::Ports(ports) if ports.is_empty() => json!(false),
            Network::Ports(ports) => json!(ports),
        };
        Some(json!({"network": network, "files": self.files}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_needs_what_its_validators_need() {
        let none = Needs::without_network;
        assert_eq!(Needs::default().to_json(), None);
        assert_eq!(
            none().and(none()).to_json(),
            Some(json!({"network": false, "files": []}))
        );
        let ports = Needs::with_ports([8443, 443]).and(Needs::with_ports([443]).file("/x"));
        assert_eq!(
            ports.clone().to_json(),
            Some(json!({"network": [443, 8443], "files": ["/x"]}))
        );
        assert_eq!(
            ports.and(Needs::default()).to_json(),
            Some(json!({"network": true, "files": ["/x"]}))
        );
    }
}
