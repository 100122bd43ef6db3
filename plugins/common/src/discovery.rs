//! A provider's document, as far as validators use it. Where it is looked for and when it is
//! believed is the crate `outbound`'s rule, which the sign-in obeys, too.

use outbound::DiscoveryError;
use url::Url;

use crate::{
    algorithm::Algorithm,
    http::Http,
    issuer::{Issuer, IssuerCheck},
};

/// What a provider publishes about itself, as far as it is used here.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    /// What tokens must name as their issuer.
    pub(crate) issuer: IssuerCheck,
    /// Where its keys are; why that cannot be asked only matters where no other place is set.
    pub(crate) jwks_uri: Result<Option<Url>, String>,
    /// The signature algorithms that it says it uses.
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
