//! Every GraphQL document that is sent, built once per process. A file holds one operation: a
//! `.graphql` file is a whole document, a `.gql` file uses fragments from `fragments/`, which are
//! added to it. The complete documents of the latter, as sent, are in `host/tests/sent`.

use std::sync::LazyLock;

use datahub::{Document, Fragments, NamedOperation, Since};

static FRAGMENTS: LazyLock<Fragments> = LazyLock::new(|| {
    Fragments::read(&[
        include_str!("tools/fragments/columns.gql"),
        include_str!("tools/fragments/governance.gql"),
        include_str!("tools/fragments/hits.gql"),
        include_str!("tools/fragments/incidents.gql"),
        include_str!("tools/fragments/platform.gql"),
        include_str!("tools/fragments/skills.gql"),
        include_str!("tools/fragments/sorted.gql"),
    ])
});

/// A document from the file beside its tool, sent to every DataHub version, or from `$since` on.
macro_rules! document {
    ($name:ident, $file:literal) => {
        document!($name, $file, Since::ALWAYS);
    };
    ($name:ident, $file:literal, $since:expr) => {
        pub(crate) static $name: LazyLock<Document> = LazyLock::new(|| {
            const OPERATION: NamedOperation<'static> =
                match NamedOperation::find(include_str!(concat!("tools/", $file))) {
                    Some(operation) => operation,
                    None => panic!(concat!($file, " holds no named operation")),
                };
            Document::with(&FRAGMENTS, OPERATION).since($since)
        });
    };
}

/// The documents of all tools except `get_entities`.
macro_rules! documents {
    ($($name:ident = $file:literal $(, $since:expr)?;)*) => {
        $(document!($name, $file $(, $since)?);)*

        fn of_tools() -> Vec<&'static Document> {
            vec![$(&$name),*]
        }
    };
}

/// The documents of `get_entities`: one for each kind of entity, with only what that kind needs.
macro_rules! entities {
    ($($kind:literal => $name:ident = $file:literal $(, $since:expr)?;)*) => {
        $(document!($name, $file $(, $since)?);)*

        /// The document for entities of `kind`, spelled as in their urns.
        pub(crate) fn entity(kind: &str) -> &'static Document {
            match kind {
                $($kind => &$name,)*
                _ => &OTHER,
            }
        }

        fn of_entities() -> Vec<&'static Document> {
            vec![$(&$name),*]
        }
    };
}

/// All documents.
pub(crate) fn all() -> impl Iterator<Item = &'static Document> {
    of_tools().into_iter().chain(of_entities())
}

documents! {
    ADD_OWNERS = "add_owners.graphql";
    ADD_STRUCTURED_PROPERTIES = "add_structured_properties.graphql";
    ADD_TAGS = "add_tags.graphql";
    ADD_TERMS = "add_terms.graphql";
    AUTOCOMPLETE = "autocomplete.graphql";
    COLUMNS = "columns.graphql";
    COLUMN_LINEAGE = "get_lineage_columns.gql";
    CREATE_DATA_PRODUCT = "create_data_product.graphql";
    CREATE_DOCUMENT = "save_document_create.graphql", Since::DOCUMENTS;
    CREATE_GLOSSARY_NODE = "create_glossary_node.graphql";
    CREATE_GLOSSARY_TERM = "create_glossary_term.graphql";
    CREATE_TAG = "create_tag.graphql";
    DATASET_ASSERTIONS = "get_dataset_assertions.graphql";
    DATASET_PROFILE = "get_dataset_profile.graphql";
    DATASET_QUERIES = "get_dataset_queries.graphql";
    DATA_PRODUCTS_OF = "data_products_of.gql";
    DEFAULT_VIEW = "default_view.graphql";
    DESCRIBE_CHART = "update_description_chart.graphql";
    DESCRIBE_DASHBOARD = "update_description_dashboard.graphql";
    DESCRIBE_DATASET = "update_description_dataset.graphql";
    DESCRIBE_DATA_FLOW = "update_description_data_flow.graphql";
    DESCRIBE_DATA_JOB = "update_description_data_job.graphql";
    DESCRIPTION = "description.graphql";
    DOCUMENT_PLACE = "save_document_place.graphql", Since::DOCUMENTS;
    DOCUMENT_TEXT = "document_text.graphql", Since::DOCUMENTS;
    EXISTS = "exists.graphql";
    GET_ME = "get_me.graphql";
    HITS_OF_APPLICATIONS = "hits_of_applications.graphql", Since::APPLICATIONS;
    HITS_OF_KINDS = "hits_of_kinds.graphql";
    HITS_OF_METRICS = "hits_of_metrics.graphql", Since::METRICS;
    INCIDENTS = "list_incidents.gql";
    LINEAGE = "get_lineage.gql";
    LINEAGE_NEIGHBOURS = "get_lineage_neighbours.graphql";
    LINEAGE_PATHS = "get_lineage_paths.graphql";
    OWNERSHIP_TYPES = "ownership_types.graphql";
    PROPERTY_DEFINITION = "property_definition.graphql";
    RAISE_INCIDENT = "raise_incident.graphql";
    REMOVE_OWNERS = "remove_owners.graphql";
    REMOVE_STRUCTURED_PROPERTIES = "remove_structured_properties.graphql";
    REMOVE_TAGS = "remove_tags.graphql";
    REMOVE_TERMS = "remove_terms.graphql";
    RESOLVE_INCIDENT = "resolve_incident.graphql";
    RESTORE_DOCUMENT = "save_document_restore.graphql";
    SCHEMA_FIELDS = "list_schema_fields.gql";
    SEARCH = "search.gql";
    SEARCH_BY_TIME = "search_by_time.gql";
    SEARCH_BY_USE = "search_by_use.gql";
    SEARCH_DOCUMENTS = "search_documents.gql", Since::DOCUMENTS;
    SEARCH_DOCUMENTS_SEMANTIC = "search_documents_semantic.gql", Since::DOCUMENTS;
    SEARCH_SEMANTIC = "search_semantic.gql", Since::DOCUMENTS;
    SET_DATA_PRODUCT = "set_data_product.graphql";
    SET_DOMAINS = "set_domains.graphql";
    SKILL = "skill.gql", Since::DOCUMENTS;
    SKILLS = "skills.gql", Since::DOCUMENTS;
    UPDATE_DESCRIPTION = "update_description.graphql";
    UPDATE_DOCUMENT_CONTENTS = "save_document_contents.graphql", Since::DOCUMENTS;
    UPDATE_DOCUMENT_RELATED = "save_document_related.graphql", Since::DOCUMENTS;
    USAGE_STATISTICS = "get_usage_statistics.graphql";
    VALUES_OF = "values_of.gql";
}

