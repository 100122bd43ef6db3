//! Usage, profiles, operations and runs, from time series.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::time::now_millis;
use super::arguments::Arguments;
use super::objects::with;
use super::{EntityNode, Shape};

const DAY_MILLIS: i64 = 24 * 3600 * 1000;

/// Resolves the field if it is one of this file; none otherwise.
pub(crate) fn field<'a>(
    node: &'a EntityNode<'a>,
    field: &str,
    arguments: &Arguments<'_>,
) -> Option<Shape<'a>> {
    Some(match field {
        "usageStats" if node.kind.graphql == "Dataset" => dataset_usage(node, arguments),
        "usageStats" => dashboard_usage(node, arguments),
        "statsSummary" => summary(node),
        "datasetProfiles" => slice(node, "datasetProfile", arguments).into(),
        "operations" => slice(node, "operation", arguments)
            .into_iter()
            .map(|mut operation| {
                let spec = operation
                    .get("partitionSpec")
                    .and_then(|spec| spec.get("partition"));
                operation["partition"] = spec.cloned().unwrap_or_default();
                operation
            })
            .collect::<Value>()
            .into(),
        "state" => slice(node, "dataProcessInstanceRunEvent", arguments).into(),
        "runs" => runs(node, arguments),
        _ => return None,
    })
}

/// A time series between two times, newest first.
fn slice(node: &EntityNode<'_>, series: &str, arguments: &Arguments<'_>) -> Vec<Value> {
    let (from, to) = (
        arguments.number("startTimeMillis"),
        arguments.number("endTimeMillis"),
    );
    let limit = arguments
        .number("limit")
        .and_then(|limit| usize::try_from(limit).ok());
    between(node, series, from, to)
        .take(limit.unwrap_or(usize::MAX))
        .cloned()
        .collect()
}

fn between<'a>(
    node: &'a EntityNode<'_>,
    series: &str,
    from: Option<i64>,
    to: Option<i64>,
) -> impl Iterator<Item = &'a Value> {
    let values = node
        .record
        .as_ref()
        .map_or(&[][..], |record| record.series(series));
    values.iter().map(|value| &**value).filter(move |value| {
        let at = number(value, "timestampMillis");
        from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to)
    })
}

fn number(value: &Value, name: &str) -> i64 {
    value.get(name).and_then(Value::as_i64).unwrap_or(0)
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The length of a `TimeRange`, in days; `ALL` has none.
fn range_days(range: &str) -> Option<i64> {
    match range {
        "DAY" => Some(1),
        "WEEK" => Some(7),
        "MONTH" => Some(31),
        "QUARTER" => Some(92),
        "YEAR" => Some(366),
        _ => None,
    }
}

fn now() -> i64 {
    i64::try_from(now_millis()).unwrap_or(i64::MAX)
}

fn dataset_usage<'a>(node: &EntityNode<'_>, arguments: &Arguments<'_>) -> Shape<'a> {
    let range = arguments
        .opt_text("range")
        .unwrap_or_else(|| "MONTH".to_owned());
    let from = arguments
        .number("startTimeMillis")
        .or_else(|| range_days(&range).map(|days| now() - days * DAY_MILLIS));
    let (mut users, mut fields) = (BTreeMap::new(), BTreeMap::new());
    let mut queries = 0;
    let mut buckets = Vec::new();
    for bucket in between(node, "datasetUsageStatistics", from, None) {
        queries += number(bucket, "totalSqlQueries");
        for user in list(bucket, "userCounts") {
            let entry = users
                .entry(
                    user.get("user")
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned(),
                )
                .or_insert((0, user.get("userEmail").cloned().unwrap_or_default()));
            entry.0 += number(user, "count");
        }
        for field in list(bucket, "fieldCounts") {
            let name = field
                .get("fieldPath")
                .and_then(Value::as_str)
                .unwrap_or_default();
            *fields.entry(name.to_owned()).or_insert(0) += number(field, "count");
        }
        let unit = bucket
            .get("eventGranularity")
            .and_then(|granularity| granularity.get("unit"));
        buckets.push(json!({
            "bucket": bucket.get("timestampMillis"),
            "duration": unit,
            "resource": &*node.urn,
            "metrics": bucket,
        }));
    }
    buckets.reverse();
    let mut users: Vec<_> = users.into_iter().collect();
    users.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let mut fields: Vec<_> = fields.into_iter().collect();
    fields.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    json!({
        "buckets": buckets,
        "aggregations": {
            "uniqueUserCount": users.len(),
            "totalSqlQueries": queries,
            "users": users.iter().map(|(user, (count, email))| {
                json!({ "user": user, "count": count, "userEmail": email })
            }).collect::<Vec<_>>(),
            "fields": fields.iter().map(|(name, count)| {
                json!({ "fieldPath": name, "count": count })
            }).collect::<Vec<_>>(),
        },
    })
    .into()
}

/// Usage of the last thirty days; without a series, the features that ingestion computed.
fn summary<'a>(node: &EntityNode<'_>) -> Shape<'a> {
    let from = now() - 30 * DAY_MILLIS;
    if let Some(features) = node.aspect("usageFeatures") {
        let top = features.get("topUsersLast30Days");
        return json!({
            "queryCountLast30Days": features.get("queryCountLast30Days"),
            "uniqueUserCountLast30Days": features.get("uniqueUserCountLast30Days"),
            "topUsersLast30Days": top,
            "viewCount": features.get("viewCountTotal"),
            "viewCountLast30Days": features.get("viewCountLast30Days"),
        })
        .into();
    }
    let series = match node.kind.graphql {
        "Dataset" => "datasetUsageStatistics",
        "Dashboard" => "dashboardUsageStatistics",
        _ => "chartUsageStatistics",
    };
    let mut users = BTreeMap::new();
    let (mut queries, mut views, mut latest_views, mut any) = (0, 0, None, false);
    for bucket in between(node, series, Some(from), None) {
        any = true;
        queries += number(bucket, "totalSqlQueries");
        views += number(bucket, "viewsCount");
        if latest_views.is_none() {
            latest_views = bucket.get("viewsCount").and_then(Value::as_i64);
        }
        for user in list(bucket, "userCounts") {
            let name = user
                .get("user")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            *users.entry(name).or_insert(0) +=
                number(user, "count") + number(user, "viewsCount") + number(user, "usageCount");
        }
    }
    if !any {
        return Shape::NULL;
    }
    let mut users: Vec<(String, i64)> = users.into_iter().collect();
    users.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let top: Vec<_> = users.iter().take(10).map(|(name, _)| name).collect();
    json!({
        "queryCountLast30Days": queries,
        "uniqueUserCountLast30Days": users.len(),
        "topUsersLast30Days": top,
        "viewCount": latest_views,
        "viewCountLast30Days": views,
    })
    .into()
}

