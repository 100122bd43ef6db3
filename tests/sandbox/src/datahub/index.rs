//! The search index of one entity: the values that filters name, and lower-cased words.
//!
//! Built once for each version of an entity, after DataHub's own mapping ([`mapping`]). Field names are
//! those of DataHub's search index, since filters use them.

mod mapping;
mod names;
mod values;
mod words;

use std::collections::HashMap;
use std::sync::Arc;

use super::record::Record;

pub(crate) use mapping::{Kind, MAPPING};
pub(crate) use names::{display_name, key_name};
pub(crate) use values::PROPERTIES;
pub(crate) use words::{parts, weight, words};

/// The indexed form of one entity.
#[derive(Debug, Default)]
pub(crate) struct SearchDoc {
    entity_type: Arc<str>,
    fields: HashMap<String, Vec<String>>,
    /// Texts to match words against.
    pub(crate) texts: Vec<Text>,
    /// The words of the name that people read, stemmed.
    pub(crate) name: Vec<String>,
}

/// One text of an entity.
#[derive(Debug)]
pub(crate) struct Text {
    /// The field of the search index it belongs to.
    pub(crate) field: &'static str,
    /// The weight of a match.
    pub(crate) weight: f32,
    /// The text as it is in the aspect.
    pub(crate) original: String,
    /// The text in lower case.
    pub(crate) lower: String,
    /// Its words, stemmed.
    pub(crate) words: Vec<String>,
}

impl SearchDoc {
    pub(crate) fn build(record: &Record) -> Self {
        let mut doc = Self {
            entity_type: Arc::clone(&record.entity_type),
            name: parts(&display_name(record)),
            ..Self::default()
        };
        values::fill(&mut doc, record);
        doc
    }

    /// The type of the entity, as in its urn.
    pub(crate) fn entity_type(&self) -> &str {
        &self.entity_type
    }

    /// The values of a field, as they are; empty where the entity has none.
    pub(crate) fn values(&self, field: &str) -> &[String] {
        self.fields.get(field).map_or(&[], Vec::as_slice)
    }

    /// The values of a field as its subfield `.keyword` has them; empty where it has no such subfield.
    pub(crate) fn keywords(&self, field: &str) -> &[String] {
        match MAPPING.kind(&self.entity_type, field) {
            Some(kind) if kind.has_keyword() && !MAPPING.is_alias(field) => self.values(field),
            _ => &[],
        }
    }

    /// Fields and their values, for facets over structured properties.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.fields
            .iter()
            .map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// Sets the values of a field in place of what another aspect has said.
    fn set(&mut self, field: &str, mut values: Vec<String>) {
        let mut seen = std::collections::HashSet::new();
        values.retain(|value| seen.insert(value.clone()));
        self.fields.insert(field.to_owned(), values);
    }

    fn text(&mut self, field: &'static str, weight: f32, original: &str) {
        let known = |text: &Text| text.field == field && text.original == original;
        if original.is_empty() || self.texts.iter().any(known) {
            return;
        }
        self.texts.push(Text {
            field,
            weight,
            original: original.to_owned(),
            lower: original.to_lowercase(),
            words: words(original),
        });
    }
}

#[cfg(test)]
mod tests;
