//! The form of DataHub's answers: objects where the document selects fields, lists and numbers where
//! tools count on them. An answer of another form is an error: read as it is, it would say that
//! nothing was found.

use std::{collections::HashMap, sync::LazyLock};

use datahub::{DataHubError, Document, Tree};

use crate::documents;

/// Members that are lists in every document of ours.
const LISTS: &[&str] = &[
    "entities",
    "searchResults",
    "facets",
    "ownershipTypes",
    "suggestions",
];
/// Members that are whole numbers in every document of ours.
const NUMBERS: &[&str] = &["total"];

/// The forms of all documents by their names.
static FORMS: LazyLock<HashMap<&'static str, Fields>> = LazyLock::new(|| {
    documents::all()
        .map(|document| (document.name(), fields_of(document.text())))
        .collect()
});

/// The selected members of an object, in the order of the document.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fields(Vec<Field>);

/// One selected member.
#[derive(Debug, PartialEq, Eq)]
struct Field {
    name: String,
    form: Form,
    kind: Kind,
}

/// The kind of a member that has the same one in every document of ours.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    List,
    Number,
    /// That of its form.
    Other,
}

impl Kind {
    fn of(name: &str) -> Self {
        match name {
            _ if LISTS.contains(&name) => Self::List,
            _ if NUMBERS.contains(&name) => Self::Number,
            _ => Self::Other,
        }
    }
}

impl Fields {
    fn get(&self, name: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.name == name)
    }

    /// The same for members that are asked for one after the other: DataHub answers in the order of the
    /// document, so the next one is where `from` points, most often.
    fn find(&self, name: &str, from: &mut usize) -> Option<&Field> {
        let is_it = |field: &Field| field.name == name;
        let rest = self.0.get(*from..).unwrap_or_default();
        let index = match rest.iter().position(is_it) {
            Some(found) => *from + found,
            None => self.0.iter().position(is_it)?,
        };
        *from = index + 1;
        self.0.get(index)
    }

    fn remove(&mut self, name: &str) -> Option<Form> {
        let index = self.0.iter().position(|known| known.name == name)?;
        Some(self.0.remove(index).form)
    }

    fn insert(&mut self, name: &str, form: Form) {
        self.0.push(Field {
            name: name.to_owned(),
            form,
            kind: Kind::of(name),
        });
    }
}

/// The form of one member.
#[derive(Debug, PartialEq, Eq)]
enum Form {
    /// A scalar, an enum, or a list of these.
    Leaf,
    /// An object or a list of objects.
    Selection(Fields),
    /// Either, as the entity's type has it.
    Any,
}

/// The error for an answer that is not understood.
pub(crate) fn not_understood() -> DataHubError {
    DataHubError::Malformed {
        what: "a part of it is missing or has another type than in DataHub's schema",
    }
}

/// Checks that the `data` of the answer to `document` has its form. Null passes: it is a field that
/// failed, or nothing.
///
/// # Errors
/// [`DataHubError::Malformed`] if it has not.
pub(crate) fn check(document: &Document, data: &Tree<'_>) -> Result<(), DataHubError> {
    let Some(fields) = FORMS.get(document.name()) else {
        return Ok(());
    };
    let wrong = data.members().iter().find_map(|(name, value)| {
        let field = fields.get(name)?;
        match (&field.form, value) {
            (Form::Selection(_), Tree::List(_)) if field.kind != Kind::List => {
                Some(field.name.as_str())
            }
            _ => misfit(field, value),
        }
    });
    match wrong {
        None => Ok(()),
        Some(member) => {
            tracing::debug!(
                operation = document.name(),
                member,
                "datahub answers with another type"
            );
            Err(not_understood())
        }
    }
}

/// The name of the first member in `value` that has another form; `value` is that of `field`.
fn misfit<'a>(field: &'a Field, value: &Tree<'_>) -> Option<&'a str> {
    let fits = match (&field.kind, value) {
        (_, Tree::Null) => true,
        (Kind::List, _) => matches!(value, Tree::List(_)),
        (Kind::Number, Tree::Number(number)) => number.is_i64() || number.is_u64(),
        (Kind::Number, _) => false,
        (Kind::Other, Tree::List(_) | Tree::Object(_)) => true,
        (Kind::Other, _) => !matches!(field.form, Form::Selection(_)),
    };
    if !fits {
        return Some(&field.name);
    }
    let Form::Selection(fields) = &field.form else {
        return None;
    };
    match value {
        Tree::List(items) => items.iter().find_map(|item| match item {
            // The name of the list is not that of its items.
            Tree::Object(_) => misfit_in(fields, item),
            Tree::Null => None,
            _ => Some(field.name.as_str()),
        }),
        Tree::Object(_) => misfit_in(fields, value),
        _ => None,
    }
}

fn misfit_in<'a>(fields: &'a Fields, object: &Tree<'_>) -> Option<&'a str> {
    let mut next = 0;
    object
        .members()
        .iter()
        .find_map(|(name, value)| misfit(fields.find(name, &mut next)?, value))
}

