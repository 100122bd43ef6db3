//! What a model reads: for each tool a call that is right, one that is wrong, and the one that the
//! answer to it leads to. The answers are as the tools give them, set in lines, with points in time
//! and made-up ids masked, long lists and long texts cut.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::{Value, json};

use crate::shop_world::{ORDERS, RUNBOOK, ShopWorld};

const STAGED: &str =
    "urn:li:dataset:(urn:li:dataPlatform:snowflake,lantern.staging.stg_orders,PROD)";
const DBT_ORDERS: &str = "urn:li:dataset:(urn:li:dataPlatform:dbt,lantern.marts.fct_orders,PROD)";
const MISSPELT: &str = "urn:li:dataset:(urn:li:dataPlatform:snowflake,lantern.marts.orders,PROD)";
const RETENTION: &str = "urn:li:structuredProperty:lanternandloom.retention";

/// Longer lists show this many entries.
const MAX_ITEMS: usize = 3;
/// Longer texts show this many characters.
const MAX_CHARS: usize = 160;
/// No size or count in the shop is so large.
const TIMES: std::ops::Range<u64> = 1_500_000_000_000..2_500_000_000_000;

/// A tool, and the arguments of its calls.
struct Script {
    tool: &'static str,
    right: Value,
    wrong: Value,
    /// What the answer to the wrong call leads to.
    next: Value,
}

fn script(tool: &'static str, right: Value, wrong: Value, next: Value) -> Script {
    Script {
        tool,
        right,
        wrong,
        next,
    }
}

fn reads() -> Vec<Script> {
    vec![
        script(
            "search",
            json!({"query": "orders", "filter": "platform = snowflake", "num_results": 2}),
            json!({"query": "orders", "filter": "type = table"}),
            json!({"query": "orders", "filter": "type = dataset AND subtype = Table", "num_results": 1}),
        ),
        script(
            "get_entities",
            json!({"urns": ["urn:li:glossaryTerm:net-revenue", ORDERS]}),
            json!({"urns": "certified"}),
            json!({"urns": "urn:li:tag:certified"}),
        ),
        script(
            "list_schema_fields",
            json!({"urn": ORDERS, "keywords": "customer", "limit": 2}),
            json!({"urn": MISSPELT}),
            json!({"urn": ORDERS, "limit": 1}),
        ),
        script(
            "get_lineage",
            json!({"urn": ORDERS, "upstream": false, "max_hops": 3}),
            json!({"urn": ORDERS, "column": "custmer_id"}),
            json!({"urn": ORDERS, "column": "customer_id"}),
        ),
        script(
            "get_lineage_paths_between",
            json!({"source_urn": DBT_ORDERS, "target_urn": ORDERS}),
            json!({"source_urn": DBT_ORDERS, "target_urn": ORDERS, "source_column": "order_id"}),
            json!({"source_urn": DBT_ORDERS, "target_urn": ORDERS, "source_column": "order_id", "target_column": "order_id"}),
        ),
        script(
            "get_dataset_queries",
            json!({"urn": ORDERS, "source": "MANUAL", "count": 1}),
            json!({"urn": ORDERS, "source": "AUTO"}),
            json!({"urn": ORDERS, "source": "SYSTEM", "count": 1}),
        ),
        script(
            "get_usage_statistics",
            json!({"urn": ORDERS, "range": "ALL"}),
            json!({"urn": STAGED, "time_range": "ALL"}),
            json!({"urn": STAGED, "range": "ALL"}),
        ),
        script(
            "get_dataset_profile",
            json!({"urn": ORDERS, "limit": 1}),
            json!({"urn": ORDERS, "columns": "orderid"}),
            json!({"urn": ORDERS, "columns": "order_id", "limit": 1}),
        ),
        script(
            "get_dataset_assertions",
            json!({"urn": ORDERS}),
            json!({"urn": "urn:li:chart:(looker,orders_today)"}),
            json!({"urn": STAGED}),
        ),
        script(
            "list_incidents",
            json!({"urn": ORDERS}),
            json!({"urn": "urn:li:tag:certified"}),
            json!({"urn": ORDERS, "state": "ACTIVE"}),
        ),
        script(
            "get_aspect_history",
            json!({"urns": ORDERS, "aspect_names": "editableDatasetProperties"}),
            json!({"urns": "fct_orders", "aspect_names": "ownership"}),
            json!({"urns": ORDERS, "aspect_names": ["ownership", "datasetproperties"]}),
        ),
        script(
            "search_documents",
            json!({"query": "orders", "num_results": 1}),
            json!({"query": "orders", "filter": "domain = "}),
            json!({"query": "orders", "filter": "domain = urn:li:domain:finance"}),
        ),
        script(
            "grep_documents",
            json!({"urns": RUNBOOK, "pattern": "red", "context_chars": 40}),
            json!({"urns": RUNBOOK, "pattern": "fct_orders("}),
            json!({"urns": RUNBOOK, "pattern": "fct_orders\\("}),
        ),
        script("get_me", json!({}), json!({"details": true}), json!({})),
    ]
}

