//! The traps of the pages: what goes wrong without the preset or at the provider, and what the
//! server says then.

use integration_tests::ServerBuilder;
use serde_json::json;

use super::{
    Place, SignedIn, ask,
    shapes::{AUTH0, COGNITO, ENTRA, GOOGLE, KEYCLOAK, OKTA},
    stub::{Shape, Stub, Tokens},
    walk,
};
use crate::oauth_world::text;

/// The server of the page with one setting more.
async fn with(shape: &'static Shape, name: &str, value: &str) -> Place {
    Place::start(shape, 1, |builder, _| builder.env(name, value)).await
}

#[tokio::test]
async fn entra_refuses_a_refresh_without_scope_and_resource() {
    let place = walk(&ENTRA, 1).await;
    let requests = place.stub.requests();
    let refresh = requests.last().unwrap();
    let api = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c/.default";
    assert_eq!(refresh["grant_type"], "refresh_token");
    assert!(refresh["scope"].contains(api), "{refresh:?}");
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "whichever"),
    ];
    let (status, answer) = ask(&place, &form).await;
    assert_eq!(status, 400);
    assert!(text(&answer, "error_description").starts_with("AADSTS90009"));
    // Not possible with the preset.
    let place = Place::start(&ENTRA, 1, |builder, _| {
        builder
            .env("OIDC_PROVIDER", "generic")
            .env("OAUTH_FORWARD_RESOURCE", "true")
    })
    .await;
    place.refuses("AADSTS901002").await;
}

