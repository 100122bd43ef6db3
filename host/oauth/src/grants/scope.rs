//! The `scope` of a refresh (RFC 6749 section 6): all that was granted, or a part of it, never more.

use crate::{
    TokenMode,
    error::{ErrorCode, OAuthError},
    tokens::RefreshContent,
    types::{OFFLINE, is_spelling},
};

/// The part of the grant that the client asks for; `None` for all of it.
///
/// # Errors
/// `invalid_scope` for a scope that neither was granted nor asked for at the sign-in, and for a part
/// where `mode` hands out tokens of the provider, which are as they are.
pub(super) fn part(
    content: &RefreshContent,
    asked: Option<&str>,
    mode: TokenMode,
) -> Result<Option<String>, OAuthError> {
    let refuse = |description| Err(OAuthError::new(ErrorCode::InvalidScope, description));
    let asked: Vec<&str> = words(asked.unwrap_or_default()).collect();
    if asked.is_empty() {
        return Ok(None);
    }
    let (granted, names) = (&*content.scope, &*content.names);
    let known = |scope: &&str| words(granted).chain(words(names)).any(|one| one == *scope);
    if !asked.iter().all(known) {
        return refuse("a requested scope was not granted before");
    }
    if covers(&asked, granted) || (!names.is_empty() && covers(&asked, names)) {
        return Ok(None);
    }
    let of_part = |granted: &&str| asked.iter().any(|scope| is_spelling(scope, granted));
    let part: Vec<&str> = words(granted).filter(of_part).collect();
    if part.is_empty() {
        return refuse("none of the requested scopes was granted before");
    }
    if mode == TokenMode::Relay {
        return refuse(
            "the identity provider's tokens cannot be narrowed here; ask for all that was granted",
        );
    }
    Ok(Some(part.join(" ")))
}

/// The scopes by which a client may name its grant beside those that the provider granted: those of
/// its own request, where they are others.
pub(super) fn names(asked: &str, requested: &str, granted: &str) -> String {
    let names = if asked.is_empty() { requested } else { asked };
    let same = words(names).all(|name| words(granted).any(|scope| scope == name));
    if same && words(names).count() == words(granted).count() {
        return String::new();
    }
    names.to_owned()
}

/// Returns whether `asked` names all of `scopes`. A refresh token is given in any case.
fn covers(asked: &[&str], scopes: &str) -> bool {
    let mut wanted = words(scopes).filter(|scope| *scope != OFFLINE);
    wanted.all(|scope| asked.contains(&scope))
}

fn words(scopes: &str) -> impl Iterator<Item = &str> {
    scopes.split(' ').filter(|scope| !scope.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ClientId, FamilyId};

    fn content(granted: &str, names: &str) -> RefreshContent {
        RefreshContent {
            upstream: String::new(),
            expires: 0,
            client: ClientId::parse("x").unwrap().key(),
            family: FamilyId::random(),
            generation: 0,
            scope: granted.to_owned(),
            names: names.to_owned(),
            subjects: Default::default(),
        }
    }

    #[test]
    fn a_part_of_the_grant_is_never_more_than_the_grant() {
        let long = "openid https://idp.example/userinfo.email https://idp.example/userinfo.profile";
        for (granted, names, asked, part_of_it) in [
            ("openid read", "", "", Ok(None)),
            ("openid read", "", " ", Ok(None)),
            ("openid read", "", "read openid", Ok(None)),
            ("openid read", "", "openid openid", Ok(Some("openid"))),
            ("openid read", "", "openid admin", Err(())),
            ("openid read", "", "admin", Err(())),
            ("openid read", "", "OPENID", Err(())),
            // Of the client's own request, and not granted.
            (
                "openid read",
                "openid read foo",
                "openid read foo",
                Ok(None),
            ),
            (
                "openid read",
                "openid read foo",
                "openid foo",
                Ok(Some("openid")),
            ),
            ("openid read", "openid read foo", "foo", Err(())),
            // Granted under other names.
            (
                long,
                "openid email profile",
                "openid email profile",
                Ok(None),
            ),
            (long, "openid email profile", "openid", Ok(Some("openid"))),
            (
                "openid read",
                "openid api://a/read",
                "api://a/read openid",
                Ok(None),
            ),
            (
                "openid read",
                "openid api://a/read",
                "api://a/read",
                Ok(Some("read")),
            ),
            (
                "openid read",
                "openid api://a/read",
                "api://b/read",
                Err(()),
            ),
            (
                "openid api://a/read",
                "",
                "api://a/read",
                Ok(Some("api://a/read")),
            ),
            // Without it, it is the same grant.
            ("openid offline_access", "", "openid", Ok(None)),
            ("", "", "openid", Err(())),
        ] {
            let asked = part(&content(granted, names), Some(asked), TokenMode::Sealed);
            let asked = asked.map_err(|error| assert_eq!(error.code, ErrorCode::InvalidScope));
            let expected = part_of_it.map(|part| part.map(str::to_owned));
            assert_eq!(asked, expected, "{granted} as {names}");
        }
        let relayed = |asked| part(&content("openid read", ""), Some(asked), TokenMode::Relay);
        assert_eq!(relayed("openid read").unwrap(), None);
        assert_eq!(relayed("openid").unwrap_err().code, ErrorCode::InvalidScope);
    }

    #[test]
    fn names_are_kept_where_they_differ_from_the_grant() {
        assert_eq!(names("", "a b", "b a"), "");
        assert_eq!(names("a", "a b", "a b"), "a");
        assert_eq!(names("a b foo", "a b", "a b"), "a b foo");
        assert_eq!(names("", "email", "https://idp.example/email"), "email");
    }
}
