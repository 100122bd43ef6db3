//! Tests of the endpoints for a resource server: introspection, userinfo, keys; and of revocation.

use serde_json::{Value, json};

use super::*;

async fn introspect(idp: &Running, token: &str) -> Value {
    let form = [
        ("client_id", CONFIDENTIAL_CLIENT),
        ("client_secret", CONFIDENTIAL_SECRET),
        ("token", token),
    ];
    let (status, answer) = post(idp, "introspect", &form).await;
    assert_eq!(status, 200);
    answer
}

#[tokio::test]
async fn introspection_knows_what_was_issued_until_it_expires() {
    for access_tokens in [AccessTokens::Opaque, AccessTokens::Signed] {
        let idp = start(Options {
            access_tokens,
            ..options()
        })
        .await;
        let token = idp.access_token("editor");
        assert_eq!(token.contains('.'), access_tokens == AccessTokens::Signed);
        let answer = introspect(&idp, &token).await;
        assert_eq!(
            (&answer["active"], &answer["sub"]),
            (&json!(true), &json!("editor"))
        );
        assert_eq!(answer["username"], "editor");
        idp.advance(Options::default().access_token_ttl);
        assert_eq!(introspect(&idp, &token).await, json!({ "active": false }));
    }
}

#[tokio::test]
async fn introspection_is_for_resource_servers() {
    let idp = start(options()).await;
    let token = idp.access_token("editor");
    let form = [("client_id", PUBLIC_CLIENT), ("token", token.as_str())];
    assert_eq!(post(&idp, "introspect", &form).await.0, 401);
}

#[tokio::test]
async fn revocation_ends_a_token_of_the_asking_client_only() {
    let idp = start(options()).await;
    let token = idp.access_token("editor");
    let other = [
        ("client_id", CONFIDENTIAL_CLIENT),
        ("client_secret", CONFIDENTIAL_SECRET),
        ("token", token.as_str()),
    ];
    assert_eq!(post(&idp, "revoke", &other).await.0, 200);
    assert_eq!(introspect(&idp, &token).await["active"], true);
    let form = [("client_id", PUBLIC_CLIENT), ("token", token.as_str())];
    assert_eq!(post(&idp, "revoke", &form).await.0, 200);
    assert_eq!(introspect(&idp, &token).await["active"], false);
    assert!(idp.verifier().verify(&token).is_none());
}

#[tokio::test]
async fn userinfo_tells_what_the_scopes_open() {
    let idp = start(options()).await;
    let ask = |token: String| {
        let request = http().get(idp.endpoint_url("userinfo")).bearer_auth(token);
        async move {
            let response = request.send().await.unwrap();
            (
                response.status().as_u16(),
                response.json::<Value>().await.unwrap_or_default(),
            )
        }
    };
    let (status, answer) = ask(idp.access_token("viewer")).await;
    assert_eq!(
        (status, &answer["email"]),
        (200, &json!("viewer@lanternandloom.example"))
    );
    assert_eq!(ask(idp.mint(json!({ "scope": "email" }))).await.0, 403);
    assert_eq!(ask(idp.mint(json!({ "exp": 1 }))).await.0, 401);
}

#[tokio::test]
async fn discovery_is_complete_and_where_the_issuer_says() {
    for path in ["", "/", "/realms/shop"] {
        let idp = start(Options {
            issuer_path: path.to_owned(),
            ..options()
        })
        .await;
        let base = path.trim_end_matches('/');
        for document in [
            format!("{}{base}/.well-known/openid-configuration", idp.url()),
            format!("{}/.well-known/oauth-authorization-server{base}", idp.url()),
        ] {
            let answer: Value = http()
                .get(&document)
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap();
            assert_eq!(answer["issuer"], idp.issuer());
            assert!(!answer.to_string().contains("null"), "{answer}");
            let jwks = answer["jwks_uri"].as_str().unwrap();
            let keys: Value = http().get(jwks).send().await.unwrap().json().await.unwrap();
            assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
        }
    }
}

#[tokio::test]
async fn every_algorithm_is_published_as_others_read_it() {
    for algorithm in Algorithm::ALL {
        let idp = start(Options {
            algorithm,
            ..options()
        })
        .await;
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(idp.public_jwk()).unwrap();
        let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
        let mut validation = jsonwebtoken::Validation::new(algorithm.name().parse().unwrap());
        validation.set_audience(&[DEFAULT_AUDIENCE]);
        let token = idp.access_token("admin");
        jsonwebtoken::decode::<Value>(&token, &key, &validation)
            .unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        assert!(idp.verifier().verify(&token).is_some());
    }
}
