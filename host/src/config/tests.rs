//! Every setting wrong once, and what may and may not be combined.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use plugin_host::Isolation;
use secrecy::ExposeSecret;
use telemetry::Format;

use super::{Environment, Raw, Setting, Settings, masked, table as t};

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn raw(pairs: &[(&str, &str)]) -> Raw {
    Raw::merge(BTreeMap::new(), environment(pairs))
}

/// Checks `pairs` on top of the one setting that must be there.
pub(super) fn check(pairs: &[(&str, &str)]) -> Result<Settings, String> {
    let mut all = environment(&[("DATAHUB_GMS_URL", "http://gms:8080")]);
    all.extend(environment(pairs));
    let raw = Raw::merge(BTreeMap::new(), all);
    Settings::check(&raw, Path::new("/opt/datahub-mcp/bin/datahub-mcp")).map_err(|e| e.to_string())
}

pub(super) fn problems(pairs: &[(&str, &str)]) -> String {
    check(pairs).expect_err("these settings are wrong")
}

/// A value that is wrong for `setting`, with what else must be set for it to count; `None` where any
/// text is taken here and judged by whom it is for.
fn wrong_value(
    setting: &Setting,
) -> Option<(&'static str, &'static [(&'static str, &'static str)])> {
    let proxy: &[(&str, &str)] = &[
        ("OIDC_CLIENT_ID", "id"),
        ("OIDC_ISSUER_URL", "https://idp.example"),
    ];
    Some(match setting.name {
        // The identity provider, the validator or the file system know.
        "OIDC_AUDIENCE"
        | "OIDC_AUDIENCE_CLAIM"
        | "OIDC_ALGORITHMS"
        | "OIDC_LEEWAY"
        | "OAUTH_STATE_DIR"
        | "TOKEN_VALIDATOR_LOCK"
        | "TOKEN_VALIDATOR_PLUGIN_DIR"
        | "OAUTH_REDIRECT_SCHEMES"
        | "OUTBOUND_NO_PROXY"
        | "SAVE_DOCUMENT_PARENT_TITLE" => return None,
        "OUTBOUND_PROXY" => ("socks5://me:canary@proxy", &[]),
        "OUTBOUND_CA_FILE" => ("/nowhere/ca.pem", &[]),
        "OIDC_CLIENT_ID" => ("id", &[]),
        "DATAHUB_GMS_TOKEN" => ("pasted twice", &[]),
        "OIDC_CLIENT_SECRET" => ("a\tsecret", proxy),
        "OAUTH_TOKEN_KEYS" => ("a key", proxy),
        "OAUTH_STORE_URL" => ("http://canary", proxy),
        "OAUTH_CLIENTS" => ("{\"canary\":1}", proxy),
        "OAUTH_CLIENT_AUTH" => ("basic", proxy),
        "OAUTH_DEFAULT_SCOPE" => ("openid \"x\"", &[]),
        "OAUTH_AUTHORIZE_PARAMS" | "OAUTH_TOKEN_PARAMS" => ("prompt", &[]),
        "TOKEN_VALIDATOR_FACTORY" => ("../evil", &[]),
        "TOKEN_VALIDATOR_SHA256" => ("abc", &[]),
        "TOKEN_VALIDATOR_CONFIG" => ("{\"canary", &[]),
        "PLUGIN_SIGNERS" => ("a key", &[]),
        "RUST_LOG" => ("info,[", &[]),
        "OAUTH_CLIENT_METADATA_DOMAINS" => ("a.example,https://b.example/x", &[]),
        "ALLOWED_HOSTS" => ("a.example,https://b.example", &[]),
        "TRUSTED_PROXIES" => ("10.0.0.0/8,0.0.0.0/0", &[]),
        "ALLOWED_ORIGINS" => ("https://a.example/x", &[]),
        "DATAHUB_GMS_URL" | "PUBLIC_URL" | "OAUTH_RESOURCE_URL" => ("ftp://user:canary@host/", &[]),
        _ => match setting.value {
            "URL" => ("not a url", proxy),
            _ if setting.name.starts_with("OAUTH_") => ("-1", proxy),
            _ => ("-1", &[]),
        },
    })
}

