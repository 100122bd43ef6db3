//! The order of hits by a field (`ESUtils.buildSortOrder`).

use std::cmp::Ordering;

use serde_json::Value;

use super::super::error::ApiError;
use super::super::filters;
use super::super::index::{Kind, MAPPING, PROPERTIES};
use super::Hit;

/// A field by which hits are sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Criterion {
    field: String,
    descending: bool,
}

/// `sortInput`, in its newer or its older form.
pub(super) fn criteria(input: &Value) -> Vec<Criterion> {
    let sort = input.get("sortInput");
    let many = sort
        .and_then(|sort| sort.get("sortCriteria"))
        .and_then(Value::as_array);
    let one = sort
        .and_then(|sort| sort.get("sortCriterion"))
        .filter(|one| one.is_object());
    let criteria = many.into_iter().flatten().chain(one);
    criteria
        .filter_map(|criterion| {
            let field = criterion.get("field")?.as_str()?.to_owned();
            let descending = criterion.get("sortOrder")?.as_str()? == "DESCENDING";
            Some(Criterion { field, descending })
        })
        .collect()
}

impl Criterion {
    /// An error if the index of none of these entity types can be sorted by the field.
    pub(super) fn check(&self, types: &[&str]) -> Result<(), ApiError> {
        if self.field == "_score" || self.field.starts_with(PROPERTIES) {
            return Ok(());
        }
        let (name, as_it_is) = self.parts();
        let mut kinds = types.iter().filter_map(|of| MAPPING.kind(of, name));
        let fits = |kind: Kind| {
            if as_it_is {
                kind.has_keyword()
            } else {
                kind.is_sortable()
            }
        };
        // A field that no index has, or whose values are only words, fails the search in the index. DataHub
        // does not pass on the reason.
        match kinds.any(fits) {
            true => Ok(()),
            false => Err(ApiError::unknown()),
        }
    }

    /// The field, and whether its values as they are count instead of those in lower case.
    fn parts(&self) -> (&str, bool) {
        match self.field.strip_suffix(".keyword") {
            Some(name) => (name, true),
            None => (&self.field, false),
        }
    }

    /// Compares two hits; an entity without the field comes last either way.
    pub(super) fn compare(&self, a: &Hit, b: &Hit) -> Ordering {
        if self.field == "_score" {
            let order = a.score.total_cmp(&b.score);
            return if self.descending {
                order.reverse()
            } else {
                order
            };
        }
        match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) => {
                let order = filters::order(&a, &b);
                if self.descending {
                    order.reverse()
                } else {
                    order
                }
            }
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    }

    /// The value that counts of several: the least one upwards, and the greatest downwards.
    fn value(&self, hit: &Hit) -> Option<String> {
        let (name, as_it_is) = self.parts();
        let doc = hit.record.doc();
        let values = doc.values(name).iter().map(|value| match as_it_is {
            true => value.clone(),
            false => value.to_lowercase(),
        });
        let order = |a: &String, b: &String| filters::order(a, b);
        match self.descending {
            true => values.max_by(order),
            false => values.min_by(order),
        }
    }
}
