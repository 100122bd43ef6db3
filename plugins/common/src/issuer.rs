//! The issuer: as configured, as discovered, and as a token must name it.
//!
//! An issuer is compared byte for byte and never normalised: a trailing slash is part of it. The
//! one exception is Microsoft Entra's shared endpoint, whose document names a template with
//! `{tenantid}` in it; there the token's own tenant is put in, and only tenants that the operator
//! listed pass.

use plugin_api::sdk::Failure;
use serde_json::{Map, Value};
use url::Url;

use crate::{
    http::{self, is_loopback},
    jws::quoted,
};

const PLACEHOLDER: &str = "{tenantid}";
const ENTRA_HOSTS: [&str; 5] = [
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.microsoft.com",
    "sts.windows.net",
];
const ENTRA_SHARED: [&str; 3] = ["common", "organizations", "consumers"];

/// The issuer that the operator configured.
#[derive(Debug, Clone)]
pub(crate) struct Issuer {
    text: String,
    url: Url,
    shared: bool,
    tenants: Tenants,
}

/// Which tenants of a shared endpoint may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tenants {
    Any,
    Listed(Vec<String>),
}

impl Issuer {
    /// Checks an issuer. Plain HTTP is fine on loopback, and elsewhere only where allowed.
    ///
    /// # Errors
    /// One line that says what to change.
    pub(crate) fn parse(text: &str, allow_http: bool, tenants: &[String]) -> Result<Self, String> {
        let bad = |what: &str| format!("`issuer_url` (OIDC_ISSUER_URL) {}: {what}", quoted(text));
        // `{` and `}` are no URL characters; where they stand for the tenant, the shared
        // endpoint answers for all.
        let url = Url::parse(&text.replace(PLACEHOLDER, "common"))
            .map_err(|_| bad("is not a URL, such as https://idp.example.com/realms/main"))?;
        check_scheme(&url, allow_http).map_err(|what| bad(&what))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad(
                "an issuer has no query and no fragment (RFC 8414 section 2)",
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("`issuer_url` (OIDC_ISSUER_URL) holds a user name or password".to_owned());
        }
        if text.ends_with("/.well-known/openid-configuration") {
            return Err(bad(
                "leave out /.well-known/openid-configuration, it is added",
            ));
        }
        let shared = text.contains(PLACEHOLDER) || is_entra_shared(&url);
        let tenants = match tenants {
            [any] if any == "*" => Tenants::Any,
            listed => Tenants::Listed(listed.iter().map(|t| t.to_ascii_lowercase()).collect()),
        };
        match (&tenants, shared) {
            (Tenants::Listed(listed), true) if listed.is_empty() => {
                return Err(bad(
                    "every tenant of Entra can sign in here: list those that may in `tenants`, \
                     or set it to `*` to mean all of them",
                ));
            }
            (Tenants::Listed(listed), true) if !listed.iter().all(|tenant| is_guid(tenant)) => {
                return Err("`tenants` must list the tenants' GUIDs, or be `*`".to_owned());
            }
            (Tenants::Listed(listed), false) if listed.is_empty() => {}
            (_, false) => {
                return Err("`tenants` needs an `issuer_url` that many tenants share".to_owned());
            }
            _ => {}
        }
        Ok(Self {
            text: text.to_owned(),
            url,
            shared,
            tenants,
        })
    }

    /// Where its documents are looked for.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The issuer as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What tokens must say, as far as it is known without the provider's document.
    pub(crate) fn rule(&self) -> Option<IssuerRule> {
        if !self.shared {
            return Some(IssuerRule::Exact(self.text.clone()));
        }
        self.template(&self.text)
    }