entities! {
    "application" => APPLICATION = "entities/application.gql", Since::APPLICATIONS;
    "assertion" => ASSERTION = "entities/assertion.gql";
    "chart" => CHART = "entities/chart.gql";
    "container" => CONTAINER = "entities/container.gql";
    "corpGroup" => CORP_GROUP = "entities/corp_group.gql";
    "corpuser" => CORP_USER = "entities/corp_user.graphql";
    "dashboard" => DASHBOARD = "entities/dashboard.gql";
    "dataFlow" => DATA_FLOW = "entities/data_flow.gql";
    "dataJob" => DATA_JOB = "entities/data_job.gql";
    "dataPlatform" => DATA_PLATFORM = "entities/data_platform.graphql";
    "dataProduct" => DATA_PRODUCT = "entities/data_product.gql";
    "dataset" => DATASET = "entities/dataset.gql";
    "document" => DOCUMENT = "entities/document.gql", Since::DOCUMENTS;
    "domain" => DOMAIN = "entities/domain.gql";
    "glossaryNode" => GLOSSARY_NODE = "entities/glossary_node.gql";
    "glossaryTerm" => GLOSSARY_TERM = "entities/glossary_term.gql";
    "incident" => INCIDENT = "entities/incident.gql";
    "metric" => METRIC = "entities/metric.gql", Since::METRICS;
    "mlFeature" => ML_FEATURE = "entities/ml_feature.gql";
    "mlFeatureTable" => ML_FEATURE_TABLE = "entities/ml_feature_table.gql";
    "mlModel" => ML_MODEL = "entities/ml_model.gql";
    "mlModelGroup" => ML_MODEL_GROUP = "entities/ml_model_group.gql";
    "query" => QUERY = "entities/query.graphql";
    "semanticModel" => SEMANTIC_MODEL = "entities/semantic_model.gql", Since::METRICS;
    "schemaField" => SCHEMA_FIELD = "entities/schema_field.gql";
    "structuredProperty" => STRUCTURED_PROPERTY = "entities/structured_property.graphql";
    "tag" => TAG = "entities/tag.gql";
    "other" => OTHER = "entities/other.graphql";
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    fn defined(text: &str) -> impl Iterator<Item = &str> {
        text.lines()
            .filter_map(|line| line.strip_prefix("fragment "))
            .filter_map(|rest| rest.split(' ').next())
    }

    fn spread(text: &str) -> impl Iterator<Item = &str> {
        text.lines()
            .filter_map(|line| line.strip_prefix("..."))
            .filter(|name| !name.starts_with(' '))
    }

    #[test]
    fn a_document_holds_its_fragments_and_no_other() {
        let mut names = HashSet::new();
        for document in all() {
            let text = document.text();
            let defined: Vec<&str> = defined(text).collect();
            let used: BTreeSet<&str> = spread(text).collect();
            assert_eq!(
                defined.iter().copied().collect::<BTreeSet<_>>(),
                used,
                "{}",
                document.name()
            );
            assert_eq!(defined.len(), used.len(), "{}", document.name());
            assert!(names.insert(document.name()), "two are {}", document.name());
        }
    }

    #[test]
    fn every_shared_fragment_is_used() {
        let used: HashSet<&str> = all()
            .flat_map(|document| defined(document.text()))
            .collect();
        let shared = [
            include_str!("tools/fragments/columns.gql"),
            include_str!("tools/fragments/governance.gql"),
            include_str!("tools/fragments/hits.gql"),
            include_str!("tools/fragments/incidents.gql"),
            include_str!("tools/fragments/platform.gql"),
            include_str!("tools/fragments/skills.gql"),
            include_str!("tools/fragments/sorted.gql"),
        ];
        for name in shared.into_iter().flat_map(defined) {
            assert!(used.contains(name), "{name} is used by no document");
        }
    }
}
