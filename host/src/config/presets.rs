//! Presets (`OIDC_PROVIDER`): the settings that one identity provider needs, as defaults for those
//! that the operator has not set, and the combinations that can never work with it.
//!
//! A preset never replaces a value that was given. It completes three of them where the rest is
//! certain, and `config show` says so: the slash at the end of an issuer, the GUID of an Entra
//! audience, what Google wants for a refresh token. It never makes a validator accept tokens that are
//! for somebody else.

mod draft;
mod issuer;

use std::collections::BTreeMap;

use url::{Url, form_urlencoded};

use self::draft::{Draft, Outcome, host};
pub(crate) use self::issuer::spelled;
use super::{
    preset::{Preset, is_of_api},
    table as t,
};

/// The scopes for a provider that gives refresh tokens to those who ask for this scope.
const WITH_OFFLINE_ACCESS: &str = "openid profile email offline_access";

/// The outcome of the preset that `OIDC_PROVIDER` names; `given` are the settings that have a value,
/// `required_claims` reads the text in which the claims stand that the validators require.
pub(super) fn apply(
    given: BTreeMap<&'static str, String>,
    required_claims: impl FnOnce() -> String,
) -> Outcome {
    let mut draft = Draft {
        given,
        outcome: Outcome::default(),
    };
    let Some(text) = draft.text(&t::OIDC_PROVIDER) else {
        return draft.outcome;
    };
    match Preset::parse(&text) {
        Ok(preset) => draft.outcome.preset = preset,
        Err(problem) => draft.outcome.problems.push(problem),
    }
    if !issuer::settle(&mut draft) {
        // The rest is about another provider.
        return draft.outcome;
    }
    match draft.outcome.preset {
        Preset::Generic => {}
        Preset::Entra => entra(&mut draft),
        Preset::Okta => okta(&mut draft),
        Preset::Auth0 => auth0(&mut draft),
        Preset::Keycloak => keycloak(&mut draft),
        Preset::Google => google(&mut draft, &required_claims()),
        Preset::Cognito => cognito(&mut draft),
    }
    draft.outcome
}

fn entra(draft: &mut Draft) {
    let issuer = draft.remote_issuer();
    if let Some(issuer) = issuer.filter(|issuer| !is_second_version(issuer)) {
        let first_version = host(&issuer).as_deref() == Some("sts.windows.net");
        let own_endpoints =
            draft.has(&t::OAUTH_AUTHORIZE_ENDPOINT) && draft.has(&t::OAUTH_TOKEN_ENDPOINT);
        let fix = "set `requestedAccessTokenVersion` to 2 in the manifest of the app registration, and this to \
                   `https://login.microsoftonline.com/TENANT/v2.0`";
        if !first_version {
            draft.refuse(
                &t::OIDC_ISSUER_URL,
                "not an issuer of Entra: that ends in `/v2.0`",
                fix,
            );
        } else if draft.signs_in() && !own_endpoints {
            draft.refuse(
                &t::OIDC_ISSUER_URL,
                "the issuer of version 1.0, whose sign-in page knows no scopes",
                fix,
            );
        }
    }
    complete_guid(draft);
    if draft.is_on(&t::OAUTH_FORWARD_RESOURCE) {
        draft.refuse(
            &t::OAUTH_FORWARD_RESOURCE,
            "refused by Entra: AADSTS901002, the 'resource' request parameter is not supported",
            "unset it; the scope names the API",
        );
    }
    let scopes = draft.text(&t::OAUTH_DEFAULT_SCOPE);
    if let Some(scopes) = scopes {
        let of_tokens = draft.text(&t::OAUTH_TOKEN_PARAMS);
        let elsewhere = of_tokens.is_some_and(|text| parameter(&text, "scope"));
        if !words(&scopes).any(is_of_api) && !elsewhere && !draft.of_id_tokens() {
            draft.refuse(
                &t::OAUTH_DEFAULT_SCOPE,
                "without a scope of the API, so that Entra's access token is for Microsoft Graph",
                "add `<OIDC_AUDIENCE>/.default` or a scope that the API exposes, or unset this",
            );
        }
        let of_api: Vec<&str> = words(&scopes).filter(|scope| is_of_api(scope)).collect();
        if of_api.len() > 1 && of_api.iter().any(|scope| scope.ends_with("/.default")) {
            draft.refuse(
                &t::OAUTH_DEFAULT_SCOPE,
                "with `.default` and another scope of an API, which Entra refuses together (AADSTS70011)",
                "keep one of them",
            );
        }
    } else if let Some(api) = entra_api(draft) {
        let scopes = format!("openid profile offline_access {api}/.default");
        draft.fill(&t::OAUTH_DEFAULT_SCOPE, scopes);
    }
}

