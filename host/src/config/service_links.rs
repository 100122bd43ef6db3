//! Variables that Kubernetes puts into every container for the Services of its namespace, unless
//! the pod says `enableServiceLinks: false`. A Service named `datahub-mcp` or `oidc-proxy` makes
//! names under our prefixes, and even `DATAHUB_MCP_PORT`.
//!
//! Name and value must both have the form that the kubelet writes (`makeEnvVariableMap`): anything
//! else stays a setting or an unknown name. Docker's links (`--link`) have the same form, and two
//! more: `NAME_NAME=/container/alias`, and the linked container's own variables as `NAME_ENV_...`.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// The protocols of a Service's port, as the kubelet writes them.
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// True for a variable that describes a Service.
pub(super) fn is_link(name: &str, value: &str) -> bool {
    if let Some((service, port_name)) = name.rsplit_once("_SERVICE_PORT") {
        let named = port_name.len() > 1 && port_name.starts_with('_');
        return !service.is_empty() && (port_name.is_empty() || named) && is_port(value);
    }
    if let Some(service) = name.strip_suffix("_SERVICE_HOST") {
        return !service.is_empty() && is_address(value);
    }
    if let Some(service) = name.strip_suffix("_PORT")
        && let Some((protocol, _)) = value.split_once("://")
    {
        return !service.is_empty() && is_endpoint(value, protocol);
    }
    is_port_link(name, value)
}

/// Removes the variables that describe a Service and would otherwise be taken for ours (`ours`).
/// Returns their names.
pub(super) fn remove(
    environment: &mut BTreeMap<String, String>,
    ours: impl Fn(&str) -> bool,
) -> Vec<String> {
    let linked: BTreeSet<&str> = environment
        .iter()
        .filter_map(|(name, value)| container(name, value))
        .collect();
    let of_container = |name: &str| {
        let mut ends = name.match_indices("_ENV_").map(|(at, _)| &name[..at]);
        ends.any(|alias| linked.contains(alias))
    };
    let is_link = |name: &str, value: &str| {
        is_link(name, value) || container(name, value).is_some() || of_container(name)
    };
    let links: Vec<String> = environment
        .iter()
        .filter(|(name, value)| ours(name) && is_link(name, value))
        .map(|(name, _)| name.clone())
        .collect();
    for name in &links {
        environment.remove(name);
    }
    links
}

/// The name before `_NAME` of a container that Docker links here: `OIDC_NAME=/mcp/oidc`.
fn container<'a>(name: &'a str, value: &str) -> Option<&'a str> {
    let alias = name.strip_suffix("_NAME").filter(|a| !a.is_empty())?;
    let mut parts = value.strip_prefix('/')?.split('/');
    let (from, to) = (parts.next()?, parts.next()?);
    let same = to
        .to_ascii_uppercase()
        .replace(['-', '.'], "_")
        .eq_ignore_ascii_case(alias);
    (!from.is_empty() && same && parts.next().is_none()).then_some(alias)
}

/// `NAME_PORT_80_TCP` and what follows from it: `_PROTO`, `_PORT` and `_ADDR`.
fn is_port_link(name: &str, value: &str) -> bool {
    let (stem, detail) = ["_PROTO", "_PORT", "_ADDR"]
        .into_iter()
        .find_map(|detail| Some((name.strip_suffix(detail)?, detail)))
        .unwrap_or((name, ""));
    let Some((rest, protocol)) = stem.rsplit_once('_') else {
        return false;
    };
    let Some((service, port)) = rest.rsplit_once("_PORT_") else {
        return false;
    };
    if service.is_empty() || !PROTOCOLS.contains(&protocol) || !is_port(port) {
        return false;
    }
    match detail {
        "_PROTO" => value.eq_ignore_ascii_case(protocol),
        "_PORT" => value == port,
        "_ADDR" => is_address(value),
        _ => is_endpoint(value, protocol),
    }
}

/// `tcp://10.96.0.7:80`, `tcp://[fd00::7]:80`, also without the brackets, for this protocol.
fn is_endpoint(value: &str, protocol: &str) -> bool {
    value.split_once("://").is_some_and(|(scheme, address)| {
        scheme.eq_ignore_ascii_case(protocol)
            && PROTOCOLS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(scheme))
            && address.rsplit_once(':').is_some_and(|(host, port)| {
                let inner = host
                    .strip_prefix('[')
                    .and_then(|rest| rest.strip_suffix(']'));
                is_port(port) && is_address(inner.unwrap_or(host))
            })
    })
}

