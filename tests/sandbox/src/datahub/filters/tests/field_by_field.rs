//! Each filter operator on each field of the index, held to what DataHub's mapping and query builder say.
//!
//! Sources, in datahub-project/datahub: the fields are annotated in the files that
//! `schema/search-fields.txt` names; the rest is below
//! metadata-io/src/main/java/com/linkedin/metadata/search.

mod few;
mod rules;

use serde_json::{Value, json};

use super::super::super::catalog::Catalog;
use super::super::super::index::{Kind, MAPPING};

use super::super::{Filter, expand};
use rules::{Fails, Outcome, Passes, Selects, rules, sample};

/// A urn of an entity type; the parts matter only where an aspect does not say otherwise.
fn urn_of(entity: &str) -> String {
    match entity {
        "dataset" | "mlModel" | "mlModelGroup" => {
            format!("urn:li:{entity}:(urn:li:dataPlatform:hive,x,PROD)")
        }
        "chart" | "dashboard" | "mlFeature" | "mlPrimaryKey" => {
            format!("urn:li:{entity}:(looker,x)")
        }
        "dataFlow" => "urn:li:dataFlow:(airflow,x,PROD)".to_owned(),
        "dataJob" => "urn:li:dataJob:(urn:li:dataFlow:(airflow,x,PROD),y)".to_owned(),
        "schemaField" => {
            "urn:li:schemaField:(urn:li:dataset:(urn:li:dataPlatform:hive,x,PROD),y)".to_owned()
        }
        other => format!("urn:li:{other}:x"),
    }
}

/// The catalog with one entity that has one aspect.
fn with(urn: &str, aspect: &str, value: &Value) -> Catalog {
    let file = json!([{
        "entityUrn": urn, "entityType": "x", "changeType": "UPSERT", "aspectName": aspect,
        "aspect": {"json": value},
    }]);
    Catalog::load_str("test", &file.to_string()).unwrap()
}

/// An aspect that has only `value`, at the end of a path.
fn at(path: &[&str], value: &Value) -> Value {
    match path {
        [] => value.clone(),
        ["*", rest @ ..] => json!([at(rest, value)]),
        [name, rest @ ..] => json!({ *name: at(rest, value) }),
    }
}

fn outcome(catalog: &Catalog, urn: &str, condition: &Value) -> Outcome {
    let input = json!({"orFilters": [{"and": [condition]}]});
    match Filter::parse(catalog, &input) {
        Err(_) => Fails,
        Ok(filter) if filter.selects(catalog.get(urn).unwrap().doc(), None) => Selects,
        Ok(_) => Passes,
    }
}

/// Maps are indexed as `key=value`; see [`entries_of_maps_are_texts`].
fn is_map(name: &str) -> bool {
    matches!(
        name,
        "customProperties" | "hyperParameters" | "externalReferences"
    )
}

