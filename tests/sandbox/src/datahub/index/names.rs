//! The names of entities.

use super::super::kinds::urn_parts;
use super::super::record::Record;

/// The aspects and members that hold the name of an entity, by its type; the first non-empty one
/// counts.
fn places(entity_type: &str) -> &'static [(&'static str, &'static str)] {
    match entity_type {
        "dataset" => &[
            ("editableDatasetProperties", "name"),
            ("datasetProperties", "name"),
        ],
        "dashboard" => &[("dashboardInfo", "title")],
        "chart" => &[("chartInfo", "title")],
        "dataFlow" => &[("dataFlowInfo", "name")],
        "dataJob" => &[("dataJobInfo", "name")],
        "glossaryTerm" => &[("glossaryTermInfo", "name")],
        "glossaryNode" => &[("glossaryNodeInfo", "name")],
        "tag" => &[("tagProperties", "name")],
        "corpuser" => &[
            ("corpUserEditableInfo", "displayName"),
            ("corpUserInfo", "displayName"),
            ("corpUserInfo", "fullName"),
            ("corpUserKey", "username"),
        ],
        "corpGroup" => &[("corpGroupInfo", "displayName"), ("corpGroupKey", "name")],
        "container" => &[("containerProperties", "name")],
        "domain" => &[("domainProperties", "name")],
        "dataProduct" => &[("dataProductProperties", "name")],
        "application" => &[("applicationProperties", "name")],
        "document" => &[("documentInfo", "title")],
        "mlModel" => &[("mlModelProperties", "name")],
        "mlModelGroup" => &[("mlModelGroupProperties", "name")],
        "dataPlatform" => &[
            ("dataPlatformInfo", "displayName"),
            ("dataPlatformInfo", "name"),
        ],
        "dataProcessInstance" => &[("dataProcessInstanceProperties", "name")],
        "ownershipType" => &[("ownershipTypeInfo", "name")],
        "structuredProperty" => &[
            ("propertyDefinition", "displayName"),
            ("propertyDefinition", "qualifiedName"),
        ],
        "query" => &[("queryProperties", "name")],
        "dataHubView" => &[("dataHubViewInfo", "name")],
        "incident" => &[("incidentInfo", "title")],
        "assertion" => &[("assertionInfo", "description")],
        _ => &[],
    }
}

/// The name that people read; taken from the urn if no aspect has one.
pub(crate) fn display_name(record: &Record) -> String {
    let named = record.first_text(places(&record.entity_type));
    named.map_or_else(|| key_name(&record.urn), str::to_owned)
}

/// The name in the urn.
pub(crate) fn key_name(urn: &str) -> String {
    let parts = urn_parts(urn);
    let part = match (urn.split(':').nth(2), parts.as_slice()) {
        (Some("dataset" | "mlModel" | "mlModelGroup"), [_, name, ..])
        | (Some("dashboard" | "chart" | "mlFeatureTable"), [_, name, ..])
        | (Some("dataFlow" | "dataJob" | "mlFeature" | "mlPrimaryKey"), [_, name, ..])
        | (Some("schemaField" | "dataPlatformInstance"), [_, name, ..]) => name,
        (_, [first, ..]) => first,
        _ => "",
    };
    part.to_owned()
}
