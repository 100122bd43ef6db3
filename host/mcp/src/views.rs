//! Each person's default view, which narrows searches here as it does in DataHub's own pages. Asked
//! for from time to time for each person, never shared between people.

use std::time::Duration;

use datahub::{Caller, DataHubError};
use foundation::identity::{Principal, TokenDigest};
use moka::sync::Cache;
use serde_json::Value;

use crate::documents;

/// The longest time until a changed default view takes effect.
const TTL: Duration = Duration::from_secs(300);
/// The largest number of people whose view is cached.
const MAX_PEOPLE: u64 = 10_000;

/// The cached views by person.
pub(crate) struct Views(Cache<Key, Option<String>>);

/// A person, as the validator identified them, with their token; the shared token has no digest.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    validator: String,
    subject: String,
    digest: Option<TokenDigest>,
}

impl Key {
    fn of(principal: &Principal) -> Self {
        Self {
            validator: principal.validator().to_owned(),
            subject: principal.subject().to_owned(),
            digest: principal.token_digest(),
        }
    }
}

impl Views {
    pub(crate) fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(MAX_PEOPLE)
                .time_to_live(TTL)
                .build(),
        )
    }

    /// The urn of the caller's default view: the person's own, or else the organisation's.
    ///
    /// # Errors
    /// Only those that would fail the search as well (a refused token, DataHub down). A view that
    /// cannot be read for another reason counts as none.
    pub(crate) async fn default_of(&self, caller: &Caller) -> Result<Option<String>, DataHubError> {
        let key = Key::of(&caller.principal);
        if let Some(known) = self.0.get(&key) {
            return Ok(known);
        }
        let view = match caller
            .datahub
            .execute(&documents::DEFAULT_VIEW, Value::Null)
            .await
        {
            Ok(answer) => {
                let urn = |pointer: &str| {
                    let data = answer.data.get(pointer.split('/').next()?)?;
                    let rest = &pointer[pointer.find('/')?..];
                    data.pointer(rest)
                        .and_then(Value::as_str)
                        .map(str::to_owned)
                };
                urn("me/corpUser/settings/views/defaultView/urn")
                    .or_else(|| urn("globalViewsSettings/defaultView"))
            }
            Err(error) if error == DataHubError::TokenRefused || error.is_outage() => {
                return Err(error);
            }
            Err(_) => None,
        };
        self.0.insert(key, view.clone());
        Ok(view)
    }
}
