//! The settings of the embedded DataHub. Plain values; nothing is read from the environment.

use std::fmt;
use std::sync::Arc;

use super::catalog::Catalog;
use crate::people;

/// Settings of [`EmbeddedDataHub::start`](super::EmbeddedDataHub::start).
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The metadata to serve.
    pub catalog: Catalog,
    /// The people with accounts. Missing `corpuser` and `corpGroup` entities are added to the
    /// catalog.
    pub people: Vec<Person>,
    /// Issuers whose JWTs are accepted in addition to DataHub's own tokens.
    pub trusted_issuers: Vec<TrustedIssuer>,
    /// The version in `/config`, such as `v1.6.0`.
    pub version: String,
    /// `datahub.serverEnv` of `/config`: `core` is open source, `cloud` the hosted one.
    pub server_env: String,
    /// False for a DataHub with `METADATA_SERVICE_AUTH_ENABLED=false`, which accepts any bearer or
    /// none.
    pub authentication: bool,
    /// The parts that the GraphQL schema lacks, as in an older DataHub or a fork: `Dataset.health`,
    /// or `Document` for a type and all fields of that type.
    pub hidden: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            catalog: Catalog::default(),
            people: Vec::new(),
            trusted_issuers: Vec::new(),
            version: "v1.6.0".to_owned(),
            server_env: "core".to_owned(),
            authentication: true,
            hidden: Vec::new(),
        }
    }
}

/// A person, or a service account, known to DataHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The last part of `urn:li:corpuser:<username>`, and the `sub` of a trusted issuer's tokens.
    pub username: String,
    /// The name that people read.
    pub display_name: String,
    /// The mail address.
    pub email: String,
    /// Names of groups: `urn:li:corpGroup:<name>`.
    pub groups: Vec<String>,
    /// The person's role.
    pub kind: Kind,
    /// A suspended person's tokens get 401.
    pub suspended: bool,
}

impl From<&people::Person> for Person {
    /// The account of one of the sandbox's people; the username decides their role.
    fn from(person: &people::Person) -> Self {
        Self {
            username: person.username.clone(),
            display_name: person.name.clone(),
            email: person.email.clone(),
            groups: person.groups.clone(),
            kind: match person.username.as_str() {
                "admin" => Kind::Admin,
                "editor" => Kind::Editor,
                _ => Kind::Viewer,
            },
            suspended: person.username == "suspended",
        }
    }
}

/// The role of a person, as in DataHub's built-in roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// May do everything, including managing the tokens of others.
    Admin,
    /// Reads and writes metadata.
    Editor,
    /// Reads.
    Viewer,
}

impl Kind {
    /// The urn of DataHub's role of this kind.
    pub(crate) fn role(self) -> &'static str {
        match self {
            Self::Admin => "urn:li:dataHubRole:Admin",
            Self::Editor => "urn:li:dataHubRole:Editor",
            Self::Viewer => "urn:li:dataHubRole:Reader",
        }
    }
}

/// An issuer whose JWTs are accepted, as by a DataHub with a JWT authenticator.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// The `iss` claim, compared exactly.
    pub issuer: String,
    /// The `aud` that a token must have; none accepts any.
    pub audience: Option<String>,
    /// The source of the keys.
    pub jwks: Jwks,
}

/// A source of signing keys.
#[derive(Clone)]
pub enum Jwks {
    /// Fetched when a key is not known, at most once a second.
    Url(String),
    /// Called each time a token that is not cached is verified; returns the JSON text of a key set.
    Function(Arc<dyn Fn() -> String + Send + Sync>),
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.debug_tuple("Url").field(url).finish(),
            Self::Function(_) => f.write_str("Function"),
        }
    }
}
