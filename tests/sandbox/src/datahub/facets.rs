//! Facets: the number of hits by value, over all hits and not only over the page.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Value, json};

use super::catalog::Catalog;
use super::filters::NESTED;
use super::index::MAPPING;
use super::kinds::{EntityKind, urn_type};
use super::search::Hit;

/// The facets that DataHub returns by default, with their display names.
const DEFAULT: &[(&str, &str)] = &[
    ("_entityType", "Type"),
    ("platform", "Platform"),
    ("typeNames", "Sub Type"),
    ("owners", "Owned By"),
    ("tags", "Tag"),
    ("fieldTags", "Column Tag"),
    ("glossaryTerms", "Glossary Term"),
    ("fieldGlossaryTerms", "Column Glossary Term"),
    ("domains", "Domain"),
    ("container", "Container"),
    ("origin", "Environment"),
    ("platformInstance", "Platform Instance"),
];

/// The facet over entity types.
const ENTITY_TYPE: &str = "_entityType";

/// The default of `maxAggValues`.
const MAX_VALUES: usize = 20;

/// The facets of a search: those that `asked` names, or the default ones if it is none.
pub(crate) fn facets(
    catalog: &Catalog,
    hits: &[Hit],
    input: &Value,
    asked: Option<&[String]>,
) -> Value {
    let flags = input.get("searchFlags");
    let flag = |name: &str| flags.and_then(|flags| flags.get(name));
    if flag("skipAggregates")
        .and_then(Value::as_bool)
        .unwrap_or(false)
    {
        return json!([]);
    }
    let max = flag("maxAggValues").and_then(Value::as_u64);
    let max = max
        .and_then(|max| usize::try_from(max).ok())
        .unwrap_or(MAX_VALUES);
    let mut facets: Vec<Value> = match asked {
        // DataHub ignores what is not a facet, and leaves out what has no values.
        Some(names) => names
            .iter()
            .filter(|name| is_facet(name))
            .map(|name| facet(hits, name, title(name), max))
            .collect(),
        None => DEFAULT
            .iter()
            .map(|(name, title)| facet(hits, name, Some(title), max))
            .collect(),
    };
    if asked.is_none() {
        let structured = flag("includeStructuredPropertyFacets").and_then(Value::as_bool);
        if structured.unwrap_or(false) {
            facets.extend(structured_facets(catalog, hits, max));
        }
        if hits.iter().any(|hit| hit.degree.is_some()) {
            facets.insert(0, degrees(hits));
        }
    }
    facets.retain(|facet| {
        facet["aggregations"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    });
    Value::Array(facets)
}

/// `AggregationQueryBuilder.isValidAggregate` below metadata-io/src/main/java/com/linkedin/metadata/search.
fn is_facet(name: &str) -> bool {
    let is_property = |name: &str| name.starts_with("structuredProperties.");
    name.split(NESTED)
        .all(|part| part == ENTITY_TYPE || MAPPING.is_facet(part))
        || is_property(name)
}

fn title(name: &str) -> Option<&'static str> {
    DEFAULT
        .iter()
        .find(|(field, _)| *field == name)
        .map(|(_, title)| *title)
}

fn facet(hits: &[Hit], name: &str, title: Option<&str>, max: usize) -> Value {
    let mut counts: HashMap<Cow<'_, str>, u64> = HashMap::new();
    for hit in hits {
        for value in values(hit, name) {
            *counts.entry(value).or_default() += 1;
        }
    }
    let mut counts: Vec<(Cow<'_, str>, u64)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.truncate(max);
    let aggregations: Value = counts
        .iter()
        .map(|(value, count)| {
            let entity = urn_type(value)
                .and_then(|_| EntityKind::of_urn(value))
                .map(|_| value);
            json!({ "value": value, "count": count, "entity": entity })
        })
        .collect();
    json!({ "field": name, "displayName": title, "aggregations": aggregations })
}

fn values<'a>(hit: &'a Hit, name: &str) -> Vec<Cow<'a, str>> {
    let doc = hit.record.doc();
    if name == ENTITY_TYPE {
        return hit
            .record
            .kind
            .map(|kind| Cow::Borrowed(kind.enum_value))
            .into_iter()
            .collect();
    }
    if let Some((first, second)) = name.split_once(NESTED) {
        let inner = values(hit, second);
        let mut pairs = Vec::new();
        for outer in values(hit, first) {
            pairs.extend(
                inner
                    .iter()
                    .map(|inner| Cow::Owned(format!("{outer}{NESTED}{inner}"))),
            );
            pairs.push(outer);
        }
        return pairs;
    }
    // Terms are counted under `.keyword`; only booleans and properties are counted themselves.
    let own = match name.starts_with("has") || name.starts_with("structuredProperties.") {
        true => doc.values(name),
        false => doc.keywords(name),
    };
    own.iter()
        .map(|value| Cow::Borrowed(value.as_str()))
        .collect()
}

fn structured_facets(catalog: &Catalog, hits: &[Hit], max: usize) -> Vec<Value> {
    let mut names: Vec<String> = Vec::new();
    for hit in hits {
        for (name, _) in hit.record.doc().fields() {
            if name.starts_with("structuredProperties.") && !names.iter().any(|n| n == name) {
                names.push(name.to_owned());
            }
        }
    }
    names.sort();
    let facets = names.iter().map(|name| {
        let id = name.trim_start_matches("structuredProperties.");
        let urn = format!("urn:li:structuredProperty:{id}");
        let title = catalog
            .get(&urn)
            .map(|record| super::index::display_name(record));
        let mut facet = facet(hits, name, title.as_deref(), max);
        facet["entity"] = json!(urn);
        facet
    });
    facets.collect()
}

fn degrees(hits: &[Hit]) -> Value {
    let count = |test: &dyn Fn(usize) -> bool| {
        hits.iter()
            .filter(|hit| hit.degree.is_some_and(test))
            .count()
    };
    let all = [
        ("1", count(&|d| d == 1)),
        ("2", count(&|d| d == 2)),
        ("3+", count(&|d| d >= 3)),
    ];
    let aggregations: Value = all
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(value, count)| json!({ "value": value, "count": count }))
        .collect();
    json!({ "field": "degree", "displayName": "Degree of Dependencies", "aggregations": aggregations })
}
