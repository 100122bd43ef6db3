//! Splits the text into tokens. Words are quoted (`'..'`, `".."`, with `\` before a quote or a
//! backslash) or bare; a bare urn may contain parentheses and commas: `urn:li:dataset:(a,b,PROD)`
//! is one word.

use super::FilterError;

/// Filters longer than this are refused.
pub(super) const MAX_FILTER_CHARS: usize = 20_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Open,
    Close,
    Comma,
    /// `=`, `!=`, `>`, `>=`, `<`, `<=`.
    Operator(&'static str),
    /// A value, a field or a keyword; a word in quotes is never a keyword.
    Word {
        text: String,
        quoted: bool,
    },
    End,
}

impl Token {
    /// True if this is the bare word `keyword`, in upper or lower case.
    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Word { text, quoted: false } if text.eq_ignore_ascii_case(keyword))
    }

    /// The token as error texts name it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Open => "'('".to_owned(),
            Self::Close => "')'".to_owned(),
            Self::Comma => "','".to_owned(),
            Self::Operator(operator) => format!("'{operator}'"),
            Self::Word { text, .. } => format!("'{}'", text.chars().take(40).collect::<String>()),
            Self::End => "the end of the filter".to_owned(),
        }
    }
}

/// The tokens with their positions; the last one is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, usize)>, FilterError> {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() > MAX_FILTER_CHARS {
        return Err(FilterError::whole(format!(
            "longer than {MAX_FILTER_CHARS} characters"
        )));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let start = at;
        let next = chars.get(at + 1).copied();
        let (token, length) = match chars[at] {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '=' => (Token::Operator("="), 1),
            '!' if next == Some('=') => (Token::Operator("!="), 2),
            '!' => {
                let message = "unexpected '!'; write != or NOT";
                return Err(FilterError::at(at, message));
            }
            '>' if next == Some('=') => (Token::Operator(">="), 2),
            '>' => (Token::Operator(">"), 1),
            '<' if next == Some('=') => (Token::Operator("<="), 2),
            '<' => (Token::Operator("<"), 1),
            quote @ ('"' | '\'') => quoted(&chars, at, quote)?,
            _ => bare(&chars, at),
        };
        tokens.push((token, start));
        at += length;
    }
    tokens.push((Token::End, chars.len()));
    Ok(tokens)
}

fn quoted(chars: &[char], start: usize, quote: char) -> Result<(Token, usize), FilterError> {
    let mut text = String::new();
    let mut at = start + 1;
    while let Some(&c) = chars.get(at) {
        match (c, chars.get(at + 1)) {
            ('\\', Some(&escaped @ ('\\' | '"' | '\''))) => {
                text.push(escaped);
                at += 2;
            }
            (c, _) if c == quote => {
                return Ok((Token::Word { text, quoted: true }, at + 1 - start));
            }
            (c, _) => {
                text.push(c);
                at += 1;
            }
        }
    }
    Err(FilterError::at(
        start,
        format!("the quote {quote} is never closed"),
    ))
}

/// True for a character that ends a bare word.
pub(super) fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | ',' | '=' | '!' | '<' | '>' | '"' | '\'')
}

fn bare(chars: &[char], start: usize) -> (Token, usize) {
    let mut at = start;
    while let Some(&c) = chars.get(at) {
        if c == '(' && chars[start..at].starts_with(&['u', 'r', 'n', ':']) && chars[at - 1] == ':' {
            match closing(chars, at) {
                Some(end) => at = end + 1,
                None => break,
            }
        } else if ends_word(c) {
            break;
        } else {
            at += 1;
        }
    }
    let text = chars[start..at].iter().collect();
    (
        Token::Word {
            text,
            quoted: false,
        },
        at - start,
    )
}

/// The position of the parenthesis that closes the one at `open`.
fn closing(chars: &[char], open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (at, &c) in chars.iter().enumerate().skip(open) {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}
