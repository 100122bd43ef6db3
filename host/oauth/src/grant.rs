//! The sealed states of a sign-in, in the order in which they follow each other: the checked
//! [`Request`], the consent [`Form`], the [`Transaction`] at the identity provider, and the
//! [`CodeContent`] that the client redeems.
//!
//! Each is opened by this server only; what is in it was checked before it was sealed.

use serde::{Deserialize, Serialize};

use super::{
    clients::ShownClient,
    reply_to::ReplyTo,
    tokens::TokenSet,
    types::{BrowserId, ClientKey, CodeChallenge, CodeVerifier, FamilyId, Nonce, short_digest},
};

/// A checked authorization request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Request {
    #[serde(rename = "k")]
    pub(super) client: ClientKey,
    #[serde(flatten)]
    pub(super) reply_to: ReplyTo,
    #[serde(rename = "c")]
    pub(super) challenge: CodeChallenge,
    /// The scopes, separated by spaces.
    #[serde(rename = "p")]
    pub(super) scope: String,
    /// The scopes as the client asked for them, if they are others: it may name them so at a
    /// refresh.
    #[serde(rename = "a", default, skip_serializing_if = "String::is_empty")]
    pub(super) asked: String,
}

impl Request {
    /// A digest of what a person agrees to: this client, this destination, these scopes.
    pub(super) fn consent(&self) -> String {
        let mut scopes: Vec<&str> = self.scope.split(' ').collect();
        scopes.sort_unstable();
        let scopes = scopes.join(" ");
        let identity = self.reply_to.redirect_uri.identity();
        let parts = [
            self.client.as_str().as_bytes(),
            identity.as_bytes(),
            scopes.as_bytes(),
        ];
        short_digest(b"consent", &parts)
    }
}

/// The content of the consent page's form, sealed: nobody else can make or change it, and it is
/// valid in one browser only.
#[derive(Serialize, Deserialize)]
pub(super) struct Form {
    #[serde(rename = "q")]
    pub(super) request: Request,
    #[serde(rename = "w")]
    pub(super) client: ShownClient,
    #[serde(rename = "b")]
    pub(super) browser: BrowserId,
    /// In seconds since 1970.
    #[serde(rename = "x")]
    pub(super) expires: u64,
}

/// A pending authorization, sealed in the store.
#[derive(Serialize, Deserialize)]
pub(super) struct Transaction {
    #[serde(rename = "q")]
    pub(super) request: Request,
    /// The browser that started it and must finish it.
    #[serde(rename = "b")]
    pub(super) browser: BrowserId,
    /// Our own PKCE secret towards the provider.
    #[serde(rename = "v")]
    pub(super) verifier: CodeVerifier,
    /// The nonce that an ID token must carry; none in a transaction of version 1.0.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(super) nonce: Option<Nonce>,
}

/// The grant that a code of ours stands for, sealed in the store.
#[derive(Serialize, Deserialize)]
pub(super) struct CodeContent {
    #[serde(rename = "q")]
    pub(super) request: Request,
    #[serde(rename = "t")]
    pub(super) tokens: TokenSet,
    #[serde(rename = "f")]
    pub(super) family: FamilyId,
}
