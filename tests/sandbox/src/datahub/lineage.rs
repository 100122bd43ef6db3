//! The graph of relationships: lineage between assets and between columns, and all others.
//!
//! Built from aspects, once for each version of the catalog. Walking it is [`Graph::walk`]: breadth
//! first, so that a degree is the shortest distance.

mod edges;
mod walk;

use std::collections::HashMap;
use std::sync::Arc;

use super::catalog::Catalog;

pub(crate) use walk::{Direction, Walk};

/// An edge, as stored at one of its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    /// DataHub's name of the relationship, such as `DownstreamOf` or `OwnedBy`.
    pub(crate) kind: &'static str,
    /// The other end.
    pub(crate) other: Arc<str>,
    /// The time of creation and the author of the edge, if the aspect has them.
    pub(crate) created: Option<(u64, String)>,
    /// True if a person added it.
    pub(crate) manual: bool,
}

/// All edges, from both ends.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    upstream: HashMap<Arc<str>, Vec<Edge>>,
    downstream: HashMap<Arc<str>, Vec<Edge>>,
    outgoing: HashMap<Arc<str>, Vec<Edge>>,
    incoming: HashMap<Arc<str>, Vec<Edge>>,
    names: HashMap<Arc<str>, Arc<str>>,
}

impl Graph {
    pub(crate) fn build(catalog: &Catalog) -> Self {
        let mut graph = Self::default();
        for record in catalog.records() {
            edges::add(&mut graph, record);
        }
        graph.names = HashMap::new();
        graph
    }

    /// The next assets (or columns) in a direction.
    pub(crate) fn neighbours(&self, urn: &str, direction: Direction) -> &[Edge] {
        let edges = match direction {
            Direction::Upstream => self.upstream.get(urn),
            Direction::Downstream => self.downstream.get(urn),
        };
        edges.map_or(&[], Vec::as_slice)
    }

    /// Relationships that the entity's own aspects name.
    pub(crate) fn outgoing(&self, urn: &str) -> &[Edge] {
        self.outgoing.get(urn).map_or(&[], Vec::as_slice)
    }

    /// Relationships that other entities' aspects name.
    pub(crate) fn incoming(&self, urn: &str) -> &[Edge] {
        self.incoming.get(urn).map_or(&[], Vec::as_slice)
    }

    fn name(&mut self, urn: &str) -> Arc<str> {
        if let Some(known) = self.names.get(urn) {
            return Arc::clone(known);
        }
        let name: Arc<str> = urn.into();
        self.names.insert(Arc::clone(&name), Arc::clone(&name));
        name
    }

    /// Adds a relationship whose aspect is on `from`.
    fn relate(&mut self, from: &str, kind: &'static str, to: &str) {
        let (from, to) = (self.name(from), self.name(to));
        push(&mut self.outgoing, &from, plain(kind, &to));
        push(&mut self.incoming, &to, plain(kind, &from));
    }

    /// Adds lineage: `downstream` is made from `upstream`.
    fn flow(&mut self, upstream: &str, downstream: &str, edge: &Edge) {
        if upstream == downstream {
            return;
        }
        let (up, down) = (self.name(upstream), self.name(downstream));
        push(
            &mut self.upstream,
            &down,
            Edge {
                other: Arc::clone(&up),
                ..edge.clone()
            },
        );
        push(
            &mut self.downstream,
            &up,
            Edge {
                other: down,
                ..edge.clone()
            },
        );
    }
}

fn plain(kind: &'static str, other: &Arc<str>) -> Edge {
    Edge {
        kind,
        other: Arc::clone(other),
        created: None,
        manual: false,
    }
}

fn push(map: &mut HashMap<Arc<str>, Vec<Edge>>, at: &Arc<str>, edge: Edge) {
    let edges = map.entry(Arc::clone(at)).or_default();
    let known = |known: &Edge| known.other == edge.other && known.kind == edge.kind;
    if !edges.iter().any(known) {
        edges.push(edge);
    }
}

#[cfg(test)]
mod tests;
