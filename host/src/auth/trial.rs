//! The trial of a token at the end of a sign-in, as a request with it would go: the validators, then
//! DataHub as that person.

use std::{
    sync::{Arc, LazyLock},
    time::SystemTime,
};

use datahub::{DataHub, DataHubError, Document, Fragments, NamedOperation};
use foundation::identity::{TokenCheck, Verdict};
use futures::future::BoxFuture;
use oauth::{Trial, Tried};
use secrecy::SecretString;
use serde_json::Value;

/// The name of a trial in the logs of validators, in place of a request's.
const REQUEST_ID: &str = "sign-in";

/// Asks for nothing but the person.
static SIGNED_IN: LazyLock<Document> = LazyLock::new(|| {
    let operation = const {
        match NamedOperation::find(include_str!("signed_in.graphql")) {
            Some(operation) => operation,
            None => panic!("no named operation"),
        }
    };
    Document::with(&Fragments::default(), operation)
});

/// Tries tokens at the validators and DataHub of this server.
pub struct SignInTrial {
    check: Arc<dyn TokenCheck>,
    datahub: DataHub,
}

impl SignInTrial {
    /// A trial by `check` and `datahub`.
    pub fn new(check: Arc<dyn TokenCheck>, datahub: DataHub) -> Self {
        Self { check, datahub }
    }

    async fn tried(&self, token: &SecretString) -> Tried {
        let principal = match self.check.check(token, REQUEST_ID).await {
            Verdict::Accepted(principal) => principal,
            Verdict::Rejected { reason } => return Tried::Rejected { reason },
            Verdict::Unavailable { .. } => return Tried::Undecided,
        };
        if principal.has_ended(SystemTime::now()) {
            let reason = "the identity in it has expired".into();
            return Tried::Rejected { reason };
        }
        // Held while DataHub is asked: validators may revoke the token for it.
        let _lease = principal.lease().hold();
        let datahub = self.datahub.client_of(&principal);
        match datahub.execute(&SIGNED_IN, Value::Null).await {
            Ok(_) => Tried::Served,
            Err(error @ (DataHubError::TokenRefused | DataHubError::Forbidden { .. })) => {
                self.forget(&principal);
                Tried::RefusedByDataHub {
                    reason: error.to_string(),
                }
            }
            Err(_) => Tried::Undecided,
        }
    }

    fn forget(&self, principal: &foundation::identity::Principal) {
        if let Some(digest) = principal.token_digest() {
            self.check.evict(&digest);
        }
    }
}

impl Trial for SignInTrial {
    fn try_token<'a>(&'a self, token: &'a SecretString) -> BoxFuture<'a, Tried> {
        Box::pin(self.tried(token))
    }
}

impl std::fmt::Debug for SignInTrial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignInTrial")
    }
}
