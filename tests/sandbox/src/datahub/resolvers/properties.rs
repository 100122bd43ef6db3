//! The descriptive fields of an entity: name, properties, platform, schema, definition.

use serde_json::{Value, json};

use super::super::index::{display_name, key_name};
use super::super::kinds::urn_parts;
use super::arguments::Arguments;
use super::objects::with;
use super::{EntityNode, Shape};

/// The platform of entities that have none of their own.
const OWN_PLATFORM: &str = "urn:li:dataPlatform:datahub";

/// Resolves the field if it is one of this file; none otherwise.
pub(crate) fn field<'a>(
    node: &'a EntityNode<'a>,
    field: &str,
    arguments: &Arguments<'_>,
) -> Option<Shape<'a>> {
    Some(match (node.kind.graphql, field) {
        ("DataPlatform", "properties" | "info") => platform_info(node),
        ("DataPlatform", "name") => node
            .text("dataPlatformInfo", "name")
            .map_or_else(|| key_name(&node.urn), str::to_owned)
            .into(),
        ("DataPlatform", "displayName") => text(node.text("dataPlatformInfo", "displayName")),
        ("SchemaFieldEntity", "fieldPath") => part(node, 1).into(),
        ("SchemaFieldEntity", "parent") => part(node, 0).into(),
        ("StructuredPropertyEntity", "definition") => definition(node),
        ("StructuredPropertyEntity", "settings") => settings(node),
        ("DataTypeEntity" | "EntityTypeEntity" | "OwnershipTypeEntity", "info") => info(node),
        ("AccessTokenMetadata", _) => token(node, field)?,
        ("DataHubView", _) => view(node, field)?,
        ("QueryEntity", "properties") => Shape::opt(node.aspect("queryProperties")),
        ("QueryEntity", "subjects") => Shape::opt(
            node.aspect("querySubjects")
                .and_then(|subjects| subjects.get("subjects")),
        ),
        ("Tag", "properties") => tag_properties(node),
        (_, "platform") => platform(node).into(),
        (
            _,
            "properties" | "featureProperties" | "featureTableProperties" | "primaryKeyProperties",
        ) => properties(node),
        (_, "info") => properties(node),
        (_, "glossaryTermInfo") => properties(node),
        (_, "editableProperties" | "editableInfo") => Shape::opt(node.aspect(editable(node)?)),
        (_, "name") => name(node).into(),
        (_, "description") => description(node),
        (_, "hierarchicalName") => key_name(&node.urn).into(),
        (_, "schemaMetadata") => schema(node, arguments.number("version")),
        (_, "editableSchemaMetadata") => Shape::opt(node.aspect("editableSchemaMetadata")),
        (_, "viewProperties") => Shape::opt(node.aspect("viewProperties")),
        (_, "businessAttributes") => Shape::opt(node.aspect("businessAttributes")),
        (_, "embed") => Shape::opt(node.aspect("embed")),
        (_, "inputFields") => Shape::opt(node.aspect("inputFields")),
        (_, "origin") => part(node, 2).into(),
        (_, "externalUrl") => {
            text(info_aspect(node).and_then(|aspect| node.text(aspect, "externalUrl")))
        }
        (_, "tool" | "orchestrator" | "featureNamespace") => part(node, 0).into(),
        (_, "dashboardId" | "chartId" | "flowId" | "jobId" | "instanceId") => part(node, 1).into(),
        (_, "cluster") => part(node, 2).into(),
        (_, "dataFlow") => part(node, 0).into(),
        (_, "id") => part(node, 0).into(),
        ("Chart", "query") => Shape::opt(node.aspect("chartQuery")),
        ("DataJob", "inputOutput") => input_output(node),
        (_, "fineGrainedLineages") => Shape::opt(
            node.aspect("upstreamLineage")
                .and_then(|l| l.get("fineGrainedLineages")),
        ),
        (_, "dataTransformLogic") => Shape::opt(node.aspect("dataTransformLogic")),
        (_, "mlTrainingRunProperties") => Shape::opt(node.aspect("mlTrainingRunProperties")),
        (_, "created") => member(node, "created"),
        (_, "dataType") => member(node, "dataType"),
        _ => return None,
    })
}

fn text<'a>(text: Option<&str>) -> Shape<'a> {
    text.map_or(Shape::NULL, Into::into)
}

/// A member of the aspect that holds the properties.
fn member<'a>(node: &'a EntityNode<'a>, name: &str) -> Shape<'a> {
    let aspect = info_aspect(node).and_then(|aspect| node.aspect(aspect));
    Shape::opt(aspect.and_then(|aspect| aspect.get(name)))
}

