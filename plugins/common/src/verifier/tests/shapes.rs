//! The access tokens of real providers, by their shape.

use super::*;
use crate::Switch;

const TENANT: &str = "0f0e0d0c-0b0a-0908-0706-050403020100";

#[tokio::test]
async fn keycloak() {
    let bench =
        Bench::with(|o| o.scope_claim = Some(List(vec!["/realm_access/roles".into()]))).await;
    let verified = bench
        .accepts(&bench.changed(|c| {
            c["typ"] = "Bearer".into();
            c["azp"] = "web".into();
            c["aud"] = json!(["mcp", "account"]);
            c["realm_access"] = json!({ "roles": ["editor", "offline_access"] });
            c["auth_time"] = json!(NOW - 5);
            c["sid"] = "x".into();
        }))
        .await;
    assert_eq!(verified.scopes, ["editor", "offline_access"]);
    assert_eq!(verified.claims["azp"], "web");

    // A self-registered client: no audience at all, the client stands for it.
    let azp = Bench::with(|o| o.audience_claim = Some("azp".into())).await;
    let mut claims = azp.without("aud");
    azp.refuses(&claims, "azp").await;
    claims["azp"] = "mcp".into();
    azp.accepts(&claims).await;
}

#[tokio::test]
async fn cognito() {
    let bench = Bench::with(|o| o.audience_claim = Some("client_id".into())).await;
    let mut claims = bench.without("aud");
    claims["client_id"] = "mcp".into();
    claims["token_use"] = "access".into();
    claims["username"] = "ada".into();
    bench.accepts(&claims).await;
    claims["token_use"] = "id".into();
    bench.refuses(&claims, "token_use").await;
}

/// Google's issuer is the same for every account in the world.
#[tokio::test]
async fn google_of_one_organization() {
    let required = ["hd=example.com", "hd=example.org", "email_verified=true"];
    let bench = Bench::with(|o| {
        o.allow_id_tokens = Switch(true);
        o.required_claims = List(required.map(str::to_owned).to_vec());
    })
    .await;
    let with = |hd: Value, verified: Value| {
        bench.changed(|c| {
            c["hd"] = hd;
            c["email_verified"] = verified;
        })
    };
    for hd in ["example.com", "example.org"] {
        bench.accepts(&with(hd.into(), true.into())).await;
    }
    let list = json!(["example.net", "example.org"]);
    bench.accepts(&with(list, true.into())).await;
    for hd in [
        json!("example.net"),
        json!("Example.com"),
        json!("example.com,example.org"),
        json!({ "example.com": true }),
        json!(null),
        json!([]),
    ] {
        bench.refuses(&with(hd, true.into()), "`hd`").await;
    }
    let unverified = with("example.com".into(), false.into());
    bench.refuses(&unverified, "`email_verified`").await;
    let nested = Bench::with(|o| {
        o.required_claims = List(vec!["/realm_access/roles=editor".into()]);
    })
    .await;
    let roles = |role: &str| {
        let role = role.to_owned();
        nested.changed(|c| c["realm_access"] = json!({ "roles": [role] }))
    };
    nested.accepts(&roles("editor")).await;
    nested.refuses(&roles("viewer"), "required_claims").await;
}

#[tokio::test]
async fn okta_and_auth0() {
    let bench = Bench::with(|o| o.subject_claim = Some("uid".into())).await;
    let verified = bench
        .accepts(&bench.changed(|c| {
            c.as_object_mut().unwrap().remove("scope");
            c["scp"] = json!(["openid", "datahub"]);
            c["uid"] = "00u1".into();
            c["ver"] = 1.into();
        }))
        .await;
    assert_eq!(
        (verified.subject.as_str(), verified.scopes),
        ("00u1", vec!["openid".into(), "datahub".into()])
    );

    let auth0 =
        Bench::with(|o| o.scope_claim = Some(List(vec!["scope".into(), "permissions".into()])))
            .await;
    let verified = auth0
        .accepts(&auth0.changed(|c| {
            c["sub"] = "auth0|abc".into();
            c["permissions"] = json!(["read:data", "openid"]);
            c["https://example.com/roles"] = json!(["x"]);
        }))
        .await;
    assert_eq!(verified.scopes, ["openid", "profile", "read:data"]);
}

