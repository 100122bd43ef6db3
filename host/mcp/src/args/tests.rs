use serde::Deserialize;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
struct Args {
    query: String,
    count: i64,
    deep: Option<bool>,
    order: Option<String>,
    #[serde(default)]
    urns: Vec<String>,
}

fn params() -> Vec<Param> {
    vec![
        text("query", "what").default("*"),
        integer("count", 0, 50, "").default(10),
        flag("deep", ""),
        choice("order", &["asc", "desc"], ""),
        texts("urns", 3, "").required(),
    ]
}

fn parse(value: Value) -> Result<Args, String> {
    let Value::Object(object) = value else {
        panic!("an object")
    };
    read("find", &params(), object)
}

#[test]
fn fills_defaults_and_forgives_what_models_do() {
    let args = parse(json!({"urns": "a", "count": "7", "deep": "true", "order": null}));
    let expected = Args {
        query: "*".to_owned(),
        count: 7,
        deep: Some(true),
        order: None,
        urns: vec!["a".to_owned()],
    };
    assert_eq!(args.unwrap(), expected);
    assert_eq!(
        parse(json!({"urns": "[\"a\", \"b\"]"})).unwrap().urns,
        ["a", "b"]
    );
    assert_eq!(
        parse(json!({"urns": ["a"], "count": 3.0})).unwrap().count,
        3
    );
    assert_eq!(
        parse(json!({"urns": "a", "order": "ASC"}))
            .unwrap()
            .order
            .unwrap(),
        "asc"
    );
}

#[test]
fn what_clients_send_for_absent_is_absent() {
    let plain = parse(json!({"urns": "a"})).unwrap();
    for empty in ["", " ", "null", "None"] {
        let args = json!({"urns": "a", "count": empty, "deep": empty, "order": empty});
        assert_eq!(parse(args).unwrap(), plain, "{empty}");
    }
    for empty in [
        json!(""),
        json!("\"\""),
        json!("[]"),
        json!("{}"),
        json!([]),
        json!({}),
    ] {
        let args = json!({"urns": "a", "query": empty, "deep": {}, "made_up": []});
        assert_eq!(parse(args).unwrap(), plain, "{empty}");
    }
    assert!(parse(json!({"urns": "a", "query": {"a": 1}})).is_err());
    let unknown = json!({"urns": "a", "made_up": null, "another": ""});
    assert_eq!(parse(unknown).unwrap(), plain);
    assert!(parse(json!({"urns": "a", "made_up": false})).is_err());
    assert!(parse(json!({"urns": "a", "random_string": "x"})).is_err());
    assert!(
        parse(json!({"query": "x"}))
            .unwrap_err()
            .contains("`urns` is missing")
    );
}

#[test]
fn a_urn_is_taken_without_what_stands_around_it() {
    let urn = "urn:li:dataset:(urn:li:dataPlatform:hive,a b,PROD)";
    for sent in [
        json!(format!(" {urn}\n")),
        json!(format!("`{urn}`")),
        json!([format!("'{urn}'")]),
    ] {
        assert_eq!(parse(json!({"urns": sent})).unwrap().urns, [urn]);
    }
    assert_eq!(
        parse(json!({"urns": urn, "query": "`a`"})).unwrap().query,
        "`a`"
    );
}

#[test]
fn a_tool_without_parameters_ignores_dummies_and_nothing_else() {
    #[derive(Debug, Deserialize)]
    struct None {}
    let of = |value: Value| {
        let object = value.as_object().unwrap().clone();
        read::<None>("me", &[], object)
    };
    for name in ["random_string", "dummy", "_", "__dummy__"] {
        assert!(of(json!({name: "x"})).is_ok(), "{name}");
    }
    assert!(of(json!({"details": true})).is_err());
}

