//! The defaults of each preset, and the combinations that it refuses.

use std::{collections::BTreeMap, path::Path};

use crate::config::{Environment, Raw, Settings, masked};

pub(super) const GUID: &str = "0f0e0d0c-0b0a-0908-0706-050403020100";
/// The API and, for ID tokens, this server.
const OF_BOTH: &str = "0f0e0d0c-0b0a-0908-0706-050403020100,our-id";
pub(super) const ENTRA: &str =
    "https://login.microsoftonline.com/0f0e0d0c-0b0a-0908-0706-050403020100/v2.0";

pub(super) fn raw(provider: &str, pairs: &[(&str, &str)]) -> Raw {
    let always = [
        ("DATAHUB_GMS_URL", "http://gms:8080"),
        ("OIDC_CLIENT_ID", "our-id"),
        ("OIDC_PROVIDER", provider),
    ];
    let environment: Environment = always
        .iter()
        .chain(pairs)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Raw::merge(BTreeMap::new(), environment)
}

pub(super) fn check(provider: &str, pairs: &[(&str, &str)]) -> Result<Settings, String> {
    let raw = raw(provider, pairs);
    Settings::check(&raw, Path::new("/opt/datahub-mcp/bin/datahub-mcp")).map_err(|e| e.to_string())
}

/// The line of `config show` for a setting.
pub(super) fn shown(raw: &Raw, setting: &str) -> String {
    let lines = masked(raw);
    let start = format!("{setting}=");
    let line = lines.iter().find_map(|line| line.strip_prefix(&start));
    line.unwrap_or_default().to_owned()
}

#[test]
fn a_preset_fills_in_what_is_not_set() {
    for (provider, pairs, filled) in [
        (
            "entra",
            &[("OIDC_ISSUER_URL", ENTRA), ("OIDC_AUDIENCE", GUID)][..],
            &[(
                "OAUTH_DEFAULT_SCOPE",
                "openid profile offline_access 0f0e0d0c-0b0a-0908-0706-050403020100/.default",
            )][..],
        ),
        (
            "Okta",
            &[("OIDC_ISSUER_URL", "https://org.okta.com/oauth2/default")],
            &[("OAUTH_DEFAULT_SCOPE", "openid profile email offline_access")],
        ),
        (
            "auth0",
            &[
                ("OIDC_ISSUER_URL", "https://company.eu.auth0.com/"),
                ("OIDC_AUDIENCE", "https://mcp.example.com/a b&c,other"),
            ],
            &[
                (
                    "OAUTH_AUTHORIZE_PARAMS",
                    "audience=https%3A%2F%2Fmcp.example.com%2Fa+b%26c",
                ),
                ("OAUTH_DEFAULT_SCOPE", "openid profile email offline_access"),
            ],
        ),
        (
            "google",
            &[],
            &[
                ("OIDC_ISSUER_URL", "https://accounts.google.com"),
                ("OIDC_AUDIENCE", "our-id"),
                ("OAUTH_UPSTREAM_TOKEN", "id_token"),
            ],
        ),
        (
            "cognito",
            &[(
                "OIDC_ISSUER_URL",
                "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab1",
            )],
            &[
                ("OIDC_AUDIENCE", "our-id"),
                ("OIDC_AUDIENCE_CLAIM", "client_id"),
            ],
        ),
    ] {
        check(provider, pairs).unwrap_or_else(|why| panic!("{provider}: {why}"));
        let source = format!("  # preset {}", provider.to_lowercase());
        for (setting, value) in filled {
            let raw = raw(provider, pairs);
            assert_eq!(shown(&raw, setting), format!("{value}{source}"));
            // What the operator says counts, whatever the preset would say.
            let mut own = pairs.to_vec();
            own.push((setting, "audience=own"));
            let raw = self::raw(provider, &own);
            assert_eq!(shown(&raw, setting), "audience=own  # environment");
        }
    }
}

