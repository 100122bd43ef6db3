//! The entity types that the embedded DataHub knows: urn part, `EntityType` value, GraphQL type.
//!
//! An entity of any other type is stored and returned by REST, but does not exist in GraphQL.

/// One entity type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EntityKind {
    /// The third part of the urn, and `entityType` of a metadata change proposal.
    pub(crate) urn_part: &'static str,
    /// The value of the GraphQL enum `EntityType`.
    pub(crate) enum_value: &'static str,
    /// The name of the GraphQL object type.
    pub(crate) graphql: &'static str,
    /// True if it is searched when `types` is missing.
    pub(crate) searched: bool,
}

const fn kind(
    urn_part: &'static str,
    enum_value: &'static str,
    graphql: &'static str,
    searched: bool,
) -> EntityKind {
    EntityKind {
        urn_part,
        enum_value,
        graphql,
        searched,
    }
}

/// All entity types. The searched ones are DataHub's `SearchUtils.SEARCHABLE_ENTITY_TYPES`.
pub(crate) static KINDS: &[EntityKind] = &[
    kind("dataset", "DATASET", "Dataset", true),
    kind("dashboard", "DASHBOARD", "Dashboard", true),
    kind("chart", "CHART", "Chart", true),
    kind("mlModel", "MLMODEL", "MLModel", true),
    kind("mlModelGroup", "MLMODEL_GROUP", "MLModelGroup", true),
    kind("mlFeatureTable", "MLFEATURE_TABLE", "MLFeatureTable", true),
    kind("mlFeature", "MLFEATURE", "MLFeature", true),
    kind("mlPrimaryKey", "MLPRIMARY_KEY", "MLPrimaryKey", true),
    kind("dataFlow", "DATA_FLOW", "DataFlow", true),
    kind("dataJob", "DATA_JOB", "DataJob", true),
    kind("glossaryTerm", "GLOSSARY_TERM", "GlossaryTerm", true),
    kind("glossaryNode", "GLOSSARY_NODE", "GlossaryNode", true),
    kind("tag", "TAG", "Tag", true),
    kind("corpuser", "CORP_USER", "CorpUser", true),
    kind("corpGroup", "CORP_GROUP", "CorpGroup", true),
    kind("container", "CONTAINER", "Container", true),
    kind("domain", "DOMAIN", "Domain", true),
    kind("dataProduct", "DATA_PRODUCT", "DataProduct", true),
    kind("application", "APPLICATION", "Application", true),
    kind("document", "DOCUMENT", "Document", true),
    kind("schemaField", "SCHEMA_FIELD", "SchemaFieldEntity", false),
    kind("dataPlatform", "DATA_PLATFORM", "DataPlatform", false),
    kind(
        "dataPlatformInstance",
        "DATA_PLATFORM_INSTANCE",
        "DataPlatformInstance",
        false,
    ),
    kind(
        "dataProcessInstance",
        "DATA_PROCESS_INSTANCE",
        "DataProcessInstance",
        false,
    ),
    kind("assertion", "ASSERTION", "Assertion", false),
    kind("incident", "INCIDENT", "Incident", false),
    kind("query", "QUERY", "QueryEntity", false),
    kind("dataHubView", "DATAHUB_VIEW", "DataHubView", false),
    kind(
        "ownershipType",
        "CUSTOM_OWNERSHIP_TYPE",
        "OwnershipTypeEntity",
        false,
    ),
    kind(
        "structuredProperty",
        "STRUCTURED_PROPERTY",
        "StructuredPropertyEntity",
        false,
    ),
    kind("dataType", "DATA_TYPE", "DataTypeEntity", false),
    kind("entityType", "ENTITY_TYPE", "EntityTypeEntity", false),
    kind(
        "dataHubAccessToken",
        "ACCESS_TOKEN",
        "AccessTokenMetadata",
        false,
    ),
];

impl EntityKind {
    /// True for types of which DataHub returns no stub: without their one aspect they do not exist.
    pub(crate) fn needs_aspects(&self) -> bool {
        matches!(
            self.urn_part,
            "dataHubView" | "incident" | "dataHubAccessToken"
        )
    }

    /// The kind of a urn; none for a type that is not in GraphQL, or for text that is not a urn.
    pub(crate) fn of_urn(urn: &str) -> Option<&'static Self> {
        Self::of_part(urn_type(urn)?)
    }

    /// The kind with this urn part. REST paths write it in lower case.
    pub(crate) fn of_part(part: &str) -> Option<&'static Self> {
        KINDS
            .iter()
            .find(|kind| kind.urn_part.eq_ignore_ascii_case(part))
    }

    /// The kind with this value of `EntityType`.
    pub(crate) fn of_enum(value: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.enum_value == value)
    }
}

/// The entity type in `urn:li:<type>:<id>`; none if the text is not a well-formed urn.
pub(crate) fn urn_type(urn: &str) -> Option<&str> {
    let (part, id) = urn.strip_prefix("urn:li:")?.split_once(':')?;
    let well_formed = !part.is_empty()
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !id.is_empty()
        && balanced(id);
    well_formed.then_some(part)
}

/// The parts of a tuple urn, `urn:li:dataset:(a,b,c)`, or the one id of a simple urn.
pub(crate) fn urn_parts(urn: &str) -> Vec<&str> {
    let id = urn.splitn(4, ':').nth(3).unwrap_or_default();
    let Some(inner) = id.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else {
        return vec![id];
    };
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_i32, 0);
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&inner[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[from..]);
    parts
}

/// The urn of a column. DataHub encodes these three characters of its path and no other.
pub(crate) fn column_urn(parent: &str, path: &str) -> String {
    let path = path.replace('(', "%28").replace(')', "%29");
    format!("urn:li:schemaField:({parent},{})", path.replace(',', "%2C"))
}

fn balanced(id: &str) -> bool {
    let mut depth = 0_i32;
    for byte in id.bytes() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b' ' if depth == 0 && id.starts_with('(') => return false,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuple_urns_are_taken_apart_at_their_own_level() {
        let job = "urn:li:dataJob:(urn:li:dataFlow:(airflow,shop,PROD),load)";
        assert_eq!(urn_type(job), Some("dataJob"));
        assert_eq!(
            urn_parts(job),
            ["urn:li:dataFlow:(airflow,shop,PROD)", "load"]
        );
        assert_eq!(urn_parts("urn:li:tag:a:b"), ["a:b"]);
    }

    #[test]
    fn text_that_is_no_urn_has_no_type() {
        for text in [
            "",
            "urn:li:dataset",
            "urn:li:dataset:",
            "urn:li:dataset:(a,b",
            "orders",
        ] {
            assert_eq!(urn_type(text), None, "{text}");
        }
    }
}
