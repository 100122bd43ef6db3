//! A filter without one of its conditions, to see what that condition could have asked for.

use super::{
    ast::{Condition, Expr, Operator},
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

/// The filter `text` without each of the conditions that ask for a value, each with what must hold beside
/// it, up to `limit`; none if it cannot be read.
pub(crate) fn loosened(text: &str, limit: usize) -> Vec<Loosened> {
    let mut found = Vec::new();
    if let Ok(expr) = parser::parse(text) {
        collect(&expr, &[], limit, &mut found);
    }
    found
}

/// The fields that the filter `text` names, in their order.
pub(crate) fn fields_in(text: &str) -> Vec<String> {
    fn collect(expr: &Expr, found: &mut Vec<String>) {
        match expr {
            Expr::And(parts) | Expr::Or(parts) => {
                parts.iter().for_each(|part| collect(part, found));
            }
            Expr::Not(inner) => collect(inner, found),
            Expr::Condition(condition) => found.push(condition.field.clone()),
        }
    }
    let mut found = Vec::new();
    if let Ok(expr) = parser::parse(text) {
        collect(&expr, &mut found);
    }
    found
}

/// Adds the conditions of `expr`; `beside` is what must hold with it.
fn collect(expr: &Expr, beside: &[&Expr], limit: usize, found: &mut Vec<Loosened>) {
    if found.len() >= limit {
        return;
    }
    match expr {
        Expr::And(parts) => {
            for (at, part) in parts.iter().enumerate() {
                let others = parts.iter().enumerate().filter(|(other, _)| *other != at);
                let others = others.map(|(_, part)| part);
                let beside: Vec<&Expr> = beside.iter().copied().chain(others).collect();
                collect(part, &beside, limit, found);
            }
        }
        // Where nothing is found, each alternative by itself finds nothing.
        Expr::Or(parts) => {
            for part in parts {
                collect(part, beside, limit, found);
            }
        }
        Expr::Not(_) => {}
        Expr::Condition(condition) => found.extend(without(condition, beside)),
    }
}

fn without(condition: &Condition, beside: &[&Expr]) -> Option<Loosened> {
    if !matches!(condition.operator, Operator::Equal | Operator::In) {
        return None;
    }
    let Ok(Meaning::AnyOf(facets)) = meaning(condition) else {
        return None;
    };
    let first = facets.first().filter(|facet| facet.condition == "EQUAL")?;
    let rest = match beside {
        [] => Compiled::unfiltered(),
        [only] => compile::compile(only).ok()?,
        several => {
            let all = several.iter().map(|expr| (*expr).clone()).collect();
            compile::compile(&Expr::And(all)).ok()?
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_that_asks_for_a_value_is_left_out_once() {
        let all = loosened(
            "platform = Snowflake AND env IN (prod) AND NOT type = chart AND a > 5",
            9,
        );
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
        assert_eq!(loosened("platform = x", 9)[0].rest, Compiled::unfiltered());
        let either = loosened("(platform = x OR subtype = y) AND a = 1", 9);
        let shown: Vec<&str> = either.iter().map(|one| one.condition.as_str()).collect();
        assert_eq!(shown, ["platform = x", "subtype = y", "a = 1"]);
        let rest = |text: &str| super::super::compile(Some(text)).unwrap();
        assert_eq!(either[1].rest, rest("a = 1"));
        assert_eq!(either[2].rest, rest("platform = x OR subtype = y"));
        assert!(loosened("deprecated = false", 9).is_empty());
        assert!(loosened("a LIKE b", 9).is_empty());
        assert_eq!(loosened("a = 1 AND b = 2 AND c = 3", 2).len(), 2);
    }
}
