//! Parts of aspects whose GraphQL field differs from the aspect by name or by form. Everything else
//! is the member of the same name.

use serde_json::{Map, Value, json};

use super::super::kinds::{column_urn, urn_parts, urn_type};
use super::Shape;

/// Members that differ only by name: type, field, path in the JSON.
const ALIASES: &[(&str, &str, &[&str])] = &[
    ("AssertionInfo", "datasetAssertion", &["datasetAssertion"]),
    (
        "BusinessAttributeAssociation",
        "businessAttribute",
        &["businessAttributeUrn"],
    ),
    ("BusinessAttributeInfo", "tags", &["globalTags"]),
    ("ChartProperties", "name", &["title"]),
    ("ChartInfo", "name", &["title"]),
    ("CorpUserInfo", "manager", &["managerUrn"]),
    ("CorpUserProperties", "manager", &["managerUrn"]),
    ("DashboardProperties", "name", &["title"]),
    ("DashboardInfo", "name", &["title"]),
    ("DataTypeEntity", "type", &["type"]),
    ("DatasetAssertionInfo", "datasetUrn", &["dataset"]),
    ("DocumentParentDocument", "document", &["document"]),
    ("EditableSchemaFieldInfo", "tags", &["globalTags"]),
    ("FieldAssertionInfo", "entityUrn", &["entity"]),
    ("FieldUsageCounts", "fieldName", &["fieldPath"]),
    ("FreshnessAssertionInfo", "entityUrn", &["entity"]),
    ("GlossaryNodeProperties", "description", &["definition"]),
    ("GlossaryTermAssociation", "term", &["urn"]),
    ("GlossaryTermInfo", "description", &["definition"]),
    ("GlossaryTermProperties", "description", &["definition"]),
    (
        "InstitutionalMemoryMetadata",
        "actor",
        &["createStamp", "actor"],
    ),
    (
        "InstitutionalMemoryMetadata",
        "author",
        &["createStamp", "actor"],
    ),
    ("InstitutionalMemoryMetadata", "created", &["createStamp"]),
    ("InstitutionalMemoryMetadata", "label", &["description"]),
    ("InstitutionalMemoryMetadata", "updated", &["updateStamp"]),
    ("QueryProperties", "createdOn", &["created"]),
    ("QuerySubject", "schemaField", &["entity"]),
    ("SchemaAssertionInfo", "entityUrn", &["entity"]),
    ("SchemaField", "tags", &["globalTags"]),
    ("SqlAssertionInfo", "entityUrn", &["entity"]),
    (
        "StructuredPropertiesEntry",
        "structuredProperty",
        &["propertyUrn"],
    ),
    ("UsageAggregationMetrics", "fields", &["fieldCounts"]),
    ("UsageAggregationMetrics", "users", &["userCounts"]),
    ("ViewProperties", "formattedLogic", &["formattedViewLogic"]),
    ("ViewProperties", "language", &["viewLanguage"]),
    ("ViewProperties", "logic", &["viewLogic"]),
    ("VolumeAssertionInfo", "entityUrn", &["entity"]),
];

/// Members that are false, zero or empty if the aspect lacks them.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("CorpUserInfo", "active", "false"),
    ("CorpUserProperties", "active", "false"),
    ("Deprecation", "deprecated", "false"),
    ("DocumentSettings", "showInGlobalContext", "true"),
    ("GlossaryTermInfo", "definition", "\"\""),
    ("GlossaryTermInfo", "termSource", "\"INTERNAL\""),
    ("GlossaryTermProperties", "definition", "\"\""),
    ("GlossaryTermProperties", "termSource", "\"INTERNAL\""),
    (
        "InstitutionalMemoryMetadataSettings",
        "showInAssetPreview",
        "false",
    ),
    ("SchemaField", "isPartOfKey", "false"),
    ("SchemaField", "isPartitioningKey", "false"),
    ("SchemaField", "nullable", "false"),
    ("SchemaField", "recursive", "false"),
    ("SiblingProperties", "isPrimary", "false"),
    ("Status", "removed", "false"),
    ("StructuredPropertyDefinition", "cardinality", "\"SINGLE\""),
    ("StructuredPropertyDefinition", "immutable", "false"),
    ("ViewProperties", "language", "\"\""),
    ("ViewProperties", "logic", "\"\""),
    ("ViewProperties", "materialized", "false"),
];

