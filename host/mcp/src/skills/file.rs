//! A document of the catalog as a skill: its name, its URI and its file. Nothing here asks DataHub.

use rmcp::model::{
    ResourceContents, Skill, SkillFrontmatter, SkillResource, SkillResources, sha256_digest,
};
use serde_json::{Map, Value, json};

use super::FILE;
use crate::{prompts, resources, untrusted};

/// The beginning of the URI of each skill that is a document; its id and its name follow.
const SCHEME: &str = "skill://datahub/";
/// The beginning of a document's urn.
const URN: &str = "urn:li:document:";
/// The longest name, as the format of skills has it.
const MAX_NAME_CHARS: usize = 64;
/// The characters of the digest that set a name apart.
const MARK_CHARS: usize = 8;
/// The name of a skill whose title has neither letters nor digits.
const UNNAMED: &str = "document";
/// The longest description: enough to choose by.
const MAX_DESCRIPTION_CHARS: usize = 300;
/// The largest text of a document that is a skill.
pub(super) const MAX_TEXT_BYTES: usize = 64 * 1024;
/// The end of each description. A model chooses skills by these.
const SAID_BY: &str = "(written by people of this company in DataHub)";

/// A document as its skill shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) urn: String,
    pub(super) title: String,
    pub(super) text: String,
}

impl Document {
    /// The document with nothing in it that people do not see, and nothing that a page would fetch.
    pub(super) fn new(urn: &str, title: &str, text: &str) -> Self {
        let title = in_one_line(&untrusted::prepared(title));
        Self {
            urn: urn.to_owned(),
            title: if title.is_empty() {
                "Untitled".to_owned()
            } else {
                title
            },
            text: untrusted::prepared(text).replace("\r\n", "\n"),
        }
    }

    /// The name that its title makes, and the same with a mark of the document, for where another skill
    /// has the first.
    pub(super) fn names(&self) -> [String; 2] {
        let plain = name_of(&self.title);
        let digest = sha256_digest(self.urn.as_bytes());
        let mark: String = digest
            .chars()
            .skip("sha256:".len())
            .take(MARK_CHARS)
            .collect();
        let head: String = plain
            .chars()
            .take(MAX_NAME_CHARS - MARK_CHARS - 1)
            .collect();
        let marked = format!("{}-{mark}", head.trim_end_matches('-'));
        [plain, marked]
    }

    /// The name that a URI asks for, if it is one of this document's.
    pub(super) fn name_in(&self, uri: &str) -> Option<String> {
        let names = self.names().into_iter().filter(|name| !is_taken(name));
        let mut asked = names.filter(|name| uri_of(&self.urn, name) == uri);
        asked.next()
    }

    pub(super) fn skill(&self, name: &str) -> Skill {
        let uri = uri_of(&self.urn, name);
        let file = SkillResource::from_bytes(&uri, self.file(name).as_bytes());
        let mut front = SkillFrontmatter::new(name, self.description());
        front.extra = Map::from_iter([("metadata".to_owned(), self.metadata())]);
        Skill::new(uri, front, SkillResources::Files(vec![file]))
    }

    pub(super) fn resource(&self, name: &str) -> ResourceContents {
        ResourceContents::text(self.file(name), uri_of(&self.urn, name))
            .with_mime_type("text/markdown")
    }

    /// The file. Texts in JSON are texts in YAML, whatever is in them.
    fn file(&self, name: &str) -> String {
        let (_, body) = split(&self.text);
        let heading = match body.starts_with("# ") {
            true => String::new(),
            false => format!("# {}\n\n", self.title),
        };
        format!(
            "---\nname: {}\ndescription: {}\nmetadata: {}\n---\n\n> Written by people of this \
             company in DataHub ({}), not by this server.\n\n{heading}{}\n",
            json!(name),
            json!(self.description()),
            self.metadata(),
            self.urn,
            body.trim_end(),
        )
    }

    fn metadata(&self) -> Value {
        json!({"author": "people of this company", "document": self.urn, "title": self.title})
    }

    /// The description in the document's own frontmatter, else its first paragraph, else its title.
    fn description(&self) -> String {
        let (front, body) = split(&self.text);
        let own = front
            .lines()
            .find_map(|line| line.strip_prefix("description:"));
        let own = own.map(|own| own.trim().trim_matches(['"', '\'']));
        // A text of several lines is read as if there were none.
        let own = own
            .filter(|own| !own.starts_with(['>', '|']))
            .map(in_one_line);
        let paragraphs = body.split("\n\n").map(|paragraph| {
            let lines = paragraph.lines().filter(|line| !line.starts_with('#'));
            in_one_line(&lines.collect::<Vec<_>>().join(" "))
        });
        let mut said = own.into_iter().chain(paragraphs);
        let said = said.find(|said| !said.is_empty());
        let said = said.unwrap_or_else(|| self.title.clone());
        let short: String = said.chars().take(MAX_DESCRIPTION_CHARS).collect();
        let cut = if short == said { "" } else { "..." };
        format!("{short}{cut} {SAID_BY}")
    }
}

/// The id of the document that a URI names. It may be one that does not exist.
pub(super) fn urn_in(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix(SCHEME)?.strip_suffix(FILE)?;
    let (id, _) = rest.strip_suffix('/')?.split_once('/')?;
    let id = resources::decode(id)?;
    (!id.is_empty()).then(|| format!("{URN}{id}"))
}

/// True for a urn that a document may have.
pub(super) fn is_document(urn: &str) -> bool {
    urn.strip_prefix(URN).is_some_and(|id| !id.is_empty())
}

/// True for the name of a skill that this server brings along.
pub(super) fn is_taken(name: &str) -> bool {
    prompts::JOBS.iter().any(|job| super::name_of(job) == name)
}

/// The title in lower case, with one hyphen for each run of what is neither letter nor digit.
fn name_of(title: &str) -> String {
    let of = |takes: fn(char) -> bool| {
        let mut name = String::new();
        let small = title.chars().flat_map(char::to_lowercase);
        for c in small.map(|c| if takes(c) { c } else { '-' }) {
            if c != '-' || !(name.is_empty() || name.ends_with('-')) {
                name.push(c);
            }
        }
        let name: String = name.chars().take(MAX_NAME_CHARS).collect();
        name.trim_matches('-').to_owned()
    };
    // Not every letter may stand in a name, and the format of skills says which.
    [of(char::is_alphanumeric), of(|c| c.is_ascii_alphanumeric())]
        .into_iter()
        .find(|name| is_valid(name))
        .unwrap_or_else(|| UNNAMED.to_owned())
}

fn is_valid(name: &str) -> bool {
    let uri = uri_of(URN, name);
    let front = SkillFrontmatter::new(name, "");
    let skill = Skill::new(uri, front, SkillResources::Dynamic);
    skill.validate().is_ok()
}

fn uri_of(urn: &str, name: &str) -> String {
    let id = urn.strip_prefix(URN).unwrap_or(urn);
    format!("{SCHEME}{}/{}/{FILE}", encoded(id), encoded(name))
}

/// Percent-encodes all but the characters that RFC 3986 section 2.3 leaves alone.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The frontmatter of a text that has its own, and the rest. What it says beside `description` has no
/// effect: whoever may write a document may not say which tools a client allows.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let own = text
        .strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---\n"));
    own.map_or(("", text), |(front, body)| (front, body.trim_start()))
}

/// The text in one line, without the characters that a reader of YAML refuses.
fn in_one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut line = words.join(" ");
    line.retain(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'));
    line
}

#[cfg(test)]
mod tests;
