//! The hierarchies above an entity: containers, domains, glossary nodes, browse paths.

use serde_json::{Value, json};

use super::super::catalog::Catalog;
use super::super::kinds::urn_type;
use super::{EntityNode, Shape};

/// The longest chain of parents that is followed; a cycle ends here.
const MAX_PARENTS: usize = 50;

/// Resolves the field if it is one of this file; none otherwise.
pub(crate) fn field<'a>(node: &'a EntityNode<'a>, field: &str) -> Option<Shape<'a>> {
    Some(match field {
        "container" => Shape::opt(node.aspect("container").and_then(|c| c.get("container"))),
        "parentContainers" => parents(node, "containers", &["container"], "container"),
        "parentDomains" => parents(node, "domains", &["domainProperties"], "parentDomain"),
        "parentNodes" => parents(
            node,
            "nodes",
            &["glossaryTermInfo", "glossaryNodeInfo"],
            "parentNode",
        ),
        "parentDocuments" => parent_documents(node),
        "childrenCount" => children_count(node),
        "browsePathV2" => browse_path(node),
        "browsePaths" => browse_paths(node),
        _ => return None,
    })
}

/// The chain of parents, nearest first.
pub(crate) fn chain(
    catalog: &Catalog,
    from: &str,
    next: impl Fn(&Catalog, &str) -> Option<String>,
) -> Vec<String> {
    let mut chain: Vec<String> = Vec::new();
    let mut at = from.to_owned();
    while let Some(parent) = next(catalog, &at) {
        if chain.len() == MAX_PARENTS || parent == from || chain.contains(&parent) {
            break;
        }
        chain.push(parent.clone());
        at = parent;
    }
    chain
}

fn parents<'a>(node: &EntityNode<'_>, list: &str, aspects: &[&str], member: &str) -> Shape<'a> {
    let next = |catalog: &Catalog, urn: &str| {
        let parent = aspects
            .iter()
            .find_map(|aspect| catalog.aspect(urn, aspect)?.get(member));
        parent
            .and_then(Value::as_str)
            .filter(|urn| urn_type(urn).is_some())
            .map(str::to_owned)
    };
    let chain = chain(&node.cx.catalog(), &node.urn, next);
    json!({ "count": chain.len(), list: chain }).into()
}

fn parent_documents<'a>(node: &EntityNode<'_>) -> Shape<'a> {
    let next = |catalog: &Catalog, urn: &str| {
        let parent = catalog
            .aspect(urn, "documentInfo")?
            .get("parentDocument")?
            .get("document")?;
        parent.as_str().map(str::to_owned)
    };
    let chain = chain(&node.cx.catalog(), &node.urn, next);
    json!({ "count": chain.len(), "documents": chain }).into()
}

fn children_count<'a>(node: &EntityNode<'_>) -> Shape<'a> {
    let catalog = node.cx.catalog();
    let children = catalog
        .graph()
        .incoming(&node.urn)
        .iter()
        .filter(|edge| edge.kind == "IsPartOf");
    let (mut terms, mut nodes) = (0, 0);
    for child in children {
        match urn_type(&child.other) {
            Some("glossaryTerm") => terms += 1,
            Some("glossaryNode") => nodes += 1,
            _ => {}
        }
    }
    json!({ "termsCount": terms, "nodesCount": nodes }).into()
}

fn browse_path<'a>(node: &EntityNode<'_>) -> Shape<'a> {
    let path = node
        .aspect("browsePathsV2")
        .and_then(|b| b.get("path"))
        .and_then(Value::as_array);
    let Some(path) = path else { return Shape::NULL };
    let path: Value = path
        .iter()
        .map(|part| json!({ "name": part.get("id"), "entity": part.get("urn") }))
        .collect();
    json!({ "path": path }).into()
}

fn browse_paths<'a>(node: &EntityNode<'_>) -> Shape<'a> {
    let paths = node
        .aspect("browsePaths")
        .and_then(|b| b.get("paths"))
        .and_then(Value::as_array);
    let Some(paths) = paths else {
        return Shape::NULL;
    };
    let split = |path: &str| {
        path.split('/')
            .filter(|part| !part.is_empty())
            .collect::<Value>()
    };
    let paths = paths
        .iter()
        .filter_map(Value::as_str)
        .map(|path| json!({ "path": split(path) }));
    paths.collect::<Value>().into()
}
