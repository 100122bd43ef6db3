//! The issuer of tokens. Its identity is checked by the crate `outbound`, its tenants are checked
//! here.
//!
//! With Microsoft Entra's shared endpoint the issuer is a template: the token's own tenant is
//! inserted, and only tenants that the operator listed are accepted.

use outbound::{Admission, IssuerRule, Source, TENANT, is_guid};
use plugin_api::sdk::Failure;
use serde_json::{Map, Value};
use url::Url;

use crate::jws::quoted;

/// The issuer that the operator configured.
#[derive(Debug, Clone)]
pub(crate) struct Issuer {
    source: Source,
    tenants: Tenants,
}

/// The accepted tenants of a shared endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tenants {
    Any,
    Listed(Vec<String>),
}

/// The issuer `text` and, if its document is elsewhere, the place to look. Plain HTTP is accepted
/// for loopback only, unless `allow_http` is set.
///
/// # Errors
/// One line that says what to change.
pub(crate) fn source(
    text: &str,
    discovery_url: Option<&str>,
    allow_http: bool,
) -> Result<Source, String> {
    let issuer = outbound::Issuer::parse(text, allow_http)
        .map_err(|what| format!("`issuer_url` (OIDC_ISSUER_URL) {what}"))?;
    let source = Source::new(issuer, allow_http);
    match discovery_url.filter(|url| !url.is_empty()) {
        None => Ok(source),
        Some(url) => outbound::Issuer::parse(url, allow_http)
            .map(|place| source.looked_for_at(place))
            .map_err(|what| format!("`discovery_url` (OAUTH_ISSUER_URL) {what}")),
    }
}

/// The URLs of a source that the operator configured.
pub(crate) fn configured(source: &Source) -> [&Url; 2] {
    [source.issuer().url(), source.place()]
}

