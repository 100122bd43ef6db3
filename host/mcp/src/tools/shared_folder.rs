//! The folder to which `save_document` saves: itself a document, with a folder below it for each
//! person where that is switched on. The ids are those of DataHub's own Python server, so that both
//! servers use the same folders.

use serde_json::{Value, json};

use super::{entity, writing};
use crate::{context::ToolContext, documents, error::ToolError};

const ID: &str = "__system_shared_documents";
const URN: &str = "urn:li:document:__system_shared_documents";
/// The prefix of the id of a person's folder.
const PERSONAL: &str = "agent-docs-user-";
/// User names are cut to this many characters in a folder's id.
const MAX_ID_CHARS: usize = 30;

/// The folder for a new document of the caller, created if it is missing.
pub(super) async fn ensure(context: &ToolContext) -> Result<String, ToolError> {
    let title = &context.settings.document_folder;
    let about = "Documents that people saved through AI agents.";
    folder(context, ID, title, about, None).await?;
    if !context.settings.documents_by_user {
        return Ok(URN.to_owned());
    }
    let me = context
        .ask_for(&documents::GET_ME, Value::Null, "me")
        .await?;
    let id = personal_id(me["corpUser"]["username"].as_str().unwrap_or_default());
    let Some(id) = id else {
        return Ok(URN.to_owned());
    };
    let name = display_name(&me["corpUser"]);
    let about = format!("Documents that {name} saved through AI agents.");
    folder(context, &id, name, &about, Some(URN)).await
}

/// Refuses to overwrite a folder, and a document outside the shared folder where the settings
/// restrict that. `document` is the answer to [`documents::DOCUMENT_PLACE`].
pub(super) fn must_hold(
    context: &ToolContext,
    urn: &str,
    document: &Value,
) -> Result<(), ToolError> {
    if is_folder(urn) {
        return Err(ToolError::Arguments(format!(
            "{urn} is a folder; leave `urn` out to save a new document in it"
        )));
    }
    if !context.settings.restrict_document_updates {
        return Ok(());
    }
    if is_below(document, URN) {
        return Ok(());
    }
    Err(ToolError::Arguments(format!(
        "{urn} is not in the folder `{}`, and this server writes over documents in it only; leave \
         `urn` out to save a new document",
        context.settings.document_folder
    )))
}

/// True if the urn is that of one of the folders.
pub(crate) fn is_folder(urn: &str) -> bool {
    urn == URN
        || urn
            .strip_prefix("urn:li:document:")
            .is_some_and(|id| id.starts_with(PERSONAL))
}

fn is_below(document: &Value, folder: &str) -> bool {
    let above = document["parentDocuments"]["documents"].as_array();
    above.is_some_and(|parents| parents.iter().any(|parent| parent["urn"] == folder))
}

/// The folder with this id, created if it is missing, restored if it was removed.
async fn folder(
    context: &ToolContext,
    id: &str,
    title: &str,
    about: &str,
    parent: Option<&str>,
) -> Result<String, ToolError> {
    let urn = format!("urn:li:document:{id}");
    let found = place(context, &urn).await?;
    if found["exists"] == true {
        if let Some(parent) = parent
            && !is_below(&found, parent)
        {
            // Somebody created it elsewhere or moved it: save to the shared folder instead.
            return Ok(parent.to_owned());
        }
        if entity::is_removed(&found) {
            let input = json!({"input": {"urns": [urn], "deleted": false}});
            writing::send(context, &documents::RESTORE_DOCUMENT, input).await?;
        }
        return Ok(urn);
    }
    let mut input = json!({
        "id": id,
        "subType": "Folder",
        "title": title,
        "contents": {"text": about},
        "state": "PUBLISHED",
        "settings": {"showInGlobalContext": true},
    });
    if let Some(parent) = parent {
        input["parentDocument"] = json!(parent);
    }
    let made = writing::send(
        context,
        &documents::CREATE_DOCUMENT,
        json!({"input": input}),
    )
    .await;
    match made {
        Ok(_) => Ok(urn),
        // Another call may have created it meanwhile.
        Err(error) => match place(context, &urn).await?["exists"] == true {
            true => Ok(urn),
            false => Err(error),
        },
    }
}

/// The folders above a document, and whether it exists.
pub(super) async fn place(context: &ToolContext, urn: &str) -> Result<Value, ToolError> {
    let variables = json!({"urn": urn});
    context
        .ask_for(&documents::DOCUMENT_PLACE, variables, "document")
        .await
}

/// The id of a person's folder; `None` for a name without any usable character.
fn personal_id(username: &str) -> Option<String> {
    let mut id = String::new();
    for c in username.to_lowercase().chars().take(MAX_ID_CHARS) {
        match c {
            c if c.is_alphanumeric() => id.push(c),
            _ if id.ends_with('-') => {}
            _ => id.push('-'),
        }
    }
    let id = id.trim_matches('-');
    (!id.is_empty()).then(|| format!("{PERSONAL}{id}"))
}

fn display_name(user: &Value) -> &str {
    [
        &user["editableProperties"]["displayName"],
        &user["properties"]["displayName"],
        &user["properties"]["fullName"],
        &user["username"],
    ]
    .into_iter()
    .filter_map(Value::as_str)
    .find(|name| !name.is_empty())
    .unwrap_or("Unknown User")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_folder_has_a_plain_id() {
        let id = |name| personal_id(name).unwrap_or_default();
        assert_eq!(id("Ada.L@Example.com"), "agent-docs-user-ada-l-example-com");
        assert_eq!(id("..ada  b.."), "agent-docs-user-ada-b");
        assert_eq!(
            id(&"x".repeat(50)),
            format!("agent-docs-user-{}", "x".repeat(30))
        );
        assert_eq!(personal_id("@."), None);
    }
}