#[test]
fn every_setting_that_is_wrong_says_so_in_one_line() {
    let mut report = String::new();
    for setting in t::ALL {
        let Some((value, others)) = wrong_value(setting) else {
            continue;
        };
        let mut pairs = others.to_vec();
        pairs.push((setting.name, value));
        let text = problems(&pairs);
        let start = format!("`{}` (`--{}`", setting.name, setting.flag());
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with(&start))
            .collect();
        assert_eq!(lines.len(), 1, "{}:\n{text}", setting.name);
        let (_, fix) = lines[0].split_once("; ").expect("what to change");
        assert!(fix.len() > 5, "{}", lines[0]);
        assert!(!text.contains("canary"), "a secret shows: {text}");
        // The words of these are other modules' and tested there.
        if ![
            "TOKEN_VALIDATOR_FACTORY",
            "TOKEN_VALIDATOR_SHA256",
            "TOOL_SCOPES",
        ]
        .contains(&setting.name)
        {
            writeln!(report, "{}", lines[0]).unwrap();
        }
    }
    insta::assert_snapshot!(report);
}

#[test]
fn one_setting_is_enough_and_the_defaults_are_those_of_the_table() {
    let settings = check(&[]).unwrap();
    assert_eq!(settings.server.address, "127.0.0.1:8000".parse().unwrap());
    assert_eq!(settings.telemetry.format, Format::Auto);
    assert_eq!(settings.plugins.isolation, Isolation::Process);
    assert_eq!(settings.plugins.validators[0].to_string(), "datahub_token");
    assert!(
        settings.public_url.is_none()
            && settings.oauth.is_none()
            && settings.shared_token.is_none()
    );
    let missing = Settings::check(&raw(&[]), Path::new("/x"))
        .unwrap_err()
        .to_string();
    assert_eq!(
        missing,
        "`DATAHUB_GMS_URL` (`--datahub-gms-url`) is not set; set it to DataHub's URL, such as `http://localhost:8080`"
    );
}

#[test]
fn defaults_here_are_those_of_the_modules() {
    let settings = check(&[
        ("OIDC_CLIENT_ID", "id"),
        ("OIDC_ISSUER_URL", "https://idp.example"),
    ])
    .unwrap();
    let defaults = datahub::Settings::at("http://gms:8080".parse().unwrap());
    assert_eq!(format!("{:?}", settings.datahub), format!("{defaults:?}"));
    let defaults = plugin_host::Limits::default();
    assert_eq!(
        format!("{:?}", settings.plugins.limits),
        format!("{defaults:?}")
    );
    let longer = check(&[("DATAHUB_MCP_REQUEST_TIMEOUT_SECS", "90")]).unwrap();
    assert_eq!(
        longer.plugins.limits.request,
        longer.server.limits.request_timeout
    );
    let signin = settings.oauth.unwrap();
    let defaults = oauth::Settings::new(signin.upstream.clone(), signin.keys.clone());
    assert_eq!(format!("{signin:?}"), format!("{defaults:?}"));
}

#[test]
fn a_clients_secret_may_hold_spaces_and_a_token_may_not() {
    let proxy = [
        ("OIDC_CLIENT_ID", "id"),
        ("OIDC_ISSUER_URL", "https://idp.example"),
    ];
    let secret = ("OIDC_CLIENT_SECRET", "two words");
    let settings = check(&[proxy[0], proxy[1], secret]).unwrap();
    let secret = settings.oauth.unwrap().upstream.client_secret;
    assert_eq!(secret.unwrap().expose_secret(), "two words");
    assert!(check(&[("DATAHUB_GMS_TOKEN", "two words")]).is_err());
}

