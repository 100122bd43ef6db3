//! `get_lineage`: the sources of data and the effects of a change, for assets and for columns.

use datahub::Tree;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    columns, entity, flat::flat, get_entities, hits::query_of, nothing_found, people, window,
};
use crate::{
    answer_shape::not_understood,
    args::{flag, integer, text},
    budget,
    clean::clean,
    context::ToolContext,
    documents,
    error::ToolError,
    fields,
    tool::{Definition, Effect, Tool},
    urn,
};

/// The longest description of a neighbour, in characters: enough to know what it is. What lies further
/// away is named only.
const DESCRIPTION_CHARS: usize = 120;
/// The members of DataHub's summary of the last 30 days, and the names that hits have for them.
const USE: &[(&str, &str)] = &[
    ("queryCountLast30Days", "queriesLast30Days"),
    ("viewCountLast30Days", "viewsLast30Days"),
    ("uniqueUserCountLast30Days", "usersLast30Days"),
];

pub(super) struct GetLineage;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    urn: String,
    column: Option<String>,
    query: Option<String>,
    filter: Option<String>,
    upstream: bool,
    max_hops: i64,
    max_results: i64,
    offset: i64,
    skip_cache: bool,
}

impl Tool for GetLineage {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "get_lineage",
            title: "Get lineage",
            description: "What an asset or a column comes from (upstream) or what depends on it \
                (upstream=false): totals by number of hops, the owners to warn, and a page of assets \
                with their degree and use. query and filter (as in search) narrow the result, as type \
                = dashboard for the dashboards a change would touch.",
            params: vec![
                text("urn", "").required(),
                text("column", "Lineage of that column."),
                text("query", ""),
                text("filter", ""),
                flag("upstream", "").default(true),
                integer("max_hops", 1, 20, "3 and more mean all hops.").default(1),
                integer("max_results", 1, 200, "").default(30),
                integer("offset", 0, 10_000, "").default(0),
                flag("skip_cache", "Also what changed minutes ago; slower.").default(false),
            ],
            output: json!({
                "upstreams": {"type": "object"},
                "downstreams": {"type": "object"}
            }),
            effect: Effect::Reads,
            enabled: |_| true,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        entity::of_kind(&args.urn, &[])?;
        let count = window::within(context, "offset", args.offset, args.max_results)?;
        let start = match args
            .column
            .as_deref()
            .map(str::trim)
            .filter(|c| !c.is_empty())
        {
            Some(column) => columns::urn_of(context, &args.urn, column).await?,
            None => args.urn.clone(),
        };
        let of_column = urn::kind(&start) == Some("schemaField");
        let compiled = context.filter(args.filter.as_deref()).await?;
        let mut or_filters = serde_json::to_value(&compiled.or_filters).unwrap_or_default();
        for clause in or_filters.as_array_mut().into_iter().flatten() {
            if let Some(and) = clause["and"].as_array_mut() {
                and.push(degrees(args.max_hops));
            }
        }
        let mut input = json!({
            "urn": start,
            "direction": if args.upstream { "UPSTREAM" } else { "DOWNSTREAM" },
            "query": query_of(args.query.as_deref().unwrap_or("*")),
            "start": args.offset,
            "count": count,
            "orFilters": or_filters,
            "searchFlags": compiled.flags(json!({"skipHighlighting": true, "maxAggValues": 10})),
        });
        if args.skip_cache {
            input["searchFlags"]["skipCache"] = json!(true);
        }
        if let Some(types) = compiled.types {
            input["types"] = json!(types);
        }
        let document = if of_column {
            &documents::COLUMN_LINEAGE
        } else {
            &documents::LINEAGE
        };
        let variables = json!({"input": input});
        let mut found = context
            .ask_for(document, variables, "searchAcrossLineage")
            .await?;
        let side = if args.upstream {
            "upstreams"
        } else {
            "downstreams"
        };
        let mut page = shape(context, &mut found, args.offset)?;
        if page["total"] == 0 {
            // Nothing found may mean a wrong urn, which DataHub does not report.
            get_entities::must_exist(context, &start).await?;
            let hint = nothing_found::hint(context, args.filter.as_deref(), &Value::Null).await;
            if let Some(hint) = hint {
                page["hint"] = json!(format!("in the whole catalog: {hint}"));
            }
        }
        let mut answer = Map::new();
        answer.insert("urn".to_owned(), json!(start));
        answer.insert(side.to_owned(), page.take());
        Ok(Value::Object(answer))
    }
}

