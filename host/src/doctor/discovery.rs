//! The provider's document: the place that answers, the issuer that it names, and if there is none,
//! the places nearby that have one.

use outbound::{Answer, Document, Error, discover, places, shown};
use serde_json::Value;
use url::Url;

use super::{options::Provider, peers::Peer, reach, report::Check};
use crate::config::spelled_issuer;

const DISCOVERY: &str = "provider";
const ISSUER: &str = "issuer";
/// The most issuers nearby that are tried.
const MAX_NEARBY: usize = 5;

/// Finds the document as the server does. `None` if the server would find none.
pub(super) async fn check(
    peer: &Peer,
    provider: &Provider,
    network: &outbound::Network,
) -> (Vec<Check>, Option<Document>) {
    let source = &provider.source;
    let mut tried = Vec::new();
    let mut named = None;
    for url in places(source.place()) {
        match peer.get(&url).await.map(|answer| issuer_in(&answer)) {
            Ok(Ok(issuer)) => {
                let right = source.issuer().confirm(&issuer).is_ok();
                if right || named.is_none() {
                    named = Some((shown(&url), issuer));
                }
                if right {
                    break;
                }
            }
            Ok(Err(passed)) => tried.push(format!("{} {passed}", shown(&url))),
            Err(Error::Unreachable { what, .. }) => {
                let obstacle = reach::obstacle(&url, network, provider.place_setting(), what).await;
                return (
                    vec![Check::fail(DISCOVERY, obstacle.seen, obstacle.fix)],
                    None,
                );
            }
            Err(Error::Redirect { what, .. }) => {
                tried.push(format!("{} redirects {what}", shown(&url)));
            }
            Err(error) => tried.push(error.to_string()),
        }
    }
    let Some((place, issuer)) = named else {
        return (vec![missing(peer, provider, &tried).await], None);
    };
    let mut seen = format!("the document is at {place}");
    if !tried.is_empty() {
        seen.push_str(&format!(" (tried before: {})", tried.join(", ")));
    }
    let mut checks = vec![Check::ok(DISCOVERY, seen)];
    checks.push(match source.issuer().confirm(&issuer) {
        Ok(_) => Check::ok(
            ISSUER,
            format!("the document names {}", source.issuer().text()),
        ),
        Err(why) => {
            // The remedy has a line of its own.
            let seen = why.split("; set OIDC_ISSUER_URL").next().unwrap_or(&why);
            Check::fail(ISSUER, seen, issuer_fix(provider, &issuer))
        }
    });
    let document = match discover(peer.client(), source).await {
        Ok(document) => Some(document),
        Err(error) if checks.iter().all(Check::is_ok) => {
            checks = vec![Check::fail(DISCOVERY, error.to_string(), fix(provider))];
            None
        }
        Err(_) => None,
    };
    (checks, document)
}

fn fix(provider: &Provider) -> String {
    format!(
        "set {} to the issuer as the provider's console names it, without `/.well-known/openid-configuration`",
        quoted(provider.issuer_setting())
    )
}

/// The issuer that a document names, or what came instead of one.
fn issuer_in(answer: &Answer) -> Result<String, String> {
    if !answer.status.is_success() {
        return Err(format!("answers {}", answer.status.as_u16()));
    }
    let document: Value = serde_json::from_slice(&answer.body)
        .map_err(|_| "answers with something else than JSON".to_owned())?;
    let issuer = document.get("issuer").and_then(Value::as_str);
    issuer
        .map(str::to_owned)
        .ok_or_else(|| "answers without an `issuer`".to_owned())
}

fn issuer_fix(provider: &Provider, named: &str) -> String {
    let configured = provider.source.issuer().text();
    let respelled = spelled_issuer(provider.preset, named) == configured;
    let named = outbound::quoted(named);
    let setting = quoted(provider.issuer_setting());
    if respelled {
        return format!(
            "set `OIDC_PROVIDER` to `generic` and {setting} to {named}, if that is your provider: the preset `{}` \
             spells the end of every issuer as its own provider does",
            provider.preset.name()
        );
    }
    if provider.has_place() {
        return format!(
            "set {setting} to {named}, or the provider's own URL (its \"frontend\" or \"public\" URL) so that it \
             names {}",
            outbound::quoted(configured)
        );
    }
    format!("set {setting} to {named}, if that is your provider: its tokens name it so, too")
}

/// The setting as it is written in a sentence.
fn quoted(setting: &str) -> String {
    match setting.contains('`') {
        true => setting.to_owned(),
        false => format!("`{setting}`"),
    }
}

/// No place has a document: the issuer's path is wrong, or the host is not the provider's.
async fn missing(peer: &Peer, provider: &Provider, tried: &[String]) -> Check {
    let seen = format!("no discovery document: {}", tried.join(", "));
    for candidate in nearby(provider.source.place()) {
        for url in places(&candidate).into_iter().take(2) {
            let Ok(answer) = peer.get(&url).await else {
                continue;
            };
            let Ok(issuer) = issuer_in(&answer) else {
                continue;
            };
            let fix = format!(
                "set {} to {}: {} names it",
                quoted(provider.place_setting()),
                outbound::quoted(&issuer),
                shown(&url)
            );
            return Check::fail(DISCOVERY, seen, fix);
        }
    }
    Check::fail(DISCOVERY, seen, fix(provider))
}

/// Issuers that are often meant: with the version or the server that was left out, or without the
/// last parts of the path.
fn nearby(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/');
    let mut paths: Vec<String> = ["/v2.0", "/oauth2/default"]
        .map(|more| format!("{path}{more}"))
        .to_vec();
    // Keycloak's path before version 17, and since.
    match path.strip_prefix("/auth/realms/") {
        Some(realm) => paths.push(format!("/realms/{realm}")),
        None if path.starts_with("/realms/") => paths.push(format!("/auth{path}")),
        None => {}
    }
    let mut rest = path;
    while let Some((parent, _)) = rest.rsplit_once('/') {
        paths.push(format!("{parent}/"));
        rest = parent;
    }
    paths.truncate(MAX_NEARBY);
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    paths.into_iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_places_nearby_are_tried() {
        let at = |text: &str| {
            let found = nearby(&Url::parse(text).unwrap());
            found.into_iter().map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(
            at("https://idp.example/a/b"),
            [
                "https://idp.example/a/b/v2.0",
                "https://idp.example/a/b/oauth2/default",
                "https://idp.example/a/",
                "https://idp.example/",
            ]
        );
        assert_eq!(
            at("https://idp.example/auth/realms/a")[2],
            "https://idp.example/realms/a"
        );
        assert_eq!(
            at("https://idp.example/realms/a")[2],
            "https://idp.example/auth/realms/a"
        );
        let deep = format!("https://idp.example/{}", "a/".repeat(1_000));
        assert_eq!(at(&deep).len(), MAX_NEARBY);
    }
}
