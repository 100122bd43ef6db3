//! Tests of the filter language against vectors, its own printer and a truth table.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Condition, Expr, Operator, compile, compile::compile as compile_tree, parser::parse};

fn or_filters(text: &str) -> Value {
    serde_json::to_value(compile(Some(text)).unwrap().or_filters).unwrap()
}

fn error(text: &str) -> String {
    compile(Some(text)).unwrap_err().to_string()
}

fn removed() -> Value {
    json!({"field": "removed", "condition": "EQUAL", "values": ["true"], "negated": true})
}

/// Filters for which the Python server's answer is not followed, with the reason.
const DELIBERATELY_DIFFERENT: &[(&str, &str)] = &[
    (
        "NOT (platform = looker AND env = PROD)",
        "it refuses what De Morgan's law can express",
    ),
    (
        "NOT (platform = a OR platform = b)",
        "it refuses what De Morgan's law can express",
    ),
    (
        "type = dataset OR platform = x",
        "it restricts the whole search to datasets although the right side is about any type",
    ),
    (
        "has_active_incidents = false",
        "it finds nothing where no incident was ever raised, because the field is missing there",
    ),
];

/// The vectors of another implementation, a JSON array of `{filter, types, orFilters}` or
/// `{filter, error}`, where `FILTER_VECTORS` names such a file.
#[test]
fn agrees_with_the_vectors_of_the_python_server() {
    let Some(path) = std::env::var_os("FILTER_VECTORS") else {
        test_support::skipped("FILTER_VECTORS");
        return;
    };
    let vectors: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for vector in &vectors {
        let text = vector["filter"].as_str().unwrap();
        let deliberate = DELIBERATELY_DIFFERENT
            .iter()
            .any(|(filter, _)| *filter == text);
        let ours = compile(Some(text));
        let same = match &ours {
            Err(_) => vector.get("error").is_some(),
            Ok(compiled) => {
                vector.get("error").is_none()
                    && json!(compiled.or_filters) == vector["orFilters"]
                    && json!(compiled.types) == vector["types"]
            }
        };
        if same == deliberate {
            wrong.push(format!("{text}: {ours:?}\nexpected {vector}"));
        }
    }
    assert!(vectors.len() > 50);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hides_soft_deleted_entities_unless_told_otherwise() {
    let none = serde_json::to_value(compile(None).unwrap().or_filters).unwrap();
    assert_eq!(none, json!([{"and": [removed()]}]));
    assert_eq!(or_filters("status = NOT_SOFT_DELETED"), none);
    let deleted = json!({"field": "removed", "condition": "EQUAL", "values": ["true"]});
    for name in ["SOFT_DELETED", "ONLY_SOFT_DELETED", "only_soft_deleted"] {
        assert_eq!(
            or_filters(&format!("status = {name}")),
            json!([{"and": [deleted]}])
        );
    }
    assert_eq!(or_filters("NOT status = SOFT_DELETED"), none);
    assert_eq!(or_filters("status = ALL"), json!([{"and": []}]));
    assert!(error("NOT status = ALL").contains("nothing"));
}

#[test]
fn asks_for_soft_deleted_entities_where_they_are_wanted_beside_others() {
    let flags = |text: &str| compile(Some(text)).unwrap().flags(json!({"a": 1}));
    let with = json!({"a": 1, "includeSoftDeleted": true});
    assert_eq!(flags("status = ALL"), with);
    assert_eq!(flags("status = ALL AND platform = x"), with);
    assert_eq!(
        flags("platform = y OR (status = ALL AND platform = x)"),
        with
    );
    for text in [
        "platform = x",
        "status = NOT_SOFT_DELETED",
        "status = SOFT_DELETED",
        "status = ALL AND status = SOFT_DELETED",
    ] {
        assert_eq!(flags(text), json!({"a": 1}), "{text}");
    }
}

#[test]
fn spells_known_fields_as_the_index_does() {
    let field = |text: &str| or_filters(text)[0]["and"][0].clone();
    assert_eq!(
        field("platform IN (snowflake, 'urn:li:dataPlatform:hive')"),
        json!({"field": "platform.keyword", "condition": "EQUAL",
               "values": ["urn:li:dataPlatform:snowflake", "urn:li:dataPlatform:hive"]})
    );
    assert_eq!(
        field("entity_type = dataJob")["values"],
        json!(["DATA_JOB"])
    );
    assert_eq!(field("type = data_flow")["values"], json!(["DATA_FLOW"]));
    assert_eq!(field("columnCount > 5")["condition"], "GREATER_THAN");
    assert_eq!(
        field("structuredProperties.a.b = x")["field"],
        "structuredProperties.a.b"
    );
    assert_eq!(
        field("x = urn:li:dataset:(urn:li:dataPlatform:hive,a.b,PROD)")["values"],
        json!(["urn:li:dataset:(urn:li:dataPlatform:hive,a.b,PROD)"])
    );
    assert_eq!(
        field("x = 'urn:li:schemaField:(urn:li:chart:(looker,1),SUM(x))'")["values"],
        json!(["urn:li:schemaField:(urn:li:chart:(looker,1),SUM%28x%29)"])
    );
}

#[test]
fn what_the_index_would_never_match_is_written_as_it_matches() {
    let first = |text: &str| or_filters(text)[0]["and"][0].clone();
    // Points in time are numbers in the index.
    for (text, millis) in [
        ("lastModifiedAt > 2026-01-01", "1767225600000"),
        ("createdAt <= '2026-01-01T00:00:00Z'", "1767225600000"),
        ("lastOperationTime >= 1767225600000", "1767225600000"),
    ] {
        assert_eq!(first(text)["values"], json!([millis]), "{text}");
    }
    assert!(error("lastModifiedAt > yesterday").contains("2026-07-31"));
    assert_eq!(
        first("structuredProperties.seenAt = soon")["values"],
        json!(["soon"])
    );
    // `_entityName` is another name of several fields.
    let names = or_filters("_entityName = Orders");
    let names: Vec<_> = names
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["and"][0]["field"].clone())
        .collect();
    assert_eq!(names, ["name", "title", "displayName"]);
    // There is no field for the type to exist in.
    assert_eq!(
        or_filters("type IS NOT NULL"),
        json!([{"and": [removed()]}])
    );
    assert!(error("type IS NULL").contains("nothing"));
    // Some indices are not called as GraphQL calls the type.
    let compiled = compile(Some("type IN (custom_ownership_type, tag)")).unwrap();
    assert_eq!(compiled.types.unwrap(), ["CUSTOM_OWNERSHIP_TYPE", "TAG"]);
    let types = first("type IN (custom_ownership_type, tag)");
    assert_eq!(types["values"], json!(["OWNERSHIP_TYPE", "TAG"]));
    for (text, field) in [
        ("hasFailingAssertions = true", Some("hasFailingAssertions")),
        (
            "has_failing_assertions = false OR platform = x",
            Some("hasFailingAssertions"),
        ),
        ("rowCountFeature > 5", Some("rowCountFeature")),
        ("columnCount > 5 AND hasActiveIncidents = true", None),
    ] {
        assert_eq!(compile(Some(text)).unwrap().of_cloud(), field, "{text}");
    }
}

