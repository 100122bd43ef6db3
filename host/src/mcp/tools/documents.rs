//! Every GraphQL document that is sent, made once per process.

use std::sync::LazyLock;

use crate::datahub::{Document, Since};

/// A document from the file beside its tool.
macro_rules! document {
    ($name:ident, $file:literal) => {
        document!($name, $file, Since::ALWAYS);
    };
    ($name:ident, $file:literal, $since:expr) => {
        pub(crate) static $name: LazyLock<Document> =
            LazyLock::new(|| Document::new(include_str!($file)).since($since));
    };
}

document!(ADD_OWNERS, "add_owners.graphql");
document!(
    ADD_STRUCTURED_PROPERTIES,
    "add_structured_properties.graphql"
);
document!(ADD_TAGS, "add_tags.graphql");
document!(ADD_TERMS, "add_terms.graphql");
document!(AUTOCOMPLETE, "autocomplete.graphql");
document!(
    CREATE_DOCUMENT,
    "save_document_create.graphql",
    Since::DOCUMENTS
);
document!(CREATE_TAG, "create_tag.graphql");
document!(DESCRIBE_CHART, "update_description_chart.graphql");
document!(DESCRIBE_DASHBOARD, "update_description_dashboard.graphql");
document!(DESCRIBE_DATASET, "update_description_dataset.graphql");
document!(DESCRIBE_DATA_FLOW, "update_description_data_flow.graphql");
document!(DESCRIBE_DATA_JOB, "update_description_data_job.graphql");
document!(DESCRIPTION, "description.graphql");
document!(OWNERSHIP_TYPES, "ownership_types.graphql");
document!(PROPERTY_DEFINITION, "property_definition.graphql");
document!(RAISE_INCIDENT, "raise_incident.graphql");
document!(REMOVE_OWNERS, "remove_owners.graphql");
document!(
    REMOVE_STRUCTURED_PROPERTIES,
    "remove_structured_properties.graphql"
);
document!(REMOVE_TAGS, "remove_tags.graphql");
document!(REMOVE_TERMS, "remove_terms.graphql");
document!(RESOLVE_INCIDENT, "resolve_incident.graphql");
document!(SET_DOMAINS, "set_domains.graphql");
document!(UPDATE_DESCRIPTION, "update_description.graphql");
document!(
    UPDATE_DOCUMENT_CONTENTS,
    "save_document_contents.graphql",
    Since::DOCUMENTS
);
document!(
    UPDATE_DOCUMENT_RELATED,
    "save_document_related.graphql",
    Since::DOCUMENTS
);
document!(COLUMNS, "columns.graphql");
document!(COLUMN_LINEAGE, "get_lineage_columns.graphql");
document!(DATASET_ASSERTIONS, "get_dataset_assertions.graphql");
document!(DATASET_PROFILE, "get_dataset_profile.graphql");
document!(DATASET_QUERIES, "get_dataset_queries.graphql");
document!(DEFAULT_VIEW, "default_view.graphql");
document!(DOCUMENT_TEXT, "document_text.graphql", Since::DOCUMENTS);
document!(GET_ME, "get_me.graphql");
document!(LINEAGE, "get_lineage.graphql");
document!(LINEAGE_NEIGHBOURS, "get_lineage_neighbours.graphql");
document!(LINEAGE_PATHS, "get_lineage_paths.graphql");
document!(SCHEMA_FIELDS, "list_schema_fields.graphql");
document!(SEARCH, "search.graphql");
document!(
    SEARCH_DOCUMENTS,
    "search_documents.graphql",
    Since::DOCUMENTS
);
document!(
    SEARCH_DOCUMENTS_SEMANTIC,
    "search_documents_semantic.graphql",
    Since::DOCUMENTS
);
document!(SEARCH_SEMANTIC, "search_semantic.graphql", Since::DOCUMENTS);
document!(USAGE_STATISTICS, "get_usage_statistics.graphql");

/// The documents of `get_entities`: one for each kind of entity, no longer than that kind needs.
macro_rules! entities {
    ($($kind:literal => $name:ident, $file:literal $(, $since:expr)?;)*) => {
        $(entities!(@one $name, $file $(, $since)?);)*

        /// The document for entities of `kind`, as their urns name it.
        pub(crate) fn entity(kind: &str) -> &'static Document {
            match kind {
                $($kind => &$name,)*
                _ => &OTHER,
            }
        }
    };
    (@one $name:ident, $file:literal) => {
        document!($name, $file);
    };
    (@one $name:ident, $file:literal, $since:expr) => {
        document!($name, $file, $since);
    };
}

entities! {
    "assertion" => ASSERTION, "entities/assertion.graphql";
    "chart" => CHART, "entities/chart.graphql";
    "container" => CONTAINER, "entities/container.graphql";
    "corpGroup" => CORP_GROUP, "entities/corp_group.graphql";
    "corpuser" => CORP_USER, "entities/corp_user.graphql";
    "dashboard" => DASHBOARD, "entities/dashboard.graphql";
    "dataFlow" => DATA_FLOW, "entities/data_flow.graphql";
    "dataJob" => DATA_JOB, "entities/data_job.graphql";
    "dataPlatform" => DATA_PLATFORM, "entities/data_platform.graphql";
    "dataProduct" => DATA_PRODUCT, "entities/data_product.graphql";
    "dataset" => DATASET, "entities/dataset.graphql";
    "document" => DOCUMENT, "entities/document.graphql", Since::DOCUMENTS;
    "domain" => DOMAIN, "entities/domain.graphql";
    "glossaryNode" => GLOSSARY_NODE, "entities/glossary_node.graphql";
    "glossaryTerm" => GLOSSARY_TERM, "entities/glossary_term.graphql";
    "incident" => INCIDENT, "entities/incident.graphql";
    "mlFeature" => ML_FEATURE, "entities/ml_feature.graphql";
    "mlFeatureTable" => ML_FEATURE_TABLE, "entities/ml_feature_table.graphql";
    "mlModel" => ML_MODEL, "entities/ml_model.graphql";
    "mlModelGroup" => ML_MODEL_GROUP, "entities/ml_model_group.graphql";
    "query" => QUERY, "entities/query.graphql";
    "schemaField" => SCHEMA_FIELD, "entities/schema_field.graphql";
    "structuredProperty" => STRUCTURED_PROPERTY, "entities/structured_property.graphql";
    "tag" => TAG, "entities/tag.graphql";
    "other" => OTHER, "entities/other.graphql";
}
