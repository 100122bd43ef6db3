//! Client authentication at a provider's endpoint (RFC 6749 section 2.3).

use base64::{Engine, engine::general_purpose::STANDARD};
use plugin_api::sdk::Failure;
use reqwest::{
    RequestBuilder,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
};
use schemars::JsonSchema;
use serde::Deserialize;
use url::{Url, form_urlencoded};

use crate::{
    http::{Answer, Http, HttpError},
    options::Secret,
};

/// The credentials of this server as a client of the provider.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ClientOptions {
    /// Our client id at the provider.
    #[schemars(extend("x-env" = "OIDC_CLIENT_ID"))]
    pub client_id: Option<String>,
    /// Our client secret, or with `client_auth` `bearer` the token to send.
    #[schemars(extend("x-env" = "OIDC_CLIENT_SECRET", "x-secret" = true))]
    pub client_secret: Option<Secret>,
    /// The method of sending the secret: `basic` (default with a secret), `post`, `bearer` or
    /// `none`.
    pub client_auth: Option<ClientAuthMethod>,
}

/// The method of sending the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum ClientAuthMethod {
    /// Id and secret in the `Authorization` header.
    Basic,
    /// Id and secret in the form.
    Post,
    /// The secret as a bearer token.
    Bearer,
    /// Only the id, in the form.
    None,
}

/// The client's credentials, checked.
#[derive(Debug, Clone)]
pub enum ClientAuth {
    /// `client_secret_basic`.
    Basic {
        /// The client's id.
        id: String,
        /// The client's secret.
        secret: Secret,
    },
    /// `client_secret_post`.
    Post {
        /// The client's id.
        id: String,
        /// The client's secret.
        secret: Secret,
    },
    /// A bearer token.
    Bearer(Secret),
    /// A public client.
    None {
        /// The client's id, if there is one.
        id: Option<String>,
    },
}

impl ClientOptions {
    /// Checks the options against each other.
    ///
    /// # Errors
    /// [`Failure::misconfigured`] with one line that says what to change.
    pub fn resolve(&self) -> Result<ClientAuth, Failure> {
        let id = self.client_id.clone().filter(|id| !id.is_empty());
        let secret = self
            .client_secret
            .clone()
            .filter(|secret| !secret.expose().is_empty());
        let default = if secret.is_some() {
            ClientAuthMethod::Basic
        } else {
            ClientAuthMethod::None
        };
        let missing = |what: &str| Failure::misconfigured(format!("`{what}` is not set"));
        match self.client_auth.unwrap_or(default) {
            ClientAuthMethod::Basic => Ok(ClientAuth::Basic {
                id: id.ok_or_else(|| missing("client_id"))?,
                secret: secret.ok_or_else(|| missing("client_secret"))?,
            }),
            ClientAuthMethod::Post => Ok(ClientAuth::Post {
                id: id.ok_or_else(|| missing("client_id"))?,
                secret: secret.ok_or_else(|| missing("client_secret"))?,
            }),
            ClientAuthMethod::Bearer => {
                let secret = secret.ok_or_else(|| missing("client_secret"))?;
                if HeaderValue::from_str(secret.expose()).is_err() {
                    return Err(Failure::misconfigured(
                        "`client_secret` is not a bearer token",
                    ));
                }
                Ok(ClientAuth::Bearer(secret))
            }
            ClientAuthMethod::None => Ok(ClientAuth::None { id }),
        }
    }
}

impl ClientAuth {
    /// Sends a form as this client.
    ///
    /// # Errors
    /// Any [`HttpError`] except `Setup`; an error status is an [`Answer`].
    pub async fn post(
        &self,
        http: &Http,
        url: &Url,
        form: &[(&str, &str)],
    ) -> Result<Answer, HttpError> {
        let mut form = form.to_vec();
        match self {
            Self::Post { id, secret } => {
                form.push(("client_id", id));
                form.push(("client_secret", secret.expose()));
            }
            Self::None { id: Some(id) } => form.push(("client_id", id)),
            Self::Basic { .. } | Self::Bearer(_) | Self::None { id: None } => {}
        }
        let request = http
            .post(url)
            .header(ACCEPT, "application/json")
            .form(&form);
        http.send(url, self.authorize(request)).await
    }

    fn authorize(&self, request: RequestBuilder) -> RequestBuilder {
        let credentials = match self {
            // RFC 6749 section 2.3.1: both parts are form-encoded before they are joined.
            Self::Basic { id, secret } => {
                let encode = |text: &str| {
                    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()
                };
                let pair = format!("{}:{}", encode(id), encode(secret.expose()));
                format!("Basic {}", STANDARD.encode(pair))
            }
            Self::Bearer(token) => format!("Bearer {}", token.expose()),
            Self::Post { .. } | Self::None { .. } => return request,
        };
        match HeaderValue::from_str(&credentials) {
            Ok(mut value) => {
                value.set_sensitive(true);
                request.header(AUTHORIZATION, value)
            }
            // The check of the options excludes this; without credentials the provider refuses.
            Err(_) => request,
        }
    }
}
