//! Tests of lineage against a fake DataHub: columns and their urns, urns that name nothing.

use serde_json::{Value, json};

use super::tools::{Hub, TABLE};

/// Names that DataHub spells otherwise inside the urn of a column, with that spelling.
const COLUMNS: [(&str, &str); 4] = [
    ("100%", "100%"),
    ("SUM(x)", "SUM%28x%29"),
    ("a,b", "a%2Cb"),
    (
        "[version=2.0].[type=struct].[type=array(string,int)].tags",
        "[version=2.0].[type=struct].[type=array%28string%2Cint%29].tags",
    ),
];

fn urn(encoded: &str) -> String {
    format!("urn:li:schemaField:({TABLE},{encoded})")
}

#[tokio::test]
async fn columns_are_asked_for_as_datahub_spells_them_and_shown_by_name() {
    let hub = Hub::new(|name, variables| match name {
        "columns" => {
            let fields = COLUMNS.map(|(path, _)| json!({"fieldPath": path}));
            json!({"dataset": {"urn": TABLE, "exists": true, "schemaMetadata": {"fields": fields}}})
        }
        "schemaField" => json!({"entity": {"urn": variables["urn"], "type": "SCHEMA_FIELD",
            "fieldPath": "SUM%28x%29"}}),
        _ => json!({"searchAcrossLineage": {"total": 1, "searchResults": [{
            "degree": 1, "entity": {"urn": TABLE},
            "paths": [{"path": [{"urn": "x"}, {"urn": variables["input"]["urn"]}]}]
        }]}}),
    })
    .await;
    for (path, encoded) in COLUMNS {
        let plain = urn(path);
        for arguments in [json!({"urn": TABLE, "column": path}), json!({"urn": plain})] {
            let answer = hub.ok("get_lineage", arguments).await;
            assert_eq!(hub.asked("columnLineage")["input"]["urn"], urn(encoded));
            let shown = &answer["upstreams"]["searchResults"][0]["columns"][0];
            assert_eq!(shown, if path.starts_with('[') { "tags" } else { path });
        }
        let arguments = json!({"source_urn": TABLE, "source_column": path,
            "target_urn": TABLE, "target_column": "100%", "direction": "upstream"});
        if path != "100%" {
            hub.ok("get_lineage_paths_between", arguments).await;
            assert_eq!(hub.asked("lineagePaths")["input"]["urn"], urn(encoded));
        }
    }
    let field: Value = hub.ok("get_entities", json!({"urns": urn("SUM(x)")})).await;
    assert_eq!(hub.asked("schemaField")["urn"], urn("SUM%28x%29"));
    assert_eq!(field["fieldPath"], "SUM(x)");
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_whatever_else_the_call_holds() {
    let hub = Hub::new(|name, variables| match name {
        "exists" => json!({"entityExists": variables["urn"] == TABLE}),
        "tag" => json!({"entityExists": false,
            "entity": {"urn": variables["urn"], "type": "TAG", "properties": null}}),
        "columns" => json!({"dataset": {"urn": TABLE, "exists": true,
            "schemaMetadata": {"fields": [{"fieldPath": "id"}]}}}),
        _ => json!({"searchAcrossLineage": {"total": 0, "searchResults": []}}),
    })
    .await;
    let typo = "urn:li:dataset:(urn:li:dataPlatform:hive,shop.ordres,PROD)";
    for more in [
        json!({}),
        json!({"query": "revenue"}),
        json!({"filter": "type = dashboard", "upstream": false, "max_hops": 3}),
    ] {
        let mut arguments = more.clone();
        arguments["urn"] = json!(typo);
        let error = hub.error("get_lineage", arguments).await;
        assert!(error.contains("does not exist"), "{error}");
        let mut arguments = more;
        arguments["urn"] = json!(TABLE);
        assert_eq!(hub.ok("get_lineage", arguments).await["urn"], TABLE);
    }
    let error = hub
        .error("get_lineage", json!({"urn": urn("ix"), "query": "x"}))
        .await;
    assert!(error.contains("no column `ix`"), "{error}");
    hub.ok("get_lineage", json!({"urn": urn("id"), "query": "x"}))
        .await;
    let error = hub
        .error("get_entities", json!({"urns": "urn:li:tag:none"}))
        .await;
    assert!(error.contains("does not exist"), "{error}");
}
