//! The settings of an embedded identity provider. Every default is the behaviour of a common
//! provider.

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use super::keys::Algorithm;
use crate::people::{self, Person};

/// The settings of the provider.
#[derive(Clone, Debug)]
pub struct Options {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Appended to `http://127.0.0.1:PORT` to make the issuer: empty, `/` (as at Auth0) or a path
    /// such as `/realms/shop`.
    pub issuer_path: String,
    /// The `aud` of access tokens, if the request names none that is honoured. Empty: they have none,
    /// as at Cognito.
    pub audience: String,
    /// The handling of a `resource` parameter (RFC 8707).
    pub resource: ResourceParameter,
    /// The algorithm that tokens are signed with.
    pub algorithm: Algorithm,
    /// Signed or opaque access tokens.
    pub access_tokens: AccessTokens,
    /// Lifetime of an access token and an ID token.
    pub access_token_ttl: Duration,
    /// Lifetime of a refresh token.
    pub refresh_token_ttl: Duration,
    /// Lifetime of an authorization code.
    pub code_ttl: Duration,
    /// The time for which a browser stays signed in.
    pub session_ttl: Duration,
    /// A refresh token is valid once, and its second use revokes the whole family (RFC 9700
    /// 4.14.2). Off: the same refresh token is valid until it expires.
    pub rotate_refresh_tokens: bool,
    /// The clients that may ask for tokens.
    pub clients: Vec<Client>,
    /// The people who can sign in.
    pub people: Vec<Person>,
    /// Audiences that a token exchange (RFC 8693) may ask for, beside `audience`.
    pub exchange_audiences: Vec<String>,
    /// Serves `/control/*` on the same port, for tests in other processes.
    pub control: bool,
    /// The optional members of the published keys.
    pub jwk_members: JwkMembers,
    /// The `Cache-Control` of the key set, if any.
    pub jwks_cache_control: Option<String>,
    /// Members put over the discovery document; a `null` takes the member out.
    pub discovery: Map<String, Value>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            issuer_path: String::new(),
            audience: DEFAULT_AUDIENCE.to_owned(),
            resource: ResourceParameter::Ignored,
            algorithm: Algorithm::Rs256,
            access_tokens: AccessTokens::Signed,
            access_token_ttl: Duration::from_secs(3600),
            refresh_token_ttl: Duration::from_secs(8 * 3600),
            code_ttl: Duration::from_secs(60),
            session_ttl: Duration::from_secs(8 * 3600),
            rotate_refresh_tokens: true,
            clients: vec![
                Client::public(PUBLIC_CLIENT),
                Client::confidential(CONFIDENTIAL_CLIENT),
            ],
            people: people::demo(),
            exchange_audiences: vec!["datahub".to_owned()],
            control: false,
            jwk_members: JwkMembers::default(),
            jwks_cache_control: Some("max-age=300".to_owned()),
            discovery: Map::new(),
        }
    }
}

/// The audience of access tokens unless [`Options::audience`] says otherwise.
pub const DEFAULT_AUDIENCE: &str = "datahub-mcp";
/// The public client that is always registered by default.
pub const PUBLIC_CLIENT: &str = "datahub-mcp";
/// The confidential client that is registered by default; its secret is [`CONFIDENTIAL_SECRET`].
pub const CONFIDENTIAL_CLIENT: &str = "datahub-mcp-confidential";
/// The secret of the confidential client. Contains characters that RFC 6749 2.3.1 requires encoded.
pub const CONFIDENTIAL_SECRET: &str = "sandbox secret: 100%+";

/// The handling of a `resource` parameter (RFC 8707), in which the large providers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceParameter {
    /// It is ignored.
    Ignored,
    /// It becomes the token's audience.
    Honoured,
    /// The request fails with `invalid_target`, as Entra does.
    Refused,
}

/// The form of access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessTokens {
    /// A JWT of type `at+jwt` (RFC 9068).
    Signed,
    /// A random string, which only introspection can resolve.
    Opaque,
}

/// The optional members of the entries of the key set (RFC 7517 section 4).
#[derive(Clone, Copy, Debug)]
pub struct JwkMembers {
    /// `kid`, also in the header of tokens.
    pub kid: bool,
    /// `alg`.
    pub alg: bool,
    /// `use`.
    pub usage: bool,
}

impl Default for JwkMembers {
    fn default() -> Self {
        Self {
            kid: true,
            alg: true,
            usage: true,
        }
    }
}

/// A registered client.
#[derive(Clone, Debug)]
pub struct Client {
    /// The `client_id`.
    pub id: String,
    /// None makes it a public client, which must use PKCE.
    pub secret: Option<String>,
    /// Compared byte for byte, except for the port where [`Self::any_loopback_port`] is set.
    pub redirect_uris: Vec<String>,
    /// Redirect URIs on 127.0.0.1 may have any port (RFC 8252 section 7.3).
    pub any_loopback_port: bool,
    /// May ask for a token of its own (`client_credentials`). Confidential clients only.
    pub client_credentials: bool,
    /// May exchange other tokens (RFC 8693) and introspect them. Confidential clients only.
    pub resource_server: bool,
}

impl Client {
    /// A public client without redirect URIs.
    pub fn public(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            secret: None,
            redirect_uris: Vec::new(),
            any_loopback_port: false,
            client_credentials: false,
            resource_server: false,
        }
    }

    /// A confidential client with [`CONFIDENTIAL_SECRET`], allowed every grant.
    pub fn confidential(id: &str) -> Self {
        Self {
            secret: Some(CONFIDENTIAL_SECRET.to_owned()),
            client_credentials: true,
            resource_server: true,
            ..Self::public(id)
        }
    }

    /// Adds a redirect URI.
    #[must_use]
    pub fn redirect(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(uri.into());
        self
    }

    /// Lets redirect URIs on 127.0.0.1 have any port.
    #[must_use]
    pub fn at_any_loopback_port(mut self) -> Self {
        self.any_loopback_port = true;
        self
    }

    /// The redirect URI `text`, if it is registered.
    pub(super) fn registered(&self, text: &str) -> Option<Url> {
        let asked = Url::parse(text).ok()?;
        let but_for_the_port = |uri: &str| {
            let Ok(mut known) = Url::parse(uri) else {
                return false;
            };
            known.scheme() == "http"
                && known.host_str() == Some("127.0.0.1")
                && known.set_port(asked.port()).is_ok()
                && known.as_str() == text
        };
        let mut known = self.redirect_uris.iter();
        let registered =
            known.any(|uri| uri == text || self.any_loopback_port && but_for_the_port(uri));
        registered.then_some(asked)
    }
}
