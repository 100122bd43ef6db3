//! The fields that the language knows by name: their names in the search index and the values that
//! they take. Any other name is passed to the index unchanged.

use foundation::suggest;

use super::{
    FilterError,
    ast::{Condition, Operator},
    facet::FacetFilter,
};
use crate::{times, urn};

/// The meaning of a condition before negation is applied.
#[derive(Debug, Clone)]
pub(super) enum Meaning {
    /// True if any of these is true.
    AnyOf(Vec<FacetFilter>),
    /// True if none of these is true.
    NoneOf(Vec<FacetFilter>),
    /// Always true.
    Anything,
    /// The soft-deletion state, which replaces the default of hiding soft-deleted entities.
    Status(Status),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Live,
    Deleted,
    All,
}

struct Known {
    /// The names in the filter language, in lower case and without underscores.
    names: &'static [&'static str],
    /// The fields of the index; where there are several, all hold the same fact.
    index: &'static [&'static str],
    values: Values,
}

enum Values {
    Any,
    Platform,
    EntityType,
    Boolean,
    /// A point in time, which the index takes in milliseconds alone.
    Time,
    /// A part of a path: the index holds whole paths (`\u{241f}urn\u{241f}urn`), which equal no single urn.
    PartOfPath,
    /// Urns of these entity types.
    Urn(&'static [&'static str]),
}

const KNOWN: &[Known] = &[
    Known {
        names: &["platform"],
        index: &["platform.keyword"],
        values: Values::Platform,
    },
    Known {
        names: &["env", "environment"],
        index: &["origin", "env"],
        values: Values::Any,
    },
    Known {
        names: &["type", "entitytype"],
        index: &["_entityType"],
        values: Values::EntityType,
    },
    // DataHub's name for the name of any entity is an alias that conditions cannot compare.
    Known {
        names: &["entityname"],
        index: &["name", "title", "displayName"],
        values: Values::Any,
    },
    Known {
        names: &["subtype", "entitysubtype", "subtypes", "typenames"],
        index: &["typeNames"],
        values: Values::Any,
    },
    Known {
        names: &["tag", "tags"],
        index: &["tags"],
        values: Values::Urn(&["tag"]),
    },
    Known {
        names: &["glossaryterm", "glossaryterms", "term", "terms"],
        index: &["glossaryTerms"],
        values: Values::Urn(&["glossaryTerm"]),
    },
    Known {
        names: &["owner", "owners"],
        index: &["owners"],
        values: Values::Urn(&["corpuser", "corpGroup"]),
    },
    Known {
        names: &["domain", "domains"],
        index: &["domains"],
        values: Values::Urn(&["domain"]),
    },
    Known {
        names: &["container", "browsepathv2"],
        index: &["browsePathV2"],
        values: Values::PartOfPath,
    },
    Known {
        names: &["deprecated"],
        index: &["deprecated"],
        values: Values::Boolean,
    },
    Known {
        names: &["hasactiveincidents"],
        index: &["hasActiveIncidents"],
        values: Values::Boolean,
    },
    Known {
        names: &["hasfailingassertions"],
        index: &["hasFailingAssertions"],
        values: Values::Boolean,
    },
];

/// Dataset subtypes that are often mistaken for entity types.
const SUBTYPES: &[&str] = &["Table", "View", "Topic"];

/// The entity types that DataHub's GraphQL API knows by 2026-07. A newer one is passed on.
const ENTITY_TYPES: &[&str] = &[
    "APPLICATION",
    "ASSERTION",
    "BUSINESS_ATTRIBUTE",
    "CHART",
    "CONTAINER",
    "CORP_GROUP",
    "CORP_USER",
    "CUSTOM_OWNERSHIP_TYPE",
    "DASHBOARD",
    "DATAHUB_POLICY",
    "DATAHUB_ROLE",
    "DATAHUB_VIEW",
    "DATASET",
    "DATA_CONTRACT",
    "DATA_FLOW",
    "DATA_JOB",
    "DATA_PLATFORM",
    "DATA_PLATFORM_INSTANCE",
    "DATA_PROCESS_INSTANCE",
    "DATA_PRODUCT",
    "DATA_TYPE",
    "DOCUMENT",
    "DOMAIN",
    "ENTITY_TYPE",
    "ER_MODEL_RELATIONSHIP",
    "EXECUTION_REQUEST",
    "FORM",
    "GLOSSARY_NODE",
    "GLOSSARY_TERM",
    "INCIDENT",
    "INGESTION_SOURCE",
    "METRIC",
    "MLFEATURE",
    "MLFEATURE_TABLE",
    "MLMODEL",
    "MLMODEL_GROUP",
    "MLPRIMARY_KEY",
    "NOTEBOOK",
    "POST",
    "QUERY",
    "ROLE",
    "SCHEMA_FIELD",
    "SEMANTIC_MODEL",
    "STRUCTURED_PROPERTY",
    "TAG",
    "TEST",
    "VERSION_SET",
];

