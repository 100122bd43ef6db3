//! The reason why a filter selects nothing: for each of its conditions, DataHub is asked which values
//! there are without it, and those that are near the one asked for are named.

use std::collections::HashSet;

use foundation::suggest;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::hits::named_value;
use crate::{
    context::ToolContext,
    documents,
    filter::{self, Loosened},
};

/// The largest number of conditions that are looked at, each by one call to DataHub.
const MAX_CONDITIONS: usize = 4;
/// The largest number of values of a field that are looked at.
const MAX_VALUES: usize = 100;
/// The largest number of values that are named for one condition.
const NAMED: usize = 3;
/// The number of characters at the beginning of a word that are taken to be right.
const BEGINNING: usize = 3;
/// The shortest word that DataHub's index has (`minSearchFilterLength` of its configuration), in characters.
const SHORTEST_WORD: usize = 3;
/// What the index puts before the name of a platform; a filter may leave it out.
const PLATFORM: &str = "urn:li:dataPlatform:";

/// The hint for the answer of a tool whose filter `text` selected nothing: a sentence for each condition
/// whose value does not occur in the catalog. `base` holds what else narrowed the search: `query`,
/// `viewUrn`, and the `types` that are not in the filter.
pub(super) async fn hint(
    context: &ToolContext,
    text: Option<&str>,
    base: &Value,
) -> Option<String> {
    let text = text?;
    let fields = filter::fields_in(text);
    let unknown: Vec<&String> = fields.iter().filter(|f| !filter::is_known(f)).collect();
    let misspelt = unknown.iter().find_map(|field| {
        let near = suggest::names(field, filter::names(), 1);
        let near = near.first()?;
        Some(format!(
            "`{field}` is no field that filters know; did you mean {near}?"
        ))
    });
    if misspelt.is_some() {
        return misspelt;
    }
    let conditions = filter::loosened(text, MAX_CONDITIONS);
    let mut reasons = reasons(context, &conditions, base, false).await;
    if reasons.is_empty() && conditions.len() > 1 {
        // Where two conditions fail, nothing is left without one of them either.
        reasons = self::reasons(context, &conditions, base, true).await;
    }
    if reasons.is_empty() {
        reasons.extend(unknown.first().map(|field| {
            let known: Vec<&str> = filter::names().collect();
            format!(
                "`{field}` is no field that filters know, only perhaps one of the index; they know {}",
                known.join(", ")
            )
        }));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// The hint for a single word that nothing matches: words of names that begin alike and are near it.
pub(super) async fn near_word(context: &ToolContext, query: &str) -> Option<String> {
    let word = query.trim();
    let plain = word.chars().all(|c| c.is_alphanumeric() || c == '_');
    let beginning: String = word.chars().take(BEGINNING).collect();
    if plain && (1..SHORTEST_WORD).contains(&word.chars().count()) {
        return Some(format!(
            "DataHub's index has no words as short as `{word}`; ask for a longer part of the name"
        ));
    }
    if !plain || word.chars().count() <= BEGINNING {
        return None;
    }
    let input = json!({
        "query": format!("/q {beginning}*"), "start": 0, "count": MAX_VALUES,
        "searchFlags": {"skipHighlighting": true, "skipAggregates": true},
    });
    let found = context
        .ask_for(
            &documents::SEARCH,
            json!({"input": input}),
            "searchAcrossEntities",
        )
        .await
        .ok()?;
    let hits = found["searchResults"].as_array();
    let names = hits.into_iter().flatten().filter_map(named_value);
    let words = names.flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
    let mut words: Vec<String> = words.map(str::to_lowercase).collect();
    words.sort();
    words.dedup();
    let near = suggest::names(word, words.iter().map(String::as_str), NAMED);
    (!near.is_empty()).then(|| format!("nothing matches `{word}`; near it is {}", near.join(", ")))
}

/// A value of a field, with the number of hits that have it.
struct Occurring {
    value: String,
    /// The value as it is shown.
    name: String,
    /// The part of it that people know.
    word: String,
    count: u64,
}

/// The reasons of these conditions, each beside the rest of the filter, or `alone`.
async fn reasons(
    context: &ToolContext,
    conditions: &[Loosened],
    base: &Value,
    alone: bool,
) -> Vec<String> {
    let calls: Vec<_> = conditions
        .iter()
        .map(|condition| reason(context, condition, base, alone))
        .collect();
    let found: Vec<Option<String>> = stream::iter(calls).buffered(MAX_CONDITIONS).collect().await;
    found.into_iter().flatten().collect()
}

async fn reason(
    context: &ToolContext,
    loosened: &Loosened,
    base: &Value,
    alone: bool,
) -> Option<String> {
    let rest = if alone {
        json!([])
    } else {
        json!(loosened.rest.or_filters)
    };
    let mut input = json!({
        "query": base["query"].as_str().unwrap_or("*"),
        "facets": loosened.fields,
        "orFilters": rest,
        "searchFlags": loosened.rest.flags(json!({"maxAggValues": MAX_VALUES})),
    });
    for name in ["types", "viewUrn"] {
        if !base[name].is_null() {
            input[name] = base[name].clone();
        }
    }
    if let Some(types) = loosened.rest.types.as_ref().filter(|_| !alone) {
        input["types"] = json!(types);
    }
    // Without an answer there is no reason to give; the search itself has succeeded.
    let found = context
        .ask_for(
            &documents::VALUES_OF,
            json!({"input": input}),
            "aggregateAcrossEntities",
        )
        .await
        .ok()?;
    let occurring = occurring(&found, &loosened.fields);
    let wanted = &loosened.values;
    if occurring.is_empty() || occurring.iter().any(|one| wanted.contains(&one.value)) {
        return None;
    }
    let near = near(wanted, &occurring);
    let (words, shown) = match near.is_empty() {
        true => ("there is", occurring.iter().take(NAMED).collect()),
        false => ("near it is", near),
    };
    let shown: Vec<String> = shown
        .into_iter()
        .map(|one| format!("{} ({})", one.name, one.count))
        .collect();
    Some(format!(
        "{}: 0; {words} {}",
        loosened.condition,
        shown.join(", ")
    ))
}

fn occurring(found: &Value, fields: &[String]) -> Vec<Occurring> {
    let facets = found["facets"].as_array().into_iter().flatten();
    let of_field = facets.filter(|facet| fields.iter().any(|field| facet["field"] == *field));
    let values = of_field.flat_map(|facet| facet["aggregations"].as_array().into_iter().flatten());
    let mut seen = HashSet::new();
    values
        .filter_map(|value| {
            let text = value["value"].as_str()?;
            // Two fields of the index may hold the same.
            if !seen.insert(text) {
                return None;
            }
            let count = value["count"].as_u64().filter(|count| *count > 0)?;
            let (name, word) = match named_value(value) {
                Some(name) if !text.starts_with(PLATFORM) => (format!("{name}, {text}"), name),
                _ => (text.trim_start_matches(PLATFORM).to_owned(), word(text)),
            };
            Some(Occurring {
                value: text.to_owned(),
                name,
                word: word.to_owned(),
                count,
            })
        })
        .collect()
}

/// The last part of a urn, or the whole of any other text.
fn word(value: &str) -> &str {
    match value.starts_with("urn:li:") {
        true => value.rsplit(':').next().unwrap_or(value),
        false => value,
    }
}

/// The values that differ from a wanted one in case alone, or else those that resemble one.
fn near<'a>(wanted: &[String], occurring: &'a [Occurring]) -> Vec<&'a Occurring> {
    let wanted: Vec<&str> = wanted.iter().map(|value| word(value)).collect();
    let same = |one: &&Occurring| wanted.iter().any(|w| w.eq_ignore_ascii_case(&one.word));
    let same: Vec<&Occurring> = occurring.iter().filter(same).take(NAMED).collect();
    if !same.is_empty() {
        return same;
    }
    let mut near: Vec<&Occurring> = Vec::new();
    for wanted in wanted {
        let words = occurring.iter().map(|one| one.word.as_str());
        for word in suggest::names(wanted, words, NAMED) {
            let found = occurring.iter().find(|one| one.word == word);
            near.extend(found.filter(|one| !near.iter().any(|known| known.name == one.name)));
        }
    }
    near.truncate(NAMED);
    near
}