#[test]
fn google_is_asked_for_refresh_tokens_unless_told_otherwise() {
    let line = |given: &str| {
        let raw = raw("google", &[("OAUTH_AUTHORIZE_PARAMS", given)]);
        shown(&raw, "OAUTH_AUTHORIZE_PARAMS")
    };
    let both = "access_type=offline&prompt=consent";
    assert_eq!(line(""), format!("{both}  # preset google"));
    let completed = "# completed by preset google";
    assert_eq!(
        line("hd=example.com"),
        format!("hd=example.com&{both}  {completed}")
    );
    assert_eq!(
        line("prompt=select_account"),
        format!("prompt=select_account&access_type=offline  {completed}")
    );
    for own in ["access_type=online", "access_type=offline&prompt=login"] {
        assert_eq!(line(own), format!("{own}  # environment"));
    }
}

#[test]
fn google_without_an_organization_is_warned_about() {
    let warned = |provider: &str, pairs: &[(&str, &str)]| {
        let lines = raw(provider, pairs).warnings().join("\n");
        lines.contains("every Google account can sign in here")
    };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("options.json");
    std::fs::write(&file, r#"{"required_claims": ["hd=example.com"]}"#).unwrap();
    let file = format!("@{}", file.display());
    const OPTION: &str = "TOKEN_VALIDATOR_OPT_REQUIRED_CLAIMS";
    assert!(warned("google", &[]));
    assert!(warned("google", &[(OPTION, "email_verified=true")]));
    // Google's page is asked for that organization, and may show another account all the same.
    assert!(warned(
        "google",
        &[("OAUTH_AUTHORIZE_PARAMS", "hd=example.com")]
    ));
    for (name, value) in [
        (OPTION, "hd=example.com"),
        (OPTION, "email_verified=true, hd=example.com"),
        (
            "TOKEN_VALIDATOR_CONFIG",
            r#"{"required_claims":"hd=example.com"}"#,
        ),
        ("TOKEN_VALIDATOR_CONFIG", &file),
    ] {
        assert!(!warned("google", &[(name, value)]), "{name}={value}");
    }
    assert!(!warned("generic", &[]));
}

#[test]
fn generic_and_keycloak_fill_in_nothing() {
    let realm = ("OIDC_ISSUER_URL", "https://sso.example.com/realms/company");
    let generic = raw("generic", &[realm]);
    let without = |raw: &Raw| {
        let mut lines = masked(raw);
        lines.retain(|line| !line.starts_with("OIDC_PROVIDER="));
        lines
    };
    assert_eq!(without(&generic), without(&raw("keycloak", &[realm])));
    assert!(check("keycloak", &[realm]).is_ok());
    assert!(!masked(&generic).iter().any(|line| line.contains("preset")));
}

#[test]
fn what_is_certain_is_completed_and_shown() {
    let issuer = ("OIDC_ISSUER_URL", "https://company.eu.auth0.com");
    let settings = check("auth0", &[issuer, ("OIDC_AUDIENCE", "api")]).unwrap();
    let upstream = settings.oauth.unwrap().upstream;
    assert_eq!(
        upstream.issuer.as_deref(),
        Some("https://company.eu.auth0.com/")
    );
    assert_eq!(
        shown(&raw("auth0", &[issuer]), "OIDC_ISSUER_URL"),
        "https://company.eu.auth0.com/  # completed by preset auth0"
    );
    let uri = format!("api://{GUID}");
    let pairs = [("OIDC_ISSUER_URL", ENTRA), ("OIDC_AUDIENCE", &*uri)];
    let settings = check("entra", &pairs).unwrap();
    let both = format!("{uri},{GUID}");
    assert_eq!(
        settings.plugins.options.env.get("OIDC_AUDIENCE"),
        Some(&*both)
    );
    // A URI is not added to a GUID: it may be somebody else's.
    let pairs = [("OIDC_ISSUER_URL", ENTRA), ("OIDC_AUDIENCE", GUID)];
    let settings = check("entra", &pairs).unwrap();
    assert_eq!(
        settings.plugins.options.env.get("OIDC_AUDIENCE"),
        Some(GUID)
    );
}

#[test]
fn what_the_upstream_client_is_told() {
    let scopes = "openid offline_access api://x/read api://x/write".to_owned();
    let pairs = [
        ("OIDC_ISSUER_URL", ENTRA),
        ("OIDC_AUDIENCE", GUID),
        ("OAUTH_DEFAULT_SCOPE", &*scopes),
    ];
    let upstream = check("entra", &pairs).unwrap().oauth.unwrap().upstream;
    let api = ["api://x/read", "api://x/write"];
    assert_eq!(upstream.api_scopes, api);
    assert!(upstream.offline_access);
    let upstream = check("google", &[]).unwrap().oauth.unwrap().upstream;
    assert!(upstream.api_scopes.is_empty() && !upstream.offline_access);
    let pairs = [("OIDC_ISSUER_URL", "https://idp.example")];
    let upstream = check("generic", &pairs).unwrap().oauth.unwrap().upstream;
    assert!(upstream.api_scopes.is_empty() && upstream.offline_access);
}

#[test]
fn id_tokens_of_google_are_accepted_by_the_validator() {
    let settings = check("google", &[]).unwrap();
    let view = &settings.plugins.options.env;
    assert_eq!(view.get("OAUTH_ACCEPT_ID_TOKENS"), Some("true"));
    assert_eq!(settings.plugins.validators[0].to_string(), "oidc");
}

#[test]
fn combinations_that_can_never_work_are_refused_with_the_reason() {
    let entra = [("OIDC_ISSUER_URL", ENTRA), ("OIDC_AUDIENCE", GUID)];
    let with = |first: &[(&'static str, &'static str)], more: (&'static str, &'static str)| {
        let mut pairs = first.to_vec();
        pairs.retain(|(name, _)| *name != more.0);
        pairs.push(more);
        pairs
    };
    let okta = |issuer| vec![("OIDC_ISSUER_URL", issuer)];
    let auth0 = [
        ("OIDC_ISSUER_URL", "https://company.eu.auth0.com/"),
        ("OIDC_AUDIENCE", "api"),
    ];
    let google = [("OIDC_ISSUER_URL", "https://accounts.google.com")];
    let cases = [
        (
            "entra",
            with(&entra, ("OAUTH_FORWARD_RESOURCE", "True")),
            "AADSTS901002",
        ),
        (
            "entra",
            with(&entra, ("OIDC_AUDIENCE", "https://mcp.example.com")),
            "the client id of the API",
        ),
        (
            "entra",
            with(&entra, ("OAUTH_DEFAULT_SCOPE", "openid offline_access")),
            "Microsoft Graph",
        ),
        (
            "entra",
            with(
                &entra,
                ("OAUTH_DEFAULT_SCOPE", "openid x/.default api://x/read"),
            ),
            "AADSTS70011",
        ),
        (
            "entra",
            with(
                &entra,
                ("OIDC_ISSUER_URL", "https://sts.windows.net/tenant/"),
            ),
            "requestedAccessTokenVersion",
        ),
        (
            "entra",
            with(
                &entra,
                (
                    "OIDC_ISSUER_URL",
                    "https://login.microsoftonline.com/tenant",
                ),
            ),
            "/v2.0",
        ),
        (
            "okta",
            okta("https://company.okta.com"),
            "use a custom authorization server",
        ),
        (
            "okta",
            okta("https://company.okta.com/oauth2/"),
            "/oauth2/default",
        ),
        (
            "auth0",
            with(&auth0, ("OAUTH_AUTHORIZE_PARAMS", "prompt=login")),
            "add `audience=api`",
        ),
        (
            "keycloak",
            okta("https://sso.example.com/company"),
            "/realms/REALM",
        ),
        (
            "google",
            with(&google, ("OAUTH_UPSTREAM_TOKEN", "access_token")),
            "opaque",
        ),
        (
            "google",
            with(&google, ("OAUTH_DEFAULT_SCOPE", "openid offline_access")),
            "access_type=offline",
        ),
        (
            "cognito",
            okta("https://company.auth.eu-central-1.amazoncognito.com/x"),
            "https://cognito-idp.REGION.amazonaws.com/USER_POOL_ID",
        ),
        (
            "cognito",
            okta("https://cognito-idp.eu-central-1.amazonaws.com"),
            "USER_POOL_ID",
        ),
        (
            "cognito",
            with(
                &okta("https://cognito-idp.eu-central-1.amazonaws.com/p"),
                ("OAUTH_DEFAULT_SCOPE", "openid,offline_access"),
            ),
            "take it out",
        ),
    ];
    for (provider, pairs, words) in cases {
        let text = check(provider, &pairs).expect_err(words);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1, "{provider}: {text}");
        assert!(text.contains(words), "{provider}: {text}");
        assert!(
            text.contains(&format!("`OIDC_PROVIDER={provider}`")),
            "{text}"
        );
        // Nobody else is held to it.
        let own = check("generic", &pairs);
        assert!(own.is_ok(), "{provider}: {own:?}");
    }
}

