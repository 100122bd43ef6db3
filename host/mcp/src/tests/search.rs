//! Tests of `search` against a fake DataHub: what a model reads beside the hits.

use serde_json::{Value, json};

use super::tools::{Hub, TABLE};

/// A search's answer with these hits and facets.
fn found(total: u64, hits: Value, facets: Value) -> Value {
    json!({"searchAcrossEntities": {"start": 0, "count": 10, "total": total,
        "searchResults": hits, "facets": facets}})
}

#[tokio::test]
async fn values_of_facets_that_are_urns_have_names() {
    let value = |urn: &str, entity: Value| json!({"value": urn, "count": 2, "entity": entity});
    let facets = json!([{"field": "container", "displayName": "Container", "aggregations": [
        value("urn:li:container:6ea1", json!({"properties": {"name": "Marts"}})),
        value("urn:li:corpuser:u1", json!({"userProperties": {"displayName": "", "fullName": "Ada"}})),
        value("urn:li:corpGroup:g1", json!({"groupProperties": {"displayName": "Platform"}})),
        value("PROD", Value::Null),
        value("urn:li:tag:gone", json!({"properties": null})),
    ]}]);
    let hub = Hub::new(move |_, _| found(1, json!([]), facets.clone())).await;
    let answer = hub.ok("search", json!({})).await;
    assert_eq!(
        answer["facets"][0]["aggregations"],
        json!([
            {"value": "urn:li:container:6ea1", "count": 2, "name": "Marts"},
            {"value": "urn:li:corpuser:u1", "count": 2, "name": "Ada"},
            {"value": "urn:li:corpGroup:g1", "count": 2, "name": "Platform"},
            {"value": "PROD", "count": 2},
            {"value": "urn:li:tag:gone", "count": 2}
        ])
    );
}

#[tokio::test]
async fn nothing_is_asked_for_beyond_the_window_of_datahub() {
    let hub = Hub::new(|name, variables| {
        let input = &variables["input"];
        let asked = input["start"].as_i64().unwrap_or(0) + input["count"].as_i64().unwrap_or(0);
        assert!(asked <= 10_000, "{variables}");
        let hits = json!([{"entity": {"urn": "urn:li:tag:a"}}]);
        match name {
            "search" | "searchDocuments" => found(25_000, hits, json!([])),
            "lineage" => json!({"searchAcrossLineage": {"total": 25_000, "searchResults": hits}}),
            _ => json!({"listQueries": {"total": 25_000, "queries": []}}),
        }
    })
    .await;
    let answer = hub
        .ok("search", json!({"offset": 9_999, "num_results": 10}))
        .await;
    assert_eq!(hub.asked("search")["input"]["count"], 1);
    assert!(
        answer["next"].as_str().unwrap().contains("narrow"),
        "{answer}"
    );
    assert!(answer["warnings"].to_string().contains("10000"), "{answer}");
    hub.ok("search", json!({"offset": 10_000, "num_results": 0}))
        .await;
    hub.ok(
        "get_lineage",
        json!({"urn": TABLE, "offset": 9_900, "max_results": 200}),
    )
    .await;
    assert_eq!(hub.asked("lineage")["input"]["count"], 100);
    for (tool, arguments) in [
        ("search", json!({"offset": 10_000})),
        ("search_documents", json!({"offset": 10_000})),
        ("get_lineage", json!({"urn": TABLE, "offset": 10_000})),
        (
            "get_dataset_queries",
            json!({"urn": TABLE, "start": 10_000}),
        ),
        (
            "get_dataset_assertions",
            json!({"urn": TABLE, "start": 10_000}),
        ),
        ("list_incidents", json!({"urn": TABLE, "start": 10_000})),
    ] {
        let error = hub.error(tool, arguments).await;
        assert!(error.contains("first 10000 results"), "{tool}: {error}");
    }
}

