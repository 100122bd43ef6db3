//! Tests of each tool against a fake DataHub: the requests it makes, the answer that the model
//! gets, and that the answer to a wrong call leads to the right one.

use datahub::fake::{Fake, Reply, Seen, json as answer, reply};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{call, caller, error_text, everything, refused};
use crate::{McpServer, Settings};

pub(super) const TABLE: &str = "urn:li:dataset:(urn:li:dataPlatform:hive,shop.orders,PROD)";

/// A fake DataHub that answers each operation with its data and records the requests.
pub(super) struct Hub {
    fake: Fake,
    server: McpServer,
    asked: std::sync::Arc<Mutex<Vec<Value>>>,
}

impl Hub {
    pub(super) async fn new(
        data: impl Fn(&str, &Value) -> Value + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::with(everything(), data).await
    }

    pub(super) async fn with(
        settings: Settings,
        data: impl Fn(&str, &Value) -> Value + Clone + Send + Sync + 'static,
    ) -> Self {
        let asked = std::sync::Arc::new(Mutex::new(Vec::new()));
        let log = std::sync::Arc::clone(&asked);
        let fake = Fake::start(move |seen: Seen| -> Reply {
            if !seen.path.ends_with("/graphql") {
                return match data(&seen.path, &Value::Null) {
                    Value::Null => reply(404, "{}"),
                    found => answer(&found),
                };
            }
            let name = seen.body["operationName"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            let variables = seen.body["variables"].clone();
            let body = data(&name, &variables);
            log.lock()
                .push(json!({"name": name, "variables": variables}));
            if body.get("errors").is_some() {
                answer(&body)
            } else {
                answer(&json!({"data": body}))
            }
        })
        .await;
        Self {
            fake,
            server: McpServer::new(settings).unwrap(),
            asked,
        }
    }

    pub(super) async fn call(&self, tool: &str, arguments: Value) -> Value {
        call(&self.server, &caller(&self.fake, &[]), tool, arguments).await
    }

    pub(super) async fn ok(&self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_ne!(result["isError"], true, "{result}");
        result["structuredContent"].clone()
    }

    pub(super) async fn error(&self, tool: &str, arguments: Value) -> String {
        error_text(&self.call(tool, arguments).await).to_owned()
    }

    /// The variables of the last request for this operation.
    pub(super) fn asked(&self, name: &str) -> Value {
        let asked = self.asked.lock();
        let last = asked.iter().rev().find(|entry| entry["name"] == name);
        last.unwrap_or_else(|| panic!("{name} was not asked: {asked:?}"))["variables"].clone()
    }
}

fn columns() -> Value {
    json!({"dataset": {"urn": TABLE, "exists": true, "schemaMetadata": {"fields": [
        {"fieldPath": "order_id"}, {"fieldPath": "customer_id"}
    ]}}})
}

#[tokio::test]
async fn entities_come_in_order_with_a_word_on_those_that_are_missing() {
    let hub = Hub::new(|name, variables| match name {
        "tag" => json!({"entity": {"urn": variables["urn"], "type": "TAG",
            "properties": {"name": "PII", "description": null}}}),
        _ => json!({"entity": null}),
    })
    .await;
    let both = hub
        .ok(
            "get_entities",
            json!({"urns": ["urn:li:tag:PII", TABLE, "PII"]}),
        )
        .await;
    let entities = both["entities"].as_array().unwrap();
    assert_eq!(entities[0]["name"], "PII");
    assert!(
        entities[1]["error"]
            .as_str()
            .unwrap()
            .contains("find the right urn with search")
    );
    assert!(
        entities[2]["error"]
            .as_str()
            .unwrap()
            .contains("is not a urn")
    );
    assert!(
        hub.error("get_entities", json!({"urns": TABLE}))
            .await
            .contains("does not exist")
    );
    assert!(
        hub.error("get_entities", json!({"urns": []}))
            .await
            .contains("at least one")
    );
}

#[tokio::test]
async fn a_wide_table_is_cut_with_a_word_on_how_to_get_the_rest() {
    let wide = |name: &str, _: &Value| {
        let fields: Vec<Value> = (0..500)
            .map(|i| {
                json!({"fieldPath": format!("c{i}"), "type": "STRING",
                            "description": "d".repeat(300)})
            })
            .collect();
        let dataset = json!({"urn": TABLE, "exists": true, "schemaMetadata": {"fields": fields}});
        match name {
            "dataset" => json!({"entity": dataset}),
            _ => json!({"dataset": dataset}),
        }
    };
    let hub = Hub::with(
        Settings {
            schema_tokens: 1_000,
            ..Settings::default()
        },
        wide,
    )
    .await;
    let table = hub.ok("get_entities", json!({"urns": TABLE})).await;
    let shown = table["fields"].as_array().unwrap().len();
    assert!((5..50).contains(&shown));
    assert!(
        table["fieldsCut"]
            .as_str()
            .unwrap()
            .contains(&format!("offset={shown}"))
    );
    let page = hub
        .ok(
            "list_schema_fields",
            json!({"urn": TABLE, "keywords": "c499", "limit": 3}),
        )
        .await;
    assert_eq!(page["fields"][0]["fieldPath"], "c499");
    assert_eq!(page["matchingCount"], 1);
    assert_eq!(page["totalFields"], 500);
    assert_eq!(page["next"], "497 more; call again with offset=3");
}

#[tokio::test]
async fn lineage_asks_the_server_for_the_page_and_tells_totals_first() {
    let hub = Hub::new(|name, _| match name {
        "columns" => columns(),
        _ => json!({"searchAcrossLineage": {
            "total": 40,
            "searchResults": [{"degree": 1, "entity": {"urn": "urn:li:chart:(looker,1)"},
                "paths": [{"path": [{"urn": "x"},
                    {"urn": format!("urn:li:schemaField:({TABLE},total)")}]}]}],
            "facets": [{"field": "degree", "aggregations": [{"value": "1", "count": 30}]}]
        }}),
    })
    .await;
    let arguments = json!({"urn": TABLE, "upstream": false, "max_hops": 3, "offset": 20,
        "filter": "type = chart", "column": "customer_id"});
    let answer = hub.ok("get_lineage", arguments).await;
    assert_eq!(answer["downstreams"]["total"], 40);
    assert_eq!(answer["downstreams"]["byDegree"], json!({"1": 30}));
    assert_eq!(
        answer["downstreams"]["searchResults"][0]["columns"],
        json!(["total"])
    );
    assert_eq!(
        answer["downstreams"]["next"],
        "19 more; call again with offset=21"
    );
    let asked = hub.asked("columnLineage");
    assert_eq!(asked["input"]["start"], 20);
    assert_eq!(asked["input"]["types"], json!(["CHART"]));
    assert_eq!(
        asked["input"]["urn"],
        format!("urn:li:schemaField:({TABLE},customer_id)")
    );
    let degree = json!({"field": "degree", "condition": "EQUAL", "values": ["1", "2", "3+"]});
    let clause = asked["input"]["orFilters"][0]["and"]
        .as_array()
        .unwrap()
        .clone();
    assert!(clause.contains(&degree));
    let error = hub
        .error("get_lineage", json!({"urn": TABLE, "column": "custmer_id"}))
        .await;
    assert!(error.contains("did you mean customer_id"), "{error}");
}

/// A chain of tags a1 -> a2 -> ..., in which the downstream neighbour of each is the next one.
fn chain(name: &str, variables: &Value) -> Value {
    if name == "exists" {
        return json!({"entityExists": variables["urn"] != "urn:li:tag:99"});
    }
    let input = &variables["input"];
    let at: i64 = input["urn"]
        .as_str()
        .unwrap()
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let next = if input["direction"] == "DOWNSTREAM" {
        at + 1
    } else {
        at - 1
    };
    let results = match name {
        "neighbours" if (0..10).contains(&next) => {
            json!([{"entity": {"urn": format!("urn:li:tag:{next}")}}])
        }
        _ => json!([]),
    };
    json!({"searchAcrossLineage": {"total": 1, "searchResults": results}})
}

#[tokio::test]
async fn paths_are_found_from_both_ends_where_the_server_gives_none() {
    let hub = Hub::new(chain).await;
    let arguments = json!({"source_urn": "urn:li:tag:1", "target_urn": "urn:li:tag:6"});
    let answer = hub.ok("get_lineage_paths_between", arguments).await;
    assert_eq!(answer["direction"], "downstream");
    assert_eq!(answer["paths"][0]["hops"], 5);
    let urns: Vec<&str> = answer["paths"][0]["path"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["urn"].as_str().unwrap().rsplit(':').next().unwrap())
        .collect();
    assert_eq!(urns, ["1", "2", "3", "4", "5", "6"]);
    let none = json!({"source_urn": "urn:li:tag:1", "target_urn": "urn:li:tag:77"});
    let answer = hub.ok("get_lineage_paths_between", none).await;
    assert_eq!(answer["pathCount"], 0);
    assert!(
        answer["searched"]
            .as_str()
            .unwrap()
            .contains("from both ends")
    );
    let missing = json!({"source_urn": "urn:li:tag:1", "target_urn": "urn:li:tag:99"});
    let error = hub.error("get_lineage_paths_between", missing).await;
    assert!(error.starts_with("urn:li:tag:99 does not exist"), "{error}");
}

#[tokio::test]
async fn history_walks_down_from_the_latest_version() {
    let hub = Hub::new(|path, _| {
        assert!(path.starts_with("/aspects/urn%3Ali%3Atag%3APII"), "{path}");
        json!({"aspect": {"com.linkedin.common.Ownership": {"owners": [], "x": 1}}})
    })
    .await;
    let arguments = json!({"urns": "urn:li:tag:PII", "aspect_names": "ownership",
        "from_version": 3, "limit": 2});
    let answer = hub.ok("get_aspect_history", arguments).await;
    let entry = &answer["results"][0];
    assert_eq!(
        entry["history"][0],
        json!({"version": 3, "value": {"x": 1}})
    );
    assert_eq!(
        entry["page"],
        json!({"fromVersion": 3, "anchorSource": "caller", "nextFromVersion": 1})
    );
    let wrong = json!({"urns": "urn:li:tag:PII", "aspect_names": "owner ship"});
    assert!(
        hub.error("get_aspect_history", wrong)
            .await
            .contains("not an aspect name")
    );
}

#[tokio::test]
async fn history_is_found_where_the_oldest_versions_are_deleted_and_the_present_one_is_empty() {
    let hub = Hub::new(|path, _| {
        if path.starts_with("/openapi/v3/entity/tag/urn%3Ali%3Atag%3APII/ownership?") {
            return json!({"value": {}, "systemMetadata": {"version": "9"}});
        }
        let owners = match path.rsplit_once("version=").map(|(_, version)| version) {
            Some("0") => json!([]),
            Some("7" | "8") => json!(["x"]),
            _ => return Value::Null,
        };
        json!({"aspect": {"com.linkedin.common.Ownership": {"owners": owners}}})
    })
    .await;
    let arguments = json!({"urns": "urn:li:tag:PII", "aspect_names": "ownership"});
    let answer = hub.ok("get_aspect_history", arguments).await;
    let past = json!({"owners": ["x"]});
    assert_eq!(
        answer["results"],
        json!([{
            "urn": "urn:li:tag:PII",
            "aspectName": "ownership",
            "error": null,
            "current": {"version": 0, "value": {}, "systemMetadata": {"version": "9"}},
            "page": {"fromVersion": 8, "anchorSource": "systemMetadata"},
            "history": [{"version": 8, "value": past}, {"version": 7, "value": past}],
        }])
    );
}

#[tokio::test]
async fn writes_name_existing_columns_only() {
    let hub = Hub::new(|name, _| match name {
        "columns" => columns(),
        "addTags" => json!({"batchAddTags": true}),
        other => panic!("{other}"),
    })
    .await;
    let arguments = json!({"tag_urns": "urn:li:tag:PII", "entity_urns": TABLE,
        "column_paths": ["order_id", "CUSTOMER_ID"]});
    let done = hub.ok("add_tags", arguments).await;
    assert_eq!(done["success"], true);
    let resources = hub.asked("addTags")["input"]["resources"].clone();
    assert_eq!(resources[1]["subResource"], "customer_id");
    assert_eq!(resources[1]["subResourceType"], "DATASET_FIELD");
    let arguments = json!({"tag_urns": "urn:li:tag:PII", "entity_urns": TABLE,
        "column_paths": "nope"});
    assert!(
        hub.error("add_tags", arguments)
            .await
            .contains("has no column `nope`")
    );
    let arguments = json!({"tag_urns": "PII", "entity_urns": TABLE});
    assert!(
        hub.error("add_tags", arguments)
            .await
            .contains("is not a urn")
    );
}

#[tokio::test]
async fn a_refused_write_says_that_repeating_does_not_help() {
    let hub = Hub::new(|_, _| {
        json!({"data": {"batchSetDomain": null}, "errors": [{
            "message": "Unauthorized to perform this action.", "path": ["batchSetDomain"],
            "extensions": {"code": 403, "type": "UNAUTHORIZED"}}]})
    })
    .await;
    let arguments = json!({"domain_urn": "urn:li:domain:x", "entity_urns": [TABLE]});
    let error = hub.error("set_domains", arguments).await;
    assert!(
        error.contains("does not permit") && error.contains("repeating the call"),
        "{error}"
    );
}

#[tokio::test]
async fn appending_adds_the_text_as_given_and_keeps_the_edited_name() {
    let hub = Hub::new(|name, _| match name {
        "description" => json!({"entity": {"urn": TABLE, "exists": true,
            "editableProperties": {"name": "Orders", "description": "Old."}}}),
        _ => json!({"updateDataset": {"urn": TABLE}}),
    })
    .await;
    let arguments = json!({"entity_urn": TABLE, "operation": "append", "description": " New."});
    hub.ok("update_description", arguments).await;
    let edited = hub.asked("describeDataset")["input"]["editableProperties"].clone();
    assert_eq!(
        edited,
        json!({"description": "Old. New.", "name": "Orders"})
    );
}

#[tokio::test]
async fn documents_found_by_words_and_by_meaning_are_one_list() {
    let hits = |urns: &[&str]| -> Value {
        let hits: Vec<Value> = urns
            .iter()
            .map(|urn| json!({"entity": {"urn": urn}}))
            .collect();
        json!({"total": hits.len(), "searchResults": hits})
    };
    let hub = Hub::new(move |name, _| match name {
        "searchDocuments" => json!({"searchAcrossEntities": hits(&["a", "b", "c"])}),
        _ => json!({"semanticSearchAcrossEntities": hits(&["d", "b", "e"])}),
    })
    .await;
    let ask = |offset: i64| json!({"query": "late", "semantic_query": "why late?", "offset": offset, "num_results": 3});
    let urns = |answer: &Value| -> Vec<(String, String)> {
        let hits = answer["searchResults"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        hits.iter()
            .map(|hit| (text(&hit["entity"]["urn"]), text(&hit["searchType"])))
            .collect()
    };
    let both = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    };
    let first = hub.ok("search_documents", ask(0)).await;
    let expected = both(&[("a", "keyword"), ("d", "semantic"), ("b", "both")]);
    assert_eq!(urns(&first), expected);
    assert_eq!(first["total"], 5);
    assert_eq!(first["next"], "2 more; call again with offset=3");
    let rest = hub.ok("search_documents", ask(3)).await;
    assert_eq!(urns(&rest), both(&[("c", "keyword"), ("e", "semantic")]));
}

#[tokio::test]
async fn owners_are_given_a_kind_by_name() {
    let hub = Hub::new(|name, _| match name {
        "ownershipTypes" => json!({"listOwnershipTypes": {"ownershipTypes": [
            {"urn": "urn:li:ownershipType:__system__t", "info": {"name": "Technical Owner"}}]}}),
        _ => json!({"batchAddOwners": true}),
    })
    .await;
    let arguments = |kind: &str| json!({"owner_urns": ["urn:li:corpGroup:g"], "entity_urns": TABLE, "ownership_type": kind});
    for kind in ["technical owner", "TECHNICAL_OWNER", "__system__t"] {
        hub.ok("add_owners", arguments(kind)).await;
        let owner = hub.asked("addOwners")["input"]["owners"][0].clone();
        assert_eq!(owner["ownerEntityType"], "CORP_GROUP");
        let urn = "urn:li:ownershipType:__system__t";
        assert_eq!(owner["ownershipTypeUrn"], urn, "{kind}");
    }
    assert!(
        hub.error("add_owners", arguments("boss"))
            .await
            .contains("Technical Owner")
    );
}

#[tokio::test]
async fn tools_that_are_switched_off_are_neither_listed_nor_callable() {
    let hub = Hub::with(Settings::default(), |name, _| panic!("{name}")).await;
    let error = refused(&hub.server, &caller(&hub.fake, &[]), "add_tags").await;
    let message = "Unknown tool: add_tags (it is switched off on this server)";
    assert_eq!(error["message"], message);
    assert_eq!(error["code"], -32602);
}

#[tokio::test]
async fn missing_fields_are_named_beside_what_is_there() {
    let hub = Hub::new(|_, _| {
        json!({"data": {"entity": {"urn": TABLE, "exists": true, "health": null}}, "errors": [{
            "message": "boom", "path": ["entity", "health"], "extensions": {"code": 500}}]})
    })
    .await;
    let answer = hub.ok("get_entities", json!({"urns": TABLE})).await;
    assert_eq!(answer["urn"], TABLE);
    assert_eq!(
        answer["warnings"],
        json!(["entity.health is missing: boom"])
    );
}
