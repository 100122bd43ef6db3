//! Tests of the token endpoint, grant by grant.

use std::time::Duration;

use serde_json::{Value, json};

use super::browser::{Browser, authorize_url};
use super::*;

async fn code(idp: &Running, changes: &[(&str, &str)]) -> String {
    let url = authorize_url(idp, changes);
    let landing = Browser::default()
        .sign_in(&url, "editor", "editor-password")
        .await;
    landing.parameter("code").to_owned()
}

async fn redeem(idp: &Running, code: &str, verifier: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", PUBLIC_CLIENT),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", verifier),
    ];
    post(idp, "token", &form).await
}

async fn refresh(idp: &Running, token: &Value) -> (u16, Value) {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", PUBLIC_CLIENT),
        ("refresh_token", token.as_str().unwrap()),
    ];
    post(idp, "token", &form).await
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_code_gives_tokens_that_the_published_key_verifies() {
    let idp = start(Options {
        algorithm: Algorithm::Rs256,
        ..options()
    })
    .await;
    let (status, tokens) = redeem(&idp, &code(&idp, &[]).await, VERIFIER).await;
    assert_eq!(
        (status, text(&tokens, "token_type")),
        (200, "Bearer"),
        "{tokens}"
    );
    let (header, claims) = decoded(text(&tokens, "access_token"));
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(
        (&claims["sub"], &claims["aud"]),
        (&json!("editor"), &json!(DEFAULT_AUDIENCE))
    );
    let (_, id) = decoded(text(&tokens, "id_token"));
    assert_eq!(
        (&id["aud"], &id["nonce"]),
        (&json!(PUBLIC_CLIENT), &json!("the nonce"))
    );

    let jwks: Value = http()
        .get(idp.endpoint_url("jwks"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(jwks["keys"][0].clone()).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&[DEFAULT_AUDIENCE]);
    validation.set_issuer(&[idp.issuer()]);
    let token = text(&tokens, "access_token");
    jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap();
}

#[tokio::test]
async fn a_code_is_good_once_and_its_replay_ends_what_it_gave() {
    let idp = start(options()).await;
    let code = code(&idp, &[]).await;
    let (_, tokens) = redeem(&idp, &code, VERIFIER).await;
    assert!(
        idp.verifier()
            .verify(text(&tokens, "access_token"))
            .is_some()
    );
    let (status, replay) = redeem(&idp, &code, VERIFIER).await;
    assert_eq!((status, text(&replay, "error")), (400, "invalid_grant"));
    assert!(
        idp.verifier()
            .verify(text(&tokens, "access_token"))
            .is_none()
    );
    assert_eq!(refresh(&idp, &tokens["refresh_token"]).await.0, 400);
}

#[tokio::test]
async fn a_code_needs_the_verifier_that_fits() {
    let idp = start(options()).await;
    let other = "another-verifier-of-at-least-forty-three-chars";
    for (verifier, error) in [
        (other, "invalid_grant"),
        ("short", "invalid_request"),
        ("", "invalid_grant"),
    ] {
        let (status, answer) = redeem(&idp, &code(&idp, &[]).await, verifier).await;
        assert_eq!((status, text(&answer, "error")), (400, error), "{verifier}");
    }
}

#[tokio::test]
async fn a_code_expires_and_belongs_to_its_client() {
    let idp = start(options()).await;
    let late = code(&idp, &[]).await;
    idp.advance(Duration::from_secs(61));
    assert_eq!(redeem(&idp, &late, VERIFIER).await.0, 400);
    let other = code(&idp, &[("client_id", CONFIDENTIAL_CLIENT)]).await;
    assert_eq!(redeem(&idp, &other, VERIFIER).await.0, 400);
}

#[tokio::test]
async fn a_refresh_token_rotates_and_its_second_use_ends_the_family() {
    let idp = start(options()).await;
    let (_, first) = redeem(&idp, &code(&idp, &[]).await, VERIFIER).await;
    let (status, second) = refresh(&idp, &first["refresh_token"]).await;
    assert_eq!(status, 200);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let (status, replay) = refresh(&idp, &first["refresh_token"]).await;
    assert_eq!((status, text(&replay, "error")), (400, "invalid_grant"));
    assert_eq!(refresh(&idp, &second["refresh_token"]).await.0, 400);
}

#[tokio::test]
async fn a_refresh_token_expires_and_may_be_made_reusable() {
    let idp = start(Options {
        rotate_refresh_tokens: false,
        ..options()
    })
    .await;
    let (_, tokens) = redeem(&idp, &code(&idp, &[]).await, VERIFIER).await;
    assert_eq!(refresh(&idp, &tokens["refresh_token"]).await.0, 200);
    assert_eq!(refresh(&idp, &tokens["refresh_token"]).await.0, 200);
    idp.advance(Options::default().refresh_token_ttl);
    assert_eq!(refresh(&idp, &tokens["refresh_token"]).await.0, 400);
}

#[tokio::test]
async fn a_confidential_client_proves_itself_by_basic_or_post() {
    let idp = start(options()).await;
    let grant = [("grant_type", "client_credentials"), ("scope", "email")];
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let send = |secret: String| {
        let request = http().post(idp.endpoint_url("token")).form(&grant);
        request
            .basic_auth(encode(CONFIDENTIAL_CLIENT), Some(encode(&secret)))
            .send()
    };
    let good = send(CONFIDENTIAL_SECRET.to_owned()).await.unwrap();
    assert_eq!(good.status(), 200);
    let tokens: Value = good.json().await.unwrap();
    assert_eq!(
        decoded(text(&tokens, "access_token")).1["sub"],
        CONFIDENTIAL_CLIENT
    );
    let bad = send("wrong".to_owned()).await.unwrap();
    assert_eq!(bad.status(), 401);
    assert!(bad.headers().contains_key("www-authenticate"));

    let mut form = grant.to_vec();
    form.extend([
        ("client_id", CONFIDENTIAL_CLIENT),
        ("client_secret", CONFIDENTIAL_SECRET),
    ]);
    assert_eq!(post(&idp, "token", &form).await.0, 200);
    form[3].1 = "wrong";
    let (status, answer) = post(&idp, "token", &form).await;
    assert_eq!((status, text(&answer, "error")), (401, "invalid_client"));
    form.truncate(3);
    assert_eq!(
        post(&idp, "token", &form).await.0,
        401,
        "without its secret"
    );
}

#[tokio::test]
async fn a_public_client_gets_no_token_of_its_own() {
    let idp = start(options()).await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", PUBLIC_CLIENT),
    ];
    let (status, answer) = post(&idp, "token", &form).await;
    assert_eq!(
        (status, text(&answer, "error")),
        (400, "unauthorized_client")
    );
}

