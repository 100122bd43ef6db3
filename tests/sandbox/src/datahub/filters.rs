//! `orFilters`: which entities a filter selects.
//!
//! A filter is a list of alternatives, each a list of conditions. Fields are those of the search
//! index ([`super::index`]); a field that stands for several is looked up in all of them, and a
//! negated condition holds only if none of them matches.

mod expand;

use serde_json::Value;

use super::catalog::Catalog;
use super::error::ApiError;
use super::index::SearchDoc;

/// Separates the parts of a nested facet, such as `_entityType␞typeNames`.
pub(crate) const NESTED: char = '\u{241e}';

/// The comparison of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Equal,
    EqualIgnoringCase,
    Contain,
    StartWith,
    EndWith,
    Exists,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Criterion {
    fields: Vec<String>,
    condition: Condition,
    values: Vec<String>,
    negated: bool,
}

/// Alternatives of conditions; no alternative at all selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    or: Vec<Vec<Criterion>>,
}

impl Filter {
    /// Parses `orFilters`; if that is missing, the older `filters` (all of which must hold).
    pub(crate) fn parse(catalog: &Catalog, input: &Value) -> Result<Self, ApiError> {
        let list = |name: &str| input.get(name).and_then(Value::as_array);
        let mut or = Vec::new();
        for alternative in list("orFilters").into_iter().flatten() {
            let all = alternative.get("and").and_then(Value::as_array);
            or.push(criteria(catalog, all.map_or(&[], Vec::as_slice))?);
        }
        if or.is_empty()
            && let Some(all) = list("filters").filter(|all| !all.is_empty())
        {
            or.push(criteria(catalog, all)?);
        }
        Ok(Self { or })
    }

    /// True if any condition names this field.
    pub(crate) fn names(&self, field: &str) -> bool {
        self.or
            .iter()
            .flatten()
            .any(|criterion| criterion.fields.iter().any(|f| f == field))
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

fn criteria(catalog: &Catalog, all: &[Value]) -> Result<Vec<Criterion>, ApiError> {
    all.iter()
        .map(|one| Criterion::parse(catalog, one))
        .collect()
}

impl Criterion {
    fn parse(catalog: &Catalog, input: &Value) -> Result<Self, ApiError> {
        let text = |name: &str| input.get(name).and_then(Value::as_str);
        let field = text("field").unwrap_or_default();
        let field = [".keyword", ".delimited", ".ngram"]
            .iter()
            .find_map(|suffix| field.strip_suffix(suffix))
            .unwrap_or(field);
        let values = input
            .get("values")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let mut values: Vec<String> = values
            .filter_map(Value::as_str)
            .map(|value| value.to_owned())
            .collect();
        let condition = match text("condition").unwrap_or("EQUAL") {
            "EQUAL" | "IN" => Condition::Equal,
            "IEQUAL" => Condition::EqualIgnoringCase,
            "CONTAIN" => Condition::Contain,
            "START_WITH" => Condition::StartWith,
            "END_WITH" => Condition::EndWith,
            "EXISTS" => Condition::Exists,
            "GREATER_THAN" => Condition::Greater,
            "GREATER_THAN_OR_EQUAL_TO" => Condition::GreaterOrEqual,
            "LESS_THAN" => Condition::Less,
            "LESS_THAN_OR_EQUAL_TO" => Condition::LessOrEqual,
            relation @ ("DESCENDANTS_INCL" | "ANCESTORS_INCL" | "RELATED_INCL") => {
                values = expand::relatives(catalog, &values, relation);
                Condition::Equal
            }
            other => {
                return Err(ApiError::bad_request(format!(
                    "Unsupported condition {other}"
                )));
            }
        };
        let negated = input
            .get("negated")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        Ok(Self {
            fields: expand::fields(field),
            condition,
            values,
            negated,
        })
    }

    fn holds(&self, doc: &SearchDoc, degree: Option<usize>) -> bool {
        let any = self
            .fields
            .iter()
            .any(|field| match (field.as_str(), degree) {
                ("degree", Some(degree)) => {
                    self.values.iter().any(|wanted| is_degree(wanted, degree))
                }
                ("degree", None) => true,
                (field, _) if field.contains(NESTED) => self.nested(doc, field),
                (field, _) => self.matches(doc.values(field)),
            });
        any != self.negated
    }

    /// `DATASET␞Table` for `_entityType␞typeNames`.
    fn nested(&self, doc: &SearchDoc, field: &str) -> bool {
        self.values.iter().any(|wanted| {
            field
                .split(NESTED)
                .zip(wanted.split(NESTED))
                .all(|(field, wanted)| doc.values(field).iter().any(|value| equal(value, wanted)))
        })
    }

    fn matches(&self, values: &[String]) -> bool {
        let lower = |text: &str| text.to_lowercase();
        let any = |test: &dyn Fn(&str, &str) -> bool| {
            values
                .iter()
                .any(|value| self.values.iter().any(|wanted| test(value, wanted)))
        };
        match self.condition {
            Condition::Exists => !values.is_empty(),
            Condition::Equal => any(&|value, wanted| equal(value, wanted)),
            Condition::EqualIgnoringCase => any(&|value, wanted| lower(value) == lower(wanted)),
            Condition::Contain => any(&|value, wanted| lower(value).contains(&lower(wanted))),
            Condition::StartWith => any(&|value, wanted| lower(value).starts_with(&lower(wanted))),
            Condition::EndWith => any(&|value, wanted| lower(value).ends_with(&lower(wanted))),
            Condition::Greater => any(&|value, wanted| order(value, wanted).is_gt()),
            Condition::GreaterOrEqual => any(&|value, wanted| order(value, wanted).is_ge()),
            Condition::Less => any(&|value, wanted| order(value, wanted).is_lt()),
            Condition::LessOrEqual => any(&|value, wanted| order(value, wanted).is_le()),
        }
    }
}

/// Equal as text, or as numbers (`5` and `5.0`).
fn equal(value: &str, wanted: &str) -> bool {
    value == wanted
        || matches!((value.parse::<f64>(), wanted.parse::<f64>()), (Ok(a), Ok(b)) if a.total_cmp(&b).is_eq())
}

/// Compares numbers by value, everything else as text.
pub(crate) fn order(value: &str, wanted: &str) -> std::cmp::Ordering {
    match (value.parse::<f64>(), wanted.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => value.cmp(wanted),
    }
}

/// True if the degree matches; `3+` means three or more.
fn is_degree(wanted: &str, degree: usize) -> bool {
    match wanted.strip_suffix('+') {
        Some(least) => least.parse::<usize>().is_ok_and(|least| degree >= least),
        None => wanted.parse::<usize>().is_ok_and(|wanted| degree == wanted),
    }
}

#[cfg(test)]
mod tests;
