//! Answers that are pages of search results: the search fields of `Query`, the lists, and the
//! entities inside domains, containers and data products.

mod lists;
mod through_lineage;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::catalog::Catalog;
use super::super::error::ApiError;
use super::super::facets;
use super::super::search::{Hit, Search};
use super::arguments::Arguments;
use super::{Cx, EntityNode, Resolved};

pub(crate) use lists::tokens;

/// The number of results on a page if `count` is missing.
const DEFAULT_COUNT: usize = 10;
/// The most results on one page; DataHub refuses more with an error of its search index.
const MAX_COUNT: usize = 10_000;

/// One of `Query`'s search fields.
pub(crate) fn field<'a>(cx: &'a Cx, field: &str, arguments: &Arguments<'_>) -> Resolved<'a> {
    let catalog = cx.catalog();
    let input = arguments.get("input");
    match field {
        "search" | "searchAcrossEntities" => {
            let search = Search::parse(&catalog, &input)?;
            page_of(&catalog, &search, &input, arguments)
        }
        "semanticSearch" | "semanticSearchAcrossEntities" => {
            let search = Search::parse_meaning(&catalog, &input)?;
            page_of(&catalog, &search, &input, arguments)
        }
        "scrollAcrossEntities" => scroll(&catalog, &input, arguments),
        "searchAcrossLineage" | "scrollAcrossLineage" => {
            through_lineage::search(&catalog, field, &input, arguments)
        }
        "aggregateAcrossEntities" => {
            let hits = Search::parse(&catalog, &input)?.run(&catalog);
            let asked: Option<Vec<String>> = input
                .get("facets")
                .and_then(Value::as_array)
                .filter(|list| !list.is_empty())
                .map(|list| {
                    list.iter()
                        .filter_map(Value::as_str)
                        .map(str::to_owned)
                        .collect()
                });
            Ok(
                json!({ "facets": facets::facets(&catalog, &hits, &input, asked.as_deref()) })
                    .into(),
            )
        }
        "listDataProductAssets" => {
            product_assets(&catalog, &arguments.text("urn"), &input, arguments)
        }
        "searchDocuments" => search_documents(cx, &catalog, &input),
        _ => lists::field(cx, &catalog, field, &input),
    }
}

/// Fields of entities that search inside the entity; none for any other field.
pub(crate) fn entity_field<'a>(
    node: &'a EntityNode<'a>,
    field: &str,
    arguments: &Arguments<'_>,
) -> Option<Resolved<'a>> {
    let catalog = node.cx.catalog();
    let input = arguments.get("input");
    let within =
        |name: &str| json!({ "field": name, "values": [&*node.urn], "condition": "EQUAL" });
    Some(match (node.kind.graphql, field) {
        ("Domain", "entities") => inside(&catalog, &input, &within("domains"), arguments),
        ("Container", "entities") => inside(&catalog, &input, &within("container"), arguments),
        ("DataProduct", "entities") => product_assets(&catalog, &node.urn, &input, arguments),
        ("GlossaryNode", "glossaryChildrenSearch") => {
            inside(&catalog, &input, &within("parentNode"), arguments)
        }
        ("Dataset", "siblingsSearch") => inside(&catalog, &input, &within("siblings"), arguments),
        _ => return None,
    })
}

/// `start` and `count` of an input, checked.
fn bounds(input: &Value, default: usize) -> Result<(usize, usize), ApiError> {
    let number = |name: &str| match input.get(name).and_then(Value::as_i64) {
        Some(number) => usize::try_from(number)
            .map(Some)
            .map_err(|_| ApiError::bad_request(format!("`{name}` must not be negative"))),
        None => Ok(None),
    };
    let (start, count) = (
        number("start")?.unwrap_or(0),
        number("count")?.unwrap_or(default),
    );
    if start.saturating_add(count) > MAX_COUNT {
        return Err(ApiError::server(
            "Result window is too large, from + size must be less than or equal to: [10000]",
        ));
    }
    Ok((start, count))
}

