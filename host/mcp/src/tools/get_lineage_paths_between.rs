//! `get_lineage_paths_between`: the paths from one asset or column to another.
//!
//! DataHub is asked first, with the target as a filter, so that the target need not be within a
//! page of neighbours. Where that gives no path, a bounded bidirectional search looks for one; the
//! answer says what was searched and where the search stopped.

use std::collections::HashMap;

use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{columns, entity, get_entities};
use crate::{
    answer_shape::not_understood,
    args::{choice, text},
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
    urn,
};

/// The largest number of paths in an answer.
const MAX_PATHS: usize = 20;
/// The largest number of assets whose neighbours the bidirectional search reads.
const MAX_EXPANDED: usize = 60;
/// The largest number of neighbours that are read for one asset.
const MAX_NEIGHBOURS: usize = 1_000;
/// The number of concurrent calls to DataHub.
const AT_ONCE: usize = 8;

pub(super) struct GetLineagePathsBetween;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    source_urn: String,
    target_urn: String,
    source_column: Option<String>,
    target_column: Option<String>,
    direction: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Downstream,
    Upstream,
}

impl Direction {
    fn graphql(self) -> &'static str {
        match self {
            Self::Downstream => "DOWNSTREAM",
            Self::Upstream => "UPSTREAM",
        }
    }

    fn opposite(self) -> Self {
        match self {
            Self::Downstream => Self::Upstream,
            Self::Upstream => Self::Downstream,
        }
    }
}

type Path = Vec<String>;

impl Tool for GetLineagePathsBetween {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "get_lineage_paths_between",
            title: "Lineage paths between two assets",
            description: "The steps by which data gets from one asset (or column) to another. \
                Without direction both are tried. Columns need both source_column and \
                target_column. `searched` says how far was looked if nothing is found.",
            params: vec![
                text("source_urn", "").required(),
                text("target_urn", "").required(),
                text("source_column", ""),
                text("target_column", ""),
                choice(
                    "direction",
                    &["upstream", "downstream"],
                    "Seen from the source.",
                ),
            ],
            output: json!({
                "pathCount": {"type": "integer"},
                "direction": {"type": "string"},
                "paths": {"type": "array", "items": {"type": "object"}},
                "searched": {"type": "string"}
            }),
            effect: Effect::Reads,
            enabled: |_| true,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        entity::of_kind(&args.source_urn, &[])?;
        entity::of_kind(&args.target_urn, &[])?;
        let given = |column: &Option<String>| {
            column
                .as_deref()
                .map(str::trim)
                .filter(|c| !c.is_empty())
                .map(str::to_owned)
        };
        let (source, target) = match (given(&args.source_column), given(&args.target_column)) {
            (None, None) => (args.source_urn, args.target_urn),
            (Some(from), Some(to)) => (
                columns::urn_of(context, &args.source_urn, &from).await?,
                columns::urn_of(context, &args.target_urn, &to).await?,
            ),
            _ => {
                return Err(ToolError::Arguments(
                    "give both `source_column` and `target_column`, or neither".to_owned(),
                ));
            }
        };
        if source == target {
            return Err(ToolError::Arguments(
                "No lineage path found: source and target are the same".to_owned(),
            ));
        }
        let directions: &[Direction] = match args.direction.as_deref() {
            Some("upstream") => &[Direction::Upstream],
            Some(_) => &[Direction::Downstream],
            None => &[Direction::Downstream, Direction::Upstream],
        };
        for direction in directions {
            let paths = asked(context, &source, &target, *direction).await?;
            if !paths.is_empty() {
                return Ok(answer(
                    &source,
                    &target,
                    *direction,
                    paths,
                    "DataHub's own lineage",
                ));
            }
        }
        let mut searched = "DataHub's own lineage: no path".to_owned();
        if urn::kind(&source) != Some("schemaField") {
            for direction in directions {
                context.progress(0, None, "searching from both ends").await;
                let (path, note) = meet(context, &source, &target, *direction).await?;
                if let Some(path) = path {
                    return Ok(answer(&source, &target, *direction, vec![path], &note));
                }
                let way = direction.graphql().to_lowercase();
                searched.push_str(&format!("; {way} from both ends: {note}"));
            }
        }
        // No path at all may mean a wrong urn, which DataHub does not report.
        for urn in [&source, &target] {
            get_entities::must_exist(context, urn).await?;
        }
        Ok(json!({
            "source": source, "target": target, "pathCount": 0, "paths": [], "searched": searched
        }))
    }
}

fn answer(
    source: &str,
    target: &str,
    direction: Direction,
    mut paths: Vec<Path>,
    searched: &str,
) -> Value {
    paths.sort_by_key(Vec::len);
    paths.dedup();
    let count = paths.len();
    let shown: Vec<Value> = paths
        .into_iter()
        .take(MAX_PATHS)
        .map(|path| {
            let nodes: Vec<Value> = path.iter().map(|urn| node(urn)).collect();
            json!({"hops": nodes.len().saturating_sub(1), "path": nodes})
        })
        .collect();
    json!({
        "source": source,
        "target": target,
        "direction": direction.graphql().to_lowercase(),
        "pathCount": count,
        "paths": shown,
        "searched": searched,
    })
}

fn node(text: &str) -> Value {
    match urn::split_column(text) {
        Some((dataset, column)) => {
            json!({"urn": text, "dataset": dataset, "column": columns::simple_path(&column)})
        }
        None => json!({"urn": text}),
    }
}

