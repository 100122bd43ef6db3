//! Aspects as values to filter by, named as in DataHub's search index.

use serde_json::Value;

use super::super::kinds::{urn_parts, urn_type};
use super::super::record::Record;
use super::SearchDoc;

/// Booleans that say whether a field is present: the boolean, and the field.
const HAS: &[(&str, &str)] = &[
    ("hasDescription", "description"),
    ("hasDescription", "editedDescription"),
    ("hasOwners", "owners"),
    ("hasTags", "tags"),
    ("hasGlossaryTerms", "glossaryTerms"),
    ("hasDomain", "domains"),
    ("hasContainer", "container"),
    ("hasParentNode", "parentNode"),
    ("hasParentDomain", "parentDomain"),
    ("hasSiblings", "siblings"),
    ("hasStructuredProperties", "structuredProperties"),
];

/// Plain copies: the field, the aspect, and the path inside it. Of a list, all items are copied.
const COPIES: &[(&str, &str, &[&str])] = &[
    ("typeNames", "subTypes", &["typeNames"]),
    ("domains", "domains", &["domains"]),
    ("container", "container", &["container"]),
    ("siblings", "siblings", &["siblings"]),
    ("deprecated", "deprecation", &["deprecated"]),
    ("qualifiedName", "datasetProperties", &["qualifiedName"]),
    ("qualifiedName", "containerProperties", &["qualifiedName"]),
    ("qualifiedName", "propertyDefinition", &["qualifiedName"]),
    ("description", "datasetProperties", &["description"]),
    ("description", "dashboardInfo", &["description"]),
    ("description", "chartInfo", &["description"]),
    ("description", "dataFlowInfo", &["description"]),
    ("description", "dataJobInfo", &["description"]),
    ("description", "containerProperties", &["description"]),
    ("description", "domainProperties", &["description"]),
    ("description", "dataProductProperties", &["description"]),
    ("description", "applicationProperties", &["description"]),
    ("description", "tagProperties", &["description"]),
    ("description", "corpGroupInfo", &["description"]),
    ("description", "mlModelProperties", &["description"]),
    ("description", "mlModelGroupProperties", &["description"]),
    ("description", "mlFeatureTableProperties", &["description"]),
    ("description", "mlFeatureProperties", &["description"]),
    ("description", "mlPrimaryKeyProperties", &["description"]),
    ("description", "queryProperties", &["description"]),
    ("definition", "glossaryTermInfo", &["definition"]),
    ("definition", "glossaryNodeInfo", &["definition"]),
    ("description", "glossaryTermInfo", &["definition"]),
    ("description", "glossaryNodeInfo", &["definition"]),
    (
        "editedDescription",
        "editableDatasetProperties",
        &["description"],
    ),
    (
        "editedDescription",
        "editableDashboardProperties",
        &["description"],
    ),
    (
        "editedDescription",
        "editableChartProperties",
        &["description"],
    ),
    (
        "editedDescription",
        "editableDataFlowProperties",
        &["description"],
    ),
    (
        "editedDescription",
        "editableDataJobProperties",
        &["description"],
    ),
    (
        "editedDescription",
        "editableContainerProperties",
        &["description"],
    ),
    (
        "editedDescription",
        "editableMlModelProperties",
        &["description"],
    ),
    ("materialized", "viewProperties", &["materialized"]),
    ("parentNode", "glossaryTermInfo", &["parentNode"]),
    ("parentNode", "glossaryNodeInfo", &["parentNode"]),
    ("parentDomain", "domainProperties", &["parentDomain"]),
    ("origin", "containerProperties", &["env"]),
    (
        "origin",
        "containerProperties",
        &["customProperties", "env"],
    ),
    ("email", "corpUserInfo", &["email"]),
    ("email", "corpUserEditableInfo", &["email"]),
    ("title", "corpUserInfo", &["title"]),
    ("active", "corpUserInfo", &["active"]),
    ("username", "corpUserKey", &["username"]),
    ("groups", "groupMembership", &["groups"]),
    ("groups", "nativeGroupMembership", &["nativeGroups"]),
    ("roles", "roleMembership", &["roles"]),
    ("termSource", "glossaryTermInfo", &["termSource"]),
    ("entity", "assertionInfo", &["datasetAssertion", "dataset"]),
    ("entity", "assertionInfo", &["freshnessAssertion", "entity"]),
    ("entity", "assertionInfo", &["volumeAssertion", "entity"]),
    ("entity", "assertionInfo", &["sqlAssertion", "entity"]),
    ("entity", "assertionInfo", &["fieldAssertion", "entity"]),
    ("entity", "assertionInfo", &["schemaAssertion", "entity"]),
    ("entity", "assertionInfo", &["customAssertion", "entity"]),
    ("type", "assertionInfo", &["type"]),
    ("assertionType", "assertionInfo", &["type"]),
    (
        "fieldPath",
        "assertionInfo",
        &["fieldAssertion", "fieldValuesAssertion", "field", "path"],
    ),
    (
        "fieldPath",
        "assertionInfo",
        &["fieldAssertion", "fieldMetricAssertion", "field", "path"],
    ),
    ("entities", "incidentInfo", &["entities"]),
    ("state", "incidentInfo", &["status", "state"]),
    ("stage", "incidentInfo", &["status", "stage"]),
    ("type", "incidentInfo", &["type"]),
    ("priority", "incidentInfo", &["priority"]),
    ("assignees", "incidentInfo", &["assignees"]),
    ("source", "queryProperties", &["source"]),
    ("origin", "queryProperties", &["origin"]),
    ("createdBy", "queryProperties", &["created", "actor"]),
    ("createdAt", "queryProperties", &["created", "time"]),
    (
        "lastModifiedAt",
        "queryProperties",
        &["lastModified", "time"],
    ),
    ("title", "documentInfo", &["title"]),
    ("text", "documentInfo", &["contents", "text"]),
    ("state", "documentInfo", &["status", "state"]),
    ("sourceType", "documentInfo", &["source", "sourceType"]),
    (
        "parentDocument",
        "documentInfo",
        &["parentDocument", "document"],
    ),
    ("createdAt", "documentInfo", &["created", "time"]),
    ("createdBy", "documentInfo", &["created", "actor"]),
    ("lastModifiedAt", "documentInfo", &["lastModified", "time"]),
    (
        "showInGlobalContext",
        "documentSettings",
        &["showInGlobalContext"],
    ),
    ("createdAt", "datasetProperties", &["created", "time"]),
    (
        "lastModifiedAt",
        "datasetProperties",
        &["lastModified", "time"],
    ),
    ("createdAt", "containerProperties", &["created", "time"]),
    (
        "lastModifiedAt",
        "containerProperties",
        &["lastModified", "time"],
    ),
    (
        "createdAt",
        "dashboardInfo",
        &["lastModified", "created", "time"],
    ),
    (
        "lastModifiedAt",
        "dashboardInfo",
        &["lastModified", "lastModified", "time"],
    ),
    (
        "createdAt",
        "chartInfo",
        &["lastModified", "created", "time"],
    ),
    (
        "lastModifiedAt",
        "chartInfo",
        &["lastModified", "lastModified", "time"],
    ),
    ("rowCountFeature", "storageFeatures", &["rowCount"]),
    ("sizeInBytesFeature", "storageFeatures", &["sizeInBytes"]),
    (
        "queryCountLast30DaysFeature",
        "usageFeatures",
        &["queryCountLast30Days"],
    ),
    (
        "usageCountLast30DaysFeature",
        "usageFeatures",
        &["usageCountLast30Days"],
    ),
    (
        "viewCountLast30DaysFeature",
        "usageFeatures",
        &["viewCountLast30Days"],
    ),
    (
        "uniqueUserCountLast30DaysFeature",
        "usageFeatures",
        &["uniqueUserCountLast30Days"],
    ),
    ("applications", "applications", &["applications"]),
    ("type", "dataHubViewInfo", &["type"]),
    ("createdBy", "dataHubViewInfo", &["created", "actor"]),
    ("ownerUrn", "dataHubAccessTokenInfo", &["ownerUrn"]),
    ("actorUrn", "dataHubAccessTokenInfo", &["actorUrn"]),
    ("expiresAt", "dataHubAccessTokenInfo", &["expiresAt"]),
    ("mlFeatures", "mlFeatureTableProperties", &["mlFeatures"]),
];

