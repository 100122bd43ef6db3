//! Checks of a store before it is used: its URL, and a first connection.

use std::time::Duration;

use outbound::Authorities;
use secrecy::{ExposeSecret, SecretString};

use super::{
    address::{Address, StoreUrlError},
    connection::{Connection, PREFIX, StoreScript},
    trust::Trust,
};
use crate::store::{StoreError, StoreKind};

/// Says what is wrong with the URL of a store, if anything is.
///
/// # Errors
/// If it has none of the forms of a store's URL. The text never holds it.
pub fn check_store_url(url: &SecretString) -> Result<(), StoreUrlError> {
    Address::parse(url.expose_secret()).map(|_| ())
}

/// The kind of store that a URL names.
///
/// # Errors
/// As [`check_store_url`].
pub(crate) fn store_kind(url: &SecretString) -> Result<StoreKind, StoreUrlError> {
    Address::parse(url.expose_secret()).map(|address| address.kind())
}

/// A key of ours that is never set.
pub(crate) fn probe_key() -> String {
    format!("{PREFIX}:doctor")
}

/// Connects to the store at `url` as the server does, and runs a script that changes nothing.
pub(crate) async fn reach(
    url: &SecretString,
    authorities: &Authorities,
    limit: Duration,
) -> Result<(), StoreError> {
    let unreadable = |_| StoreError("the URL cannot be read".to_owned());
    let address = Address::parse(url.expose_secret()).map_err(unreadable)?;
    let connection = Connection::new(address, &Trust::new(authorities))?;
    let script = StoreScript::new("return redis.status_reply('OK')");
    connection.call(&script.key(probe_key()), limit).await
}
