//! One condition: the part of the index that it looks at, and how it compares.

use serde_json::Value;

use super::super::catalog::Catalog;
use super::super::error::ApiError;
use super::super::index::{Kind, MAPPING, SearchDoc, words};
use super::super::time::millis_of_date;
use super::expand;
use super::property::Property;

/// The subfields that a filter may name.
const SUBFIELDS: &[&str] = &[
    "keyword",
    "delimited",
    "length",
    "ngram",
    "wordGrams2",
    "wordGrams3",
    "wordGrams4",
];
/// The fields that have no subfield `.keyword` and are looked at themselves.
const WITHOUT_SUBFIELD: &[&str] = &["urn", "runId", "_index", "browsePathV2"];
/// The field that stands for the entity's index.
const ENTITY_TYPE: &str = "_entityType";

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Criterion {
    targets: Vec<Target>,
    test: Test,
    negated: bool,
}

/// A field of the index.
#[derive(Debug, Clone, PartialEq)]
struct Target {
    field: String,
    part: Part,
    /// The kind of a structured property; other fields have theirs by entity type.
    property: Option<Kind>,
    /// A structured property that is not defined.
    absent: bool,
}

/// The part of a field that terms and patterns are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The field itself.
    Itself,
    /// Its values as they are.
    Keyword,
    /// The words of its values.
    Words,
    /// A subfield that terms never equal.
    Other,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    /// One of these entity types, in lower case.
    Types(Vec<String>),
    Degree(Vec<String>),
    Exists,
    Boolean(bool),
    Numbers(Vec<f64>),
    Range(Bound, f64),
    TextRange(Bound, String),
    Terms(Vec<String>),
    TermsOfAnyCase(Vec<String>),
    Contain(Vec<String>),
    StartWith(Vec<String>),
    EndWith(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Criterion {
    /// Parses a condition; none for one without values, which DataHub leaves out.
    pub(super) fn parse(
        catalog: &Catalog,
        field: &str,
        input: &Value,
    ) -> Result<Option<Self>, ApiError> {
        let condition = input.get("condition").and_then(Value::as_str);
        let condition = condition.unwrap_or("EQUAL");
        let negated = input.get("negated").and_then(Value::as_bool);
        let negated = negated.unwrap_or(false);
        let values = input.get("values").and_then(Value::as_array);
        if values.is_none() && condition != "EXISTS" {
            return Ok(None);
        }
        let values = values.into_iter().flatten().filter_map(Value::as_str);
        let mut values: Vec<String> = values.map(str::to_owned).collect();
        if field.eq_ignore_ascii_case(ENTITY_TYPE) {
            // Whatever the condition, DataHub asks for the index of one of these types.
            let types = values
                .iter()
                .map(|name| name.replace('_', "").to_lowercase());
            let test = Test::Types(types.collect());
            return Ok(Some(Self::new(Vec::new(), test, negated)));
        }
        if field == "degree" {
            return Ok(Some(Self::new(Vec::new(), Test::Degree(values), negated)));
        }
        if let "DESCENDANTS_INCL" | "ANCESTORS_INCL" | "RELATED_INCL" = condition {
            values = expand::relatives(catalog, &values, condition);
        }
        let targets = targets(catalog, field)?;
        let kinds = targets.first().map_or(Vec::new(), Target::kinds);
        let test = test(condition, values, &kinds)?;
        Ok(Some(Self::new(targets, test, negated)))
    }

    fn new(targets: Vec<Target>, test: Test, negated: bool) -> Self {
        Self {
            targets,
            test,
            negated,
        }
    }

    pub(super) fn holds(&self, doc: &SearchDoc, degree: Option<usize>) -> bool {
        let any = match &self.test {
            Test::Types(types) => types.contains(&doc.entity_type().to_lowercase()),
            Test::Degree(wanted) => degree.is_some_and(|d| wanted.iter().any(|w| is_degree(w, d))),
            test => self.targets.iter().any(|target| test.matches(doc, target)),
        };
        any != self.negated
    }
}

/// The fields that a condition looks at.
fn targets(catalog: &Catalog, field: &str) -> Result<Vec<Target>, ApiError> {
    if let Some(property) = Property::of(catalog, field)? {
        return Ok(vec![Target {
            part: part(field),
            absent: property.kind.is_none(),
            property: property.kind,
            field: property.field,
        }]);
    }
    let base = parent(field);
    let target = |field: &str| Target {
        field: parent(field).to_owned(),
        part: part(field),
        property: None,
        absent: false,
    };
    Ok(match expand::fields(base) {
        // Where a field stands for several, DataHub looks at the values as they are.
        Some(several) => several.iter().map(|field| target(field)).collect(),
        None => vec![target(field)],
    })
}

/// The name of a field without that of a subfield.
fn parent(field: &str) -> &str {
    let subfield = field
        .rsplit_once('.')
        .filter(|(_, sub)| SUBFIELDS.contains(sub));
    subfield.map_or(field, |(parent, _)| parent)
}

/// `ESUtils.toKeywordField`: a field is looked at under `.keyword`, unless it names another subfield.
fn part(field: &str) -> Part {
    match field.rsplit_once('.') {
        Some((_, "delimited" | "ngram")) => Part::Words,
        Some((_, sub)) if sub != "keyword" && SUBFIELDS.contains(&sub) => Part::Other,
        _ if WITHOUT_SUBFIELD.contains(&field) => Part::Itself,
        _ => Part::Keyword,
    }
}

/// The comparison, after the kinds that the field has in all indices.
fn test(condition: &str, values: Vec<String>, kinds: &[Kind]) -> Result<Test, ApiError> {
    let lower = |values: Vec<String>| values.iter().map(|v| v.trim().to_lowercase()).collect();
    let is_whole = kinds.contains(&Kind::Long) || kinds.contains(&Kind::Date);
    let number = |text: &str| {
        let whole = text.parse::<i64>().ok().filter(|_| is_whole);
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds and counts are far below 2^53"
        )]
        let read = match is_whole {
            true => whole.map(|n| n as f64),
            false => text.trim().parse::<f64>().ok(),
        };
        read.ok_or_else(|| ApiError::bad_request(format!("For input string: \"{text}\"")))
    };
    let is_number = is_whole || kinds.contains(&Kind::Double);
    let bound = match condition {
        "GREATER_THAN" => Some(Bound::Greater),
        "GREATER_THAN_OR_EQUAL_TO" => Some(Bound::GreaterOrEqual),
        "LESS_THAN" => Some(Bound::Less),
        "LESS_THAN_OR_EQUAL_TO" => Some(Bound::LessOrEqual),
        _ => None,
    };
    if let Some(bound) = bound {
        // Only the first value counts.
        let value = values.first().map_or("", |value| value.trim());
        return Ok(match kinds.contains(&Kind::Boolean) {
            true => Test::Range(bound, f64::from(u8::from(is_true(value)))),
            false if is_number => Test::Range(bound, number(value)?),
            false => Test::TextRange(bound, value.to_owned()),
        });
    }
    Ok(match condition {
        "EXISTS" => Test::Exists,
        "CONTAIN" => Test::Contain(lower(values)),
        "START_WITH" => Test::StartWith(lower(values)),
        "END_WITH" => Test::EndWith(lower(values)),
        "EQUAL" | "IEQUAL" | "DESCENDANTS_INCL" | "ANCESTORS_INCL" | "RELATED_INCL" => {
            match values.as_slice() {
                [one] if kinds.contains(&Kind::Boolean) => Test::Boolean(is_true(one)),
                many if is_number => {
                    Test::Numbers(many.iter().map(|v| number(v)).collect::<Result<_, _>>()?)
                }
                _ if condition == "IEQUAL" => Test::TermsOfAnyCase(lower(values)),
                _ => Test::Terms(values),
            }
        }
        // `IN` is in GraphQL's `FilterOperator`, but open-source DataHub does not build it.
        _ => return Err(ApiError::unknown()),
    })
}

fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

impl Target {
    /// The kinds that the field has in all indices.
    fn kinds(&self) -> Vec<Kind> {
        match self.property {
            Some(kind) => vec![kind],
            None => {
                let name = self.field.split('.').next().unwrap_or_default();
                MAPPING.kinds(name).to_vec()
            }
        }
    }

    /// The terms that a condition on texts is compared with.
    fn terms(&self, doc: &SearchDoc) -> Vec<String> {
        let own = doc.values(&self.field);
        match (self.part, self.property) {
            (Part::Itself, _) => own.to_vec(),
            (Part::Keyword, Some(kind)) if kind.has_keyword() => own.to_vec(),
            (Part::Keyword, None) => doc.keywords(&self.field).to_vec(),
            (Part::Words, _) => own.iter().flat_map(|value| words(value)).collect(),
            _ => Vec::new(),
        }
    }

    /// The numbers of a field that holds some; a boolean is 0 or 1.
    fn numbers(&self, doc: &SearchDoc) -> Vec<f64> {
        let kind = self
            .property
            .or_else(|| MAPPING.kind(doc.entity_type(), &self.field));
        let number = |value: &String| match kind? {
            Kind::Boolean => Some(f64::from(u8::from(value == "true"))),
            Kind::Long | Kind::Double => value.parse().ok(),
            Kind::Date => value.parse().ok().or_else(|| millis_of_date(value)),
            _ => None,
        };
        doc.values(&self.field).iter().filter_map(number).collect()
    }
}

