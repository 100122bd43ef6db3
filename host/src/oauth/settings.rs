//! What the proxy needs to know: plain values that were already parsed. `config` builds them from
//! the environment; nothing here reads it.
//!
//! Never holds a secret outside [`SecretString`].

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use url::{Host, Url};

/// A setting of the sign-in proxy that cannot work, with what to change.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The public URL is not usable as an issuer (RFC 8414 section 2) and resource (RFC 8707).
    #[error(
        "`OAUTH_RESOURCE_URL` is `{value}`, {why}\nhint: give the URL that people enter, as https://mcp.example.com/mcp"
    )]
    PublicUrl {
        /// What was configured.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An endpoint of the identity provider is not usable.
    #[error(
        "`{name}` is `{value}`, {why}\nhint: give an https URL; http is accepted for loopback, and elsewhere with `OUTBOUND_ALLOW_HTTP=true`"
    )]
    Endpoint {
        /// The setting.
        name: &'static str,
        /// What was configured.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The issuer, or the place of its document, is not usable.
    #[error(
        "{name} {why}\nhint: give the issuer as the identity provider's discovery document names it"
    )]
    Issuer {
        /// The setting.
        name: &'static str,
        /// What is wrong with it, with its value.
        why: String,
    },
    /// Neither both endpoints nor an issuer to discover them at.
    #[error(
        "`OIDC_CLIENT_ID` is set, but the sign-in page of the identity provider is not known\nhint: set `OIDC_ISSUER_URL`, or both `OAUTH_AUTHORIZE_ENDPOINT` and `OAUTH_TOKEN_ENDPOINT`"
    )]
    NoEndpoints,
    /// `OIDC_CLIENT_ID` is empty.
    #[error("`OIDC_CLIENT_ID` is empty\nhint: set it, or leave it away to run without sign-in")]
    NoClientId,
    /// The way to authenticate needs a secret that is not there.
    #[error(
        "`OIDC_CLIENT_SECRET` is not set, but the client shall authenticate with one\nhint: set it, or use the method `none`"
    )]
    NoClientSecret,
    /// An extra parameter would overwrite one that the protocol needs.
    #[error(
        "the extra parameter `{0}` belongs to the protocol and cannot be set\nhint: take it out of the extra parameters"
    )]
    ReservedParameter(String),
    /// A redirect scheme that must never be allowed.
    #[error(
        "the redirect scheme `{0}` cannot be allowed\nhint: name the scheme of an app, as `cursor`"
    )]
    RedirectScheme(String),
    /// A client registered by configuration is not usable.
    #[error("the configured client `{client_id}` {why}")]
    Client {
        /// The client.
        client_id: String,
        /// What is wrong with it.
        why: String,
    },
    /// The keys are not usable.
    #[error(transparent)]
    Keys(#[from] super::KeysError),
    /// The keys do not seal.
    #[error(transparent)]
    Seal(#[from] super::seal::SealFailed),
    /// The store's address is not usable.
    #[error(
        "`OAUTH_STORE_URL` is not usable: {0}\nhint: give redis://host:6379/0, or leave it away for one replica"
    )]
    Store(String),
    /// The HTTP client could not be made.
    #[error("cannot make an HTTP client for the identity provider: {0}")]
    HttpClient(String),
}

/// The URL under which people reach this server, and all URLs that follow from it. Built from
/// configuration, never from a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    issuer: String,
    origin: String,
    path: String,
    loopback: bool,
    host: String,
    port: u16,
}

impl PublicUrl {
    /// Takes `https://host[/prefix]`, with or without `/mcp` and a slash at its end. Plain http is
    /// taken for loopback alone (RFC 8252 section 7.3).
    ///
    /// # Errors
    /// When it is no such URL, or has userinfo, a query or a fragment (RFC 8414 section 2).
    pub fn parse(value: &str) -> Result<Self, SettingsError> {
        let refuse = |why| SettingsError::PublicUrl {
            value: value.to_owned(),
            why,
        };
        let url = Url::parse(value).map_err(|_| refuse("which is not a URL"))?;
        let loopback = is_loopback(&url);
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => {
                return Err(refuse(
                    "but it must be https (http is taken for loopback alone)",
                ));
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("but it must not hold a user name or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("but it must not have a query or fragment"));
        }
        let Some(host) = url.host_str() else {
            return Err(refuse("which has no host"));
        };
        let origin = url.origin().ascii_serialization();
        let path = url.path().trim_end_matches('/');
        let path = path
            .strip_suffix("/mcp")
            .unwrap_or(path)
            .trim_end_matches('/')
            .to_owned();
        Ok(Self {
            issuer: format!("{origin}{path}"),
            host: host.to_owned(),
            port: url.port_or_known_default().unwrap_or(443),
            origin,
            path,
            loopback,
        })
    }

    /// Our issuer identifier: no slash at its end, the same bytes everywhere.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The resource identifier (RFC 8707): the URL that people enter, ending in `/mcp`.
    pub fn resource(&self) -> String {
        format!("{}/mcp", self.issuer)
    }

    /// `path` (with its leading slash) under the public URL.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// Scheme, host and port, as a browser writes it into `Origin`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The path prefix before `/mcp`; empty for most.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether cookies can be `Secure`.
    pub(super) fn is_https(&self) -> bool {
        self.origin.starts_with("https:")
    }

    /// Whether `url` points at this very server: the same origin, or another loopback name of it.
    pub(super) fn is_own(&self, url: &Url) -> bool {
        if url.origin().ascii_serialization() == self.origin {
            return true;
        }
        let same_port = url.port_or_known_default() == Some(self.port);
        let same_host = url.host_str().is_some_and(|host| {
            host.trim_end_matches('.')
                .eq_ignore_ascii_case(self.host.trim_end_matches('.'))
        });
        same_port && (same_host || (self.loopback && is_loopback(url)))
    }
}

/// Whether the host of `url` is `localhost` or a loopback address.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// How this server authenticates at the identity provider's token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UpstreamAuth {
    /// A public client: `client_id` in the form, no secret.
    #[default]
    None,
    /// HTTP Basic (RFC 6749 section 2.3.1).
    Basic,
    /// `client_id` and `client_secret` in the form.
    Post,
}

