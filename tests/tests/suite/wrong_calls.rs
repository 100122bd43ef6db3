//! Wrong calls, as models make them: nearly right values, another case, another kind, names in the place of
//! urns, what is missing, ambiguous, too far away or too much. Each is answered with what the right next
//! call needs: `wrong_calls.md` is the table.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::shop_world::{ORDERS, ShopWorld};

const TABLE: &str = include_str!("wrong_calls.md");
const MISSING: &str = "urn:li:dataset:(urn:li:dataPlatform:snowflake,lantern.marts.orders,PROD)";
const BOARD: &str = "urn:li:dashboard:(looker,board_weekly)";

/// The rows of the table: a tool, the arguments of a call, and what its answer says.
fn rows() -> Vec<(&'static str, Value, String)> {
    let cells = TABLE
        .lines()
        .map(|line| line.trim_matches('|').split(" | "));
    let rows = cells.filter_map(|mut cells| {
        let (tool, row, words) = (cells.next()?, cells.next()?, cells.next()?);
        let row = serde_json::from_str(&filled(row)).ok()?;
        Some((tool.trim(), repeated(row), filled(words.trim())))
    });
    rows.collect()
}

/// The text with the urns that its short names stand for.
fn filled(text: &str) -> String {
    text.replace("$O", ORDERS)
        .replace("$D", BOARD)
        .replace("$M", MISSING)
}

fn repeated(mut arguments: Value) -> Value {
    for (name, many) in [("$51", 51), ("$101", 101)] {
        for value in arguments.as_object_mut().unwrap().values_mut() {
            if value == name {
                *value = json!(vec![ORDERS; many]);
            }
        }
    }
    arguments
}

#[tokio::test]
async fn each_is_answered_with_what_the_next_call_needs() {
    let world = ShopWorld::start().await;
    let rows = rows();
    let mut bad = Vec::new();
    for (tool, arguments, words) in &rows {
        let reply = world.call("editor", tool, arguments.clone()).await;
        let said = reply.json["result"].to_string();
        if !said.contains(words) {
            bad.push(format!("{tool} {arguments}: no {words:?} in {said:.600}"));
        }
    }
    let (wrong, all) = (bad.len(), rows.len());
    assert!(bad.is_empty(), "{wrong} of {all}:\n{}", bad.join("\n"));
    let distinct: BTreeSet<String> = rows
        .iter()
        .map(|(tool, arguments, _)| format!("{tool}{arguments}"))
        .collect();
    assert!(distinct.len() >= 100, "{}", distinct.len());
}

/// What is near is what a search would find: whoever may not search learns nothing of it.
#[tokio::test]
async fn whoever_may_not_search_is_told_no_names() {
    let world = ShopWorld::with(|_| {}, |server| server.env("TOOLS", "get_entities")).await;
    let error = world
        .error("get_entities", json!({"urns": "urn:li:tag:Certified"}))
        .await;
    assert!(error.contains("does not exist"), "{error}");
    assert!(!error.contains("urn:li:tag:certified"), "{error}");
}