#[test]
fn an_issuer_makes_oidc_the_validator() {
    let settings = check(&[("OIDC_ISSUER_URL", "https://idp.example/realm/")]).unwrap();
    assert_eq!(settings.plugins.validators[0].to_string(), "oidc");
    assert_eq!(
        settings.server.identity_provider.as_deref(),
        Some("https://idp.example/realm/")
    );
    assert_eq!(
        settings.plugins.options.env.get("OIDC_ISSUER_URL"),
        Some("https://idp.example/realm/")
    );
}

#[test]
fn names_of_the_python_server_work_and_contradictions_do_not() {
    let settings = check(&[("FASTMCP_HOST", "127.0.0.2"), ("FASTMCP_PORT", "9000")]).unwrap();
    assert_eq!(settings.server.address, "127.0.0.2:9000".parse().unwrap());
    let text = problems(&[("FASTMCP_PORT", "9000"), ("DATAHUB_MCP_PORT", "9001")]);
    assert!(
        text.contains("is set twice, to another value in `FASTMCP_PORT`"),
        "{text}"
    );
    let text = problems(&[
        ("PUBLIC_URL", "https://a.example"),
        ("OAUTH_RESOURCE_URL", "https://b.example/mcp"),
    ]);
    assert!(
        text.contains("different from `OAUTH_RESOURCE_URL`"),
        "{text}"
    );
    check(&[
        ("PUBLIC_URL", "https://a.example"),
        ("OAUTH_RESOURCE_URL", "https://a.example/mcp"),
    ])
    .unwrap();
}

#[test]
fn an_unknown_name_under_our_prefixes_is_refused_with_the_nearest() {
    for (name, hint) in [
        (
            "TOKEN_VALIDATOR_FACTROY",
            "did you mean `TOKEN_VALIDATOR_FACTORY`?",
        ),
        ("OIDC_ISSUER", "did you mean `OIDC_ISSUER_URL`?"),
        ("OAUTH_RESOURCE_URI", "did you mean `OAUTH_RESOURCE_URL`?"),
        ("DATAHUB_GMS_TOKN", "did you mean `DATAHUB_GMS_TOKEN`?"),
        ("OAUTH_CLIENT_ID", "did you mean `OIDC_CLIENT_ID`?"),
        ("OIDC_SCOPES", "did you mean `OAUTH_DEFAULT_SCOPE`?"),
        ("DATAHUB_MCP_PUBLIC_URL", "did you mean `PUBLIC_URL`?"),
        ("DATAHUB_MCP_XYZZY_PLUGH_QUUX", "unset it"),
        ("TOKEN_VALIDATOR_OPT_", ""),
    ] {
        let text = problems(&[(name, "x")]);
        assert!(
            text.starts_with(&format!("`{name}` is not a setting of this version; ")),
            "{text}"
        );
        assert!(text.contains(hint), "{text}");
    }
    for name in [
        "DATAHUB_TELEMETRY_ENABLED",
        "DATAHUB_GMS_HOST",
        "TOKEN_VALIDATOR_OPT_ANYTHING",
        "PATH",
    ] {
        check(&[(name, "x")]).unwrap();
    }
}

#[test]
fn a_slip_of_a_setting_stops_the_start_unless_the_setting_is_there() {
    let text = problems(&[("TOOLS_SCOPES", "write=data:write")]);
    assert_eq!(
        text,
        "`TOOLS_SCOPES` is not a setting of this version; did you mean `TOOL_SCOPES`? If another program reads \
         it, set `TOOL_SCOPES` as well"
    );
    let text = problems(&[("TRUSTED_PROXY", "10.0.0.1")]);
    assert!(text.contains("did you mean `TRUSTED_PROXIES`?"), "{text}");
    let both = [("TRUSTED_PROXY", "x"), ("TRUSTED_PROXIES", "10.0.0.1")];
    check(&both).unwrap();
    check(&[("TOKEN_VALIDATOR_PORT", "tcp://10.96.0.7:80")]).unwrap();
    check(&[("TOOLS_SCOPES", "x"), ("TOOL_SCOPES", "write=data:write")]).unwrap();
    check(&[("TOOLS_SCOPES", "")]).unwrap();
    check(&[("ALLOWED_HOSTS_PORT", "tcp://10.96.0.7:80")]).unwrap();
}

