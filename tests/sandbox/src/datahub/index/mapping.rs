//! The mapping of DataHub's search index: which field of the index is filled from where, and how its
//! values are compared.
//!
//! The fields are data: `schema/search-fields.txt` and `schema/search-aspects.txt`. What a `FieldType`
//! becomes in the index is in DataHub's `V2MappingsBuilder` and `V2LegacySettingsBuilder` (before 1.2
//! `MappingsBuilder` and `SettingsBuilder`), both below
//! metadata-io/src/main/java/com/linkedin/metadata/search/elasticsearch.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// The mapping of every entity type of the data files.
pub(crate) static MAPPING: LazyLock<Mapping> = LazyLock::new(Mapping::read);

/// How the index holds a field (`V2MappingsBuilder.getMappingsForField`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// `KEYWORD`, `TEXT`, `TEXT_PARTIAL`, `WORD_GRAM`: in lower case, and as it is under `.keyword`.
    Text,
    /// `URN`, `URN_PARTIAL`: its components as words, and as it is under `.keyword`. Not sortable.
    Urn,
    /// A keyword without subfields: `urn` itself, and structured properties that hold urns.
    Keyword,
    /// `BROWSE_PATH`: each path from the top, split at slashes; no `.keyword`.
    SlashPath,
    /// `BROWSE_PATH_V2`: each path from the top, split at U+241F; no `.keyword`.
    Path,
    Boolean,
    /// `COUNT`.
    Long,
    /// `DATETIME`: milliseconds since 1970.
    Date,
    Double,
    /// `OBJECT`, `MAP_ARRAY`: a field for each key.
    Object,
}

impl Kind {
    fn of(field_type: &str) -> Option<Self> {
        Some(match field_type {
            "KEYWORD" | "TEXT" | "TEXT_PARTIAL" | "WORD_GRAM" => Self::Text,
            "URN" | "URN_PARTIAL" => Self::Urn,
            "BROWSE_PATH" => Self::SlashPath,
            "BROWSE_PATH_V2" => Self::Path,
            "BOOLEAN" => Self::Boolean,
            "COUNT" => Self::Long,
            "DATETIME" => Self::Date,
            "DOUBLE" => Self::Double,
            "OBJECT" | "MAP_ARRAY" => Self::Object,
            _ => return None,
        })
    }

    /// True if the field has the subfield `.keyword`, its values as they are.
    pub(crate) fn has_keyword(self) -> bool {
        matches!(self, Self::Text | Self::Urn)
    }

    /// True if hits can be sorted by the field; by a text without doc values, they cannot.
    pub(crate) fn is_sortable(self) -> bool {
        !matches!(self, Self::Urn | Self::Object)
    }
}

/// An annotated member of an aspect: a field of the index.
#[derive(Debug, PartialEq)]
pub(crate) struct Field {
    /// The names from the aspect to the value; `*` is every item of a list, or every entry of a map.
    pub(crate) path: Vec<&'static str>,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Searched for words where a query names no field.
    pub(crate) by_default: bool,
    /// The weight of a match.
    pub(crate) boost: f32,
    /// The boolean that says whether there is a value.
    pub(crate) has: Option<&'static str>,
    /// The field that says how many values there are.
    pub(crate) count: Option<&'static str>,
    /// Another name of the field.
    pub(crate) alias: Option<&'static str>,
    /// The file of the annotation below metadata-models/src/main/pegasus in DataHub's sources.
    pub(crate) source: &'static str,
    pub(crate) since: Since,
}

/// The versions of DataHub that have a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// All from 1.0.0 on.
    First,
    /// Some after 1.0.0.
    Later,
}

/// See [`MAPPING`].
#[derive(Debug, Default)]
pub(crate) struct Mapping {
    fields: HashMap<&'static str, Vec<Field>>,
    aspects: HashMap<&'static str, Vec<&'static str>>,
    /// The kinds of a field in each entity type.
    kinds: HashMap<&'static str, HashMap<&'static str, Kind>>,
    /// The kinds of a field in all entity types.
    all: HashMap<&'static str, Vec<Kind>>,
    aliases: HashSet<&'static str>,
    facets: HashSet<&'static str>,
}

