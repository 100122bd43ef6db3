//! The settings that people bring along from the Python server `mcp-server-datahub` (0.8.0) and this server does
//! not obey: it is named in one warning, so that a limit that is gone does not go unnoticed.

use std::collections::BTreeMap;

use super::table;

/// Variables of the Python server that mean nothing here.
const NOT_OBEYED: &[&str] = &[
    "DISABLE_NEWER_GMS_FIELD_DETECTION",
    "FIELD_DESCRIPTION_LENGTH_LIMIT",
    "FIELD_STRUCTURED_PROPERTY_CHAR_LIMIT",
    "FIELD_STRUCTURED_PROPERTY_MAX_VALUES",
    "QUERY_LENGTH_LIMIT",
];
/// Variables by which Python's HTTP libraries find authorities.
const AUTHORITIES: [&str; 2] = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
/// The prefix of the variables of the framework that the Python server is built on.
const FRAMEWORK: &str = "FASTMCP_";
/// The Python server's package.
const PACKAGE: &str = "mcp_server_datahub";

/// True for a variable of the Python server that is not obeyed.
pub(super) fn is_not_obeyed(name: &str) -> bool {
    let alias = || table::ALL.iter().any(|known| known.alias == Some(name));
    NOT_OBEYED.contains(&name) || name.starts_with(FRAMEWORK) && !alias()
}

/// One line that names all of them.
pub(super) fn warning(environment: &BTreeMap<String, String>) -> Option<String> {
    let names: Vec<&str> = environment
        .keys()
        .map(String::as_str)
        .filter(|name| is_not_obeyed(name))
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "not obeyed, although the Python server reads them: {}",
            names.join(", ")
        )
    })
}

/// A line about authorities that the Python server trusts and this one does not.
pub(super) fn authorities(environment: &BTreeMap<String, String>) -> Option<String> {
    let ours = [table::OUTBOUND_CA_FILE.name, "SSL_CERT_FILE"];
    if ours.iter().any(|name| environment.contains_key(*name)) {
        return None;
    }
    let mut names = AUTHORITIES.iter();
    let name = names.find(|name| environment.contains_key(**name))?;
    Some(format!(
        "`{name}` is read by Python programs only; set `OUTBOUND_CA_FILE` to the same file if DataHub or the \
         identity provider needs it"
    ))
}

/// DataHub's URL, as DataHub's Python client builds it where `DATAHUB_GMS_URL` is not set.
pub(super) fn url_in_parts(environment: &BTreeMap<String, String>) -> Option<String> {
    let get = |name: &str| environment.get(name).map(String::as_str);
    let host = get("DATAHUB_GMS_HOST")?;
    if host.contains("://") {
        return Some(host.to_owned());
    }
    let protocol = get("DATAHUB_GMS_PROTOCOL").unwrap_or("http");
    let port = get("DATAHUB_GMS_PORT").unwrap_or("8080");
    Some(format!("{protocol}://{host}:{port}"))
}

