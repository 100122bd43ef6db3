//! The parts of a provider's discovery document that validators use. The places and the checks of
//! the document are those of the crate `outbound`, which the sign-in uses as well.

use outbound::DiscoveryError;
use url::Url;

use crate::{
    algorithm::Algorithm,
    http::Http,
    issuer::{Issuer, IssuerCheck},
};

/// The part of a provider's metadata that is used here.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    /// The check of the issuer that tokens name.
    pub(crate) issuer: IssuerCheck,
    /// The URL of its keys. An error only matters if no `jwks_uri` is configured.
    pub(crate) jwks_uri: Result<Option<Url>, String>,
    /// The signature algorithms that it announces.
    pub(crate) algorithms: Vec<Algorithm>,
}

/// Fetches and checks the provider's document.
///
/// # Errors
/// [`DiscoveryError`].
pub(crate) async fn discover(http: &Http, issuer: &Issuer) -> Result<Metadata, DiscoveryError> {
    let document = outbound::discover(http.client(), issuer.source()).await?;
    Ok(Metadata {
        issuer: issuer.check(document.issuer().clone()),
        jwks_uri: document.endpoint("jwks_uri"),
        algorithms: [
            "id_token_signing_alg_values_supported",
            "access_token_signing_alg_values_supported",
        ]
        .iter()
        .flat_map(|name| document.strings(name))
        .filter_map(|name| name.parse().ok())
        .collect(),
    })
}