    /// What tokens must say, given the issuer that the provider's document names.
    ///
    /// # Errors
    /// One line with both values where they do not belong together.
    pub(crate) fn confirm(&self, discovered: &str) -> Result<IssuerRule, String> {
        let mismatch = || {
            format!(
                "the provider's document names the issuer {}, configured is {}: they must be \
                 equal, trailing slash included",
                quoted(discovered),
                quoted(&self.text)
            )
        };
        if !self.shared {
            return if discovered == self.text {
                self.rule().ok_or_else(mismatch)
            } else {
                Err(mismatch())
            };
        }
        if self.text.contains(PLACEHOLDER) && discovered != self.text {
            return Err(mismatch());
        }
        let of_entra = Url::parse(&discovered.replace(PLACEHOLDER, "common")).is_ok_and(|url| {
            url.host_str() == self.url.host_str()
                || (url.scheme() == "https"
                    && url
                        .host_str()
                        .is_some_and(|host| ENTRA_HOSTS.contains(&host)))
        });
        if of_entra {
            self.template(discovered).ok_or_else(mismatch)
        } else {
            Err(mismatch())
        }
    }

    fn template(&self, text: &str) -> Option<IssuerRule> {
        let (before, after) = text.split_once(PLACEHOLDER)?;
        (!after.contains(PLACEHOLDER)).then(|| IssuerRule::Template {
            before: before.to_owned(),
            after: after.to_owned(),
            tenants: self.tenants.clone(),
        })
    }
}

/// Whether a URL may be asked as far as its scheme goes.
///
/// # Errors
/// One line that says what to change.
pub(crate) fn check_scheme(url: &Url, allow_http: bool) -> Result<(), String> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) || allow_http => Ok(()),
        "http" => Err(format!(
            "{} is plain HTTP, which anyone on the way can change: use https, or set `allow_http`",
            http::shown(url)
        )),
        _ => Err("only https URLs are asked".to_owned()),
    }
}

fn is_entra_shared(url: &Url) -> bool {
    let first = url.path_segments().and_then(|mut segments| segments.next());
    url.host_str()
        .is_some_and(|host| ENTRA_HOSTS.contains(&host))
        && first.is_some_and(|segment| ENTRA_SHARED.contains(&segment))
}

fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// What the `iss` of a token must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IssuerRule {
    /// This, byte for byte.
    Exact(String),
    /// This with the token's `tid` in the middle.
    Template {
        /// What stands before the tenant.
        before: String,
        /// What stands after it.
        after: String,
        /// Who may come in.
        tenants: Tenants,
    },
}

impl IssuerRule {
    /// Decides whether the token says that it is of this issuer.
    ///
    /// # Errors
    /// [`Failure::not_mine`] where another issuer is named; [`Failure::rejected`] where `iss` is
    /// not a string or the tenant may not come in.
    pub(crate) fn check(&self, claims: &Map<String, Value>) -> Result<(), Failure> {
        let iss = match claims.get("iss") {
            Some(Value::String(iss)) => iss,
            Some(_) => return Err(Failure::rejected("`iss` is no string")),
            None => return Err(Failure::not_mine("the token has no `iss`")),
        };
        match self {
            Self::Exact(expected) if iss == expected => Ok(()),
            Self::Exact(_) => Err(not_ours(iss)),
            Self::Template {
                before,
                after,
                tenants,
            } => {
                let tenant = iss
                    .strip_prefix(before.as_str())
                    .and_then(|rest| rest.strip_suffix(after.as_str()))
                    .filter(|tenant| is_guid(tenant))
                    .ok_or_else(|| not_ours(iss))?;
                if claims.get("tid").and_then(Value::as_str) != Some(tenant) {
                    return Err(Failure::rejected(
                        "`tid` is not the tenant that `iss` names",
                    ));
                }
                match tenants {
                    Tenants::Any => Ok(()),
                    Tenants::Listed(listed) if listed.contains(&tenant.to_ascii_lowercase()) => {
                        Ok(())
                    }
                    Tenants::Listed(_) => Err(Failure::rejected(format!(
                        "tenant {} is not among `tenants`",
                        quoted(tenant)
                    ))),
                }
            }
        }
    }
}

