//! Ten questions that analysts ask, with the calls that answer them: what a model reads of all of them
//! together is bounded, and holds every fact by which a person decides.

use serde_json::{Value, json};

use crate::shop_world::{ORDERS, RUNBOOK, ShopWorld};

/// The most characters that the calls and answers of all questions may have together.
const MAX_CHARS: usize = 62_000;

const BOARD: &str = "urn:li:dashboard:(looker,board_weekly)";

struct Question {
    asked: &'static str,
    calls: Vec<(&'static str, Value)>,
    /// Texts that stand in the answers.
    facts: &'static [&'static str],
}

/// A table of the warehouse.
fn mart(name: &str) -> String {
    format!("urn:li:dataset:(urn:li:dataPlatform:snowflake,lantern.marts.{name},PROD)")
}

fn questions() -> Vec<Question> {
    let dbt = "urn:li:dataset:(urn:li:dataPlatform:dbt,lantern.marts.fct_orders,PROD)";
    vec![
        Question {
            asked: "Which table do I use for net revenue by month, and may I trust it?",
            calls: vec![
                (
                    "search",
                    json!({"query": "revenue", "filter": "type = dataset"}),
                ),
                ("get_entities", json!({"urns": mart("revenue_daily")})),
                (
                    "get_dataset_assertions",
                    json!({"urn": mart("revenue_daily")}),
                ),
            ],
            facts: &[
                "urn:li:tag:certified",
                "Prefer these.",
                "finance-analytics@lanternandloom.example",
                "Business Owner",
                "\"lastModified\":\"20",
                "\"queryCountLast30Days\":3130",
                "45 days are frozen",
                "Negative gross revenue",
                "FAILURE",
            ],
        },
        Question {
            asked: "Who looks after fct_orders, and is it late today?",
            calls: vec![
                ("search", json!({"query": "fct_orders", "num_results": 3})),
                ("get_entities", json!({"urns": ORDERS})),
                ("list_incidents", json!({"urn": ORDERS})),
                ("search_documents", json!({"query": "late orders"})),
            ],
            facts: &[
                "greta.olsen@lanternandloom.example",
                "Technical Owner",
                "tomas.weber@lanternandloom.example",
                "\"lastModified\":\"20",
                "Freshness promise",
                "late-orders-runbook",
            ],
        },
        Question {
            asked: "What breaks, and whom do I tell, if customer_id of fct_orders changes?",
            calls: vec![
                (
                    "get_lineage",
                    json!({"urn": ORDERS, "column": "customer_id", "upstream": false, "max_hops": 3}),
                ),
                (
                    "get_lineage",
                    json!({"urn": ORDERS, "upstream": false, "max_hops": 3, "filter": "type = dashboard"}),
                ),
                (
                    "get_dataset_queries",
                    json!({"urn": ORDERS, "column": "customer_id"}),
                ),
            ],
            facts: &[
                "\"byDegree\"",
                BOARD,
                "\"viewsLast30Days\":312",
                "greta.olsen@lanternandloom.example",
                "store-operations@lanternandloom.example",
            ],
        },
        Question {
            asked: "What does net revenue mean, and which tables and reports have it?",
            calls: vec![
                (
                    "search",
                    json!({"query": "net revenue", "filter": "type = glossaryTerm"}),
                ),
                (
                    "get_entities",
                    json!({"urns": "urn:li:glossaryTerm:net-revenue"}),
                ),
                (
                    "search",
                    json!({"query": "*", "filter": "glossary_term = urn:li:glossaryTerm:net-revenue"}),
                ),
            ],
            facts: &[
                "Refunds count on the day of the order",
                BOARD,
                "lantern.marts.revenue_daily",
                "@lanternandloom.example",
            ],
        },
        Question {
            asked: "Which tables hold personal data, and who answers for them?",
            calls: vec![(
                "search",
                json!({"query": "*", "filter": "tag = urn:li:tag:pii"}),
            )],
            facts: &[
                "shop.crm.customers",
                "crm@lanternandloom.example",
                "urn:li:tag:gdpr-erasable",
                "1 more; call again with offset=10",
            ],
        },
        Question {
            asked: "Where do the numbers of the board's dashboard come from?",
            calls: vec![
                (
                    "search",
                    json!({"query": "board", "filter": "type = dashboard"}),
                ),
                (
                    "get_lineage",
                    json!({"urn": BOARD, "max_hops": 3, "filter": "type = dataset"}),
                ),
            ],
            facts: &[
                "lantern.marts.revenue_daily",
                "shop.sales.orders",
                "\"queriesLast30Days\":5010",
                "shop-backend@lanternandloom.example",
            ],
        },
        Question {
            asked: "How do I join orders with customers?",
            calls: vec![
                (
                    "search",
                    json!({"query": "customer", "filter": "type = dataset AND platform = snowflake", "num_results": 4}),
                ),
                ("list_schema_fields", json!({"urn": mart("dim_customer")})),
                (
                    "list_schema_fields",
                    json!({"urn": ORDERS, "keywords": "customer", "limit": 3}),
                ),
                ("get_dataset_queries", json!({"urn": ORDERS})),
            ],
            facts: &[
                "using (customer_id)",
                "NUMBER(38,0)",
                "Buyer; null for guests.",
                "\"isPartOfKey\":true",
            ],
        },
        Question {
            asked: "Which tables of the warehouse changed last, and which are going away?",
            calls: vec![
                (
                    "search",
                    json!({
                        "query": "*", "filter": "type = dataset AND platform = snowflake",
                        "sort_by": "lastModifiedAt", "num_results": 4,
                    }),
                ),
                (
                    "search",
                    json!({"query": "*", "filter": "deprecated = true"}),
                ),
                (
                    "get_entities",
                    json!({"urns": mart("legacy_sales_summary")}),
                ),
            ],
            facts: &[
                "\"sortedBy\":\"20",
                "\"deprecated\":true",
                "decommissionTime",
                "\"note\":",
                "finance-analytics@lanternandloom.example",
            ],
        },
        Question {
            asked: "What of customer_360 tells of churn, how full is it, and where does it come from?",
            calls: vec![
                (
                    "list_schema_fields",
                    json!({"urn": mart("customer_360"), "keywords": "churn", "limit": 5}),
                ),
                (
                    "get_dataset_profile",
                    json!({"urn": mart("customer_360"), "limit": 1}),
                ),
                (
                    "get_lineage",
                    json!({"urn": mart("customer_360"), "max_hops": 2}),
                ),
            ],
            facts: &[
                "churn_probability",
                "\"rowCount\"",
                "score_churn",
                "web-analytics@lanternandloom.example",
            ],
        },
        Question {
            asked: "What changed in fct_orders lately, and how is red in the runbook handled?",
            calls: vec![
                (
                    "get_aspect_history",
                    json!({"urns": ORDERS, "aspect_names": ["ownership", "editableDatasetProperties"], "limit": 3}),
                ),
                (
                    "get_lineage_paths_between",
                    json!({"source_urn": dbt, "target_urn": ORDERS}),
                ),
                (
                    "grep_documents",
                    json!({"urns": RUNBOOK, "pattern": "red", "context_chars": 80}),
                ),
            ],
            facts: &[
                "urn:li:corpuser:editor",
                "replica lag",
                "\"totalMatches\":4",
            ],
        },
    ]
}

#[tokio::test]
async fn ten_questions_are_answered_in_few_words_and_no_fact_is_missing() {
    let world = ShopWorld::start().await;
    let mut total = 0;
    let mut lengths = Vec::new();
    for question in questions() {
        let mut read = String::new();
        for (tool, arguments) in &question.calls {
            let reply = world.call("editor", tool, arguments.clone()).await;
            assert!(!reply.is_tool_error(), "{tool}: {}", reply.text);
            read.push_str(tool);
            read.push_str(&arguments.to_string());
            read.push_str(reply.tool_text());
            read.extend(reply.tool_note());
        }
        for fact in question.facts {
            assert!(read.contains(fact), "{}: no {fact}\n{read}", question.asked);
        }
        let chars = read.chars().count();
        total += chars;
        lengths.push(format!("{chars} {}", question.asked));
    }
    println!("{total} characters:\n{}", lengths.join("\n"));
    assert!(total <= MAX_CHARS, "{total}: {lengths:#?}");
}