#[test]
fn services_of_the_namespace_set_nothing_and_stop_nothing() {
    let links = [
        ("DATAHUB_MCP_PORT", "tcp://10.96.0.7:80"),
        ("FASTMCP_PORT", "tcp://10.96.0.8:80"),
        ("DATAHUB_MCP_SERVICE_PORT_HTTP", "80"),
        ("OIDC_PROXY_PORT_80_TCP_ADDR", "10.96.0.9"),
        ("TOKEN_VALIDATOR_OPT_X_SERVICE_HOST", "10.96.0.10"),
    ];
    let settings = check(&links).unwrap();
    assert_eq!(settings.server.address.port(), 8000);
    assert!(settings.plugins.options.overrides.is_empty());
    let raw = raw(&[&links[..], &[("REDIS_SERVICE_HOST", "10.96.0.11")]].concat());
    assert_eq!(raw.warnings().len(), 1);
    for (name, _) in links {
        assert!(raw.warnings()[0].contains(name), "{name}");
    }
    // Of the form, but not of the value: still ours to judge.
    let text = problems(&[("DATAHUB_MCP_PORT", "tcp://mcp:80")]);
    assert!(text.contains("not a port"), "{text}");
    let text = problems(&[("OIDC_SERVICE_HOST", "idp.example.com")]);
    assert!(text.contains("is not a setting"), "{text}");
}

#[test]
fn a_factory_of_the_python_server_is_told_its_name_here() {
    let factory = "mcp_server_datahub.oidc_token_validator:create_oidc_validator";
    let text = problems(&[("TOKEN_VALIDATOR_FACTORY", factory)]);
    assert!(text.contains("set it to `oidc`"), "{text}");
}

#[test]
fn a_shared_token_needs_loopback_or_a_word() {
    let open = [
        ("DATAHUB_GMS_TOKEN", "t0ken"),
        ("DATAHUB_MCP_HOST", "0.0.0.0"),
        ("PUBLIC_URL", "https://a.example"),
    ];
    let text = problems(&open);
    assert!(
        text.contains("ALLOW_SHARED_TOKEN=true") && !text.contains("t0ken"),
        "{text}"
    );
    let mut allowed = open.to_vec();
    allowed.push(("ALLOW_SHARED_TOKEN", "true"));
    assert_eq!(
        check(&allowed)
            .unwrap()
            .shared_token
            .unwrap()
            .expose_secret(),
        "t0ken"
    );
    assert!(check(&open[..1]).unwrap().shared_token.is_some());
}

#[test]
fn off_loopback_the_public_url_must_be_given() {
    let text = problems(&[("DATAHUB_MCP_HOST", "0.0.0.0")]);
    assert!(
        text.contains("`PUBLIC_URL` (`--public-url`) is not set, but 0.0.0.0 can be reached"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "one setting is missing: {text}");
    // As the Python server's container is started, and reached inside its network.
    let plain = ("PUBLIC_URL", "http://datahub-mcp:8000");
    let settings = check(&[("FASTMCP_HOST", "0.0.0.0"), plain]).unwrap();
    let url = settings.public_url.unwrap();
    assert_eq!(url.resource(), "http://datahub-mcp:8000/mcp");
    let text = problems(&[
        plain,
        ("OIDC_CLIENT_ID", "id"),
        ("OIDC_ISSUER_URL", "https://idp.example"),
    ]);
    assert!(text.contains("not an https URL"), "{text}");
}

#[test]
fn settings_of_the_proxy_without_the_proxy_are_refused() {
    let text = problems(&[("OAUTH_TOKEN_ENDPOINT", "https://idp.example/token")]);
    assert!(text.contains("the sign-in proxy is off"), "{text}");
}

#[test]
fn secrets_come_from_files_and_not_from_flags() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "t0ken\n").unwrap();
    let path = file.to_str().unwrap();
    for (name, value) in [
        ("DATAHUB_GMS_TOKEN_FILE", path.to_owned()),
        ("DATAHUB_GMS_TOKEN", format!("@{path}")),
    ] {
        let settings = check(&[(name, &value)]).unwrap();
        assert_eq!(settings.shared_token.unwrap().expose_secret(), "t0ken");
        assert_eq!(
            settings.plugins.options.env.get("DATAHUB_GMS_TOKEN"),
            Some("t0ken")
        );
    }
    let text = problems(&[("DATAHUB_GMS_TOKEN_FILE", "/nowhere/token")]);
    assert!(
        text.contains("cannot be read from the file \"/nowhere/token\""),
        "{text}"
    );
    let text = problems(&[("DATAHUB_GMS_TOKEN_FILE", path), ("DATAHUB_GMS_TOKEN", "x")]);
    assert!(text.contains("is set twice"), "{text}");

    let flags = BTreeMap::from([(t::DATAHUB_GMS_TOKEN.name, "t0ken".to_owned())]);
    let raw = Raw::merge(flags, environment(&[("DATAHUB_GMS_URL", "http://gms")]));
    let text = Settings::check(&raw, Path::new("/x"))
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("would be visible in the process list") && !text.contains("t0ken"),
        "{text}"
    );
}

