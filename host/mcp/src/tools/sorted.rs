//! The value that a list of hits is sorted by, shown with each hit.

use std::borrow::Cow;

use datahub::{DataHubError, Document};
use foundation::suggest;
use serde_json::Value;

use crate::{documents, error::ToolError, fields, filter, times};

/// A field of the index that hits are sorted by, and the places where DataHub's answer has its value.
struct Field {
    names: &'static [&'static str],
    places: &'static [&'static str],
    is_time: bool,
}

const FIELDS: &[Field] = &[
    Field {
        names: &["lastModifiedAt", "lastModified"],
        places: &[
            "/datasetTimes/lastModified/time",
            "/assetTimes/lastModified/time",
        ],
        is_time: true,
    },
    Field {
        names: &["createdAt", "created"],
        places: &["/datasetTimes/created", "/assetTimes/created/time"],
        is_time: true,
    },
    Field {
        names: &["lastIngested"],
        places: &["/lastIngested"],
        is_time: true,
    },
    Field {
        names: &["queryCountLast30DaysFeature", "usageCountLast30DaysFeature"],
        places: &["/statsSummary/queryCountLast30Days"],
        is_time: false,
    },
    Field {
        names: &["viewCountLast30DaysFeature"],
        places: &["/statsSummary/viewCountLast30Days"],
        is_time: false,
    },
    Field {
        names: &["uniqueUserCountLast30DaysFeature"],
        places: &["/statsSummary/uniqueUserCountLast30Days"],
        is_time: false,
    },
    Field {
        names: &["rowCountFeature"],
        places: &["/latestProfile/0/rowCount"],
        is_time: false,
    },
    Field {
        names: &["sizeInBytesFeature"],
        places: &["/latestProfile/0/sizeInBytes"],
        is_time: false,
    },
];

/// The members of a hit's entity that only [`show`] reads.
const ASKED_FOR_THIS: &[&str] = &[
    "lastIngested",
    "datasetTimes",
    "assetTimes",
    "statsSummary",
    "latestProfile",
];

/// Fields that the index holds as the words of urns. Only under `.keyword` has it one value to sort by.
const OF_URNS: &[&str] = &[
    "applications",
    "container",
    "createdBy",
    "domains",
    "editedFieldGlossaryTerms",
    "editedFieldTags",
    "fieldGlossaryTerms",
    "fieldTags",
    "glossaryTerms",
    "owners",
    "parentDocument",
    "parentDomain",
    "parentNode",
    "platform",
    "platformInstance",
    "siblings",
    "tags",
];

/// The field of the index that a call sorts by; none for the order by relevance, which has no field.
pub(super) fn field(sort_by: Option<&str>) -> Option<String> {
    let name = sort_by?.trim();
    let by_relevance = ["", "relevance", "score", "_score"];
    let plain = by_relevance
        .iter()
        .any(|word| name.eq_ignore_ascii_case(word));
    (!plain).then(|| filter::index_field(name))
}

/// The name under which the index can sort by a field. Dashboards, charts and documents have their names
/// in another field than datasets, and all of them under `_entityName`.
pub(super) fn sortable(field: &str) -> Cow<'_, str> {
    match field {
        "name" => Cow::Borrowed("_entityName"),
        _ if OF_URNS.contains(&field) => Cow::Owned(format!("{field}.keyword")),
        _ => Cow::Borrowed(field),
    }
}

/// The error of a search, with the reason that DataHub leaves out where its index cannot sort.
pub(super) fn explained(error: ToolError, field: &str) -> ToolError {
    match &error {
        ToolError::DataHub(DataHubError::Internal { .. }) => {
            let near = near(field).map_or(String::new(), |near| format!(". Did you mean {near}?"));
            ToolError::Arguments(format!(
                "DataHub failed, which it does where its index has no values of `{field}` to sort by. \
                 Leave sort_by out, or write name, createdAt, lastModifiedAt or lastOperationTime{near}"
            ))
        }
        _ => error,
    }
}

/// The warning for a field that is near one that hits are sorted by, and that DataHub said nothing about.
pub(super) fn doubt(field: &str) -> Option<String> {
    let near = near(field)?;
    Some(format!(
        "`sort_by` {field} may be no field of DataHub's index; did you mean {near}?"
    ))
}

/// The field by which hits are sorted that is near this one, if this is none.
fn near(field: &str) -> Option<&'static str> {
    if find(field).is_some() || OF_URNS.contains(&field) || field.contains('.') {
        return None;
    }
    let names = FIELDS.iter().flat_map(|known| known.names.iter().copied());
    suggest::names(field, names, 1).first().copied()
}

/// The document that asks for the value of `field`, too; none if DataHub's answer cannot have it.
pub(super) fn document(field: &str) -> Option<&'static Document> {
    let field = find(field)?;
    Some(match field.is_time {
        true => &documents::SEARCH_BY_TIME,
        false => &documents::SEARCH_BY_USE,
    })
}

/// Puts the value of `field` beside the entity of each hit in `found`.
pub(super) fn show(found: &mut Value, field: &str) {
    let Some(known) = find(field) else {
        return;
    };
    let hits = found["searchResults"].as_array_mut();
    for hit in hits.into_iter().flatten() {
        let entity = &hit["entity"];
        let mut places = known
            .places
            .iter()
            .filter_map(|place| entity.pointer(place));
        let mut value = places
            .find(|value| !value.is_null())
            .cloned()
            .unwrap_or_default();
        if known.is_time {
            times::readable("time", &mut value);
        }
        if let Some(entity) = hit.get_mut("entity").and_then(Value::as_object_mut) {
            entity.retain(|name, _| !ASKED_FOR_THIS.contains(&name.as_str()));
        }
        fields::set(hit, "sortedBy", value);
    }
}

fn find(field: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|known| known.names.contains(&field))
}
