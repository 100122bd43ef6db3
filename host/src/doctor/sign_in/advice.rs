//! The settings that a provider needs, told from what it sent.

use oauth::{TokenFacts, UpstreamToken, WalkedTokens};
use outbound::{Admission, Document};

use super::super::options;
use crate::config::Settings;

/// One setting, as it should be, and the reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Needed {
    setting: String,
    why: String,
}

impl Needed {
    fn new(setting: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            setting: setting.into(),
            why: why.into(),
        }
    }
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
        needed.push(Needed::new(
            "OAUTH_UPSTREAM_TOKEN=id_token",
            "the access token is opaque, and the ID token can be read; or ask for an API of your own, so that \
                  the access token is a JWT, or name a validator that asks the provider",
        ));
        used = Some(id);
    }
    if let Some(facts) = used {
        let audience = options::audience(settings);
        needed.extend(issuer(document, facts));
        if !accepted && facts.jwt {
            let claim = options::audience_claim(settings);
            needed.extend(audience_of(audience.as_deref(), &claim, facts));
        }
    }
    let offline = oauth
        .default_scopes
        .iter()
        .any(|scope| scope == "offline_access");
    if tokens.refresh.is_none() && !offline {
        let scopes = oauth.default_scopes.join(" ");
        let setting = format!("OAUTH_DEFAULT_SCOPE={scopes} offline_access");
        needed.push(Needed::new(setting, "no refresh token came"));
    }
    needed
}

fn issuer(document: Option<&Document>, facts: &TokenFacts) -> Option<Needed> {
    let issuer = facts.issuer.as_deref()?;
    let known = matches!(
        document?.issuer().admit(issuer),
        Admission::Issuer | Admission::Tenant(_)
    );
    (!known).then(|| {
        let setting = format!("OIDC_ISSUER_URL={issuer}");
        let why = "the token names this issuer and the document another; for Entra, set \
              `requestedAccessTokenVersion` to 2 in the app's manifest instead";
        Needed::new(setting, why)
    })
}

/// What makes the token one for this server, whose validators look for the audience in `claim`.
fn audience_of(configured: Option<&str>, claim: &str, facts: &TokenFacts) -> Vec<Needed> {
    let accepts = |value: &str| {
        let mut list = configured.unwrap_or_default().split([',', ' ']);
        list.any(|known| known.trim() == value)
    };
    if facts.judged.iter().any(|value| accepts(value)) {
        return Vec::new();
    }
    if facts.judged.is_empty() {
        return elsewhere(claim, facts, accepts);
    }
    let foreign = facts.judged.iter().find_map(|name| made_for(name));
    let ours: Vec<&str> = facts
        .judged
        .iter()
        .map(String::as_str)
        .filter(|name| made_for(name).is_none())
        .collect();
    match (ours.as_slice(), foreign) {
        ([], Some(needed)) => vec![needed],
        (audience, _) => vec![audience_is(&audience.join(","))],
    }
}

fn audience_is(audience: &str) -> Needed {
    Needed::new(
        format!("OIDC_AUDIENCE={audience}"),
        "the token is for this audience; take it only if it means this server, and let the provider add one if it \
         does not",
    )
}

/// The claim of a token that lacks `claim`, and its value where it is not accepted yet.
fn elsewhere(claim: &str, facts: &TokenFacts, accepts: impl Fn(&str) -> bool) -> Vec<Needed> {
    let client = |text: &Option<String>| text.iter().cloned().collect::<Vec<_>>();
    let others = [
        (options::AUD, facts.audience.clone()),
        ("client_id", client(&facts.client)),
        ("azp", client(&facts.party)),
    ];
    let other = others.into_iter().find(|(_, values)| !values.is_empty());
    let Some((other, values)) = other else {
        return vec![Needed::new(
            "at the provider: an audience for the access tokens of this client",
            format!(
                "the token has no `{claim}`, and neither `client_id` nor `azp`: nothing says that it is for this server"
            ),
        )];
    };
    let mut needed = vec![Needed::new(
        format!("OIDC_AUDIENCE_CLAIM={other}"),
        format!("the token has no `{claim}`, and `{other}` says whom it is for"),
    )];
    if !values.iter().any(|value| accepts(value)) {
        needed.push(audience_is(&values.join(",")));
    }
    needed
}

