//! The common part of the four tools for tags and glossary terms: their arguments and the call that
//! puts labels on entities and columns or takes them off.

use datahub::Document;
use serde::Deserialize;
use serde_json::{Value, json};

use super::writing;
use crate::{
    args::{Param, texts},
    context::ToolContext,
    error::ToolError,
};

/// A kind of label.
pub(super) struct Label {
    /// The name of the parameter that holds the labels' urns.
    param: &'static str,
    /// The kind of these urns.
    kind: &'static str,
    /// The member of DataHub's input that holds the urns.
    input: &'static str,
    /// The plural used in messages.
    plural: &'static str,
}

pub(super) const TAGS: Label = Label {
    param: "tag_urns",
    kind: "tag",
    input: "tagUrns",
    plural: "tags",
};

pub(super) const TERMS: Label = Label {
    param: "term_urns",
    kind: "glossaryTerm",
    input: "termUrns",
    plural: "terms",
};

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    #[serde(alias = "tag_urns", alias = "term_urns")]
    label_urns: Vec<String>,
    entity_urns: Vec<String>,
    #[serde(default)]
    column_paths: Vec<String>,
}

impl Label {
    pub(super) fn params(&self) -> Vec<Param> {
        vec![
            texts(self.param, writing::MAX_LABELS, "").required(),
            texts("entity_urns", writing::MAX_ENTITIES, "").required(),
            texts(
                "column_paths",
                500,
                "One per entity (empty: the entity itself).",
            ),
        ]
    }

    /// Sends `document` for all labels, entities and columns. `done` is the verb of the message,
    /// such as `added to`.
    pub(super) async fn change(
        &self,
        context: &ToolContext,
        args: Args,
        document: &Document,
        done: &str,
    ) -> Result<Value, ToolError> {
        writing::urns(self.param, &args.label_urns, &[self.kind])?;
        let resources = writing::resources(context, &args.entity_urns, &args.column_paths).await?;
        let count = writing::count(&resources);
        let mut input = json!({"resources": resources});
        input[self.input] = json!(args.label_urns);
        writing::send(context, document, json!({"input": input})).await?;
        Ok(writing::done(format!("{} {done} {count}", self.plural)))
    }
}