/// A part of the urn; empty if there is none.
fn part(node: &EntityNode<'_>, index: usize) -> String {
    urn_parts(&node.urn)
        .get(index)
        .map(|part| (*part).to_owned())
        .unwrap_or_default()
}

/// The aspect behind GraphQL's `properties`.
fn info_aspect(node: &EntityNode<'_>) -> Option<&'static str> {
    Some(match node.kind.graphql {
        "Dataset" => "datasetProperties",
        "Dashboard" => "dashboardInfo",
        "Chart" => "chartInfo",
        "DataFlow" => "dataFlowInfo",
        "DataJob" => "dataJobInfo",
        "GlossaryTerm" => "glossaryTermInfo",
        "GlossaryNode" => "glossaryNodeInfo",
        "Container" => "containerProperties",
        "Domain" => "domainProperties",
        "DataProduct" => "dataProductProperties",
        "Application" => "applicationProperties",
        "MLModel" => "mlModelProperties",
        "MLModelGroup" => "mlModelGroupProperties",
        "MLFeature" => "mlFeatureProperties",
        "MLFeatureTable" => "mlFeatureTableProperties",
        "MLPrimaryKey" => "mlPrimaryKeyProperties",
        "DataPlatformInstance" => "dataPlatformInstanceProperties",
        "DataProcessInstance" => "dataProcessInstanceProperties",
        "Assertion" => "assertionInfo",
        "Tag" => "tagProperties",
        "BusinessAttribute" => "businessAttributeInfo",
        _ => return None,
    })
}

/// The aspect with the properties as people edited them.
pub(crate) fn editable(node: &EntityNode<'_>) -> Option<&'static str> {
    editable_aspect(node.kind.urn_part).or((node.kind.graphql == "Tag").then_some("tagProperties"))
}

/// The aspect that holds a description written by people, by the urn part.
pub(crate) fn editable_aspect(urn_part: &str) -> Option<&'static str> {
    Some(match urn_part {
        "dataset" => "editableDatasetProperties",
        "dashboard" => "editableDashboardProperties",
        "chart" => "editableChartProperties",
        "dataFlow" => "editableDataFlowProperties",
        "dataJob" => "editableDataJobProperties",
        "container" => "editableContainerProperties",
        "mlModel" => "editableMlModelProperties",
        "mlModelGroup" => "editableMlModelGroupProperties",
        "mlFeature" => "editableMlFeatureProperties",
        "mlFeatureTable" => "editableMlFeatureTableProperties",
        "mlPrimaryKey" => "editableMlPrimaryKeyProperties",
        _ => return None,
    })
}

fn name(node: &EntityNode<'_>) -> String {
    match (node.kind.graphql, &node.record) {
        // `name` of these comes from the key and is not the one that people read.
        ("Dataset" | "MLModel" | "MLModelGroup" | "MLFeature" | "MLFeatureTable", _)
        | ("MLPrimaryKey", _)
        | (_, None) => key_name(&node.urn),
        (_, Some(record)) => display_name(record),
    }
}

fn description<'a>(node: &'a EntityNode<'a>) -> Shape<'a> {
    let aspect = info_aspect(node).and_then(|aspect| node.aspect(aspect));
    Shape::opt(aspect.and_then(|aspect| aspect.get("description")))
}

/// The platform's urn: of the instance aspect, of the urn, or DataHub itself.
pub(crate) fn platform(node: &EntityNode<'_>) -> String {
    if let Some(platform) = node.text("dataPlatformInstance", "platform") {
        return platform.to_owned();
    }
    let first = part(node, 0);
    match node.kind.graphql {
        "Dataset" | "MLModel" | "MLModelGroup" | "MLFeatureTable" | "DataPlatformInstance" => first,
        "Dashboard" | "Chart" | "DataFlow" => format!("urn:li:dataPlatform:{first}"),
        "DataJob" => {
            let flow = urn_parts(&first).first().map(|part| (*part).to_owned());
            format!("urn:li:dataPlatform:{}", flow.unwrap_or_default())
        }
        "Container" => {
            let named = node
                .aspect("containerProperties")
                .and_then(|p| p.get("customProperties"));
            let named = named
                .and_then(|custom| custom.get("platform"))
                .and_then(Value::as_str);
            named.map_or(OWN_PLATFORM.to_owned(), |name| {
                if name.starts_with("urn:") {
                    name.to_owned()
                } else {
                    format!("urn:li:dataPlatform:{name}")
                }
            })
        }
        _ => OWN_PLATFORM.to_owned(),
    }
}

/// A platform that the catalog does not describe still has a name.
fn platform_info<'a>(node: &EntityNode<'_>) -> Shape<'a> {
    let name = key_name(&node.urn);
    let known = node.aspect("dataPlatformInfo");
    let mut info = json!({
        "name": name, "displayName": name, "type": "OTHERS", "datasetNameDelimiter": ".", "logical": false,
    });
    if let Some(known) = known {
        info = with(Some(&info), known);
    }
    info.into()
}