/// One field of a part of an aspect.
pub(crate) fn field<'a>(
    type_name: &str,
    field: &str,
    value: &'a Value,
    owner: Option<&str>,
) -> Shape<'a> {
    if let Some(shape) = special(type_name, field, value, owner) {
        return shape;
    }
    let alias = ALIASES
        .iter()
        .find(|(of, name, _)| *of == type_name && *name == field);
    let found = match alias {
        Some((_, _, path)) => path.iter().try_fold(value, |value, name| value.get(*name)),
        None => value.get(field),
    };
    match found {
        Some(found) if !found.is_null() => Shape::Ref(found),
        _ if field == "associatedUrn" => owner.map_or(Shape::NULL, Into::into),
        _ => default(type_name, field),
    }
}

fn default<'a>(type_name: &str, field: &str) -> Shape<'a> {
    if type_name == "FeatureFlagsConfig" {
        return false.into();
    }
    let found = DEFAULTS
        .iter()
        .find(|(of, name, _)| *of == type_name && *name == field);
    found.map_or(Shape::NULL, |(_, _, text)| {
        Shape::Own(serde_json::from_str(text).unwrap_or_default())
    })
}

/// Fields that are made from several members, or from a member of another form.
fn special<'a>(
    type_name: &str,
    field: &str,
    value: &'a Value,
    owner: Option<&str>,
) -> Option<Shape<'a>> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    Some(match (type_name, field) {
        ("SchemaField", "type") | ("SchemaAssertionField", "type") => column_type(value).into(),
        ("SchemaField", "schemaFieldEntity") => column_urn(owner?, text("fieldPath")?).into(),
        ("SchemaField", "nullable") => value.get("nullable")?.as_bool()?.into(),
        ("SchemaMetadata", "name") => text("schemaName").unwrap_or_default().into(),
        ("SchemaMetadata", "platformUrn") => text("platform").unwrap_or_default().into(),
        ("SchemaMetadata", "hash") => text("hash").unwrap_or_default().into(),
        ("SchemaMetadata", "version") => value
            .get("version")
            .and_then(Value::as_i64)
            .unwrap_or(0)
            .into(),
        ("SchemaMetadata", "datasetUrn") => text("dataset").or(owner)?.into(),
        ("SchemaMetadata", "createdAt") => Shape::opt(value.get("created")?.get("time")),
        ("SchemaMetadata", "platformSchema") => platform_schema(value.get("platformSchema")?),
        ("DatasetAssertionInfo", "fields")
        | ("FineGrainedLineage", "upstreams" | "downstreams") => {
            let urns = value.get(field)?.as_array()?;
            urns.iter()
                .filter_map(Value::as_str)
                .map(column_ref)
                .collect::<Value>()
                .into()
        }
        ("CustomAssertionInfo", "entityUrn") => Shape::opt(value.get("entity")),
        ("CustomAssertionInfo", "field") => column_ref(text("field")?).into(),
        ("Owner", "ownershipType") => ownership_type(value)?.into(),
        ("Owner", "type") => Shape::opt(value.get("type")),
        ("GlossaryTermAssociation", "actor") => Shape::opt(value.get("actor")),
        ("TagAssociation" | "GlossaryTermAssociation", "context") => {
            Shape::opt(value.get("context"))
        }
        ("Deprecation", "actorEntity") => Shape::opt(value.get("actor")),
        ("AllowedValue", "value") => property_value(value.get("value")?),
        ("StructuredPropertiesEntry", "values") => {
            let values = value.get("values")?.as_array()?;
            let values = values
                .iter()
                .map(|value| property_value(value).value().clone());
            values.collect::<Value>().into()
        }
        ("StructuredPropertiesEntry", "valueEntities") => {
            let values = value.get("values")?.as_array()?;
            let urns = values
                .iter()
                .filter_map(|value| value.get("string").or(Some(value))?.as_str());
            urns.filter(|urn| urn_type(urn).is_some())
                .collect::<Value>()
                .into()
        }
        ("QuerySubject", "dataset") => {
            let entity = text("entity")?;
            let parent = urn_parts(entity);
            let parent = if urn_type(entity)? == "schemaField" {
                *parent.first()?
            } else {
                entity
            };
            parent.into()
        }
        ("MLModelProperties", "version") | ("MLModelGroupProperties", "createdAt") => {
            Shape::opt(value.get(field)?.get("versionTag").or(value.get(field)))
        }
        ("AssertionResult", "nativeResults") | ("AssertionResultError", "properties") => {
            Shape::opt(value.get(field))
        }
        ("Quantile", _) | ("ValueFrequency", "value") => return None,
        ("DataPlatformProperties" | "DataPlatformInfo", "datasetNameDelimiter") => {
            text("datasetNameDelimiter").unwrap_or(".").into()
        }
        ("DataPlatformProperties" | "DataPlatformInfo", "type") => {
            text("type").unwrap_or("OTHERS").into()
        }
        ("SchemaFieldRef", _) if value.is_string() => {
            let column = column_ref(value.as_str()?);
            Shape::Own(column.get(field).cloned().unwrap_or_default())
        }
        ("SiblingProperties", "isPrimary") => Shape::opt(value.get("primary")),
        ("TableSchema", "schema") => Shape::opt(value.get("schema")),
        ("IncidentSource", "source") => Shape::opt(value.get("sourceUrn")),
        _ => return None,
    })
}

