//! The edges that aspects define.

use serde_json::Value;

use super::super::kinds::{column_urn, urn_parts};
use super::super::record::Record;
use super::{Edge, Graph};

/// Relationships that are one urn, or a list of urns, in an aspect: aspect, path, name.
const PLAIN: &[(&str, &[&str], &str)] = &[
    ("container", &["container"], "IsPartOf"),
    ("domains", &["domains"], "AssociatedWith"),
    ("domainProperties", &["parentDomain"], "IsPartOf"),
    ("glossaryTermInfo", &["parentNode"], "IsPartOf"),
    ("glossaryNodeInfo", &["parentNode"], "IsPartOf"),
    ("glossaryRelatedTerms", &["isRelatedTerms"], "IsA"),
    ("glossaryRelatedTerms", &["hasRelatedTerms"], "HasA"),
    ("glossaryRelatedTerms", &["values"], "HasValue"),
    ("glossaryRelatedTerms", &["relatedTerms"], "IsRelatedTo"),
    ("groupMembership", &["groups"], "IsMemberOfGroup"),
    (
        "nativeGroupMembership",
        &["nativeGroups"],
        "IsMemberOfNativeGroup",
    ),
    ("roleMembership", &["roles"], "IsMemberOfRole"),
    ("siblings", &["siblings"], "SiblingOf"),
    ("dataJobInfo", &["flowUrn"], "IsPartOf"),
    ("assertionInfo", &["datasetAssertion", "dataset"], "Asserts"),
    (
        "assertionInfo",
        &["freshnessAssertion", "entity"],
        "Asserts",
    ),
    ("assertionInfo", &["volumeAssertion", "entity"], "Asserts"),
    ("assertionInfo", &["sqlAssertion", "entity"], "Asserts"),
    ("assertionInfo", &["fieldAssertion", "entity"], "Asserts"),
    ("assertionInfo", &["schemaAssertion", "entity"], "Asserts"),
    ("assertionInfo", &["customAssertion", "entity"], "Asserts"),
    ("incidentInfo", &["entities"], "IncidentOn"),
    ("applications", &["applications"], "AssociatedWith"),
    (
        "dataProcessInstanceRelationships",
        &["parentTemplate"],
        "InstanceOf",
    ),
    (
        "dataPlatformInstance",
        &["instance"],
        "DataPlatformInstance",
    ),
];

/// Relationships inside lists of objects: aspect, path of the list, member, name.
const MEMBERS: &[(&str, &[&str], &str, &str)] = &[
    ("ownership", &["owners"], "owner", "OwnedBy"),
    ("globalTags", &["tags"], "tag", "TaggedWith"),
    ("glossaryTerms", &["terms"], "urn", "TermedWith"),
    (
        "dataProductProperties",
        &["assets"],
        "destinationUrn",
        "DataProductContains",
    ),
    ("querySubjects", &["subjects"], "entity", "IsAssociatedWith"),
    ("documentInfo", &["relatedAssets"], "asset", "RelatedAsset"),
    (
        "documentInfo",
        &["relatedDocuments"],
        "document",
        "RelatedDocument",
    ),
];

/// Lineage where the other end is upstream: aspect, path, name.
const UPSTREAM: &[(&str, &[&str], &str)] = &[
    ("dataJobInputOutput", &["inputDatasets"], "Consumes"),
    ("dataJobInputOutput", &["inputDatajobs"], "DownstreamOf"),
    ("chartInfo", &["inputs"], "Consumes"),
    ("dashboardInfo", &["charts"], "Contains"),
    ("dashboardInfo", &["datasets"], "Consumes"),
    ("dataProcessInstanceInput", &["inputs"], "Consumes"),
    ("mlFeatureProperties", &["sources"], "DerivedFrom"),
    ("mlPrimaryKeyProperties", &["sources"], "DerivedFrom"),
    ("mlModelProperties", &["mlFeatures"], "Consumes"),
    ("mlModelProperties", &["trainingJobs"], "TrainedBy"),
    ("mlFeatureTableProperties", &["mlFeatures"], "Contains"),
    ("mlFeatureTableProperties", &["mlPrimaryKeys"], "KeyedBy"),
];

/// Lineage where the other end is upstream, as edges with audit stamps.
const UPSTREAM_EDGES: &[(&str, &[&str], &str)] = &[
    ("dataJobInputOutput", &["inputDatasetEdges"], "Consumes"),
    ("dataJobInputOutput", &["inputDatajobEdges"], "DownstreamOf"),
    ("chartInfo", &["inputEdges"], "Consumes"),
    ("dashboardInfo", &["chartEdges"], "Contains"),
    ("dashboardInfo", &["datasetEdges"], "Consumes"),
    (
        "dashboardInfo",
        &["dashboards"],
        "DashboardContainsDashboard",
    ),
    (
        "dataProcessInstanceInput",
        &["inputEdges"],
        "DataProcessInstanceConsumes",
    ),
];

