//! One entity: its present and earlier aspects, and its time series.
//!
//! A record is immutable once it is in a catalog; a write makes a new one. Unknown aspects are kept
//! unchanged.

use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::index::SearchDoc;
use super::kinds::EntityKind;

/// Time series aspects are appended, not replaced.
const TIMESERIES: &[&str] = &[
    "assertionRunEvent",
    "chartUsageStatistics",
    "dashboardUsageStatistics",
    "dataProcessInstanceRunEvent",
    "datasetProfile",
    "datasetUsageStatistics",
    "operation",
    "queryUsageStatistics",
];

/// The number of earlier versions of an aspect that are kept.
const MAX_VERSIONS: usize = 100;

/// True if this aspect is a time series.
pub(crate) fn is_timeseries(aspect: &str) -> bool {
    TIMESERIES.contains(&aspect)
}

/// One version of an aspect.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Aspect {
    /// The JSON, as in DataHub's metadata files.
    pub(crate) value: Value,
    /// The system metadata that came with it; null if none.
    pub(crate) system: Value,
    /// 1 for the first version of this aspect, one more for each write.
    pub(crate) version: u64,
    /// The time of the write, in milliseconds since 1970.
    pub(crate) time: u64,
    /// The urn of the author.
    pub(crate) actor: String,
}

impl Aspect {
    /// The audit stamp of the write.
    pub(crate) fn stamp(&self) -> Value {
        json!({ "time": self.time, "actor": self.actor })
    }
}

/// An aspect value on its way into the catalog.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) urn: String,
    pub(crate) aspect: String,
    pub(crate) value: Value,
    pub(crate) system: Value,
    pub(crate) time: u64,
    pub(crate) actor: String,
}

/// An entity.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) urn: Arc<str>,
    /// The third part of the urn.
    pub(crate) entity_type: Arc<str>,
    /// None for a type that is not in GraphQL.
    pub(crate) kind: Option<&'static EntityKind>,
    aspects: IndexMap<String, Arc<Aspect>>,
    older: IndexMap<String, Vec<Arc<Aspect>>>,
    series: IndexMap<String, Vec<Arc<Value>>>,
    doc: OnceLock<Arc<SearchDoc>>,
}

impl Record {
    /// An entity without aspects.
    pub(crate) fn new(urn: &str, entity_type: &str) -> Self {
        Self {
            urn: urn.into(),
            entity_type: entity_type.into(),
            kind: EntityKind::of_part(entity_type),
            aspects: IndexMap::new(),
            older: IndexMap::new(),
            series: IndexMap::new(),
            doc: OnceLock::new(),
        }
    }

    /// The present value of an aspect.
    pub(crate) fn aspect(&self, name: &str) -> Option<&Value> {
        self.aspects.get(name).map(|aspect| &aspect.value)
    }

    /// A field inside an aspect, by a path of names.
    pub(crate) fn field(&self, aspect: &str, path: &[&str]) -> Option<&Value> {
        let value = path
            .iter()
            .try_fold(self.aspect(aspect)?, |value, name| value.get(*name))?;
        (!value.is_null()).then_some(value)
    }

    /// A text inside an aspect; empty text counts as none.
    pub(crate) fn text(&self, aspect: &str, path: &[&str]) -> Option<&str> {
        self.field(aspect, path)?
            .as_str()
            .filter(|text| !text.is_empty())
    }

    /// The first of these texts that exists.
    pub(crate) fn first_text(&self, places: &[(&str, &str)]) -> Option<&str> {
        places
            .iter()
            .find_map(|(aspect, name)| self.text(aspect, &[name]))
    }

    /// Every present aspect with its version and stamp.
    pub(crate) fn aspects(&self) -> impl Iterator<Item = (&str, &Arc<Aspect>)> {
        self.aspects
            .iter()
            .map(|(name, aspect)| (name.as_str(), aspect))
    }

    /// The present version of an aspect.
    pub(crate) fn latest(&self, name: &str) -> Option<&Arc<Aspect>> {
        self.aspects.get(name)
    }

