//! What DataHub's mapping and query builder say of each operator, by the kind of the field. The sources
//! are below metadata-io/src/main/java/com/linkedin/metadata/search in datahub-project/datahub.

use serde_json::{Value, json};

use super::super::super::super::index::Kind;

pub(super) const MAPPINGS: &str =
    "elasticsearch/index/entity/v2/V2MappingsBuilder.getMappingsForField";
pub(super) const TERMS: &str = "utils/ESUtils.buildEqualsConditionFromCriterionWithValues";
const PATTERNS: &str = "utils/ESUtils.buildWildcardQueryWithMultipleValues";
const RANGES: &str = "utils/ESUtils.buildRangeQueryFromCriterion";
pub(super) const SUBFIELDS: &str = "utils/ESUtils.toKeywordField";
const EXISTS: &str = "utils/ESUtils.getQueryBuilderFromCriterionForSingleField";

/// What a filter does with an entity that has the value of [`sample`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Selects,
    Passes,
    Fails,
}
pub(super) use Outcome::{Fails, Passes, Selects};

/// A condition, what is put behind the name of the field, the values, the outcome, and its source.
pub(super) type Rule = (
    &'static str,
    &'static str,
    &'static [&'static str],
    Outcome,
    &'static str,
);

/// The value that a field of this kind is given, in the aspect.
pub(super) fn sample(kind: Kind) -> Value {
    match kind {
        Kind::Text | Kind::Keyword => json!("Daily Orders-v2 (EU)"),
        Kind::Urn => json!("urn:li:tag:Gold-Plated"),
        Kind::SlashPath => json!("/prod/Shop/orders"),
        Kind::Path => json!("urn:li:container:A1"),
        Kind::Boolean => json!(true),
        Kind::Long => json!(42),
        Kind::Date => json!(1_767_225_600_000_i64),
        Kind::Double => json!(2.5),
        Kind::Object => json!({"k": "v"}),
    }
}

const TEXT: &[Rule] = &[
    ("EQUAL", "", &["Daily Orders-v2 (EU)"], Selects, TERMS),
    ("EQUAL", "", &["x", "Daily Orders-v2 (EU)"], Selects, TERMS),
    (
        "EQUAL",
        ".keyword",
        &["Daily Orders-v2 (EU)"],
        Selects,
        SUBFIELDS,
    ),
    // `.keyword` has no normalizer: case counts.
    ("EQUAL", "", &["daily orders-v2 (eu)"], Passes, MAPPINGS),
    ("EQUAL", "", &["Orders"], Passes, TERMS),
    ("EQUAL", "", &[" Daily Orders-v2 (EU)"], Passes, TERMS),
    ("EQUAL", "", &[], Passes, TERMS),
    ("IEQUAL", "", &[" daily orders-V2 (eu) "], Selects, TERMS),
    ("EQUAL", ".delimited", &["orders-v2"], Selects, SUBFIELDS),
    // A hyphen is within a word, and a space ends no token.
    ("EQUAL", ".delimited", &["order"], Passes, SUBFIELDS),
    (
        "EQUAL",
        ".delimited",
        &["Daily Orders-v2 (EU)"],
        Passes,
        SUBFIELDS,
    ),
    (
        "EQUAL",
        ".length",
        &["Daily Orders-v2 (EU)"],
        Passes,
        SUBFIELDS,
    ),
    ("IN", "", &["Daily Orders-v2 (EU)"], Fails, EXISTS),
    ("CONTAIN", "", &["ORDERS-v2 (e"], Selects, PATTERNS),
    // Characters of patterns are escaped: they stand for themselves.
    ("CONTAIN", "", &["Daily*"], Passes, PATTERNS),
    ("START_WITH", "", &["daily"], Selects, PATTERNS),
    ("START_WITH", "", &["orders"], Passes, PATTERNS),
    ("END_WITH", "", &["(eu) "], Selects, PATTERNS),
    ("END_WITH", "", &["daily"], Passes, PATTERNS),
    ("GREATER_THAN", "", &["Daily"], Selects, RANGES),
    ("GREATER_THAN", "", &["daily"], Passes, RANGES),
    (
        "LESS_THAN_OR_EQUAL_TO",
        "",
        &["Daily Orders-v2 (EU)"],
        Selects,
        RANGES,
    ),
    ("LESS_THAN", "", &["Daily Orders-v2 (EU)"], Passes, RANGES),
    ("EXISTS", "", &[], Selects, EXISTS),
    ("LIKE", "", &["Daily"], Fails, EXISTS),
];

const URN: &[Rule] = &[
    ("EQUAL", "", &["urn:li:tag:Gold-Plated"], Selects, TERMS),
    (
        "EQUAL",
        ".keyword",
        &["urn:li:tag:Gold-Plated"],
        Selects,
        SUBFIELDS,
    ),
    ("EQUAL", "", &["urn:li:tag:gold-plated"], Passes, MAPPINGS),
    // Only a search for words looks at the components of a urn.
    ("EQUAL", "", &["Gold-Plated"], Passes, TERMS),
    ("IEQUAL", "", &["URN:li:tag:gold-plated"], Selects, TERMS),
    ("IN", "", &["urn:li:tag:Gold-Plated"], Fails, EXISTS),
    ("CONTAIN", "", &["gold"], Selects, PATTERNS),
    ("START_WITH", "", &["urn:li:tag:"], Selects, PATTERNS),
    ("START_WITH", "", &["gold"], Passes, PATTERNS),
    ("END_WITH", "", &["plated"], Selects, PATTERNS),
    (
        "GREATER_THAN_OR_EQUAL_TO",
        "",
        &["urn:li:tag:Gold-Plated"],
        Selects,
        RANGES,
    ),
    ("EXISTS", "", &[], Selects, EXISTS),
    ("EXISTS", ".keyword", &[], Selects, EXISTS),
];

