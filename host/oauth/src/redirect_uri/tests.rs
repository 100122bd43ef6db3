//! The redirect URIs that are accepted, and the requested ones that a registered one admits.

use super::*;

fn rules() -> RedirectRules {
    let own = PublicUrl::parse("https://mcp.example.com").unwrap();
    RedirectRules::new(&own, &["cursor".to_owned(), "vscode".to_owned()]).unwrap()
}

fn uri(text: &str) -> RedirectUri {
    rules()
        .check(text)
        .unwrap_or_else(|why| panic!("{text} {why}"))
}

#[test]
fn what_real_clients_register_is_taken() {
    for text in [
        "https://claude.ai/api/mcp/auth_callback",
        "https://vscode.dev/redirect",
        "https://app.example:8443/cb?tenant=1",
        "http://127.0.0.1/",
        "http://127.0.0.1:33418/",
        "http://localhost:6274/oauth/callback/debug",
        "http://[::1]:5000/cb",
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "vscode://vscode.github-authentication/did-authenticate",
        "com.example.app:/oauth2redirect",
        "com.example.app://callback",
    ] {
        assert!(
            rules().check(text).is_ok(),
            "{text}: {:?}",
            rules().check(text)
        );
    }
}

#[test]
fn what_attackers_register_is_not() {
    use RedirectUriError as E;
    for (text, why) in [
        ("", E::Length),
        ("callback", E::NotAbsolute),
        ("//evil.example/cb", E::NotAbsolute),
        ("/cb", E::NotAbsolute),
        ("javascript:alert(1)", E::Scheme),
        ("JavaScript:alert(1)", E::Scheme),
        ("javascript://example.com/%0aalert(1)", E::Character),
        (" javascript:alert(1)", E::Character),
        ("java\tscript:alert(1)", E::Character),
        ("java\nscript:alert(1)", E::Character),
        ("\u{1}javascript:alert(1)", E::Character),
        ("data:text/html,x", E::Scheme),
        ("vbscript:x", E::Scheme),
        ("file:///etc/passwd", E::Scheme),
        ("blob:https://example.com/x", E::Scheme),
        ("ftp://example.com/", E::Scheme),
        ("ws://example.com/", E::Scheme),
        ("intent://x#Intent;end", E::Fragment),
        ("unknown://callback", E::Scheme),
        (".app:/x", E::Scheme),
        ("com..app:/x", E::Scheme),
        ("com.example.:/x", E::Scheme),
        ("HTTPS://app.example/cb", E::Scheme),
        ("https://app.example/cb#x", E::Fragment),
        ("https://app.example/cb#", E::Fragment),
        ("https://user@app.example/cb", E::UserInfo),
        ("https://user:pw@app.example/cb", E::UserInfo),
        ("https://app.example@evil.example/cb", E::UserInfo),
        ("com.example.app://x@y/cb", E::UserInfo),
        ("https://app.example\\@evil.example/cb", E::Character),
        ("https:\\\\app.example/cb", E::Character),
        ("https:/app.example/cb", E::NotAbsolute),
        ("https:app.example/cb", E::NotAbsolute),
        ("https:///app.example/cb", E::Host),
        ("https://App.example/cb", E::Host),
        ("https://app%2eexample/cb", E::Host),
        ("http://0x7f.1/cb", E::Host),
        ("http://2130706433/cb", E::Host),
        ("http://127.1/cb", E::Host),
        ("http://127.0.0.1:080/cb", E::Host),
        ("https://app.example:443/cb", E::Host),
        ("https://app.example:/cb", E::Host),
        ("https://app.exаmple/cb", E::Character),
        ("http://app.example/cb", E::PlainHttp),
        ("http://localhost.evil.example/cb", E::PlainHttp),
        ("http://127.0.0.1.evil.example/cb", E::PlainHttp),
        ("http://0.0.0.0/cb", E::PlainHttp),
        ("http://10.0.0.1/cb", E::PlainHttp),
        ("https://app.example/a/../cb", E::DotSegment),
        ("https://app.example/./cb", E::DotSegment),
        ("https://app.example/a/%2e%2E/cb", E::DotSegment),
        ("https://app.example/a/.%2e/cb", E::DotSegment),
        ("https://app.example/a/..", E::DotSegment),
        ("https://app.example/cb%0d%0aSet-Cookie:x", E::Character),
        ("https://app.example/cb%00", E::Character),
        ("https://app.example/cb%5c", E::Character),
        ("https://app.example/cb%", E::Character),
        ("https://app.example/cb%zz", E::Character),
        ("https://app.example/c b", E::Character),
        ("https://app.example/cb\r\nx: y", E::Character),
        ("https://app.example/\"><script>", E::Character),
        ("https://app.example/cb?code=x", E::Parameter),
        ("https://app.example/cb?a=b&state=x", E::Parameter),
        (
            "https://app.example/cb?iss=https://evil.example",
            E::Parameter,
        ),
        ("https://mcp.example.com/oauth/callback", E::Own),
        ("https://mcp.example.com/oauth/callback?x=y", E::Own),
        ("https://mcp.example.com/", E::Own),
        ("https://mcp.example.com./oauth/callback", E::Own),
    ] {
        assert_eq!(rules().check(text), Err(why), "{text}");
    }
    assert_eq!(
        rules().check(&format!("https://a.example/{}", "x".repeat(2_048))),
        Err(E::Length)
    );
}

