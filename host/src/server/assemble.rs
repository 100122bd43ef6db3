//! Puts a server together from its neighbours: validators, DataHub and the sign-in proxy.
//!
//! Used by the program and by every stand-in for it, so that what they serve differs in the MCP
//! service alone.

use std::{net::SocketAddr, sync::Arc};

use datahub::DataHub;
use foundation::{identity::PersonDigest, public_url::PublicUrl};
use futures::future::BoxFuture;
use mcp::McpHttpService;
use oauth::{Proxy, StoreHealth, StoreKind};
use plugin_host::Validators;
use secrecy::SecretString;
use telemetry::AccessLog;

use super::{
    probe::{Part, PartState, Probe},
    run::{Parts, Server, SetupError},
    settings::Settings,
};
use crate::auth::Authenticator;

/// The neighbours of a server, and its place on the network.
pub struct Assembly {
    /// The URL that people use.
    pub public_url: PublicUrl,
    /// The address that was bound.
    pub listening: SocketAddr,
    /// Writes a line for each request.
    pub access: AccessLog,
    /// Check bearer tokens.
    pub validators: Validators,
    /// Answers the tools.
    pub datahub: DataHub,
    /// Signs people in, if it is on.
    pub proxy: Option<Proxy>,
    /// The token of requests that have none.
    pub shared_token: Option<SecretString>,
}

impl Server {
    /// Puts the server together from its neighbours; `mcp` answers at `/mcp`.
    ///
    /// # Errors
    /// If a URL or a scope cannot be put into a header.
    pub fn assemble(
        settings: Settings,
        assembly: Assembly,
        mcp: McpHttpService,
    ) -> Result<Self, SetupError> {
        let Assembly {
            public_url,
            listening,
            access,
            validators,
            datahub,
            proxy,
            shared_token,
        } = assembly;
        if let Some(proxy) = &proxy {
            telemetry::metrics::store_kind(proxy.store_kind().name());
            // In a process with several servers, the first one's is as good.
            let _ = PersonDigest::use_key(&proxy.log_key());
        }
        let parts = Parts {
            public_url,
            listening,
            access,
            authenticator: Authenticator::new(
                Arc::new(validators.clone()),
                proxy.as_ref().map(Proxy::sealed_tokens),
                datahub.clone(),
                shared_token,
            ),
            probe: Arc::new(Neighbours {
                validators,
                datahub,
                store: proxy.as_ref().map(|proxy| StoreProbe {
                    kind: proxy.store_kind(),
                    health: Box::new(proxy.store_health()),
                }),
            }),
            oauth: proxy.as_ref().map(Proxy::router),
        };
        Self::new(settings, parts, mcp)
    }
}

/// The parts that `/ready` reports on: DataHub, the store of the sign-in proxy and the validators.
struct Neighbours {
    validators: Validators,
    datahub: DataHub,
    store: Option<StoreProbe>,
}

/// The store of the sign-in proxy.
struct StoreProbe {
    kind: StoreKind,
    health: Box<dyn Fn() -> StoreHealth + Send + Sync>,
}

impl Probe for Neighbours {
    fn parts(&self) -> BoxFuture<'_, Vec<Part>> {
        Box::pin(async {
            let (datahub, validators) =
                futures::join!(self.datahub.health(), self.validators.health());
            let datahub = Part {
                name: "datahub".to_owned(),
                state: match datahub.is_stranger {
                    true => PartState::Stranger,
                    false => PartState::of(datahub.reachable),
                },
                kind: None,
            };
            let validators = validators.validators.into_iter().map(|validator| Part {
                state: PartState::of(validator.problem.is_none()),
                name: validator.name,
                kind: None,
            });
            let store = self.store.as_ref().map(|store| Part {
                name: "store".to_owned(),
                kind: Some(store.kind.name()),
                state: match (store.health)() {
                    StoreHealth::InMemory => PartState::InMemory,
                    StoreHealth::Answers => PartState::Works,
                    StoreHealth::Unavailable => PartState::Unavailable,
                },
            });
            std::iter::once(datahub)
                .chain(store)
                .chain(validators)
                .collect()
        })
    }
}