fn writes() -> Vec<Script> {
    let tag = |tag: &str, column: &str| json!({"tag_urns": tag, "entity_urns": ORDERS, "column_paths": column});
    let term = |term: &str| json!({"term_urns": term, "entity_urns": ORDERS});
    let product =
        |product: &str, urn: &str| json!({"data_product_urn": product, "entity_urns": urn});
    let owner = |owner: &str, kind: &str| json!({"owner_urns": owner, "entity_urns": ORDERS, "ownership_type": kind});
    let domain = |domain: &str| json!({"domain_urn": domain, "entity_urns": ORDERS});
    let describe = |operation: &str, column: &str| json!({"entity_urn": ORDERS, "operation": operation, "description": "Mind the time zone.", "column_path": column});
    let retention =
        |value: &str| json!({"property_values": {RETENTION: [value]}, "entity_urns": ORDERS});
    let mut incident =
        json!({"entity_urns": ORDERS, "title": "Late again", "incident_type": "FRESHNESS"});
    let mut of_no_type = incident.clone();
    of_no_type["incident_type"] = json!("LATE");
    incident["priority"] = json!("HIGH");
    vec![
        script(
            "add_tags",
            tag("urn:li:tag:daily", "customer_id"),
            tag("urn:li:tag:daily", "custmer_id"),
            tag("urn:li:tag:daily", ""),
        ),
        script(
            "remove_tags",
            tag("urn:li:tag:daily", "customer_id"),
            tag("daily", ""),
            tag("urn:li:tag:daily", ""),
        ),
        script(
            "create_tag",
            json!({"name": "Needs an owner", "description": "Nobody looks after it."}),
            json!({"name": "certified"}),
            json!({"name": "Certified", "id": "certified-by-finance"}),
        ),
        script(
            "create_glossary_term",
            json!({"name": "Refund share", "description": "Refunds by gross revenue.", "id": "refund-share"}),
            json!({"name": "Net revenue"}),
            json!({"name": "Net revenue", "id": "net-revenue-of-stores"}),
        ),
        script(
            "create_data_product",
            json!({"name": "Stock", "domain_urn": "urn:li:domain:supply-chain", "id": "stock"}),
            json!({"name": "Revenue", "domain_urn": "urn:li:domain:finance"}),
            json!({"name": "Revenue by store", "domain_urn": "urn:li:domain:finance", "id": "store-revenue"}),
        ),
        script(
            "add_to_data_product",
            product("urn:li:dataProduct:customer-insight", ORDERS),
            product("urn:li:dataProduct:customer-insights", STAGED),
            product("urn:li:dataProduct:customer-insight", STAGED),
        ),
        script(
            "remove_from_data_product",
            product("urn:li:dataProduct:customer-insight", ORDERS),
            product("urn:li:dataProduct:revenue", STAGED),
            product("urn:li:dataProduct:customer-insight", STAGED),
        ),
        script(
            "add_terms",
            term("urn:li:glossaryTerm:customer"),
            term("urn:li:glossaryTerm:revenue"),
            term("urn:li:glossaryTerm:gross-revenue"),
        ),
        script(
            "remove_terms",
            term("urn:li:glossaryTerm:customer"),
            term("urn:li:tag:tier-1"),
            term("urn:li:glossaryTerm:gross-revenue"),
        ),
        script(
            "add_owners",
            owner("urn:li:corpuser:admin", "Technical Owner"),
            owner("urn:li:corpuser:admin", "Stewart"),
            owner("urn:li:corpuser:admin", "Data Steward"),
        ),
        script(
            "remove_owners",
            owner("urn:li:corpuser:admin", "Data Steward"),
            json!({"owner_urns": "ada", "entity_urns": ORDERS}),
            json!({"owner_urns": "urn:li:corpuser:admin", "entity_urns": ORDERS}),
        ),
        script(
            "set_domains",
            domain("urn:li:domain:finance"),
            domain("Sales"),
            domain("urn:li:domain:sales"),
        ),
        script(
            "remove_domains",
            json!({"entity_urns": ORDERS}),
            json!({"entity_urns": MISSPELT}),
            json!({"entity_urns": STAGED}),
        ),
        script(
            "update_description",
            describe("append", ""),
            describe("replace", "placed"),
            describe("replace", "placed_at"),
        ),
        script(
            "add_structured_properties",
            retention("7 years"),
            retention("60"),
            retention("90 days"),
        ),
        script(
            "remove_structured_properties",
            json!({"property_urns": RETENTION, "entity_urns": ORDERS}),
            json!({"property_urns": "urn:li:structuredProperty:retention", "entity_urns": ORDERS}),
            json!({"property_urns": RETENTION, "entity_urns": STAGED}),
        ),
        script(
            "save_document",
            json!({"document_type": "Note", "title": "Time zones", "content": "All in UTC.", "related_assets": ORDERS}),
            json!({"document_type": "Note", "title": "Time zones", "content": "All in UTC.", "urn": RUNBOOK}),
            json!({"document_type": "Note", "title": "Time zones", "content": "All in UTC.", "topics": "time"}),
        ),
        script("raise_incident", incident.clone(), of_no_type, incident),
        script(
            "resolve_incident",
            json!({"incident_urn": "urn:li:incident:fct-orders-late", "message": "Ran again."}),
            json!({"incident_urn": ORDERS}),
            json!({"incident_urn": "urn:li:incident:clickstream-gap"}),
        ),
    ]
}

