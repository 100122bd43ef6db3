//! Breadth-first walks, with every shortest path.

use std::collections::HashMap;
use std::sync::Arc;

use super::Graph;

/// The largest number of paths for one result.
const MAX_PATHS: usize = 10;

/// The direction in which lineage is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// To the assets from which an asset is made.
    Upstream,
    /// To the assets that are made from it.
    Downstream,
}

impl Direction {
    /// From GraphQL's `LineageDirection`.
    pub(crate) fn of(text: &str) -> Self {
        if text == "UPSTREAM" {
            Self::Upstream
        } else {
            Self::Downstream
        }
    }
}

/// One asset that a walk reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) urn: Arc<str>,
    /// The shortest distance.
    pub(crate) degree: usize,
    /// The relationship of the last step.
    pub(crate) kind: &'static str,
}

/// A finished walk.
#[derive(Debug)]
pub(crate) struct Walk {
    /// In the order in which they were reached.
    pub(crate) reached: Vec<Reached>,
    from: Arc<str>,
    degrees: HashMap<Arc<str>, usize>,
    before: HashMap<Arc<str>, Vec<Arc<str>>>,
}

impl Graph {
    /// Walks at most `max_degree` steps from a urn. The start itself is not among the results.
    pub(crate) fn walk(&self, from: &str, direction: Direction, max_degree: usize) -> Walk {
        let from: Arc<str> = from.into();
        let mut walk = Walk {
            reached: Vec::new(),
            from: Arc::clone(&from),
            degrees: HashMap::from([(Arc::clone(&from), 0)]),
            before: HashMap::new(),
        };
        let mut level = vec![from];
        for degree in 1..=max_degree {
            let mut next = Vec::new();
            for at in &level {
                for edge in self.neighbours(at, direction) {
                    match walk.degrees.get(&edge.other) {
                        Some(known) if *known < degree => continue,
                        Some(_) => {}
                        None => {
                            walk.degrees.insert(Arc::clone(&edge.other), degree);
                            next.push(Arc::clone(&edge.other));
                            let urn = Arc::clone(&edge.other);
                            walk.reached.push(Reached {
                                urn,
                                degree,
                                kind: edge.kind,
                            });
                        }
                    }
                    let before = walk.before.entry(Arc::clone(&edge.other)).or_default();
                    if !before.contains(at) {
                        before.push(Arc::clone(at));
                    }
                }
            }
            if next.is_empty() {
                break;
            }
            level = next;
        }
        walk
    }
}

impl Walk {
    /// The shortest paths from the start to a result, both ends included; at most ten.
    pub(crate) fn paths(&self, to: &str) -> Vec<Vec<Arc<str>>> {
        let mut finished = Vec::new();
        let mut open = vec![vec![Arc::<str>::from(to)]];
        while let Some(path) = open.pop() {
            let Some(last) = path.last() else { continue };
            if *last == self.from {
                finished.push(path.into_iter().rev().collect());
                if finished.len() == MAX_PATHS {
                    break;
                }
                continue;
            }
            for before in self.before.get(last).into_iter().flatten().rev() {
                let mut longer = path.clone();
                longer.push(Arc::clone(before));
                open.push(longer);
            }
        }
        finished
    }
}
