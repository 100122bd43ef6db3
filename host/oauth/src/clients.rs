//! The client that is asking: one that registered itself (its `client_id` is its sealed
//! registration), one with a metadata document, or one that the operator configured.
//!
//! Only its redirect URI proves who a client is; its name is a claim that nobody checked.

use std::{sync::Arc, time::Duration};

use axum::http::{HeaderMap, header};
use base64::{Engine, engine::general_purpose::STANDARD};
use foundation::{
    clock::{Clock, UnixMillis},
    unseen::is_seen,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::{
    Settings, SettingsError,
    client_metadata::{DocumentError, Documents},
    error::{ErrorCode, OAuthError},
    names::clean_name,
    params::Params,
    redirect_uri::{RedirectRules, RedirectUri},
    seal::{Kind, Sealer},
    store::{ListedClient, Standing, Store},
    types::{ClientId, ClientKey, same_secret},
};

/// Longest id that is listed, in characters.
const MAX_LISTED_ID_CHARS: usize = 400;

/// The content of a registered `client_id`.
#[derive(Serialize, Deserialize)]
pub(super) struct Registration {
    /// The name.
    #[serde(rename = "n", default, skip_serializing_if = "String::is_empty")]
    pub(super) name: String,
    /// The redirect URIs.
    #[serde(rename = "r")]
    pub(super) redirect_uris: Vec<RedirectUri>,
    /// The time of the registration, in seconds since 1970.
    #[serde(rename = "i")]
    pub(super) issued_at: u64,
}

/// The source of what we know of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Origin {
    /// It registered itself, as anybody can.
    Registered,
    /// A document on this host, which vouches for its redirect URIs.
    Document(String),
    /// The operator's configuration.
    Configured,
}

/// A client that asks for authorization.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) key: ClientKey,
    pub(super) name: String,
    pub(super) origin: Origin,
    redirect_uris: Vec<RedirectUri>,
}

impl Client {
    /// Returns whether answers may go to `requested`.
    pub(super) fn admits(&self, requested: &RedirectUri) -> bool {
        self.redirect_uris
            .iter()
            .any(|registered| registered.admits(requested))
    }

    /// Returns whether all its redirect URIs are on loopback, where any program on the computer
    /// can impersonate it.
    pub(super) fn is_loopback_only(&self) -> bool {
        self.redirect_uris.iter().all(RedirectUri::is_loopback)
    }
}

/// The reason a client is not known.
#[derive(Debug)]
pub(super) enum UnknownClient {
    /// Not ours, or sealed with a key that is gone.
    Unknown,
    /// Its document is not usable.
    Document(DocumentError),
}

struct Configured {
    id: ClientId,
    secret: Option<SecretString>,
    name: String,
    redirect_uris: Vec<RedirectUri>,
}

/// See the module.
pub(super) struct Clients {
    sealer: Arc<Sealer>,
    documents: Arc<Documents>,
    rules: Arc<RedirectRules>,
    configured: Vec<Configured>,
    store: Arc<dyn Store>,
    clock: Clock,
    /// The lifetime of a registration.
    registration_ttl: Option<Duration>,
}

impl Clients {
    pub(super) fn new(
        settings: &Settings,
        sealer: Arc<Sealer>,
        documents: Arc<Documents>,
        rules: Arc<RedirectRules>,
        store: Arc<dyn Store>,
        clock: Clock,
    ) -> Result<Self, SettingsError> {
        let mut configured: Vec<Configured> = Vec::new();
        for client in &settings.clients {
            let refuse = |why: String| SettingsError::Client {
                client_id: client.client_id.clone(),
                why,
            };
            let id = ClientId::parse(&client.client_id)
                .ok_or_else(|| refuse("has no usable id".to_owned()))?;
            if configured.iter().any(|other| other.id == id) {
                return Err(refuse("is configured twice".to_owned()));
            }
            if Kind::any_prefixes(id.as_str()) || documents.is_document(&id) {
                return Err(refuse(
                    "has an id that looks like one of another kind".to_owned(),
                ));
            }
            if client.redirect_uris.is_empty() {
                return Err(refuse("has no redirect URI".to_owned()));
            }
            let secret = client
                .client_secret
                .as_ref()
                .map(ExposeSecret::expose_secret);
            if let Some(secret) = secret {
                let seen: Vec<char> = secret.chars().filter(|c| is_seen(*c)).collect();
                let one_again = seen.windows(2).all(|pair| pair[0] == pair[1]);
                let why = if seen.iter().all(|c| c.is_whitespace()) {
                    Some("an empty `client_secret`")
                } else if one_again {
                    Some(
                        "a `client_secret` of one character again and again, which anybody can guess",
                    )
                } else {
                    None
                };
                if let Some(why) = why {
                    return Err(refuse(format!(
                        "has {why}; give it one, or leave it out for a public client"
                    )));
                }
            }
            let redirect_uris = client
                .redirect_uris
                .iter()
                .map(|uri| {
                    rules
                        .check(uri)
                        .map_err(|why| refuse(format!("has the redirect URI `{uri}`, which {why}")))
                })
                .collect::<Result<_, _>>()?;
            let name = clean_name(&client.name);
            configured.push(Configured {
                id,
                secret: client.client_secret.clone(),
                name,
                redirect_uris,
            });
        }
        Ok(Self {
            sealer,
            documents,
            rules,
            configured,
            store,
            clock,
            registration_ttl: settings.registration_ttl,
        })
    }

