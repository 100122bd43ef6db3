//! Tests of the grammar and of matching.

use proptest::prelude::*;
use serde_json::json;

use super::super::catalog::Catalog;
use super::super::index::key_name;
use super::Query;
use super::score::wild;

fn matching(query: &str) -> Vec<String> {
    ranked(&Query::parse(query))
}

fn ranked(query: &Query) -> Vec<String> {
    let properties = |name: &str, text: &str, tag: &str| {
        let urn = format!("urn:li:dataset:(urn:li:dataPlatform:hive,{name},PROD)");
        vec![
            json!({"entityUrn": urn, "aspectName": "datasetProperties",
                   "aspect": {"json": {"name": name, "description": text}}}),
            json!({"entityUrn": urn, "aspectName": "globalTags",
                   "aspect": {"json": {"tags": [{"tag": format!("urn:li:tag:{tag}")}]}}}),
        ]
    };
    let file: Vec<_> = [
        properties("user_events", "Clicks of all users", "PII"),
        properties("revenue_2023", "Sales by quarter", "Gold"),
        properties("orders", "One row for each sale, quarterly revenue", "Gold"),
    ]
    .concat();
    let catalog = Catalog::load_str("test", &json!(file).to_string()).unwrap();
    let mut found: Vec<_> = catalog
        .records()
        .filter_map(|record| Some((query.score(record.doc())?, key_name(&record.urn))))
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, name)| name).collect()
}

#[test]
fn a_question_finds_what_holds_any_of_its_words_names_first() {
    let ask = |question: &str| ranked(&Query::meaning(question));
    let quarterly = ask("what is the quarterly revenue of all users?");
    assert_eq!(quarterly, ["user_events", "revenue_2023", "orders"]);
    assert_eq!(quarterly, ask("the users: all quarterly revenue?"));
    assert_eq!(ask("how many clicks"), ["user_events"]);
    assert!(ask("how is the weather").is_empty());
    assert_eq!(ask("what is it").len(), 3, "nothing in particular");
}

#[test]
fn everything_matches_a_star() {
    for query in ["*", "", "/q *", "/q"] {
        assert_eq!(matching(query).len(), 3, "{query}");
    }
}

#[test]
fn plain_words_must_all_be_found_and_names_weigh_most() {
    assert_eq!(matching("revenue"), ["revenue_2023", "orders"]);
    assert_eq!(matching("user events"), ["user_events"]);
    assert_eq!(matching("users"), ["user_events"]);
    assert!(matching("user revenue").is_empty());
}

#[test]
fn what_the_index_has_no_word_for_is_not_looked_for() {
    assert_eq!(matching("the user"), ["user_events"]);
    assert_eq!(matching("orders"), ["orders"]);
    // One letter or two, and a part of a number, are no words; nothing else was asked for.
    for none in ["of", "by", "20"] {
        assert!(matching(none).is_empty(), "{none}");
    }
}

#[test]
fn query_strings_follow_lucenes_syntax() {
    assert_eq!(matching("/q user_events"), ["user_events"]);
    assert_eq!(matching("/q user+clicks"), ["user_events"]);
    assert_eq!(matching("/q revenue*"), ["revenue_2023", "orders"]);
    assert_eq!(matching("/q \"quarterly revenue\""), ["orders"]);
    assert_eq!(matching("/q tags:PII"), ["user_events"]);
    assert_eq!(
        matching("/q tags:gold AND NOT name:orders"),
        ["revenue_2023"]
    );
    assert_eq!(matching("/q (user OR revenue) AND quarterly"), ["orders"]);
    assert_eq!(matching("/q user OR orders").len(), 2);
    assert_eq!(matching("/q -revenue"), ["user_events"]);
    assert_eq!(matching("/q name:*_20??"), ["revenue_2023"]);
}

#[test]
fn a_field_is_named_and_compared_as_in_the_index() {
    assert_eq!(matching("/q tags:pi*"), ["user_events"]);
    assert_eq!(matching("/q tags:\"PII\""), ["user_events"]);
    assert_eq!(matching("/q _entityName:orders"), ["orders"]);
    // A name is one term, whatever its case; its words are under `.delimited`.
    assert!(matching("/q name:revenue").is_empty());
    assert_eq!(matching("/q name:REVENUE_2023"), ["revenue_2023"]);
    assert_eq!(matching("/q name.delimited:revenue"), ["revenue_2023"]);
    for unknown in ["tag:PII", "owner:jane", "column:id", "nothing:*"] {
        assert!(matching(&format!("/q {unknown}")).is_empty(), "{unknown}");
    }
}

#[test]
fn what_does_not_parse_is_matched_as_words() {
    assert_eq!(matching("/q (revenue"), ["revenue_2023", "orders"]);
    // The index has no word such as `and`.
    assert_eq!(matching("/q user AND"), ["user_events"]);
}

#[test]
fn a_urn_is_one_word() {
    let urn = "urn:li:dataset:(urn:li:dataPlatform:hive,a,PROD)";
    let Query::Term { text, .. } = Query::parse(&format!("/q {urn}")) else {
        panic!("no term")
    };
    assert_eq!(text, urn.to_lowercase());
}

proptest! {
    #[test]
    fn nothing_that_a_client_sends_breaks_the_parser(text in ".{0,80}") {
        let _ = Query::parse(&format!("/q {text}"));
    }

    #[test]
    fn a_text_matches_itself_with_any_part_starred(text in "[a-z_]{1,12}", cut in 0usize..12) {
        let cut = cut.min(text.len());
        let pattern = format!("{}*", &text[..cut]);
        prop_assert!(wild(&pattern, &text));
        let pattern = format!("*{}", &text[cut..]);
        prop_assert!(wild(&pattern, &text));
    }
}