/// The facet filter for at most `hops` hops; DataHub distinguishes 1, 2 and "3+".
fn degrees(hops: i64) -> Value {
    let values: &[&str] = match hops {
        1 => &["1"],
        2 => &["1", "2"],
        _ => &["1", "2", "3+"],
    };
    json!({"field": "degree", "condition": "EQUAL", "values": values})
}

fn shape(context: &ToolContext, found: &mut Value, offset: i64) -> Result<Value, ToolError> {
    let total = found["total"].as_i64();
    let mut degrees = Map::new();
    for facet in found["facets"].as_array().into_iter().flatten() {
        if facet["field"] == "degree" {
            for value in facet["aggregations"].as_array().into_iter().flatten() {
                if let Some(name) = value["value"].as_str() {
                    degrees.insert(name.to_owned(), value["count"].clone());
                }
            }
        }
    }
    let (Some(total), Value::Array(mut results)) = (total, fields::take(found, &["searchResults"]))
    else {
        return Err(not_understood().into());
    };
    if results
        .iter()
        .any(|result| result["truncatedChildren"] == true)
    {
        context.warn("DataHub did not explore all children of some assets: there may be more");
    }
    for result in &mut results {
        let columns = lineage_columns(fields::take(result, &["paths"]));
        if let Some(map) = result.as_object_mut() {
            map.shift_remove("truncatedChildren");
            let near = map.get("degree").and_then(Value::as_i64) == Some(1);
            if let Some(entity) = map.get_mut("entity") {
                show_use(entity);
                *entity = flat(&Tree::from(&*entity), DESCRIPTION_CHARS);
                if !near {
                    fields::take(entity, &["description"]);
                }
            }
            map.insert("columns".to_owned(), Value::from(columns));
        }
        clean(result);
        budget::cut_texts(result, context.settings.description_chars);
    }
    let limit = context.settings.response_tokens;
    budget::fit(&mut results, limit - limit / 8);
    let owners = people::collect(&mut results);
    let next = offset + i64::try_from(results.len()).unwrap_or(i64::MAX);
    let mut page = json!({
        "total": total, "byDegree": degrees, "owners": owners, "searchResults": results
    });
    if let Some(more) = window::more("offset", offset, next, total) {
        page["next"] = json!(more);
    }
    if let Some(hint) = window::beyond("offset", offset, total) {
        page["hint"] = json!(hint);
    }
    if let Some(page) = page.as_object_mut() {
        page.retain(|name, value| match value {
            Value::Object(map) => !map.is_empty(),
            Value::Array(list) => name != "owners" || !list.is_empty(),
            _ => true,
        });
    }
    Ok(page)
}

/// Puts how much an asset is used in place of DataHub's summary.
fn show_use(entity: &mut Value) {
    let summary = fields::take(entity, &["statsSummary"]);
    for (theirs, ours) in USE {
        if !summary[*theirs].is_null() {
            fields::set(entity, ours, summary[*theirs].clone());
        }
    }
}

/// The columns at the far ends of the paths, without duplicates.
fn lineage_columns(paths: Value) -> Vec<Value> {
    let mut columns: Vec<Value> = Vec::new();
    for path in paths.as_array().into_iter().flatten() {
        let last = path["path"].as_array().and_then(|nodes| nodes.last());
        let column = last
            .and_then(|node| node["urn"].as_str())
            .and_then(urn::split_column);
        if let Some((_, column)) = column {
            let column = Value::from(columns::simple_path(&column));
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
    }
    columns
}
