//! `get_entities`: the details of entities whose urns are known.

use datahub::DataHubError;
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{columns, details, entity};
use crate::{
    args::text_or_texts,
    budget,
    clean::clean,
    context::ToolContext,
    documents,
    error::ToolError,
    fields,
    tool::{Definition, Effect, Tool},
    urn,
};

/// The largest number of urns in one call.
const MAX_URNS: usize = 50;
/// The number of concurrent calls to DataHub.
const AT_ONCE: usize = 8;
/// Calls with more urns than this report progress.
const LONG: usize = 5;

pub(super) struct GetEntities;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    urns: Urns,
}

/// One urn, which is answered with its entity, or a list, which is answered with a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Urns {
    One(String),
    Several(Vec<String>),
}

impl Tool for GetEntities {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "get_entities",
            title: "Get entities",
            description: "Details of up to 50 urns: descriptions, owners, tags, terms, \
                domain, data products, deprecation, health, custom and structured properties, links, and \
                columns of datasets (list_schema_fields has the rest of wide ones). Text \
                of documents, members of groups, contents of containers and domains as well.",
            params: vec![text_or_texts("urns", MAX_URNS, "One urn or a list.").required()],
            output: json!({"entities": {"type": "array", "items": {"type": "object"}}}),
            effect: Effect::Reads,
            enabled: |_| true,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        let urns = match args.urns {
            Urns::One(urn) => return only(&urn, one(context, urn.trim()).await?),
            Urns::Several(urns) => urns,
        };
        if urns.is_empty() {
            return Err(ToolError::Arguments(
                "`urns` is empty; name at least one urn".to_owned(),
            ));
        }
        let many = urns.len() > LONG;
        let mut entities = Vec::with_capacity(urns.len());
        let calls: Vec<_> = urns.iter().map(|urn| one(context, urn.trim())).collect();
        let mut answers = stream::iter(calls).buffered(AT_ONCE);
        while let Some(answer) = answers.next().await {
            entities.push(answer?);
            if many {
                context
                    .progress(entities.len(), Some(urns.len()), "entities read")
                    .await;
            }
        }
        if let [urn] = urns.as_slice() {
            let entity = only(urn, entities.remove(0))?;
            entities.push(entity);
        }
        let limit = context.settings.response_tokens;
        budget::fit(&mut entities, limit - limit / 8);
        let mut answer = json!({"entities": entities});
        let shown = answer["entities"].as_array().map_or(0, Vec::len);
        if shown < urns.len() {
            let rest = &urns[shown..];
            answer["next"] = json!(format!("too long for one answer; call again with {rest:?}"));
        }
        Ok(answer)
    }
}

/// The entity that was asked for alone. An error if it is missing.
fn only(urn: &str, entity: Value) -> Result<Value, ToolError> {
    match entity["error"].as_str() {
        Some(error) => Err(ToolError::NotFound(format!("{urn} {error}"))),
        None => Ok(entity),
    }
}

/// Reads one entity, or returns an object that says why it is missing. Only a failure of the whole
/// call (a refused token, DataHub down) is an error.
pub(crate) async fn one(context: &ToolContext, urn: &str) -> Result<Value, ToolError> {
    let why_not = |why: String| Ok(json!({"urn": urn, "error": why}));
    let Some(kind) = urn::kind(urn) else {
        return why_not(
            "is not a urn; urns look like urn:li:dataset:(...) and come from search".into(),
        );
    };
    let variables = json!({"urn": urn});
    let asked = match context
        .ask(documents::entity(kind), variables.clone())
        .await
    {
        // Its version does not say that it knows the kind: what every entity has is better than nothing.
        Err(DataHubError::TooOld { .. }) => context.ask(&documents::OTHER, variables).await,
        asked => asked,
    };
    let mut answer = match asked {
        Ok(answer) => answer,
        Err(error) if error == DataHubError::TokenRefused || error.is_outage() => {
            return Err(error.into());
        }
        Err(error) => return why_not(ToolError::from(error).to_string()),
    };
    // DataHub makes up an entity for every well-formed urn; not every kind says whether it exists.
    let made_up = answer.take("entityExists") == false;
    let mut entity = answer.take("entity");
    if made_up || entity::existing(&entity, urn).is_err() {
        return why_not(entity::MISSING.to_owned());
    }
    shape(context, &mut entity);
    Ok(entity)
}

fn shape(context: &ToolContext, entity: &mut Value) {
    let mut columns = columns::merged(entity);
    let note = columns::within_budget(context, &mut columns);
    if let Some(map) = entity.as_object_mut() {
        // Always true for an entity that got here.
        map.shift_remove("exists");
        map.shift_remove("editableSchemaMetadata");
        if !columns.is_empty() {
            map.insert("fields".to_owned(), Value::from(columns));
        }
        if let Some(note) = note {
            map.insert("fieldsCut".to_owned(), Value::from(note));
        }
    }
    name_products(entity);
    details::flatten(entity);
    clean(entity);
    budget::cut_texts(entity, context.settings.description_chars);
}

/// Puts the data products that contain the entity in place of the relationships that say so.
fn name_products(entity: &mut Value) {
    let found = fields::take(entity, &["dataProducts", "relationships"]);
    let products: Vec<Value> = found
        .as_array()
        .into_iter()
        .flatten()
        .map(|found| {
            let product = &found["entity"];
            json!({"urn": product["urn"], "name": product["properties"]["name"]})
        })
        .collect();
    if !entity["dataProducts"].is_null() {
        fields::set(entity, "dataProducts", products);
    }
}

/// Refuses an entity that does not exist, whatever its kind. A column exists if its dataset has it.
pub(super) async fn must_exist(context: &ToolContext, urn: &str) -> Result<(), ToolError> {
    let column = urn::split_column(urn);
    if let Some((dataset, path)) = &column
        && urn::kind(dataset) == Some("dataset")
    {
        columns::urn_of(context, dataset, path).await?;
        return Ok(());
    }
    let urn = column.map_or(urn, |(parent, _)| parent);
    let variables = json!({"urn": urn});
    let exists = context
        .ask_for(&documents::EXISTS, variables, "entityExists")
        .await?;
    match exists == false {
        true => Err(ToolError::NotFound(format!("{urn} {}", entity::MISSING))),
        false => Ok(()),
    }
}
