//! The small world most tests need: an embedded identity provider, a stub DataHub, the real server.

use integration_tests::{Server, ServerBuilder, StubDataHub};
use sandbox::idp::{EmbeddedIdp, Options, Running};

/// An identity provider, a DataHub that echoes who asked, and a server between them.
pub(crate) struct World {
    pub(crate) idp: Running,
    pub(crate) datahub: StubDataHub,
    pub(crate) server: Server,
}

/// Settings that point a server at `idp` and `datahub`.
pub(crate) fn settings(idp: &Running, datahub: &StubDataHub) -> ServerBuilder {
    Server::builder()
        .env("OIDC_ISSUER_URL", idp.issuer())
        .env("OIDC_AUDIENCE", idp.audience())
        .env("DATAHUB_GMS_URL", datahub.url())
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default(), |builder| builder).await
    }

    pub(crate) async fn with(
        options: Options,
        adapt: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Self {
        let idp = EmbeddedIdp::start(options).await.unwrap();
        let datahub = StubDataHub::start().await.unwrap();
        let server = adapt(settings(&idp, &datahub)).start().unwrap();
        Self {
            idp,
            datahub,
            server,
        }
    }
}