#[test]
fn each_operator_on_each_field() {
    let (mut fields, mut checks, mut wrong) = (0, 0, Vec::new());
    for (entity, aspect, field) in MAPPING.all() {
        if is_map(field.name) {
            continue;
        }
        fields += 1;
        let urn = urn_of(entity);
        let value = at(&field.path, &sample(field.kind));
        let catalog = with(&urn, aspect, &value);
        for (condition, part, values, wanted, source) in rules(field.kind) {
            // A field that stands for several is looked at under `.keyword`, whatever part is named.
            if expand::fields(field.name).is_some() && matches!(*part, ".delimited" | ".length") {
                continue;
            }
            checks += 1;
            let named = format!("{}{part}", field.name);
            let condition = json!({"field": named, "condition": condition, "values": values});
            let found = outcome(&catalog, &urn, &condition);
            if found != *wanted {
                wrong.push(format!(
                    "{entity}/{aspect}: {condition} is {found:?}, and {wanted:?} by {source} ({})",
                    field.source
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {checks}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    // So many that none can have been left out by a mistake in reading the data.
    assert!(
        fields > 900 && checks > 12_000,
        "{fields} fields, {checks} checks"
    );
}

#[test]
fn entries_of_maps_are_texts() {
    let urn = urn_of("dataset");
    let catalog = with(
        &urn,
        "datasetProperties",
        &json!({"customProperties": {"team": "Core"}}),
    );
    let found = |condition: &str, value: &str| {
        let condition =
            json!({"field": "customProperties", "condition": condition, "values": [value]});
        outcome(&catalog, &urn, &condition)
    };
    assert_eq!(found("EQUAL", "team=Core"), Selects);
    assert_eq!(found("EQUAL", "Core"), Passes);
    assert_eq!(found("END_WITH", "=core"), Selects);
}

#[test]
fn booleans_and_numbers_beside_a_field_say_whether_it_has_values() {
    let mut checked = 0;
    for (entity, aspect, field) in MAPPING.all() {
        let urn = urn_of(entity);
        let full = with(&urn, aspect, &at(&field.path, &sample(field.kind)));
        let empty = with(&urn, aspect, &json!({}));
        let without = with(&urn, "unheardOf", &json!({}));
        let is = |catalog: &Catalog, name: &str, value: &str| {
            let condition = json!({"field": name, "condition": "EQUAL", "values": [value]});
            outcome(catalog, &urn, &condition)
        };
        if let Some(has) = field.has.filter(|_| !is_map(field.name)) {
            checked += 1;
            let all = [
                is(&full, has, "true"),
                is(&full, has, "false"),
                is(&empty, has, "false"),
                is(&without, has, "false"),
                is(&without, has, "true"),
            ];
            // The document has the field once the aspect was written, and not before.
            let wanted = [Selects, Passes, Selects, Passes, Passes];
            assert_eq!(all, wanted, "{entity}/{aspect}: {has}");
        }
        if let Some(count) = field.count.filter(|name| *name != "numInputDatasets") {
            checked += 1;
            let is_other = count == "numOutputDatasets" && field.name == "outputs";
            let wanted = if is_other { Passes } else { Selects };
            assert_eq!(is(&full, count, "1"), wanted, "{entity}/{aspect}: {count}");
            assert_eq!(
                is(&without, count, "0"),
                Passes,
                "{entity}/{aspect}: {count}"
            );
        }
    }
    assert!(checked > 150, "{checked}");
}

#[test]
fn the_fields_that_tools_name_are_in_every_supported_version() {
    for (field, entity) in [
        ("platform", "dataset"),
        ("platformInstance", "dataset"),
        ("origin", "dataset"),
        ("env", "container"),
        ("typeNames", "dataset"),
        ("tags", "dataset"),
        ("fieldTags", "dataset"),
        ("editedFieldTags", "dataset"),
        ("glossaryTerms", "dataset"),
        ("owners", "dataset"),
        ("domains", "dataset"),
        ("container", "dataset"),
        ("browsePathV2", "dataset"),
        ("deprecated", "dataset"),
        ("removed", "dataset"),
        ("siblings", "dataset"),
        ("entities", "incident"),
        ("state", "incident"),
        ("entities", "query"),
        ("source", "query"),
    ] {
        let mut all = MAPPING.all();
        let found = all.find(|(of, _, f)| *of == entity && f.name == field);
        let since = found.map(|(_, _, field)| field.since);
        assert!(since.is_some(), "{entity}: {field}");
    }
    let kind = |entity: &str, name: &str| MAPPING.kind(entity, name);
    assert_eq!(kind("dataset", "hasActiveIncidents"), Some(Kind::Boolean));
    // DataHub Cloud's alone.
    for name in [
        "hasFailingAssertions",
        "rowCountFeature",
        "sizeInBytesFeature",
        "queryCountLast30DaysFeature",
        "viewCountLast30DaysFeature",
        "uniqueUserCountLast30DaysFeature",
        "lastIngested",
    ] {
        assert_eq!(MAPPING.kinds(name), [], "{name}");
    }
}
