//! Tests that every field of the schema is answered: each entity is asked for everything that its
//! type has, and no answer may contain an error.
//!
//! Over the shop's catalog, and over any other files named in `SANDBOX_CATALOGS` (separated by `:`).

use std::path::PathBuf;
use std::sync::Arc;

use apollo_compiler::ast::Type;
use apollo_compiler::schema::{ExtendedType, FieldDefinition};
use datahub::{ServerInfo, Version};
use serde_json::{Value, json};

use super::super::engine::{self, ENGINE};
use super::super::hub::Hub;
use super::super::kinds::KINDS;
use super::super::{Catalog, Options};

/// The depth to which a selection follows objects.
const DEPTH: usize = 5;

/// The arguments that the schema requires.
fn arguments(field: &FieldDefinition) -> String {
    let given = field
        .arguments
        .iter()
        .filter(|argument| argument.is_required())
        .map(|argument| {
            let value = match argument.ty.inner_named_type().as_str() {
                "RelationshipsInput" => "{types: [], direction: INCOMING, start: 0, count: 3}",
                "LineageInput" => "{direction: UPSTREAM, count: 3}",
                "RelatedDocumentsInput" => "{start: 0, count: 3}",
                "ScrollAcrossEntitiesInput" => "{query: \"*\", count: 3}",
                "RelationshipDirection" => "INCOMING",
                other => panic!("no value for an argument of type {other}"),
            };
            format!("{}: {value}", argument.name)
        });
    let given: Vec<String> = given.collect();
    if given.is_empty() {
        String::new()
    } else {
        format!("({})", given.join(", "))
    }
}

/// Everything that a type has; entities inside it by urn alone.
fn selection(name: &str, depth: usize) -> Option<String> {
    let schema = &ENGINE.schema;
    let fields = match schema.types.get(name)? {
        ExtendedType::Object(object) => &object.fields,
        ExtendedType::Interface(_) => return Some("{ __typename }".to_owned()),
        ExtendedType::Union(union) => {
            let members = union.members.iter().map(|member| {
                let inner = match is_entity(member) {
                    true => "{ urn }".to_owned(),
                    false => selection(member, depth).unwrap_or("{ __typename }".to_owned()),
                };
                format!("... on {member} {inner}")
            });
            return Some(format!(
                "{{ __typename {} }}",
                members.collect::<Vec<_>>().join(" ")
            ));
        }
        _ => return None,
    };
    let mut parts = Vec::new();
    for (field, definition) in fields {
        let inner = definition.ty.inner_named_type();
        let is_leaf = matches!(
            schema.types.get(inner),
            Some(ExtendedType::Enum(_) | ExtendedType::Scalar(_))
        );
        let selected = if is_leaf {
            String::new()
        } else if is_entity(inner) {
            "{ urn type }".to_owned()
        } else {
            selection(inner, depth.checked_sub(1)?).unwrap_or("{ __typename }".to_owned())
        };
        parts.push(format!("{field}{} {selected}", arguments(definition)));
    }
    Some(format!("{{ __typename {} }}", parts.join(" ")))
}

fn is_entity(name: &str) -> bool {
    let schema = &ENGINE.schema;
    schema
        .get_object(name)
        .is_some_and(|object| object.implements_interfaces.contains("Entity"))
        || name == "Entity"
}

fn ask(hub: &Arc<Hub>, query: &str, variables: Value) -> Value {
    let actor = hub.actor("urn:li:corpuser:admin".to_owned());
    let asked = engine::Asked {
        query,
        operation: None,
        variables,
    };
    serde_json::from_slice(&engine::execute(hub, &actor, asked).body).unwrap()
}

fn every_field(catalog: Catalog) {
    let urns: Vec<String> = catalog.urns().map(str::to_owned).collect();
    let hub = Arc::new(
        Hub::new(Options {
            catalog,
            ..Options::default()
        })
        .unwrap(),
    );
    let mut failures = Vec::new();
    for kind in KINDS {
        let Some(fields) = selection(kind.graphql, DEPTH) else {
            continue;
        };
        let query = format!(
            "query every($urn: String!) {{ entity(urn: $urn) {{ ... on {} {fields} }} }}",
            kind.graphql
        );
        let prefix = format!("urn:li:{}:", kind.urn_part);
        let stub = match kind.urn_part {
            "schemaField" => format!("{prefix}(urn:li:dataset:(urn:li:dataPlatform:a,b,PROD),c)"),
            _ => format!("{prefix}(urn:li:dataPlatform:a,b,PROD)"),
        };
        let own = urns.iter().filter(|urn| urn.starts_with(&prefix)).take(40);
        for urn in own.chain([&stub]) {
            let answer = ask(&hub, &query, json!({ "urn": urn }));
            for error in answer["errors"].as_array().into_iter().flatten() {
                failures.push(format!(
                    "{} {} {}",
                    kind.graphql, error["path"], error["message"]
                ));
            }
        }
    }
    failures.sort();
    failures.dedup();
    assert!(
        failures.is_empty(),
        "{} fields fail:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// The files of a catalog folder, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_field_of_the_shop_is_answered() {
    every_field(Catalog::load_files(&files("catalog/shop")).unwrap());
}

#[test]
fn every_field_of_other_catalogs_is_answered() {
    let Some(named) = std::env::var_os("SANDBOX_CATALOGS") else {
        return;
    };
    let files: Vec<PathBuf> = std::env::split_paths(&named).collect();
    let catalog = Catalog::load_files(&files).unwrap();
    let mut expected = 0;
    for file in &files {
        let entries: Vec<Value> =
            serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        for entry in entries {
            let snapshot = entry["proposedSnapshot"]
                .as_object()
                .and_then(|map| map.values().next());
            let urn = snapshot.map_or(&entry["entityUrn"], |snapshot| &snapshot["urn"]);
            let urn = urn.as_str().unwrap().to_owned();
            let record = catalog.get(&urn).unwrap();
            let kept =
                |name: &str| record.aspect(name).is_some() || !record.series(name).is_empty();
            match snapshot {
                Some(snapshot) => {
                    let aspects = snapshot["aspects"].as_array().unwrap().len();
                    assert!(record.aspects().count() >= aspects, "{urn}");
                    expected += aspects;
                }
                None => {
                    assert!(kept(entry["aspectName"].as_str().unwrap()), "{urn}");
                    expected += 1;
                }
            }
        }
    }
    assert!(expected > 0);
    every_field(catalog);
}

#[test]
fn every_document_of_the_server_is_executable() {
    let server = ServerInfo {
        version: Version::parse(&Options::default().version),
        cloud: false,
    };
    assert!(server.version.is_some());
    for sent in mcp::documents().filter(|document| server.has(document.needs())) {
        let document = apollo_compiler::ExecutableDocument::parse_and_validate(
            &ENGINE.schema,
            sent.text(),
            sent.name(),
        );
        let document = document.unwrap_or_else(|error| panic!("{}: {}", sent.name(), error.errors));
        let refused = super::super::complexity::refusal(&ENGINE.schema, &document);
        assert_eq!(refused, None, "{}", sent.name());
    }
}

#[test]
fn the_schema_has_no_field_of_a_type_that_is_not_there() {
    let schema = &ENGINE.schema;
    for definition in schema.types.values() {
        if let ExtendedType::Object(object) = definition {
            for field in object.fields.values() {
                let ty: &Type = &field.ty;
                assert!(
                    schema.types.contains_key(ty.inner_named_type()),
                    "{}",
                    field.name
                );
            }
        }
    }
}