    /// Earlier versions of an aspect, oldest first.
    pub(crate) fn earlier(&self, name: &str) -> &[Arc<Aspect>] {
        self.older.get(name).map_or(&[], Vec::as_slice)
    }

    /// A time series, newest first.
    pub(crate) fn series(&self, name: &str) -> &[Arc<Value>] {
        self.series.get(name).map_or(&[], Vec::as_slice)
    }

    /// Names of the time series that hold something.
    pub(crate) fn series_names(&self) -> impl Iterator<Item = &str> {
        self.series.keys().map(String::as_str)
    }

    /// True if the entity is soft-deleted.
    pub(crate) fn removed(&self) -> bool {
        self.field("status", &["removed"])
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// The latest time at which ingestion observed the entity, in milliseconds since 1970.
    pub(crate) fn last_observed(&self) -> Option<u64> {
        let observed = |aspect: &Arc<Aspect>| aspect.system.get("lastObserved")?.as_u64();
        self.aspects.values().filter_map(observed).max()
    }

    /// The indexed form; built on the first search after a write.
    pub(crate) fn doc(&self) -> &SearchDoc {
        self.doc.get_or_init(|| Arc::new(SearchDoc::build(self)))
    }

    /// Sets an aspect. A value equal to the present one makes no new version, as in DataHub.
    pub(crate) fn put(&mut self, change: Change) {
        self.doc = OnceLock::new();
        let Change {
            aspect: name,
            value,
            system,
            time,
            actor,
            ..
        } = change;
        if is_timeseries(&name) {
            let series = self.series.entry(name).or_default();
            let at = timestamp(&value);
            let place = series.partition_point(|earlier| timestamp(earlier) > at);
            series.insert(place, Arc::new(value));
            return;
        }
        let version = match self.aspects.get(&name) {
            Some(present) if present.value == value => return,
            Some(present) => {
                let older = self.older.entry(name.clone()).or_default();
                older.push(Arc::clone(present));
                if older.len() > MAX_VERSIONS {
                    older.remove(0);
                }
                present.version + 1
            }
            None => 1,
        };
        self.aspects.insert(
            name,
            Arc::new(Aspect {
                value,
                system,
                version,
                time,
                actor,
            }),
        );
    }

    /// Removes an aspect with its history.
    pub(crate) fn remove(&mut self, name: &str) {
        self.doc = OnceLock::new();
        self.aspects.shift_remove(name);
        self.older.shift_remove(name);
        self.series.shift_remove(name);
    }
}

fn timestamp(value: &Value) -> i64 {
    value
        .get("timestampMillis")
        .and_then(Value::as_i64)
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(aspect: &str, value: Value) -> Change {
        Change {
            urn: "urn:li:tag:a".into(),
            aspect: aspect.into(),
            value,
            system: Value::Null,
            time: 1,
            actor: "urn:li:corpuser:a".into(),
        }
    }

    #[test]
    fn a_new_value_moves_the_old_one_into_the_history() {
        let mut record = Record::new("urn:li:tag:a", "tag");
        record.put(change("tagProperties", json!({"name": "a"})));
        record.put(change("tagProperties", json!({"name": "a"})));
        record.put(change("tagProperties", json!({"name": "b"})));
        assert_eq!(record.latest("tagProperties").unwrap().version, 2);
        let earlier: Vec<_> = record
            .earlier("tagProperties")
            .iter()
            .map(|a| a.version)
            .collect();
        assert_eq!(earlier, [1]);
    }

    #[test]
    fn time_series_are_kept_newest_first() {
        let mut record = Record::new("urn:li:dataset:a", "dataset");
        for at in [2, 3, 1] {
            record.put(change("datasetProfile", json!({"timestampMillis": at})));
        }
        let times: Vec<_> = record
            .series("datasetProfile")
            .iter()
            .map(|v| timestamp(v))
            .collect();
        assert_eq!(times, [3, 2, 1]);
        assert!(record.aspect("datasetProfile").is_none());
    }
}
