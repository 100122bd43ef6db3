//! The filter language of `search`, `get_lineage` and `search_documents`:
//!
//! ```text
//! expr   := term (OR term)*
//! term   := factor (AND factor)*
//! factor := NOT factor | ( expr ) | cond
//! cond   := field (= != > >= < <=) value | field [NOT] IN ( value, ... ) | field IS [NOT] NULL
//! ```
//!
//! Text -> tokens (`lexer`) -> tree (`ast`, `parser`) -> DataHub's `orFilters` (`fields`,
//! `compile`). Every step is bounded, because a filter comes from a model, or from anyone who can
//! influence it.

mod ast;
mod compile;
mod facet;
mod fields;
mod lexer;
mod loosen;
mod parser;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use self::ast::{Condition, Expr, Operator};
pub(crate) use self::{
    compile::Compiled,
    fields::{index_field, is_known, names},
    loosen::{Loosened, fields_in, loosened},
};

/// An error in a filter: the problem, its position, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("filter{}: {message}", position.map_or(String::new(), |at| format!(", position {at}")))]
pub(crate) struct FilterError {
    /// The position of the error, counted in characters from 0.
    pub(crate) position: Option<usize>,
    pub(crate) message: String,
}

impl FilterError {
    fn at(position: usize, message: impl Into<String>) -> Self {
        Self {
            position: Some(position),
            message: message.into(),
        }
    }

    fn whole(message: impl Into<String>) -> Self {
        Self {
            position: None,
            message: message.into(),
        }
    }
}

/// Words that models write for "no filter".
const NOTHING: &[&str] = &["*", "null", "none", "undefined"];

/// Compiles a filter; `None`, or a word for it, gives a filter that hides soft-deleted entities and nothing
/// else.
///
/// # Errors
/// See [`FilterError`].
pub(crate) fn compile(text: Option<&str>) -> Result<Compiled, FilterError> {
    let is_nothing = |text: &&str| {
        NOTHING
            .iter()
            .any(|word| text.trim().eq_ignore_ascii_case(word))
    };
    match text.filter(|text| !is_nothing(text)) {
        None => Ok(Compiled::unfiltered()),
        Some(text) => compile::compile(&parser::parse(text)?),
    }
}