/// Which of the identity provider's tokens the client's token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UpstreamToken {
    /// The access token.
    #[default]
    AccessToken,
    /// The ID token: for providers whose access tokens are opaque or meant for another API.
    IdToken,
}

/// What a client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenMode {
    /// Our own sealed tokens around those of the identity provider.
    #[default]
    Sealed,
    /// The identity provider's own tokens.
    Relay,
}

/// The identity provider behind the proxy.
#[derive(Debug, Clone)]
pub struct UpstreamSettings {
    /// Our client id there, `OIDC_CLIENT_ID`.
    pub client_id: String,
    /// Our secret there, `OIDC_CLIENT_SECRET`.
    pub client_secret: Option<SecretString>,
    /// How the secret is sent.
    pub auth: UpstreamAuth,
    /// `OAUTH_AUTHORIZE_ENDPOINT`; discovered when unset.
    pub authorize_endpoint: Option<String>,
    /// `OAUTH_TOKEN_ENDPOINT`; discovered when unset.
    pub token_endpoint: Option<String>,
    /// The issuer that the discovery document must name: `OIDC_ISSUER_URL`, or else
    /// `OAUTH_ISSUER_URL`.
    pub issuer: Option<String>,
    /// Where the document is looked for, if not below the issuer: `OAUTH_ISSUER_URL`.
    pub discovery_url: Option<String>,
    /// Plain HTTP to the provider off loopback: `OUTBOUND_ALLOW_HTTP`.
    pub allow_http: bool,
    /// Added to every authorization request.
    pub authorize_params: Vec<(String, String)>,
    /// Added to every token request.
    pub token_params: Vec<(String, String)>,
    /// Whether the `resource` parameter travels on; several providers refuse it.
    pub forward_resource: bool,
    /// Which token is taken.
    pub token: UpstreamToken,
}

/// A client that the operator registered (RFC 7591 is not involved).
#[derive(Debug, Clone)]
pub struct ConfiguredClient {
    /// Its `client_id`.
    pub client_id: String,
    /// Set for a confidential client.
    pub client_secret: Option<SecretString>,
    /// The name that people see.
    pub name: String,
    /// Where people may be sent.
    pub redirect_uris: Vec<String>,
}

/// Where the keys that seal tokens come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// `OAUTH_TOKEN_KEYS`: comma-separated, 32 bytes each in base64 or hex. The first seals, all open.
    Given(SecretString),
    /// A key file `oauth-token-key` in this directory, made at the first start.
    StateDirectory(PathBuf),
}

/// Where that which is used once is remembered.
#[derive(Debug, Clone, Default)]
pub enum StoreSettings {
    /// In this process.
    #[default]
    Memory,
    /// In Redis, shared by all replicas: `OAUTH_STORE_URL`.
    Redis(SecretString),
}

/// Client ID Metadata Documents: an https URL as `client_id`.
#[derive(Debug, Clone)]
pub struct ClientMetadataSettings {
    /// Whether they are taken at all.
    pub enabled: bool,
    /// Hosts that may be fetched from, each with its subdomains; empty is all public ones.
    pub allowed_domains: Vec<String>,
}

impl Default for ClientMetadataSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            allowed_domains: Vec::new(),
        }
    }
}

