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
