//! The issuer: as configured, as its document names it, and as a token or a response must name it.
//!
//! An issuer is compared byte for byte and never normalised (OpenID Connect Discovery 1.0 section
//! 4.3, RFC 8414 section 3.3, RFC 9207 section 2.4): a trailing slash is part of it. Accepting
//! a document whose issuer differs by a slash would save the operator one correction, but every
//! replica that cannot reach the document would refuse all tokens.
//!
//! The one exception is Microsoft Entra's shared endpoint, whose document names a template with
//! `{tenantid}` in it. The choice of the accepted tenants is not made here.

use url::Url;

use crate::{
    addresses::is_loopback,
    text::{quoted, shown},
};

/// The placeholder for the tenant in a template.
pub const TENANT: &str = "{tenantid}";
const ENTRA_HOSTS: [&str; 5] = [
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.microsoft.com",
    "sts.windows.net",
];
const ENTRA_SHARED: [&str; 3] = ["common", "organizations", "consumers"];

/// An issuer that the operator configured.
#[derive(Debug, Clone)]
pub struct Issuer {
    text: String,
    url: Url,
    shared: bool,
}

impl Issuer {
    /// Checks an issuer. Plain HTTP is accepted for loopback only, unless `allow_http` is set.
    ///
    /// # Errors
    /// A phrase to be appended to the setting's name; it says what to change.
    pub fn parse(text: &str, allow_http: bool) -> Result<Self, String> {
        let bad = |what: &str| format!("{}: {what}", quoted(text));
        // `{` and `}` are not URL characters; if they mark the tenant, the shared endpoint
        // answers for all tenants.
        let url = Url::parse(&text.replace(TENANT, "common"));
        if url
            .as_ref()
            .is_ok_and(|url| !url.username().is_empty() || url.password().is_some())
        {
            return Err("holds a user name or password".to_owned());
        }
        let url =
            url.map_err(|_| bad("is not a URL, such as https://idp.example.com/realms/main"))?;
        check_scheme(&url, allow_http).map_err(|what| bad(&what))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad(
                "an issuer has no query and no fragment (RFC 8414 section 2)",
            ));
        }
        if text.ends_with("/.well-known/openid-configuration") {
            return Err(bad(
                "leave out /.well-known/openid-configuration, it is added",
            ));
        }
        let shared = text.contains(TENANT) || is_entra_shared(&url);
        Ok(Self {
            text: text.to_owned(),
            url,
            shared,
        })
    }

    /// The base of the places of its document.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The issuer as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether many tenants share it.
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// The rule for the `iss` of tokens, if it is known without the provider's document.
    pub fn rule(&self) -> Option<IssuerRule> {
        if self.shared {
            template(&self.text)
        } else {
            Some(IssuerRule::Exact(self.text.clone()))
        }
    }

    /// The rule for the `iss` of tokens, given the issuer that the provider's document names.
    ///
    /// # Errors
    /// One line with both values if they do not match.
    pub fn confirm(&self, named: &str) -> Result<IssuerRule, String> {
        if !self.shared {
            return match self.rule() {
                Some(rule) if named == self.text => Ok(rule),
                _ => Err(self.mismatch(named)),
            };
        }
        if self.text.contains(TENANT) && named != self.text {
            return Err(self.mismatch(named));
        }
        let of_entra = Url::parse(&named.replace(TENANT, "common")).is_ok_and(|url| {
            url.host_str() == self.url.host_str()
                || (url.scheme() == "https"
                    && url
                        .host_str()
                        .is_some_and(|host| ENTRA_HOSTS.contains(&host)))
        });
        let rule = if of_entra { template(named) } else { None };
        rule.ok_or_else(|| self.mismatch(named))
    }

    /// The reason why `named` is not this issuer, with both values.
    fn mismatch(&self, named: &str) -> String {
        let both = format!(
            "the provider's document names the issuer {}, but {} is configured",
            quoted(named),
            quoted(&self.text)
        );
        if differ_by_a_slash(named, &self.text) {
            format!(
                "{both}: they differ only in the slash at the end, and it counts, since tokens \
                 are compared with it; set OIDC_ISSUER_URL to {}",
                quoted(named)
            )
        } else {
            format!("{both}: they must be equal, trailing slash included (OIDC_ISSUER_URL)")
        }
    }
}

