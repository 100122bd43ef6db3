//! The identity provider: its issuer, and tokens that nobody could use.

use sandbox::{
    datahub,
    idp::{self, EmbeddedIdp, PUBLIC_CLIENT},
};
use serde_json::json;

use super::{World, examine};

#[tokio::test]
async fn an_issuer_that_differs_by_a_slash_is_told_apart() {
    for (path, configured) in [("", "/"), ("/o/app/", "/o/app"), ("/", "")] {
        let options = idp::Options {
            issuer_path: path.to_owned(),
            ..idp::Options::default()
        };
        let world = World::with(options, datahub::Options::default()).await;
        let mut settings = world.settings();
        let issuer = world.idp.issuer().strip_suffix(path).unwrap().to_owned() + configured;
        settings.insert("OIDC_ISSUER_URL", issuer);
        let fix = format!("set `OIDC_ISSUER_URL` to `{}`", world.idp.issuer());
        let examined = examine(&settings).await;
        examined.assert_fails("issuer", "only in the slash at the end", &fix);
    }
}

/// A preset spells the end of the issuer: what to set must survive it.
#[tokio::test]
async fn the_advice_about_a_slash_fits_the_preset() {
    for (path, provider, set) in [
        ("", "auth0", ""),
        ("", "auth0", "/"),
        ("/realms/x", "keycloak", "/"),
    ] {
        let options = idp::Options {
            issuer_path: path.to_owned(),
            ..idp::Options::default()
        };
        let world = World::with(options, datahub::Options::default()).await;
        let mut settings = world.settings();
        let named = world.idp.issuer();
        settings.insert("OIDC_PROVIDER", provider.to_owned());
        settings.insert("OIDC_ISSUER_URL", format!("{named}{set}"));
        settings.insert(
            "OAUTH_AUTHORIZE_PARAMS",
            format!("audience={}", world.idp.audience()),
        );
        let fix = match provider {
            "auth0" => {
                format!("set `OIDC_PROVIDER` to `generic` and `OIDC_ISSUER_URL` to `{named}`")
            }
            // Not respelled on this machine.
            _ => format!("set `OIDC_ISSUER_URL` to `{named}`"),
        };
        let examined = examine(&settings).await;
        examined.assert_fails("issuer", "only in the slash at the end", &fix);
        // It is enough.
        if provider == "auth0" {
            settings.insert("OIDC_PROVIDER", "generic".to_owned());
        }
        settings.insert("OIDC_ISSUER_URL", named.to_owned());
        let examined = examine(&settings).await;
        examined.find("issuer", "ok");
    }
}

#[tokio::test]
async fn an_issuer_with_a_wrong_path_leads_to_the_right_one() {
    let options = idp::Options {
        issuer_path: "/realms/shop".to_owned(),
        ..idp::Options::default()
    };
    let world = World::with(options, datahub::Options::default()).await;
    let base = world.idp.issuer().strip_suffix("/realms/shop").unwrap();
    for wrong in ["/auth/realms/shop", "/realms/shop/protocol/openid-connect"] {
        let mut settings = world.settings();
        settings.insert("OIDC_ISSUER_URL", format!("{base}{wrong}"));
        let fix = format!("set `OIDC_ISSUER_URL` to `{}`", world.idp.issuer());
        let examined = examine(&settings).await;
        examined.assert_fails("provider", "answers 404", &fix);
        assert!(examined.text.contains(&format!("{wrong}/.well-known/")));
    }
    let mut settings = world.settings();
    settings.insert("OIDC_ISSUER_URL", format!("{base}/realms/other"));
    let examined = examine(&settings).await;
    examined.assert_fails("provider", "no discovery document", "set `OIDC_ISSUER_URL`");
}

