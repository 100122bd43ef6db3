//! Tests of the provider over HTTP, as a client and a browser use it.

mod browser;
mod controls;
mod grants;
mod resource_server;
mod sign_in;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::*;

pub(super) const REDIRECT: &str = "http://127.0.0.1:4000/callback";
pub(super) const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-0";

pub(super) fn options() -> Options {
    Options {
        // the key that is fastest to generate
        algorithm: Algorithm::Es256,
        clients: vec![
            Client::public(PUBLIC_CLIENT).redirect(REDIRECT),
            Client::confidential(CONFIDENTIAL_CLIENT).redirect(REDIRECT),
        ],
        ..Options::default()
    }
}

pub(super) async fn start(options: Options) -> Running {
    EmbeddedIdp::start(options).await.unwrap()
}

pub(super) fn http() -> reqwest::Client {
    #[expect(
        clippy::disallowed_methods,
        reason = "a client of the tests, which the product's settings do not touch"
    )]
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

pub(super) fn challenge(verifier: &str) -> String {
    use sha2::{Digest as _, Sha256};
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// Status and JSON of a form posted to an endpoint.
pub(super) async fn post(idp: &Running, name: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let response = http()
        .post(idp.endpoint_url(name))
        .form(form)
        .send()
        .await
        .unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}

/// Header and claims, without any check.
pub(super) fn decoded(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap_or_default())
            .unwrap_or_default()
    });
    (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    )
}
