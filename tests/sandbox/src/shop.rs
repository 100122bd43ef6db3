//! The sandbox's own catalog: Lantern & Loom, a shop for household goods.
//!
//! DataHub metadata files, written by `catalog/shop/generate.py`. Their last day is [`EPOCH_MILLIS`];
//! [`catalog`] shifts every point in time so that this day is today, because DataHub's usage
//! statistics and the like are asked for "the last 30 days".

use serde_json::{Number, Value};

use crate::datahub::{Catalog, LoadError};

/// The last day in the files, as milliseconds since 1970: 2026-01-01T00:00:00Z.
pub const EPOCH_MILLIS: u64 = 1_767_225_600_000;

const DAY_MILLIS: u64 = 86_400_000;

/// Numbers between these are points in time; no size or count in the catalog is so large.
const TIMES: std::ops::Range<u64> = 1_500_000_000_000..2_000_000_000_000;

const FILES: [(&str, &str); 10] = [
    (
        "shop/01-people.json",
        include_str!("../catalog/shop/01-people.json"),
    ),
    (
        "shop/02-governance.json",
        include_str!("../catalog/shop/02-governance.json"),
    ),
    (
        "shop/03-postgres.json",
        include_str!("../catalog/shop/03-postgres.json"),
    ),
    (
        "shop/04-kafka.json",
        include_str!("../catalog/shop/04-kafka.json"),
    ),
    (
        "shop/05-warehouse.json",
        include_str!("../catalog/shop/05-warehouse.json"),
    ),
    (
        "shop/06-pipelines.json",
        include_str!("../catalog/shop/06-pipelines.json"),
    ),
    (
        "shop/07-looker.json",
        include_str!("../catalog/shop/07-looker.json"),
    ),
    (
        "shop/08-activity.json",
        include_str!("../catalog/shop/08-activity.json"),
    ),
    (
        "shop/09-documents.json",
        include_str!("../catalog/shop/09-documents.json"),
    ),
    (
        "shop/10-corners.json",
        include_str!("../catalog/shop/10-corners.json"),
    ),
];

/// The catalog as of `now_millis` (milliseconds since 1970).
///
/// # Errors
/// A file is malformed; a test keeps that from happening.
pub fn catalog(now_millis: u64) -> Result<Catalog, LoadError> {
    let mut catalog = Catalog::default();
    for (name, proposals) in files(now_millis)? {
        catalog.add_str(name, &proposals.to_string())?;
    }
    Ok(catalog)
}

/// Name and proposals of each file, in the order in which they are loaded.
fn files(now_millis: u64) -> Result<Vec<(&'static str, Value)>, LoadError> {
    let shift = (now_millis / DAY_MILLIS * DAY_MILLIS).saturating_sub(EPOCH_MILLIS);
    let moved = |(name, text): (&'static str, &str)| {
        let mut proposals: Value =
            serde_json::from_str(text).map_err(|source| LoadError::Json {
                name: name.to_owned(),
                source,
            })?;
        move_times(&mut proposals, shift);
        Ok((name, proposals))
    };
    FILES.into_iter().map(moved).collect()
}

fn move_times(value: &mut Value, shift: u64) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| move_times(item, shift)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|item| move_times(item, shift)),
        Value::Number(number) => {
            if let Some(time) = number.as_u64().filter(|number| TIMES.contains(number)) {
                *number = Number::from(time + shift);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposals(now_millis: u64) -> Vec<Value> {
        let files = files(now_millis).unwrap();
        let arrays = files.into_iter().map(|(_, proposals)| proposals);
        arrays
            .flat_map(|array| array.as_array().cloned().unwrap())
            .collect()
    }

    fn newest(proposals: &[Value], aspect: &str) -> u64 {
        let of_aspect = proposals
            .iter()
            .filter(|proposal| proposal["aspectName"] == aspect);
        let times = of_aspect.map(|proposal| &proposal["aspect"]["json"]["timestampMillis"]);
        times.filter_map(Value::as_u64).max().unwrap()
    }

    #[test]
    fn time_series_end_today() {
        let now = EPOCH_MILLIS + 123 * DAY_MILLIS + 4567;
        let moved = proposals(now);
        for aspect in [
            "datasetUsageStatistics",
            "datasetProfile",
            "operation",
            "assertionRunEvent",
        ] {
            assert_eq!(
                newest(&moved, aspect),
                EPOCH_MILLIS + 123 * DAY_MILLIS,
                "{aspect}"
            );
        }
        assert_eq!(
            newest(&proposals(0), "operation"),
            EPOCH_MILLIS,
            "never into the past"
        );
    }

    #[test]
    fn the_shop_is_as_large_as_it_says() {
        let proposals = proposals(EPOCH_MILLIS);
        let schemas: Vec<&Value> = proposals
            .iter()
            .filter(|proposal| proposal["aspectName"] == "schemaMetadata")
            .collect();
        assert!(schemas.len() >= 40);
        let widest = schemas
            .iter()
            .filter_map(|schema| schema["aspect"]["json"]["fields"].as_array().map(Vec::len))
            .max();
        assert_eq!(widest, Some(1000));
        let removed = proposals
            .iter()
            .filter(|p| p["aspect"]["json"]["removed"] == true)
            .count();
        let deprecated = proposals
            .iter()
            .filter(|p| p["aspectName"] == "deprecation")
            .count();
        assert_eq!((removed, deprecated), (4, 3));
    }

    #[test]
    fn datahub_takes_all_of_it() {
        let catalog = catalog(EPOCH_MILLIS).unwrap();
        let orders = "urn:li:dataset:(urn:li:dataPlatform:snowflake,lantern.marts.fct_orders,PROD)";
        assert!(catalog.aspect(orders, "upstreamLineage").is_some());
        assert!(catalog.len() > 150, "{}", catalog.len());
    }

    #[test]
    fn everybody_who_can_sign_in_is_in_the_catalog() {
        let proposals = proposals(EPOCH_MILLIS);
        for person in crate::people::demo() {
            let urn = format!("urn:li:corpuser:{}", person.username);
            let info = proposals
                .iter()
                .find(|p| p["entityUrn"] == urn.as_str() && p["aspectName"] == "corpUserInfo");
            assert_eq!(
                info.unwrap()["aspect"]["json"]["displayName"],
                person.name.as_str()
            );
        }
    }
}