#[tokio::test]
async fn the_near_value_is_named_where_a_filter_selects_nothing() {
    let hub = Hub::new(|name, variables| {
        if name == "lineage" {
            return json!({"searchAcrossLineage": {"total": 0, "searchResults": []}});
        }
        if name != "valuesOf" {
            return found(0, json!([]), json!([]));
        }
        let fields = variables["input"]["facets"].as_array().unwrap().clone();
        let value = |value: &str, count: u64| json!({"value": value, "count": count});
        let values = match fields[0].as_str().unwrap() {
            "platform" => vec![
                value("urn:li:dataPlatform:hive", 40),
                value("urn:li:dataPlatform:snowflake", 31),
            ],
            "origin" => vec![value("PROD", 71)],
            "typeNames" => vec![value("Table", 9), value("View", 3)],
            "tags" => vec![json!({"value": "urn:li:tag:5", "count": 2,
                "entity": {"properties": {"name": "PII"}}})],
            "owned_by" => Vec::new(),
            other => panic!("{other}"),
        };
        json!({"aggregateAcrossEntities": {"facets": [
            {"field": fields[0], "aggregations": values}]}})
    })
    .await;
    for (filter, hint) in [
        (
            "platform = Snowflake",
            "platform = Snowflake: 0; near it is snowflake (31)",
        ),
        ("env = prod", "env = prod: 0; near it is PROD (71)"),
        (
            "subtype = Tabel",
            "subtype = Tabel: 0; near it is Table (9)",
        ),
        (
            "subtype = zzzzzz",
            "subtype = zzzzzz: 0; there is Table (9), View (3)",
        ),
        (
            "tag = urn:li:tag:PII",
            "tag = urn:li:tag:PII: 0; near it is PII, urn:li:tag:5 (2)",
        ),
        (
            "platform = hive AND env = prod",
            "env = prod: 0; near it is PROD (71)",
        ),
    ] {
        let answer = hub.ok("search", json!({"filter": filter})).await;
        assert_eq!(answer["hint"], hint, "{filter}");
    }
    let answer = hub.ok("search", json!({"filter": "platform = hive"})).await;
    assert!(
        answer["hint"]
            .as_str()
            .unwrap()
            .starts_with("nothing matches")
    );
    let filter = json!({"filter": "owned_by = x"});
    let answer = hub.ok("search", filter).await["hint"].clone();
    let hint = answer.as_str().unwrap();
    assert!(hint.starts_with("`owned_by` is no field"), "{hint}");
    assert!(hint.contains("platform, env, type, "), "{hint}");
    let filter = json!({"filter": "platform = Snowflake"});
    let answer = hub.ok("search_documents", filter).await;
    assert_eq!(
        answer["hint"],
        "platform = Snowflake: 0; near it is snowflake (31)"
    );
    assert_eq!(hub.asked("valuesOf")["input"]["types"], json!(["DOCUMENT"]));
    let filter = json!({"urn": TABLE, "filter": "platform = Snowflake"});
    let answer = hub.ok("get_lineage", filter).await;
    assert_eq!(
        answer["upstreams"]["hint"],
        "in the whole catalog: platform = Snowflake: 0; near it is snowflake (31)"
    );
}