#[tokio::test]
async fn small_providers() {
    let bench = Bench::new().await;
    // A scope claim that is nothing, or odd, grants nothing and breaks nothing.
    for scope in [json!(null), json!(7), json!({}), json!([1, 2]), json!("")] {
        let verified = bench
            .accepts(&bench.changed(|c| c["scope"] = scope.clone()))
            .await;
        assert!(verified.scopes.is_empty(), "{scope}");
    }
    // Without `kid` and `typ`, dates with fractions, an array of scopes.
    let claims = bench.changed(|c| {
        c["exp"] = json!(NOW as f64 + 60.123);
        c["iat"] = json!(NOW as f64 - 0.5);
        c["scope"] = json!(["a", "b"]);
    });
    let token = bench.signer.token_with(&json!({ "alg": "RS256" }), &claims);
    assert_eq!(bench.ask(&token).await.unwrap().scopes, ["a", "b"]);
}

#[tokio::test]
async fn entra_of_many_tenants() {
    let idp = Idp::start(&[]).await;
    let signer = Signer::rs256();
    let mut key = signer.jwk();
    key.as_object_mut().unwrap().remove("alg");
    let template = format!("{}/{{tenantid}}/v2.0", idp.issuer());
    key["issuer"] = template.clone().into();
    idp.publish(vec![key.clone()]);
    idp.describe(|document| document["issuer"] = template.clone().into());
    let (jwks_uri, issuer) = (idp.server().at("keys"), idp.issuer());
    let clock = Clock::manual(NOW);
    let options = OidcOptions {
        issuer_url: Some(template),
        audience: List(vec!["mcp".into()]),
        tenants: List(vec![TENANT.into()]),
        jwks_uri: Some(jwks_uri),
        ..OidcOptions::default()
    };
    let verifier = Verifier::new(&options, clock.clone()).unwrap();
    let claims = |tenant: &str| {
        let mut claims = claims_for(&format!("{issuer}/{tenant}/v2.0"), NOW);
        claims["tid"] = tenant.into();
        claims["scp"] = "access_as_user".into();
        claims
    };
    let ask = async |claims: &Value| verifier.verify(&signer.token(claims)).await;
    ask(&claims(TENANT)).await.unwrap();
    let stranger = "11111111-2222-3333-4444-555555555555";
    assert_eq!(
        ask(&claims(stranger)).await.unwrap_err().kind(),
        FailureKind::Rejected
    );
    let mut mixed = claims(TENANT);
    mixed["tid"] = stranger.into();
    assert_eq!(ask(&mixed).await.unwrap_err().kind(), FailureKind::Rejected);
    assert_eq!(
        ask(&claims("common")).await.unwrap_err().kind(),
        FailureKind::NotMine
    );

    // A key of one tenant signs for that tenant only.
    key["issuer"] = format!("{issuer}/{stranger}/v2.0").into();
    key["kid"] = "theirs".into();
    idp.publish(vec![key]);
    let theirs = signer.as_other("RS256", "theirs");
    let failure = verifier
        .verify(&theirs.token(&claims(TENANT)))
        .await
        .unwrap_err();
    assert!(
        failure.log_detail().contains("another issuer"),
        "{}",
        failure.log_detail()
    );
}

#[tokio::test]
async fn an_id_token_of_entra_is_no_access_token() {
    let of_entra = |bench: &Bench, version: &str, more: Value| {
        bench.changed(|claims| {
            claims["ver"] = version.into();
            claims["tid"] = TENANT.into();
            let claims = claims.as_object_mut().unwrap();
            for name in ["scope", "scp", "roles", "azp"] {
                claims.remove(name);
            }
            claims.extend(more.as_object().unwrap().clone());
        })
    };
    let bench = Bench::new().await;
    for version in ["1.0", "2.0"] {
        // The code flow without a nonce leaves no other mark; roles of an app are in both.
        for more in [
            json!({}),
            json!({ "roles": ["Reader"] }),
            json!({ "scp": "", "azp": "client" }),
            json!({ "roles": [], "azp": "client" }),
        ] {
            let claims = of_entra(&bench, version, more);
            bench.refuses(&claims, "neither `scp` nor `roles`").await;
        }
        for more in [
            json!({ "scp": "mcp.access" }),
            json!({ "roles": ["Reader"], "azp": "client" }),
            json!({ "roles": ["Reader"], "appid": "client" }),
        ] {
            bench.accepts(&of_entra(&bench, version, more)).await;
        }
    }
    let wanted = Bench::with(|options| options.allow_id_tokens = Switch(true)).await;
    wanted.accepts(&of_entra(&wanted, "2.0", json!({}))).await;
}