#[tokio::test]
async fn entra_gives_a_token_for_somebody_else_without_a_scope_of_the_api() {
    let place = with(&ENTRA, "OIDC_PROVIDER", "generic").await;
    let reason = "the token is for another audience (aud: `00000003-0000-0000-c000-000000000000`)";
    place.refuses(reason).await;
    // With the preset, a client that names none gets one all the same.
    let place = Place::start(&ENTRA, 1, |builder, _| builder).await;
    let signed_in = place.sign_in(Some("openid profile")).await;
    let SignedIn { app, tokens } = signed_in.unwrap_or_else(|why| panic!("{why}"));
    assert!(place.call(text(&tokens, "access_token")).await.is_ok());
    let (status, _) = app.refresh(text(&tokens, "refresh_token")).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn entra_takes_api_guid_as_the_guid() {
    let uri = "api://c44b4083-3bb0-49c1-b47d-974e53cbdf3c";
    let place = with(&ENTRA, "OIDC_AUDIENCE", uri).await;
    let signed_in = place
        .sign_in(None)
        .await
        .unwrap_or_else(|why| panic!("{why}"));
    let token = text(&signed_in.tokens, "access_token").to_owned();
    assert!(place.call(&token).await.is_ok());
}

#[tokio::test]
async fn tokens_of_oktas_org_server_are_not_for_us() {
    let place = Place::start(&OKTA, 1, |builder, _| builder).await;
    place.stub.give(|_, _| Tokens {
        access: Some(json!({ "aud": "https://company.okta.com" })),
        ..Tokens::default()
    });
    place.refuses("the token is for another audience").await;
}

#[tokio::test]
async fn auth0_gives_an_opaque_token_without_the_audience() {
    let place = with(&AUTH0, "OIDC_PROVIDER", "generic").await;
    place.refuses("not a JWT").await;
}

#[tokio::test]
async fn keycloak_is_asked_inside_the_cluster_and_named_from_outside() {
    walk(&KEYCLOAK, 2).await;
}

#[tokio::test]
async fn keycloak_without_the_audience_mapper_is_told() {
    let place = Place::start(&KEYCLOAK, 1, |builder, _| builder).await;
    place.stub.give(|_, _| Tokens {
        access: Some(json!({ "aud": "account" })),
        ..Tokens::default()
    });
    place
        .refuses("the token is for another audience (aud: `account`)")
        .await;
    let place = Place::start(&KEYCLOAK, 1, |builder, _| builder).await;
    place.stub.give(|_, _| Tokens {
        access: Some(json!({ "aud": null })),
        ..Tokens::default()
    });
    place.refuses("`aud` is missing").await;
}

#[tokio::test]
async fn googles_access_tokens_are_opaque() {
    let client = "123456789012-abcdefghijklmnopqrstuvwxyz012345.apps.googleusercontent.com";
    let place = Place::start(&GOOGLE, 1, |builder, _| {
        builder
            .env("OIDC_PROVIDER", "generic")
            .env("OIDC_AUDIENCE", client)
    })
    .await;
    place.refuses("not a JWT").await;
}

#[tokio::test]
async fn googles_accounts_of_others_are_refused() {
    let place = walk(&GOOGLE, 2).await;
    place.stub.give(|_, _| Tokens {
        id: Some(json!({ "hd": null, "email": "alice@gmail.com" })),
        ..Tokens::default()
    });
    place.refuses("`hd` has none of the values").await;
}

#[tokio::test]
async fn an_id_token_without_the_nonce_ends_the_sign_in() {
    for nonce in [json!(null), json!("of another sign-in")] {
        let place = Place::start(&GOOGLE, 1, |builder, _| builder).await;
        place.stub.give(match nonce.is_null() {
            true => |_, _| Tokens {
                id: Some(json!({ "nonce": null })),
                ..Tokens::default()
            },
            false => |_, _| Tokens {
                id: Some(json!({ "nonce": "of another sign-in" })),
                ..Tokens::default()
            },
        });
        let why = place.sign_in(None).await.err().unwrap_or_default();
        assert!(why.contains("error=server_error"), "{why}");
        let reason = match nonce.is_null() {
            true => "the ID token has no nonce",
            false => "the ID token has the nonce of another sign-in",
        };
        place.logs(reason).await;
    }
}

#[tokio::test]
async fn offline_access_never_reaches_those_who_refuse_it() {
    for shape in [&GOOGLE, &COGNITO] {
        let place = Place::start(shape, 1, |builder, _| builder).await;
        let asked = Some("openid email offline_access");
        let signed_in = place.sign_in(asked).await;
        let SignedIn { app, tokens } = signed_in.unwrap_or_else(|why| panic!("{why}"));
        let (status, _) = app.refresh(text(&tokens, "refresh_token")).await;
        assert_eq!(status, 200);
        for request in place.stub.requests() {
            let scope = request.get("scope").cloned().unwrap_or_default();
            assert!(!scope.contains("offline_access"), "{request:?}");
        }
    }
}

#[tokio::test]
async fn cognitos_access_tokens_have_no_aud() {
    let client = "1example23456789abcdefghij";
    let place = Place::start(&COGNITO, 1, |builder, _| {
        builder
            .env("OIDC_PROVIDER", "generic")
            .env("OIDC_AUDIENCE", client)
    })
    .await;
    place.refuses("`aud` is missing").await;
    // The app client of somebody else in the same pool, and an ID token of our own.
    for over in [
        json!({ "client_id": "another" }),
        json!({ "token_use": "id" }),
    ] {
        let place = Place::start(&COGNITO, 1, |builder, _| builder).await;
        let of_another = over.get("client_id").is_some();
        place.stub.give(match of_another {
            true => |_, _| Tokens {
                access: Some(json!({ "client_id": "another" })),
                ..Tokens::default()
            },
            false => |_, _| Tokens {
                access: Some(json!({ "token_use": "id" })),
                ..Tokens::default()
            },
        });
        let reason = match of_another {
            true => "the token is for another audience (client_id",
            false => "`token_use` is not `access`",
        };
        place.refuses(reason).await;
    }
}

/// A slash at the end counts, and the log has both values.
#[tokio::test]
async fn an_issuer_that_differs_by_a_slash_is_told() {
    let without = |builder: ServerBuilder, stub: &Stub| {
        builder.env("OIDC_ISSUER_URL", stub.issuer().trim_end_matches('/'))
    };
    let place = Place::start(&AUTH0, 1, |builder, stub| {
        without(builder, stub).env("OIDC_PROVIDER", "generic")
    })
    .await;
    place.refuses("differ only in the slash at the end").await;
    // The preset adds it.
    let place = Place::start(&AUTH0, 1, without).await;
    let signed_in = place
        .sign_in(None)
        .await
        .unwrap_or_else(|why| panic!("{why}"));
    let token = text(&signed_in.tokens, "access_token").to_owned();
    assert!(place.call(&token).await.is_ok());
}