/// How much one address or client may ask. Hosted clients send whole companies from one address,
/// so these are generous; what a request costs us is bounded elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct LimitSettings {
    /// Requests that one address may make at once at each endpoint.
    pub address_burst: u32,
    /// Requests that one address may make each minute at each endpoint.
    pub address_per_minute: u32,
    /// Requests that one client may make at once at each endpoint.
    pub client_burst: u32,
    /// Requests that one client may make each minute at each endpoint.
    pub client_per_minute: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            address_burst: 300,
            address_per_minute: 1_200,
            client_burst: 600,
            client_per_minute: 3_000,
        }
    }
}

/// Everything that the proxy needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where people reach this server.
    pub public_url: PublicUrl,
    /// The identity provider.
    pub upstream: UpstreamSettings,
    /// `OAUTH_TOKEN_MODE`.
    pub token_mode: TokenMode,
    /// Where the keys are.
    pub keys: KeySource,
    /// Where transactions, codes and token families are.
    pub store: StoreSettings,
    /// `OAUTH_DEFAULT_SCOPE`: asked for when the client names none, and all that it may name.
    pub default_scopes: Vec<String>,
    /// Clients registered by configuration.
    pub clients: Vec<ConfiguredClient>,
    /// Whether clients may register themselves (RFC 7591).
    pub registration: bool,
    /// Client ID Metadata Documents.
    pub client_metadata: ClientMetadataSettings,
    /// Schemes of apps without a dot in them that may be redirected to, as `cursor`.
    pub redirect_schemes: Vec<String>,
    /// The longest life of an access token.
    pub access_ttl: Duration,
    /// How long a refresh token lives when it is not used.
    pub refresh_ttl: Duration,
    /// Limits.
    pub limits: LimitSettings,
    /// Proxies and authorities of the whole server.
    pub network: outbound::Network,
}

impl Settings {
    /// Settings with all defaults: memory store, sealed tokens, registration open.
    pub fn new(public_url: PublicUrl, upstream: UpstreamSettings, keys: KeySource) -> Self {
        Self {
            public_url,
            upstream,
            token_mode: TokenMode::default(),
            keys,
            store: StoreSettings::default(),
            default_scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
            clients: Vec::new(),
            registration: true,
            client_metadata: ClientMetadataSettings::default(),
            redirect_schemes: ["cursor", "vscode", "vscode-insiders"]
                .map(str::to_owned)
                .to_vec(),
            access_ttl: Duration::from_secs(3_600),
            refresh_ttl: Duration::from_secs(30 * 24 * 3_600),
            limits: LimitSettings::default(),
            network: outbound::Network::default(),
        }
    }

    /// Whether documents of clients can be fetched at all: a proxy looks names up itself, so behind
    /// one only hosts that the operator listed are asked.
    pub(super) fn fetches_client_metadata(&self) -> bool {
        let listed = !self.client_metadata.allowed_domains.is_empty();
        self.client_metadata.enabled && (listed || !self.network.proxies.has("https"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_public_url_gives_issuer_and_resource_without_a_trailing_slash() {
        for (given, issuer) in [
            ("https://mcp.example.com", "https://mcp.example.com"),
            ("https://mcp.example.com/", "https://mcp.example.com"),
            ("https://mcp.example.com/mcp", "https://mcp.example.com"),
            ("https://mcp.example.com/mcp/", "https://mcp.example.com"),
            (
                "https://example.com/datahub/mcp",
                "https://example.com/datahub",
            ),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://[::1]:8000/mcp", "http://[::1]:8000"),
            ("HTTPS://MCP.example.com:443/", "https://mcp.example.com"),
        ] {
            let url = PublicUrl::parse(given).unwrap();
            assert_eq!(url.issuer(), issuer, "{given}");
            assert_eq!(url.resource(), format!("{issuer}/mcp"), "{given}");
        }
    }

    #[test]
    fn a_public_url_that_cannot_be_an_issuer_is_refused() {
        for given in [
            "mcp.example.com",
            "http://mcp.example.com",
            "https://me@mcp.example.com",
            "https://mcp.example.com/?a=b",
            "https://mcp.example.com/#x",
            "ftp://mcp.example.com",
        ] {
            assert!(PublicUrl::parse(given).is_err(), "{given}");
        }
    }

    #[test]
    fn own_urls_are_known_under_every_loopback_name() {
        let own = PublicUrl::parse("http://127.0.0.1:8000").unwrap();
        for url in [
            "http://localhost:8000/x",
            "http://[::1]:8000/",
            "http://127.0.0.1:8000/oauth/callback",
        ] {
            assert!(own.is_own(&Url::parse(url).unwrap()), "{url}");
        }
        assert!(!own.is_own(&Url::parse("http://127.0.0.1:9000/").unwrap()));
        let own = PublicUrl::parse("https://mcp.example.com").unwrap();
        assert!(own.is_own(&Url::parse("https://mcp.example.com./oauth/callback").unwrap()));
        assert!(own.is_own(&Url::parse("https://MCP.example.com:443/").unwrap()));
        assert!(!own.is_own(&Url::parse("https://example.com/").unwrap()));
    }
}
