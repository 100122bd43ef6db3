//! The discovery documents (OpenID Connect Discovery 1.0 section 4, RFC 8414) and the key set.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::mint;
use super::options::ResourceParameter;
use super::state::Idp;

/// The scopes that the provider knows.
pub(super) const SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

pub(super) async fn openid_configuration(State(idp): State<Arc<Idp>>) -> Json<Value> {
    let mut document = common(&idp);
    let signing = json!([idp.options.algorithm.name()]);
    mint::merge(
        &mut document,
        json!({
            "userinfo_endpoint": idp.url("/userinfo"),
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": signing,
            "claims_supported": [
                "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce",
                "name", "preferred_username", "email", "email_verified", "groups",
            ],
        }),
    );
    Json(overridden(&idp, document))
}

pub(super) async fn authorization_server(State(idp): State<Arc<Idp>>) -> Json<Value> {
    let document = common(&idp);
    Json(overridden(&idp, document))
}

fn overridden(idp: &Idp, mut document: Value) -> Value {
    mint::merge(&mut document, Value::Object(idp.discovery.read().clone()));
    document
}

fn common(idp: &Idp) -> Value {
    let auth_methods = ["client_secret_basic", "client_secret_post", "none"];
    json!({
        "issuer": idp.issuer,
        "authorization_endpoint": idp.url("/authorize"),
        "token_endpoint": idp.url("/token"),
        "jwks_uri": idp.url("/jwks"),
        "introspection_endpoint": idp.url("/introspect"),
        "revocation_endpoint": idp.url("/revoke"),
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ],
        "token_endpoint_auth_methods_supported": auth_methods,
        "introspection_endpoint_auth_methods_supported": &auth_methods[..2],
        "revocation_endpoint_auth_methods_supported": auth_methods,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "resource_indicators_supported": idp.options.resource == ResourceParameter::Honoured,
    })
}

pub(super) async fn jwks(State(idp): State<Arc<Idp>>) -> Response {
    let mut keys = idp.odd_jwks.read().clone();
    let members = idp.options.jwk_members;
    keys.extend(
        idp.keys
            .read()
            .published()
            .iter()
            .map(|key| key.jwk(members)),
    );
    let mut response = Json(json!({ "keys": keys })).into_response();
    if let Some(cache) = &*idp.jwks_cache_control.read()
        && let Ok(cache) = HeaderValue::from_str(cache)
    {
        response.headers_mut().insert(header::CACHE_CONTROL, cache);
    }
    response
}
