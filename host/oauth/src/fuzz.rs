//! Fuzz targets for what strangers send to the sign-in. Each checks more than that nothing panics.

use std::sync::LazyLock;

use foundation::public_url::PublicUrl;
use secrecy::SecretString;
use url::Url;

use super::{
    KeySource,
    client_metadata::read_document,
    keys::Keys,
    params::Params,
    redirect_uri::RedirectRules,
    seal::{Kind, Sealer},
    types::{ClientId, CodeChallenge, CodeVerifier, State},
};

/// The server that the targets are about.
struct Own {
    rules: RedirectRules,
    sealer: Sealer,
}

static OWN: LazyLock<Option<Own>> = LazyLock::new(|| {
    let url = PublicUrl::parse("https://mcp.example.com").ok()?;
    let key = SecretString::from("00".repeat(31) + "01");
    let keys = Keys::load(&KeySource::Given(key)).ok()?;
    Some(Own {
        rules: RedirectRules::new(&url, &["cursor".to_owned()]).ok()?,
        sealer: Sealer::new(&keys, &url).ok()?,
    })
});

fn own() -> &'static Own {
    OWN.as_ref().expect("settings of the targets are valid")
}

/// A redirect URI: one that is accepted is https, loopback or an app's, has no userinfo, and a
/// parameter that is added does not change where it goes.
pub fn redirect_uri(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(uri) = own().rules.check(text) else {
        return;
    };
    assert!(uri.admits(&uri));
    let added = uri.with(&[("code", "x&y"), ("iss", "https://mcp.example.com")]);
    let (Ok(before), Ok(after)) = (Url::parse(text), Url::parse(&added)) else {
        // Only apps have schemes that have no URL.
        assert!(uri.is_app(), "{text}");
        return;
    };
    assert_eq!(before.scheme(), after.scheme());
    assert_eq!(before.host_str(), after.host_str(), "{added}");
    assert_eq!(before.port(), after.port());
    assert!(before.username().is_empty() && before.password().is_none());
    assert!(before.fragment().is_none() && !text.contains(['\\', ' ', '\n']));
    match before.scheme() {
        "https" => assert_ne!(before.host_str(), Some("mcp.example.com"), "our own"),
        "http" => assert!(uri.is_loopback(), "{text}"),
        scheme => assert!(
            !matches!(
                scheme,
                "javascript" | "data" | "file" | "vbscript" | "blob" | "about"
            ),
            "{text}"
        ),
    }
}

/// The query of an authorization request, and the form of a token request.
pub fn authorize_query(data: &[u8]) {
    let Some(params) = Params::parse(data) else {
        return;
    };
    for name in [
        "client_id",
        "redirect_uri",
        "state",
        "scope",
        "resource",
        "prompt",
    ] {
        let values = params.all(name).count();
        match params.get(name) {
            Ok(None) => assert_eq!(values, 0),
            Ok(Some(_)) => assert_eq!(values, 1),
            Err(_) => assert!(params.any_repeated() || name == "resource"),
        }
    }
    let get = |name| params.get(name).ok().flatten();
    if let Some(id) = get("client_id").and_then(ClientId::parse) {
        assert!(
            id.as_str()
                .bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' ')
        );
    }
    if let (Some(challenge), Some(verifier)) = (
        get("code_challenge").and_then(CodeChallenge::parse),
        get("code_verifier").and_then(CodeVerifier::parse),
    ) {
        let matches = challenge.matches(&verifier);
        assert_eq!(matches, challenge == verifier.challenge());
    }
    let _ = get("state").and_then(State::parse);
    if let Some(uri) = get("redirect_uri") {
        redirect_uri(uri.as_bytes());
    }
}

/// A sealed envelope: nothing opens that this server did not seal.
pub fn sealed(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for kind in Kind::ALL {
        let dressed = format!("{}{text}", kind.prefix());
        for envelope in [text, &dressed] {
            let opened: Option<serde_json::Value> = own().sealer.open(kind, envelope);
            assert!(opened.is_none());
        }
    }
}

/// A client's metadata document: it is JSON and that of the client, and its redirect URIs follow the rules.
pub fn client_metadata(data: &[u8]) {
    let id = "https://client.example/client.json";
    let Ok(document) = read_document(data, id) else {
        return;
    };
    match serde_json::from_slice::<serde_json::Value>(data) {
        Ok(value) => assert_eq!(value["client_id"], id),
        // A member that is not read may hold a number of which no `f64` knows.
        Err(_) => assert!(serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok()),
    }
    assert!(!document.redirect_uris.is_empty());
    for uri in &document.redirect_uris {
        redirect_uri(uri.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use test_support::fuzz::run;

    #[test]
    fn fuzz_targets_of_the_sign_in_hold() {
        run("redirect_uri", 20_000, super::redirect_uri);
        run("authorize_query", 20_000, super::authorize_query);
        run("sealed", 3_000, super::sealed);
        run("client_metadata", 20_000, super::client_metadata);
    }
}
