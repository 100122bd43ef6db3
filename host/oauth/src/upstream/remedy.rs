//! The settings to look at when the provider refuses this server, and not the person.

use super::{Upstream, UpstreamError, provider_error::ProviderError};
use crate::UpstreamAuth;

impl Upstream {
    /// Logs why the provider did not fulfil a request: `what` happened in consequence, in the
    /// provider's own words, and the remedy if the settings do not fit its registration.
    pub(crate) fn log_refusal(&self, what: &str, client: &str, error: &UpstreamError) {
        let UpstreamError::Refused(refused) = error else {
            tracing::warn!(%error, client, "{what}");
            return;
        };
        let description = refused.description.as_deref().unwrap_or_default();
        let remedy = self.remedy(refused).unwrap_or_default();
        tracing::warn!(%error, description, remedy, client, "{what}");
    }

    /// Logs an error with which the provider sent the browser back. A warning only if an operator can
    /// change something: people say no, and every person can make up such an answer to their own
    /// sign-in.
    pub(crate) fn log_refused_sign_in(&self, client: &str, error: &ProviderError) {
        let what = "identity provider refused the sign-in";
        let description = error.description.as_deref().unwrap_or_default();
        match self.remedy(error) {
            Some(remedy) => tracing::warn!(%error, description, remedy, client, "{what}"),
            None => tracing::info!(%error, client, "{what}"),
        }
    }

    /// Logs that an answer named another issuer than the configured one (RFC 9207).
    pub(crate) fn log_other_issuer(&self, iss: Option<&str>) {
        tracing::warn!(
            iss = iss.map_or(
                "none, although the provider's document says that it names itself".to_owned(),
                outbound::quoted
            ),
            configured = self.settings.issuer,
            remedy = "if that is your provider, set `OIDC_ISSUER_URL` to what it names: a slash at the end counts",
            "answer came from another issuer than the configured one"
        );
    }

    /// The remedy for `error`; `None` if it is about the person or the request.
    fn remedy(&self, error: &ProviderError) -> Option<String> {
        let settings = &self.settings;
        let says = |word: &str| {
            let texts = [Some(&error.code), error.description.as_ref()];
            let mut texts = texts.into_iter().flatten();
            texts.any(|text| text.to_ascii_lowercase().contains(word))
        };
        let authentication = match settings.auth {
            UpstreamAuth::Basic => {
                "a provider that wants the secret in the form needs `OAUTH_CLIENT_AUTH=post`"
            }
            UpstreamAuth::Post => {
                "a provider that wants the secret in a header needs `OAUTH_CLIENT_AUTH=basic`"
            }
            UpstreamAuth::None => {
                "no secret is sent: a provider that wants one needs `OIDC_CLIENT_SECRET`"
            }
        };
        Some(match &*error.code {
            "access_denied" => return None,
            "invalid_client" => format!(
                "compare `OIDC_CLIENT_ID` and `OIDC_CLIENT_SECRET` with this server's registration at the provider (an \
                 expired secret, an id instead of the secret); {authentication}"
            ),
            _ if says("redirect") => format!(
                "register {} as a redirect URI at the provider, byte for byte; it follows from `PUBLIC_URL`",
                self.callback
            ),
            "unauthorized_client" => format!(
                "allow the grants authorization_code and refresh_token in this server's registration at the provider \
                 (`OIDC_CLIENT_ID`); {authentication}"
            ),
            "invalid_scope" => {
                "see that the provider knows each scope in `OAUTH_DEFAULT_SCOPE`, and allows it to `OIDC_CLIENT_ID`"
                    .to_owned()
            }
            "invalid_target" | "invalid_resource" if settings.forward_resource => {
                "unset `OAUTH_FORWARD_RESOURCE`, or register this server's URL as a resource at the provider".to_owned()
            }
            "invalid_target" | "invalid_resource" => {
                "name the API: a scope of it in `OAUTH_DEFAULT_SCOPE`, the audience in `OAUTH_AUTHORIZE_PARAMS`, or \
                 `OAUTH_FORWARD_RESOURCE=true` for a provider that takes `resource`"
                    .to_owned()
            }
            _ => return None,
        })
    }
}