/// Returns whether two issuers differ only in the slashes at their ends.
pub(crate) fn differ_by_a_slash(one: &str, other: &str) -> bool {
    one != other && one.trim_end_matches('/') == other.trim_end_matches('/')
}

fn template(text: &str) -> Option<IssuerRule> {
    let (before, after) = text.split_once(TENANT)?;
    (!after.contains(TENANT)).then(|| IssuerRule::Template {
        before: before.to_owned(),
        after: after.to_owned(),
    })
}

fn is_entra_shared(url: &Url) -> bool {
    let first = url.path_segments().and_then(|mut segments| segments.next());
    url.host_str()
        .is_some_and(|host| ENTRA_HOSTS.contains(&host))
        && first.is_some_and(|segment| ENTRA_SHARED.contains(&segment))
}

/// Returns whether `text` is the GUID of a tenant.
pub fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The one rule for plain HTTP: accepted for loopback, and elsewhere only if the switch is on.
///
/// # Errors
/// One line that says what to change.
pub fn check_scheme(url: &Url, allow_http: bool) -> Result<(), String> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) || allow_http => Ok(()),
        "http" => Err(format!(
            "{} is plain HTTP, which anyone on the network path can change: use https, or set \
             OUTBOUND_ALLOW_HTTP=true (the option `allow_http`)",
            shown(url)
        )),
        _ => Err("only https URLs are accepted".to_owned()),
    }
}

/// The required form of an `iss`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssuerRule {
    /// Exactly this text, byte for byte.
    Exact(String),
    /// This text with a tenant in the middle.
    Template {
        /// The text before the tenant.
        before: String,
        /// The text after the tenant.
        after: String,
    },
}

/// The result of comparing an `iss`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission<'a> {
    /// It is the issuer.
    Issuer,
    /// It is the issuer of this tenant, a GUID.
    Tenant(&'a str),
    /// It is another issuer.
    Other,
    /// It is another issuer, which differs only in the slash at its end.
    OtherSlash,
}

