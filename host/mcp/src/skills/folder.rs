//! The skills that a company keeps as documents in a folder of its DataHub. Each is read with the token
//! of the person who asks and kept for nobody: what DataHub does not show to somebody is no skill for
//! them.

use std::collections::HashMap;

use datahub::DataHubError;
use rmcp::model::{CacheScope, ReadResourceResult, Skill};
use serde_json::{Value, json};

use super::file::{Document, MAX_TEXT_BYTES, is_document, is_taken, urn_in};
use crate::{
    context::ToolContext,
    documents,
    error::ToolError,
    tools::{entity, shared_folder},
    untrusted,
};

/// The tools that give out what the skills hold: who may not call both gets none of these.
pub(crate) const TOOLS: &[&str] = &["search_documents", "get_entities"];
/// The largest number of documents that are skills.
const MAX_SKILLS: usize = 50;

/// Checks the urn of the folder.
///
/// # Errors
/// The reason why it cannot be one. What `save_document` saves is written by agents for whoever asks
/// them to: nobody has read it, so it tells nobody what to do.
pub fn check(urn: &str) -> Result<(), &'static str> {
    let is_plain = urn.chars().all(|c| !c.is_whitespace() && !c.is_control());
    if !is_document(urn) || !is_plain {
        return Err("not the urn of a document");
    }
    match shared_folder::is_folder(urn) {
        true => Err("a folder to which agents save documents"),
        false => Ok(()),
    }
}

/// The skills of one person, and what this person should know of those that are missing.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) skills: Vec<Skill>,
    pub(crate) notes: Vec<String>,
    /// Skills are missing that may be there the next time.
    pub(crate) is_partial: bool,
}

/// The skills in the folder.
///
/// # Errors
/// Only if DataHub refuses the person's token. What else fails is said in a note: the other skills do
/// not need DataHub.
pub(crate) async fn list(context: &ToolContext, folder: &str) -> Result<Found, ToolError> {
    let variables = json!({"input": {
        "query": "*", "start": 0, "count": MAX_SKILLS, "parentDocuments": [folder],
    }});
    let asked = context.ask_for(&documents::SKILLS, variables, "searchDocuments");
    let answer = match asked.await {
        Ok(answer) => answer,
        Err(error @ ToolError::DataHub(DataHubError::TokenRefused)) => return Err(error),
        Err(error) => {
            let note = format!("the skills of this company are left out: {error}");
            return Ok(Found {
                notes: vec![note],
                is_partial: true,
                ..Found::default()
            });
        }
    };
    let warnings = context.take_warnings();
    let warnings = warnings.iter().filter_map(|warning| warning.as_str());
    let mut found = Found {
        notes: warnings.map(str::to_owned).collect(),
        ..Found::default()
    };
    found.is_partial = !found.notes.is_empty();
    let total = answer["total"].as_u64().unwrap_or(0);
    if total > MAX_SKILLS as u64 {
        found.notes.push(format!(
            "the folder of skills holds {total} documents, of which {MAX_SKILLS} are listed"
        ));
    }
    let mut all = Vec::new();
    let listed = answer["documents"].as_array();
    for document in listed.into_iter().flatten().take(MAX_SKILLS) {
        match read_as_skill(document, folder) {
            Ok(document) => all.push(document),
            Err(Some(why)) => found.notes.push(format!("{} {why}", shown(document))),
            Err(None) => {}
        }
    }
    name(&all, &mut found);
    for note in &mut found.notes {
        *note = untrusted::prepared(note).into_owned();
    }
    Ok(found)
}

/// The document that `uri` names, with the name that it asks for.
///
/// # Errors
/// There is no such skill, or not for this person; or DataHub does not answer.
pub(crate) async fn one(
    context: &ToolContext,
    folder: &str,
    uri: &str,
) -> Result<Listed, ToolError> {
    let missing = || ToolError::NotFound(format!("there is no skill {uri:.200}"));
    let urn = urn_in(uri).ok_or_else(missing)?;
    let document = context
        .ask_for(&documents::SKILL, json!({"urn": urn}), "document")
        .await?;
    let is_there = document["exists"] == true && !entity::is_removed(&document);
    let found = match is_there {
        true => read_as_skill(&document, folder),
        false => Err(None),
    };
    let document = found.map_err(|why| match why {
        Some(why) => ToolError::NotFound(format!("{uri:.200} {why}")),
        None => missing(),
    })?;
    let name = document.name_in(uri).ok_or_else(missing)?;
    Ok(Listed { document, name })
}

/// One document with the name under which it was asked for.
#[derive(Debug)]
pub(crate) struct Listed {
    document: Document,
    name: String,
}

impl Listed {
    pub(crate) fn skill(&self) -> Skill {
        self.document.skill(&self.name)
    }

    pub(crate) fn read(&self) -> ReadResourceResult {
        let file = self.document.resource(&self.name);
        ReadResourceResult::new(vec![file]).with_cache_scope(CacheScope::Private)
    }
}

/// The document, if it is a skill: published, in the folder, with a text that is not too long. The error
/// is a reason that its authors can do something about. The folder and the state are looked at here,
/// too: the index lags behind.
fn read_as_skill(document: &Value, folder: &str) -> Result<Document, Option<String>> {
    let info = &document["info"];
    let is_published = info["status"]["state"] == "PUBLISHED";
    let is_inside = info["parentDocument"]["document"]["urn"] == folder;
    let (Some(urn), true, true) = (document["urn"].as_str(), is_published, is_inside) else {
        return Err(None);
    };
    let text = info["contents"]["text"].as_str().unwrap_or_default();
    let title = info["title"].as_str().unwrap_or_default();
    if text.len() > MAX_TEXT_BYTES {
        let length = text.len();
        let why = format!("has {length} bytes; a skill has at most {MAX_TEXT_BYTES}");
        return Err(Some(why));
    }
    let document = Document::new(urn, title, text);
    if document.text.trim().is_empty() {
        return Err(Some("is empty".to_owned()));
    }
    Ok(document)
}

/// Gives each document a name of its own. One that two have, or a skill of this server, is nobody's.
fn name(all: &[Document], found: &mut Found) {
    let mut times: HashMap<String, usize> = HashMap::new();
    for document in all {
        let [plain, _] = document.names();
        *times.entry(plain).or_default() += 1;
    }
    for document in all {
        let [plain, marked] = document.names();
        let name = match times.get(&plain) {
            Some(1) if !is_taken(&plain) => plain,
            _ => {
                let note = format!(
                    "{} is `{marked}`, as another skill is `{plain}`",
                    document.urn
                );
                found.notes.push(note);
                marked
            }
        };
        let skill = document.skill(&name);
        match skill.validate() {
            Ok(()) => found.skills.push(skill),
            Err(why) => found
                .notes
                .push(format!("{} is left out: {why}", document.urn)),
        }
    }
}

fn shown(document: &Value) -> &str {
    document["urn"].as_str().unwrap_or("a document")
}

#[cfg(test)]
mod tests;