#[test]
fn false_is_anything_but_true() {
    let deprecated = |negated: bool| {
        let mut facet = json!({"field": "deprecated", "condition": "EQUAL", "values": ["true"]});
        if negated {
            facet["negated"] = json!(true);
        }
        json!([{"and": [facet, removed()]}])
    };
    for (text, negated) in [
        ("deprecated = true", false),
        ("deprecated != false", false),
        ("NOT deprecated = false", false),
        ("deprecated IN (true)", false),
        ("deprecated = FALSE", true),
        ("deprecated IN (false)", true),
        ("deprecated != true", true),
        ("NOT deprecated = true", true),
    ] {
        assert_eq!(or_filters(text), deprecated(negated), "{text}");
    }
    let everybody = json!([{"and": [removed()]}]);
    assert_eq!(or_filters("deprecated IN (true, false)"), everybody);
    assert!(error("NOT deprecated IN (true, false)").contains("nothing"));
    for field in ["has_active_incidents", "hasFailingAssertions", "hasOwners"] {
        let facet = or_filters(&format!("{field} = false"))[0]["and"][0].clone();
        assert_eq!(
            (&facet["values"], &facet["negated"]),
            (&json!(["true"]), &json!(true))
        );
    }
    let plain = or_filters("hash = false")[0]["and"][0].clone();
    assert_eq!(plain["values"], json!(["false"]));
    let [live, deleted] = ["removed = false", "removed = true"].map(or_filters);
    assert_eq!(live, or_filters("status = NOT_SOFT_DELETED"));
    assert_eq!(deleted, or_filters("status = SOFT_DELETED"));
    assert!(error("removed = 1").contains("status = ALL"));
}