/// Runs a script and writes down what was said.
async fn transcript(world: &ShopWorld, script: &Script) -> String {
    let mut text = String::new();
    for (arguments, fails) in [
        (&script.right, false),
        (&script.wrong, true),
        (&script.next, false),
    ] {
        let reply = world.call("editor", script.tool, arguments.clone()).await;
        assert_eq!(
            reply.is_tool_error(),
            fails,
            "{} {arguments}: {}",
            script.tool,
            reply.text
        );
        let answer = match fails {
            true => reply.tool_text().to_owned(),
            false => {
                let mut answer = serde_json::from_str(reply.tool_text()).unwrap();
                tidy(&mut answer);
                let answer = serde_json::to_string_pretty(&answer).unwrap();
                let note = reply.tool_note().map(|note| format!("\n{note}"));
                answer + &note.unwrap_or_default()
            }
        };
        writeln!(text, "> {} {arguments}\n{answer}\n", script.tool).unwrap();
    }
    text
}

/// Masks what differs from run to run, and cuts what nobody would read to its end.
fn tidy(value: &mut Value) {
    match value {
        Value::Number(number) if number.as_u64().is_some_and(|n| TIMES.contains(&n)) => {
            *value = json!("<time>");
        }
        Value::String(text) if is_time(text) => *value = json!("<time>"),
        Value::String(text) => {
            if let Some((before, last)) = text.rsplit_once(':')
                && is_uuid(last)
            {
                *text = format!("{before}:<id>");
            }
            let length = text.chars().count();
            if length > MAX_CHARS {
                let shown: String = text.chars().take(MAX_CHARS).collect();
                *text = format!("{shown}<{} more characters>", length - MAX_CHARS);
            }
        }
        Value::Array(items) => {
            let more = items.len().saturating_sub(MAX_ITEMS);
            items.truncate(MAX_ITEMS);
            items.iter_mut().for_each(tidy);
            if more > 0 {
                items.push(json!(format!("<{more} more>")));
            }
        }
        Value::Object(members) => members.values_mut().for_each(tidy),
        _ => {}
    }
}

/// `2026-11-27T02:00:00Z`, or the day alone.
fn is_time(text: &str) -> bool {
    let form = "0000-00-00T00:00:00Z";
    [form.len(), "0000-00-00".len()].contains(&text.len())
        && text
            .bytes()
            .zip(form.bytes())
            .all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                _ => byte == form,
            })
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
}

#[tokio::test]
async fn reading() {
    let world = ShopWorld::start().await;
    for script in reads() {
        insta::assert_snapshot!(script.tool, transcript(&world, &script).await);
    }
}

#[tokio::test]
async fn writing() {
    let world = ShopWorld::start().await;
    for script in writes() {
        insta::assert_snapshot!(script.tool, transcript(&world, &script).await);
    }
}

#[tokio::test]
async fn every_tool_has_a_transcript() {
    let world = ShopWorld::start().await;
    let token = world.datahub.token("editor").unwrap();
    let mcp = world.server.mcp();
    let list = mcp
        .rpc(Some(&token), "tools/list", json!({}))
        .await
        .unwrap();
    let tools = list.json["result"]["tools"].as_array().unwrap();
    let listed: BTreeSet<&str> = tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    let (reads, writes) = (reads(), writes());
    let written: BTreeSet<&str> = reads
        .iter()
        .chain(&writes)
        .map(|script| script.tool)
        .collect();
    assert_eq!(written, listed);
}
