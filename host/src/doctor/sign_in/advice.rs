//! The settings that a provider needs, told from what it sent.

use oauth::{TokenFacts, UpstreamToken, WalkedTokens};
use outbound::{Admission, Document};

use super::super::{options, report::one_line};
use crate::config::Settings;

/// One setting, as it should be, and the reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Needed {
    setting: String,
    why: &'static str,
}

/// What these settings lack for this provider. `accepted` says that the validators accept the token
/// as it is, whatever it looks like.
pub(super) fn of(
    settings: &Settings,
    document: Option<&Document>,
    tokens: &WalkedTokens,
    accepted: bool,
) -> Vec<Needed> {
    let Some(oauth) = &settings.oauth else {
        return Vec::new();
    };
    let mut needed = Vec::new();
    let of_access = oauth.upstream.token == UpstreamToken::AccessToken;
    let mut used = match of_access {
        true => tokens.access.as_ref(),
        false => tokens.id.as_ref(),
    };
    let is_opaque = used.is_none_or(|facts| !facts.jwt);
    if of_access
        && is_opaque
        && !accepted
        && let Some(id) = tokens.id.as_ref().filter(|facts| facts.jwt)
    {
        needed.push(Needed {
            setting: "OAUTH_UPSTREAM_TOKEN=id_token".to_owned(),
            why: "the access token is opaque, and the ID token can be read; or ask for an API of your own, so that \
                  the access token is a JWT, or name a validator that asks the provider",
        });
        used = Some(id);
    }
    if let Some(facts) = used {
        let audience = options::audience(settings);
        needed.extend(issuer(document, facts));
        if !accepted {
            needed.extend(audience_of(audience.as_deref(), facts));
        }
    }
    let offline = oauth
        .default_scopes
        .iter()
        .any(|scope| scope == "offline_access");
    if tokens.refresh.is_none() && !offline {
        needed.push(Needed {
            setting: format!(
                "OAUTH_DEFAULT_SCOPE={} offline_access",
                oauth.default_scopes.join(" ")
            ),
            why: "no refresh token came",
        });
    }
    needed
}

fn issuer(document: Option<&Document>, facts: &TokenFacts) -> Option<Needed> {
    let issuer = facts.issuer.as_deref()?;
    let known = matches!(
        document?.issuer().admit(issuer),
        Admission::Issuer | Admission::Tenant(_)
    );
    (!known).then(|| Needed {
        setting: format!("OIDC_ISSUER_URL={issuer}"),
        why: "the token names this issuer and the document another; for Entra, set \
              `requestedAccessTokenVersion` to 2 in the app's manifest instead",
    })
}

fn audience_of(configured: Option<&str>, facts: &TokenFacts) -> Option<Needed> {
    let list = configured.unwrap_or_default().split([',', ' ']);
    let accepts = |audience: &String| list.clone().any(|known| known.trim() == audience);
    if !facts.jwt || facts.audience.iter().any(accepts) {
        return None;
    }
    if facts.audience.is_empty() {
        return None;
    }
    let mut foreign = facts.audience.iter().filter_map(|name| made_for(name));
    let ours: Vec<&str> = facts
        .audience
        .iter()
        .map(String::as_str)
        .filter(|name| made_for(name).is_none())
        .collect();
    match (ours.as_slice(), foreign.next()) {
        ([], Some(needed)) => Some(needed),
        (audience, _) => Some(Needed {
            setting: format!("OIDC_AUDIENCE={}", audience.join(",")),
            why: "the token is for this audience; take it only if it means this server, and let the provider add one \
                  if it does not",
        }),
    }
}

/// What to do about an audience that is another service at every provider of its kind, and must not be
/// accepted: whoever gets a token for that service could use it here.
fn made_for(audience: &str) -> Option<Needed> {
    match audience.trim_end_matches('/') {
        "00000003-0000-0000-c000-000000000000" | "https://graph.microsoft.com" => Some(Needed {
            setting: "OAUTH_DEFAULT_SCOPE=openid offline_access api://APPLICATION-ID/SCOPE"
                .to_owned(),
            why: "the token is for Microsoft Graph, and must not be accepted here; choose \"Expose an API\" in the \
                  app's registration, add a scope, and name it here",
        }),
        "account" => Some(Needed {
            setting: "at Keycloak: an audience mapper for the client".to_owned(),
            why: "the token is for Keycloak's own `account`, and must not be accepted here; let the mapper add the \
                  audience that `OIDC_AUDIENCE` names",
        }),
        _ => None,
    }
}

/// The lines at the end.
pub(super) fn text(needed: &[Needed]) -> String {
    if needed.is_empty() {
        return "\nno setting is to be changed for this provider\n".to_owned();
    }
    let lines = needed.iter().map(|needed| {
        let setting = one_line(&needed.setting);
        format!("  {setting}\n      {}\n", needed.why)
    });
    "\nsettings that this provider needs:\n".to_owned() + &lines.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_is_needed_only_where_the_token_has_another() {
        let facts = |audience: &[&str]| TokenFacts {
            jwt: true,
            audience: audience.iter().map(|text| (*text).to_owned()).collect(),
            ..TokenFacts::default()
        };
        let setting = |configured, audience: &[&str]| {
            audience_of(configured, &facts(audience)).map(|needed| needed.setting)
        };
        assert_eq!(setting(Some("a, b"), &["b"]), None);
        assert_eq!(setting(Some("a"), &[]), None);
        let expected = Some("OIDC_AUDIENCE=x,y".to_owned());
        assert_eq!(setting(Some("a"), &["x", "y"]), expected);
        assert_eq!(setting(None, &["x", "y"]), expected);
        assert_eq!(audience_of(None, &TokenFacts::default()), None);
    }

    #[test]
    fn an_audience_of_another_service_is_never_recommended() {
        let needed = |audience: &[&str]| {
            let facts = TokenFacts {
                jwt: true,
                audience: audience.iter().map(|text| (*text).to_owned()).collect(),
                ..TokenFacts::default()
            };
            audience_of(Some("a"), &facts).unwrap().setting
        };
        for graph in [
            "00000003-0000-0000-c000-000000000000",
            "https://graph.microsoft.com",
            "https://graph.microsoft.com/",
        ] {
            let setting = needed(&[graph]);
            assert!(setting.starts_with("OAUTH_DEFAULT_SCOPE="), "{setting}");
            assert!(setting.contains("api://"), "{setting}");
        }
        assert!(needed(&["account"]).contains("audience mapper"));
        assert_eq!(needed(&["account", "x"]), "OIDC_AUDIENCE=x");
    }

    #[test]
    fn a_setting_stays_one_line() {
        let needed = Needed {
            setting: "OIDC_AUDIENCE=a\nOTHER=b\u{1b}[31m".to_owned(),
            why: "because",
        };
        let text = text(&[needed]);
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(!text.contains('\u{1b}'));
    }
}