/// A page of urns under the name that the answer's type has for it.
pub(crate) fn page(urns: &[&str], start: Option<i64>, count: Option<i64>, list: &str) -> Value {
    let number = |n: Option<i64>| n.and_then(|n| usize::try_from(n).ok());
    let start = number(start).unwrap_or(0);
    let count = number(count).unwrap_or(100);
    let from = start.min(urns.len());
    let shown = &urns[from..from.saturating_add(count).min(urns.len())];
    json!({ "start": start, "count": shown.len(), "total": urns.len(), list: shown })
}

/// A slice of the hits as search results.
fn results(search: &Search, hits: &[Hit], input: &Value) -> Value {
    let flags = input.get("searchFlags");
    let skip = flags
        .and_then(|flags| flags.get("skipHighlighting"))
        .and_then(Value::as_bool);
    let skip = skip.unwrap_or(false);
    let one = |hit: &Hit| {
        let matched = if skip {
            Vec::new()
        } else {
            search.query.matched(hit.record.doc())
        };
        let matched: Value = matched
            .iter()
            .map(|matched| json!({ "name": matched.field, "value": matched.value }))
            .collect();
        json!({ "entity": &*hit.record.urn, "matchedFields": matched })
    };
    hits.iter().map(one).collect()
}

fn cut(hits: &[Hit], start: usize, count: usize) -> &[Hit] {
    let from = start.min(hits.len());
    &hits[from..from.saturating_add(count).min(hits.len())]
}

fn page_of<'a>(
    catalog: &Catalog,
    search: &Search,
    input: &Value,
    arguments: &Arguments<'_>,
) -> Resolved<'a> {
    let (start, count) = bounds(input, DEFAULT_COUNT)?;
    let hits = search.run(catalog);
    let shown = cut(&hits, start, count);
    let facets = if arguments.selects("facets") {
        facets::facets(catalog, &hits, input, None)
    } else {
        Value::Null
    };
    Ok(json!({
        "start": start,
        "count": count,
        "total": hits.len(),
        "searchResults": results(search, shown, input),
        "facets": facets,
        "suggestions": [],
    })
    .into())
}

/// An opaque position from which to continue.
fn scroll_id(at: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("at:{at}"))
}

fn scroll_start(input: &Value) -> Result<usize, ApiError> {
    let Some(id) = input
        .get("scrollId")
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty())
    else {
        return Ok(0);
    };
    let bytes = URL_SAFE_NO_PAD.decode(id).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let at = text
        .as_deref()
        .and_then(|text| text.strip_prefix("at:")?.parse().ok());
    at.ok_or_else(|| ApiError::bad_request("Invalid scroll id"))
}

fn scroll<'a>(catalog: &Catalog, input: &Value, arguments: &Arguments<'_>) -> Resolved<'a> {
    let (_, count) = bounds(input, DEFAULT_COUNT)?;
    let start = scroll_start(input)?;
    let search = Search::parse(catalog, input)?;
    let hits = search.run(catalog);
    let shown = cut(&hits, start, count);
    let next = (start + shown.len() < hits.len()).then(|| scroll_id(start + shown.len()));
    let facets = if arguments.selects("facets") {
        facets::facets(catalog, &hits, input, None)
    } else {
        Value::Null
    };
    Ok(json!({
        "nextScrollId": next,
        "count": shown.len(),
        "total": hits.len(),
        "searchResults": results(&search, shown, input),
        "facets": facets,
    })
    .into())
}

