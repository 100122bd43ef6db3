//! `get_aspect_history`: earlier versions of what the catalog says about an entity.
//!
//! GraphQL has no query for this, so it uses DataHub's REST endpoint `/aspects`, where version 0 is
//! the current one and 1 to n are the earlier ones, n being the latest of them.

use datahub::DataHubError;
use foundation::suggest;
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::entity;
use crate::{
    answer_shape::not_understood,
    args::{flag, integer, texts, words},
    budget,
    clean::clean,
    context::ToolContext,
    error::ToolError,
    fields,
    tool::{Definition, Effect, Tool},
    urn,
};

/// The number of concurrent calls to DataHub.
const AT_ONCE: usize = 4;
/// The largest number of pairs of urn and aspect in one call.
const MAX_PAIRS: usize = 50;
/// The highest version that is looked for.
const MAX_VERSION: i64 = 1 << 16;

/// Common aspects, for the hint on a wrong name. DataHub has many more.
const ASPECTS: &[&str] = &[
    "chartInfo",
    "container",
    "corpUserInfo",
    "dashboardInfo",
    "dataFlowInfo",
    "dataJobInfo",
    "dataProductProperties",
    "datasetProperties",
    "deprecation",
    "documentInfo",
    "documentation",
    "domainProperties",
    "domains",
    "editableDatasetProperties",
    "editableSchemaMetadata",
    "globalTags",
    "glossaryTermInfo",
    "glossaryTerms",
    "institutionalMemory",
    "ownership",
    "schemaMetadata",
    "status",
    "structuredProperties",
    "subTypes",
    "tagProperties",
    "upstreamLineage",
    "viewProperties",
];

pub(super) struct GetAspectHistory;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    urns: Vec<String>,
    aspect_names: Vec<String>,
    from_version: Option<i64>,
    limit: i64,
    include_current: bool,
}

impl Tool for GetAspectHistory {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "get_aspect_history",
            title: "History of an aspect",
            description: "Earlier versions of aspects of entities (ownership, globalTags, \
                glossaryTerms, schemaMetadata, editableDatasetProperties, domains, deprecation, \
                ...), newest first: what changed and when.",
            params: vec![
                texts("urns", 20, "").required(),
                words("aspect_names", 20, "").required(),
                integer(
                    "from_version",
                    1,
                    MAX_VERSION,
                    "Go on downwards from this version.",
                ),
                integer("limit", 1, 100, "Versions for each urn and aspect.").default(10),
                flag("include_current", "").default(true),
            ],
            output: json!({}),
            effect: Effect::Reads,
            enabled: |_| true,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        for urn in &args.urns {
            entity::of_kind(urn, &[])?;
        }
        for name in &args.aspect_names {
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
                let shown: String = name.chars().take(40).collect();
                let hint = "aspects are named as in ownership or globalTags";
                return Err(ToolError::Arguments(format!(
                    "`{shown}` is not an aspect name; {hint}"
                )));
            }
        }
        let pairs: Vec<(&str, &str)> = args
            .urns
            .iter()
            .flat_map(|urn| {
                args.aspect_names
                    .iter()
                    .map(move |name| (urn.trim(), name.as_str()))
            })
            .collect();
        if pairs.len() > MAX_PAIRS {
            let message = format!("more than {MAX_PAIRS} pairs of urn and aspect; ask for fewer");
            return Err(ToolError::Arguments(message));
        }
        let calls: Vec<_> = pairs
            .into_iter()
            .map(|(urn, aspect)| history(context, urn, aspect, &args))
            .collect();
        let answers: Vec<_> = stream::iter(calls).buffered(AT_ONCE).collect().await;
        let mut entries = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
        for entry in &mut entries {
            budget::cut_texts(entry, context.settings.description_chars);
        }
        let limit = context.settings.response_tokens;
        let dropped = budget::fit(&mut entries, limit - limit / 8);
        let mut answer = json!({"results": entries});
        if dropped > 0 {
            answer["next"] = json!(format!("{dropped} left out; call again with fewer urns"));
        }
        Ok(answer)
    }
}

