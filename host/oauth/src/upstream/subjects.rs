//! Whom the provider's tokens are about: it may answer a refresh with those of another person, by a fault of its
//! own or of a cache in front of it (OpenID Connect Core section 12.2).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::types::short_digest;

/// A digest of the `sub` of each token, where it can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subjects {
    /// That of the access token. It may be another one than that of the ID token.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    access: Option<String>,
    /// That of the ID token.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

impl Subjects {
    /// Those of the `sub` of each token.
    pub(super) fn of(access: Option<&Value>, id: Option<&Value>) -> Self {
        Self {
            access: access.and_then(digest),
            id: id.and_then(digest),
        }
    }

    /// False if a token of `self` is about another person than that of the same kind in `earlier`.
    pub(crate) fn fit(&self, earlier: &Self) -> bool {
        let pairs = [(&self.access, &earlier.access), (&self.id, &earlier.id)];
        pairs.into_iter().all(|pair| match pair {
            (Some(now), Some(before)) => now == before,
            _ => true,
        })
    }

    /// These, and from `earlier` what these do not tell.
    pub(crate) fn or(self, earlier: &Self) -> Self {
        Self {
            access: self.access.or_else(|| earlier.access.clone()),
            id: self.id.or_else(|| earlier.id.clone()),
        }
    }

    /// True if nothing is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.access.is_none() && self.id.is_none()
    }
}

fn digest(subject: &Value) -> Option<String> {
    let text = match subject {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(short_digest(b"subject", &[text.as_bytes()]))
}