#[test]
fn what_can_work_otherwise_is_not_refused() {
    for (provider, pairs) in [
        // Tokens of version 1.0 that clients bring along, or a sign-in page that is set.
        (
            "entra",
            &[
                ("OIDC_ISSUER_URL", "https://sts.windows.net/tenant/"),
                ("OIDC_AUDIENCE", "https://mcp.example.com"),
                (
                    "OAUTH_AUTHORIZE_ENDPOINT",
                    "https://login.example/authorize",
                ),
                ("OAUTH_TOKEN_ENDPOINT", "https://login.example/token"),
            ][..],
        ),
        (
            "entra",
            &[
                ("OIDC_ISSUER_URL", ENTRA),
                ("OIDC_AUDIENCE", OF_BOTH),
                ("OAUTH_DEFAULT_SCOPE", "openid profile"),
                ("OAUTH_UPSTREAM_TOKEN", "id_token"),
            ],
        ),
        (
            "okta",
            &[
                ("OIDC_ISSUER_URL", "https://company.okta.com"),
                ("OAUTH_UPSTREAM_TOKEN", "id_token"),
            ],
        ),
        // Something on this machine that stands for the provider.
        (
            "entra",
            &[
                ("OIDC_ISSUER_URL", "http://127.0.0.1:8080"),
                ("OIDC_AUDIENCE", "mcp"),
            ],
        ),
        (
            "entra",
            &[
                ("OIDC_ISSUER_URL", "http://localhost:8080/tenant/v2.0"),
                ("OIDC_AUDIENCE", "mcp"),
            ],
        ),
        ("keycloak", &[("OIDC_ISSUER_URL", "http://127.0.0.1:8080")]),
        ("cognito", &[("OIDC_ISSUER_URL", "http://127.0.0.1:8080")]),
        (
            "google",
            &[
                ("OAUTH_UPSTREAM_TOKEN", "access_token"),
                ("TOKEN_VALIDATOR_FACTORY", "own_validator"),
            ],
        ),
    ] {
        check(provider, pairs).unwrap_or_else(|why| panic!("{provider}: {why}"));
    }
    // The audience of an ID token is in `aud`.
    let pool = "https://cognito-idp.eu-central-1.amazonaws.com/p";
    let pairs = [
        ("OIDC_ISSUER_URL", pool),
        ("OAUTH_UPSTREAM_TOKEN", "id_token"),
    ];
    assert_eq!(shown(&raw("cognito", &pairs), "OIDC_AUDIENCE_CLAIM"), "");
}

#[test]
fn an_unknown_provider_is_refused_with_the_one_that_was_meant() {
    for (text, meant) in [
        ("entraid", "entra"),
        ("Azure AD", "entra"),
        ("microsoft", "entra"),
        ("otka", "okta"),
        ("auth-0", "auth0"),
        ("keyclock", "keycloak"),
        ("google-workspace", "google"),
        ("aws", "cognito"),
        ("generick", "generic"),
    ] {
        let why = check(text, &[("OIDC_ISSUER_URL", "https://idp.example")]).expect_err(text);
        assert!(
            why.starts_with(&format!(
                "`OIDC_PROVIDER` (`--oidc-provider`) is `{text}`: not a known identity provider; \
                 did you mean `{meant}`?"
            )),
            "{why}"
        );
    }
    let why = check("zitadel", &[("OIDC_ISSUER_URL", "https://idp.example")]).expect_err("unknown");
    assert!(why.contains("set it to `generic`"), "{why}");
}
