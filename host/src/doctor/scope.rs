//! The scopes of a sign-in and of a refresh: those that are asked for, those that the provider offers, and what
//! a provider wants of them.

use outbound::Document;
use url::Url;

use super::{options, report::Check};
use crate::config::Settings;

const SCOPE: &str = "scope";
const REFRESH: &str = "refresh";
const OFFLINE: &str = "offline_access";

pub(super) fn check(settings: &Settings, document: &Document, issuer: &Url) -> Vec<Check> {
    let Some(oauth) = &settings.oauth else {
        return Vec::new();
    };
    let asked = &oauth.default_scopes;
    let offered: Vec<&str> = document.strings("scopes_supported").collect();
    vec![
        asked_for(asked, &offered, issuer),
        refresh(&oauth.upstream, asked, &offered, issuer),
    ]
}

fn asked_for(asked: &[String], offered: &[&str], issuer: &Url) -> Check {
    let list = asked.join(" ");
    // Scopes of an API are a URI or a name of its own, and no document lists them all.
    let standard = ["openid", "profile", "email", OFFLINE];
    if options::is_entra(issuer) && asked.iter().all(|scope| standard.contains(&scope.as_str())) {
        return Check::warn(
            SCOPE,
            format!(
                "`{list}`: without a scope of your own API, Entra issues access tokens for Microsoft Graph"
            ),
            "add a scope of the app registration to `OAUTH_DEFAULT_SCOPE`, such as `api://CLIENT-ID/mcp.access`",
        );
    }
    let unknown: Vec<&str> = asked
        .iter()
        .map(String::as_str)
        .filter(|scope| standard.contains(scope) && !offered.contains(scope))
        .collect();
    if offered.is_empty() || unknown.is_empty() {
        return Check::ok(SCOPE, format!("`{list}`"));
    }
    Check::warn(
        SCOPE,
        format!(
            "`{list}`, and the provider does not offer `{}`",
            unknown.join(" ")
        ),
        "leave it out of `OAUTH_DEFAULT_SCOPE` if sign-ins end with `invalid_scope`",
    )
}

fn refresh(
    upstream: &oauth::UpstreamSettings,
    asked: &[String],
    offered: &[&str],
    issuer: &Url,
) -> Check {
    let asks = asked.iter().any(|scope| scope == OFFLINE);
    let params = || upstream.authorize_params.iter();
    let google = options::is_at(issuer, "accounts.google.com");
    let entra = options::is_entra(issuer);
    let own_scope = upstream
        .token_params
        .iter()
        .any(|(name, _)| name == "scope");
    if google {
        let offline = params().any(|(name, value)| name == "access_type" && value == "offline");
        return match offline {
            true => Check::ok(REFRESH, "`access_type=offline` is asked for"),
            false => Check::warn(
                REFRESH,
                "Google issues a refresh token only for `access_type=offline`: people sign in again each hour",
                "set `OAUTH_AUTHORIZE_PARAMS=access_type=offline&prompt=consent`",
            ),
        };
    }
    let at_refresh = match (own_scope, entra) {
        (true, true) => {
            "at a refresh the scopes of `OAUTH_TOKEN_PARAMS` are sent, and Entra wants those of the sign-in"
        }
        (true, false) => "at a refresh the scopes of `OAUTH_TOKEN_PARAMS` are sent",
        (false, true) => {
            "at a refresh the scopes of the sign-in are sent again, which Entra wants (else AADSTS90009)"
        }
        (false, false) => "at a refresh the scopes of the sign-in are sent again",
    };
    if asks {
        return Check::ok(REFRESH, format!("`{OFFLINE}` is asked for; {at_refresh}"));
    }
    // Keycloak refreshes without it; with it, sessions live for ever there.
    let keycloak = issuer.path().contains("/realms/");
    if entra || offered.contains(&OFFLINE) && !keycloak {
        return Check::warn(
            REFRESH,
            format!(
                "the provider offers `{OFFLINE}` and it is not asked for: most that offer it issue no refresh token \
                 then, and people sign in again when their access token ends"
            ),
            format!("add `{OFFLINE}` to `OAUTH_DEFAULT_SCOPE`"),
        );
    }
    Check::ok(
        REFRESH,
        format!(
            "`{OFFLINE}` is not asked for, and the provider does not offer it or does without; {at_refresh}"
        ),
    )
}
