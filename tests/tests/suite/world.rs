//! The small world most tests need: an embedded identity provider, a stub DataHub, the real server.

pub(crate) use integration_tests::settings;
use integration_tests::{Server, ServerBuilder, StubDataHub};
use sandbox::idp::{EmbeddedIdp, Options, Running};

/// An identity provider, a DataHub that echoes who asked, and a server between them.
pub(crate) struct World {
    pub(crate) idp: Running,
    pub(crate) datahub: StubDataHub,
    pub(crate) server: Server,
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
