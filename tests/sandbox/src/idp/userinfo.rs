//! The userinfo endpoint (OpenID Connect Core section 5.3).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::mint;
use super::state::Idp;
use super::tokens::person_claims;

pub(super) async fn userinfo(State(idp): State<Arc<Idp>>, headers: HeaderMap) -> Response {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let refused = |status, error: &'static str| {
        let challenge = format!("Bearer error=\"{error}\"");
        (status, [(header::WWW_AUTHENTICATE, challenge)]).into_response()
    };
    let Some(claims) = token.and_then(|token| idp.good_claims(token)) else {
        return refused(StatusCode::UNAUTHORIZED, "invalid_token");
    };
    let scope = claims["scope"].as_str().unwrap_or_default();
    if !scope.split(' ').any(|scope| scope == "openid") {
        return refused(StatusCode::FORBIDDEN, "insufficient_scope");
    }
    let Some(person) = claims["sub"].as_str().and_then(|sub| idp.person(sub)) else {
        return refused(StatusCode::UNAUTHORIZED, "invalid_token");
    };
    let mut answer = json!({ "sub": person.username });
    mint::merge(&mut answer, person_claims(person, scope));
    Json(answer).into_response()
}
