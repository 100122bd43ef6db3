//! Assertions with their results, incidents, and the health that follows from both.

use serde_json::{Value, json};

use super::super::catalog::Catalog;
use super::arguments::Arguments;
use super::objects::with;
use super::searching::page;
use super::{EntityNode, Shape};

/// Fields of `Assertion` and `Incident` themselves; none for any other field.
pub(crate) fn own<'a>(
    node: &'a EntityNode<'a>,
    field: &str,
    arguments: &Arguments<'_>,
) -> Option<Shape<'a>> {
    if node.kind.graphql == "Assertion" {
        return Some(match field {
            "info" => Shape::opt(node.aspect("assertionInfo")),
            "runEvents" => run_events(node, arguments),
            _ => return None,
        });
    }
    let info = node.aspect("incidentInfo");
    let member = |name: &str| info.and_then(|info| info.get(name));
    Some(match field {
        "incidentType" => Shape::opt(member("type")),
        "customType" | "title" | "description" | "startedAt" | "created" => {
            Shape::opt(member(field))
        }
        "incidentStatus" | "status" => Shape::opt(member("status")),
        "source" => Shape::opt(member("source")),
        "priority" => match member("priority").and_then(Value::as_i64) {
            Some(0) => "CRITICAL".into(),
            Some(1) => "HIGH".into(),
            Some(2) => "MEDIUM".into(),
            Some(3) => "LOW".into(),
            _ => Shape::NULL,
        },
        "assignees" => {
            let assignees = member("assignees")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            assignees
                .filter_map(|a| a.get("actor").cloned())
                .collect::<Value>()
                .into()
        }
        "entity" => Shape::opt(member("entities").and_then(|entities| entities.get(0))),
        _ => return None,
    })
}

/// Fields of the entities that are checked; none for any other field.
pub(crate) fn field<'a>(
    node: &'a EntityNode<'a>,
    field: &str,
    arguments: &Arguments<'_>,
) -> Option<Shape<'a>> {
    Some(match field {
        "assertions" => {
            let deleted = arguments.get("includeSoftDeleted") == Value::Bool(true);
            let catalog = node.cx.catalog();
            let all = about(&catalog, &node.urn, "Asserts", deleted);
            let urns: Vec<&str> = all.iter().map(String::as_str).collect();
            page(
                &urns,
                arguments.number("start"),
                arguments.number("count"),
                "assertions",
            )
            .into()
        }
        "incidents" => incidents(node, arguments),
        "health" => health(node),
        _ => return None,
    })
}

/// The entities that point at this one by a relationship.
fn about(catalog: &Catalog, urn: &str, kind: &str, deleted: bool) -> Vec<String> {
    let incoming = catalog
        .graph()
        .incoming(urn)
        .iter()
        .filter(|edge| edge.kind == kind);
    incoming
        .filter(|edge| deleted || catalog.get(&edge.other).is_some_and(|r| !r.removed()))
        .map(|edge| edge.other.to_string())
        .collect()
}

fn incidents<'a>(node: &EntityNode<'_>, arguments: &Arguments<'_>) -> Shape<'a> {
    let catalog = node.cx.catalog();
    let (state, stage) = (arguments.opt_text("state"), arguments.opt_text("stage"));
    let mut found: Vec<(i64, String)> = about(&catalog, &node.urn, "IncidentOn", false)
        .into_iter()
        .filter_map(|urn| {
            let info = catalog.aspect(&urn, "incidentInfo")?;
            let status = |name: &str| info.get("status")?.get(name)?.as_str();
            let fits = state
                .as_deref()
                .is_none_or(|state| status("state") == Some(state))
                && stage
                    .as_deref()
                    .is_none_or(|stage| status("stage") == Some(stage));
            let created = info
                .get("created")
                .and_then(|c| c.get("time"))
                .and_then(Value::as_i64);
            fits.then(|| (created.unwrap_or(0), urn))
        })
        .collect();
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let urns: Vec<&str> = found.iter().map(|(_, urn)| urn.as_str()).collect();
    page(
        &urns,
        arguments.number("start"),
        arguments.number("count"),
        "incidents",
    )
    .into()
}

fn run_events<'a>(node: &EntityNode<'_>, arguments: &Arguments<'_>) -> Shape<'a> {
    let (from, to) = (
        arguments.number("startTimeMillis"),
        arguments.number("endTimeMillis"),
    );
    let status = arguments.opt_text("status");
    let series = node
        .record
        .as_ref()
        .map_or(&[][..], |record| record.series("assertionRunEvent"));
    let events: Vec<&Value> = series
        .iter()
        .map(|event| &**event)
        .filter(|event| {
            let at = event
                .get("timestampMillis")
                .and_then(Value::as_i64)
                .unwrap_or(0);
            from.is_none_or(|from| at >= from)
                && to.is_none_or(|to| at <= to)
                && status
                    .as_deref()
                    .is_none_or(|s| event.get("status").and_then(Value::as_str) == Some(s))
        })
        .collect();
    let count = |wanted: &str| {
        events
            .iter()
            .filter(|event| result(event) == Some(wanted))
            .count()
    };
    let limit = arguments
        .number("limit")
        .and_then(|limit| usize::try_from(limit).ok());
    let shown = events.iter().take(limit.unwrap_or(usize::MAX));
    let shown: Value = shown
        .map(|event| with(Some(event), &json!({ "assertionUrn": &*node.urn })))
        .collect();
    json!({
        "total": events.len(),
        "failed": count("FAILURE"),
        "succeeded": count("SUCCESS"),
        "errored": count("ERROR"),
        "runEvents": shown,
    })
    .into()
}

fn result(event: &Value) -> Option<&str> {
    event.get("result")?.get("type")?.as_str()
}

/// `ASSERTIONS` if the entity has some, `INCIDENTS` always, as in DataHub.
fn health<'a>(node: &EntityNode<'_>) -> Shape<'a> {
    let catalog = node.cx.catalog();
    let mut health = Vec::new();
    let assertions = about(&catalog, &node.urn, "Asserts", false);
    let mut failing = Vec::new();
    let mut results = 0;
    for urn in &assertions {
        let latest = catalog
            .get(urn)
            .and_then(|record| record.series("assertionRunEvent").first());
        match latest.and_then(|event| result(event)) {
            Some("FAILURE" | "ERROR") => {
                failing.push(urn.clone());
                results += 1;
            }
            Some(_) => results += 1,
            None => {}
        }
    }
    if results > 0 {
        let (status, message) = if failing.is_empty() {
            ("PASS", "All assertions are passing".to_owned())
        } else {
            (
                "FAIL",
                format!("{} of {results} assertions are failing", failing.len()),
            )
        };
        health.push(json!({
            "type": "ASSERTIONS", "status": status, "message": message, "causes": failing,
        }));
    }
    let active: Vec<String> = about(&catalog, &node.urn, "IncidentOn", false)
        .into_iter()
        .filter(|urn| {
            let status = catalog
                .aspect(urn, "incidentInfo")
                .and_then(|info| info.get("status"));
            status
                .and_then(|status| status.get("state"))
                .and_then(Value::as_str)
                == Some("ACTIVE")
        })
        .collect();
    if active.is_empty() {
        health.push(json!({ "type": "INCIDENTS", "status": "PASS" }));
    } else {
        let plural = if active.len() == 1 { "" } else { "s" };
        health.push(json!({
            "type": "INCIDENTS", "status": "FAIL", "causes": active,
            "message": format!("{} active incident{plural}", active.len()),
        }));
    }
    Value::Array(health).into()
}
