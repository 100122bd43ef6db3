//! Hits of a search, as a model reads them.

use std::borrow::Cow;

use datahub::{Answer, DataHubError, Tree};
use serde_json::{Map, Value};

use super::{flat::flat, people, said::is_said_by, window};
use crate::{
    answer_shape::not_understood,
    budget, clean,
    context::ToolContext,
    error::ToolError,
    fields::{self, Members},
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

/// The members that an answer has at most, with those that are added to it later.
const MOST_MEMBERS: usize = 10;

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

/// The longest description of a hit, in characters.
pub(super) fn chars(context: &ToolContext, detail: bool) -> usize {
    match detail {
        true => context.settings.description_chars,
        false => DESCRIPTION_CHARS,
    }
}

/// Cleans the hits, keeps those that fit, and says how to get the rest.
///
/// # Errors
/// If the answer has no total or no list of hits: that is not the same as none.
pub(super) fn shape(
    context: &ToolContext,
    found: &Tree<'_>,
    offset: i64,
) -> Result<Value, ToolError> {
    shaped(context, found, offset, false)
}

/// The same, with all facets and with descriptions as long as elsewhere if `detail` is wanted.
pub(super) fn shaped(
    context: &ToolContext,
    found: &Tree<'_>,
    offset: i64,
    detail: bool,
) -> Result<Value, ToolError> {
    let chars = chars(context, detail);
    let (Some(total), Tree::List(hits)) = (found.get("total").as_i64(), found.get("searchResults"))
    else {
        return Err(not_understood().into());
    };
    let mut hits: Vec<Value> = hits.iter().map(|hit| shown(hit, chars)).collect();
    for hit in &mut hits {
        budget::cut_texts(hit, context.settings.description_chars);
    }
    let reserve = context.settings.response_tokens / 8;
    budget::fit(&mut hits, context.settings.response_tokens - reserve);
    let owners = people::collect(&mut hits);
    let next = offset + i64::try_from(hits.len()).unwrap_or(i64::MAX);
    let facets = facets(found.get("facets"), |field, values| {
        let is_of = |names: &[&str]| names.contains(&field);
        let nearly_all = offset == 0 && total <= 2 * next;
        let narrows = !is_of(ALONE) && !(is_of(IN_HITS) && (nearly_all || values < 2));
        narrows || hits.is_empty() || detail
    });
    let mut answer = Map::with_capacity(MOST_MEMBERS);
    let mut add = |name: &str, value: Value| answer.insert(name.to_owned(), value);
    add("start", Value::from(offset));
    add("count", Value::from(hits.len()));
    add("total", Value::from(total));
    add("searchResults", Value::from(hits));
    if !owners.is_empty() {
        add("owners", Value::from(owners));
    }
    if let Some(more) = window::more("offset", offset, next, total) {
        add("next", Value::from(more));
    }
    if let Some(hint) = window::beyond("offset", offset, total) {
        add("hint", Value::from(hint));
    }
    if total == 0 {
        let hint = "nothing matches; try fewer or other words, or a wider filter";
        add("hint", Value::from(hint));
    }
    if !facets.is_empty() {
        add("facets", Value::from(facets));
    }
    Ok(Value::Object(answer))
}

/// One hit, with its entity as a line whose description is cut to `chars`.
fn shown(hit: &Tree<'_>, chars: usize) -> Value {
    let Tree::Object(members) = hit else {
        return clean::cleaned(hit);
    };
    let mut shown = Map::with_capacity(members.len());
    for (name, value) in members {
        let value = match &**name {
            "entity" => flat(value, chars),
            name => clean::cleaned_member(name, value),
        };
        clean::add(&mut shown, name, value);
    }
    Value::Object(shown)
}

/// The facets that carry information, with their most frequent values; `is_shown` gets the field and the
/// number of values of each.
fn facets(facets: &Tree<'_>, is_shown: impl Fn(&str, usize) -> bool) -> Vec<Value> {
    let facets = facets.items().iter();
    let facets = facets.filter(|facet| {
        let values = facet.get("aggregations").items().len();
        let field = facet.get("field").as_str().unwrap_or_default();
        values > 0 && is_shown(field, values)
    });
    facets.map(facet).collect()
}

/// A facet, without its title where its field says as much: only that of a property of one's own does not.
fn facet(facet: &Tree<'_>) -> Value {
    let field = facet.get("field").as_str();
    let own = field.is_some_and(|field| field.starts_with("structuredProperties."));
    let mut shown = Map::with_capacity(facet.members().len());
    for (name, value) in facet.members() {
        let value = match &**name {
            "displayName" if !own => continue,
            "aggregations" => Value::Array(value.items().iter().map(facet_value).collect()),
            name => clean::cleaned_member(name, value),
        };
        clean::add(&mut shown, name, value);
    }
    Value::Object(shown)
}

/// A facet's value, with the name of the entity that it stands for in place of the entity, unless its urn
/// says it.
fn facet_value(value: &Tree<'_>) -> Value {
    let mut shown = Map::with_capacity(value.members().len());
    for (name, member) in value.members() {
        if name != "entity" {
            clean::add(&mut shown, name, clean::cleaned_member(name, member));
        }
    }
    let urn = value.get("value").as_str().unwrap_or_default();
    if let Some(name) = named_value(value).filter(|name| !is_said_by(urn, name)) {
        shown.insert("name".to_owned(), Value::from(name));
    }
    Value::Object(shown)
}

/// The name of the entity that a facet's value stands for.
pub(super) fn named_value<T: Members>(value: &T) -> Option<&str> {
    let places: [&[&str]; 5] = [
        &["entity", "properties", "name"],
        &["entity", "userProperties", "displayName"],
        &["entity", "userProperties", "fullName"],
        &["entity", "groupProperties", "displayName"],
        &["entity", "instanceId"],
    ];
    let name = fields::text_at(value, &places)?;
    let said = fields::at(value, &["value"]).and_then(T::text) == Some(name);
    (!said).then_some(name)
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
