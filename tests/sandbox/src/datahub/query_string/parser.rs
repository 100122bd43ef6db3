//! The grammar of query strings, by recursive descent.
//!
//! `or := and ("OR" and)*`, `and := not (["AND"] not)*`, `not := ("NOT" | "-" | "!" | "+") not |
//! atom`, `atom := "(" or ")" | [field ":"] (phrase | word | "(" or ")")`.

use super::Query;

/// The largest depth of parentheses.
const MAX_DEPTH: usize = 32;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Must,
    Field(String),
    Phrase(String),
    Word(String),
}

/// Parses a query string; none if it does not parse.
pub(super) fn parse(text: &str) -> Option<Query> {
    let tokens = lex(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        depth: 0,
    };
    let query = parser.or(None)?;
    (parser.at == tokens.len()).then_some(query)
}

fn lex(text: &str) -> Option<Vec<Token>> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let starts_word = chars.get(at + 1).is_some_and(|next| !next.is_whitespace());
        match c {
            c if c.is_whitespace() => at += 1,
            '(' => {
                tokens.push(Token::Open);
                at += 1;
            }
            ')' => {
                tokens.push(Token::Close);
                at += 1;
            }
            '-' | '!' if starts_word => {
                tokens.push(Token::Not);
                at += 1;
            }
            '+' if starts_word => {
                tokens.push(Token::Must);
                at += 1;
            }
            '&' | '|' if chars.get(at + 1) == Some(&c) => {
                tokens.push(if c == '&' { Token::And } else { Token::Or });
                at += 2;
            }
            '"' => {
                let end = (at + 1..chars.len()).find(|end| chars[*end] == '"')?;
                tokens.push(Token::Phrase(chars[at + 1..end].iter().collect()));
                at = end + 1;
            }
            _ => at = word(&chars, at, &mut tokens),
        }
    }
    Some(tokens)
}

/// Reads a word, an operator, or a field's name before a colon; returns the position after it.
fn word(chars: &[char], from: usize, tokens: &mut Vec<Token>) -> usize {
    let mut word = String::new();
    let mut at = from;
    while let Some(&c) = chars.get(at) {
        match c {
            '\\' => {
                word.extend(chars.get(at + 1));
                at += 2;
            }
            // A colon ends a field's name. Urns contain colons themselves.
            ':' if is_field(&word) && chars.get(at + 1).is_some_and(|c| !c.is_whitespace()) => {
                tokens.push(Token::Field(word));
                return at + 1;
            }
            '(' if word.starts_with("urn:") => {
                // The tuple in a urn is kept whole.
                let mut depth = 0;
                while let Some(&c) = chars.get(at) {
                    depth += i32::from(c == '(') - i32::from(c == ')');
                    word.push(c);
                    at += 1;
                    if depth == 0 {
                        break;
                    }
                }
            }
            c if c.is_whitespace() || "()\"".contains(c) => break,
            c => {
                word.push(c);
                at += 1;
            }
        }
    }
    tokens.push(match word.as_str() {
        "AND" => Token::And,
        "OR" => Token::Or,
        "NOT" => Token::Not,
        _ => Token::Word(word),
    });
    at
}

fn is_field(word: &str) -> bool {
    let ok = |c: char| c.is_alphanumeric() || "._-".contains(c);
    !word.is_empty() && word != "urn" && word.chars().all(ok)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn or(&mut self, field: Option<&str>) -> Option<Query> {
        let mut any = vec![self.and(field)?];
        while self.take(&Token::Or) {
            any.push(self.and(field)?);
        }
        one_or(any, Query::Or)
    }

    fn and(&mut self, field: Option<&str>) -> Option<Query> {
        let mut all = vec![self.not(field)?];
        loop {
            let explicit = self.take(&Token::And);
            match self.peek() {
                None | Some(Token::Or | Token::Close) if explicit => return None,
                None | Some(Token::Or | Token::Close) => break,
                Some(_) => all.push(self.not(field)?),
            }
        }
        one_or(all, Query::And)
    }

    fn not(&mut self, field: Option<&str>) -> Option<Query> {
        if self.take(&Token::Must) {
            return self.not(field);
        }
        if self.take(&Token::Not) {
            return Some(Query::Not(Box::new(self.not(field)?)));
        }
        self.atom(field)
    }

    fn atom(&mut self, field: Option<&str>) -> Option<Query> {
        let token = self.peek()?.clone();
        self.at += 1;
        match token {
            Token::Open => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return None;
                }
                let inner = self.or(field)?;
                self.depth -= 1;
                self.take(&Token::Close).then_some(inner)
            }
            Token::Field(name) => self.atom(Some(&name)),
            Token::Phrase(text) => Some(Query::Phrase {
                field: field.map(str::to_owned),
                text: text.to_lowercase(),
            }),
            Token::Word(word) => Some(Query::term(field.map(str::to_owned), &word)),
            Token::Close | Token::And | Token::Or | Token::Not | Token::Must => None,
        }
    }
}

fn one_or(mut many: Vec<Query>, join: fn(Vec<Query>) -> Query) -> Option<Query> {
    if many.len() == 1 {
        many.pop()
    } else {
        Some(join(many))
    }
}
