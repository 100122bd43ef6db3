//! The tools, one file each, their GraphQL documents beside them.

pub(crate) mod documents;
mod search;

use super::tool::AnyTool;

/// Every tool there is, in the order in which a model reads them.
pub(crate) fn all() -> Vec<Box<dyn AnyTool>> {
    vec![Box::new(search::Search)]
}