/// Fills the values of an entity.
pub(super) fn fill(doc: &mut SearchDoc, record: &Record) {
    doc.add("urn", &*record.urn);
    doc.add("removed", record.removed().to_string());
    if let Some(kind) = record.kind {
        doc.add("_entityType", kind.enum_value);
        doc.add("_entityType", kind.urn_part);
    } else {
        doc.add("_entityType", &*record.entity_type);
    }
    key_fields(doc, record);
    for (field, aspect, path) in COPIES {
        if let Some(value) = record.field(aspect, path) {
            add_all(doc, field, value);
        }
    }
    associations(doc, record);
    columns(doc, record);
    properties(doc, record);
    browse_path(doc, record);
    quality(doc, record);
    for (has, field) in HAS {
        // DataHub's index says nothing where an entity lacks the aspect.
        if !doc.values(field).is_empty() {
            doc.fields.insert((*has).to_owned(), vec![true.to_string()]);
        }
    }
}

/// Any JSON leaf as text.
fn leaf(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn add_all(doc: &mut SearchDoc, field: &str, value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| add_all(doc, field, item)),
        // Optional members of a union, such as `{"string": "urn:li:..."}`.
        Value::Object(map) if map.len() == 1 => {
            map.values().for_each(|item| add_all(doc, field, item));
        }
        other => {
            if let Some(text) = leaf(other) {
                doc.add(field, text);
            }
        }
    }
}

