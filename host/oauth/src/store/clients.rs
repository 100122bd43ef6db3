//! The clients as operators see them: those that people signed in with, and those that are blocked.
//!
//! A registration is its own `client_id` and is stored nowhere, so a client is listed from its first
//! sign-in on, and a block names the digest of the id.

use serde::{Deserialize, Serialize};

use crate::types::ClientKey;

/// The most clients that are listed; above it, those that were not used for the longest time go.
pub(super) const MAX_LISTED: usize = 5_000;

/// A client that people signed in with, or that is blocked. Times are in seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedClient {
    /// The digest of its `client_id`, as logs name it.
    pub id: String,
    /// `registered`, `document` or `configured`; empty if nobody signed in with it yet.
    #[serde(default)]
    pub kind: String,
    /// The name that it gives itself.
    #[serde(default)]
    pub name: String,
    /// Where its people are sent back to: scheme and host.
    #[serde(default)]
    pub redirects_to: String,
    /// The URL of its document, or the id in the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The time at which it registered itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<u64>,
    /// The last time that a person signed in with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sign_in: Option<u64>,
    /// The time since which it is blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_at: Option<u64>,
}

impl ListedClient {
    pub(super) fn key(&self) -> ClientKey {
        ClientKey::from_store(self.id.clone())
    }
}

/// Puts `noted` into the list. A block stays as it is.
pub(super) fn note(clients: &mut Vec<ListedClient>, noted: ListedClient) {
    match clients.iter_mut().find(|client| client.id == noted.id) {
        Some(known) => {
            let blocked_at = known.blocked_at;
            *known = ListedClient {
                blocked_at,
                ..noted
            };
        }
        None => clients.push(noted),
    }
}

/// Blocks the client `key` since `blocked_at`, or not any more.
pub(crate) fn set_blocked(
    clients: &mut Vec<ListedClient>,
    key: &ClientKey,
    blocked_at: Option<u64>,
) {
    let known = clients.iter().position(|client| client.id == key.as_str());
    match (known, blocked_at) {
        (Some(at), None) if clients[at].last_sign_in.is_none() => {
            clients.remove(at);
        }
        (Some(at), Some(_)) => {
            let client = &mut clients[at];
            client.blocked_at = client.blocked_at.or(blocked_at);
        }
        (Some(at), None) => clients[at].blocked_at = None,
        (None, Some(_)) => clients.push(ListedClient {
            id: key.as_str().to_owned(),
            blocked_at,
            ..ListedClient::default()
        }),
        (None, None) => {}
    }
}
