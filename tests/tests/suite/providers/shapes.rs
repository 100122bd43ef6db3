//! The rules and the tokens of each provider.

use serde_json::json;

use super::stub::{Params, Refused, Shape, Tokens, accepts, asks, plain};

/// Every provider that has a page.
pub(super) const SHAPES: [&Shape; 7] = [
    &ENTRA, &OKTA, &AUTH0, &KEYCLOAK, &GOOGLE, &COGNITO, &GENERIC,
];

const BELOW_ISSUER: &str = "/{path}/.well-known/openid-configuration";

/// A signed access token as it is on the page, an ID token, and a refresh token.
fn as_on_the_page() -> Tokens {
    Tokens {
        access: Some(json!({})),
        id: Some(json!({})),
        refresh: true,
        ..Tokens::default()
    }
}

fn refuses_offline_access(params: &Params) -> Option<Refused> {
    asks(params, "offline_access").then_some(Refused(
        "invalid_scope",
        "Some requested scopes were invalid. {invalid=[offline_access]}",
    ))
}

/// Entra takes `.default` or the scopes of an API, not both.
fn mixes_default(params: &Params) -> Option<Refused> {
    let scopes = params.get("scope").map(String::as_str).unwrap_or_default();
    let of_api = scopes.split(' ').filter(|scope| scope.contains('/'));
    let (default, named): (Vec<&str>, Vec<&str>) =
        of_api.partition(|scope| scope.ends_with("/.default"));
    (!default.is_empty() && !named.is_empty()).then_some(Refused(
        "invalid_scope",
        "AADSTS70011: .default scope can't be combined with resource-specific scopes.",
    ))
}

/// The API on Entra's page.
const ENTRA_API: &str = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c";

pub(super) const ENTRA: Shape = Shape {
    name: "entra",
    rewrites: &[("https://login.microsoftonline.com", "{here}")],
    issuer: "{here}/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0",
    endpoints: "{here}",
    place: BELOW_ISSUER,
    document: plain,
    at_sign_in: |query| {
        let resource = query.contains_key("resource");
        resource
            .then_some(Refused(
                "invalid_request",
                "AADSTS901002: The 'resource' request parameter is not supported.",
            ))
            .or_else(|| mixes_default(query))
    },
    at_refresh: |form| {
        (!form.contains_key("scope"))
            .then_some(Refused(
                "invalid_resource",
                "AADSTS90009: Application is requesting a token for itself.",
            ))
            .or_else(|| mixes_default(form))
    },
    tokens: |query, _| {
        let mut tokens = as_on_the_page();
        tokens.refresh = asks(query, "offline_access");
        // The names of what was granted, not of what was asked for.
        tokens.scope = format!("openid profile {ENTRA_API}/mcp.access").into();
        let of_api = asks(query, &format!("{ENTRA_API}/.default"));
        if !of_api {
            // Microsoft Graph.
            let graph = json!({ "aud": "00000003-0000-0000-c000-000000000000" });
            tokens.access = Some(graph);
        }
        tokens
    },
};

pub(super) const OKTA: Shape = Shape {
    name: "okta",
    rewrites: &[("https://company.okta.com", "{here}")],
    issuer: "{here}/oauth2/default",
    endpoints: "{here}",
    place: BELOW_ISSUER,
    document: plain,
    at_sign_in: accepts,
    at_refresh: accepts,
    tokens: |query, _| Tokens {
        refresh: asks(query, "offline_access"),
        ..as_on_the_page()
    },
};

pub(super) const AUTH0: Shape = Shape {
    name: "auth0",
    rewrites: &[("https://company.eu.auth0.com", "{here}")],
    issuer: "{here}/",
    endpoints: "{here}",
    place: BELOW_ISSUER,
    document: plain,
    at_sign_in: accepts,
    at_refresh: accepts,
    tokens: |query, _| {
        let mut tokens = as_on_the_page();
        tokens.refresh = asks(query, "offline_access");
        if query.get("audience").map(String::as_str) != Some("https://mcp.example.com/mcp") {
            tokens.access = None;
        }
        tokens
    },
};

pub(super) const KEYCLOAK: Shape = Shape {
    name: "keycloak",
    rewrites: &[
        ("https://sso.example.com", "{there}"),
        ("http://keycloak.sso.svc:8080", "{here}"),
    ],
    issuer: "{there}/realms/company",
    // The name by which it was asked, for what this server asks.
    endpoints: "{there}",
    place: BELOW_ISSUER,
    document: plain,
    at_sign_in: accepts,
    at_refresh: accepts,
    tokens: |_, _| as_on_the_page(),
};

pub(super) const GOOGLE: Shape = Shape {
    name: "google",
    rewrites: &[],
    issuer: "{here}",
    endpoints: "{here}",
    place: BELOW_ISSUER,
    document: plain,
    at_sign_in: refuses_offline_access,
    at_refresh: accepts,
    tokens: |query, again| {
        let is = |name: &str, value: &str| query.get(name).is_some_and(|given| given == value);
        Tokens {
            access: None,
            refresh: !again && is("access_type", "offline") && is("prompt", "consent"),
            ..as_on_the_page()
        }
    },
};

pub(super) const COGNITO: Shape = Shape {
    name: "cognito",
    rewrites: &[("https://cognito-idp.eu-central-1.amazonaws.com", "{here}")],
    issuer: "{here}/eu-central-1_Ab1Cd2Ef3",
    // The pool's domain, another host than the issuer.
    endpoints: "{there}",
    place: BELOW_ISSUER,
    document: plain,
    at_sign_in: refuses_offline_access,
    at_refresh: accepts,
    tokens: |_, again| Tokens {
        // The refresh token stays the same.
        refresh: !again,
        ..as_on_the_page()
    },
};

pub(super) const GENERIC: Shape = Shape {
    name: "generic",
    rewrites: &[("https://login.example.com", "{here}")],
    issuer: "{here}/company",
    endpoints: "{here}",
    // The last of the places; a page answers at the others.
    place: "/.well-known/openid-configuration/{path}",
    // Optional endpoints of no use must not end a sign-in.
    document: || {
        json!({
            "revocation_endpoint": "to be done",
            "userinfo_endpoint": 7,
            "introspection_endpoint": null,
            "end_session_endpoint": "ftp://login.example.com",
        })
    },
    at_sign_in: accepts,
    at_refresh: accepts,
    tokens: |query, again| Tokens {
        refresh: asks(query, "offline_access"),
        expires_in: if again { json!(0) } else { json!("3599") },
        ..as_on_the_page()
    },
};