async fn history(
    context: &ToolContext,
    urn: &str,
    aspect: &str,
    args: &Args,
) -> Result<Value, ToolError> {
    let mut entry = json!({"urn": urn, "aspectName": aspect, "error": null});
    let Some(current) = version(context, urn, aspect, 0).await? else {
        let mut why = "there is no such entity, or it has no such aspect".to_owned();
        let near = suggest::names(aspect, ASPECTS.iter().copied(), 1);
        if let Some(near) = near.first().filter(|near| **near != aspect) {
            why.push_str(&format!("; did you mean {near}?"));
        }
        entry["error"] = json!(why);
        entry["history"] = json!([]);
        return Ok(entry);
    };
    let (from, source) = match args.from_version {
        Some(from) => (from, "caller"),
        None => latest(context, urn, aspect).await?,
    };
    let mut shown = 0;
    if args.include_current && args.from_version.is_none() {
        entry["current"] = json!({"version": 0, "value": current});
        if source == METADATA {
            entry["current"]["systemMetadata"] = json!({"version": (from + 1).to_string()});
        }
        shown = 1;
    }
    let mut versions = Vec::new();
    let mut at = from;
    let wanted = usize::try_from(args.limit).unwrap_or(1);
    while at >= 1 && versions.len() + shown < wanted {
        if let Some(value) = version(context, urn, aspect, at).await? {
            versions.push(json!({"version": at, "value": value}));
        } else if args.from_version.is_none() {
            break;
        }
        at -= 1;
    }
    entry["page"] = json!({"fromVersion": from, "anchorSource": source});
    if at >= 1 && versions.len() + shown >= wanted {
        entry["page"]["nextFromVersion"] = json!(at);
    }
    entry["history"] = Value::from(versions);
    Ok(entry)
}

/// The source of the number of the latest version: the server's own, or versions that were probed.
const METADATA: &str = "systemMetadata";
const PROBED: &str = "fallback";

/// The highest earlier version, and the source of it: one less than the present aspect's number, where the server reports
/// that. The fallback probes versions, which finds nothing once the oldest are deleted.
async fn latest(
    context: &ToolContext,
    urn: &str,
    aspect: &str,
) -> Result<(i64, &'static str), ToolError> {
    let probed = async || {
        let latest = searched(context, urn, aspect).await?;
        Ok((latest, PROBED))
    };
    let path = [
        "openapi",
        "v3",
        "entity",
        urn::kind(urn).unwrap_or_default(),
        urn,
        aspect,
    ];
    match context.get(&path, &[("systemMetadata", "true")]).await {
        Ok(found) => {
            let number = &found["systemMetadata"]["version"];
            let number = number.as_i64().or_else(|| number.as_str()?.parse().ok());
            match number {
                Some(number) if (1..=MAX_VERSION).contains(&number) => Ok((number - 1, METADATA)),
                _ => probed().await,
            }
        }
        Err(error) if error == DataHubError::TokenRefused || error.is_outage() => Err(error.into()),
        Err(_) => probed().await,
    }
}

/// The highest earlier version by exponential and binary search, if no version was deleted.
async fn searched(context: &ToolContext, urn: &str, aspect: &str) -> Result<i64, ToolError> {
    let (mut there, mut missing) = (0, 1);
    while version(context, urn, aspect, missing).await?.is_some() {
        there = missing;
        missing *= 2;
        if missing > MAX_VERSION {
            return Ok(there);
        }
    }
    while missing - there > 1 {
        let middle = there + (missing - there) / 2;
        if version(context, urn, aspect, middle).await?.is_some() {
            there = middle;
        } else {
            missing = middle;
        }
    }
    Ok(there)
}

/// The aspect at `version`, without the wrapper that names its Java class.
async fn version(
    context: &ToolContext,
    urn: &str,
    aspect: &str,
    version: i64,
) -> Result<Option<Value>, ToolError> {
    let query = [("aspect", aspect), ("version", &version.to_string())];
    match context.get(&["aspects", urn], &query).await {
        Ok(found) if !found.is_object() => Err(not_understood().into()),
        Ok(mut found) => {
            let value = match fields::take(&mut found, &["aspect"]) {
                Value::Object(map) if map.len() == 1 => map.into_values().next(),
                Value::Null => None,
                other => Some(other),
            };
            Ok(value.map(|mut value| {
                // Only the inside is cleaned: an emptied aspect exists, and is shown as empty.
                clean(&mut value);
                value
            }))
        }
        Err(DataHubError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
