//! The `list...` fields of `Query`, counts, auto-completion and the timeline.

use serde_json::{Value, json};

use super::super::super::catalog::Catalog;
use super::super::super::error::ApiError;
use super::super::super::index::display_name;
use super::super::super::kinds::EntityKind;
use super::super::super::options::Kind;
use super::super::super::record::Record;
use super::super::super::search::Search;
use super::super::super::tokens::token_urn;
use super::super::arguments::Arguments;
use super::super::{Cx, Resolved, Shape};
use super::{DEFAULT_COUNT, bounds, cut, of_type, page};

/// One of the lists.
pub(super) fn field<'a>(cx: &Cx, catalog: &Catalog, field: &str, input: &Value) -> Resolved<'a> {
    match field {
        "listUsers" => named(catalog, "corpuser", "users", input),
        "listGroups" => named(catalog, "corpGroup", "groups", input),
        "listOwnershipTypes" => named(catalog, "ownershipType", "ownershipTypes", input),
        "listDomains" => {
            let parent = input.get("parentDomain").and_then(Value::as_str);
            let all = of_type(catalog, "domain");
            let fits =
                |record: &&Record| record.text("domainProperties", &["parentDomain"]) == parent;
            let domains = all
                .into_iter()
                .map(|record| &**record)
                .filter(fits)
                .collect();
            Ok(by_name(domains, "domains", input))
        }
        "getRootGlossaryTerms" => Ok(roots(
            catalog,
            "glossaryTerm",
            "glossaryTermInfo",
            "terms",
            input,
        )),
        "getRootGlossaryNodes" => Ok(roots(
            catalog,
            "glossaryNode",
            "glossaryNodeInfo",
            "nodes",
            input,
        )),
        "listMyViews" | "listGlobalViews" => Ok(views(cx, catalog, field, input)),
        "listQueries" => queries(catalog, input),
        "getEntityCounts" => Ok(counts(catalog, input)),
        "globalViewsSettings" => Ok(global_view(catalog)),
        "autoComplete" => auto_complete(catalog, input),
        "autoCompleteForMultiple" => auto_complete_many(catalog, input),
        "getTimeline" => timeline(catalog, input),
        other => Err(ApiError::server(format!(
            "{other} is not answered by the embedded DataHub"
        ))),
    }
}

/// Sorts by name and cuts a page.
fn by_name<'a>(mut records: Vec<&Record>, list: &str, input: &Value) -> Shape<'a> {
    records
        .sort_by_cached_key(|record| (display_name(record).to_lowercase(), record.urn.to_string()));
    let urns: Vec<&str> = records.iter().map(|record| &*record.urn).collect();
    let number = |name: &str| input.get(name).and_then(Value::as_i64);
    page(&urns, number("start"), number("count").or(Some(20)), list).into()
}

fn named<'a>(catalog: &Catalog, part: &str, list: &str, input: &Value) -> Resolved<'a> {
    let kind = EntityKind::of_part(part).map_or("", |kind| kind.enum_value);
    let query = input.get("query").and_then(Value::as_str).unwrap_or("*");
    let search = Search::parse(catalog, &json!({ "query": query, "type": kind }))?;
    let hits = search.run(catalog);
    Ok(by_name(
        hits.iter().map(|hit| &*hit.record).collect(),
        list,
        input,
    ))
}

fn roots<'a>(catalog: &Catalog, part: &str, aspect: &str, list: &str, input: &Value) -> Shape<'a> {
    let all = of_type(catalog, part).into_iter().map(|record| &**record);
    let roots = all
        .filter(|record| record.text(aspect, &["parentNode"]).is_none())
        .collect();
    by_name(roots, list, input)
}

fn views<'a>(cx: &Cx, catalog: &Catalog, field: &str, input: &Value) -> Shape<'a> {
    let all = of_type(catalog, "dataHubView")
        .into_iter()
        .map(|record| &**record);
    let fits = |record: &&Record| {
        let text = |path: &[&str]| record.text("dataHubViewInfo", path);
        if field == "listGlobalViews" {
            return text(&["type"]) == Some("GLOBAL");
        }
        let wanted = input.get("viewType").and_then(Value::as_str);
        text(&["created", "actor"]) == Some(&cx.actor.urn)
            && wanted.is_none_or(|wanted| text(&["type"]) == Some(wanted))
    };
    by_name(all.filter(fits).collect(), "views", input)
}