/// `{"type": {"com.linkedin.schema.StringType": {}}}` is `STRING`.
fn column_type(field: &Value) -> &'static str {
    let class = field
        .get("type")
        .and_then(|t| t.get("type").unwrap_or(t).as_object());
    let class = class.and_then(|map| map.keys().next());
    match class.and_then(|class| class.rsplit('.').next()) {
        Some("BooleanType") => "BOOLEAN",
        Some("FixedType") => "FIXED",
        Some("StringType") => "STRING",
        Some("BytesType") => "BYTES",
        Some("NumberType") => "NUMBER",
        Some("DateType") => "DATE",
        Some("TimeType") => "TIME",
        Some("EnumType") => "ENUM",
        Some("ArrayType") => "ARRAY",
        Some("MapType") => "MAP",
        Some("RecordType" | "StructType") => "STRUCT",
        Some("UnionType") => "UNION",
        _ => "NULL",
    }
}

/// A column as `SchemaFieldRef`.
fn column_ref(urn: &str) -> Value {
    let parts = urn_parts(urn);
    let path = parts.get(1).copied().unwrap_or(urn);
    json!({ "urn": urn, "path": path })
}

/// The ownership type's urn; the older enum maps to DataHub's own types.
fn ownership_type(owner: &Value) -> Option<String> {
    if let Some(urn) = owner.get("typeUrn").and_then(Value::as_str) {
        return Some(urn.to_owned());
    }
    let id = match owner.get("type")?.as_str()? {
        "TECHNICAL_OWNER" | "DATAOWNER" | "DEVELOPER" | "PRODUCER" => "technical_owner",
        "BUSINESS_OWNER" | "STAKEHOLDER" | "DELEGATE" => "business_owner",
        "DATA_STEWARD" => "data_steward",
        _ => "none",
    };
    Some(format!("urn:li:ownershipType:__system__{id}"))
}

/// `{"string": "x"}` or `"x"` is a `StringValue`, a number a `NumberValue`.
fn property_value(value: &Value) -> Shape<'_> {
    let inner = match value {
        Value::Object(map) if map.len() == 1 => map.values().next().unwrap_or(value),
        other => other,
    };
    match inner {
        Value::Number(_) => json!({ "__typename": "NumberValue", "numberValue": inner }).into(),
        Value::String(_) => json!({ "__typename": "StringValue", "stringValue": inner }).into(),
        other => json!({ "__typename": "StringValue", "stringValue": other.to_string() }).into(),
    }
}

/// The platform's own schema, as the GraphQL type for its form.
fn platform_schema(tagged: &Value) -> Shape<'_> {
    let member = tagged.as_object().and_then(|map| map.iter().next());
    let Some((class, inner)) = member else {
        return Shape::NULL;
    };
    let text = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| inner.get(*name)?.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    if class.ends_with("KeyValueSchema") {
        return json!({
            "__typename": "KeyValueSchema",
            "keySchema": text(&["keySchema"]),
            "valueSchema": text(&["valueSchema"]),
        })
        .into();
    }
    let schema = text(&["tableSchema", "rawSchema", "documentSchema", "schema"]);
    json!({ "__typename": "TableSchema", "schema": schema }).into()
}

/// A copy of an object with additional members.
pub(crate) fn with(value: Option<&Value>, more: &Value) -> Value {
    let mut map = value
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_else(Map::new);
    for (key, value) in more.as_object().into_iter().flatten() {
        map.insert(key.clone(), value.clone());
    }
    Value::Object(map)
}
