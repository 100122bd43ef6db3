//! Every GraphQL document that is sent, made once per process.

use std::sync::LazyLock;

use crate::datahub::Document;

/// A document from the file beside its tool.
macro_rules! document {
    ($(#[$doc:meta])* $name:ident, $file:literal) => {
        $(#[$doc])*
        pub(crate) static $name: LazyLock<Document> =
            LazyLock::new(|| Document::new(include_str!($file)));
    };
}

document!(DEFAULT_VIEW, "default_view.graphql");
document!(SEARCH, "search.graphql");
