//! Options as operators write them, rightly and wrongly.

use std::io::Write;

use serde_json::json;

use super::*;

/// A schema as schemars writes it.
fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "issuer": {"type": "string", "minLength": 1, "x-env": "ISSUER_URL"},
            "audiences": {"type": "array", "items": {"type": "string"}, "x-env": "AUDIENCE"},
            "leeway_s": {"type": "integer", "format": "uint64", "minimum": 0, "maximum": 300},
            "strict": {"type": ["boolean", "null"]},
            "secret": {"anyOf": [{"$ref": "#/$defs/Key"}, {"type": "null"}], "x-secret": true},
            "mode": {"$ref": "#/$defs/Mode"},
            "proxy": {"type": "string", "x-env": ["OWN_PROXY", "HTTPS_PROXY", "https_proxy"]},
            "ratio": {"type": "number"},
            "map": {"type": "object", "additionalProperties": {"type": "string"}},
            "one_or_more": {"anyOf": [
                {"type": "string"}, {"type": "array", "items": {"type": "string"}},
            ]},
        },
        "required": ["issuer"],
        "$defs": {
            "Key": {"type": "string", "minLength": 4},
            "Mode": {"oneOf": [
                {"type": "string", "const": "fast"}, {"type": "string", "enum": ["slow", "off"]},
            ]},
        },
    })
}

