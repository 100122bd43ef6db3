//! The tools, one file each, their GraphQL documents beside them.

mod add_tags;
mod add_terms;
mod columns;
mod create_tag;
pub(crate) mod documents;
mod domains;
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
mod incidents;
mod list_schema_fields;
mod owners;
mod remove_tags;
mod remove_terms;
mod save_document;
mod search;
mod search_documents;
mod structured_properties;
mod update_description;
mod writing;

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
        Box::new(add_tags::AddTags),
        Box::new(remove_tags::RemoveTags),
        Box::new(create_tag::CreateTag),
        Box::new(add_terms::AddTerms),
        Box::new(remove_terms::RemoveTerms),
        Box::new(owners::AddOwners),
        Box::new(owners::RemoveOwners),
        Box::new(domains::SetDomains),
        Box::new(domains::RemoveDomains),
        Box::new(update_description::UpdateDescription),
        Box::new(structured_properties::AddStructuredProperties),
        Box::new(structured_properties::RemoveStructuredProperties),
        Box::new(save_document::SaveDocument),
        Box::new(incidents::RaiseIncident),
        Box::new(incidents::ResolveIncident),
    ]
}