#[test]
fn a_container_is_a_part_of_the_path() {
    let urns = ["urn:li:container:a", "urn:li:container:b"];
    let facet = |values: &[&str], negated: bool| {
        let mut facet = json!({"field": "browsePathV2", "condition": "CONTAIN", "values": values});
        if negated {
            facet["negated"] = json!(true);
        }
        json!([{"and": [facet, removed()]}])
    };
    for (text, values, negated) in [
        ("container = urn:li:container:a", &urns[..1], false),
        ("container != urn:li:container:a", &urns[..1], true),
        ("NOT container = urn:li:container:a", &urns[..1], true),
        (
            "container IN (urn:li:container:a, urn:li:container:b)",
            &urns[..],
            false,
        ),
        ("browsePathV2 = urn:li:container:a", &urns[..1], false),
    ] {
        assert_eq!(or_filters(text), facet(values, negated), "{text}");
    }
    let exists = or_filters("container IS NOT NULL");
    assert_eq!(exists[0]["and"][0]["condition"], "EXISTS");
    assert!(error("container = ''").contains("urn of a container"));
}

#[test]
fn a_structured_property_may_be_named_by_its_urn() {
    let by_id = or_filters("structuredProperties.io.acme.freshness = Daily");
    for field in [
        "structuredProperties.urn:li:structuredProperty:io.acme.freshness",
        "urn:li:structuredProperty:io.acme.freshness",
        "'structuredProperties.urn:li:structuredProperty:io.acme.freshness'",
    ] {
        assert_eq!(or_filters(&format!("{field} = Daily")), by_id, "{field}");
        let exists = or_filters(&format!("{field} IS NOT NULL"));
        assert_eq!(
            exists[0]["and"][0]["field"],
            "structuredProperties.io.acme.freshness"
        );
    }
    let other = or_filters("urn:li:x = y");
    assert_eq!(other[0]["and"][0]["field"], "urn:li:x");
}

#[test]
fn restricts_the_types_only_where_every_alternative_does() {
    let types = |text: &str| compile(Some(text)).unwrap().types;
    assert_eq!(types("type = dataset"), Some(vec!["DATASET".to_owned()]));
    assert_eq!(types("type = dataset OR platform = x"), None);
    assert_eq!(types("type != dataset"), None);
    assert_eq!(
        types("(type = dataset AND env = PROD) OR type = chart"),
        Some(vec!["DATASET".to_owned(), "CHART".to_owned()])
    );
}

#[test]
fn entity_types_are_not_a_closed_list() {
    let types = |text: &str| compile(Some(text)).unwrap().types.unwrap();
    for (written, name) in [
        ("application", "APPLICATION"),
        ("semanticModel", "SEMANTIC_MODEL"),
        ("dataHubView", "DATAHUB_VIEW"),
        ("mlModel", "MLMODEL"),
        ("term", "GLOSSARY_TERM"),
        ("agentSkill", "AGENT_SKILL"),
        ("AGENT_SKILL", "AGENT_SKILL"),
    ] {
        assert_eq!(types(&format!("type = {written}")), [name]);
    }
    assert!(error("type = datasett").contains("DATASET"));
    assert!(error("type = table").contains("subtype = Table"));
    assert!(error("type = 'urn:li:x:y'").contains("not an entity type"));
}

#[test]
fn negates_anything() {
    assert_eq!(
        or_filters("NOT (a = 1 OR b = 2)"),
        json!([{"and": [
            {"field": "a", "condition": "EQUAL", "values": ["1"], "negated": true},
            {"field": "b", "condition": "EQUAL", "values": ["2"], "negated": true},
            removed()
        ]}])
    );
}

#[test]
fn not_in_is_not_of_in() {
    assert_eq!(
        or_filters("platform not in (hive, kafka) AND env = PROD"),
        or_filters("NOT platform IN (hive, kafka) AND env = PROD")
    );
    assert!(error("platform NOT = hive").contains("NOT IN or IS"));
}

#[test]
fn words_for_no_filter_are_none() {
    let none = compile(None).unwrap();
    for text in ["*", " null ", "None", "undefined"] {
        assert_eq!(compile(Some(text)).unwrap(), none, "{text}");
    }
}

