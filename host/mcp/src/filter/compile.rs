//! Compiles the tree to DataHub's `orFilters`: negation is pushed down to the conditions (De
//! Morgan), then the result is brought into disjunctive normal form of bounded size.

use serde::Serialize;
use serde_json::Value;

use super::{
    FilterError,
    ast::Expr,
    facet::{self, FacetFilter},
    fields::{Meaning, Status, is_negative, meaning},
};
use crate::fields;

/// More alternatives than this are refused rather than sent.
const MAX_CLAUSES: usize = 128;
/// More conditions than this in all alternatives together are refused.
const MAX_FACETS: usize = 4096;

/// One `AndFilterInput`: an alternative.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Clause {
    pub(crate) and: Vec<FacetFilter>,
    /// Set where this alternative has its own condition on soft deletion.
    #[serde(skip)]
    names_status: bool,
}

/// A filter in the form that DataHub takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Compiled {
    /// The entity types to search, if every alternative names some.
    pub(crate) types: Option<Vec<String>>,
    pub(crate) or_filters: Vec<Clause>,
    /// True if an alternative takes soft-deleted entities and others alike. DataHub hides the former
    /// unless the search says `includeSoftDeleted`.
    pub(crate) with_deleted: bool,
}

impl Compiled {
    pub(super) fn unfiltered() -> Self {
        Self::of(vec![Clause::default()])
    }

    fn of(mut clauses: Vec<Clause>) -> Self {
        for clause in &mut clauses {
            if !clause.names_status {
                clause.and.push(removed(true));
            }
        }
        let mut unique: Vec<Clause> = Vec::with_capacity(clauses.len());
        for clause in clauses {
            if !unique.iter().any(|kept| kept.and == clause.and) {
                unique.push(clause);
            }
        }
        let types = types_of(&unique);
        let all = unique.iter_mut().flat_map(|clause| &mut clause.and);
        all.for_each(FacetFilter::as_indexed);
        let takes_all = |clause: &Clause| clause.and.iter().all(|facet| facet.field != "removed");
        Self {
            types,
            with_deleted: unique.iter().any(takes_all),
            or_filters: unique,
        }
    }

    /// A field of the filter that is in the index of DataHub Cloud alone, if it has one.
    pub(crate) fn of_cloud(&self) -> Option<&str> {
        let mut all = self.or_filters.iter().flat_map(|clause| &clause.and);
        let found = all.find(|facet| facet::is_of_cloud(&facet.field))?;
        Some(&found.field)
    }

    /// The `searchFlags` with which DataHub selects what this filter means.
    pub(crate) fn flags(&self, mut flags: Value) -> Value {
        if self.with_deleted {
            fields::set(&mut flags, "includeSoftDeleted", true);
        }
        flags
    }
}

pub(super) fn compile(expr: &Expr) -> Result<Compiled, FilterError> {
    let clauses = clauses(expr, false)?;
    if clauses.is_empty() {
        return Err(FilterError::whole(
            "can match nothing: its conditions exclude everything",
        ));
    }
    Ok(Compiled::of(clauses))
}

/// The alternatives of `expr`, or of its negation.
fn clauses(expr: &Expr, negate: bool) -> Result<Vec<Clause>, FilterError> {
    match (expr, negate) {
        (Expr::Not(inner), _) => clauses(inner, !negate),
        (Expr::And(parts), false) | (Expr::Or(parts), true) => {
            let mut product = vec![Clause::default()];
            for part in parts {
                product = multiply(&product, &clauses(part, negate)?)?;
            }
            Ok(product)
        }
        (Expr::Or(parts), false) | (Expr::And(parts), true) => {
            let mut sum = Vec::new();
            for part in parts {
                sum.extend(clauses(part, negate)?);
                bounded(&sum)?;
            }
            Ok(sum)
        }
        (Expr::Condition(condition), _) => {
            let negated = negate != is_negative(condition.operator);
            Ok(literal(meaning(condition)?, negated))
        }
    }
}

fn literal(meaning: Meaning, negated: bool) -> Vec<Clause> {
    match meaning {
        Meaning::Status(status) => match (status, negated) {
            (Status::All, true) => Vec::new(),
            (Status::All, false) => vec![Clause {
                and: Vec::new(),
                names_status: true,
            }],
            (Status::Live, _) | (Status::Deleted, _) => {
                let hidden = (status == Status::Live) != negated;
                vec![Clause {
                    and: vec![removed(hidden)],
                    names_status: true,
                }]
            }
        },
        Meaning::Anything if negated => Vec::new(),
        Meaning::Anything => vec![Clause::default()],
        Meaning::AnyOf(facets) => any_of(facets, negated),
        Meaning::NoneOf(facets) => any_of(facets, !negated),
    }
}

/// The alternatives of "any of these", or of its negation.
fn any_of(facets: Vec<FacetFilter>, negated: bool) -> Vec<Clause> {
    let clause = |and: Vec<FacetFilter>| Clause {
        and,
        names_status: false,
    };
    if negated {
        let and = facets.into_iter().map(|facet| FacetFilter {
            negated: true,
            ..facet
        });
        return vec![clause(and.collect())];
    }
    facets
        .into_iter()
        .map(|facet| clause(vec![facet]))
        .collect()
}

fn multiply(left: &[Clause], right: &[Clause]) -> Result<Vec<Clause>, FilterError> {
    if left.len().saturating_mul(right.len()) > MAX_CLAUSES {
        return Err(too_many());
    }
    let mut product = Vec::with_capacity(left.len() * right.len());
    for l in left {
        for r in right {
            let mut clause = l.clone();
            for facet in &r.and {
                if !clause.and.contains(facet) {
                    clause.and.push(facet.clone());
                }
            }
            clause.names_status |= r.names_status;
            product.push(clause);
        }
    }
    bounded(&product)?;
    Ok(product)
}

fn bounded(clauses: &[Clause]) -> Result<(), FilterError> {
    let facets: usize = clauses.iter().map(|clause| clause.and.len()).sum();
    if clauses.len() > MAX_CLAUSES || facets > MAX_FACETS {
        Err(too_many())
    } else {
        Ok(())
    }
}

fn too_many() -> FilterError {
    FilterError::whole(format!(
        "comes to more than {MAX_CLAUSES} alternatives; use IN (...) for several values of a field"
    ))
}

/// `removed = true`, negated to hide what was soft-deleted.
fn removed(negated: bool) -> FacetFilter {
    FacetFilter {
        field: "removed".to_owned(),
        condition: "EQUAL",
        values: vec!["true".to_owned()],
        negated,
    }
}

/// The union of the entity types, if each alternative is restricted to named types.
fn types_of(clauses: &[Clause]) -> Option<Vec<String>> {
    let mut types: Vec<String> = Vec::new();
    for clause in clauses {
        let named = clause
            .and
            .iter()
            .find(|f| f.field == "_entityType" && f.condition == "EQUAL" && !f.negated)?;
        for value in &named.values {
            if !types.contains(value) {
                types.push(value.clone());
            }
        }
    }
    Some(types)
}