/// `properties`, with the members that DataHub adds from the key and the audit stamps.
fn properties<'a>(node: &'a EntityNode<'a>) -> Shape<'a> {
    let Some(name) = info_aspect(node) else {
        return Shape::NULL;
    };
    let aspect = node.aspect(name);
    let (Some(aspect), Some(record)) = (aspect, &node.record) else {
        return Shape::NULL;
    };
    let more = match node.kind.graphql {
        "Dataset" => dataset_properties(node, aspect),
        "Dashboard" | "Chart" => {
            let stamps = aspect.get("lastModified");
            json!({
                "created": stamp(stamps.and_then(|s| s.get("created"))),
                "lastModified": stamp(stamps.and_then(|s| s.get("lastModified"))),
                "deleted": stamps.and_then(|s| s.get("deleted")),
                "externalUrl": first(aspect, &["externalUrl", "dashboardUrl", "chartUrl"]),
                "charts": members(aspect, "charts", "chartEdges"),
                "inputs": members(aspect, "inputs", "inputEdges"),
                "name": first(aspect, &["title"]),
                "type": untagged(aspect.get("type")),
            })
        }
        "GlossaryTerm" | "GlossaryNode" => {
            let stamp = record.latest(name).map(|latest| latest.stamp());
            json!({ "name": display_name(record), "createdOn": stamp })
        }
        "DataProduct" => {
            let assets = aspect
                .get("assets")
                .and_then(Value::as_array)
                .map_or(0, Vec::len);
            json!({ "name": display_name(record), "numAssets": assets })
        }
        "Domain" => json!({ "createdOn": aspect.get("created") }),
        "DataProcessInstance" => json!({ "created": stamp(aspect.get("created")) }),
        "MLModel" | "MLModelGroup" => json!({
            "name": display_name(record),
            "mlFeatures": aspect.get("mlFeatures"),
        }),
        "DataFlow" | "DataJob" | "Container" | "Application" => {
            json!({ "name": display_name(record) })
        }
        _ => return Shape::opt(node.aspect(name)),
    };
    with(Some(aspect), &more).into()
}

fn dataset_properties(node: &EntityNode<'_>, aspect: &Value) -> Value {
    let (created, modified) = (aspect.get("created"), aspect.get("lastModified"));
    let time = |stamp: Option<&Value>| stamp.and_then(|stamp| stamp.get("time")).cloned();
    let actor = |stamp: Option<&Value>| stamp.and_then(|stamp| stamp.get("actor")).cloned();
    let name = first(aspect, &["name"]);
    json!({
        "name": name.unwrap_or_else(|| key_name(&node.urn)),
        "origin": part(node, 2),
        "created": time(created),
        "createdActor": actor(created),
        "lastModified": stamp(modified),
        "lastModifiedActor": actor(modified),
    })
}

/// An audit stamp, also if the aspect has none, for fields where the schema requires one.
fn stamp(stamp: Option<&Value>) -> Value {
    let time = stamp
        .and_then(|stamp| stamp.get("time"))
        .cloned()
        .unwrap_or(json!(0));
    json!({ "time": time, "actor": stamp.and_then(|stamp| stamp.get("actor")) })
}

fn first(aspect: &Value, names: &[&str]) -> Option<String> {
    names
        .iter()
        .find_map(|name| aspect.get(*name)?.as_str().filter(|t| !t.is_empty()))
        .map(str::to_owned)
}

fn untagged(value: Option<&Value>) -> Value {
    match value {
        Some(Value::Object(map)) if map.len() == 1 => {
            map.values().next().cloned().unwrap_or_default()
        }
        other => other.cloned().unwrap_or_default(),
    }
}

