//! The filter language, seen from outside: whatever is combined selects exactly what it means.
//!
//! What single conditions select is held against the catalog's own aspects; random expressions of
//! them, sent as text through the real server, are held against the sets that these make.

use std::collections::{BTreeMap, BTreeSet};

use integration_tests::Mcp;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use sandbox::datahub::Catalog;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::shop_world::ShopWorld;

/// The tool gives so many results a page at most.
const PAGE: usize = 50;

type Urns = BTreeSet<String>;

/// All that `filter` selects, page by page.
async fn selected(mcp: &Mcp, token: &str, filter: &str) -> Urns {
    let mut found = Urns::new();
    loop {
        let mut arguments = json!({"query": "*", "num_results": PAGE, "offset": found.len()});
        if !filter.is_empty() {
            arguments["filter"] = json!(filter);
        }
        let reply = mcp.call(Some(token), "search", arguments).await.unwrap();
        assert!(!reply.is_tool_error(), "{filter}: {}", reply.text);
        let answer = reply.structured();
        let before = found.len();
        let hits = answer["searchResults"].as_array().into_iter().flatten();
        found.extend(hits.map(|hit| hit["entity"]["urn"].as_str().unwrap().to_owned()));
        let total = usize::try_from(answer["total"].as_u64().unwrap()).unwrap();
        if found.len() == total {
            return found;
        }
        assert!(found.len() > before, "{filter}: {before} of {total}");
    }
}

/// What a condition must select, from what the catalog holds.
struct Condition {
    text: &'static str,
    holds: fn(&Catalog, &str) -> bool,
}

const CONDITIONS: &[Condition] = &[
    Condition {
        text: "type = dataset",
        holds: |_, urn| urn.starts_with("urn:li:dataset:"),
    },
    Condition {
        text: "type IN (chart, dashboard)",
        holds: |_, urn| urn.starts_with("urn:li:chart:") || urn.starts_with("urn:li:dashboard:"),
    },
    Condition {
        text: "domain = urn:li:domain:sales",
        holds: |catalog, urn| lists(catalog, urn, "domains", "/domains", "urn:li:domain:sales"),
    },
    Condition {
        text: "domain IS NULL",
        holds: |catalog, urn| {
            let domains = catalog.aspect(urn, "domains");
            domains.is_none_or(|aspect| aspect["domains"].as_array().is_none_or(Vec::is_empty))
        },
    },
    Condition {
        text: "owner IS NOT NULL",
        holds: |catalog, urn| {
            let owners = catalog.aspect(urn, "ownership");
            owners.is_some_and(|aspect| !aspect["owners"].as_array().unwrap().is_empty())
        },
    },
    Condition {
        text: "owner = urn:li:corpGroup:analytics",
        holds: |catalog, urn| {
            let owners = catalog.aspect(urn, "ownership");
            let owners = owners.and_then(|aspect| aspect["owners"].as_array());
            owners
                .into_iter()
                .flatten()
                .any(|owner| owner["owner"] == "urn:li:corpGroup:analytics")
        },
    },
    Condition {
        text: "deprecated = true",
        holds: |catalog, urn| {
            let aspect = catalog.aspect(urn, "deprecation");
            aspect.is_some_and(|aspect| aspect["deprecated"] == true)
        },
    },
    Condition {
        text: "container = urn:li:container:7427e2a69997ea1fbff227c924a95be1",
        holds: |catalog, urn| {
            let path = catalog.aspect(urn, "browsePathsV2");
            let path = path.and_then(|aspect| aspect["path"].as_array());
            path.into_iter()
                .flatten()
                .any(|part| part["urn"] == "urn:li:container:7427e2a69997ea1fbff227c924a95be1")
        },
    },
    Condition {
        text: "deprecated = false",
        holds: |catalog, urn| {
            let aspect = catalog.aspect(urn, "deprecation");
            aspect.is_none_or(|aspect| aspect["deprecated"] != true)
        },
    },
    Condition {
        text: "has_active_incidents = false",
        holds: |catalog, urn| {
            let aspect = catalog.aspect(urn, "incidentsSummary");
            let active = aspect.and_then(|aspect| aspect["activeIncidentDetails"].as_array());
            active.is_none_or(Vec::is_empty)
        },
    },
    Condition {
        text: "subtype = Table",
        holds: |catalog, urn| lists(catalog, urn, "subTypes", "/typeNames", "Table"),
    },
];

fn lists(catalog: &Catalog, urn: &str, aspect: &str, list: &str, value: &str) -> bool {
    let aspect = catalog.aspect(urn, aspect);
    let values = aspect.and_then(|aspect| aspect.pointer(list)?.as_array());
    values.is_some_and(|values| values.contains(&Value::from(value)))
}