fn sources(overrides: &[(&str, &str)], env: &[(&str, &str)]) -> OptionSources {
    OptionSources {
        config: Map::new(),
        overrides: overrides
            .iter()
            .map(|(name, value)| ((*name).to_owned(), SecretString::from((*value).to_owned())))
            .collect(),
        env: env.iter().copied().collect(),
    }
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn assembled(config: Value, overrides: &[(&str, &str)], env: &[(&str, &str)]) -> Value {
    let options = assemble(&schema(), object(config), &sources(overrides, env)).unwrap();
    serde_json::from_str(options.json.expose_secret()).unwrap()
}

fn refusal(config: Value, overrides: &[(&str, &str)], env: &[(&str, &str)]) -> String {
    assemble(&schema(), object(config), &sources(overrides, env))
        .unwrap_err()
        .to_string()
}

#[test]
fn overrides_win_over_the_configuration_and_that_over_the_environment() {
    let env = [("ISSUER_URL", "https://env"), ("AUDIENCE", "a, b")];
    assert_eq!(assembled(json!({}), &[], &env)["issuer"], "https://env");
    let config = json!({"issuer": "https://config"});
    assert_eq!(
        assembled(config.clone(), &[], &env)["issuer"],
        "https://config"
    );
    let overrides = [("ISSUER", "https://override")];
    let all = assembled(config, &overrides, &env);
    assert_eq!(all["issuer"], "https://override");
    assert_eq!(all["audiences"], json!(["a", "b"]));
}

#[test]
fn the_first_variable_of_a_list_that_is_set_fills_an_option() {
    let with = |env: &[(&str, &str)]| {
        let all = [&[("ISSUER_URL", "x")], env].concat();
        assembled(json!({}), &[], &all)["proxy"].clone()
    };
    assert_eq!(with(&[]), Value::Null);
    assert_eq!(with(&[("https_proxy", "http://lower")]), "http://lower");
    let both = [
        ("https_proxy", "http://lower"),
        ("HTTPS_PROXY", "http://upper"),
    ];
    assert_eq!(with(&both), "http://upper");
    assert_eq!(
        with(&[both[0], both[1], ("OWN_PROXY", "http://own")]),
        "http://own"
    );
    let text = refusal(json!({"issuer": "x", "proxy": 7}), &[], &[]);
    assert!(text.contains("set `OWN_PROXY`"), "{text}");
}

#[test]
fn text_becomes_the_type_of_the_option() {
    let overrides = [
        ("issuer", "1234"),
        ("LEEWAY-S", "10"),
        ("strict", "yes"),
        ("mode", "slow"),
        ("ratio", "0.5"),
        ("map", r#"{"a": "b"}"#),
        ("audiences", r#"["x,y"]"#),
        ("one_or_more", "a,b"),
    ];
    let expected = json!({
        "issuer": "1234", "leeway_s": 10, "strict": true, "mode": "slow", "ratio": 0.5,
        "map": {"a": "b"}, "audiences": ["x,y"], "one_or_more": "a,b",
    });
    assert_eq!(assembled(json!({}), &overrides, &[]), expected);
}

#[test]
fn what_does_not_fit_is_named() {
    let issuer = |rest: Value| {
        let mut config = object(rest);
        config.insert("issuer".into(), "x".into());
        Value::Object(config)
    };
    let text = refusal(json!({}), &[], &[]);
    assert!(text.contains("`issuer`: is required"), "{text}");
    assert!(text.contains("set `ISSUER_URL`"), "{text}");
    let text = refusal(issuer(json!({"isuer": 1})), &[], &[]);
    assert!(text.contains("did you mean `issuer`?"), "{text}");
    let text = refusal(issuer(json!({"leeway_s": 301})), &[], &[]);
    assert!(text.contains("at most 300"), "{text}");
    let text = refusal(issuer(json!({"leeway_s": "x"})), &[], &[]);
    assert!(
        text.contains("expected an integer, found a string"),
        "{text}"
    );
    let text = refusal(issuer(json!({"audiences": ["a", 1]})), &[], &[]);
    assert!(text.contains("`audiences[1]`"), "{text}");
    let text = refusal(json!({"issuer": ""}), &[], &[]);
    assert!(text.contains("at least 1 characters"), "{text}");
    let text = refusal(issuer(json!({"mode": "turbo"})), &[], &[]);
    assert!(text.contains("`mode`"), "{text}");
    let text = refusal(issuer(json!({"map": {"a": 1}})), &[], &[]);
    assert!(text.contains("`map.a`"), "{text}");
    let text = refusal(json!({}), &[("leeway_s", "10 s"), ("issuer", "x")], &[]);
    assert!(text.contains("TOKEN_VALIDATOR_OPT_LEEWAY_S"), "{text}");
}

#[test]
fn a_secret_may_come_from_a_file_and_is_never_shown() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "from the file").unwrap();
    let path = format!("@{}", file.path().display());
    let config = json!({"issuer": "@x", "secret": path});
    let options = assembled(config, &[], &[]);
    assert_eq!(options["secret"], "from the file");
    assert_eq!(options["issuer"], "@x");
    assert_eq!(
        assembled(json!({"issuer": "x", "secret": "@@text"}), &[], &[])["secret"],
        "@text"
    );
    let text = refusal(
        json!({"issuer": "x", "secret": "@/nowhere/at/all"}),
        &[],
        &[],
    );
    assert!(text.contains("/nowhere/at/all"), "{text}");
    let text = refusal(json!({"issuer": "x", "secret": "can"}), &[], &[]);
    assert!(
        text.contains("at least 4") && !text.contains("`can`"),
        "{text}"
    );
    let text = refusal(json!({"issuer": "x", "secret": 4711}), &[], &[]);
    assert!(!text.contains("4711"), "{text}");
    let options = assemble(
        &schema(),
        object(json!({"issuer": "x", "secret": "canary"})),
        &sources(&[], &[]),
    )
    .unwrap();
    assert!(!format!("{options:?}").contains("canary"));
}

/// What is said of `option: value` under a schema whose only option has this schema.
fn refusal_of(option: &Value, value: Value) -> Option<String> {
    let schema = json!({"type": "object", "properties": {"option": option}});
    let config = object(json!({ "option": value }));
    let assembled = assemble(&schema, config, &sources(&[], &[]));
    assembled.err().map(|error| error.to_string())
}

#[test]
fn one_of_several_alternatives_is_exactly_one() {
    let option = json!({"oneOf": [
        {"type": "integer", "minimum": 0}, {"type": "integer", "maximum": 9},
    ]});
    assert_eq!(refusal_of(&option, json!(20)), None);
    assert_eq!(refusal_of(&option, json!(-1)), None);
    let text = refusal_of(&option, json!(5)).unwrap();
    assert!(
        text.starts_with("option `option`: fits several alternatives"),
        "{text}"
    );
    let text = refusal_of(&option, json!("5")).unwrap();
    assert!(
        text.contains("expected an integer, found a string"),
        "{text}"
    );
}

#[test]
fn the_choices_are_named_through_alternatives_and_references() {
    let mode = |value: Value| refusal(json!({"issuer": "x", "mode": value}), &[], &[]);
    for wrong in [json!("turbo"), json!(5)] {
        let text = mode(wrong);
        let choices = r#"expected one of "fast", "slow", "off""#;
        assert!(text.contains(choices), "{text}");
    }
    let optional = json!({"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]});
    let text = refusal_of(&optional, json!("c")).unwrap();
    assert!(text.contains(r#"expected one of "a", "b""#), "{text}");
}

/// Whatever keyword a value does not fit, the message names the option and not the value.
#[test]
fn no_message_quotes_the_value() {
    let canary = || json!("canary");
    for (option, value) in [
        (json!({"type": "integer"}), canary()),
        (json!({"type": ["integer", "null"]}), canary()),
        (json!({"enum": ["a"]}), canary()),
        (json!({"const": "a"}), canary()),
        (json!({"pattern": "^[0-9]+$"}), canary()),
        (json!({"minLength": 20}), canary()),
        (json!({"maxLength": 2}), canary()),
        (json!({"not": {"type": "string"}}), canary()),
        (json!(false), canary()),
        (json!({"if": true, "then": {"maxLength": 2}}), canary()),
        (
            json!({"anyOf": [{"maxLength": 2}, {"type": "null"}]}),
            canary(),
        ),
        (
            json!({"oneOf": [{"type": "string"}, {"minLength": 2}]}),
            canary(),
        ),
        (
            json!({"oneOf": [{"type": "null"}, {"maxLength": 2}]}),
            canary(),
        ),
        (json!({"allOf": [{"maxLength": 2}]}), canary()),
        (json!({"contains": {"type": "null"}}), json!(["canary"])),
        (json!({"uniqueItems": true}), json!(["canary", "canary"])),
        (json!({"items": {"maxLength": 2}}), json!(["canary"])),
        (
            json!({"propertyNames": {"maxLength": 2}}),
            json!({"canary": 1}),
        ),
        (json!({"unevaluatedItems": false}), json!(["canary"])),
        (
            json!({"additionalProperties": false, "x-secret": true}),
            json!({"canary": 1}),
        ),
        (
            json!({"additionalProperties": {"type": "null"}, "x-secret": true}),
            json!({"canary": 1}),
        ),
    ] {
        let text = refusal_of(&option, value).unwrap_or_else(|| panic!("{option} takes it"));
        assert!(text.starts_with("option `option"), "{option}: {text}");
        assert!(!text.contains("canary"), "{option}: {text}");
    }
}

#[test]
fn a_schema_that_is_none_is_refused_and_nothing_is_fetched() {
    for (option, expected) in [
        (json!({"type": "text"}), "`/properties/option/type`"),
        (json!({"minimum": "1"}), "`/properties/option/minimum`"),
        (json!({"pattern": "("}), "draft 2020-12"),
        (json!({"$ref": "#/$defs/nowhere"}), "draft 2020-12"),
        (
            json!({"$ref": "http://127.0.0.1:9/schema.json"}),
            "draft 2020-12",
        ),
        (json!({"$ref": "file:///etc/passwd"}), "draft 2020-12"),
    ] {
        let text = refusal_of(&option, json!("canary")).unwrap();
        assert!(text.contains(expected), "{option}: {text}");
        assert!(!text.contains("canary"), "{option}: {text}");
    }
    // What a schema says of its draft makes no difference: the contract names the draft.
    let schema = json!({"$schema": "https://example.com/own", "type": "object"});
    assemble(&schema, Map::new(), &sources(&[], &[])).unwrap();
}

#[test]
fn a_chain_is_configured_by_name() {
    let chain = ValidatorSpec::parse_chain("oidc,notary:strict").unwrap();
    let config = object(json!({"oidc": {"a": 1}, "notary:strict": {"b": 2}}));
    assert_eq!(
        config_of(&chain[0], &chain, &config).unwrap(),
        object(json!({"a": 1}))
    );
    assert_eq!(
        config_of(&chain[1], &chain, &config).unwrap(),
        object(json!({"b": 2}))
    );
    let config = object(json!({"odic": {}}));
    let text = config_of(&chain[0], &chain, &config)
        .unwrap_err()
        .to_string();
    assert!(text.contains("did you mean `oidc`?"), "{text}");
    let config = object(json!({"oidc": 1}));
    assert!(matches!(
        config_of(&chain[0], &chain, &config),
        Err(OptionError::NotAnObject { .. })
    ));
    let plain = object(json!({"a": 1}));
    assert_eq!(config_of(&chain[0], &chain[..1], &plain).unwrap(), plain);
}

#[test]
fn a_schema_that_goes_in_circles_ends() {
    let circle = json!({
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A"}, "b": {"$ref": "#/$defs/B"}},
        "$defs": {
            "A": {"$ref": "#/$defs/A"},
            "B": {"anyOf": [{"$ref": "#/$defs/B"}]},
        },
    });
    let sources = sources(&[("a", "1")], &[]);
    let _ = assemble(&circle, object(json!({"b": [1]})), &sources);
    assert!(assemble(&json!(true), Map::new(), &sources).is_err());
}

proptest::proptest! {
    /// Whatever an operator writes into a variable, an answer comes back, and an integer that was
    /// taken is the one that was written.
    #[test]
    fn coercion_keeps_numbers(number in 0_u64..=300) {
        let value = assembled(json!({"issuer": "x"}), &[("leeway_s", &number.to_string())], &[]);
        proptest::prop_assert_eq!(value["leeway_s"].as_u64(), Some(number));
    }

    #[test]
    fn any_text_is_answered(text in ".{0,40}") {
        let overrides = [("leeway_s", text.as_str()), ("map", &text), ("audiences", &text)];
        let _ = assemble(&schema(), Map::new(), &sources(&overrides, &[]));
    }
}