/// Asks DataHub for the target among everything that the source reaches.
async fn asked(
    context: &ToolContext,
    source: &str,
    target: &str,
    direction: Direction,
) -> Result<Vec<Path>, ToolError> {
    let owner = urn::split_column(target).map(|(dataset, _)| dataset);
    let mut urns = vec![target];
    urns.extend(owner);
    let variables = json!({"input": {
        "urn": source,
        "direction": direction.graphql(),
        "query": "*",
        "start": 0,
        "count": 10,
        "orFilters": [{"and": [{"field": "urn", "condition": "EQUAL", "values": urns}]}],
        "searchFlags": {"skipHighlighting": true, "skipAggregates": true},
    }});
    let found = context
        .ask_for(&documents::LINEAGE_PATHS, variables, "searchAcrossLineage")
        .await?;
    hits(&found)?;
    let mut paths = Vec::new();
    for result in found["searchResults"].as_array().into_iter().flatten() {
        for path in result["paths"].as_array().into_iter().flatten() {
            let nodes = path["path"].as_array().into_iter().flatten();
            let urns: Path = nodes
                .filter_map(|n| n["urn"].as_str())
                .map(str::to_owned)
                .collect();
            if urns.len() > 1 && urns.last().is_some_and(|last| urn::spelled(last) == target) {
                paths.push(urns);
            }
        }
    }
    Ok(paths)
}

/// The number of hits. A search that was not answered has not found that there is no path.
fn hits(found: &Value) -> Result<u64, ToolError> {
    Ok(found["total"].as_u64().ok_or_else(not_understood)?)
}

/// One side of the bidirectional search, with the predecessor of each asset reached.
struct Side {
    direction: Direction,
    reached_from: HashMap<String, Option<String>>,
    frontier: Vec<String>,
    hops: usize,
}

impl Side {
    fn new(start: &str, direction: Direction) -> Self {
        let reached_from = HashMap::from([(start.to_owned(), None)]);
        Self {
            direction,
            reached_from,
            frontier: vec![start.to_owned()],
            hops: 0,
        }
    }

    /// The path from `end` back to the start of this side.
    fn trail(&self, end: &str) -> Path {
        let mut trail = vec![end.to_owned()];
        let mut at = end;
        while let Some(Some(before)) = self.reached_from.get(at) {
            trail.push(before.clone());
            at = before;
        }
        trail
    }
}

/// Searches breadth first from both ends, always expanding the smaller frontier, until they meet or
/// a bound is reached.
async fn meet(
    context: &ToolContext,
    source: &str,
    target: &str,
    direction: Direction,
) -> Result<(Option<Path>, String), ToolError> {
    let mut ahead = Side::new(source, direction);
    let mut back = Side::new(target, direction.opposite());
    let mut expanded = 0;
    while !ahead.frontier.is_empty() && !back.frontier.is_empty() {
        let (side, other) = if ahead.frontier.len() <= back.frontier.len() {
            (&mut ahead, &back)
        } else {
            (&mut back, &ahead)
        };
        let left = MAX_EXPANDED - expanded;
        if left == 0 {
            let note = format!(
                "stopped after reading the neighbours of {MAX_EXPANDED} assets, {} and {} hops deep",
                ahead.hops, back.hops
            );
            return Ok((None, note));
        }
        let mut frontier = std::mem::take(&mut side.frontier);
        let later = frontier.split_off(frontier.len().min(left));
        expanded += frontier.len();
        let way = side.direction;
        let calls: Vec<_> = frontier
            .iter()
            .map(|urn| neighbours(context, urn, way))
            .collect();
        let found: Vec<Vec<String>> = stream::iter(calls).buffered(AT_ONCE).try_collect().await?;
        let mut met = None;
        for (from, found) in frontier.iter().zip(found) {
            for urn in found {
                if side.reached_from.contains_key(&urn) {
                    continue;
                }
                side.reached_from.insert(urn.clone(), Some(from.clone()));
                if other.reached_from.contains_key(&urn) {
                    met.get_or_insert(urn.clone());
                }
                side.frontier.push(urn);
            }
        }
        side.hops += usize::from(later.is_empty());
        side.frontier.extend(later);
        context.progress(expanded, None, "assets explored").await;
        if let Some(urn) = met {
            let mut path = ahead.trail(&urn);
            path.reverse();
            path.extend(back.trail(&urn).into_iter().skip(1));
            return Ok((
                Some(path),
                format!("from both ends, {expanded} assets explored"),
            ));
        }
    }
    Ok((None, format!("all of it, {expanded} assets explored")))
}

async fn neighbours(
    context: &ToolContext,
    urn: &str,
    direction: Direction,
) -> Result<Vec<String>, ToolError> {
    let variables = json!({"input": {
        "urn": urn,
        "direction": direction.graphql(),
        "query": "*",
        "start": 0,
        "count": MAX_NEIGHBOURS,
        "orFilters": [{"and": [{"field": "degree", "condition": "EQUAL", "values": ["1"]}]}],
        "searchFlags": {"skipHighlighting": true, "skipAggregates": true},
    }});
    let found = context
        .ask_for(
            &documents::LINEAGE_NEIGHBOURS,
            variables,
            "searchAcrossLineage",
        )
        .await?;
    if hits(&found)? > MAX_NEIGHBOURS as u64 {
        context.warn(format!(
            "{urn} has more neighbours than the {MAX_NEIGHBOURS} that were read"
        ));
    }
    let results = found["searchResults"].as_array().into_iter().flatten();
    Ok(results
        .filter_map(|r| r["entity"]["urn"].as_str())
        .map(str::to_owned)
        .collect())
}
