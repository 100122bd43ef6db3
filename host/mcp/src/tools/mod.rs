//! The tools, one file each, with their GraphQL documents beside them.

mod add_owners;
mod add_structured_properties;
mod add_tags;
mod add_terms;
mod add_to_data_product;
mod columns;
mod create_data_product;
mod create_glossary_term;
mod create_tag;
mod created;
mod details;
mod domain_membership;
pub(super) mod entity;
mod flat;
mod further_kinds;
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
mod hits;
mod labels;
mod list_incidents;
mod list_schema_fields;
pub(super) mod near_urns;
mod nothing_found;
mod ownership;
mod passages;
mod people;
mod product_membership;
mod raise_incident;
mod remove_domains;
mod remove_from_data_product;
mod remove_owners;
mod remove_structured_properties;
mod remove_tags;
mod remove_terms;
mod resolve_incident;
mod said;
mod save_document;
mod search;
mod search_documents;
mod set_domains;
pub(super) mod shared_folder;
mod sorted;
mod structured_properties;
mod update_description;
mod window;
mod writing;

use super::{settings::Settings, tool::AnyTool};

/// All tools, in the order in which a model reads them.
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
        Box::new(list_incidents::ListIncidents),
        Box::new(get_aspect_history::GetAspectHistory),
        Box::new(search_documents::SearchDocuments),
        Box::new(grep_documents::GrepDocuments::new()),
        Box::new(get_me::GetMe),
        Box::new(add_tags::AddTags),
        Box::new(remove_tags::RemoveTags),
        Box::new(create_tag::CreateTag),
        Box::new(add_terms::AddTerms),
        Box::new(remove_terms::RemoveTerms),
        Box::new(create_glossary_term::CreateGlossaryTerm),
        Box::new(add_owners::AddOwners),
        Box::new(remove_owners::RemoveOwners),
        Box::new(set_domains::SetDomains),
        Box::new(remove_domains::RemoveDomains),
        Box::new(create_data_product::CreateDataProduct),
        Box::new(add_to_data_product::AddToDataProduct),
        Box::new(remove_from_data_product::RemoveFromDataProduct),
        Box::new(update_description::UpdateDescription),
        Box::new(add_structured_properties::AddStructuredProperties),
        Box::new(remove_structured_properties::RemoveStructuredProperties),
        Box::new(save_document::SaveDocument),
        Box::new(raise_incident::RaiseIncident),
        Box::new(resolve_incident::ResolveIncident),
    ]
}