#[tokio::test]
async fn each_hit_shows_what_the_list_is_sorted_by() {
    let hub = Hub::new(|name, _| {
        let mut table = json!({"urn": TABLE, "type": "DATASET"});
        let mut board = json!({"urn": "urn:li:dashboard:(looker,1)", "type": "DASHBOARD"});
        if name == "searchByTime" {
            table["datasetTimes"] =
                json!({"created": 0, "lastModified": {"time": 1_795_744_800_000_i64}});
            board["assetTimes"] = json!({"lastModified": {"time": 1_795_744_860_000_i64}});
        }
        if name == "searchByUse" {
            table["statsSummary"] = json!({"queryCountLast30Days": 37_111});
            table["latestProfile"] = json!([{"rowCount": 12, "sizeInBytes": null}]);
            board["statsSummary"] = Value::Null;
        }
        found(2, json!([{"entity": table}, {"entity": board}]), json!([]))
    })
    .await;
    for (field, operation, values) in [
        (
            "lastModifiedAt",
            "searchByTime",
            [json!("2026-11-27T02:00:00Z"), json!("2026-11-27T02:01:00Z")],
        ),
        ("createdAt", "searchByTime", [Value::Null, Value::Null]),
        (
            "queryCountLast30DaysFeature",
            "searchByUse",
            [json!(37_111), Value::Null],
        ),
        ("rowCountFeature", "searchByUse", [json!(12), Value::Null]),
        ("typeNames", "search", [Value::Null, Value::Null]),
    ] {
        let answer = hub.ok("search", json!({"sort_by": field})).await;
        assert_eq!(
            hub.asked(operation)["input"]["sortInput"]["sortCriteria"][0]["field"],
            field
        );
        for (hit, value) in answer["searchResults"]
            .as_array()
            .unwrap()
            .iter()
            .zip(values)
        {
            assert_eq!(hit["sortedBy"], value, "{field}");
            assert_eq!(hit["entity"].as_object().unwrap().len(), 1, "{hit}");
        }
    }
}

#[tokio::test]
async fn hits_are_sorted_by_what_the_index_can_sort() {
    let hub = Hub::new(|_, _| found(0, json!([]), json!([]))).await;
    for (sort_by, field) in [
        ("typeNames", Some("typeNames")),
        ("name", Some("_entityName")),
        // The words of a urn cannot be sorted, the urn can.
        ("platform", Some("platform.keyword")),
        ("owners", Some("owners.keyword")),
        // The order by relevance is the one without a field.
        ("relevance", None),
        ("_score", None),
        ("", None),
    ] {
        hub.ok("search", json!({"sort_by": sort_by})).await;
        let sent = &hub.asked("search")["input"]["sortInput"]["sortCriteria"][0]["field"];
        assert_eq!(sent.as_str(), field, "{sort_by}");
    }
}

#[tokio::test]
async fn query_strings_name_fields_as_the_index_does() {
    let hub = Hub::new(|_, _| found(0, json!([]), json!([]))).await;
    for (query, sent) in [
        ("/q tag:PII", "/q tags:PII"),
        (
            "/q (tag:PII OR -owner:jane) +term:x",
            "/q (tags:PII OR -owners:jane) +glossaryTerms:x",
        ),
        // Within quotes, within another word, and outside query strings, nothing is a field.
        ("/q \"tag:PII\" AND mytag:x", "/q \"tag:PII\" AND mytag:x"),
        ("/q name:tag", "/q name:tag"),
        ("tag:PII", "tag:PII"),
        ("", "*"),
    ] {
        hub.ok("search", json!({"query": query})).await;
        assert_eq!(hub.asked("search")["input"]["query"], sent, "{query}");
    }
}

#[tokio::test]
async fn detail_gives_whole_descriptions_and_every_facet() {
    let long = "words ".repeat(100);
    let hit =
        json!({"entity": {"urn": TABLE, "type": "DATASET", "properties": {"description": long}}});
    let facet = |field: &str| json!({"field": field, "aggregations": [{"value": "x", "count": 1}]});
    let facets = json!([facet("platform"), facet("origin"), facet("container")]);
    let hub = Hub::new(move |_, _| found(1, json!([hit.clone()]), facets.clone())).await;
    let said = |answer: &Value| {
        let text = answer["searchResults"][0]["entity"]["description"].as_str();
        let fields = answer["facets"].as_array().into_iter().flatten();
        let fields: Vec<String> = fields
            .map(|f| f["field"].as_str().unwrap().to_owned())
            .collect();
        (text.unwrap().chars().count(), fields)
    };
    let short = hub.ok("search", json!({"num_results": 3})).await;
    let (length, fields) = said(&short);
    assert!(length < 140, "{short}");
    assert_eq!(fields, ["container"]);
    let flags = |hub: &Hub| hub.asked("search")["input"]["searchFlags"].clone();
    assert_eq!(
        (&flags(&hub)["maxAggValues"], &flags(&hub)["skipAggregates"]),
        (&json!(3), &json!(true))
    );

    let whole = hub
        .ok("search", json!({"num_results": 3, "detail": true}))
        .await;
    let (length, fields) = said(&whole);
    assert!(length > 590, "{whole}");
    assert_eq!(fields, ["platform", "origin", "container"]);
    assert_eq!(
        (&flags(&hub)["maxAggValues"], &flags(&hub)["skipAggregates"]),
        (&json!(10), &json!(false))
    );
}

