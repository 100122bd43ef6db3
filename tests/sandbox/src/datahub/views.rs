//! Saved views: the entities that a view shows, as a filter and in GraphQL's form.

use serde_json::{Value, json};

use super::catalog::Catalog;
use super::error::ApiError;
use super::filters::Filter;

/// A view, applied to a search.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// Values of `EntityType`; empty for all.
    pub(crate) types: Vec<String>,
    pub(crate) filter: Filter,
}

impl View {
    /// The view of a urn. DataHub ignores a view that does not exist.
    pub(crate) fn load(catalog: &Catalog, urn: Option<&str>) -> Result<Self, ApiError> {
        let info = urn.and_then(|urn| catalog.aspect(urn, "dataHubViewInfo"));
        let Some(definition) = info.and_then(|info| info.get("definition")) else {
            return Ok(Self::default());
        };
        let types = list(definition, "entityTypes").filter_map(Value::as_str);
        let types = types.filter_map(|name| {
            super::kinds::EntityKind::of_enum(name)
                .or_else(|| super::kinds::EntityKind::of_part(name))
                .map(|kind| kind.enum_value.to_owned())
        });
        let or: Value = definition.get("filter").map_or(Value::Null, |filter| {
            list(filter, "or")
                .map(|all| json!({ "and": list(all, "and").map(facet).collect::<Value>() }))
                .collect()
        });
        let filter = Filter::parse(catalog, &json!({ "orFilters": or }))?;
        Ok(Self {
            types: types.collect(),
            filter,
        })
    }
}

/// The definition in GraphQL's form: an operator and one list of filters.
pub(crate) fn definition(info: Option<&Value>) -> Value {
    let definition = info.and_then(|info| info.get("definition"));
    let types = definition.map_or_else(Vec::new, |d| list(d, "entityTypes").cloned().collect());
    let filter = definition.and_then(|d| d.get("filter"));
    let or: Vec<&Value> = filter.map_or_else(Vec::new, |f| list(f, "or").collect());
    let any = or.len() > 1;
    let filters: Value = or
        .iter()
        .flat_map(|all| list(all, "and"))
        .map(facet)
        .collect();
    let operator = if any { "OR" } else { "AND" };
    json!({ "entityTypes": types, "filter": { "operator": operator, "filters": filters } })
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// A criterion of the stored form: `values`, or in older ones `value`.
fn facet(criterion: &Value) -> Value {
    let values = match criterion.get("values").and_then(Value::as_array) {
        Some(values) if !values.is_empty() => Value::Array(values.clone()),
        _ => criterion
            .get("value")
            .map_or(json!([]), |value| json!([value])),
    };
    json!({
        "field": criterion.get("field"),
        "condition": criterion.get("condition"),
        "values": values,
        "negated": criterion.get("negated").and_then(Value::as_bool).unwrap_or(false),
    })
}
