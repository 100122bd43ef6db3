//! The issuer that each provider has: its form, and the slash at its end, which counts.

use url::Url;

use super::draft::{Draft, host};
use crate::config::{preset::Preset, table as t};

/// The issuer of everybody who has a Google account.
const GOOGLE: &str = "https://accounts.google.com";
/// The domains of issuers that are one provider's own.
const DOMAINS: [(&str, Preset); 12] = [
    ("microsoftonline.com", Preset::Entra),
    ("microsoftonline.us", Preset::Entra),
    ("microsoftonline.cn", Preset::Entra),
    ("sts.windows.net", Preset::Entra),
    ("ciamlogin.com", Preset::Entra),
    ("b2clogin.com", Preset::Entra),
    ("okta.com", Preset::Okta),
    ("oktapreview.com", Preset::Okta),
    ("okta-emea.com", Preset::Okta),
    ("auth0.com", Preset::Auth0),
    ("accounts.google.com", Preset::Google),
    ("amazoncognito.com", Preset::Cognito),
];

/// Spells the issuer as the preset's provider does. False if it is missing, or that of somebody
/// else, which is noted.
pub(super) fn settle(draft: &mut Draft) -> bool {
    let preset = draft.outcome.preset;
    if preset == Preset::Google {
        draft.fill(&t::OIDC_ISSUER_URL, GOOGLE.to_owned());
    }
    let Some(form) = form(preset) else {
        return true;
    };
    let Some(issuer) = draft.text(&t::OIDC_ISSUER_URL) else {
        draft.refuse(
            &t::OIDC_ISSUER_URL,
            "is not set",
            &format!("set it to `{form}`"),
        );
        return false;
    };
    let Ok(url) = Url::parse(&issuer) else {
        return true;
    };
    let local = outbound::is_loopback(&url);
    if !local && let Some(other) = provider(&url).filter(|other| *other != preset) {
        let other = other.name();
        draft.refuse(
            &t::OIDC_ISSUER_URL,
            &format!("an issuer of `{other}`"),
            &format!("set `OIDC_PROVIDER` to `{other}`, or this to `{form}`"),
        );
        return false;
    }
    let path = url.path().trim_matches('/');
    let foreign = match preset {
        Preset::Google => host(&issuer).as_deref() != Some("accounts.google.com"),
        Preset::Auth0 => !path.is_empty(),
        _ => false,
    };
    if !local && foreign {
        let name = preset.name();
        let fix = format!("set it to `{form}`, or `OIDC_PROVIDER` to `generic`");
        draft.refuse(
            &t::OIDC_ISSUER_URL,
            &format!("not an issuer of `{name}`"),
            &fix,
        );
        return false;
    }
    let spelled = spelled(preset, &issuer);
    if spelled != issuer {
        draft.complete(&t::OIDC_ISSUER_URL, spelled);
    }
    true
}

/// An issuer with the end that its provider gives it.
pub(crate) fn spelled(preset: Preset, issuer: &str) -> String {
    let Ok(url) = Url::parse(issuer) else {
        return issuer.to_owned();
    };
    // Something on this machine that stands for a provider has the path that it likes.
    let as_it_likes = outbound::is_loopback(&url) && preset != Preset::Auth0;
    if preset == Preset::Generic || as_it_likes {
        return issuer.to_owned();
    }
    let plain = issuer.trim_end_matches('/');
    match has_slash(preset, &url) {
        true => format!("{plain}/"),
        false => plain.to_owned(),
    }
}

/// True if the provider's issuer ends in a slash.
fn has_slash(preset: Preset, url: &Url) -> bool {
    match preset {
        Preset::Auth0 => true,
        Preset::Entra => ["sts.windows.net", "b2clogin.com"]
            .iter()
            .any(|domain| is_at(url, domain)),
        _ => false,
    }
}

/// The form of the provider's issuer.
fn form(preset: Preset) -> Option<&'static str> {
    Some(match preset {
        Preset::Generic => return None,
        Preset::Entra => "https://login.microsoftonline.com/TENANT/v2.0",
        Preset::Okta => "https://ORG.okta.com/oauth2/default",
        Preset::Auth0 => "https://TENANT.REGION.auth0.com/",
        Preset::Keycloak => "https://HOST/realms/REALM",
        Preset::Google => GOOGLE,
        Preset::Cognito => "https://cognito-idp.REGION.amazonaws.com/USER_POOL_ID",
    })
}

/// The provider whose issuer this surely is.
fn provider(url: &Url) -> Option<Preset> {
    let known = DOMAINS.iter().find(|(domain, _)| is_at(url, domain));
    let of_domain = known.map(|(_, preset)| *preset);
    let pool = || {
        let host = url.host_str()?;
        let service = host.starts_with("cognito-idp.") && host.contains(".amazonaws.com");
        service.then_some(Preset::Cognito)
    };
    let realm = || {
        let (_, realm) = url.path().split_once("/realms/")?;
        (!realm.is_empty()).then_some(Preset::Keycloak)
    };
    of_domain.or_else(pool).or_else(realm)
}

