//! The document that says what this authorization server can do (RFC 8414).
//!
//! Contains no `null`: clients refuse the whole document because of one.

use foundation::public_url::PublicUrl;
use serde::Serialize;

use super::{Settings, types::OFFLINE};

/// RFC 8414 section 2, with RFC 9207 (`iss`) and Client ID Metadata Documents.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    revocation_endpoint: String,
    scopes_supported: Vec<String>,
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 1],
    grant_types_supported: [&'static str; 2],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    code_challenge_methods_supported: [&'static str; 1],
    authorization_response_iss_parameter_supported: bool,
    client_id_metadata_document_supported: bool,
}

/// The ways in which clients may authenticate at the token and revocation endpoints.
const AUTH_METHODS: [&str; 3] = ["none", "client_secret_basic", "client_secret_post"];

impl Metadata {
    pub(super) fn new(settings: &Settings, public_url: &PublicUrl) -> Self {
        let url = |path| public_url.url(path);
        Self {
            issuer: public_url.issuer().to_owned(),
            authorization_endpoint: url("/oauth/authorize"),
            token_endpoint: url("/oauth/token"),
            registration_endpoint: settings.registration.then(|| url("/oauth/register")),
            revocation_endpoint: url("/oauth/revoke"),
            scopes_supported: scopes(settings),
            response_types_supported: ["code"],
            response_modes_supported: ["query"],
            grant_types_supported: ["authorization_code", "refresh_token"],
            token_endpoint_auth_methods_supported: AUTH_METHODS,
            revocation_endpoint_auth_methods_supported: AUTH_METHODS,
            code_challenge_methods_supported: ["S256"],
            authorization_response_iss_parameter_supported: true,
            client_id_metadata_document_supported: settings.fetches_client_metadata(),
        }
    }

    /// The same while clients had better register, because no document of theirs can be fetched.
    pub(super) fn without_documents(&self) -> Self {
        Self {
            client_id_metadata_document_supported: false,
            ..self.clone()
        }
    }
}

/// The scopes of the metadata. With `offline_access`, if it is a default scope: some clients refresh
/// only where it is named. Not for a provider that refuses it, and never in the metadata of the
/// resource.
pub(super) fn scopes(settings: &Settings) -> Vec<String> {
    let takes_offline = settings.upstream.offline_access;
    let scopes = settings.default_scopes.iter();
    let named = scopes.filter(|scope| takes_offline || *scope != OFFLINE);
    named.cloned().collect()
}
