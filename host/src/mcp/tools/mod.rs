//! The tools, one file each, their GraphQL documents beside them.

mod columns;
pub(crate) mod documents;
mod get_aspect_history;
mod get_dataset_assertions;
mod get_dataset_profile;
mod get_dataset_queries;
pub(super) mod get_entities;
mod get_lineage;
mod get_lineage_paths_between;
mod get_me;
mod get_usage_statistics;
mod grep_documents;
mod list_schema_fields;
mod search;
mod search_documents;

use super::{settings::Settings, tool::AnyTool};

/// Every tool there is, in the order in which a model reads them.
pub(crate) fn all(settings: &Settings) -> Vec<Box<dyn AnyTool>> {
    vec![
        Box::new(search::Search {
            semantic: settings.semantic_search,
        }),
        Box::new(get_entities::GetEntities),
        Box::new(list_schema_fields::ListSchemaFields),
        Box::new(get_lineage::GetLineage),
        Box::new(get_lineage_paths_between::GetLineagePathsBetween),
        Box::new(get_dataset_queries::GetDatasetQueries),
        Box::new(get_usage_statistics::GetUsageStatistics),
        Box::new(get_dataset_profile::GetDatasetProfile),
        Box::new(get_dataset_assertions::GetDatasetAssertions),
        Box::new(get_aspect_history::GetAspectHistory),
        Box::new(search_documents::SearchDocuments),
        Box::new(grep_documents::GrepDocuments),
        Box::new(get_me::GetMe),
    ]
}