/// The meaning of `condition` without its negation, with its values checked.
pub(super) fn meaning(condition: &Condition) -> Result<Meaning, FilterError> {
    let name: String = condition
        .field
        .chars()
        .filter(|c| *c != '_')
        .collect::<String>()
        .to_lowercase();
    match name.as_str() {
        "status" => return status(condition).map(Meaning::Status),
        "removed" => return removed(condition).map(Meaning::Status),
        _ => {}
    }
    let known = KNOWN
        .iter()
        .find(|known| known.names.contains(&name.as_str()));
    let own = index_field(&condition.field);
    let (index, rule): (&[&str], _) = match known {
        Some(known) => (known.index, &known.values),
        None if says_whether(&own) => (&[own.as_str()], &Values::Boolean),
        None if is_time(&own) => (&[own.as_str()], &Values::Time),
        None => (&[own.as_str()], &Values::Any),
    };
    let operator = match condition.operator {
        Operator::Equal | Operator::NotEqual | Operator::In => rule.comparison(),
        Operator::IsNull | Operator::IsNotNull => "EXISTS",
        Operator::Greater | Operator::GreaterOrEqual | Operator::Less | Operator::LessOrEqual
            if known.is_some() =>
        {
            return Err(FilterError::at(
                condition.position,
                format!(
                    "'{}' can be compared with =, != and IN only",
                    condition.field
                ),
            ));
        }
        Operator::Greater => "GREATER_THAN",
        Operator::GreaterOrEqual => "GREATER_THAN_OR_EQUAL_TO",
        Operator::Less => "LESS_THAN",
        Operator::LessOrEqual => "LESS_THAN_OR_EQUAL_TO",
    };
    let values = condition
        .values
        .iter()
        .map(|value| rule.read(condition, value))
        .collect::<Result<Vec<_>, _>>()?;
    let facets = |values: &[String]| -> Vec<FacetFilter> {
        let facet = |field: &&str| FacetFilter {
            field: (*field).to_owned(),
            condition: operator,
            values: values.to_vec(),
            negated: false,
        };
        index.iter().map(facet).collect()
    };
    let (yes, no) = ("true".to_owned(), "false".to_owned());
    Ok(match rule {
        // Every entity has a type, but the index has no such field to look for.
        Values::EntityType if operator == "EXISTS" => Meaning::Anything,
        // An entity lacks the field until somebody says yes, so "no" is anything but yes.
        Values::Boolean if operator == "EQUAL" && values.contains(&no) => {
            match values.contains(&yes) {
                true => Meaning::Anything,
                false => Meaning::NoneOf(facets(&[yes])),
            }
        }
        _ => Meaning::AnyOf(facets(&values)),
    })
}

/// True for the fields that DataHub's index has beside others to say whether these hold anything, such
/// as `hasOwners`.
fn says_whether(field: &str) -> bool {
    let rest = field.strip_prefix("has");
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// True for the fields of DataHub's index that hold points in time.
fn is_time(field: &str) -> bool {
    const NAMES: &[&str] = &["created", "lastModified", "lastUpdated"];
    const ENDS: &[&str] = &["At", "Time", "Times", "Dates"];
    let ends = |end: &&str| field.ends_with(*end);
    !field.contains('.') && (NAMES.contains(&field) || ENDS.iter().any(ends))
}

/// True for a name of the filter language; any other may be a field of the index.
pub(crate) fn is_known(field: &str) -> bool {
    let plain = field.to_lowercase().replace('_', "");
    let mut names = KNOWN.iter().flat_map(|known| known.names);
    names.any(|name| *name == plain) || says_whether(field) || field.contains('.')
}

/// The names of the filter language, one for each meaning.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    KNOWN
        .iter()
        .filter_map(|known| known.names.first().copied())
}

/// The field of the index that `name` means, where the urn of a structured property may stand for its
/// id: answers name properties by their urns.
pub(crate) fn index_field(name: &str) -> String {
    const PREFIX: &str = "structuredProperties.";
    const URN: &str = "urn:li:structuredProperty:";
    let id = name.strip_prefix(PREFIX).unwrap_or(name);
    match id.strip_prefix(URN) {
        Some(id) => format!("{PREFIX}{id}"),
        None => name.to_owned(),
    }
}

/// True if a condition with this operator is the negation of what [`meaning`] returns for it.
pub(super) fn is_negative(operator: Operator) -> bool {
    matches!(operator, Operator::NotEqual | Operator::IsNull)
}

fn status(condition: &Condition) -> Result<Status, FilterError> {
    let fail = |message: &str| Err(FilterError::at(condition.position, message));
    if !matches!(
        condition.operator,
        Operator::Equal | Operator::NotEqual | Operator::In
    ) {
        return fail("status can be compared with = and != only");
    }
    let [value] = condition.values.as_slice() else {
        return fail("status takes exactly one value");
    };
    match value.to_uppercase().as_str() {
        "NOT_SOFT_DELETED" => Ok(Status::Live),
        "SOFT_DELETED" | "ONLY_SOFT_DELETED" => Ok(Status::Deleted),
        "ALL" => Ok(Status::All),
        _ => fail("status is one of NOT_SOFT_DELETED, ONLY_SOFT_DELETED, ALL"),
    }
}

