//! Which of several ways to say a thing counts.

use std::{collections::BTreeMap, path::Path};

use url::Url;

use super::super::{ConfigError, Raw, Settings};

const PROGRAM: &str = "/opt/datahub-mcp/bin/datahub-mcp";
const ISSUER: (&str, &str) = ("OIDC_ISSUER_URL", "https://idp.example");

fn check(pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let all = pairs
        .iter()
        .chain(&[("DATAHUB_GMS_URL", "http://gms:8080")]);
    let all = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let raw = Raw::merge(BTreeMap::new(), all.collect());
    Settings::check(&raw, Path::new(PROGRAM))
}

fn problem(pairs: &[(&str, &str)]) -> String {
    let text = check(pairs)
        .expect_err("these settings are wrong")
        .to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!text.contains("canary"), "{text}");
    text
}

/// The proxy of `url`, asked of DataHub's half and of the sign-in, which must agree.
fn proxy(pairs: &[(&str, &str)], url: &str) -> Option<String> {
    let all = [pairs, &[ISSUER, ("OIDC_CLIENT_ID", "id")]].concat();
    let settings = check(&all).unwrap();
    let signin = settings.oauth.unwrap().network;
    let url = Url::parse(url).unwrap();
    let of = |network: &outbound::Network| network.proxies.of(&url).map(ToString::to_string);
    assert_eq!(of(&settings.datahub.network), of(&signin));
    of(&signin)
}

#[test]
fn the_setting_wins_over_the_variables_and_each_of_these_counts_in_either_case() {
    let url = "https://datahub.example.com/";
    let named = |name: &str| Some(format!("http://{name}:1/"));
    for (variable, value) in [
        ("HTTPS_PROXY", "http://upper:1"),
        ("https_proxy", "http://lower:1"),
        ("ALL_PROXY", "http://all:1"),
        ("all_proxy", "all-lower:1"),
    ] {
        let host = value.trim_start_matches("http://").trim_end_matches(":1");
        assert_eq!(proxy(&[(variable, value)], url), named(host), "{variable}");
        assert_eq!(
            proxy(
                &[(variable, value), ("OUTBOUND_PROXY", "http://own:1")],
                url
            ),
            named("own")
        );
        assert_eq!(
            proxy(&[(variable, value), ("OUTBOUND_PROXY", "none")], url),
            None
        );
        for list in [
            "*",
            "example.com",
            ".example.com",
            "datahub.example.com:443",
        ] {
            for name in ["NO_PROXY", "no_proxy", "OUTBOUND_NO_PROXY"] {
                assert_eq!(
                    proxy(&[(variable, value), (name, list)], url),
                    None,
                    "{list}"
                );
            }
        }
    }
    let http = ("HTTP_PROXY", "http://plain:1");
    assert_eq!(proxy(&[http], url), None);
    assert_eq!(
        proxy(&[http], "http://datahub.example.com/"),
        named("plain")
    );
    let own = ("OUTBOUND_NO_PROXY", "other.example");
    let both = [("HTTPS_PROXY", "http://upper:1"), ("NO_PROXY", "*"), own];
    assert_eq!(proxy(&both, url), named("upper"), "our list wins");
}

#[test]
fn what_is_wrong_names_its_variable_in_one_line() {
    for (pairs, start) in [
        (
            &[("HTTPS_PROXY", "socks5://u:canary@p")][..],
            "`HTTPS_PROXY` is `***`: ",
        ),
        (
            &[("all_proxy", "socks5://u:canary@p"), ("HTTP_PROXY", "p")],
            "`all_proxy` is `***`: ",
        ),
        (
            &[("OUTBOUND_PROXY", "ftp://canary")],
            "`OUTBOUND_PROXY` (`--outbound-proxy`) is `***`: ",
        ),
        (
            &[("SSL_CERT_FILE", "/nowhere/ca.pem")],
            "`SSL_CERT_FILE` is `/nowhere/ca.pem`: No such",
        ),
        (
            &[("OUTBOUND_CA_FILE", "/nowhere/ca.pem")],
            "`OUTBOUND_CA_FILE` (`--outbound-ca-file`) is `/nowhere/ca.pem`: No such",
        ),
        (
            &[("OUTBOUND_CA_FILE", "/dev/null")],
            "`OUTBOUND_CA_FILE` (`--outbound-ca-file`) is",
        ),
    ] {
        let text = problem(pairs);
        assert!(text.starts_with(start), "{text}");
    }
    let shadowed = [("HTTPS_PROXY", "socks5://x"), ("OUTBOUND_PROXY", "none")];
    assert!(check(&shadowed).is_ok(), "what does not count is not read");
}

#[test]
fn one_switch_for_plain_http_reaches_both_halves() {
    let signin = |pairs: &[(&str, &str)]| {
        let all = [pairs, &[ISSUER, ("OIDC_CLIENT_ID", "id")]].concat();
        let settings = check(&all).unwrap();
        let validator = settings.plugins.options.env.get("OUTBOUND_ALLOW_HTTP");
        let validator = validator.map(str::to_owned);
        (settings.oauth.unwrap().upstream.allow_http, validator)
    };
    assert_eq!(signin(&[]), (false, None));
    let on = ("OUTBOUND_ALLOW_HTTP", "true");
    assert_eq!(signin(&[on]), (true, Some("true".to_owned())));
    for option in [
        ("TOKEN_VALIDATOR_OPT_ALLOW_HTTP", "true"),
        ("TOKEN_VALIDATOR_OPT_allow-http", "yes"),
        ("TOKEN_VALIDATOR_CONFIG", "{\"allow_http\": true}"),
        (
            "TOKEN_VALIDATOR_CONFIG",
            "{\"oidc\": {\"allow_http\": \"true\"}}",
        ),
    ] {
        assert!(signin(&[option]).0, "{option:?}");
    }
    let off = ("TOKEN_VALIDATOR_OPT_ALLOW_HTTP", "false");
    assert!(
        !signin(&[on, off]).0,
        "the validators' own option counts for both"
    );
}

#[test]
fn the_place_to_look_is_apart_from_the_issuer() {
    let place = ("OAUTH_ISSUER_URL", "http://127.0.0.1:8080/realms/x");
    let client = ("OIDC_CLIENT_ID", "id");
    let upstream = |pairs: &[(&str, &str)]| {
        let upstream = check(pairs).unwrap().oauth.unwrap().upstream;
        (upstream.issuer, upstream.discovery_url)
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(upstream(&[ISSUER, client]), (text(ISSUER.1), None));
    assert_eq!(
        upstream(&[ISSUER, client, place]),
        (text(ISSUER.1), text(place.1))
    );
    assert_eq!(upstream(&[client, place]), (text(place.1), text(place.1)));
    let bearer = check(&[ISSUER, place]).unwrap();
    assert_eq!(bearer.plugins.options.env.get(place.0), Some(place.1));
    assert!(problem(&[place]).contains("the sign-in proxy is off"));
}