impl Mapping {
    fn read() -> Self {
        let mut mapping = Self::default();
        let mut source = "";
        for line in include_str!("../../../schema/search-fields.txt").lines() {
            if let Some(file) = line.strip_prefix("## ") {
                source = file;
            } else if !line.starts_with('#')
                && let Some((aspect, field)) = field(line, source)
            {
                mapping.fields.entry(aspect).or_default().push(field);
            }
        }
        for line in include_str!("../../../schema/search-aspects.txt").lines() {
            let mut words = line.split(' ').filter(|_| !line.starts_with('#'));
            if let Some(entity) = words.next() {
                mapping.aspects.insert(entity, words.collect());
            }
        }
        mapping.collect();
        mapping
    }

    fn collect(&mut self) {
        let mut kinds: HashMap<&str, HashMap<&str, Kind>> = HashMap::new();
        for (entity, aspects) in &self.aspects {
            let of_entity = kinds.entry(entity).or_default();
            of_entity.insert("urn", Kind::Keyword);
            of_entity.insert("runId", Kind::Keyword);
            for field in aspects.iter().filter_map(|a| self.fields.get(a)).flatten() {
                of_entity.insert(field.name, field.kind);
                of_entity.extend(field.alias.map(|name| (name, field.kind)));
                of_entity.extend(field.has.map(|name| (name, Kind::Boolean)));
                of_entity.extend(field.count.map(|name| (name, Kind::Long)));
            }
        }
        for (name, kind) in kinds.values().flatten() {
            let all = self.all.entry(name).or_default();
            if !all.contains(kind) {
                all.push(*kind);
            }
        }
        self.kinds = kinds;
        for field in self.fields.values().flatten() {
            self.aliases.extend(field.alias);
            self.facets.insert(field.name);
            self.facets.extend(field.has);
        }
    }

    /// The aspects of an entity type that are in the index, the key first.
    pub(crate) fn aspects(&self, entity_type: &str) -> &[&'static str] {
        self.aspects.get(entity_type).map_or(&[], Vec::as_slice)
    }

    /// The fields that an aspect fills.
    pub(crate) fn fields(&self, aspect: &str) -> &[Field] {
        self.fields.get(aspect).map_or(&[], Vec::as_slice)
    }

    /// The kind of a field in the index of this entity type; none if it has no such field.
    pub(crate) fn kind(&self, entity_type: &str, name: &str) -> Option<Kind> {
        self.kinds.get(entity_type)?.get(name).copied()
    }

    /// The kinds that a field has in the indices of all entity types.
    pub(crate) fn kinds(&self, name: &str) -> &[Kind] {
        self.all.get(name).map_or(&[], Vec::as_slice)
    }

    /// True if DataHub aggregates over this field where it is asked to
    /// (`AggregationQueryBuilder.isValidAggregate`).
    pub(crate) fn is_facet(&self, name: &str) -> bool {
        self.facets.contains(name)
    }

    /// True if the field is another name of a field, which has no subfields.
    pub(crate) fn is_alias(&self, name: &str) -> bool {
        self.aliases.contains(name)
    }

    /// Every field of every entity type, by entity type and aspect.
    #[cfg(test)]
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &'static str, &Field)> {
        self.aspects.iter().flat_map(move |(entity, aspects)| {
            let aspects = aspects.iter();
            aspects.flat_map(move |aspect| {
                let fields = self.fields(aspect).iter();
                fields.map(move |field| (*entity, *aspect, field))
            })
        })
    }
}

/// A line of `search-fields.txt`; none for one that holds no field, or one that only older versions have.
fn field(line: &'static str, source: &'static str) -> Option<(&'static str, Field)> {
    let mut words = line.split(' ');
    let aspect = words.next().filter(|word| !word.is_empty())?;
    let path = words.next()?.split('/').collect();
    let name = words.next()?;
    let kind = Kind::of(words.next()?)?;
    let rest: Vec<&'static str> = words.skip(1).collect();
    let given = |key: &str| rest.iter().find_map(|word| word.strip_prefix(key));
    let has = |word: &str| rest.contains(&word);
    let field = Field {
        path,
        name,
        kind,
        by_default: has("query"),
        boost: given("boost=").and_then(|b| b.parse().ok()).unwrap_or(1.0),
        has: given("has="),
        count: given("num="),
        alias: given("alias="),
        source,
        since: if has("new") {
            Since::Later
        } else {
            Since::First
        },
    };
    (!has("gone")).then_some((aspect, field))
}
