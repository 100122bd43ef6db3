//! Settings of a server between an identity provider and a DataHub.

use sandbox::idp::{PUBLIC_CLIENT, Running};

use crate::{Server, ServerBuilder, StubDataHub};

/// Settings that point a server at `idp` and `datahub`.
pub fn settings(idp: &Running, datahub: &StubDataHub) -> ServerBuilder {
    Server::builder()
        .env("OIDC_ISSUER_URL", idp.issuer())
        .env("OIDC_AUDIENCE", idp.audience())
        .env("DATAHUB_GMS_URL", datahub.url())
}

/// The same for a flood: the sign-in is on, without limits of rate, which are another defence than those
/// of memory. The log is small.
pub fn flooded(idp: &Running, datahub: &StubDataHub) -> ServerBuilder {
    let builder = settings(idp, datahub)
        .env("OIDC_CLIENT_ID", PUBLIC_CLIENT)
        .env("OAUTH_TOKEN_KEYS", "ab".repeat(31) + "cd")
        .env("ACCESS_LOG_PERCENT", "0");
    [
        "ADDRESS_BURST",
        "ADDRESS_PER_MINUTE",
        "CLIENT_BURST",
        "CLIENT_PER_MINUTE",
    ]
    .iter()
    .fold(builder, |builder, limit| {
        builder.env(&format!("OAUTH_{limit}"), "1000000")
    })
}
