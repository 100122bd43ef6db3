//! Hits of kinds that the document of a search does not name, because not every DataHub knows them or
//! few searches find them: their facts are asked for afterwards.

use std::collections::HashMap;

use datahub::{Document, Tree};
use serde_json::{Value, json};

use super::flat::flat;
use crate::{context::ToolContext, documents, urn};

/// The documents for these kinds.
fn document(kind: &str) -> Option<&'static Document> {
    Some(match kind {
        "application" => &documents::HITS_OF_APPLICATIONS,
        "metric" | "semanticModel" => &documents::HITS_OF_METRICS,
        "businessAttribute" | "dataHubView" | "dataProcessInstance" => &documents::HITS_OF_KINDS,
        _ => return None,
    })
}

/// Names and describes the hits of an answer of which DataHub told the urn alone. Without an answer to
/// that they stay as they are: the search itself has succeeded.
pub(super) async fn describe(context: &ToolContext, answer: &mut Value, chars: usize) {
    let Some(hits) = answer
        .get_mut("searchResults")
        .and_then(Value::as_array_mut)
    else {
        return;
    };
    let mut asked: HashMap<&'static str, (&'static Document, Vec<String>)> = HashMap::new();
    for hit in hits.iter() {
        let entity = &hit["entity"];
        if let (Some(urn), Value::Null) = (entity["urn"].as_str(), &entity["name"])
            && let Some(document) = urn::kind(urn).and_then(document)
        {
            let (_, urns) = asked
                .entry(document.name())
                .or_insert_with(|| (document, Vec::new()));
            urns.push(urn.to_owned());
        }
    }
    for (document, urns) in asked.into_values() {
        let found = context
            .ask_for(document, json!({"urns": urns}), "entities")
            .await
            .unwrap_or_default();
        for entity in found.as_array().into_iter().flatten() {
            let same = |hit: &&mut Value| hit["entity"]["urn"] == entity["urn"];
            if let (Some(hit), Value::Object(facts)) =
                (hits.iter_mut().find(same), flat(&Tree::from(entity), chars))
                && let Value::Object(shown) = &mut hit["entity"]
            {
                shown.extend(facts);
            }
        }
    }
}
