//! One condition in DataHub's own form.

use serde::Serialize;

/// One `FacetFilterInput` of DataHub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FacetFilter {
    pub(crate) field: String,
    pub(crate) condition: &'static str,
    pub(crate) values: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) negated: bool,
}

/// Entity types whose index is not called as GraphQL calls them, which is what a condition on
/// `_entityType` asks for.
const INDICES: &[(&str, &str)] = &[
    ("CUSTOM_OWNERSHIP_TYPE", "OWNERSHIP_TYPE"),
    ("EXECUTION_REQUEST", "DATAHUB_EXECUTION_REQUEST"),
    ("INGESTION_SOURCE", "DATAHUB_INGESTION_SOURCE"),
];

/// Fields of the index of DataHub Cloud, which open-source DataHub does not have: a condition on one
/// selects nothing there.
const OF_CLOUD: &[&str] = &[
    "hasFailingAssertions",
    "queryCountLast30DaysFeature",
    "rowCountFeature",
    "sizeInBytesFeature",
    "uniqueUserCountLast30DaysFeature",
    "usageCountLast30DaysFeature",
    "viewCountLast30DaysFeature",
];

impl FacetFilter {
    /// Puts the names of indices in place of entity types.
    pub(super) fn as_indexed(&mut self) {
        if self.field != "_entityType" {
            return;
        }
        for value in &mut self.values {
            let known = INDICES.iter().find(|(of_type, _)| of_type == value);
            if let Some((_, index)) = known {
                (*index).clone_into(value);
            }
        }
    }
}

/// True for a field that only DataHub Cloud has.
pub(super) fn is_of_cloud(field: &str) -> bool {
    OF_CLOUD.contains(&field)
}
