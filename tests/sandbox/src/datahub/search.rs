//! Searching the whole catalog: query, filter, view, types, order.
//!
//! Returns every hit, in order; the caller takes pages and facets from that.

mod sort;

use std::sync::Arc;

use serde_json::Value;

use super::catalog::Catalog;
use super::error::ApiError;
use super::filters::Filter;
use super::index::{SearchDoc, weight};
use super::kinds::{EntityKind, KINDS};
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
    /// Those whose unpublished documents are found, too.
    owners: Vec<String>,
    sort: Vec<sort::Criterion>,
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
        let view = View::load(catalog, text("viewUrn"))?;
        let named = filter.names_removed() || view.filter.names_removed();
        let search = Self {
            query: Query::parse(text("query").unwrap_or("*")),
            types: types(input),
            with_removed: named || soft_deleted.and_then(Value::as_bool).unwrap_or(false),
            owners: Vec::new(),
            sort: sort::criteria(input),
            view,
            filter,
        };
        search.sortable()?;
        Ok(search)
    }

    /// The same as a search by meaning.
    pub(crate) fn parse_meaning(catalog: &Catalog, input: &Value) -> Result<Self, ApiError> {
        let question = input.get("query").and_then(Value::as_str);
        Ok(Self {
            query: Query::meaning(question.unwrap_or_default()),
            ..Self::parse(catalog, input)?
        })
    }

    /// The same, which also finds the documents that these people and groups have not published yet.
    pub(crate) fn with_unpublished_of(mut self, owners: Vec<String>) -> Self {
        self.owners = owners;
        self
    }

    /// True unless it is a document that searches leave out: one that is not published, and one that is
    /// shown beside its related assets alone (`DefaultEntityFiltersUtil` and `DocumentSearchFilterUtils`
    /// below datahub-graphql-core/src/main/java/com/linkedin/datahub/graphql/resolvers).
    fn shows(&self, doc: &SearchDoc) -> bool {
        let is = |field: &str, value: &str| doc.values(field).iter().any(|held| held == value);
        let owned = || self.owners.iter().any(|owner| is("owners", owner));
        doc.entity_type() != "document"
            || (!is("showInGlobalContext", "false") && (!is("state", "UNPUBLISHED") || owned()))
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

    /// The error of DataHub's index if hits cannot be sorted as requested.
    fn sortable(&self) -> Result<(), ApiError> {
        let takes = |kind: &&EntityKind| match &self.types {
            Some(types) => types.contains(&kind.enum_value),
            None => kind.searched,
        };
        let types: Vec<&str> = KINDS
            .iter()
            .filter(takes)
            .map(|kind| kind.urn_part)
            .collect();
        let mut criteria = self.sort.iter();
        criteria.try_for_each(|criterion| criterion.check(&types))
    }

    /// The score of this entity; none if it does not match.
    pub(crate) fn score(&self, record: &Record, degree: Option<usize>) -> Option<f32> {
        if !self.takes(record) || (record.removed() && !self.with_removed) {
            return None;
        }
        let doc = record.doc();
        if !self.shows(doc) {
            return None;
        }
        if !self.filter.selects(doc, degree) || !self.view.filter.selects(doc, degree) {
            return None;
        }
        let score = self.query.score(doc)?;
        let is = |field: &str, value: &str| doc.values(field).iter().any(|held| held == value);
        Some(match self.query {
            Query::All => weight(true, is),
            _ => score * weight(false, is),
        })
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
            for criterion in &self.sort {
                let order = criterion.compare(a, b);
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
