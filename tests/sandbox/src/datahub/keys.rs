//! Key aspects, which DataHub has for every entity, and the classes of aspects. Both are data files.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::kinds::urn_parts;
use super::record::Record;

static CLASSES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let lines = lines(include_str!("../../schema/aspect-classes.txt"));
    lines.filter_map(|line| line.split_once(' ')).collect()
});

static KEYS: LazyLock<HashMap<&'static str, (&'static str, Vec<&'static str>)>> =
    LazyLock::new(|| {
        let lines = lines(include_str!("../../schema/entity-keys.txt"));
        lines
            .filter_map(|line| {
                let mut parts = line.split(' ');
                let (entity, aspect, fields) = (parts.next()?, parts.next()?, parts.next()?);
                Some((entity, (aspect, fields.split(',').collect())))
            })
            .collect()
    });

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The class of an aspect, such as `com.linkedin.common.Status`.
pub(crate) fn class_of(aspect: &str) -> String {
    CLASSES.get(aspect).map_or_else(
        || format!("com.linkedin.{aspect}"),
        |class| (*class).to_owned(),
    )
}

/// The key aspect of an entity, read off its urn.
pub(crate) fn key_aspect(record: &Record) -> Option<(String, Value)> {
    let (aspect, fields) = KEYS.get(&*record.entity_type)?;
    if record.aspects().next().is_none() && record.series_names().next().is_none() {
        return None;
    }
    let parts = urn_parts(&record.urn);
    let members: Map<String, Value> = fields
        .iter()
        .zip(parts)
        .map(|(field, part)| ((*field).to_owned(), json!(part)))
        .collect();
    Some(((*aspect).to_owned(), Value::Object(members)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_off_the_urn() {
        let urn = "urn:li:dataset:(urn:li:dataPlatform:hive,a.b,PROD)";
        let mut record = Record::new(urn, "dataset");
        assert!(key_aspect(&record).is_none());
        let value = json!({"removed": false});
        record.put(super::super::hub::change(
            urn,
            "status",
            value,
            "urn:li:corpuser:a",
        ));
        let (name, value) = key_aspect(&record).unwrap();
        assert_eq!(name, "datasetKey");
        assert_eq!(
            value,
            json!({
            "platform": "urn:li:dataPlatform:hive", "name": "a.b", "origin": "PROD"})
        );
        assert_eq!(
            class_of("datasetKey"),
            "com.linkedin.metadata.key.DatasetKey"
        );
    }
}
