//! The identity providers whose needs are known.

use foundation::suggest;

use super::{error::Problem, table};

/// The scopes of OpenID Connect: none of them is one of an API.
const OIDC_SCOPES: [&str; 6] = [
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "offline_access",
];
/// What else providers are called, with the word that was meant.
const OTHER_NAMES: [(&str, Preset); 8] = [
    ("aad", Preset::Entra),
    ("azure", Preset::Entra),
    ("microsoft", Preset::Entra),
    ("office365", Preset::Entra),
    ("gcp", Preset::Google),
    ("workspace", Preset::Google),
    ("amazon", Preset::Cognito),
    ("aws", Preset::Cognito),
];

/// An identity provider whose needs are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// Any provider: nothing is filled in.
    #[default]
    Generic,
    /// Microsoft Entra ID.
    Entra,
    /// Okta, with a custom authorization server.
    Okta,
    /// Auth0.
    Auth0,
    /// Keycloak.
    Keycloak,
    /// Google.
    Google,
    /// Amazon Cognito.
    Cognito,
}

impl Preset {
    /// Every preset, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Entra,
        Self::Okta,
        Self::Auth0,
        Self::Keycloak,
        Self::Google,
        Self::Cognito,
        Self::Generic,
    ];

    /// The value of `OIDC_PROVIDER`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Entra => "entra",
            Self::Okta => "okta",
            Self::Auth0 => "auth0",
            Self::Keycloak => "keycloak",
            Self::Google => "google",
            Self::Cognito => "cognito",
        }
    }

    /// The preset of this name, in any case.
    ///
    /// # Errors
    /// The problem, with the preset that may have been meant.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let named = |preset: &Self| preset.name().eq_ignore_ascii_case(text);
        Self::ALL
            .into_iter()
            .find(named)
            .ok_or_else(|| unknown(text))
    }

    /// The preset that a setting names; `generic` for any other text.
    pub(crate) fn named(text: &str) -> Self {
        Self::parse(text.trim()).unwrap_or_default()
    }

    /// True if the provider knows the scope `offline_access`, or ignores it: others refuse the whole
    /// sign-in because of it.
    pub(super) fn takes_offline_access(self) -> bool {
        !matches!(self, Self::Google | Self::Cognito)
    }

    /// Those of `scopes` of which each sign-in must name one. Entra's access token is for the API
    /// whose scope was named, and for Microsoft Graph if none was.
    pub(super) fn api_scopes(self, scopes: &[String]) -> Vec<String> {
        match self {
            Self::Entra => scopes.iter().filter(|s| is_of_api(s)).cloned().collect(),
            _ => Vec::new(),
        }
    }
}

fn unknown(text: &str) -> Problem {
    let folded = text.to_ascii_lowercase();
    let other = OTHER_NAMES
        .iter()
        .find(|(name, _)| folded.contains(name))
        .map(|(_, preset)| preset.name());
    let near = || suggest::names(text, Preset::ALL.map(Preset::name), 1);
    let meant = other.or_else(|| near().first().copied());
    let names = Preset::ALL.map(|preset| format!("`{}`", preset.name()));
    let all = format!("the values are {}", names.join(", "));
    let fix = match meant {
        Some(meant) => format!("did you mean `{meant}`? ({all})"),
        None => format!("set it to `generic`, or unset it ({all})"),
    };
    Problem::new(
        &table::OIDC_PROVIDER,
        Some(text),
        "not a known identity provider",
        &fix,
    )
}

/// True for a scope that is not one of OpenID Connect.
pub(super) fn is_of_api(scope: impl AsRef<str>) -> bool {
    !OIDC_SCOPES.contains(&scope.as_ref())
}
