//! What cannot work while the sign-in puts the provider's ID tokens behind ours
//! (`OAUTH_UPSTREAM_TOKEN=id_token`): people would sign in, and each of their requests would be
//! refused.
//!
//! Reads the options of the validators by the names that `oidc` has for them; whether a validator
//! knows these is not decided here.

use plugin_host::{OptionSources, Settings as Plugins};

use super::{
    options::validator_option, reader::Reader, setting::Setting, table as t,
    validators::WITH_ISSUER,
};

/// The claims that name this server's client in an ID token (OpenID Connect Core, section 2).
const CLAIMS_OF_CLIENT: [&str; 2] = ["aud", "azp"];
/// Where these problems come from, for the end of a text.
const WHY: &str = "(`OAUTH_UPSTREAM_TOKEN=id_token`)";

/// Notes what can never work with the ID tokens of a sign-in that asks for `scopes`.
pub(super) fn check(reader: &mut Reader<'_>, scopes: &[String], plugins: Option<&Plugins>) {
    if !scopes.iter().any(|scope| scope == "openid") {
        let wrong = format!("without `openid`, so that the provider sends no ID token {WHY}");
        reader.wrong(&t::OAUTH_DEFAULT_SCOPE, &wrong, "add `openid`");
    }
    let Some(plugins) = plugins else {
        return;
    };
    audience(reader, &plugins.options);
    let of_default = |name: &str| name.split(':').next() == Some(WITH_ISSUER);
    let mut names = plugins.validators.iter().map(ToString::to_string);
    // Other validators may know a person's scopes from elsewhere.
    if reader.is_set(&t::TOOL_SCOPES)
        && names.any(|name| of_default(&name))
        && validator_option(&plugins.options, "scope_claim").is_none()
    {
        let wrong = format!("about scopes, which ID tokens do not have {WHY}");
        let fix = "unset it, or name a claim that holds them, such as `TOKEN_VALIDATOR_OPT_SCOPE_CLAIM=roles`";
        reader.wrong(&t::TOOL_SCOPES, &wrong, fix);
    }
}

/// An ID token is for the client that signed the person in.
fn audience(reader: &mut Reader<'_>, options: &OptionSources) {
    let claim = option(options, "audience_claim", &t::OIDC_AUDIENCE_CLAIM);
    if claim.is_some_and(|claim| !CLAIMS_OF_CLIENT.contains(&claim.trim())) {
        return;
    }
    let expected = option(options, "audience", &t::OIDC_AUDIENCE);
    let client = reader.quiet_text(&t::OIDC_CLIENT_ID);
    let (Some(expected), Some(client)) = (expected, client) else {
        return;
    };
    if expected.split(',').any(|one| one.trim() == client) {
        return;
    }
    let wrong = format!("without the audience of ID tokens, which is `OIDC_CLIENT_ID` {WHY}");
    let fix = format!(
        "set it to `{client}`, or unset `OAUTH_UPSTREAM_TOKEN` if the provider has access tokens for this audience"
    );
    match options.env.get(t::OIDC_AUDIENCE.name) == Some(&*expected) {
        true => reader.wrong(&t::OIDC_AUDIENCE, &wrong, &fix),
        false => reader.missing(
            &t::OIDC_AUDIENCE,
            &format!("is replaced by the option `audience`, {wrong}"),
            &fix,
        ),
    }
}

/// An option of the validators, or the setting that fills it.
fn option(options: &OptionSources, name: &str, setting: &Setting) -> Option<String> {
    let filled = || options.env.get(setting.name).map(str::to_owned);
    validator_option(options, name).or_else(filled)
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{check, problems};

    const SIGN_IN: [(&str, &str); 4] = [
        ("OIDC_CLIENT_ID", "our-id"),
        ("OIDC_ISSUER_URL", "https://idp.example"),
        ("OIDC_AUDIENCE", "our-id"),
        ("OAUTH_UPSTREAM_TOKEN", "id_token"),
    ];

    fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut pairs = SIGN_IN.to_vec();
        pairs.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        pairs.extend(more);
        pairs
    }

    #[test]
    fn what_cannot_work_with_id_tokens_is_refused_with_the_remedy() {
        for (more, start, words) in [
            (
                ("OAUTH_DEFAULT_SCOPE", "profile email"),
                "`OAUTH_DEFAULT_SCOPE` (`--oauth-default-scope`) is `profile email`: ",
                "; add `openid`",
            ),
            (
                ("OIDC_AUDIENCE", "https://mcp.example.com,our-id-2"),
                "`OIDC_AUDIENCE` (`--oidc-audience`) is `https://mcp.example.com,our-id-2`: ",
                "; set it to `our-id`, or unset `OAUTH_UPSTREAM_TOKEN`",
            ),
            (
                ("TOKEN_VALIDATOR_OPT_AUDIENCE", "api"),
                "`OIDC_AUDIENCE` (`--oidc-audience`) is replaced by the option `audience`, ",
                "; set it to `our-id`",
            ),
            (
                ("TOKEN_VALIDATOR_CONFIG", "{\"audience\":[\"api\"]}"),
                "`OIDC_AUDIENCE` (`--oidc-audience`) is replaced by the option `audience`, ",
                "; set it to `our-id`",
            ),
            (
                ("TOOL_SCOPES", "write=datahub:write"),
                "`TOOL_SCOPES` (`--tool-scopes`) is `write=datahub:write`: ",
                "; unset it, or name a claim",
            ),
        ] {
            let text = problems(&with(&[more]));
            assert!(text.starts_with(start) && text.contains(words), "{text}");
            assert!(text.contains("`OAUTH_UPSTREAM_TOKEN=id_token`"), "{text}");
            assert_eq!(text.lines().count(), 1, "{text}");
            // Access tokens may have all of it.
            check(&with(&[more, ("OAUTH_UPSTREAM_TOKEN", "access_token")])).unwrap();
        }
    }

    #[test]
    fn what_can_work_with_id_tokens_is_not_refused() {
        let several = "{\"oidc\":{\"audience\":\"our-id\"},\"introspection\":{}}";
        for more in [
            &[][..],
            &[("OIDC_AUDIENCE", "api, our-id")],
            &[
                ("TOKEN_VALIDATOR_OPT_AUDIENCE", "our-id"),
                ("OIDC_AUDIENCE", "api"),
            ],
            &[
                ("TOKEN_VALIDATOR_FACTORY", "oidc,introspection"),
                ("TOKEN_VALIDATOR_CONFIG", several),
                ("OIDC_AUDIENCE", "api"),
            ],
            &[("OIDC_AUDIENCE", "api"), ("OIDC_AUDIENCE_CLAIM", "tenant")],
            &[
                ("TOOL_SCOPES", "write=w"),
                ("TOKEN_VALIDATOR_OPT_SCOPE_CLAIM", "roles"),
            ],
            &[
                ("TOOL_SCOPES", "write=w"),
                ("TOKEN_VALIDATOR_CONFIG", "{\"scope_claim\":\"roles\"}"),
            ],
            &[
                ("TOOL_SCOPES", "write=w"),
                ("TOKEN_VALIDATOR_FACTORY", "own_validator"),
            ],
        ] {
            check(&with(more)).unwrap_or_else(|why| panic!("{more:?}: {why}"));
        }
        // Without a sign-in nobody gets such a token.
        let off = with(&[("TOOL_SCOPES", "write=w"), ("OAUTH_DEFAULT_SCOPE", "email")]);
        check(&off[1..]).unwrap();
    }
}