/// True for a `TOKEN_VALIDATOR_FACTORY` that names a module of the Python server, such as
/// `mcp_server_datahub.oidc_token_validator:create_oidc_validator`.
pub(super) fn is_python_factory(text: &str) -> bool {
    text.split(',').any(|validator| {
        let module = validator.split(':').next().unwrap_or_default();
        module.trim().split('.').next() == Some(PACKAGE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_is_not_obeyed_and_nothing_else() {
        let environment: BTreeMap<String, String> = [
            ("QUERY_LENGTH_LIMIT", "500"),
            ("FASTMCP_LOG_LEVEL", "DEBUG"),
            ("FASTMCP_PORT", "8000"),
            ("FASTMCP_HOST", "127.0.0.1"),
            ("DESCRIPTION_LENGTH_LIMIT", "200"),
            ("PATH", "/bin"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        assert_eq!(
            warning(&environment).as_deref(),
            Some(
                "not obeyed, although the Python server reads them: FASTMCP_LOG_LEVEL, QUERY_LENGTH_LIMIT"
            )
        );
        assert_eq!(warning(&BTreeMap::new()), None);
    }

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn authorities_of_python_are_named_where_ours_are_not_set() {
        let bundle = ("REQUESTS_CA_BUNDLE", "/etc/ca.pem");
        let line = authorities(&variables(&[bundle])).unwrap();
        assert!(line.contains("`OUTBOUND_CA_FILE`"), "{line}");
        for own in ["OUTBOUND_CA_FILE", "SSL_CERT_FILE"] {
            assert_eq!(authorities(&variables(&[bundle, (own, "/x")])), None);
        }
        assert_eq!(authorities(&variables(&[])), None);
    }

    #[test]
    fn datahub_in_parts_is_told_as_a_url() {
        for (pairs, url) in [
            (&[("DATAHUB_GMS_HOST", "gms")][..], "http://gms:8080"),
            (
                &[
                    ("DATAHUB_GMS_HOST", "gms.example.com"),
                    ("DATAHUB_GMS_PORT", "443"),
                    ("DATAHUB_GMS_PROTOCOL", "https"),
                ],
                "https://gms.example.com:443",
            ),
            (
                &[("DATAHUB_GMS_HOST", "https://x/api/gms")],
                "https://x/api/gms",
            ),
            // A Service of Kubernetes beside it.
            (
                &[
                    ("DATAHUB_GMS_HOST", "gms"),
                    ("DATAHUB_GMS_PORT", "tcp://10.0.0.1:8080"),
                ],
                "http://gms:8080",
            ),
        ] {
            let raw = crate::config::Raw::merge(BTreeMap::new(), variables(pairs));
            let text = crate::config::Settings::check(&raw, std::path::Path::new("/opt/x"));
            let text = text.unwrap_err().to_string();
            let end = format!("is not set; `DATAHUB_GMS_HOST` is not read here: set it to `{url}`");
            assert!(text.ends_with(&end), "{text}");
        }
    }

    /// A container of the Python server moves over with its own variables.
    #[test]
    fn the_image_leaves_the_names_of_the_python_server_free() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/Dockerfile");
        let file = std::fs::read_to_string(file).unwrap();
        let set = file.lines().filter_map(|line| line.strip_prefix("ENV "));
        let set = set.flat_map(str::split_whitespace);
        let pairs: Vec<(&str, &str)> = set.filter_map(|pair| pair.split_once('=')).collect();
        assert!(!pairs.is_empty(), "the image sets variables");
        let public = ("PUBLIC_URL", "http://datahub-mcp:9000");
        for (own, address) in [
            (
                &[("FASTMCP_HOST", "0.0.0.0"), ("FASTMCP_PORT", "9000")][..],
                "0.0.0.0:9000",
            ),
            (
                &[("FASTMCP_HOST", "127.0.0.1"), ("FASTMCP_PORT", "9000")],
                "127.0.0.1:9000",
            ),
            (&[("DATAHUB_MCP_HOST", "10.0.0.7")], "10.0.0.7:8000"),
            (&[], "0.0.0.0:8000"),
        ] {
            let pairs = [&pairs[..], own, &[public]].concat();
            let settings = crate::config::tests::check(&pairs).unwrap();
            assert_eq!(settings.server.address.to_string(), address);
            let environment = pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            let raw = crate::config::Raw::merge(BTreeMap::new(), environment.collect());
            let warned = raw
                .warnings()
                .iter()
                .any(|line| line.contains("outside of this container"));
            assert_eq!(warned, address.starts_with("127"), "{address}");
        }
    }

    #[test]
    fn tells_a_python_module_from_a_library() {
        for text in [
            "mcp_server_datahub.oidc_token_validator:create_oidc_validator",
            "oidc, mcp_server_datahub.other:make",
        ] {
            assert!(is_python_factory(text), "{text}");
        }
        for text in ["oidc", "oidc:create", "my.validator:create", ""] {
            assert!(!is_python_factory(text), "{text}");
        }
    }
}