#[test]
fn our_own_callback_is_found_behind_every_loopback_name() {
    let own = PublicUrl::parse("http://127.0.0.1:8000").unwrap();
    let rules = RedirectRules::new(&own, &[]).unwrap();
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let own = format!("http://{host}:8000/oauth/callback");
        assert_eq!(rules.check(&own), Err(RedirectUriError::Own), "{own}");
        let other = format!("http://{host}:8001/oauth/callback");
        assert!(rules.check(&other).is_ok(), "{other}");
    }
}

#[test]
fn dangerous_schemes_cannot_be_allowed() {
    let own = PublicUrl::parse("https://mcp.example.com").unwrap();
    for scheme in [
        "javascript",
        "data",
        "http",
        "file",
        "Cursor",
        "cur sor",
        "",
        "1x",
        "x:",
    ] {
        assert!(
            RedirectRules::new(&own, &[scheme.to_owned()]).is_err(),
            "{scheme}"
        );
    }
}

#[test]
fn a_registered_uri_admits_itself_and_other_loopback_ports_alone() {
    for (registered, requested) in [
        ("http://127.0.0.1/cb", "http://127.0.0.1:5000/cb"),
        ("http://127.0.0.1:1/cb", "http://127.0.0.1:5000/cb"),
        ("http://localhost:1/cb", "http://localhost/cb"),
        ("http://[::1]:1/cb", "http://[::1]:2/cb"),
        ("http://[::1]/cb?x=1", "http://[::1]:2/cb?x=1"),
        ("https://app.example/cb", "https://app.example/cb"),
    ] {
        assert!(
            uri(registered).admits(&uri(requested)),
            "{registered} {requested}"
        );
    }
    for (registered, requested) in [
        ("http://127.0.0.1/cb", "http://127.0.0.1:5000/cb/"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:5000/"),
        ("http://127.0.0.1/cb", "http://localhost:5000/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.2/cb"),
        ("http://127.0.0.1/cb", "http://[::1]/cb"),
        ("http://127.0.0.1/cb?x=1", "http://127.0.0.1/cb?x=2"),
        ("http://127.0.0.1/cb", "https://127.0.0.1/cb"),
        ("https://app.example/cb", "https://app.example:8443/cb"),
        ("https://app.example:1/cb", "https://app.example:2/cb"),
        ("https://app.example/cb", "https://app.example/cb/x"),
        ("https://app.example/cb", "https://app.example/cb?x"),
        ("https://app.example/", "https://app.example"),
        ("com.example.app:/cb", "com.example.app://cb"),
    ] {
        assert!(
            !uri(registered).admits(&uri(requested)),
            "{registered} {requested}"
        );
    }
}

/// S-06: whatever is appended to a registered URI or put around it, nothing else is admitted.
#[test]
fn variations_of_a_registered_uri_are_not_admitted() {
    let mut tried = 0;
    for base in [
        "https://app.example/cb",
        "http://127.0.0.1/cb",
        "com.example.app:/cb",
    ] {
        let registered = uri(base);
        let (scheme, rest) = base.split_once(':').unwrap();
        let parts = [
            "",
            "/",
            "//",
            "\\",
            "?",
            "#",
            "@",
            ":",
            ".",
            "..",
            "%2f",
            "%2e",
            "%00",
            "%0a",
            " ",
            "\t",
            ";",
            "&",
            "evil.example",
            "@evil.example",
            ".evil.example",
            "/..",
            "/../",
            "/%2e%2e/",
            "?code=x",
            "#x",
            "//evil.example",
            "\\evil.example",
            "evil.example/",
            "user@",
            "user:pw@",
            "*",
            "%252e",
            "ａ",
            "\u{200b}",
            "\r\n",
            "[::1]",
        ];
        for prefix in parts {
            for suffix in parts {
                for candidate in [
                    format!("{prefix}{base}{suffix}"),
                    format!("{scheme}:{prefix}{rest}{suffix}"),
                    format!(
                        "{scheme}://{prefix}{}{suffix}",
                        rest.trim_start_matches('/')
                    ),
                    base.replace("/cb", &format!("{prefix}/cb{suffix}")),
                ] {
                    tried += 1;
                    if let Ok(requested) = rules().check(&candidate) {
                        let same = candidate == base;
                        assert_eq!(registered.admits(&requested), same, "{candidate}");
                    }
                }
            }
        }
    }
    assert!(tried > 10_000);
}

#[test]
fn parameters_are_added_to_what_is_there() {
    for (base, with) in [
        (
            "https://app.example/cb",
            "https://app.example/cb?code=a%26b",
        ),
        (
            "https://app.example/cb?x=1",
            "https://app.example/cb?x=1&code=a%26b",
        ),
        (
            "https://app.example/cb?",
            "https://app.example/cb?code=a%26b",
        ),
        ("com.example.app:/cb", "com.example.app:/cb?code=a%26b"),
    ] {
        assert_eq!(uri(base).with(&[("code", "a&b")]), with);
    }
}

#[test]
fn a_destination_is_shown_as_it_is() {
    assert_eq!(uri("https://claude.ai/api/x").destination(), "claude.ai");
    assert_eq!(uri("http://127.0.0.1:81/x").destination(), "127.0.0.1:81");
    assert_eq!(
        uri("cursor://anysphere.cursor-mcp/x").destination(),
        "cursor"
    );
}