/// True for the issuer of Entra's tokens of version 2.0.
fn is_second_version(issuer: &str) -> bool {
    issuer.trim_end_matches('/').ends_with("/v2.0")
}

/// The audience by which Entra is asked for a token: the GUID if there is one, since an application
/// that asks for a token of its own must name that (AADSTS90009).
fn entra_api(draft: &Draft) -> Option<String> {
    let audience = draft.text(&t::OIDC_AUDIENCE)?;
    let guid = audiences(&audience).find(|one| outbound::is_guid(one));
    guid.or_else(|| audiences(&audience).next())
        .map(str::to_owned)
}

/// Tokens of version 2.0 name the GUID of the API as their audience, also if it was asked for as
/// `api://GUID`. Never the other way round: the GUID belongs to one application, an identifier URI
/// to whoever registered it first.
fn complete_guid(draft: &mut Draft) {
    let issuer = draft.text(&t::OIDC_ISSUER_URL);
    let Some(audience) = draft.text(&t::OIDC_AUDIENCE) else {
        return;
    };
    if !issuer.is_some_and(|issuer| is_second_version(&issuer))
        || audiences(&audience).any(outbound::is_guid)
    {
        return;
    }
    let guids: Vec<&str> = audiences(&audience)
        .filter_map(|one| one.strip_prefix("api://"))
        .filter(|guid| outbound::is_guid(guid))
        .collect();
    if guids.is_empty() {
        if draft.remote_issuer().is_none() {
            return;
        }
        draft.refuse(
            &t::OIDC_AUDIENCE,
            "not the audience of Entra's tokens of version 2.0: that is the client id of the API",
            "set it to the GUID of the app registration that exposes the API",
        );
    } else {
        let both = format!("{audience},{}", guids.join(","));
        draft.complete(&t::OIDC_AUDIENCE, both);
    }
}

fn okta(draft: &mut Draft) {
    let custom = |issuer: &String| {
        let server = issuer.split_once("/oauth2/").map(|(_, server)| server);
        server.is_some_and(|server| !server.trim_matches('/').is_empty())
    };
    if draft
        .text(&t::OIDC_ISSUER_URL)
        .is_some_and(|issuer| !custom(&issuer))
        && !draft.of_id_tokens()
    {
        draft.refuse(
            &t::OIDC_ISSUER_URL,
            "the org authorization server, whose access tokens only Okta itself can check",
            "use a custom authorization server, such as `https://ORG/oauth2/default`",
        );
    }
    draft.fill(&t::OAUTH_DEFAULT_SCOPE, WITH_OFFLINE_ACCESS.to_owned());
}

fn auth0(draft: &mut Draft) {
    draft.fill(&t::OAUTH_DEFAULT_SCOPE, WITH_OFFLINE_ACCESS.to_owned());
    let audience = draft.text(&t::OIDC_AUDIENCE);
    let audience = audience.and_then(|all| audiences(&all).next().map(str::to_owned));
    let Some(audience) = audience.filter(|_| !draft.of_id_tokens()) else {
        return;
    };
    let wanted = form_urlencoded::Serializer::new(String::new())
        .append_pair("audience", &audience)
        .finish();
    match draft.text(&t::OAUTH_AUTHORIZE_PARAMS) {
        Some(given) if !parameter(&given, "audience") => draft.refuse(
            &t::OAUTH_AUTHORIZE_PARAMS,
            "without `audience`, so that Auth0's access tokens are opaque",
            &format!("add `{wanted}`"),
        ),
        Some(_) => {}
        None => draft.fill(&t::OAUTH_AUTHORIZE_PARAMS, wanted),
    }
}

