//! Settings of the proxy: plain values that were already parsed. `config` builds them from the
//! environment; nothing here reads it.
//!
//! Never holds a secret outside [`SecretString`].

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;

/// A setting of the sign-in proxy that cannot work, with a hint on what to change.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// An endpoint of the identity provider is not usable.
    #[error(
        "`{name}` is `{value}`, {why}\nhint: give an https URL; http is accepted for loopback, and elsewhere with `OUTBOUND_ALLOW_HTTP=true`"
    )]
    Endpoint {
        /// The setting.
        name: &'static str,
        /// The configured value.
        value: String,
        /// The problem with it.
        why: &'static str,
    },
    /// The issuer, or the place of its document, is not usable.
    #[error(
        "{name} {why}\nhint: give the issuer as the identity provider's discovery document names it"
    )]
    Issuer {
        /// The setting.
        name: &'static str,
        /// The problem with it, with its value.
        why: String,
    },
    /// Neither both endpoints nor an issuer to discover them at.
    #[error(
        "`OIDC_CLIENT_ID` is set, but the sign-in page of the identity provider is not known\nhint: set `OIDC_ISSUER_URL`, or both `OAUTH_AUTHORIZE_ENDPOINT` and `OAUTH_TOKEN_ENDPOINT`"
    )]
    NoEndpoints,
    /// `OIDC_CLIENT_ID` is empty.
    #[error(
        "`OIDC_CLIENT_ID` is empty\nhint: set a value, or leave it unset to run without sign-in"
    )]
    NoClientId,
    /// The authentication method needs a secret, and none is set.
    #[error(
        "`OIDC_CLIENT_SECRET` is not set, but the client is configured to authenticate with one\nhint: set it, or use the method `none`"
    )]
    NoClientSecret,
    /// An extra parameter would overwrite one that the protocol needs.
    #[error(
        "the extra parameter `{0}` belongs to the protocol and cannot be set\nhint: remove it from the extra parameters"
    )]
    ReservedParameter(String),
    /// A redirect scheme that must never be allowed.
    #[error(
        "the redirect scheme `{0}` cannot be allowed\nhint: name the scheme of an app, such as `cursor`"
    )]
    RedirectScheme(String),
    /// A client registered by configuration is not usable.
    #[error("the configured client `{client_id}` {why}")]
    Client {
        /// The client.
        client_id: String,
        /// The problem with it.
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
        "`OAUTH_STORE_URL` is {0}\nhint: give redis://host:6379/0, redis+sentinel://host:26379,host2:26379/mymaster/0 or redis+cluster://host:6379,host2:6379, or leave it unset for one replica"
    )]
    Store(#[from] super::StoreUrlError),
    /// The list of ended sign-ins is not usable.
    #[error(transparent)]
    Ended(#[from] super::EndedFileError),
    /// The HTTP client could not be built.
    #[error("cannot make an HTTP client for the identity provider: {0}")]
    HttpClient(String),
}

/// The way in which this server authenticates at the identity provider's token endpoint.
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

/// The one of the identity provider's tokens that the client's token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UpstreamToken {
    /// The access token.
    #[default]
    AccessToken,
    /// The ID token: for providers whose access tokens are opaque or meant for another API.
    IdToken,
}

/// The kind of tokens that a client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenMode {
    /// Our own sealed tokens around those of the identity provider.
    #[default]
    Sealed,
    /// The identity provider's own access tokens; refresh tokens are ours.
    Relay,
}

/// The identity provider behind the proxy.
#[derive(Debug, Clone)]
pub struct UpstreamSettings {
    /// Our client id there, `OIDC_CLIENT_ID`.
    pub client_id: String,
    /// Our secret there, `OIDC_CLIENT_SECRET`.
    pub client_secret: Option<SecretString>,
    /// The way in which the secret is sent.
    pub auth: UpstreamAuth,
    /// `OAUTH_AUTHORIZE_ENDPOINT`; discovered when unset.
    pub authorize_endpoint: Option<String>,
    /// `OAUTH_TOKEN_ENDPOINT`; discovered when unset.
    pub token_endpoint: Option<String>,
    /// The issuer that the discovery document must name: `OIDC_ISSUER_URL`, or else
    /// `OAUTH_ISSUER_URL`.
    pub issuer: Option<String>,
    /// The place of the document, if not below the issuer: `OAUTH_ISSUER_URL`.
    pub discovery_url: Option<String>,
    /// Plain HTTP to the provider beyond loopback: `OUTBOUND_ALLOW_HTTP`.
    pub allow_http: bool,
    /// Added to every authorization request.
    pub authorize_params: Vec<(String, String)>,
    /// Added to every token request.
    pub token_params: Vec<(String, String)>,
    /// True if the `resource` parameter is passed on; several providers refuse it.
    pub forward_resource: bool,
    /// The token that is used.
    pub token: UpstreamToken,
    /// False for a provider that refuses a sign-in that names `offline_access`: it is never sent there.
    pub offline_access: bool,
    /// Scopes of which each sign-in names one, for a provider whose access token is for somebody else
    /// otherwise: all of them are added if a client asks for none of them, and no other scope of an
    /// API is asked for.
    pub api_scopes: Vec<String>,
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
    /// The URIs that people may be sent to.
    pub redirect_uris: Vec<String>,
}