/// True for a URL at `domain` or below it.
fn is_at(url: &Url, domain: &str) -> bool {
    url.host_str().is_some_and(|host| {
        let below = host.strip_suffix(domain);
        below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use crate::config::presets::tests::{ENTRA, GUID, check, raw, shown};

    #[test]
    fn a_preset_without_an_issuer_says_which_one_to_set() {
        for (provider, form) in [
            ("entra", "https://login.microsoftonline.com/TENANT/v2.0"),
            ("okta", "https://ORG.okta.com/oauth2/default"),
            ("auth0", "https://TENANT.REGION.auth0.com/"),
            ("keycloak", "https://HOST/realms/REALM"),
            (
                "cognito",
                "https://cognito-idp.REGION.amazonaws.com/USER_POOL_ID",
            ),
        ] {
            let text = check(provider, &[]).expect_err(provider);
            let start = "`OIDC_ISSUER_URL` (`--oidc-issuer-url`) is not set";
            let all = format!("{start} (`OIDC_PROVIDER={provider}`); set it to `{form}`");
            assert_eq!(text, all);
        }
        check("google", &[]).unwrap();
    }

    #[test]
    fn an_issuer_of_another_provider_is_named() {
        let issuers = [
            ("entra", ENTRA),
            ("entra", "https://company.ciamlogin.com/x/v2.0"),
            ("okta", "https://company.okta.com/oauth2/default"),
            ("auth0", "https://company.eu.auth0.com/"),
            ("keycloak", "https://sso.example.com/realms/company"),
            ("keycloak", "https://sso.example.com/auth/realms/company"),
            ("google", "https://accounts.google.com"),
            (
                "cognito",
                "https://cognito-idp.eu-central-1.amazonaws.com/p",
            ),
        ];
        for provider in ["entra", "okta", "auth0", "keycloak", "google", "cognito"] {
            for (other, issuer) in issuers.iter().filter(|(other, _)| *other != provider) {
                let pairs = [("OIDC_ISSUER_URL", *issuer), ("OIDC_AUDIENCE", GUID)];
                let text = check(provider, &pairs).expect_err(issuer);
                let words = format!(
                    "an issuer of `{other}` (`OIDC_PROVIDER={provider}`); set `OIDC_PROVIDER` to"
                );
                assert!(text.contains(&words), "{text}");
                assert_eq!(text.lines().count(), 1, "{text}");
            }
        }
        for (provider, issuer) in [
            ("google", "https://login.example.com"),
            ("auth0", "https://login.example.com/company"),
        ] {
            let text = check(provider, &[("OIDC_ISSUER_URL", issuer)]).expect_err(issuer);
            assert!(
                text.contains(&format!("not an issuer of `{provider}`")),
                "{text}"
            );
        }
        // A domain of one's own, and a namesake.
        for (provider, issuer) in [
            ("okta", "https://login.example.com/oauth2/aus1"),
            ("okta", "https://login.notauth0.com/oauth2/aus1"),
            ("auth0", "https://login.example.com/"),
        ] {
            check(provider, &[("OIDC_ISSUER_URL", issuer)]).unwrap();
        }
    }

    #[test]
    fn the_slash_at_the_end_is_the_providers() {
        let entra = ENTRA.trim_end_matches("/v2.0");
        for (provider, given, right) in [
            ("entra", format!("{entra}/v2.0/"), format!("{entra}/v2.0")),
            (
                "entra",
                "https://sts.windows.net/tenant".to_owned(),
                "https://sts.windows.net/tenant/".to_owned(),
            ),
            (
                "entra",
                "https://company.b2clogin.com/tenant/v2.0".to_owned(),
                "https://company.b2clogin.com/tenant/v2.0/".to_owned(),
            ),
        ]
        .into_iter()
        .chain(
            [
                ("okta", "https://company.okta.com/oauth2/default", ""),
                ("auth0", "https://company.eu.auth0.com", "/"),
                ("keycloak", "https://sso.example.com/realms/company", ""),
                ("google", "https://accounts.google.com", ""),
                (
                    "cognito",
                    "https://cognito-idp.eu-central-1.amazonaws.com/p",
                    "",
                ),
            ]
            .into_iter()
            .flat_map(|(provider, issuer, end)| {
                ["", "/", "//"].map(|slash| {
                    (
                        provider,
                        format!("{issuer}{slash}"),
                        format!("{issuer}{end}"),
                    )
                })
            }),
        ) {
            let source = match given == right {
                true => "environment".to_owned(),
                false => format!("completed by preset {provider}"),
            };
            let raw = raw(provider, &[("OIDC_ISSUER_URL", &given)]);
            let line = shown(&raw, "OIDC_ISSUER_URL");
            assert_eq!(line, format!("{right}  # {source}"), "{given}");
        }
        // What stands for a provider on this machine has what it likes, and so has any other.
        for (provider, issuer) in [
            ("okta", "http://127.0.0.1:8080/oauth2/default/"),
            ("generic", "https://login.example.com/company/"),
        ] {
            let raw = raw(provider, &[("OIDC_ISSUER_URL", issuer)]);
            assert_eq!(
                shown(&raw, "OIDC_ISSUER_URL"),
                format!("{issuer}  # environment")
            );
        }
    }
}