const PATH: &[Rule] = &[
    // Terms are compared with whole paths, which begin with U+241F.
    (
        "EQUAL",
        "",
        &["\u{241f}urn:li:container:A1"],
        Selects,
        MAPPINGS,
    ),
    ("EQUAL", "", &["urn:li:container:A1"], Passes, MAPPINGS),
    (
        "EQUAL",
        ".keyword",
        &["\u{241f}urn:li:container:A1"],
        Passes,
        SUBFIELDS,
    ),
    ("CONTAIN", "", &["urn:li:container:A1"], Selects, PATTERNS),
    ("START_WITH", "", &["urn:li:container:A1"], Passes, PATTERNS),
    (
        "START_WITH",
        "",
        &["\u{241f}urn:li:container:a"],
        Selects,
        PATTERNS,
    ),
    ("END_WITH", "", &["a1"], Selects, PATTERNS),
    ("EXISTS", "", &[], Selects, EXISTS),
];

const SLASH_PATH: &[Rule] = &[
    // No `.keyword`, and not among the fields that are looked at themselves.
    ("EQUAL", "", &["/prod/Shop/orders"], Passes, SUBFIELDS),
    ("CONTAIN", "", &["shop"], Passes, SUBFIELDS),
    ("EXISTS", "", &[], Selects, EXISTS),
];

const BOOLEAN: &[Rule] = &[
    ("EQUAL", "", &["true"], Selects, TERMS),
    ("EQUAL", "", &["TRUE"], Selects, TERMS),
    ("EQUAL", ".keyword", &["true"], Selects, TERMS),
    ("EQUAL", "", &["false"], Passes, TERMS),
    ("EQUAL", "", &["yes"], Passes, TERMS),
    // Several values are terms of `.keyword`, which a boolean does not have.
    ("EQUAL", "", &["true", "false"], Passes, TERMS),
    ("CONTAIN", "", &["true"], Passes, SUBFIELDS),
    ("START_WITH", "", &["true"], Passes, SUBFIELDS),
    ("END_WITH", "", &["true"], Passes, SUBFIELDS),
    ("IN", "", &["true"], Fails, EXISTS),
    ("EXISTS", "", &[], Selects, EXISTS),
];

const LONG: &[Rule] = &[
    ("EQUAL", "", &["42"], Selects, TERMS),
    ("EQUAL", "", &["41", "42"], Selects, TERMS),
    ("EQUAL", "", &["41"], Passes, TERMS),
    ("EQUAL", "", &["42.0"], Fails, TERMS),
    ("EQUAL", "", &["many"], Fails, TERMS),
    ("GREATER_THAN", "", &["41"], Selects, RANGES),
    ("GREATER_THAN", "", &["42"], Passes, RANGES),
    ("GREATER_THAN_OR_EQUAL_TO", "", &["42"], Selects, RANGES),
    ("LESS_THAN", "", &["100"], Selects, RANGES),
    ("LESS_THAN", "", &["42"], Passes, RANGES),
    ("LESS_THAN_OR_EQUAL_TO", "", &["42"], Selects, RANGES),
    ("GREATER_THAN", "", &["4.5"], Fails, RANGES),
    ("CONTAIN", "", &["4"], Passes, SUBFIELDS),
    ("START_WITH", "", &["4"], Passes, SUBFIELDS),
    ("EXISTS", "", &[], Selects, EXISTS),
];

const DATE: &[Rule] = &[
    ("EQUAL", "", &["1767225600000"], Selects, TERMS),
    // Milliseconds alone: a written date is no number.
    ("EQUAL", "", &["2026-01-01"], Fails, TERMS),
    ("GREATER_THAN", "", &["1767225599999"], Selects, RANGES),
    ("GREATER_THAN", "", &["2025-12-31"], Fails, RANGES),
    ("LESS_THAN", "", &["1767225600000"], Passes, RANGES),
    (
        "LESS_THAN_OR_EQUAL_TO",
        "",
        &["1767225600000"],
        Selects,
        RANGES,
    ),
    ("CONTAIN", "", &["1767"], Passes, SUBFIELDS),
    ("EXISTS", "", &[], Selects, EXISTS),
];

pub(super) fn rules(kind: Kind) -> &'static [Rule] {
    match kind {
        Kind::Text => TEXT,
        Kind::Urn => URN,
        Kind::Path => PATH,
        Kind::SlashPath => SLASH_PATH,
        Kind::Boolean => BOOLEAN,
        Kind::Long => LONG,
        Kind::Date => DATE,
        Kind::Keyword | Kind::Double | Kind::Object => &[],
    }
}