/// The urns of a list and of its newer form with edges.
fn members(aspect: &Value, plain: &str, edges: &str) -> Value {
    let list = |name: &str| {
        aspect
            .get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let plain = list(plain).into_iter().map(|item| untagged(Some(&item)));
    let edges = list(edges)
        .into_iter()
        .filter_map(|edge| edge.get("destinationUrn").cloned());
    plain.chain(edges).collect()
}

fn input_output<'a>(node: &'a EntityNode<'a>) -> Shape<'a> {
    let Some(aspect) = node.aspect("dataJobInputOutput") else {
        return Shape::NULL;
    };
    json!({
        "inputDatasets": members(aspect, "inputDatasets", "inputDatasetEdges"),
        "outputDatasets": members(aspect, "outputDatasets", "outputDatasetEdges"),
        "inputDatajobs": members(aspect, "inputDatajobs", "inputDatajobEdges"),
        "fineGrainedLineages": aspect.get("fineGrainedLineages"),
    })
    .into()
}

/// The schema now, or as it was at a version (0 is now).
fn schema<'a>(node: &'a EntityNode<'a>, version: Option<i64>) -> Shape<'a> {
    let Some(record) = &node.record else {
        return Shape::NULL;
    };
    let wanted = version.unwrap_or(0);
    if wanted > 0 {
        let earlier = record.earlier("schemaMetadata").iter();
        let found = earlier
            .chain(record.latest("schemaMetadata"))
            .find(|a| i64::try_from(a.version) == Ok(wanted));
        return found.map_or(Shape::NULL, |found| {
            with(Some(&found.value), &json!({ "aspectVersion": wanted })).into()
        });
    }
    Shape::opt(record.aspect("schemaMetadata"))
}

fn tag_properties<'a>(node: &EntityNode<'_>) -> Shape<'a> {
    let aspect = node.aspect("tagProperties");
    let Some(record) = &node.record else {
        return Shape::NULL;
    };
    if aspect.is_none() && record.aspect("tagKey").is_none() {
        return Shape::NULL;
    }
    with(aspect, &json!({ "name": display_name(record) })).into()
}

/// Types of entities, types of values and types of ownership.
fn info<'a>(node: &'a EntityNode<'a>) -> Shape<'a> {
    let id = key_name(&node.urn);
    let short = id.rsplit('.').next().unwrap_or(&id).to_owned();
    match node.kind.graphql {
        "OwnershipTypeEntity" => Shape::opt(node.aspect("ownershipTypeInfo")),
        "DataTypeEntity" => {
            let kind = match short.as_str() {
                "string" | "number" | "urn" | "date" => short.to_uppercase(),
                "rich_text" => "RICH_TEXT".to_owned(),
                _ => "OTHER".to_owned(),
            };
            let more = json!({ "type": kind, "qualifiedName": id });
            with(node.aspect("dataTypeInfo"), &more).into()
        }
        _ => {
            let kind = super::super::kinds::EntityKind::of_part(&short);
            let kind = kind.map_or("OTHER", |kind| kind.enum_value);
            let more = json!({ "type": kind, "qualifiedName": id });
            with(node.aspect("entityTypeInfo"), &more).into()
        }
    }
}

fn definition<'a>(node: &'a EntityNode<'a>) -> Shape<'a> {
    let id = key_name(&node.urn);
    let empty = json!({
        "qualifiedName": id, "valueType": "urn:li:dataType:datahub.string", "entityTypes": [],
        "cardinality": "SINGLE", "immutable": false,
    });
    let aspect = node.aspect("propertyDefinition");
    let mut definition = with(Some(&empty), aspect.unwrap_or(&Value::Null));
    if let Some(qualifier) = aspect.and_then(|a| a.get("typeQualifier")) {
        let allowed = qualifier.get("allowedTypes");
        definition["typeQualifier"] = json!({ "allowedTypes": allowed });
    }
    definition.into()
}

fn settings<'a>(node: &EntityNode<'_>) -> Shape<'a> {
    let Some(settings) = node.aspect("structuredPropertySettings") else {
        return Shape::NULL;
    };
    let off = json!({
        "isHidden": false, "showInSearchFilters": false, "showInAssetSummary": false,
        "hideInAssetSummaryWhenEmpty": false, "showAsAssetBadge": false, "showInColumnsTable": false,
    });
    with(Some(&off), settings).into()
}

fn token<'a>(node: &'a EntityNode<'a>, field: &str) -> Option<Shape<'a>> {
    let info = node.aspect("dataHubAccessTokenInfo");
    Some(match field {
        "id" => part(node, 0).into(),
        "owner" => Shape::opt(info.and_then(|info| info.get("ownerUrn"))),
        "name" | "description" | "actorUrn" | "ownerUrn" | "createdAt" | "expiresAt" => {
            Shape::opt(info.and_then(|info| info.get(field)))
        }
        _ => return None,
    })
}

fn view<'a>(node: &'a EntityNode<'a>, field: &str) -> Option<Shape<'a>> {
    let info = node.aspect("dataHubViewInfo");
    Some(match field {
        "viewType" => Shape::opt(info.and_then(|info| info.get("type"))),
        "name" => node
            .text("dataHubViewInfo", "name")
            .unwrap_or_default()
            .into(),
        "description" => Shape::opt(info.and_then(|info| info.get("description"))),
        "definition" => super::super::views::definition(info).into(),
        _ => return None,
    })
}