/// Adds the values that the urn itself holds, and the platform.
fn key_fields(doc: &mut SearchDoc, record: &Record) {
    let parts = urn_parts(&record.urn);
    match (&*record.entity_type, parts.as_slice()) {
        ("dataset" | "mlModel" | "mlModelGroup", [platform, id, origin, ..]) => {
            doc.add("platform", *platform);
            doc.add("id", *id);
            doc.add("origin", *origin);
        }
        ("mlFeatureTable", [platform, ..]) => doc.add("platform", *platform),
        ("dashboard" | "chart", [tool, id, ..]) => {
            doc.add("platform", format!("urn:li:dataPlatform:{tool}"));
            doc.add("tool", *tool);
            doc.add("id", *id);
        }
        ("dataFlow", [orchestrator, id, cluster, ..]) => {
            doc.add("platform", format!("urn:li:dataPlatform:{orchestrator}"));
            doc.add("orchestrator", *orchestrator);
            doc.add("flowId", *id);
            doc.add("cluster", *cluster);
        }
        ("dataJob", [flow, id, ..]) => {
            if let [orchestrator, ..] = urn_parts(flow).as_slice() {
                doc.add("platform", format!("urn:li:dataPlatform:{orchestrator}"));
            }
            doc.add("dataFlow", *flow);
            doc.add("jobId", *id);
        }
        ("schemaField", [parent, path, ..]) => {
            doc.add("parent", *parent);
            doc.add("fieldPath", *path);
        }
        (_, [id, ..]) => doc.add("id", *id),
        _ => {}
    }
    if let Some(platform) = record.text("dataPlatformInstance", &["platform"]) {
        doc.add("platform", platform);
    }
    if let Some(instance) = record.text("dataPlatformInstance", &["instance"]) {
        doc.add("platformInstance", instance);
    }
}

fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// The urns in a list of objects.
fn urns<'a>(value: Option<&'a Value>, name: &'a str) -> impl Iterator<Item = &'a str> {
    items(value).filter_map(move |item| item.get(name)?.as_str())
}

fn associations(doc: &mut SearchDoc, record: &Record) {
    for tag in urns(record.field("globalTags", &["tags"]), "tag") {
        doc.add("tags", tag);
    }
    for term in urns(record.field("glossaryTerms", &["terms"]), "urn") {
        doc.add("glossaryTerms", term);
    }
    for owner in items(record.field("ownership", &["owners"])) {
        let Some(urn) = owner.get("owner").and_then(Value::as_str) else {
            continue;
        };
        doc.add("owners", urn);
        let of_type = owner.get("typeUrn").and_then(Value::as_str);
        if let Some(of_type) = of_type {
            doc.add("ownershipTypes", of_type);
            doc.add(&format!("ownerTypes.{of_type}"), urn);
        }
    }
    for asset in urns(
        record.field("dataProductProperties", &["assets"]),
        "destinationUrn",
    ) {
        doc.add("assets", asset);
    }
    for asset in urns(record.field("documentInfo", &["relatedAssets"]), "asset") {
        doc.add("relatedAssets", asset);
    }
    for other in urns(
        record.field("documentInfo", &["relatedDocuments"]),
        "document",
    ) {
        doc.add("relatedDocuments", other);
    }
    for entity in urns(record.field("querySubjects", &["subjects"]), "entity") {
        doc.add("entities", entity);
        if urn_type(entity) == Some("schemaField")
            && let [parent, ..] = urn_parts(entity).as_slice()
        {
            doc.add("entities", *parent);
        }
    }
    for upstream in urns(record.field("upstreamLineage", &["upstreams"]), "dataset") {
        doc.add("upstreams", upstream);
    }
}

fn columns(doc: &mut SearchDoc, record: &Record) {
    for field in items(record.field("schemaMetadata", &["fields"])) {
        add_column(doc, field, "field");
    }
    let count = items(record.field("schemaMetadata", &["fields"])).count();
    if count > 0 {
        doc.add("columnCount", count.to_string());
    }
    for field in items(record.field("editableSchemaMetadata", &["editableSchemaFieldInfo"])) {
        add_column(doc, field, "editedField");
    }
    for field in items(record.field("inputFields", &["fields"])) {
        if let Some(field) = field.get("schemaField") {
            add_column(doc, field, "field");
        }
    }
}

