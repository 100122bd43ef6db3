//! `save_document`: saves an insight or an answer in the catalog, or overwrites an earlier one.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{entity, shared_folder, writing};
use crate::{
    args::{choice, long_text, text, texts},
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
    urn,
};

/// Documents longer than this are refused.
const MAX_CHARS: usize = 500_000;

pub(super) struct SaveDocument;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    document_type: String,
    title: String,
    content: String,
    urn: Option<String>,
    #[serde(default)]
    topics: Vec<String>,
    related_documents: Option<Vec<String>>,
    related_assets: Option<Vec<String>>,
}

impl Tool for SaveDocument {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "save_document",
            title: "Save a document",
            description: "Keeps a document (Markdown) in the catalog for everybody: a new one, or \
                in place of urn. Ask the person before saving; cite assets by urn.",
            params: vec![
                choice(
                    "document_type",
                    &[
                        "Insight",
                        "Decision",
                        "FAQ",
                        "Analysis",
                        "Summary",
                        "Recommendation",
                        "Note",
                        "Context",
                    ],
                    "",
                )
                .required(),
                text("title", "").required(),
                long_text("content", MAX_CHARS, "").required(),
                text("urn", "The document to write over."),
                texts("topics", 20, "Become tags."),
                texts("related_documents", 50, ""),
                texts("related_assets", 50, ""),
            ],
            output: json!({"urn": {"type": "string"}, "message": {"type": "string"}}),
            effect: Effect::Destroys,
            enabled: |settings| settings.mutations && settings.documents && settings.save_document,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        if args.title.trim().is_empty() || args.content.trim().is_empty() {
            return Err(ToolError::Arguments(
                "`title` and `content` must not be empty".to_owned(),
            ));
        }
        for related in args.related_documents.iter().flatten() {
            entity::of_kind(related, &["document"])?;
        }
        for related in args.related_assets.iter().flatten() {
            entity::of_kind(related, &[])?;
        }
        let (urn, message) = match args.urn.as_deref().map(str::trim).filter(|u| !u.is_empty()) {
            Some(urn) => {
                update(context, urn, &args).await?;
                (urn.to_owned(), "document updated")
            }
            None => (create(context, &args).await?, "document saved"),
        };
        tag(context, &urn, &args.topics).await;
        Ok(json!({"urn": urn, "message": message}))
    }
}

async fn create(context: &ToolContext, args: &Args) -> Result<String, ToolError> {
    let folder = shared_folder::ensure(context).await?;
    let mut input = json!({
        "parentDocument": folder,
        "settings": {"showInGlobalContext": true},
        "subType": args.document_type,
        "title": args.title.trim(),
        "contents": {"text": args.content},
        "state": "PUBLISHED",
    });
    if let Some(related) = &args.related_documents {
        input["relatedDocuments"] = json!(related);
    }
    if let Some(related) = &args.related_assets {
        input["relatedAssets"] = json!(related);
    }
    let variables = json!({"input": input});
    let urn = writing::send(context, &documents::CREATE_DOCUMENT, variables).await?;
    Ok(urn.as_str().unwrap_or_default().to_owned())
}

async fn update(context: &ToolContext, urn: &str, args: &Args) -> Result<(), ToolError> {
    entity::of_kind(urn, &["document"])?;
    let document = shared_folder::place(context, urn).await?;
    entity::existing(&document, urn)?;
    shared_folder::must_hold(context, urn, &document)?;
    let input = json!({
        "urn": urn,
        "title": args.title.trim(),
        "contents": {"text": args.content},
        "subType": args.document_type,
    });
    writing::send(
        context,
        &documents::UPDATE_DOCUMENT_CONTENTS,
        json!({"input": input}),
    )
    .await?;
    if args.related_documents.is_none() && args.related_assets.is_none() {
        return Ok(());
    }
    let mut input = json!({"urn": urn});
    if let Some(related) = &args.related_documents {
        input["relatedDocuments"] = json!(related);
    }
    if let Some(related) = &args.related_assets {
        input["relatedAssets"] = json!(related);
    }
    writing::send(
        context,
        &documents::UPDATE_DOCUMENT_RELATED,
        json!({"input": input}),
    )
    .await?;
    Ok(())
}

/// Puts the topics on the document as tags and creates those that are missing. The document is
/// already saved, so a failure is only a warning.
async fn tag(context: &ToolContext, document: &str, topics: &[String]) {
    let mut tags = Vec::new();
    for topic in topics
        .iter()
        .map(|topic| topic.trim())
        .filter(|topic| !topic.is_empty())
    {
        if urn::kind(topic) == Some("tag") {
            tags.push(topic.to_owned());
            continue;
        }
        let input = json!({"input": {"id": topic, "name": topic}});
        // Most often the tag exists already, which DataHub reports as a failure.
        let _ = context.ask(&documents::CREATE_TAG, input).await;
        tags.push(format!("urn:li:tag:{topic}"));
    }
    if tags.is_empty() {
        return;
    }
    let input = json!({"tagUrns": tags, "resources": [{"resourceUrn": document}]});
    if let Err(error) = writing::send(context, &documents::ADD_TAGS, json!({"input": input})).await
    {
        context.warn(format!(
            "the document is saved, but not its topics: {error}"
        ));
    }
}