fn not_ours(iss: &str) -> Failure {
    Failure::not_mine(format!("the token is of another issuer, {}", quoted(iss)))
}

/// Whether a key that carries an issuer may speak for this token (Entra: "the issuer that each
/// JWK carries", itself a template for keys of all tenants).
pub(crate) fn key_may_sign(key_issuer: Option<&str>, claims: &Map<String, Value>) -> bool {
    let Some(key_issuer) = key_issuer else {
        return true;
    };
    let claim = |name| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    key_issuer.replace(PLACEHOLDER, claim("tid")) == claim("iss")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TENANT: &str = "0f0e0d0c-0b0a-0908-0706-050403020100";

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn an_issuer_is_compared_byte_for_byte() {
        let issuer = Issuer::parse("https://idp.example/", false, &[]).unwrap();
        assert!(issuer.confirm("https://idp.example/").is_ok());
        assert!(issuer.confirm("https://idp.example").is_err());
        let rule = issuer.rule().unwrap();
        assert!(
            rule.check(&claims(json!({"iss": "https://idp.example/"})))
                .is_ok()
        );
        for other in [
            json!({"iss": "https://idp.example"}),
            json!({"iss": "https://IDP.example/"}),
            json!({"iss": ["https://idp.example/"]}),
            json!({"iss": null}),
            json!({}),
        ] {
            assert!(rule.check(&claims(other.clone())).is_err(), "{other}");
        }
    }

    #[test]
    fn what_is_no_issuer_is_refused_with_the_reason() {
        for (bad, why) in [
            ("idp.example", "not a URL"),
            ("ftp://idp.example", "https"),
            ("http://idp.example", "allow_http"),
            ("https://idp.example?a=b", "query"),
            ("https://idp.example#x", "fragment"),
            ("https://me:secret@idp.example", "password"),
            (
                "https://idp.example/.well-known/openid-configuration",
                "leave out",
            ),
            ("https://login.microsoftonline.com/common/v2.0", "tenants"),
        ] {
            let error = Issuer::parse(bad, false, &[]).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(Issuer::parse("http://127.0.0.1:8080/realm", false, &[]).is_ok());
        assert!(Issuer::parse("http://idp.internal", true, &[]).is_ok());
    }

    #[test]
    fn a_shared_entra_endpoint_admits_listed_tenants_only() {
        let shared = "https://login.microsoftonline.com/organizations/v2.0";
        let issuer = Issuer::parse(shared, false, &[TENANT.to_uppercase()]).unwrap();
        assert!(
            issuer.rule().is_none(),
            "the template is only known from the document"
        );
        let rule = issuer
            .confirm("https://login.microsoftonline.com/{tenantid}/v2.0")
            .unwrap();
        let of = |tenant: &str, tid: &str| {
            rule.check(&claims(json!({
                "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"), "tid": tid,
            })))
        };
        assert!(of(TENANT, TENANT).is_ok());
        let other = "11111111-2222-3333-4444-555555555555";
        assert!(of(other, other).is_err());
        assert!(of(TENANT, other).is_err());
        assert!(of("common", "common").is_err());
        assert!(of("x/../y", "x/../y").is_err());
        assert!(
            issuer
                .confirm("https://evil.example/{tenantid}/v2.0")
                .is_err()
        );
        assert!(
            issuer
                .confirm("https://login.microsoftonline.com/common/v2.0")
                .is_err()
        );
        assert!(
            issuer
                .confirm("https://sts.windows.net/{tenantid}/")
                .is_ok()
        );
    }

    #[test]
    fn a_key_speaks_for_its_own_issuer_only() {
        let token = claims(json!({"iss": format!("https://e/{TENANT}/v2.0"), "tid": TENANT}));
        assert!(key_may_sign(None, &token));
        assert!(key_may_sign(Some("https://e/{tenantid}/v2.0"), &token));
        assert!(!key_may_sign(
            Some("https://e/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"),
            &token
        ));
    }
}