fn add_column(doc: &mut SearchDoc, field: &Value, prefix: &str) {
    let path = field.get("fieldPath").and_then(Value::as_str);
    if let Some(path) = path.filter(|_| prefix == "field") {
        doc.add("fieldPaths", simple_path(path));
    }
    for name in ["description", "label"] {
        if let Some(text) = field.get(name).and_then(leaf) {
            let place = if name == "label" {
                "fieldLabels"
            } else {
                "Descriptions"
            };
            let place = if name == "label" {
                place.to_owned()
            } else {
                format!("{prefix}{place}")
            };
            doc.add(&place, text);
        }
    }
    let tags = field.get("globalTags").and_then(|tags| tags.get("tags"));
    for tag in urns(tags, "tag") {
        doc.add(&format!("{prefix}Tags"), tag);
    }
    let terms = field
        .get("glossaryTerms")
        .and_then(|terms| terms.get("terms"));
    for term in urns(terms, "urn") {
        doc.add(&format!("{prefix}GlossaryTerms"), term);
    }
}

/// A field path without the type tags of its second version: `[version=2.0].[type=string].a` is `a`.
fn simple_path(path: &str) -> String {
    let (mut parts, mut from, mut depth) = (Vec::new(), 0, 0_u32);
    for (at, byte) in path.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b'.' if depth == 0 => {
                parts.push(&path[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&path[from..]);
    parts.retain(|part| !part.starts_with('['));
    parts.join(".")
}

fn properties(doc: &mut SearchDoc, record: &Record) {
    for (_, aspect) in record.aspects() {
        let custom = aspect
            .value
            .get("customProperties")
            .and_then(Value::as_object);
        for (key, value) in custom.into_iter().flatten() {
            if let Some(value) = leaf(value) {
                doc.add("customProperties", format!("{key}={value}"));
            }
        }
    }
    for property in items(record.field("structuredProperties", &["properties"])) {
        let Some(urn) = property.get("propertyUrn").and_then(Value::as_str) else {
            continue;
        };
        doc.add("structuredProperties", urn);
        let name = urn
            .strip_prefix("urn:li:structuredProperty:")
            .unwrap_or(urn);
        if let Some(values) = property.get("values") {
            add_all(doc, &format!("structuredProperties.{name}"), values);
        }
    }
}

/// The separator of `browsePathV2`.
const BROWSE_SEPARATOR: char = '\u{241f}';

/// Adds the tokens that the index makes of a path: the path of each part of it from the top, and never a
/// part by itself.
fn browse_path(doc: &mut SearchDoc, record: &Record) {
    let mut path = String::new();
    for part in items(record.field("browsePathsV2", &["path"])) {
        let Some(id) = part
            .get("urn")
            .or_else(|| part.get("id"))
            .and_then(Value::as_str)
        else {
            continue;
        };
        path.push(BROWSE_SEPARATOR);
        path.push_str(id);
        doc.add("browsePathV2", path.clone());
    }
}

fn quality(doc: &mut SearchDoc, record: &Record) {
    let failing = items(record.field("assertionsSummary", &["failingAssertionDetails"])).count();
    let has_failing = failing > 0
        || items(record.field("assertionsSummary", &["failingAssertions"]))
            .next()
            .is_some();
    if record.aspect("assertionsSummary").is_some() {
        doc.add("hasFailingAssertions", has_failing.to_string());
    }
    if record.aspect("incidentsSummary").is_some() {
        let active = items(record.field("incidentsSummary", &["activeIncidentDetails"])).count();
        doc.add("hasActiveIncidents", (active > 0).to_string());
        doc.add("numActiveIncidents", active.to_string());
    }
    let columns = items(record.field("assertionInfo", &["datasetAssertion", "fields"]));
    for column in columns.filter_map(Value::as_str) {
        if let [_, path, ..] = urn_parts(column).as_slice() {
            doc.add("fieldPath", simple_path(path));
        }
    }
    let last = record.series("assertionRunEvent").first();
    let result = last.and_then(|event| event.get("result")?.get("type")?.as_str());
    let status = match result {
        Some("SUCCESS") => Some("PASSING"),
        Some("FAILURE") => Some("FAILING"),
        other => other,
    };
    if let Some(status) = status {
        doc.add("assertionStatus", status);
    }
    if let Some(time) = record.last_observed() {
        doc.add("lastIngested", time.to_string());
    }
}