/// Adds the edges that one entity's aspects name.
pub(super) fn add(graph: &mut Graph, record: &Record) {
    relationships(graph, record);
    assets(graph, record);
    columns(graph, record);
}

fn relationships(graph: &mut Graph, record: &Record) {
    for (aspect, path, kind) in PLAIN {
        for urn in urns(record.field(aspect, path)) {
            graph.relate(&record.urn, kind, urn);
        }
    }
    for (aspect, path, member, kind) in MEMBERS {
        for item in items(record.field(aspect, path)) {
            if let Some(urn) = item.get(*member).and_then(Value::as_str) {
                graph.relate(&record.urn, kind, urn);
            }
        }
    }
    if &*record.entity_type == "schemaField"
        && let [parent, _] = urn_parts(&record.urn).as_slice()
    {
        graph.relate(&record.urn, "IsPartOf", parent);
    }
}

fn assets(graph: &mut Graph, record: &Record) {
    for item in items(record.field("upstreamLineage", &["upstreams"])) {
        if let Some(upstream) = item.get("dataset").and_then(Value::as_str) {
            let edge = edge("DownstreamOf", item);
            graph.flow(upstream, &record.urn, &edge);
            graph.relate(&record.urn, "DownstreamOf", upstream);
        }
    }
    for (aspect, path, kind) in UPSTREAM {
        for upstream in urns(record.field(aspect, path)) {
            graph.flow(upstream, &record.urn, &edge(kind, &Value::Null));
            graph.relate(&record.urn, kind, upstream);
        }
    }
    for (aspect, path, kind) in UPSTREAM_EDGES {
        for item in items(record.field(aspect, path)) {
            if let Some(upstream) = item.get("destinationUrn").and_then(Value::as_str) {
                graph.flow(upstream, &record.urn, &edge(kind, item));
                graph.relate(&record.urn, kind, upstream);
            }
        }
    }
    let outputs = [
        ("dataJobInputOutput", "outputDatasets", "outputDatasetEdges"),
        ("dataProcessInstanceOutput", "outputs", "outputEdges"),
    ];
    for (aspect, plain, edges) in outputs {
        for downstream in urns(record.field(aspect, &[plain])) {
            graph.flow(&record.urn, downstream, &edge("Produces", &Value::Null));
            graph.relate(&record.urn, "Produces", downstream);
        }
        for item in items(record.field(aspect, &[edges])) {
            if let Some(downstream) = item.get("destinationUrn").and_then(Value::as_str) {
                graph.flow(&record.urn, downstream, &edge("Produces", item));
                graph.relate(&record.urn, "Produces", downstream);
            }
        }
    }
    for group in urns(record.field("mlModelProperties", &["groups"])) {
        graph.flow(&record.urn, group, &edge("MemberOf", &Value::Null));
        graph.relate(&record.urn, "MemberOf", group);
    }
}

fn columns(graph: &mut Graph, record: &Record) {
    for aspect in ["upstreamLineage", "dataJobInputOutput"] {
        for item in items(record.field(aspect, &["fineGrainedLineages"])) {
            for upstream in urns(item.get("upstreams")) {
                for downstream in urns(item.get("downstreams")) {
                    graph.flow(upstream, downstream, &edge("DownstreamOf", &Value::Null));
                }
            }
        }
    }
    // A chart's field is downstream of the dataset's column that it shows.
    for item in items(record.field("inputFields", &["fields"])) {
        let source = item.get("schemaFieldUrn").and_then(Value::as_str);
        let path = item
            .get("schemaField")
            .and_then(|f| f.get("fieldPath"))
            .and_then(Value::as_str);
        if let (Some(source), Some(path)) = (source, path) {
            let own = column_urn(&record.urn, path);
            graph.flow(source, &own, &edge("DownstreamOf", &Value::Null));
        }
    }
}

fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// One urn, a list of them, or a list of `{"string": urn}`.
fn urns(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(urn)) => vec![urn],
        Some(Value::Array(items)) => items.iter().flat_map(|item| urns(Some(item))).collect(),
        Some(Value::Object(map)) if map.len() == 1 => {
            map.values().flat_map(|item| urns(Some(item))).collect()
        }
        _ => Vec::new(),
    }
}

fn edge(kind: &'static str, item: &Value) -> Edge {
    let stamp = item.get("created").or_else(|| item.get("auditStamp"));
    let created = stamp.and_then(|stamp| {
        let actor = stamp
            .get("actor")
            .and_then(Value::as_str)
            .unwrap_or_default();
        Some((stamp.get("time")?.as_u64()?, actor.to_owned()))
    });
    let source = item
        .get("properties")
        .and_then(|properties| properties.get("source"));
    let manual = source.and_then(Value::as_str) == Some("UI");
    Edge {
        kind,
        other: "".into(),
        created,
        manual,
    }
}