impl Test {
    fn matches(&self, doc: &SearchDoc, target: &Target) -> bool {
        if target.absent {
            return false;
        }
        let any = |wanted: &[String], test: &dyn Fn(&str, &str) -> bool| {
            let terms = target.terms(doc);
            terms
                .iter()
                .any(|term| wanted.iter().any(|w| test(term, w)))
        };
        let number = |test: &dyn Fn(f64) -> bool| target.numbers(doc).into_iter().any(test);
        match self {
            Self::Types(_) | Self::Degree(_) => false,
            Self::Exists => !doc.values(&target.field).is_empty(),
            Self::Boolean(wanted) => {
                number(&|value| value.total_cmp(&f64::from(u8::from(*wanted))).is_eq())
            }
            Self::Numbers(wanted) => {
                number(&|value| wanted.iter().any(|w| w.total_cmp(&value).is_eq()))
            }
            Self::Range(bound, limit) => number(&|value| bound.takes(value.total_cmp(limit))),
            Self::TextRange(bound, limit) => {
                let terms = target.terms(doc);
                terms.iter().any(|term| bound.takes(term.cmp(limit)))
            }
            Self::Terms(wanted) => any(wanted, &|term, w| term == w),
            Self::TermsOfAnyCase(wanted) => any(wanted, &|term, w| term.to_lowercase() == w),
            Self::Contain(wanted) => any(wanted, &|term, w| term.to_lowercase().contains(w)),
            Self::StartWith(wanted) => any(wanted, &|term, w| term.to_lowercase().starts_with(w)),
            Self::EndWith(wanted) => any(wanted, &|term, w| term.to_lowercase().ends_with(w)),
        }
    }
}

impl Bound {
    fn takes(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
        }
    }
}

/// True if the degree matches; `3+` means three or more.
fn is_degree(wanted: &str, degree: usize) -> bool {
    match wanted.strip_suffix('+') {
        Some(least) => least.parse::<usize>().is_ok_and(|least| degree >= least),
        None => wanted.parse::<usize>().is_ok_and(|wanted| degree == wanted),
    }
}