#[tokio::test]
async fn a_token_is_exchanged_for_another_audience() {
    let idp = start(options()).await;
    let token = idp.access_token("viewer");
    let exchange = |subject: String, audience: &'static str| {
        let form = vec![
            (
                "grant_type".to_owned(),
                "urn:ietf:params:oauth:grant-type:token-exchange".to_owned(),
            ),
            ("client_id".to_owned(), CONFIDENTIAL_CLIENT.to_owned()),
            ("client_secret".to_owned(), CONFIDENTIAL_SECRET.to_owned()),
            ("subject_token".to_owned(), subject),
            (
                "subject_token_type".to_owned(),
                "urn:ietf:params:oauth:token-type:access_token".to_owned(),
            ),
            ("audience".to_owned(), audience.to_owned()),
        ];
        let url = idp.endpoint_url("token");
        async move {
            let response = http().post(url).form(&form).send().await.unwrap();
            (
                response.status().as_u16(),
                response.json::<Value>().await.unwrap(),
            )
        }
    };
    let (status, answer) = exchange(token.clone(), "datahub").await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer["issued_token_type"],
        "urn:ietf:params:oauth:token-type:access_token"
    );
    let (_, claims) = decoded(text(&answer, "access_token"));
    assert_eq!(
        (&claims["sub"], &claims["aud"]),
        (&json!("viewer"), &json!("datahub"))
    );
    assert_eq!(claims["act"]["sub"], CONFIDENTIAL_CLIENT);
    assert_eq!(
        exchange(token, "elsewhere").await.1["error"],
        "invalid_target"
    );
    assert_eq!(
        exchange("nonsense".to_owned(), "datahub").await.1["error"],
        "invalid_request"
    );
}

#[tokio::test]
async fn resource_becomes_the_audience_where_it_is_honoured() {
    let resource = "http://127.0.0.1:8000/mcp";
    for (handling, audience) in [
        (ResourceParameter::Honoured, resource),
        (ResourceParameter::Ignored, DEFAULT_AUDIENCE),
    ] {
        let idp = start(Options {
            resource: handling,
            ..options()
        })
        .await;
        let (_, tokens) =
            redeem(&idp, &code(&idp, &[("resource", resource)]).await, VERIFIER).await;
        assert_eq!(decoded(text(&tokens, "access_token")).1["aud"], audience);
    }
}
