//! A filter without one of its conditions, to see what that condition could have asked for.

use super::{
    ast::{Expr, Operator},
    compile::{self, Compiled},
    fields::{Meaning, meaning},
    parser,
};

/// A filter without one of the conditions that must all hold.
#[derive(Debug)]
pub(crate) struct Loosened {
    /// The condition that was left out, as text.
    pub(crate) condition: String,
    /// The fields of the index that it compares.
    pub(crate) fields: Vec<String>,
    /// The values that it asks for, as the index has them.
    pub(crate) values: Vec<String>,
    /// The rest of the filter.
    pub(crate) rest: Compiled,
}

/// The filter `text` without each of the conditions that ask for a value; none if it cannot be read.
pub(crate) fn loosened(text: &str) -> Vec<Loosened> {
    let parts = match parser::parse(text) {
        Ok(Expr::And(parts)) => parts,
        Ok(only) => vec![only],
        Err(_) => return Vec::new(),
    };
    let without = |left_out: usize| -> Option<Loosened> {
        let Expr::Condition(condition) = &parts[left_out] else {
            return None;
        };
        if !matches!(condition.operator, Operator::Equal | Operator::In) {
            return None;
        }
        let Ok(Meaning::AnyOf(facets)) = meaning(condition) else {
            return None;
        };
        let first = facets.first().filter(|facet| facet.condition == "EQUAL")?;
        let others = parts.iter().enumerate();
        let others: Vec<Expr> = others
            .filter(|(at, _)| *at != left_out)
            .map(|(_, part)| part.clone())
            .collect();
        let rest = match others.as_slice() {
            [] => Compiled::unfiltered(),
            [only] => compile::compile(only).ok()?,
            _ => compile::compile(&Expr::And(others)).ok()?,
        };
        let fields = facets.iter().map(|facet| {
            let field = facet.field.as_str();
            field.strip_suffix(".keyword").unwrap_or(field).to_owned()
        });
        Some(Loosened {
            condition: condition.to_string(),
            fields: fields.collect(),
            values: first.values.clone(),
            rest,
        })
    };
    (0..parts.len()).filter_map(without).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_that_asks_for_a_value_is_left_out_once() {
        let all = loosened("platform = Snowflake AND env IN (prod) AND NOT type = chart AND a > 5");
        let shown: Vec<(&str, &[String], &[String])> = all
            .iter()
            .map(|one| (one.condition.as_str(), &one.fields[..], &one.values[..]))
            .collect();
        let texts = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            shown,
            [
                (
                    "platform = Snowflake",
                    &texts(&["platform"])[..],
                    &texts(&["urn:li:dataPlatform:Snowflake"])[..]
                ),
                (
                    "env IN (prod)",
                    &texts(&["origin", "env"])[..],
                    &texts(&["prod"])[..]
                ),
            ]
        );
        let rest = super::super::compile(Some("env IN (prod) AND NOT type = chart AND a > 5"));
        assert_eq!(all[0].rest, rest.unwrap());
        assert_eq!(loosened("platform = x")[0].rest, Compiled::unfiltered());
        assert!(loosened("platform = x OR env = y").is_empty());
        assert!(loosened("deprecated = false").is_empty());
        assert!(loosened("a LIKE b").is_empty());
    }
}