/// What to do about an audience that is another service at every provider of its kind, and must not be
/// accepted: whoever gets a token for that service could use it here.
fn made_for(audience: &str) -> Option<Needed> {
    match audience.trim_end_matches('/') {
        "00000003-0000-0000-c000-000000000000" | "https://graph.microsoft.com" => {
            Some(Needed::new(
                "OAUTH_DEFAULT_SCOPE=openid offline_access api://APPLICATION-ID/SCOPE",
                "the token is for Microsoft Graph, and must not be accepted here; choose \"Expose an API\" in the app's \
             registration, add a scope, and name it here",
            ))
        }
        "account" => Some(Needed::new(
            "at Keycloak: an audience mapper for the client",
            "the token is for Keycloak's own `account`, and must not be accepted here; let the mapper add the audience \
             that `OIDC_AUDIENCE` names",
        )),
        _ => None,
    }
}

/// The lines at the end.
pub(super) fn lines(needed: &[Needed]) -> Vec<String> {
    if needed.is_empty() {
        let nothing = "no setting is to be changed for this provider";
        return vec![String::new(), nothing.to_owned()];
    }
    let heading = ["", "settings that this provider needs:"].map(str::to_owned);
    let each = needed.iter().flat_map(|needed| {
        [
            format!("  {}", needed.setting),
            format!("      {}", needed.why),
        ]
    });
    heading.into_iter().chain(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(audience: &[&str]) -> TokenFacts {
        let audience: Vec<String> = audience.iter().map(|text| (*text).to_owned()).collect();
        TokenFacts {
            jwt: true,
            judged: audience.clone(),
            audience,
            ..TokenFacts::default()
        }
    }

    fn settings(configured: Option<&str>, claim: &str, facts: &TokenFacts) -> Vec<String> {
        let needed = audience_of(configured, claim, facts).into_iter();
        needed.map(|needed| needed.setting).collect()
    }

    #[test]
    fn an_audience_is_needed_only_where_the_token_has_another() {
        let nothing: [String; 0] = [];
        assert_eq!(settings(Some("a, b"), "aud", &facts(&["b"])), nothing);
        let expected = ["OIDC_AUDIENCE=x,y"];
        assert_eq!(settings(Some("a"), "aud", &facts(&["x", "y"])), expected);
        assert_eq!(settings(None, "aud", &facts(&["x", "y"])), expected);
    }

    #[test]
    fn a_token_without_an_audience_is_judged_by_its_client() {
        let of = |client: Option<&str>, party: Option<&str>| TokenFacts {
            client: client.map(str::to_owned),
            party: party.map(str::to_owned),
            ..facts(&[])
        };
        let claim = "OIDC_AUDIENCE_CLAIM=client_id";
        let cognito = of(Some("us"), None);
        assert_eq!(settings(Some("us"), "aud", &cognito), [claim]);
        let both = [claim, "OIDC_AUDIENCE=us"];
        assert_eq!(settings(Some("api"), "aud", &cognito), both);
        let keycloak = of(None, Some("us"));
        let claim = "OIDC_AUDIENCE_CLAIM=azp";
        assert_eq!(settings(Some("us"), "aud", &keycloak), [claim]);
        assert_eq!(settings(Some("us"), "client_id", &keycloak), [claim]);
        let nothing = settings(Some("us"), "aud", &of(None, None));
        assert!(nothing[0].starts_with("at the provider: "), "{nothing:?}");

        // The validators look into another claim, which has another value or is not there.
        let judged = TokenFacts {
            judged: vec!["other".to_owned()],
            ..cognito
        };
        let expected = ["OIDC_AUDIENCE=other"];
        assert_eq!(settings(Some("us"), "client_id", &judged), expected);
        let standard = TokenFacts {
            judged: Vec::new(),
            ..facts(&["api"])
        };
        let expected = ["OIDC_AUDIENCE_CLAIM=aud"];
        assert_eq!(settings(Some("api"), "client_id", &standard), expected);
    }

    #[test]
    fn an_audience_of_another_service_is_never_recommended() {
        let needed = |audience: &[&str]| settings(Some("a"), "aud", &facts(audience)).remove(0);
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
    fn each_setting_has_two_lines() {
        let lines = lines(&[Needed::new("OIDC_AUDIENCE=a", "because")]);
        assert_eq!(lines.len(), 4, "{lines:?}");
    }
}