#[test]
fn numbers_and_booleans_may_be_text() {
    for (sent, count) in [(json!("7"), 7), (json!(" 7.0 "), 7), (json!(7.0), 7)] {
        let args = parse(json!({"urns": "a", "count": sent}));
        assert_eq!(args.unwrap().count, count);
    }
    for sent in ["7.5", "seven", "1e1", "inf", "NaN", "0x7"] {
        assert!(
            parse(json!({"urns": "a", "count": sent})).is_err(),
            "{sent}"
        );
    }
    for (sent, deep) in [
        (json!("True"), true),
        (json!("0"), false),
        (json!(1), true),
        (json!("no"), false),
    ] {
        let args = parse(json!({"urns": "a", "deep": sent}));
        assert_eq!(args.unwrap().deep, Some(deep));
    }
    assert!(parse(json!({"urns": "a", "deep": 2})).is_err());
}

#[test]
fn joined_urns_are_told_apart_and_other_texts_are_not() {
    let table = "urn:li:dataset:(urn:li:dataPlatform:hive,a.b,PROD)";
    let field = format!("urn:li:schemaField:({table},x)");
    for joined in [
        format!("{table},urn:li:tag:a,{field}"),
        format!("{table}, urn:li:tag:a ,\n {field}"),
        format!("{table}\nurn:li:tag:a\n{field}"),
        format!("[{table}, urn:li:tag:a, {field}]"),
        format!("['{table}', 'urn:li:tag:a', '{field}']"),
        json!([table, "urn:li:tag:a", field]).to_string(),
    ] {
        let wanted = [table, "urn:li:tag:a", field.as_str()];
        assert_eq!(
            parse(json!({"urns": joined})).unwrap().urns,
            wanted,
            "{joined}"
        );
        assert_eq!(
            parse(json!({"urns": [joined]})).unwrap().urns,
            wanted,
            "{joined}"
        );
    }
    for whole in [
        table,
        "urn:li:corpuser:a, b",
        "urn:li:glossaryTerm:a,b",
        "urn:li:x:(a, urn:li:y:b",
        "a, urn:li:tag:b",
    ] {
        assert_eq!(parse(json!({"urns": whole})).unwrap().urns, [whole]);
    }
    let four = "urn:li:t:a,urn:li:t:b,urn:li:t:c,urn:li:t:d";
    assert!(
        parse(json!({"urns": four}))
            .unwrap_err()
            .contains("at most 3")
    );
}

#[test]
fn what_is_written_stays_as_it_was_sent() {
    #[derive(Debug, Deserialize)]
    struct Written {
        text: Option<String>,
        values: std::collections::BTreeMap<String, Vec<String>>,
        names: Vec<String>,
        found: Vec<String>,
    }
    let params = vec![
        long_text("text", 100, ""),
        text_lists("values", 5, "").required(),
        texts("names", 5, "").required(),
        words("found", 5, ""),
    ];
    let given = json!({
        "text": "", "values": {"p": "urn:li:a:1, urn:li:a:2", "q": ""}, "names": "a, b",
        "found": "a, b",
    });
    let given = given.as_object().unwrap().clone();
    let written: Written = read("write", &params, given).unwrap();
    assert_eq!(written.text.as_deref(), Some(""));
    assert_eq!(written.values["p"], ["urn:li:a:1, urn:li:a:2"]);
    assert_eq!(written.values["q"], [""]);
    assert_eq!(written.names, ["a, b"]);
    assert_eq!(written.found, ["a", "b"]);
}

#[test]
fn says_all_that_is_wrong_and_what_would_be_right() {
    let error = parse(json!({"quary": "x", "count": 51, "order": "up"})).unwrap_err();
    assert_eq!(
        error,
        "`count` must be a whole number from 0 to 50; `order` must be one of asc, desc; \
         `urns` is missing; `quary` is not an argument of find (did you mean `query`?). \
         Arguments of find: query, count, deep, order, urns."
    );
    assert!(
        parse(json!({"urns": ["a", "b", "c", "d"]}))
            .unwrap_err()
            .contains("at most 3")
    );
    assert!(
        parse(json!({"urns": [["a"]]}))
            .unwrap_err()
            .contains("list of strings")
    );
    assert!(parse(json!({"urns": "a", "count": 1.5})).is_err());
}

#[test]
fn the_schema_has_one_type_a_parameter() {
    let schema = Value::Object(schema(&params()));
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], json!(["urns"]));
    assert_eq!(schema["properties"]["count"]["maximum"], 50);
    assert!(!schema.to_string().contains("anyOf"));
}
