//! Hits of a search, as a model reads them.

use std::borrow::Cow;

use datahub::{Answer, DataHubError};
use serde_json::{Value, json};

use super::{flat::flatten, people, said::is_said_by, window};
use crate::{
    answer_shape::not_understood, budget, clean::clean, context::ToolContext, error::ToolError,
    fields,
};

/// The longest description of a hit, in characters: enough to choose by.
const DESCRIPTION_CHARS: usize = 120;
/// The facets whose values stand in every hit: they say more only where there are more hits.
const IN_HITS: &[&str] = &[
    "_entityType",
    "entity",
    "platform",
    "typeNames",
    "tags",
    "domains",
];
/// The facets that narrow a search least. They are given where facets alone are asked for.
const ALONE: &[&str] = &["origin", "owners", "fieldTags", "fieldGlossaryTerms"];

/// The query for DataHub, in which an empty one is replaced by one that matches everything.
pub(super) fn query_of(query: &str) -> Cow<'_, str> {
    match query.trim() {
        "" => Cow::Borrowed("*"),
        query if query.starts_with("/q ") => Cow::Owned(with_index_fields(query)),
        query => Cow::Borrowed(query),
    }
}

/// Fields as models name them in a query string, and their names in the index, where any other name
/// matches nothing.
const FIELDS: &[(&str, &str)] = &[
    ("column", "fieldPaths"),
    ("domain", "domains"),
    ("env", "origin"),
    ("glossaryTerm", "glossaryTerms"),
    ("glossary_term", "glossaryTerms"),
    ("owner", "owners"),
    ("tag", "tags"),
    ("term", "glossaryTerms"),
];

/// The query string with the names of the index in place of [`FIELDS`].
fn with_index_fields(query: &str) -> String {
    let mut written = String::with_capacity(query.len());
    let mut quoted = false;
    let mut begins = false;
    let mut rest = query;
    while let Some(c) = rest.chars().next() {
        let known = FIELDS.iter().find(|(name, _)| {
            let after = rest.strip_prefix(name);
            begins && !quoted && after.is_some_and(|after| after.starts_with(':'))
        });
        if let Some((name, index)) = known {
            written.push_str(index);
            rest = rest.strip_prefix(name).unwrap_or_default();
            begins = false;
            continue;
        }
        quoted ^= c == '"';
        begins = c.is_whitespace() || "(+-!".contains(c);
        written.push(c);
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    written
}

/// Cleans the hits, keeps those that fit, and says how to get the rest.
///
/// # Errors
/// If the answer has no total or no list of hits: that is not the same as none.
pub(super) fn shape(context: &ToolContext, found: Value, offset: i64) -> Result<Value, ToolError> {
    shaped(context, found, offset, false)
}

/// The same, with all facets and with descriptions as long as elsewhere if `detail` is wanted.
pub(super) fn shaped(
    context: &ToolContext,
    mut found: Value,
    offset: i64,
    detail: bool,
) -> Result<Value, ToolError> {
    let chars = match detail {
        true => context.settings.description_chars,
        false => DESCRIPTION_CHARS,
    };
    let (total, hits) = (
        found["total"].as_i64(),
        fields::take(&mut found, &["searchResults"]),
    );
    let (Some(total), Value::Array(mut hits)) = (total, hits) else {
        return Err(not_understood().into());
    };
    for hit in &mut hits {
        if let Some(entity) = hit.get_mut("entity") {
            flatten(entity, chars);
        }
        clean(hit);
        budget::cut_texts(hit, context.settings.description_chars);
    }
    let reserve = context.settings.response_tokens / 8;
    budget::fit(&mut hits, context.settings.response_tokens - reserve);
    let owners = people::collect(&mut hits);
    let next = offset + i64::try_from(hits.len()).unwrap_or(i64::MAX);
    let mut answer =
        json!({"start": offset, "count": hits.len(), "total": total, "searchResults": &hits});
    if !owners.is_empty() {
        answer["owners"] = Value::from(owners);
    }
    if let Some(more) = window::more("offset", offset, next, total) {
        answer["next"] = json!(more);
    }
    if let Some(hint) = window::beyond("offset", offset, total) {
        answer["hint"] = json!(hint);
    }
    if total == 0 {
        answer["hint"] = json!("nothing matches; try fewer or other words, or a wider filter");
    }
    let mut facets = facets(fields::take(&mut found, &["facets"]));
    if !hits.is_empty() && !detail {
        let nearly_all = offset == 0 && total <= 2 * next;
        facets.retain(|facet| {
            let is_of = |names: &[&str]| names.iter().any(|name| facet["field"] == *name);
            let values = facet["aggregations"].as_array().map_or(0, Vec::len);
            !is_of(ALONE) && !(is_of(IN_HITS) && (nearly_all || values < 2))
        });
    }
    if !facets.is_empty() {
        answer["facets"] = Value::from(facets);
    }
    Ok(answer)
}

/// The facets that carry information, with their most frequent values.
fn facets(facets: Value) -> Vec<Value> {
    let Value::Array(facets) = facets else {
        return Vec::new();
    };
    facets
        .into_iter()
        .filter(|facet| {
            facet["aggregations"]
                .as_array()
                .is_some_and(|values| !values.is_empty())
        })
        .map(|mut facet| {
            let values = facet["aggregations"].as_array_mut();
            values.into_iter().flatten().for_each(name_value);
            drop_title(&mut facet);
            clean(&mut facet);
            facet
        })
        .collect()
}

/// Drops the title of a facet whose field says as much: only that of a property of one's own does not.
fn drop_title(facet: &mut Value) {
    let own = facet["field"]
        .as_str()
        .is_some_and(|field| field.starts_with("structuredProperties."));
    if let Some(facet) = facet.as_object_mut().filter(|_| !own) {
        facet.shift_remove("displayName");
    }
}

/// Puts the name of the entity that a facet's value stands for in place of the entity, unless its urn
/// says it.
fn name_value(value: &mut Value) {
    let urn = value["value"].as_str().unwrap_or_default();
    let name = named_value(value).filter(|name| !is_said_by(urn, name));
    let name = name.map(str::to_owned);
    fields::take(value, &["entity"]);
    if let Some(name) = name {
        fields::set(value, "name", name);
    }
}

/// The name of the entity that a facet's value stands for.
pub(super) fn named_value(value: &Value) -> Option<&str> {
    let places: [&[&str]; 5] = [
        &["entity", "properties", "name"],
        &["entity", "userProperties", "displayName"],
        &["entity", "userProperties", "fullName"],
        &["entity", "groupProperties", "displayName"],
        &["entity", "instanceId"],
    ];
    let mut names = places.iter().filter_map(|p| fields::at(value, p)?.as_str());
    let name = names.find(|name| !name.trim().is_empty())?;
    (value["value"].as_str() != Some(name)).then_some(name)
}

/// The result of a search by meaning; `None` (with a warning) where this DataHub does not support
/// it, so that the caller searches by words instead.
pub(super) fn by_meaning(
    context: &ToolContext,
    result: Result<Answer, DataHubError>,
    name: &str,
) -> Result<Option<Value>, ToolError> {
    match result {
        Ok(mut answer) => Ok(Some(answer.take(name))),
        Err(
            DataHubError::TooOld { .. }
            | DataHubError::Schema { .. }
            | DataHubError::BadRequest { .. }
            | DataHubError::Internal { .. },
        ) => {
            context.warn("this DataHub cannot search by meaning; searched by words instead");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
