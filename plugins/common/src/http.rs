//! A validator's HTTP client: its limits, and the options for proxies and authorities.
//!
//! The client itself is that of the crate `outbound`, which the server uses as well. A validator
//! may run in a process with an empty environment, so the proxy variables are passed as options.

use std::{fmt, path::PathBuf, time::Duration};

use outbound::{AddressRule, Authorities, Choice, Profile, Proxies, ProxyError};
use reqwest::RequestBuilder;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use url::Url;

pub use outbound::{Answer, Error as HttpError, shown};

/// Limits: 2 seconds for connecting, 5 seconds for a whole exchange, 1 MiB for a response body.
const PROFILE: Profile = Profile {
    user_agent: concat!("datahub-mcp-validator/", env!("CARGO_PKG_VERSION")),
    connect: Duration::from_secs(2),
    total: Some(Duration::from_secs(5)),
    idle: Duration::from_secs(30),
    idle_connections: usize::MAX,
    max_body: 1024 * 1024,
    https_only: false,
};

/// The network options for reaching a provider. An option that is unset has the value that the
/// whole server uses.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Network {
    /// A file of PEM certificates of further authorities to trust, for a provider whose
    /// certificate was issued by a private authority. The system's authorities stay trusted.
    #[schemars(extend("x-env" = ["OUTBOUND_CA_FILE", "SSL_CERT_FILE"], "x-file" = true))]
    pub ca_file: Option<PathBuf>,
    /// Directories of such files, separated by colons.
    #[schemars(extend("x-env" = "SSL_CERT_DIR", "x-file" = true))]
    pub ca_dir: Option<String>,
    /// The URL of the HTTP proxy to use, or `none`. Overrides `https_proxy` and `http_proxy`.
    #[schemars(extend("x-env" = "OUTBOUND_PROXY", "x-secret" = true))]
    pub proxy: Option<ProxyText>,
    /// The HTTP proxy for https URLs.
    #[schemars(extend("x-env" = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"], "x-secret" = true))]
    pub https_proxy: Option<ProxyText>,
    /// The HTTP proxy for http URLs.
    #[schemars(extend("x-env" = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"], "x-secret" = true))]
    pub http_proxy: Option<ProxyText>,
    /// Hosts to contact without a proxy: names with their subdomains, addresses, networks such as
    /// `10.0.0.0/8`, or `*`, names and addresses with an optional port; comma-separated. This
    /// machine is always included.
    #[schemars(extend("x-env" = ["OUTBOUND_NO_PROXY", "NO_PROXY", "no_proxy"]))]
    pub no_proxy: Option<String>,
}

/// The URL of a proxy as it was configured. It may contain a password, so it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyText(pub String);

impl fmt::Debug for ProxyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyText(***)")
    }
}

impl<'de> Deserialize<'de> for ProxyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for ProxyText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ProxyText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-secret": true })
    }
}

impl Network {
    /// Checks the options.
    fn resolve(&self) -> Result<outbound::Network, HttpError> {
        fn text(text: &Option<ProxyText>) -> Option<&str> {
            text.as_ref().map(|text| text.0.as_str())
        }
        let proxies = Proxies::new(Choice {
            setting: text(&self.proxy),
            https: text(&self.https_proxy),
            http: text(&self.http_proxy),
            except: self.no_proxy.as_deref(),
        });
        let proxies = proxies.map_err(|error| {
            let option = match error {
                ProxyError::Setting(_) => "`proxy` (OUTBOUND_PROXY)",
                ProxyError::Https(_) => "`https_proxy` (HTTPS_PROXY, ALL_PROXY)",
                ProxyError::Http(_) => "`http_proxy` (HTTP_PROXY, ALL_PROXY)",
            };
            HttpError::Setup(format!("{option} is {error}"))
        })?;
        let file = self.ca_file.as_deref();
        let file = file.filter(|file| !file.as_os_str().is_empty());
        let authorities = Authorities::load(file, self.ca_dir.as_deref());
        let authorities = authorities.map_err(|error| {
            HttpError::Setup(format!(
                "`ca_file` (OUTBOUND_CA_FILE, SSL_CERT_FILE) {error}"
            ))
        })?;
        Ok(outbound::Network {
            proxies,
            authorities,
        })
    }
}

/// The HTTP client of a validator. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Http(outbound::Client);

impl Http {
    /// Builds a client. `configured` are the URLs that the operator configured: their hosts may
    /// have any address but a cloud's metadata service; other hosts must not lead to this machine
    /// either.
    ///
    /// # Errors
    /// [`HttpError::Setup`] if the options name an unusable file or proxy.
    pub fn new<'a>(
        network: &'a Network,
        configured: impl IntoIterator<Item = &'a Url>,
    ) -> Result<Self, HttpError> {
        let addresses = AddressRule::configured(configured);
        outbound::Client::new(&network.resolve()?, &PROFILE, addresses).map(Self)
    }

    /// The underlying client.
    pub(crate) fn client(&self) -> &outbound::Client {
        &self.0
    }

    /// Fetches a public document, following redirects within its origin.
    ///
    /// # Errors
    /// Any [`HttpError`] except `Setup`. An error status is an [`Answer`], not an error.
    pub async fn get(&self, url: &Url, accept: &'static str) -> Result<Answer, HttpError> {
        self.0.get(url, accept).await
    }

    /// A `POST` request, to be completed with body and credentials and passed to [`Self::send`].
    pub fn post(&self, url: &Url) -> RequestBuilder {
        self.0.post(url)
    }

    /// Sends a request that may carry credentials: a redirect is refused, never followed.
    ///
    /// # Errors
    /// Any [`HttpError`] except `Setup`. An error status is an [`Answer`], not an error.
    pub async fn send(&self, url: &Url, request: RequestBuilder) -> Result<Answer, HttpError> {
        self.0.send(url, request).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn setup(options: serde_json::Value) -> Result<Http, String> {
        let network: Network = serde_json::from_value(options).unwrap();
        Http::new(&network, []).map_err(|error| error.to_string())
    }

    #[test]
    fn options_that_cannot_be_used_are_named_without_their_secrets() {
        for (options, why) in [
            (
                json!({"proxy": "socks5://u:canary@p"}),
                "`proxy` (OUTBOUND_PROXY)",
            ),
            (json!({"https_proxy": "ftp://canary"}), "HTTPS_PROXY"),
            (json!({"http_proxy": "ftp://canary"}), "HTTP_PROXY"),
            (
                json!({"ca_file": "/nowhere/ca.pem"}),
                "/nowhere/ca.pem: No such file",
            ),
        ] {
            let error = setup(options).unwrap_err();
            assert!(error.contains(why) && !error.contains("canary"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
        let good = json!({
            "proxy": "none", "https_proxy": "ftp://ignored", "no_proxy": "*", "ca_file": ""
        });
        assert!(setup(good).is_ok());
    }
}
