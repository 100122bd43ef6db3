//! The limits by which DataHub refuses valid documents: too deep, or too complex.

use std::collections::HashMap;

use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};

/// DataHub's `GRAPHQL_QUERY_DEPTH_LIMIT`.
const MAX_DEPTH: usize = 50;
/// DataHub's `GRAPHQL_QUERY_COMPLEXITY_LIMIT`, in fields.
const MAX_COMPLEXITY: usize = 2000;
/// A document with more selections than this is refused without counting further.
const MAX_STEPS: usize = 100_000;

/// The reason why a document is refused; none if it is not.
pub(crate) fn refusal(schema: &Schema, document: &Valid<ExecutableDocument>) -> Option<String> {
    let mut measure = Measure {
        schema,
        document,
        depth: 0,
        steps: 0,
    };
    let operations = document.operations.iter();
    let counts = operations.map(|operation| measure.walk(&operation.selection_set, 1));
    let fields = counts.max().unwrap_or(0);
    let depth = measure.depth;
    if depth > MAX_DEPTH {
        return Some(format!(
            "maximum query depth exceeded {depth} > {MAX_DEPTH}"
        ));
    }
    (fields > MAX_COMPLEXITY)
        .then(|| format!("maximum query complexity exceeded {fields} > {MAX_COMPLEXITY}"))
}

struct Measure<'a> {
    schema: &'a Schema,
    document: &'a ExecutableDocument,
    depth: usize,
    steps: usize,
}

impl Measure<'_> {
    /// The number of fields that an answer can have, each list counted once: fragments are
    /// expanded, and of fragments on different types the largest counts, since an object has one
    /// type. A valid document has no cycle of fragments, but may nest them so that the count
    /// explodes.
    fn walk(&mut self, set: &SelectionSet, depth: usize) -> usize {
        self.depth = self.depth.max(depth);
        let mut common = 0_usize;
        let mut of_types: HashMap<&str, usize> = HashMap::new();
        for selection in &set.selections {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return MAX_STEPS;
            }
            let (condition, inner) = match selection {
                Selection::Field(field) => {
                    let inner = self.walk(&field.selection_set, depth + 1);
                    common = common.saturating_add(1).saturating_add(inner);
                    continue;
                }
                Selection::InlineFragment(inline) => {
                    (inline.type_condition.as_ref(), &inline.selection_set)
                }
                Selection::FragmentSpread(spread) => {
                    match self.document.fragments.get(&spread.fragment_name) {
                        Some(found) => (Some(found.type_condition()), &found.selection_set),
                        None => continue,
                    }
                }
            };
            let inner = self.walk(inner, depth);
            match condition.filter(|name| self.schema.get_object(name).is_some()) {
                Some(name) => {
                    let sum = of_types.entry(name.as_str()).or_default();
                    *sum = sum.saturating_add(inner);
                }
                None => common = common.saturating_add(inner),
            }
        }
        common.saturating_add(of_types.into_values().max().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::engine::ENGINE;
    use super::*;

    fn refused(query: &str) -> Option<String> {
        let document = ExecutableDocument::parse_and_validate(&ENGINE.schema, query, "query");
        refusal(&ENGINE.schema, &document.unwrap())
    }

    #[test]
    fn a_document_that_asks_for_too_much_is_refused() {
        let field = |n: usize| format!("a{n}: entityExists(urn: \"{n}\")");
        let many = |count: usize| {
            format!(
                "{{ {} }}",
                (0..count).map(field).collect::<Vec<_>>().join(" ")
            )
        };
        assert_eq!(refused(&many(MAX_COMPLEXITY)), None);
        assert!(
            refused(&many(MAX_COMPLEXITY + 1))
                .unwrap()
                .contains("complexity")
        );
    }

    #[test]
    fn a_document_that_is_too_deep_is_refused() {
        let mut inner = "urn".to_owned();
        for _ in 0..MAX_DEPTH {
            inner = format!("container {{ {inner} }}");
        }
        let query = format!("{{ container(urn: \"urn:li:container:a\") {{ {inner} }} }}");
        assert!(refused(&query).unwrap().contains("depth"));
    }

    #[test]
    fn fragments_that_nest_without_end_are_refused_quickly() {
        let mut query = "{ me { corpUser { ...f0 } } }".to_owned();
        for n in 0..40 {
            query += &format!(" fragment f{n} on CorpUser {{ ...f{0} ...g{0} }}", n + 1);
            query += &format!(" fragment g{0} on CorpUser {{ ...f{0} }}", n + 1);
        }
        query += " fragment f40 on CorpUser { urn }";
        let document = ExecutableDocument::parse(&ENGINE.schema, query, "query").unwrap();
        assert!(refusal(&ENGINE.schema, &Valid::assume_valid(document)).is_some());
    }
}