#[tokio::test]
async fn tokens_that_nobody_could_use_are_foreseen() {
    let world = World::start().await;
    let mut settings = world.settings();
    settings.insert("OAUTH_UPSTREAM_TOKEN", "id_token".to_owned());
    settings.insert("OIDC_AUDIENCE", "another".to_owned());
    let refused = examine(&settings).await;
    assert_eq!(refused.status, 64, "{}", refused.text);
    let fix = refused.find("settings:OIDC_AUDIENCE", "fail")["fix"].to_string();
    assert!(fix.contains(&format!("`{PUBLIC_CLIENT}`")), "{fix}");
    settings.insert("OIDC_AUDIENCE", PUBLIC_CLIENT.to_owned());
    settings.insert("TOKEN_VALIDATOR_OPT_ALLOW_ID_TOKENS", "false".to_owned());
    let examined = examine(&settings).await;
    examined.assert_fails("upstream-token", "told to refuse them", "ALLOW_ID_TOKENS");
}

#[tokio::test]
async fn each_issuer_of_a_validator_has_checks_of_its_own() {
    let world = World::start().await;
    let second = EmbeddedIdp::start(idp::Options::default()).await.unwrap();
    let mut settings = world.settings();
    let chain = "introspection,oidc";
    settings.insert("TOKEN_VALIDATOR_FACTORY", chain.to_owned());
    let second_issuer = format!("{}/", second.issuer());
    let config = |second: &str| {
        json!({
            "introspection": {
                "issuer_url": second, "client_id": idp::CONFIDENTIAL_CLIENT,
                "client_secret": idp::CONFIDENTIAL_SECRET, "client_auth": "basic",
            },
            "oidc": {"issuer_url": world.idp.issuer(), "algorithms": "ES256"},
        })
        .to_string()
    };
    settings.insert("TOKEN_VALIDATOR_CONFIG", config(second.issuer()));
    let examined = examine(&settings).await;
    for id in [
        "provider",
        "issuer",
        "keys",
        "audience",
        "provider:introspection",
        "issuer:introspection",
        "keys:introspection",
        "audience:introspection",
        "validators:introspection:introspection",
        "validators:oidc:oidc",
        "clock:provider",
        "clock:provider:introspection",
    ] {
        examined.find(id, "ok");
    }
    assert_eq!(examined.status, 0, "{}", examined.text);
    assert!(!examined.text.contains(idp::CONFIDENTIAL_SECRET));

    settings.insert("TOKEN_VALIDATOR_CONFIG", config(&second_issuer));
    let examined = examine(&settings).await;
    let fix = format!(
        "set the option `issuer_url` of introspection to `{}`",
        second.issuer()
    );
    examined.assert_fails("issuer:introspection", "only in the slash at the end", &fix);
    examined.find("issuer", "ok");
}

#[tokio::test]
async fn an_algorithm_that_no_key_has_is_a_failure() {
    let world = World::start().await;
    let mut settings = world.settings();
    settings.insert("OIDC_ALGORITHMS", "ES256".to_owned());
    let examined = examine(&settings).await;
    examined.assert_fails(
        "keys",
        "none of these is in",
        "set `OIDC_ALGORITHMS` to RS256",
    );
}

#[tokio::test]
async fn scopes_that_bring_no_refresh_token_are_a_warning() {
    let world = World::start().await;
    let mut settings = world.settings();
    settings.remove("OAUTH_DEFAULT_SCOPE");
    let examined = examine(&settings).await;
    let check = examined.find("refresh", "warn").to_string();
    assert!(
        check.contains("add `offline_access` to `OAUTH_DEFAULT_SCOPE`"),
        "{check}"
    );
    assert_eq!(examined.status, 0, "{}", examined.text);
    settings.insert("OAUTH_DEFAULT_SCOPE", "openid offline_access".to_owned());
    settings.insert("OAUTH_TOKEN_PARAMS", "scope=openid".to_owned());
    let examined = examine(&settings).await;
    let seen = examined.find("refresh", "ok")["seen"].to_string();
    assert!(
        seen.contains("the scopes of `OAUTH_TOKEN_PARAMS` are sent"),
        "{seen}"
    );
}