/// One line of a document, as [`Document::text`] has it, with what is inside its braces.
enum Line<'a> {
    Field(&'a str, Option<Vec<Line<'a>>>),
    Inline(Vec<Line<'a>>),
    Spread(&'a str),
}

/// The members that the operation in `text` selects, fragments included.
fn fields_of(text: &str) -> Fields {
    let mut lines = text.lines();
    let mut operation = Vec::new();
    let mut fragments = HashMap::new();
    while let Some(line) = lines.next() {
        let inside = block(&mut lines);
        match line.strip_prefix("fragment ") {
            Some(rest) => {
                fragments.insert(rest.split(' ').next().unwrap_or_default(), inside);
            }
            None => operation = inside,
        }
    }
    let mut fields = Fields::default();
    add(&mut fields, &operation, &fragments);
    fields
}

/// The lines up to the closing brace.
fn block<'a>(lines: &mut std::str::Lines<'a>) -> Vec<Line<'a>> {
    let mut inside = Vec::new();
    while let Some(line) = lines.next() {
        let opens = line.ends_with('{');
        if line == "}" {
            break;
        } else if line.starts_with("...") && opens {
            inside.push(Line::Inline(block(lines)));
        } else if let Some(name) = line.strip_prefix("...") {
            inside.push(Line::Spread(name.trim()));
        } else {
            // An alias stands before the colon, and is the member's name.
            let end = line.find(['(', '{', ':', '@', ' ']).unwrap_or(line.len());
            inside.push(Line::Field(&line[..end], opens.then(|| block(lines))));
        }
    }
    inside
}

fn add(fields: &mut Fields, lines: &[Line<'_>], fragments: &HashMap<&str, Vec<Line<'_>>>) {
    for line in lines {
        match line {
            Line::Inline(inside) => add(fields, inside, fragments),
            Line::Spread(name) => {
                if let Some(inside) = fragments.get(name) {
                    add(fields, inside, fragments);
                }
            }
            Line::Field(name, inside) => {
                let known = fields.remove(name);
                let form = match (known, inside) {
                    (None | Some(Form::Leaf), None) => Form::Leaf,
                    (None, Some(inside)) => selection(Fields::default(), inside, fragments),
                    (Some(Form::Selection(known)), Some(inside)) => {
                        selection(known, inside, fragments)
                    }
                    _ => Form::Any,
                };
                fields.insert(name, form);
            }
        }
    }
}

fn selection(
    mut known: Fields,
    inside: &[Line<'_>],
    fragments: &HashMap<&str, Vec<Line<'_>>>,
) -> Form {
    add(&mut known, inside, fragments);
    Form::Selection(known)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(document: &Document, data: Value) -> Result<(), DataHubError> {
        check(document, &Tree::from(&data))
    }

    fn form<'a>(fields: &'a Fields, name: &str) -> Option<&'a Form> {
        fields.get(name).map(|field| &field.form)
    }

    #[test]
    fn a_document_is_read_with_its_fragments_and_aliases() {
        let fields = fields_of(
            "query q($a: Int) {\nx: thing(a: $a) {\n...f\n... on T {\nb {\nc\n}\nd\n}\n... on U {\n\
             d {\ne\n}\n}\n}\n}\nfragment f on T {\nb {\ng\n}\nh\n}",
        );
        let Some(Form::Selection(thing)) = form(&fields, "x") else {
            panic!("{fields:?}")
        };
        let Some(Form::Selection(b)) = form(thing, "b") else {
            panic!("{thing:?}")
        };
        assert_eq!(
            (form(b, "c"), form(b, "g")),
            (Some(&Form::Leaf), Some(&Form::Leaf))
        );
        assert_eq!(form(thing, "h"), Some(&Form::Leaf));
        assert_eq!(form(thing, "d"), Some(&Form::Any));
    }

    #[test]
    fn members_are_found_in_any_order() {
        let fields = fields_of("query q {\na\nb\nc\n}");
        let mut next = 0;
        for name in ["a", "b", "c", "a", "c", "b", "x", "a"] {
            let found = fields.find(name, &mut next).is_some();
            assert_eq!(found, name != "x", "{name}");
        }
        assert!(Fields::default().get("a").is_none());
    }

    #[test]
    fn every_document_selects_something() {
        for document in documents::all() {
            let fields = FORMS.get(document.name()).unwrap();
            assert!(!fields.0.is_empty(), "{}", document.name());
        }
    }

    #[test]
    fn other_types_are_not_understood() {
        for wrong in [
            json!({"searchAcrossEntities": 7}),
            json!({"searchAcrossEntities": []}),
            json!({"searchAcrossEntities": {"total": "many"}}),
            json!({"searchAcrossEntities": {"total": 1.5}}),
            json!({"searchAcrossEntities": {"total": 3, "searchResults": "none"}}),
            json!({"searchAcrossEntities": {"total": 3, "searchResults": 7}}),
            json!({"searchAcrossEntities": {"total": 3, "searchResults": {}}}),
            json!({"searchAcrossEntities": {"total": 3, "searchResults": [7]}}),
            json!({"searchAcrossEntities": {"total": 3, "searchResults": [{"entity": "x"}]}}),
        ] {
            assert_eq!(
                of(&documents::SEARCH, wrong.clone()),
                Err(not_understood()),
                "{wrong}"
            );
        }
        for right in [
            json!({"searchAcrossEntities": null}),
            json!({"searchAcrossEntities": {"total": 0, "searchResults": [], "facets": null}}),
            json!({"searchAcrossEntities": {"total": 1, "searchResults": [{"entity": null}]}}),
            json!({"something": 7}),
        ] {
            assert_eq!(of(&documents::SEARCH, right.clone()), Ok(()), "{right}");
        }
        assert!(of(&documents::GET_ME, json!({"me": 7})).is_err());
        assert!(of(&documents::GET_ME, json!({"me": {"corpUser": true}})).is_err());
        assert!(of(documents::entity("tag"), json!({"entity": "gone"})).is_err());
    }
}