impl IssuerRule {
    /// Compares an `iss`.
    pub fn admit<'a>(&self, iss: &'a str) -> Admission<'a> {
        match self {
            Self::Exact(expected) if iss == expected => Admission::Issuer,
            Self::Exact(expected) if differ_by_a_slash(iss, expected) => Admission::OtherSlash,
            Self::Exact(_) => Admission::Other,
            Self::Template { before, after } => iss
                .strip_prefix(before.as_str())
                .and_then(|rest| rest.strip_suffix(after.as_str()))
                .filter(|tenant| is_guid(tenant))
                .map_or(Admission::Other, Admission::Tenant),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TENANT_ID: &str = "0f0e0d0c-0b0a-0908-0706-050403020100";

    #[test]
    fn an_issuer_is_compared_byte_for_byte() {
        let issuer = Issuer::parse("https://idp.example/", false).unwrap();
        let rule = issuer.confirm("https://idp.example/").unwrap();
        assert_eq!(Some(&rule), issuer.rule().as_ref());
        assert_eq!(rule.admit("https://idp.example/"), Admission::Issuer);
        assert_eq!(rule.admit("https://idp.example"), Admission::OtherSlash);
        assert_eq!(rule.admit("https://idp.example//"), Admission::OtherSlash);
        assert_eq!(rule.admit("https://IDP.example/"), Admission::Other);
        assert_eq!(rule.admit(""), Admission::Other);
    }

    #[test]
    fn a_slash_is_told_apart_with_the_reason_and_both_values() {
        for (configured, named) in [
            ("https://idp.example/o/app", "https://idp.example/o/app/"),
            ("https://idp.example/o/app/", "https://idp.example/o/app"),
            ("https://idp.example", "https://idp.example/"),
        ] {
            let issuer = Issuer::parse(configured, false).unwrap();
            let why = issuer.confirm(named).unwrap_err();
            assert!(why.contains("differ only in the slash at the end"), "{why}");
            assert!(why.contains(&format!("issuer `{named}`")), "{why}");
            assert!(
                why.contains(&format!("`{configured}` is configured")),
                "{why}"
            );
            assert!(
                why.ends_with(&format!("OIDC_ISSUER_URL to `{named}`")),
                "{why}"
            );
        }
        let issuer = Issuer::parse("https://idp.example/a", false).unwrap();
        let why = issuer.confirm("https://idp.example/b").unwrap_err();
        assert!(
            !why.contains("only in the slash") && why.contains("/a") && why.contains("/b"),
            "{why}"
        );
    }

    #[test]
    fn what_is_no_issuer_is_refused_with_the_reason() {
        for (bad, why) in [
            ("idp.example", "not a URL"),
            ("ftp://idp.example", "https"),
            ("http://idp.example", "allow_http"),
            ("http://idp.example", "OUTBOUND_ALLOW_HTTP"),
            ("https://idp.example?a=b", "query"),
            ("https://idp.example#x", "fragment"),
            ("https://me:secret@idp.example", "password"),
            ("http://me:secret@idp.example", "password"),
            (
                "https://idp.example/.well-known/openid-configuration",
                "leave out",
            ),
        ] {
            let error = Issuer::parse(bad, false).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(Issuer::parse("http://127.0.0.1:8080/realm", false).is_ok());
        assert!(Issuer::parse("http://idp.internal", true).is_ok());
    }

    #[test]
    fn a_shared_entra_endpoint_is_a_template() {
        let template = "https://login.microsoftonline.com/{tenantid}/v2.0";
        for shared in [
            "https://login.microsoftonline.com/organizations/v2.0",
            "https://login.microsoftonline.com/common/v2.0",
            template,
        ] {
            let issuer = Issuer::parse(shared, false).unwrap();
            assert!(issuer.is_shared());
            let rule = issuer.confirm(template).unwrap();
            let of = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
            assert_eq!(rule.admit(&of(TENANT_ID)), Admission::Tenant(TENANT_ID));
            for other in ["common", "x/../y", "", "{tenantid}"] {
                assert_eq!(rule.admit(&of(other)), Admission::Other, "{other}");
            }
            for other in [
                "https://evil.example/{tenantid}/v2.0",
                "https://login.microsoftonline.com/common/v2.0",
                "http://sts.windows.net/{tenantid}/",
            ] {
                assert!(issuer.confirm(other).is_err(), "{other}");
            }
        }
        let issuer = Issuer::parse("https://login.microsoftonline.com/common", false).unwrap();
        assert!(issuer.rule().is_none(), "only the document knows");
        assert!(
            issuer
                .confirm("https://sts.windows.net/{tenantid}/")
                .is_ok()
        );
        let single = format!("https://login.microsoftonline.com/{TENANT_ID}/v2.0");
        assert!(!Issuer::parse(&single, false).unwrap().is_shared());
    }

    proptest! {
        /// Only the exact text is the issuer.
        #[test]
        fn no_other_text_is_the_issuer(path in "[a-z/]{0,8}", other in "[a-z/:.]{0,24}") {
            let text = format!("https://idp.example/{path}");
            let issuer = Issuer::parse(&text, false).unwrap();
            prop_assert_eq!(issuer.confirm(&other).is_ok(), other == text);
            let rule = issuer.rule().unwrap();
            prop_assert_eq!(rule.admit(&other) == Admission::Issuer, other == text);
        }
    }
}