/// A search among the entities that an additional condition selects.
fn inside<'a>(
    catalog: &Catalog,
    input: &Value,
    condition: &Value,
    arguments: &Arguments<'_>,
) -> Resolved<'a> {
    let mut input = if input.is_object() {
        input.clone()
    } else {
        json!({})
    };
    let given = |name: &str| {
        input
            .get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let or = given("orFilters");
    let mut filters = given("filters");
    filters.push(condition.clone());
    let or = if or.is_empty() {
        vec![json!({ "and": [] })]
    } else {
        or
    };
    let or: Value = or
        .into_iter()
        .map(|all| {
            let all = all
                .get("and")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            json!({ "and": ([all, filters.clone()].concat()) })
        })
        .collect();
    input["orFilters"] = or;
    input["filters"] = Value::Null;
    if input.get("scrollId").is_some() || arguments.selects("nextScrollId") {
        return scroll(catalog, &input, arguments);
    }
    let search = Search::parse(catalog, &input)?;
    page_of(catalog, &search, &input, arguments)
}

fn product_assets<'a>(
    catalog: &Catalog,
    urn: &str,
    input: &Value,
    arguments: &Arguments<'_>,
) -> Resolved<'a> {
    let properties = catalog.aspect(urn, "dataProductProperties");
    let assets = properties
        .and_then(|p| p.get("assets"))
        .and_then(Value::as_array);
    let assets = assets
        .into_iter()
        .flatten()
        .filter_map(|asset| asset.get("destinationUrn"));
    let assets: Value = assets.cloned().collect();
    let condition = json!({ "field": "urn", "condition": "EQUAL", "values": assets });
    inside(catalog, input, &condition, arguments)
}

/// Published documents, and those that the caller or a group of theirs has not published yet.
fn search_documents<'a>(cx: &Cx, catalog: &Catalog, input: &Value) -> Resolved<'a> {
    let (start, count) = bounds(input, DEFAULT_COUNT)?;
    let mut wide = input.clone();
    wide["types"] = json!(["DOCUMENT"]);
    let mut all = Vec::new();
    let arguments = [
        ("parentDocuments", "parentDocument"),
        ("types", "typeNames"),
        ("domains", "domains"),
        ("relatedAssets", "relatedAssets"),
        ("sourceType", "sourceType"),
    ];
    for (argument, field) in arguments {
        let values = match input.get(argument) {
            Some(Value::String(one)) => json!([one]),
            Some(Value::Array(many)) if !many.is_empty() => json!(many),
            _ => continue,
        };
        all.push(json!({ "field": field, "condition": "EQUAL", "values": values }));
    }
    if input.get("rootOnly").and_then(Value::as_bool) == Some(true) {
        all.push(json!({ "field": "parentDocument", "condition": "EXISTS", "negated": true }));
    }
    wide["orFilters"] = json!([{ "and": all }]);
    wide["filters"] = Value::Null;
    let mut owners = groups_of(catalog, &cx.actor.urn);
    owners.push(cx.actor.urn.clone());
    let search = Search::parse(catalog, &wide)?.with_unpublished_of(owners);
    let hits = search.run(catalog);
    let urns: Vec<&str> = cut(&hits, start, count)
        .iter()
        .map(|hit| &*hit.record.urn)
        .collect();
    Ok(json!({
        "start": start, "count": urns.len(), "total": hits.len(), "documents": urns,
        "facets": facets::facets(catalog, &hits, &wide, None),
    })
    .into())
}

fn groups_of(catalog: &Catalog, person: &str) -> Vec<String> {
    let aspects = ["groupMembership", "nativeGroupMembership"].into_iter();
    let aspects = aspects.filter_map(|name| catalog.aspect(person, name));
    let members = |aspect: &Value| ["groups", "nativeGroups"].map(|name| aspect.get(name).cloned());
    let groups = aspects.flat_map(members).flatten();
    let groups = groups
        .filter_map(|groups| groups.as_array().cloned())
        .flatten();
    groups
        .filter_map(|group| group.as_str().map(str::to_owned))
        .collect()
}

/// Records of one type that are not soft-deleted.
fn of_type<'a>(catalog: &'a Catalog, part: &str) -> Vec<&'a Arc<super::super::record::Record>> {
    let found = catalog
        .records()
        .filter(|record| &*record.entity_type == part && !record.removed());
    found.collect()
}
