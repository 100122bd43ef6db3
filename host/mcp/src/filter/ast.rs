//! The syntax tree of a filter, and its conversion back to text.

use std::fmt;

use super::lexer::ends_word;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expr {
    /// Two or more operands.
    And(Vec<Expr>),
    /// Two or more operands.
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Condition(Condition),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    In,
    IsNull,
    IsNotNull,
}

/// One comparison. Two that differ only in their position are equal.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) field: String,
    pub(crate) operator: Operator,
    /// One value for comparisons, one or more for IN, none for IS.
    pub(crate) values: Vec<String>,
    /// The position of the field name in the text.
    pub(crate) position: usize,
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.field == other.field && self.operator == other.operator && self.values == other.values
    }
}

impl Eq for Condition {}

impl Operator {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::In => "IN",
            Self::IsNull => "IS NULL",
            Self::IsNotNull => "IS NOT NULL",
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Expr], word: &str| {
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    write!(f, " {word} ")?;
                }
                match part {
                    Expr::And(_) | Expr::Or(_) => write!(f, "({part})")?,
                    _ => write!(f, "{part}")?,
                }
            }
            Ok(())
        };
        match self {
            Self::And(parts) => joined(f, parts, "AND"),
            Self::Or(parts) => joined(f, parts, "OR"),
            Self::Not(inner) => match **inner {
                Self::And(_) | Self::Or(_) => write!(f, "NOT ({inner})"),
                _ => write!(f, "NOT {inner}"),
            },
            Self::Condition(condition) => write!(f, "{condition}"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_word(f, &self.field)?;
        write!(f, " {}", self.operator.symbol())?;
        match self.operator {
            Operator::IsNull | Operator::IsNotNull => Ok(()),
            Operator::In => {
                f.write_str(" (")?;
                for (index, value) in self.values.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    write_word(f, value)?;
                }
                f.write_str(")")
            }
            _ => {
                f.write_str(" ")?;
                write_word(f, self.values.first().map_or("", String::as_str))
            }
        }
    }
}

/// Writes `word` bare where that reads back as the same word, and quoted otherwise.
fn write_word(f: &mut fmt::Formatter<'_>, word: &str) -> fmt::Result {
    let keyword = ["AND", "OR", "NOT", "IN", "IS", "NULL"]
        .iter()
        .any(|keyword| word.eq_ignore_ascii_case(keyword));
    if !word.is_empty() && !keyword && !word.chars().any(|c| ends_word(c) || c == '\\') {
        return f.write_str(word);
    }
    f.write_str("\"")?;
    for c in word.chars() {
        if matches!(c, '"' | '\\' | '\'') {
            f.write_str("\\")?;
        }
        write!(f, "{c}")?;
    }
    f.write_str("\"")
}