/// The source of the keys that seal tokens.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// `OAUTH_TOKEN_KEYS`: comma-separated, 32 bytes each in base64 or hex. The first seals, all open.
    Given(SecretString),
    /// A key file `oauth-token-key` in this directory, generated at the first start.
    StateDirectory(PathBuf),
}

/// The place where single-use values are remembered.
#[derive(Debug, Clone, Default)]
pub enum StoreSettings {
    /// In this process, which takes it along.
    #[default]
    Memory,
    /// In this process; the sign-ins that have ended in a file of the state directory as well, so
    /// that what was revoked stays so after a restart.
    StateDirectory {
        /// The directory.
        directory: PathBuf,
        /// True if it was chosen, and not only is where such things belong.
        required: bool,
    },
    /// In Redis, shared by all replicas: `OAUTH_STORE_URL`, checked by
    /// [`check_store_url`](super::check_store_url).
    Redis(SecretString),
}

/// Client ID Metadata Documents: an https URL as `client_id`.
#[derive(Debug, Clone)]
pub struct ClientMetadataSettings {
    /// True if they are accepted at all.
    pub enabled: bool,
    /// Hosts from which documents may be fetched, each with its subdomains; empty allows all public
    /// ones.
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

/// Rate limits of one address and one sign-in. Hosted clients send whole companies from one address,
/// so these are generous; the cost of a request is bounded elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct LimitSettings {
    /// Requests of strangers, or that fail, that one address may make at once at each endpoint.
    pub address_burst: u32,
    /// The same, each minute.
    pub address_per_minute: u32,
    /// Requests with tokens of one sign-in that may be made at once at each endpoint.
    pub sign_in_burst: u32,
    /// The same, each minute.
    pub sign_in_per_minute: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            address_burst: 300,
            address_per_minute: 1_200,
            sign_in_burst: 600,
            sign_in_per_minute: 3_000,
        }
    }
}

/// Everything that the proxy needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The identity provider.
    pub upstream: UpstreamSettings,
    /// `OAUTH_TOKEN_MODE`.
    pub token_mode: TokenMode,
    /// Accept no other bearer tokens than those that this proxy issued.
    pub sealed_only: bool,
    /// The source of the keys.
    pub keys: KeySource,
    /// The store of transactions, codes and token families.
    pub store: StoreSettings,
    /// `OAUTH_DEFAULT_SCOPE`: asked for when the client names none, and all that it may name.
    pub default_scopes: Vec<String>,
    /// Clients registered by configuration.
    pub clients: Vec<ConfiguredClient>,
    /// True if clients may register themselves (RFC 7591).
    pub registration: bool,
    /// The lifetime of such a registration; `None` if none ends.
    pub registration_ttl: Option<Duration>,
    /// Client ID Metadata Documents.
    pub client_metadata: ClientMetadataSettings,
    /// True if a person who agreed is not asked again for a month, in the same browser and for the
    /// same client, destination and scopes.
    pub remember_consent: bool,
    /// Schemes of apps without a dot in them that may be redirected to, such as `cursor`.
    pub redirect_schemes: Vec<String>,
    /// The longest lifetime of an access token.
    pub access_ttl: Duration,
    /// The lifetime of a refresh token that is not used.
    pub refresh_ttl: Duration,
    /// Limits.
    pub limits: LimitSettings,
    /// True if tools that change something in DataHub are on: the consent page says what an app
    /// can do.
    pub writes: bool,
    /// Told of each operation of the store whether it succeeded, for metrics.
    pub observe_store: fn(bool),
    /// Proxies and authorities of the whole server.
    pub network: outbound::Network,
}

impl Settings {
    /// Settings with all defaults: memory store (ended sign-ins beside the key file), sealed tokens,
    /// registration open.
    pub fn new(upstream: UpstreamSettings, keys: KeySource) -> Self {
        let store = match &keys {
            KeySource::StateDirectory(directory) => StoreSettings::StateDirectory {
                directory: directory.clone(),
                required: true,
            },
            KeySource::Given(_) => StoreSettings::Memory,
        };
        Self {
            upstream,
            token_mode: TokenMode::default(),
            sealed_only: false,
            keys,
            store,
            default_scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
            clients: Vec::new(),
            registration: true,
            registration_ttl: None,
            client_metadata: ClientMetadataSettings::default(),
            remember_consent: true,
            redirect_schemes: ["cursor", "vscode", "vscode-insiders"]
                .map(str::to_owned)
                .to_vec(),
            access_ttl: Duration::from_secs(3_600),
            refresh_ttl: Duration::from_secs(30 * 24 * 3_600),
            limits: LimitSettings::default(),
            writes: false,
            observe_store: |_| {},
            network: outbound::Network::default(),
        }
    }

    /// Returns whether documents of clients can be fetched at all: a proxy resolves names itself,
    /// so behind one only documents from hosts that the operator listed are fetched.
    pub(super) fn fetches_client_metadata(&self) -> bool {
        let listed = !self.client_metadata.allowed_domains.is_empty();
        self.client_metadata.enabled && (listed || !self.network.proxies.has("https"))
    }
}