    /// The client with this id, which a request from `network` names.
    pub(super) async fn resolve(
        &self,
        id: &ClientId,
        network: &str,
    ) -> Result<Client, UnknownClient> {
        let client = |name: &str, origin, redirect_uris| Client {
            key: id.key(),
            name: clean_name(name),
            origin,
            redirect_uris,
        };
        if let Some(registration) = self.registration(id) {
            return Ok(client(
                &registration.name,
                Origin::Registered,
                registration.redirect_uris,
            ));
        }
        if let Some(found) = self
            .configured
            .iter()
            .find(|configured| configured.id == *id)
        {
            return Ok(client(
                &found.name,
                Origin::Configured,
                found.redirect_uris.clone(),
            ));
        }
        if !self.documents.is_document(id) {
            return Err(UnknownClient::Unknown);
        }
        let url = self.documents.check(id).map_err(UnknownClient::Document)?;
        let document = self
            .documents
            .get(id, network)
            .await
            .map_err(UnknownClient::Document)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let uris = document
            .redirect_uris
            .iter()
            .filter_map(|uri| self.rules.check(uri).ok());
        let name = document.client_name.as_deref().unwrap_or(&host);
        Ok(client(name, Origin::Document(host.clone()), uris.collect()))
    }

    /// Returns whether the metadata offers ids that are a document's URL.
    pub(super) fn offers_documents(&self) -> bool {
        self.documents.is_offered()
    }

    /// What a client registered, unless that was too long ago.
    fn registration(&self, id: &ClientId) -> Option<Registration> {
        let registration: Registration = self.sealer.open(Kind::Client, id.as_str())?;
        let until = |ttl| UnixMillis::from_seconds(registration.issued_at).after(ttl);
        let is_over = |ttl| self.clock.unix_millis() >= until(ttl);
        (!self.registration_ttl.is_some_and(is_over)).then_some(registration)
    }

    /// Refuses what a client that the operator blocked asks for. With `invalid_grant`, programs ask
    /// their person to sign in again, who is told; with other errors they would register again.
    pub(super) fn check_standing(&self, client: &ClientKey) -> Result<(), OAuthError> {
        match self.store.client_standing(client) {
            Standing::Live => Ok(()),
            Standing::Ended => {
                let description = "this client is blocked; ask the people who run this server";
                Err(OAuthError::new(ErrorCode::InvalidGrant, description))
            }
            Standing::Unknown => Err(OAuthError::unavailable(
                "it is not known now which clients are blocked",
            )),
        }
    }

    /// The client as operators see it, after a person has signed in with it.
    pub(super) fn listed(&self, id: &ClientId, redirect_uri: &RedirectUri) -> ListedClient {
        let registration = self.registration(id);
        let configured = self.configured.iter().find(|client| client.id == *id);
        let kind = match (&registration, configured) {
            (Some(_), _) => "registered",
            (None, Some(_)) => "configured",
            (None, None) => "document",
        };
        let shown_id = registration.is_none().then(|| clean_id(id));
        let registered_at = registration.as_ref().map(|client| client.issued_at);
        let name = registration.map(|client| client.name);
        let name = name.or_else(|| configured.map(|client| client.name.clone()));
        ListedClient {
            id: id.key().as_str().to_owned(),
            kind: kind.to_owned(),
            name: name.unwrap_or_default(),
            redirects_to: redirect_uri.destination().chars().take(300).collect(),
            client_id: shown_id,
            registered_at,
            last_sign_in: Some(self.clock.unix_millis().seconds()),
            blocked_at: None,
        }
    }