fn queries<'a>(catalog: &Catalog, input: &Value) -> Resolved<'a> {
    let (start, count) = bounds(input, DEFAULT_COUNT)?;
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    let mut all = Vec::new();
    for (argument, field) in [
        ("source", "source"),
        ("datasetUrn", "entities"),
        ("entityUrn", "entities"),
    ] {
        if let Some(value) = text(argument) {
            all.push(json!({ "field": field, "condition": "EQUAL", "values": [value] }));
        }
    }
    let given = input
        .get("orFilters")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let given = if given.is_empty() {
        vec![json!({ "and": [] })]
    } else {
        given
    };
    let or: Value = given
        .iter()
        .map(|one| {
            let one = one
                .get("and")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            json!({ "and": ([one, all.clone()].concat()) })
        })
        .collect();
    // DataHub lists the newest query first, unless another order is requested.
    let sort = input
        .get("sortInput")
        .filter(|sort| !sort.is_null())
        .cloned()
        .unwrap_or_else(
            || json!({ "sortCriterion": { "field": "createdAt", "sortOrder": "DESCENDING" } }),
        );
    let wide = json!({
        "type": "QUERY", "query": text("query").unwrap_or("*"), "orFilters": or, "sortInput": sort,
    });
    let hits = Search::parse(catalog, &wide)?.run(catalog);
    let urns: Vec<&str> = cut(&hits, start, count)
        .iter()
        .map(|hit| &*hit.record.urn)
        .collect();
    Ok(json!({ "start": start, "count": urns.len(), "total": hits.len(), "queries": urns }).into())
}

fn counts<'a>(catalog: &Catalog, input: &Value) -> Shape<'a> {
    let types = input
        .get("types")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let kinds = types
        .iter()
        .filter_map(Value::as_str)
        .filter_map(EntityKind::of_enum);
    let counts = kinds.map(|kind| {
        json!({ "entityType": kind.enum_value, "count": of_type(catalog, kind.urn_part).len() })
    });
    json!({ "counts": counts.collect::<Value>() }).into()
}

fn global_view<'a>(catalog: &Catalog) -> Shape<'a> {
    let settings = catalog.aspect("urn:li:globalSettings:0", "globalSettingsInfo");
    let view = settings
        .and_then(|s| s.get("views"))
        .and_then(|views| views.get("defaultView"));
    json!({ "defaultView": view }).into()
}

fn completions(catalog: &Catalog, input: &Value, kind: &EntityKind) -> Result<Value, ApiError> {
    let query = input
        .get("query")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let limit = input
        .get("limit")
        .and_then(Value::as_u64)
        .and_then(|n| usize::try_from(n).ok());
    let mut wide = input.clone();
    wide["type"] = json!(kind.enum_value);
    wide["query"] = json!(if query.is_empty() { "*" } else { query });
    let hits = Search::parse(catalog, &wide)?.run(catalog);
    let shown = cut(&hits, 0, limit.unwrap_or(DEFAULT_COUNT));
    let names: Vec<String> = shown.iter().map(|hit| display_name(&hit.record)).collect();
    let urns: Vec<&str> = shown.iter().map(|hit| &*hit.record.urn).collect();
    Ok(json!({ "type": kind.enum_value, "suggestions": names, "entities": urns }))
}

fn auto_complete<'a>(catalog: &Catalog, input: &Value) -> Resolved<'a> {
    let kind = input
        .get("type")
        .and_then(Value::as_str)
        .and_then(EntityKind::of_enum);
    let kind = kind.ok_or_else(|| ApiError::bad_request("`type` is needed"))?;
    let mut answer = completions(catalog, input, kind)?;
    answer["query"] = input.get("query").cloned().unwrap_or_default();
    Ok(answer.into())
}

