//! The search index of one entity: the values that filters name, and lower-cased words.
//!
//! Built once for each version of an entity. Field names are those of DataHub's search index, since
//! filters use them.

mod names;
mod values;
mod words;

use std::collections::HashMap;

use super::record::Record;

pub(crate) use names::{display_name, key_name};
pub(crate) use words::{stem, words};

/// The indexed form of one entity.
#[derive(Debug, Default)]
pub(crate) struct SearchDoc {
    fields: HashMap<String, Vec<String>>,
    /// Texts to match words against, in order of descending weight.
    pub(crate) texts: Vec<Text>,
    /// The name, in lower case.
    pub(crate) name: String,
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
        let name = display_name(record);
        let mut doc = Self {
            name: name.to_lowercase(),
            ..Self::default()
        };
        values::fill(&mut doc, record);
        doc.add("name", &name);
        doc.add_texts(record, &name);
        doc
    }

    /// The values of a field, as filters compare them; empty where the entity has none.
    pub(crate) fn values(&self, field: &str) -> &[String] {
        self.fields.get(field).map_or(&[], Vec::as_slice)
    }

    /// Fields and their values, for facets over structured properties.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.fields
            .iter()
            .map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    fn add(&mut self, field: &str, value: impl Into<String>) {
        let value = value.into();
        let values = self.fields.entry(field.to_owned()).or_default();
        if !values.contains(&value) {
            values.push(value);
        }
    }

    fn text(&mut self, field: &'static str, weight: f32, original: &str) {
        if original.is_empty() {
            return;
        }
        self.texts.push(Text {
            field,
            weight,
            original: original.to_owned(),
            lower: original.to_lowercase(),
            words: words(original).map(|word| stem(&word)).collect(),
        });
    }

    /// Adds the texts in which words are searched; the weights are ordered as DataHub's own.
    fn add_texts(&mut self, record: &Record, name: &str) {
        self.text("name", 10.0, name);
        self.text("id", 6.0, &names::id_text(&record.urn));
        let listed: [(&'static str, f32); 11] = [
            ("qualifiedName", 6.0),
            ("description", 1.0),
            ("editedDescription", 1.0),
            ("fieldPaths", 3.0),
            ("fieldDescriptions", 0.6),
            ("editedFieldDescriptions", 0.6),
            ("typeNames", 1.0),
            ("customProperties", 0.5),
            ("email", 2.0),
            ("title", 1.0),
            ("text", 0.8),
        ];
        for (field, weight) in listed {
            for value in self.values(field).to_vec() {
                self.text(field, weight, &value);
            }
        }
        for field in [
            "tags",
            "fieldTags",
            "glossaryTerms",
            "fieldGlossaryTerms",
            "owners",
        ] {
            let weight = if field == "owners" { 0.5 } else { 2.0 };
            for value in self.values(field).to_vec() {
                self.text(field, weight, value.rsplit(':').next().unwrap_or(&value));
            }
        }
        // Long texts of documents are searched, but are not values to filter by.
        self.fields.remove("text");
    }
}

#[cfg(test)]
mod tests;
