//! The value that a list of hits is sorted by, shown with each hit.

use datahub::Document;
use serde_json::Value;

use crate::{documents, fields, times};

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