#[tokio::test]
async fn where_two_conditions_fail_both_are_named() {
    // Beside the other one, each finds nothing.
    let hub = Hub::new(|name, variables| {
        let input = &variables["input"];
        if name != "valuesOf" {
            return found(0, json!([]), json!([]));
        }
        let alone = input["orFilters"] == json!([]) && input["types"].is_null();
        let values = match input["facets"][0].as_str().unwrap() {
            "platform" => json!([{"value": "urn:li:dataPlatform:snowflake", "count": 31}]),
            "_entityType" => json!([{"value": "DATASET", "count": 53}]),
            "origin" => json!([{"value": "PROD", "count": 71}]),
            other => panic!("{other}"),
        };
        let values = if alone { values } else { json!([]) };
        // Some have more than one field, which hold the same.
        let fields = input["facets"].as_array().unwrap().iter();
        let facets = fields.map(|field| json!({"field": field, "aggregations": values}));
        json!({"aggregateAcrossEntities": {"facets": facets.collect::<Value>()}})
    })
    .await;
    let filter = "type = dataset AND platform = SNOWFLAKE AND env = prod";
    let answer = hub.ok("search", json!({"filter": filter})).await;
    assert_eq!(
        answer["hint"],
        "platform = SNOWFLAKE: 0; near it is snowflake (31); env = prod: 0; near it is PROD (71)"
    );
    // Each occurs, though not together.
    let filter = "platform = snowflake AND env = PROD";
    let hint = hub.ok("search", json!({"filter": filter})).await["hint"].clone();
    assert!(
        hint.as_str().unwrap().starts_with("nothing matches"),
        "{hint}"
    );
    // The index has no words as short as this one.
    let hint = hub.ok("search", json!({"query": "id"})).await["hint"].clone();
    assert!(
        hint.as_str().unwrap().contains("no words as short as `id`"),
        "{hint}"
    );
}

#[tokio::test]
async fn hits_of_a_search_by_meaning_have_names_and_reasons_as_others_have() {
    let urn = "urn:li:application:checkout";
    let hub = Hub::new(move |name, variables| match name {
        "hitsOfApplications" => {
            let known = json!({"urn": urn, "properties": {"name": "Checkout"}});
            json!({"entities": [known]})
        }
        "searchByMeaning" if variables["input"]["query"] == "nothing" => {
            json!({"semanticSearchAcrossEntities": {"total": 0, "searchResults": []}})
        }
        "searchByMeaning" => {
            let hits = json!([{"entity": {"urn": urn, "type": "APPLICATION"}}]);
            json!({"semanticSearchAcrossEntities": {"total": 1, "searchResults": hits}})
        }
        _ => json!({}),
    })
    .await;
    let ask = |query: &str| json!({"query": query, "search_strategy": "semantic", "filter": "plattform = x"});
    let answer = hub.ok("search", ask("paying")).await;
    assert_eq!(answer["searchResults"][0]["entity"]["name"], "Checkout");
    let nothing = hub.ok("search", ask("nothing")).await;
    let hint = nothing["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("did you mean platform"), "{nothing}");
}