impl Issuer {
    /// Checks the options for the accepted tenants.
    ///
    /// # Errors
    /// One line that says what to change.
    pub(crate) fn new(source: Source, tenants: &[String]) -> Result<Self, String> {
        let issuer = source.issuer();
        let tenants = match tenants {
            [any] if any == "*" => Tenants::Any,
            listed => Tenants::Listed(listed.iter().map(|t| t.to_ascii_lowercase()).collect()),
        };
        match (&tenants, issuer.is_shared()) {
            (Tenants::Listed(listed), true) if listed.is_empty() => {
                return Err(format!(
                    "`issuer_url` (OIDC_ISSUER_URL) {}: every tenant of Entra can sign in here: \
                     list those that may in `tenants`, or set it to `*` to mean all of them",
                    quoted(issuer.text())
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
        Ok(Self { source, tenants })
    }

    /// The issuer and the place of its document.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The issuer as it was written.
    pub(crate) fn text(&self) -> &str {
        self.source.issuer().text()
    }

    /// The check for tokens, if it is known without the provider's document.
    pub(crate) fn early(&self) -> Option<IssuerCheck> {
        let rule = self.source.issuer().rule()?;
        Some(self.check(rule))
    }

    /// The check for tokens, given the rule that the document confirmed.
    pub(crate) fn check(&self, rule: IssuerRule) -> IssuerCheck {
        IssuerCheck {
            rule,
            tenants: self.tenants.clone(),
        }
    }
}

/// The required `iss` of a token, and the accepted tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IssuerCheck {
    rule: IssuerRule,
    tenants: Tenants,
}

impl IssuerCheck {
    /// Checks that the token names this issuer.
    ///
    /// # Errors
    /// [`Failure::not_mine`] if it names another issuer; [`Failure::rejected`] if `iss` is not a
    /// string or the tenant is not accepted.
    pub(crate) fn check(&self, claims: &Map<String, Value>) -> Result<(), Failure> {
        let iss = match claims.get("iss") {
            Some(Value::String(iss)) => iss,
            Some(_) => return Err(Failure::rejected("`iss` is not a string")),
            None => return Err(Failure::not_mine("the token has no `iss`")),
        };
        let tenant = match self.rule.admit(iss) {
            Admission::Issuer => return Ok(()),
            Admission::Tenant(tenant) => tenant,
            Admission::Other => return Err(not_ours(iss)),
            Admission::OtherSlash => {
                return Err(Failure::not_mine(format!(
                    "the token is of another issuer, {}, which differs from `issuer_url` \
                     (OIDC_ISSUER_URL) only in the slash at the end: it counts, set the value of \
                     the token",
                    quoted(iss)
                )));
            }
        };
        if claims.get("tid").and_then(Value::as_str) != Some(tenant) {
            return Err(Failure::rejected(
                "`tid` is not the tenant that `iss` names",
            ));
        }
        match &self.tenants {
            Tenants::Any => Ok(()),
            Tenants::Listed(listed) if listed.contains(&tenant.to_ascii_lowercase()) => Ok(()),
            Tenants::Listed(_) => Err(Failure::rejected(format!(
                "tenant {} is not among `tenants`",
                quoted(tenant)
            ))),
        }
    }
}

fn not_ours(iss: &str) -> Failure {
    Failure::not_mine(format!("the token is of another issuer, {}", quoted(iss)))
}

/// Returns whether a key that carries an issuer may sign this token (Entra: "the issuer that each
/// JWK carries", itself a template for keys of all tenants).
pub(crate) fn key_may_sign(key_issuer: Option<&str>, claims: &Map<String, Value>) -> bool {
    let Some(key_issuer) = key_issuer else {
        return true;
    };
    let claim = |name| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    key_issuer.replace(TENANT, claim("tid")) == claim("iss")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TENANT_ID: &str = "0f0e0d0c-0b0a-0908-0706-050403020100";

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn parse(text: &str, allow_http: bool, tenants: &[String]) -> Result<Issuer, String> {
        Issuer::new(source(text, None, allow_http)?, tenants)
    }

    #[test]
    fn an_issuer_is_compared_byte_for_byte() {
        let issuer = parse("https://idp.example/", false, &[]).unwrap();
        let confirm = |named| issuer.source().issuer().confirm(named);
        assert!(confirm("https://idp.example/").is_ok());
        assert!(confirm("https://idp.example").is_err());
        let rule = issuer.early().unwrap();
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
        let slash = rule.check(&claims(json!({"iss": "https://idp.example"})));
        let slash = slash.unwrap_err();
        assert!(
            slash.log_detail().contains("slash"),
            "{}",
            slash.log_detail()
        );
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
            let error = parse(bad, false, &[]).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
            assert!(!error.contains("secret"), "{error}");
            assert!(error.contains("OIDC_ISSUER_URL"), "{error}");
        }
        assert!(parse("http://127.0.0.1:8080/realm", false, &[]).is_ok());
        assert!(parse("http://idp.internal", true, &[]).is_ok());
        let elsewhere = source("https://idp.example", Some("http://idp.internal"), false);
        let error = elsewhere.unwrap_err();
        assert!(error.contains("OAUTH_ISSUER_URL"), "{error}");
    }

    #[test]
    fn a_shared_entra_endpoint_admits_listed_tenants_only() {
        let shared = "https://login.microsoftonline.com/organizations/v2.0";
        let issuer = parse(shared, false, &[TENANT_ID.to_uppercase()]).unwrap();
        assert!(
            issuer.early().is_none(),
            "the template is only known from the document"
        );
        let confirm = |named| issuer.source().issuer().confirm(named);
        let rule =
            issuer.check(confirm("https://login.microsoftonline.com/{tenantid}/v2.0").unwrap());
        let of = |tenant: &str, tid: &str| {
            rule.check(&claims(json!({
                "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"), "tid": tid,
            })))
        };
        assert!(of(TENANT_ID, TENANT_ID).is_ok());
        let other = "11111111-2222-3333-4444-555555555555";
        assert!(of(other, other).is_err());
        assert!(of(TENANT_ID, other).is_err());
        assert!(of("common", "common").is_err());
        assert!(of("x/../y", "x/../y").is_err());
        assert!(confirm("https://evil.example/{tenantid}/v2.0").is_err());
        assert!(confirm("https://login.microsoftonline.com/common/v2.0").is_err());
        assert!(confirm("https://sts.windows.net/{tenantid}/").is_ok());
    }

    #[test]
    fn a_key_speaks_for_its_own_issuer_only() {
        let token = claims(json!({"iss": format!("https://e/{TENANT_ID}/v2.0"), "tid": TENANT_ID}));
        assert!(key_may_sign(None, &token));
        assert!(key_may_sign(Some("https://e/{tenantid}/v2.0"), &token));
        assert!(!key_may_sign(
            Some("https://e/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"),
            &token
        ));
    }
}
