//! Searching the whole catalog: query, filter, view, types, order.
//!
//! Returns every hit, in order; the caller takes pages and facets from that.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::Value;

use super::catalog::Catalog;
use super::error::ApiError;
use super::filters::{self, Filter};
use super::kinds::EntityKind;
use super::query_string::Query;
use super::record::Record;
use super::views::View;

/// A search, read from its GraphQL input.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) query: Query,
    types: Option<Vec<&'static str>>,
    filter: Filter,
    view: View,
    with_removed: bool,
    sort: Vec<(String, bool)>,
}

/// One hit.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub(crate) record: Arc<Record>,
    pub(crate) score: f32,
    /// The distance, in a lineage search.
    pub(crate) degree: Option<usize>,
}

impl Search {
    /// Parses any of the search inputs (`types` or `type`, `query`, `orFilters`, ...).
    pub(crate) fn parse(catalog: &Catalog, input: &Value) -> Result<Self, ApiError> {
        let text = |name: &str| input.get(name).and_then(Value::as_str);
        let filter = Filter::parse(catalog, input)?;
        let flags = input.get("searchFlags");
        let soft_deleted = flags.and_then(|flags| flags.get("includeSoftDeleted"));
        let named = filter.names("removed");
        Ok(Self {
            query: Query::parse(text("query").unwrap_or("*")),
            types: types(input),
            view: View::load(catalog, text("viewUrn"))?,
            with_removed: named || soft_deleted.and_then(Value::as_bool).unwrap_or(false),
            sort: sort(input),
            filter,
        })
    }

    /// The same as a search by meaning.
    pub(crate) fn parse_meaning(catalog: &Catalog, input: &Value) -> Result<Self, ApiError> {
        let question = input.get("query").and_then(Value::as_str);
        Ok(Self {
            query: Query::meaning(question.unwrap_or_default()),
            ..Self::parse(catalog, input)?
        })
    }

    /// True if the search includes entities of this type.
    fn takes(&self, record: &Record) -> bool {
        let Some(kind) = record.kind else {
            return false;
        };
        let wanted = match &self.types {
            Some(types) => types.contains(&kind.enum_value),
            None => kind.searched,
        };
        wanted
            && (self.view.types.is_empty() || self.view.types.iter().any(|t| t == kind.enum_value))
    }

    /// The score of this entity; none if it does not match.
    pub(crate) fn score(&self, record: &Record, degree: Option<usize>) -> Option<f32> {
        if !self.takes(record) || (record.removed() && !self.with_removed) {
            return None;
        }
        let doc = record.doc();
        if !self.filter.selects(doc, degree) || !self.view.filter.selects(doc, degree) {
            return None;
        }
        self.query.score(doc)
    }

    /// Every hit in the catalog, in order.
    pub(crate) fn run(&self, catalog: &Catalog) -> Vec<Hit> {
        let mut hits: Vec<Hit> = catalog
            .records()
            .filter_map(|record| {
                let score = self.score(record, None)?;
                Some(Hit {
                    record: Arc::clone(record),
                    score,
                    degree: None,
                })
            })
            .collect();
        self.order(&mut hits);
        hits
    }

    /// Sorts as requested, then by score, then by urn, so that pages never overlap.
    pub(crate) fn order(&self, hits: &mut [Hit]) {
        hits.sort_by(|a, b| {
            for (field, descending) in &self.sort {
                let order = by_field(field, a, b, *descending);
                if order.is_ne() {
                    return order;
                }
            }
            a.degree
                .cmp(&b.degree)
                .then_with(|| b.score.total_cmp(&a.score))
                .then_with(|| a.record.urn.cmp(&b.record.urn))
        });
    }
}

fn types(input: &Value) -> Option<Vec<&'static str>> {
    let kind = |name: &str| EntityKind::of_enum(name).map(|kind| kind.enum_value);
    if let Some(one) = input.get("type").and_then(Value::as_str) {
        return Some(kind(one).into_iter().collect());
    }
    let list = input
        .get("types")
        .and_then(Value::as_array)
        .filter(|list| !list.is_empty())?;
    Some(
        list.iter()
            .filter_map(Value::as_str)
            .filter_map(kind)
            .collect(),
    )
}

fn sort(input: &Value) -> Vec<(String, bool)> {
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
            Some((field, descending))
        })
        .collect()
}

/// Compares by a field; an entity without it comes last either way.
fn by_field(field: &str, a: &Hit, b: &Hit, descending: bool) -> Ordering {
    let field = field.strip_suffix(".keyword").unwrap_or(field);
    let field = if field == "lastOperationTime" {
        "lastModifiedAt"
    } else {
        field
    };
    match (value(a, field), value(b, field)) {
        (Some(a), Some(b)) => {
            let order = filters::order(a, b);
            if descending { order.reverse() } else { order }
        }
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// The value of a hit by which it is sorted.
fn value<'a>(hit: &'a Hit, field: &str) -> Option<&'a str> {
    let doc = hit.record.doc();
    match field {
        "name" | "_entityName" | "title" => Some(&doc.name),
        other => doc.values(other).first().map(String::as_str),
    }
}