fn auto_complete_many<'a>(catalog: &Catalog, input: &Value) -> Resolved<'a> {
    let types = input
        .get("types")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let kinds: Vec<&EntityKind> = if types.is_empty() {
        super::super::super::kinds::KINDS
            .iter()
            .filter(|kind| kind.searched)
            .collect()
    } else {
        types
            .iter()
            .filter_map(Value::as_str)
            .filter_map(EntityKind::of_enum)
            .collect()
    };
    let mut suggestions = Vec::new();
    for kind in kinds {
        let found = completions(catalog, input, kind)?;
        if found["entities"]
            .as_array()
            .is_some_and(|found| !found.is_empty())
        {
            suggestions.push(found);
        }
    }
    Ok(json!({ "query": input.get("query"), "suggestions": suggestions }).into())
}

/// Versions of the aspects that the asked categories cover, newest first.
fn timeline<'a>(catalog: &Catalog, input: &Value) -> Resolved<'a> {
    let urn = input.get("urn").and_then(Value::as_str).unwrap_or_default();
    let Some(record) = catalog.get(urn) else {
        return Ok(json!({ "changeTransactions": [] }).into());
    };
    let asked = input
        .get("changeCategories")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let covers = [
        ("DOCUMENTATION", "editableDatasetProperties"),
        ("DOCUMENTATION", "institutionalMemory"),
        ("GLOSSARY_TERM", "glossaryTerms"),
        ("OWNERSHIP", "ownership"),
        ("TECHNICAL_SCHEMA", "schemaMetadata"),
        ("TAG", "globalTags"),
        ("DOMAIN", "domains"),
        ("STRUCTURED_PROPERTY", "structuredProperties"),
    ];
    let mut found: Vec<(u64, Value)> = Vec::new();
    for (category, aspect) in covers {
        if !asked.is_empty() && !asked.iter().any(|asked| asked == category) {
            continue;
        }
        for version in record.earlier(aspect).iter().chain(record.latest(aspect)) {
            let operation = if version.version == 1 {
                "ADD"
            } else {
                "MODIFY"
            };
            let stamp = format!("{category}:0.0.{}-computed", version.version);
            found.push((
                version.time,
                json!({
                    "timestampMillis": version.time,
                    "lastSemanticVersion": format!("0.0.{}-computed", version.version),
                    "versionStamp": stamp,
                    "changeType": operation,
                    "actor": version.actor,
                    "changes": [{
                        "urn": urn, "category": category, "operation": operation,
                        "auditStamp": version.stamp(),
                        "description": format!("{aspect} of `{urn}` was written"),
                    }],
                }),
            ));
        }
    }
    found.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    let all: Value = found.into_iter().map(|(_, one)| one).collect();
    Ok(json!({ "changeTransactions": all }).into())
}

/// `listAccessTokens` and `getAccessTokenMetadata`: the caller's own tokens, or all for an admin.
pub(crate) fn tokens<'a>(cx: &Cx, field: &str, arguments: &Arguments<'_>) -> Resolved<'a> {
    let catalog = cx.catalog();
    let admin = cx.actor.kind == Kind::Admin;
    if field == "getAccessTokenMetadata" {
        let urn = token_urn(&arguments.text("token"));
        let record = catalog
            .get(&urn)
            .ok_or_else(|| ApiError::not_found("Token does not exist"))?;
        let owner = record.text("dataHubAccessTokenInfo", &["ownerUrn"]);
        if !admin && owner != Some(&cx.actor.urn) {
            return Err(ApiError::unauthorized());
        }
        return Ok(urn.into());
    }
    let mut input = arguments.get("input");
    let filters = input
        .get("filters")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let own =
        |filter: &Value| filter["field"] == "ownerUrn" && filter["values"] == json!([cx.actor.urn]);
    if !admin && !filters.iter().any(own) {
        return Err(ApiError::unauthorized());
    }
    input["type"] = json!("ACCESS_TOKEN");
    let hits = Search::parse(&catalog, &input)?.run(&catalog);
    let urns: Vec<&str> = hits.iter().map(|hit| &*hit.record.urn).collect();
    let number = |name: &str| input.get(name).and_then(Value::as_i64);
    Ok(page(&urns, number("start"), number("count"), "tokens").into())
}