#[test]
fn what_is_printed_has_no_secret() {
    let pairs = [
        ("DATAHUB_GMS_TOKEN", "canary"),
        ("TOKEN_VALIDATOR_CONFIG", "{\"secret\":\"canary\"}"),
        ("TOKEN_VALIDATOR_OPT_SECRET", "canary"),
        ("LOG_LEVEL", "debug"),
    ];
    let url = raw(&[("DATAHUB_GMS_URL", "https://user:canary@gms/")]);
    assert!(masked(&url).contains(&"DATAHUB_GMS_URL=https://***@gms/  # environment".to_owned()));
    let lines = masked(&raw(&pairs));
    let settings = format!("{:?} {:?}", check(&pairs).unwrap(), raw(&pairs));
    assert!(!lines.iter().any(|line| line.contains("canary")) && !settings.contains("canary"));
    for line in [
        "DATAHUB_GMS_TOKEN=***  # environment",
        "LOG_LEVEL=debug  # environment",
        "LOG_FORMAT=auto  # default",
    ] {
        assert!(lines.iter().any(|given| given == line), "{line}");
    }
}

#[test]
fn a_flag_wins_over_the_environment_and_an_empty_variable_is_none() {
    let flags = BTreeMap::from([(t::LOG_LEVEL.name, "warn".to_owned())]);
    let raw = Raw::merge(
        flags,
        environment(&[("LOG_LEVEL", "debug"), ("PUBLIC_URL", "")]),
    );
    let lines = masked(&raw);
    assert!(lines.contains(&"LOG_LEVEL=warn  # flag".to_owned()));
    assert!(!lines.iter().any(|line| line.starts_with("PUBLIC_URL")));
}

#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_do_not_go_unnoticed() {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt};
    let bytes = OsString::from_vec(b"t0\xffken".to_vec());
    let variables = super::environment([("DATAHUB_GMS_TOKEN".into(), bytes)].into_iter());
    let raw = Raw::merge(BTreeMap::new(), variables);
    let text = Settings::check(&raw, Path::new("/x"))
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("`DATAHUB_GMS_TOKEN` (`--datahub-gms-token`) is `***`: contains spaces"),
        "{text}"
    );
}

#[test]
fn the_table_is_sound() {
    let mut flags: Vec<String> = t::ALL
        .iter()
        .map(|setting: &&Setting| setting.flag())
        .collect();
    flags.sort();
    flags.dedup();
    assert_eq!(flags.len(), t::ALL.len(), "two settings share a flag");
    for setting in t::ALL {
        assert!(setting.help().ends_with('.'), "{}", setting.name);
        assert!(
            !setting.secret || setting.default.is_none(),
            "{}",
            setting.name
        );
    }
}
