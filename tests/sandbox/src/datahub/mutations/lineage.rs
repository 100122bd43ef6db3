//! Lineage that people edit.

use serde_json::{Value, json};

use super::{Call, Done, exists, list_mut};
use crate::datahub::error::ApiError;
use crate::datahub::hub::Writer;
use crate::datahub::kinds::urn_type;

/// Runs the mutation if it is one of this file; none otherwise.
pub(super) fn field(writer: &mut Writer, call: &Call<'_>) -> Option<Done> {
    (call.field == "updateLineage").then(|| update(writer, call))
}

/// The place of an edge: the entity, the aspect, the list, the member, and the other end.
struct Place {
    on: String,
    aspect: &'static str,
    list: &'static str,
    member: &'static str,
    other: String,
}

fn place(upstream: &str, downstream: &str) -> Result<Place, ApiError> {
    let below = |aspect, list, member| Place {
        on: downstream.to_owned(),
        aspect,
        list,
        member,
        other: upstream.to_owned(),
    };
    match (urn_type(upstream), urn_type(downstream)) {
        (Some("dataset"), Some("dataset")) => Ok(below("upstreamLineage", "upstreams", "dataset")),
        (Some("dataset"), Some("dataJob")) => Ok(below(
            "dataJobInputOutput",
            "inputDatasetEdges",
            "destinationUrn",
        )),
        (Some("dataJob"), Some("dataJob")) => Ok(below(
            "dataJobInputOutput",
            "inputDatajobEdges",
            "destinationUrn",
        )),
        (Some("dataJob"), Some("dataset")) => Ok(Place {
            on: upstream.to_owned(),
            aspect: "dataJobInputOutput",
            list: "outputDatasetEdges",
            member: "destinationUrn",
            other: downstream.to_owned(),
        }),
        (Some("dataset"), Some("chart")) => Ok(below("chartInfo", "inputEdges", "destinationUrn")),
        (Some("dataset"), Some("dashboard")) => {
            Ok(below("dashboardInfo", "datasetEdges", "destinationUrn"))
        }
        (Some("chart"), Some("dashboard")) => {
            Ok(below("dashboardInfo", "chartEdges", "destinationUrn"))
        }
        _ => Err(ApiError::bad_request(format!(
            "Cannot add upstream edge. {upstream} cannot be upstream of {downstream}."
        ))),
    }
}

fn update(writer: &mut Writer, call: &Call<'_>) -> Done {
    for (list, adds) in [("edgesToAdd", true), ("edgesToRemove", false)] {
        for edge in call.objects(list) {
            let text = |name: &str| edge.get(name).and_then(Value::as_str).unwrap_or_default();
            let (upstream, downstream) = (text("upstreamUrn"), text("downstreamUrn"));
            for urn in [upstream, downstream] {
                if !exists(writer, urn) {
                    return Err(ApiError::bad_request(format!(
                        "Cannot add lineage edge as urn {urn} does not exist."
                    )));
                }
            }
            let place = place(upstream, downstream)?;
            let stamp = writer.stamp();
            let mut aspect = writer.aspect(&place.on, place.aspect);
            let edges = list_mut(&mut aspect, place.list)?;
            edges.retain(|item| item[place.member] != place.other.as_str());
            if adds {
                let mut item = json!({
                    place.member: place.other, "created": stamp, "lastModified": stamp,
                    "properties": { "source": "UI" },
                });
                if place.aspect == "upstreamLineage" {
                    item["type"] = json!("TRANSFORMED");
                    item["auditStamp"] = stamp;
                }
                edges.push(item);
            }
            writer.put(&place.on, place.aspect, aspect);
        }
    }
    Ok(json!(true))
}
