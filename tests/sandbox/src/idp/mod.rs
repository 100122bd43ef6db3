//! The embedded identity provider: an OpenID Connect provider with a real login page, on loopback.
//!
//! It owns everything that a company's provider would: discovery (OIDC Discovery 1.0, RFC 8414),
//! keys with rotation, the authorization endpoint with PKCE (RFC 7636), the token endpoint with
//! `authorization_code`, `refresh_token`, `client_credentials` and token exchange (RFC 8693),
//! userinfo, introspection (RFC 7662) and revocation (RFC 7009). It must never know the server
//! under test: the two communicate over HTTP only, as with any other provider.
//!
//! Tests drive it through [`Running`]: mint any token, rotate keys, break an endpoint, move the clock,
//! count fetches.
//!
//! ```no_run
//! # async fn example() -> Result<(), sandbox::idp::StartError> {
//! use sandbox::idp::{EmbeddedIdp, Endpoint, Fault, Options};
//! use serde_json::json;
//!
//! let idp = EmbeddedIdp::start(Options::default()).await?;
//! let token = idp.access_token("admin");
//! let expired = idp.mint(json!({ "sub": "admin", "exp": 1 }));
//! idp.break_endpoint(Endpoint::Jwks, Fault::Status { status: 500 });
//! assert_eq!(idp.requests(Endpoint::Jwks), 0);
//! # Ok(()) }
//! ```

mod authorize;
mod client_auth;
mod control;
mod discovery;
mod error;
mod faults;
mod introspection;
mod keys;
mod mint;
mod options;
mod pages;
mod running;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod token;
mod tokens;
mod userinfo;

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::routing::{MethodRouter, get, post};

pub use faults::{Endpoint, Fault};
pub use keys::{Algorithm, KeyError, SigningKey};
pub use mint::SignWith;
pub use options::{
    AccessTokens, CONFIDENTIAL_CLIENT, CONFIDENTIAL_SECRET, Client, DEFAULT_AUDIENCE, JwkMembers,
    Options, PUBLIC_CLIENT, ResourceParameter,
};
pub use running::{Running, TokenVerifier};

use crate::serve::Bound;
use state::Idp;

/// Starts providers.
#[derive(Debug)]
pub struct EmbeddedIdp;

/// The reason why the provider did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port could not be taken.
    #[error("identity provider: cannot listen on 127.0.0.1:{port}: {source}")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The first key could not be made.
    #[error("identity provider: {0}")]
    Key(#[from] KeyError),
}

impl EmbeddedIdp {
    /// Makes a key, binds the port, serves until the returned handle is dropped.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let port = options.port;
        let bound = Bound::loopback(port)
            .await
            .map_err(|source| StartError::Listen { port, source })?;
        let idp = Arc::new(Idp::new(options, &bound.url())?);
        let server = bound.serve(router(idp.clone()));
        Ok(Running::new(idp, server))
    }
}

/// Every route of the provider.
fn router(idp: Arc<Idp>) -> Router {
    let base = idp.base_path().to_owned();
    let at = |path: &str| format!("{base}{path}");
    let watched = |endpoint: Endpoint, routes: MethodRouter<Arc<Idp>>| {
        let faults = idp.faults.clone();
        routes.layer(middleware::from_fn(move |request: Request, next: Next| {
            faults.clone().apply(endpoint, request, next)
        }))
    };
    let mut router = Router::new()
        .route(
            &at("/.well-known/openid-configuration"),
            watched(Endpoint::Discovery, get(discovery::openid_configuration)),
        )
        .route(
            &format!("/.well-known/oauth-authorization-server{base}"),
            watched(Endpoint::Discovery, get(discovery::authorization_server)),
        )
        .route(&at("/jwks"), watched(Endpoint::Jwks, get(discovery::jwks)))
        .route(
            &at("/authorize"),
            watched(
                Endpoint::Authorize,
                get(authorize::show).post(authorize::submit),
            ),
        )
        .route(&at("/logout"), get(authorize::sign_out))
        .route(&at("/token"), watched(Endpoint::Token, post(token::token)))
        .route(
            &at("/userinfo"),
            watched(
                Endpoint::Userinfo,
                get(userinfo::userinfo).post(userinfo::userinfo),
            ),
        )
        .route(
            &at("/introspect"),
            watched(Endpoint::Introspection, post(introspection::introspect)),
        )
        .route(
            &at("/revoke"),
            watched(Endpoint::Revocation, post(introspection::revoke)),
        );
    if idp.options.control {
        router = router.nest("/control", control::router());
    }
    router.with_state(idp)
}