/// An expression over [`CONDITIONS`] by their index.
#[derive(Debug, Clone)]
enum Expr {
    Is(usize),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
}

impl Expr {
    fn text(&self) -> String {
        let joined = |parts: &[Self], word: &str| {
            let parts: Vec<_> = parts
                .iter()
                .map(|part| format!("({})", part.text()))
                .collect();
            parts.join(word)
        };
        match self {
            Self::Is(index) => CONDITIONS[*index].text.to_owned(),
            Self::Not(inner) => format!("NOT ({})", inner.text()),
            Self::And(parts) => joined(parts, " AND "),
            Self::Or(parts) => joined(parts, " OR "),
        }
    }

    fn selects(&self, each: &BTreeMap<&str, Urns>, all: &Urns) -> Urns {
        match self {
            Self::Is(index) => each[CONDITIONS[*index].text].clone(),
            Self::Not(inner) => all - &inner.selects(each, all),
            Self::And(parts) => parts
                .iter()
                .fold(all.clone(), |left, part| &left & &part.selects(each, all)),
            Self::Or(parts) => parts
                .iter()
                .fold(Urns::new(), |left, part| &left | &part.selects(each, all)),
        }
    }
}

fn expression() -> impl Strategy<Value = Expr> {
    let leaf = (0..CONDITIONS.len()).prop_map(Expr::Is);
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Expr::Not(Box::new(inner))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
            prop::collection::vec(inner, 2..4).prop_map(Expr::Or),
        ]
    })
}

#[test]
fn an_expression_selects_exactly_what_it_means() {
    let runtime = Runtime::new().unwrap();
    let world = runtime.block_on(ShopWorld::start());
    let (mcp, token) = (world.server.mcp(), world.datahub.token("viewer").unwrap());
    let select = |filter: &str| runtime.block_on(selected(&mcp, &token, filter));

    let all = select("");
    assert!(all.len() > PAGE, "only {} entities", all.len());
    let catalog = world.datahub.catalog();
    let mut each = BTreeMap::new();
    for condition in CONDITIONS {
        let held: Urns = all
            .iter()
            .filter(|urn| (condition.holds)(&catalog, urn))
            .cloned()
            .collect();
        assert!(
            !held.is_empty() && held != all,
            "no test: {}",
            condition.text
        );
        assert_eq!(select(condition.text), held, "{}", condition.text);
        each.insert(condition.text, held);
    }

    let config = Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&expression(), |expression| {
            let text = expression.text();
            prop_assert_eq!(select(&text), expression.selects(&each, &all), "{}", text);
            Ok(())
        })
        .unwrap();
}

/// What a real DataHub's index cannot do is done otherwise, or refused with words: the embedded one
/// fails where that does.
#[tokio::test]
async fn what_the_index_cannot_do_is_done_otherwise_or_said() {
    let world = ShopWorld::start().await;
    let (mcp, token) = (world.server.mcp(), world.datahub.token("viewer").unwrap());
    let search = async |arguments: Value| {
        let reply = mcp.call(Some(&token), "search", arguments).await.unwrap();
        (
            reply.is_tool_error(),
            reply.text.clone(),
            reply.structured()["total"].as_u64(),
        )
    };
    for sort_by in [
        "relevance",
        "name",
        "platform",
        "owners",
        "lastModifiedAt",
        "lastOperationTime",
    ] {
        let (failed, text, _) = search(json!({"sort_by": sort_by})).await;
        assert!(!failed, "{sort_by}: {text}");
    }
    let (failed, text, _) = search(json!({"sort_by": "rowCountFeature"})).await;
    assert!(failed && text.contains("lastModifiedAt"), "{text}");

    for (filter, some) in [
        ("lastModifiedAt > 2025-06-01", true),
        ("lastModifiedAt > 2100-01-01", false),
        ("createdAt <= '2100-01-01T00:00:00Z'", true),
        ("createdAt < 2001-01-01", false),
        ("_entityName = STG_ORDERS", true),
        ("type IS NOT NULL", true),
    ] {
        let (failed, text, total) = search(json!({"filter": filter})).await;
        assert!(!failed, "{filter}: {text}");
        assert_eq!(total.unwrap() > 0, some, "{filter}");
    }
    for filter in [
        "hasFailingAssertions = true",
        "rowCountFeature > 5 OR platform = dbt",
    ] {
        let (failed, text, _) = search(json!({"filter": filter})).await;
        assert!(failed && text.contains("DataHub Cloud"), "{filter}: {text}");
    }
    let (failed, text, _) = search(json!({"filter": "columnCount > many"})).await;
    assert!(failed && text.contains("whole number"), "{text}");
}