fn dashboard_usage<'a>(node: &EntityNode<'_>, arguments: &Arguments<'_>) -> Shape<'a> {
    let metrics = slice(node, "dashboardUsageStatistics", arguments);
    let total = |name: &str| {
        metrics
            .iter()
            .map(|metric| number(metric, name))
            .sum::<i64>()
    };
    let mut users: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for user in metrics.iter().flat_map(|metric| list(metric, "userCounts")) {
        let name = user
            .get("user")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let entry = users.entry(name).or_default();
        entry.0 += number(user, "viewsCount");
        entry.1 += number(user, "executionsCount");
    }
    let buckets: Vec<_> = metrics
        .iter()
        .map(|metric| {
            json!({
                "bucket": metric.get("timestampMillis"),
                "duration": metric.get("eventGranularity").and_then(|granularity| granularity.get("unit")),
                "resource": &*node.urn,
                "metrics": with(Some(metric), &json!({})),
            })
        })
        .collect();
    json!({
        "buckets": buckets,
        "metrics": metrics,
        "aggregations": {
            "uniqueUserCount": users.len(),
            "viewsCount": total("viewsCount"),
            "executionsCount": total("executionsCount"),
            "users": users.iter().map(|(user, (views, executions))| json!({
                "user": user, "viewsCount": views, "executionsCount": executions,
                "usageCount": views + executions,
            })).collect::<Vec<_>>(),
        },
    })
    .into()
}

/// Runs of a pipeline or a job, or runs that read or write a dataset.
fn runs<'a>(node: &EntityNode<'_>, arguments: &Arguments<'_>) -> Shape<'a> {
    let catalog = node.cx.catalog();
    let direction = arguments.opt_text("direction");
    let wanted: &[&str] = match direction.as_deref() {
        Some("INCOMING") => &["Produces"],
        Some(_) => &["Consumes", "DataProcessInstanceConsumes"],
        None => &["InstanceOf"],
    };
    let incoming = catalog.graph().incoming(&node.urn);
    let all: Vec<&str> = incoming
        .iter()
        .filter(|edge| wanted.contains(&edge.kind))
        .map(|edge| &*edge.other)
        .filter(|urn| urn.starts_with("urn:li:dataProcessInstance:"))
        .collect();
    super::searching::page(
        &all,
        arguments.number("start"),
        arguments.number("count"),
        "runs",
    )
    .into()
}
