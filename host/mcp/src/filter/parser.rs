//! Parses the tokens into the tree, by recursive descent with a bounded depth.

use super::{
    FilterError,
    ast::{Condition, Expr, Operator},
    lexer::{Token, tokens},
};

/// Parentheses and NOT nested deeper than this are refused.
const MAX_DEPTH: usize = 64;
/// More values than this in one IN are refused.
const MAX_IN_VALUES: usize = 500;

pub(super) fn parse(text: &str) -> Result<Expr, FilterError> {
    let tokens = tokens(text)?;
    if tokens.len() == 1 {
        return Err(FilterError::whole(
            "is empty; leave it out to search without one",
        ));
    }
    let mut parser = Parser { tokens, next: 0 };
    let expr = parser.expr(0)?;
    match parser.peek() {
        (Token::End, _) => Ok(expr),
        (token, at) => Err(FilterError::at(
            *at,
            format!(
                "unexpected {}; join conditions with AND or OR",
                token.describe()
            ),
        )),
    }
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    next: usize,
}

impl Parser {
    /// The next token; at the end it stays [`Token::End`].
    fn peek(&self) -> &(Token, usize) {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn peek_second(&self) -> &Token {
        &self.tokens[(self.next + 1).min(self.tokens.len() - 1)].0
    }

    fn advance(&mut self) -> (Token, usize) {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn take(&mut self, keyword: &str) -> bool {
        let found = self.peek().0.is(keyword);
        self.next += usize::from(found);
        found
    }

    fn expr(&mut self, depth: usize) -> Result<Expr, FilterError> {
        let mut parts = vec![self.term(depth)?];
        while self.take("OR") {
            parts.push(self.term(depth)?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Expr::Or(parts)
        })
    }

    fn term(&mut self, depth: usize) -> Result<Expr, FilterError> {
        let mut parts = vec![self.factor(depth)?];
        while self.take("AND") {
            parts.push(self.factor(depth)?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Expr::And(parts)
        })
    }

    fn factor(&mut self, depth: usize) -> Result<Expr, FilterError> {
        let at = self.peek().1;
        if depth > MAX_DEPTH {
            return Err(FilterError::at(
                at,
                format!("nested deeper than {MAX_DEPTH} levels"),
            ));
        }
        if self.take("NOT") {
            return Ok(Expr::Not(Box::new(self.factor(depth + 1)?)));
        }
        if self.peek().0 == Token::Open {
            self.advance();
            let inner = self.expr(depth + 1)?;
            self.expect(&Token::Close)?;
            return Ok(inner);
        }
        self.condition()
    }

    fn expect(&mut self, wanted: &Token) -> Result<(), FilterError> {
        let (token, at) = self.advance();
        if token == *wanted {
            return Ok(());
        }
        let message = format!(
            "expected {} but found {}",
            wanted.describe(),
            token.describe()
        );
        Err(FilterError::at(at, message))
    }

    fn condition(&mut self) -> Result<Expr, FilterError> {
        let (token, position) = self.advance();
        let reserved = token.is("AND") || token.is("OR");
        let field = match token {
            Token::Word { text, .. } if !reserved && !text.is_empty() => text,
            other => {
                let message = format!("expected a field name but found {}", other.describe());
                return Err(FilterError::at(position, message));
            }
        };
        let negated = self.peek().0.is("NOT") && self.peek_second().is("IN");
        self.next += usize::from(negated);
        let (operator, values) = self.comparison(&field)?;
        let condition = Expr::Condition(Condition {
            field,
            operator,
            values,
            position,
        });
        Ok(match negated {
            true => Expr::Not(Box::new(condition)),
            false => condition,
        })
    }

    fn comparison(&mut self, field: &str) -> Result<(Operator, Vec<String>), FilterError> {
        let (token, at) = self.advance();
        let operator = match &token {
            Token::Operator("=") => Operator::Equal,
            Token::Operator("!=") => Operator::NotEqual,
            Token::Operator(">") => Operator::Greater,
            Token::Operator(">=") => Operator::GreaterOrEqual,
            Token::Operator("<") => Operator::Less,
            Token::Operator("<=") => Operator::LessOrEqual,
            token if token.is("IN") => return Ok((Operator::In, self.list(field)?)),
            token if token.is("IS") => return Ok((self.null_test()?, Vec::new())),
            other => {
                let message = format!(
                    "expected =, !=, >, >=, <, <=, IN, NOT IN or IS after '{field}' but found {}",
                    other.describe()
                );
                return Err(FilterError::at(at, message));
            }
        };
        Ok((operator, vec![self.value()?]))
    }

    fn null_test(&mut self) -> Result<Operator, FilterError> {
        let negated = self.take("NOT");
        let (token, at) = self.advance();
        match (token.is("NULL"), negated) {
            (true, false) => Ok(Operator::IsNull),
            (true, true) => Ok(Operator::IsNotNull),
            (false, _) => Err(FilterError::at(
                at,
                format!(
                    "expected NULL or NOT NULL after IS but found {}",
                    token.describe()
                ),
            )),
        }
    }

    fn list(&mut self, field: &str) -> Result<Vec<String>, FilterError> {
        let at = self.peek().1;
        self.expect(&Token::Open)?;
        if self.peek().0 == Token::Close {
            let message = format!("IN of '{field}' has no value; leave the condition out instead");
            return Err(FilterError::at(at, message));
        }
        let mut values = vec![self.value()?];
        while self.peek().0 == Token::Comma {
            self.advance();
            values.push(self.value()?);
            if values.len() > MAX_IN_VALUES {
                let message = format!("IN of '{field}' has more than {MAX_IN_VALUES} values");
                return Err(FilterError::at(at, message));
            }
        }
        self.expect(&Token::Close)?;
        Ok(values)
    }

    fn value(&mut self) -> Result<String, FilterError> {
        // A bare word directly after a value was probably meant to be part of it.
        match self.advance() {
            (Token::Word { text, quoted }, at) => match self.peek_word_run(quoted) {
                None => Ok(text),
                Some(second) => Err(FilterError::at(
                    at,
                    format!("a value with spaces needs quotes: \"{text} {second} ...\""),
                )),
            },
            (other, at) => Err(FilterError::at(
                at,
                format!("expected a value but found {}", other.describe()),
            )),
        }
    }

    /// The bare word that follows a bare value and neither is a keyword nor starts a condition.
    fn peek_word_run(&self, quoted: bool) -> Option<String> {
        let (token, _) = self.peek();
        let Token::Word {
            text,
            quoted: false,
        } = token
        else {
            return None;
        };
        if quoted || token.is("AND") || token.is("OR") {
            return None;
        }
        let next = self.peek_second();
        let condition = matches!(next, Token::Operator(_))
            || ["IN", "IS", "NOT"].iter().any(|word| next.is(word));
        (!condition).then(|| text.clone())
    }
}