/// The state that a condition on `removed`, the field of the index behind `status`, asks for.
fn removed(condition: &Condition) -> Result<Status, FilterError> {
    let is = |text: &str| {
        condition
            .values
            .iter()
            .any(|v| v.eq_ignore_ascii_case(text))
    };
    match (condition.operator, is("true"), is("false")) {
        (Operator::Equal | Operator::NotEqual | Operator::In, true, true) => Ok(Status::All),
        (Operator::Equal | Operator::NotEqual | Operator::In, true, false) => Ok(Status::Deleted),
        (Operator::Equal | Operator::NotEqual | Operator::In, false, true) => Ok(Status::Live),
        _ => Err(FilterError::at(
            condition.position,
            "removed is true or false; status = ALL finds both",
        )),
    }
}

impl Values {
    /// DataHub's condition for "is one of these values".
    fn comparison(&self) -> &'static str {
        match self {
            Self::PartOfPath => "CONTAIN",
            _ => "EQUAL",
        }
    }

    fn read(&self, condition: &Condition, value: &str) -> Result<String, FilterError> {
        let fail = |message: String| Err(FilterError::at(condition.position, message));
        let field = &condition.field;
        match self {
            Self::Any => Ok(urn::spelled(value)),
            Self::Platform if value.starts_with("urn:li:dataPlatform:") => Ok(value.to_owned()),
            Self::Platform if value.starts_with("urn:") || value.is_empty() => fail(format!(
                "'{field}' is a platform's name, such as snowflake, not '{value}'"
            )),
            Self::Platform => Ok(format!("urn:li:dataPlatform:{value}")),
            // Every path contains the empty text.
            Self::PartOfPath if value.trim().is_empty() => {
                fail(format!("'{field}' takes the urn of a container"))
            }
            Self::PartOfPath => Ok(value.to_owned()),
            Self::Boolean => match value.to_lowercase().as_str() {
                lower @ ("true" | "false") => Ok(lower.to_owned()),
                _ => fail(format!("'{field}' is true or false, not '{value}'")),
            },
            Self::Time if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                Ok(value.to_owned())
            }
            Self::Time => match times::millis(value) {
                Some(millis) => Ok(millis.to_string()),
                None => fail(format!(
                    "'{field}' is a point in time, such as 2026-07-31 or 2026-07-31T12:00:00Z, not '{value}'"
                )),
            },
            Self::EntityType => {
                entity_type(value).map_err(|why| FilterError::at(condition.position, why))
            }
            Self::Urn(kinds) => {
                if urn::kind(value).is_some_and(|kind| kinds.contains(&kind)) {
                    return Ok(value.to_owned());
                }
                let wanted: Vec<String> = kinds
                    .iter()
                    .map(|kind| format!("urn:li:{kind}:..."))
                    .collect();
                fail(format!(
                    "'{field}' takes {}, not '{value}'; find the urn with the search tool first",
                    wanted.join(" or ")
                ))
            }
        }
    }
}

/// The GraphQL name of an entity type written in any of the usual ways (`dataJob`, `data_job`). A slip
/// in writing is an error; a type that resembles none is taken for one that is newer than the list.
fn entity_type(value: &str) -> Result<String, String> {
    let squeeze = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .collect::<String>()
            .to_lowercase()
    };
    let wanted = squeeze(value);
    let aliases = [
        ("user", "CORP_USER"),
        ("group", "CORP_GROUP"),
        ("term", "GLOSSARY_TERM"),
    ];
    let alias = aliases.iter().find(|(alias, _)| *alias == wanted);
    let known = ENTITY_TYPES.iter().find(|name| squeeze(name) == wanted);
    if let Some(name) = known.or(alias.map(|(_, name)| name)) {
        return Ok((*name).to_owned());
    }
    if let Some(subtype) = SUBTYPES
        .iter()
        .find(|name| value.eq_ignore_ascii_case(name))
    {
        return Err(format!(
            "'{value}' is not an entity type; write type = dataset AND subtype = {subtype}"
        ));
    }
    let near = suggest::names(value, ENTITY_TYPES.iter().copied(), 3);
    let word = value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if near.is_empty() && word && value.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Ok(upper_snake(value));
    }
    let list = if near.is_empty() {
        ENTITY_TYPES.join(", ")
    } else {
        near.join(", ")
    };
    Err(format!(
        "'{value}' is not an entity type; did you mean one of {list}?"
    ))
}

/// `dataJob` and `DATA_JOB` as `DATA_JOB`.
fn upper_snake(name: &str) -> String {
    let mut upper = String::new();
    let mut after_lower = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && after_lower {
            upper.push('_');
        }
        after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        upper.push(c.to_ascii_uppercase());
    }
    upper
}
