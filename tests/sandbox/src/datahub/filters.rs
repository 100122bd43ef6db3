//! `orFilters`: which entities a filter selects.
//!
//! A filter is a list of alternatives, each a list of conditions. The rules are those of DataHub's query
//! builder (`ESUtils` below metadata-io/src/main/java/com/linkedin/metadata/search/utils): which field or
//! subfield of the index a condition looks at depends on the condition and on the field's kind
//! ([`condition`]). A field that stands for several is looked up in all of them, and a negated
//! condition holds only if none of them matches.

mod condition;
mod expand;
mod property;

use serde_json::Value;

use super::catalog::Catalog;
use super::error::ApiError;
use super::index::SearchDoc;
use condition::Criterion;

/// Separates the parts of a nested facet, such as `_entityType␞typeNames`.
pub(crate) const NESTED: char = '\u{241e}';

/// Alternatives of conditions; no alternative at all selects everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Filter {
    or: Vec<Vec<Criterion>>,
    /// The fields that the conditions name, as they name them.
    named: Vec<String>,
}

impl Filter {
    /// Parses `orFilters`; if that is missing, the older `filters` (all of which must hold).
    pub(crate) fn parse(catalog: &Catalog, input: &Value) -> Result<Self, ApiError> {
        let list = |name: &str| input.get(name).and_then(Value::as_array);
        let mut filter = Self::default();
        for alternative in list("orFilters").into_iter().flatten() {
            let all = alternative.get("and").and_then(Value::as_array);
            filter.add(catalog, all.map_or(&[], Vec::as_slice))?;
        }
        if filter.or.is_empty()
            && let Some(all) = list("filters").filter(|all| !all.is_empty())
        {
            filter.add(catalog, all)?;
        }
        Ok(filter)
    }

    fn add(&mut self, catalog: &Catalog, all: &[Value]) -> Result<(), ApiError> {
        let mut criteria = Vec::new();
        for one in all {
            let field = one.get("field").and_then(Value::as_str).unwrap_or_default();
            self.named.push(field.to_owned());
            criteria.extend(Criterion::parse(catalog, field, one)?);
        }
        self.or.push(criteria);
        Ok(())
    }

    /// True if any condition is about soft deletion, which then replaces the rule that hides what was
    /// soft-deleted (`ESUtils.filterSoftDeletedByDefault`).
    pub(crate) fn names_removed(&self) -> bool {
        let mut named = self.named.iter();
        named.any(|field| matches!(field.as_str(), "removed" | "removed.keyword"))
    }

    /// True if the entity matches. `degree` is its distance in a lineage search.
    pub(crate) fn selects(&self, doc: &SearchDoc, degree: Option<usize>) -> bool {
        self.or.is_empty()
            || self
                .or
                .iter()
                .any(|all| all.iter().all(|c| c.holds(doc, degree)))
    }
}

/// Compares numbers by value, everything else as text.
pub(crate) fn order(value: &str, wanted: &str) -> std::cmp::Ordering {
    match (value.parse::<f64>(), wanted.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => value.cmp(wanted),
    }
}

#[cfg(test)]
mod tests;