    /// Authenticates the client that calls the token or revocation endpoint (RFC 6749 section
    /// 2.3). An unknown client and a wrong secret get the same answer.
    pub(super) fn authenticate(
        &self,
        headers: &HeaderMap,
        params: &Params,
    ) -> Result<ClientId, OAuthError> {
        let repeated = |_| OAuthError::new(ErrorCode::InvalidRequest, "a parameter is repeated");
        let in_form = params.get("client_id").map_err(repeated)?;
        let secret_in_form = params.get("client_secret").map_err(repeated)?;
        let basic = basic_credentials(headers)?;
        let challenge = basic.is_some();
        let refused = || OAuthError::invalid_client(challenge);
        let (id, secret) = match &basic {
            None => (in_form, secret_in_form),
            Some(_) if secret_in_form.is_some() => {
                return Err(OAuthError::new(
                    ErrorCode::InvalidRequest,
                    "the client authenticates in two ways at once",
                ));
            }
            Some((id, secret)) => {
                if in_form.is_some_and(|other| other != id) {
                    return Err(refused());
                }
                (Some(&**id), Some(secret.expose_secret()))
            }
        };
        let id =
            id.ok_or_else(|| OAuthError::new(ErrorCode::InvalidRequest, "`client_id` is missing"))?;
        let id = ClientId::parse(id).ok_or_else(refused)?;
        let configured = self
            .configured
            .iter()
            .find(|configured| configured.id == id);
        // The comparison is made for an unknown client, too.
        let expected = configured.and_then(|client| client.secret.as_ref());
        let expected_text = expected.map_or("", ExposeSecret::expose_secret);
        let right = same_secret(expected_text, secret.unwrap_or_default());
        let known = match (configured, expected) {
            (Some(_), Some(_)) => right,
            (Some(_), None) => true,
            (None, _) => {
                self.registration(&id).is_some()
                    || (self.documents.is_document(&id) && self.documents.check(&id).is_ok())
            }
        };
        if known { Ok(id) } else { Err(refused()) }
    }
}

/// The id and secret in a Basic header, each form-encoded inside.
fn basic_credentials(headers: &HeaderMap) -> Result<Option<(String, SecretString)>, OAuthError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let refused = || OAuthError::invalid_client(true);
    if values.next().is_some() {
        return Err(refused());
    }
    let text = value.to_str().map_err(|_| refused())?;
    let (scheme, encoded) = text.split_once(' ').ok_or_else(refused)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(refused());
    }
    let decoded = STANDARD.decode(encoded.trim()).map_err(|_| refused())?;
    let decoded = String::from_utf8(decoded).map_err(|_| refused())?;
    let (id, secret) = decoded.split_once(':').ok_or_else(refused)?;
    Ok(Some((
        form_decoded(id),
        SecretString::from(form_decoded(secret)),
    )))
}

/// One form-encoded word: `+` is a space, `&` and `=` stand for themselves.
fn form_decoded(text: &str) -> String {
    let one_word = format!("x={}", text.replace('&', "%26"));
    form_urlencoded::parse(one_word.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// An id as lists show it, cut to one line.
fn clean_id(id: &ClientId) -> String {
    id.as_str().chars().take(MAX_LISTED_ID_CHARS).collect()
}

/// A client as the consent page shows it.
#[derive(Serialize, Deserialize)]
pub(super) struct ShownClient {
    #[serde(rename = "n")]
    name: String,
    #[serde(rename = "o")]
    pub(super) origin: Origin,
    #[serde(rename = "l")]
    pub(super) loopback_only: bool,
}

impl ShownClient {
    pub(super) fn of(client: &Client) -> Self {
        Self {
            name: client.name.clone(),
            origin: client.origin.clone(),
            loopback_only: client.is_loopback_only(),
        }
    }

    pub(super) fn label(&self) -> &str {
        if self.name.is_empty() {
            "An app without a name"
        } else {
            &self.name
        }
    }
}