fn keycloak(draft: &mut Draft) {
    let realm = |issuer: &String| {
        let realm = issuer.split_once("/realms/").map(|(_, realm)| realm);
        realm.is_some_and(|realm| !realm.is_empty() && !realm.contains('/'))
    };
    if draft.remote_issuer().is_some_and(|issuer| !realm(&issuer)) {
        draft.refuse(&t::OIDC_ISSUER_URL,
            "not the issuer of a realm of Keycloak",
            "set it to `https://HOST/realms/REALM` (before version 17: `https://HOST/auth/realms/REALM`)",
        );
    }
}

fn google(draft: &mut Draft, required_claims: &str) {
    draft.fill(&t::OAUTH_UPSTREAM_TOKEN, "id_token".to_owned());
    lasting_sign_in(draft);
    if !required_claims
        .split(['"', ',', ' '])
        .any(|claim| claim.starts_with("hd="))
    {
        draft.warn(
            "every Google account can sign in here, unless the audience of the app at Google is Internal; set \
             `TOKEN_VALIDATOR_OPT_REQUIRED_CLAIMS=hd=example.com` for those of your organization alone",
        );
    }
    audience_is_client(draft);
    if !draft.of_id_tokens() && !draft.has(&t::TOKEN_VALIDATOR_FACTORY) {
        draft.refuse(
            &t::OAUTH_UPSTREAM_TOKEN,
            "not possible with Google, whose access tokens are opaque",
            "set it to `id_token`, or unset it",
        );
    }
    no_offline_access(draft, "access_type=offline");
}

/// Google gives a refresh token if it is asked for, and at the first consent only, unless it shows
/// the page again.
fn lasting_sign_in(draft: &mut Draft) {
    let Some(given) = draft.text(&t::OAUTH_AUTHORIZE_PARAMS) else {
        let params = "access_type=offline&prompt=consent".to_owned();
        draft.fill(&t::OAUTH_AUTHORIZE_PARAMS, params);
        return;
    };
    if parameter(&given, "access_type") {
        return;
    }
    let prompt = match parameter(&given, "prompt") {
        true => "",
        false => "&prompt=consent",
    };
    let params = format!("{given}&access_type=offline{prompt}");
    draft.complete(&t::OAUTH_AUTHORIZE_PARAMS, params);
}

fn cognito(draft: &mut Draft) {
    if let Some(issuer) = draft.remote_issuer() {
        let sign_in = host(&issuer).is_some_and(|host| host.ends_with(".amazoncognito.com"));
        let pool = Url::parse(&issuer).is_ok_and(|url| url.path().len() > 1);
        if sign_in || !pool {
            draft.refuse(
                &t::OIDC_ISSUER_URL,
                "not the issuer of a user pool, which is on another host than the sign-in page",
                "set it to `https://cognito-idp.REGION.amazonaws.com/USER_POOL_ID`",
            );
        }
    }
    // An ID token has `aud`, an access token has the same in `client_id`.
    if !draft.of_id_tokens() {
        draft.fill(&t::OIDC_AUDIENCE_CLAIM, "client_id".to_owned());
    }
    audience_is_client(draft);
    no_offline_access(draft, "the app client's own setting of refresh tokens");
}

/// The audience is this server's client id, if that is known.
fn audience_is_client(draft: &mut Draft) {
    if let Some(client) = draft.text(&t::OIDC_CLIENT_ID) {
        draft.fill(&t::OIDC_AUDIENCE, client);
    }
}

fn no_offline_access(draft: &mut Draft, instead: &str) {
    let scopes = draft.text(&t::OAUTH_DEFAULT_SCOPE);
    if scopes.is_some_and(|scopes| words(&scopes).any(|scope| scope == "offline_access")) {
        draft.refuse(
            &t::OAUTH_DEFAULT_SCOPE,
            "with `offline_access`, a scope that this provider refuses",
            &format!("take it out; refresh tokens come by {instead}"),
        );
    }
}

/// The members of `OIDC_AUDIENCE`, as the validators split it.
fn audiences(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|one| !one.is_empty())
}

/// The words of a list that is separated by commas or spaces.
fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', ' ']).filter(|word| !word.is_empty())
}

fn parameter(query: &str, name: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(key, _)| key == name)
}

#[cfg(test)]
mod tests;
