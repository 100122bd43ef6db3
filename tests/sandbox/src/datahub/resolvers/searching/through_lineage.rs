//! `searchAcrossLineage`: a walk, and a search among the assets that it reached.
//!
//! From a column, results are the assets that hold the columns reached, with the columns in the
//! paths, as in DataHub.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::super::catalog::Catalog;
use super::super::super::error::ApiError;
use super::super::super::facets;
use super::super::super::kinds::{urn_parts, urn_type};
use super::super::super::lineage::{Direction, Walk};
use super::super::super::search::{Hit, Search};
use super::super::Resolved;
use super::super::arguments::Arguments;
use super::{DEFAULT_COUNT, bounds, cut, results, scroll_id, scroll_start};

/// DataHub's limit for a walk without a `degree` filter.
const MAX_HOPS: usize = 1000;
/// The most paths for one result.
const MAX_PATHS: usize = 10;

/// Answers `searchAcrossLineage` and `scrollAcrossLineage`.
pub(super) fn search<'a>(
    catalog: &Catalog,
    field: &str,
    input: &Value,
    arguments: &Arguments<'_>,
) -> Resolved<'a> {
    let urn = input.get("urn").and_then(Value::as_str).unwrap_or_default();
    if urn_type(urn).is_none() {
        return Err(ApiError::bad_request(format!(
            "Failed to retrieve entity with urn {urn}, invalid urn"
        )));
    }
    let direction = input
        .get("direction")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let walk = catalog
        .graph()
        .walk(urn, Direction::of(direction), max_hops(input));
    let reached = Reached::of(urn, &walk);
    let search = Search::parse(catalog, input)?;
    let mut hits = Vec::new();
    for (asset, found) in &reached.assets {
        let Some(record) = catalog.get(asset) else {
            continue;
        };
        let degree = found.degrees.iter().min().copied();
        if let Some(score) = search.score(record, degree) {
            hits.push(Hit {
                record: Arc::clone(record),
                score,
                degree,
            });
        }
    }
    search.order(&mut hits);
    let scrolling = field == "scrollAcrossLineage";
    let (mut start, count) = bounds(input, DEFAULT_COUNT)?;
    if scrolling {
        start = scroll_start(input)?;
    }
    let shown = cut(&hits, start, count);
    let Value::Array(mut found) = results(&search, shown, input) else {
        return Ok(Value::Null.into());
    };
    for (result, hit) in found.iter_mut().zip(shown) {
        let Some(asset) = reached.assets.get(&hit.record.urn) else {
            continue;
        };
        result["degree"] = json!(hit.degree);
        result["degrees"] = json!(asset.degrees);
        result["paths"] = paths(&walk, asset);
        for (flag, value) in [
            ("explored", true),
            ("truncatedChildren", false),
            ("ignoredAsHop", false),
        ] {
            result[flag] = json!(value);
        }
    }
    let facets = if arguments.selects("facets") {
        facets::facets(catalog, &hits, input, None)
    } else {
        Value::Null
    };
    let next =
        (scrolling && start + shown.len() < hits.len()).then(|| scroll_id(start + shown.len()));
    Ok(json!({
        "start": start,
        "count": count,
        "total": hits.len(),
        "searchResults": found,
        "facets": facets,
        "lineageSearchPath": "LIGHTNING",
        "isPartial": false,
        "nextScrollId": next,
    })
    .into())
}

/// The degrees in the older `filters`, because DataHub reads its limit only from there. A filter in
/// `orFilters` selects among the assets that were reached.
fn max_hops(input: &Value) -> usize {
    let filters = input
        .get("filters")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let degrees = filters.filter(|f| f.get("field").and_then(Value::as_str) == Some("degree"));
    let values: Vec<&str> = degrees
        .filter_map(|f| f.get("values").and_then(Value::as_array))
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let numbers = values
        .iter()
        .map(|value| value.parse::<usize>().unwrap_or(MAX_HOPS));
    numbers.max().unwrap_or(MAX_HOPS)
}

/// The results of a walk, by asset.
struct Reached {
    assets: HashMap<Arc<str>, Asset>,
}

#[derive(Default)]
struct Asset {
    degrees: Vec<usize>,
    /// The ends of the paths: the asset itself, or its columns.
    ends: Vec<Arc<str>>,
}

impl Reached {
    fn of(from: &str, walk: &Walk) -> Self {
        let columns = urn_type(from) == Some("schemaField");
        let own = if columns {
            urn_parts(from).first().copied().unwrap_or_default()
        } else {
            from
        };
        let mut assets: HashMap<Arc<str>, Asset> = HashMap::new();
        for reached in &walk.reached {
            let parts = urn_parts(&reached.urn);
            let asset: Arc<str> = match (columns, urn_type(&reached.urn), parts.as_slice()) {
                (true, Some("schemaField"), [parent, ..]) => (*parent).into(),
                _ => Arc::clone(&reached.urn),
            };
            if &*asset == own {
                continue;
            }
            let asset = assets.entry(asset).or_default();
            if !asset.degrees.contains(&reached.degree) {
                asset.degrees.push(reached.degree);
            }
            asset.ends.push(Arc::clone(&reached.urn));
        }
        Self { assets }
    }
}

fn paths(walk: &Walk, asset: &Asset) -> Value {
    let paths = asset
        .ends
        .iter()
        .flat_map(|end| walk.paths(end))
        .take(MAX_PATHS);
    let paths = paths.map(|path| {
        let path: Vec<&str> = path.iter().map(|urn| &**urn).collect();
        json!({ "path": path })
    });
    paths.collect()
}