#[test]
fn errors_say_where_and_what_to_write() {
    assert_eq!(
        error("platform LIKE x"),
        "filter, position 9: expected =, !=, >, >=, <, <=, IN, NOT IN or IS after 'platform' but found 'LIKE'"
    );
    assert!(error("a = new york").contains("\"new york ...\""));
    assert!(error("a = b AND").contains("position 9"));
    assert!(error("owner = alice").contains("urn:li:corpuser:... or urn:li:corpGroup:..."));
    assert!(error("type = datset").contains("DATASET"));
    assert!(error("deprecated = yes").contains("true or false"));
    assert!(error("platform > x").contains("IN only"));
    assert!(error("a = 'b").contains("never closed"));
}

#[test]
fn refuses_what_would_grow_without_bound() {
    assert!(error(&format!("a = {}", "x".repeat(30_000))).contains("longer"));
    assert!(error(&"(".repeat(100)).contains("deeper"));
    assert!(error(&"NOT ".repeat(1000)).contains("deeper"));
    let product: Vec<String> = (0..12).map(|i| format!("(a{i} = 1 OR b{i} = 2)")).collect();
    assert!(error(&product.join(" AND ")).contains("alternatives"));
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,4}",
        "[a-z '\"\\\\(),=!<>]{1,6}",
        Just("and".to_owned()),
        "urn:li:t:[a-z(),]{1,6}"
    ]
}

fn condition() -> impl Strategy<Value = Expr> {
    use Operator as O;
    let comparison = prop::sample::select(vec![
        O::Equal,
        O::NotEqual,
        O::Greater,
        O::GreaterOrEqual,
        O::Less,
        O::LessOrEqual,
        O::In,
        O::IsNull,
        O::IsNotNull,
    ]);
    (word(), comparison, prop::collection::vec(word(), 1..4)).prop_map(
        |(field, operator, mut values)| {
            match operator {
                O::In => {}
                O::IsNull | O::IsNotNull => values.clear(),
                _ => values.truncate(1),
            }
            Expr::Condition(Condition {
                field,
                operator,
                values,
                position: 0,
            })
        },
    )
}

fn tree(leaf: impl Strategy<Value = Expr> + 'static) -> impl Strategy<Value = Expr> {
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::Or),
            inner.prop_map(|e| Expr::Not(Box::new(e))),
        ]
    })
}

/// Conditions on a few fields, so that a truth table is small.
fn small_condition() -> impl Strategy<Value = Expr> {
    let field = prop::sample::select(vec!["f0", "f1", "f2", "env"]);
    (field, any::<bool>()).prop_map(|(field, equal)| {
        let operator = if equal {
            Operator::Equal
        } else {
            Operator::NotEqual
        };
        let (field, values) = (field.to_owned(), vec!["v".to_owned()]);
        Expr::Condition(Condition {
            field,
            operator,
            values,
            position: 0,
        })
    })
}

/// Evaluates the expression, where `facts` says for each field of the index whether it holds `v`.
fn holds(expr: &Expr, facts: &HashMap<&str, bool>) -> bool {
    match expr {
        Expr::And(parts) => parts.iter().all(|part| holds(part, facts)),
        Expr::Or(parts) => parts.iter().any(|part| holds(part, facts)),
        Expr::Not(inner) => !holds(inner, facts),
        Expr::Condition(condition) => {
            let value = match condition.field.as_str() {
                "env" => facts["origin"] || facts["env"],
                field => facts[field],
            };
            value == (condition.operator == Operator::Equal)
        }
    }
}

proptest! {
    #[test]
    fn parsing_what_was_printed_gives_the_same(expr in tree(condition())) {
        prop_assert_eq!(parse(&expr.to_string()).unwrap(), expr);
    }

    #[test]
    fn no_text_makes_the_compiler_panic(text in ".{0,60}", words in "[a-z=()!<>,'\" ANDORTI]{0,60}") {
        let _ = compile(Some(&text));
        let _ = compile(Some(&words));
    }

    #[test]
    fn the_alternatives_mean_what_the_expression_means(expr in tree(small_condition())) {
        let Ok(compiled) = compile_tree(&expr) else { return Ok(()) };
        let fields = ["f0", "f1", "f2", "origin", "env"];
        for row in 0..1u32 << fields.len() {
            let facts: HashMap<&str, bool> =
                fields.iter().enumerate().map(|(i, f)| (*f, row >> i & 1 == 1)).collect();
            let selected = compiled.or_filters.iter().any(|clause| {
                clause.and.iter().all(|facet| {
                    let fact = facts.get(facet.field.as_str()).copied().unwrap_or(false);
                    fact != facet.negated
                })
            });
            prop_assert_eq!(selected, holds(&expr, &facts), "{} at {:?}", expr, facts);
        }
    }
}