fn is_address(value: &str) -> bool {
    value.parse::<IpAddr>().is_ok()
}

fn is_port(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_digit()) && value.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_every_variable_of_a_service() {
        for (name, value) in [
            ("DATAHUB_MCP_SERVICE_HOST", "10.96.0.7"),
            ("DATAHUB_MCP_SERVICE_HOST", "fd00::7"),
            ("DATAHUB_MCP_SERVICE_PORT", "80"),
            ("DATAHUB_MCP_SERVICE_PORT_HTTP", "80"),
            ("DATAHUB_MCP_SERVICE_PORT_HTTP_ADMIN", "8080"),
            ("DATAHUB_MCP_PORT", "tcp://10.96.0.7:80"),
            ("OIDC_PORT", "udp://10.96.0.7:53"),
            ("OIDC_PORT", "tcp://[fd00::7]:80"),
            ("OIDC_PORT", "tcp://fd00::7:80"),
            ("OIDC_PORT_80_TCP", "tcp://[fd00:0:0::7]:80"),
            ("OAUTH_2_PORT_80_TCP", "tcp://10.96.0.7:80"),
            ("OAUTH_2_PORT_132_SCTP", "sctp://10.96.0.7:132"),
            ("TOKEN_VALIDATOR_PORT_80_TCP_PROTO", "tcp"),
            ("PLUGIN_PORT_80_TCP_PORT", "80"),
            ("OUTBOUND_PROXY_PORT_80_TCP_ADDR", "10.96.0.7"),
            ("FASTMCP_PORT", "tcp://10.96.0.7:8000"),
        ] {
            assert!(is_link(name, value), "{name}={value}");
        }
    }

    #[test]
    fn nothing_else_has_that_form() {
        for (name, value) in [
            ("DATAHUB_MCP_PORT", "8000"),
            ("DATAHUB_MCP_PORT", "http://10.96.0.7:80"),
            ("DATAHUB_MCP_PORT", "tcp://mcp.example.com:80"),
            ("DATAHUB_MCP_HOST", "10.96.0.7"),
            ("DATAHUB_MCP_SERVICE_HOST", "mcp.example.com"),
            ("DATAHUB_MCP_SERVICE_PORT", "tcp://10.96.0.7:80"),
            ("DATAHUB_MCP_SERVICE_PORTS", "80"),
            ("DATAHUB_MCP_SERVICE_PORT_", "80"),
            ("DATAHUB_MCP_PORT_80_TCP", "udp://10.96.0.7:80"),
            ("DATAHUB_MCP_PORT_80_TCP_PORT", "81"),
            ("DATAHUB_MCP_PORT_80_HTTP", "http://10.96.0.7:80"),
            ("DATAHUB_MCP_PORT_HTTP_TCP", "tcp://10.96.0.7:80"),
            ("OIDC_CLIENT_ID", "80"),
            ("_SERVICE_HOST", "10.96.0.7"),
            ("_PORT", "tcp://10.96.0.7:80"),
            ("OIDC_PORT", "tcp://10.96.0.7"),
            ("OIDC_PORT", "tcp://[fd00::7:80"),
            ("OIDC_PORT", "tcp://10.96.0.7:+80"),
        ] {
            assert!(!is_link(name, value), "{name}={value}");
        }
    }

    #[test]
    fn containers_that_docker_links_are_left_out_with_their_variables() {
        let environment = [
            ("OIDC_STUB_NAME", "/mcp/oidc-stub"),
            ("OIDC_STUB_ENV_PATH", "/bin"),
            ("OIDC_STUB_ENV_OF_ENV_X", "y"),
            ("OAUTH_ENV_PATH", "/bin"),
            ("OAUTH_NAME", "/mcp/another"),
            ("OIDC_NAME", "oidc"),
            ("OIDC_AUDIENCE", "/a/audience"),
        ];
        let pairs = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut environment = BTreeMap::from(pairs);
        let left_out = remove(&mut environment, |_| true);
        let expected = [
            "OIDC_STUB_ENV_OF_ENV_X",
            "OIDC_STUB_ENV_PATH",
            "OIDC_STUB_NAME",
        ];
        assert_eq!(left_out, expected);
        assert_eq!(environment.len(), 4);
    }
}
