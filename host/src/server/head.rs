//! Follows the bytes that a client sends just far enough to know where the head of each request
//! begins and ends.
//!
//! Two things depend on it. hyper accepts a bare LF as the end of a line (as RFC 9112 section 2.2
//! permits), and proxies in front of us may not: that difference allows request smuggling. And a
//! slow head is told from an idle connection only by knowing where a head begins.
//!
//! A head with both `Content-Length` and `Transfer-Encoding` is refused too (RFC 9112 section 6.1):
//! hyper drops the length and goes on, other parsers use it. So is a length that is not read here
//! in the same way as there, or is given twice: this scanner would lose the end of the body.
//!
//! This only ever makes hyper refuse more. It does not decide what a request is.

/// The longest line of interest is `transfer-encoding: ` with some spaces.
const MAX_LINE: usize = 64;

/// The position of the next byte in the stream of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In a head, at a line's first byte or further.
    Head,
    /// In a body with this many bytes to come.
    Body(u64),
    /// In a chunked body, or after a request that we do not understand: hyper decides, and the
    /// server closes the connection after the answer.
    Rest,
}

/// Follows one connection.
#[derive(Debug)]
pub(super) struct HeadScanner {
    state: State,
    /// The start of the current line, in lower case.
    line: [u8; MAX_LINE],
    /// The length of the current line so far.
    length: usize,
    previous: u8,
    /// True once the head has begun.
    begun: bool,
    /// The bytes of the head so far.
    head_bytes: usize,
    first_line: bool,
    content_length: Option<u64>,
    /// True once there was a `Content-Length`, whatever its value.
    length_given: bool,
    /// True once there was one that is not a plain number, or a second one.
    length_unclear: bool,
    /// True once there was a `Transfer-Encoding`.
    encoding_given: bool,
    chunked: bool,
}

/// The place of a line in its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// One of several.
    Within,
    /// The empty one at the end.
    Last,
    /// The empty one at the end of a head that two parsers would read differently.
    Ambiguous,
}

impl HeadScanner {
    pub(super) fn new() -> Self {
        Self {
            state: State::Head,
            line: [0; MAX_LINE],
            length: 0,
            previous: 0,
            begun: false,
            head_bytes: 0,
            first_line: true,
            content_length: None,
            length_given: false,
            length_unclear: false,
            encoding_given: false,
            chunked: false,
        }
    }

    /// Returns whether a head has begun and not ended.
    pub(super) fn is_inside_head(&self) -> bool {
        self.state == State::Head && self.begun
    }

    /// The bytes of the head that has begun and not ended.
    pub(super) fn head_bytes(&self) -> usize {
        match self.is_inside_head() {
            true => self.head_bytes,
            false => 0,
        }
    }

    /// Returns whether a body has begun and not ended, as far as its end can be seen here.
    pub(super) fn is_inside_body(&self) -> bool {
        self.state != State::Head
    }

    /// Follows `bytes`. A bare LF in a head becomes NUL, which hyper answers with 400.
    pub(super) fn scan(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            match self.state {
                State::Rest => return,
                State::Body(left) => {
                    let taken = left.min(bytes.len() as u64);
                    self.state = if taken == left {
                        self.next_head()
                    } else {
                        State::Body(left - taken)
                    };
                    // `taken` is at most the length, so it fits.
                    bytes = &mut bytes[taken as usize..];
                }
                State::Head => {
                    let taken = self.scan_head(bytes);
                    if self.is_inside_head() {
                        self.head_bytes += taken;
                    }
                    bytes = &mut bytes[taken..];
                }
            }
        }
    }

    /// Follows a head and returns how many of `bytes` belong to it.
    fn scan_head(&mut self, bytes: &mut [u8]) -> usize {
        for (index, byte) in bytes.iter_mut().enumerate() {
            self.begun = true;
            if *byte != b'\n' {
                if let Some(slot) = self.line.get_mut(self.length) {
                    *slot = byte.to_ascii_lowercase();
                }
                self.length += 1;
                self.previous = *byte;
                continue;
            }
            if self.previous != b'\r' {
                *byte = 0;
                self.state = State::Rest;
                return index + 1;
            }
            let line = self.end_line();
            self.length = 0;
            self.previous = 0;
            if line == Line::Ambiguous {
                *byte = 0;
                self.state = State::Rest;
            }
            if line != Line::Within {
                return index + 1;
            }
        }
        bytes.len()
    }

    /// Handles the end of a line.
    fn end_line(&mut self) -> Line {
        let length = self.length - 1;
        if length == 0 {
            // hyper skips empty lines before a request line.
            if self.first_line {
                self.begun = false;
                return Line::Within;
            }
            if self.length_unclear || (self.length_given && self.encoding_given) {
                return Line::Ambiguous;
            }
            self.state = match (self.chunked, self.content_length) {
                (true, _) => State::Rest,
                (false, None | Some(0)) => self.next_head(),
                (false, Some(length)) => State::Body(length),
            };
            return Line::Last;
        }
        if self.first_line {
            self.first_line = false;
            return Line::Within;
        }
        // Of a longer line there is only the start.
        let whole = self.line.get(..length);
        let line = whole.unwrap_or(&self.line);
        if let Some(value) = line.strip_prefix(b"content-length:") {
            self.content_length = whole.and_then(|_| plain_number(value));
            self.length_unclear |= self.length_given || self.content_length.is_none();
            self.length_given = true;
        } else if line.starts_with(b"transfer-encoding:") {
            self.encoding_given = true;
            self.chunked = true;
        }
        Line::Within
    }

    fn next_head(&mut self) -> State {
        *self = Self::new();
        State::Head
    }
}

/// The value of a `Content-Length` (RFC 9110 section 8.6) with the spaces around it.
fn plain_number(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    // Led by a zero, it is octal to some.
    let plain = digits && (text.len() == 1 || !text.starts_with('0'));
    plain.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `text` in pieces and gives back what hyper would see.
    fn seen(text: &str, piece: usize) -> (String, HeadScanner) {
        let mut scanner = HeadScanner::new();
        let mut out = Vec::new();
        for chunk in text.as_bytes().chunks(piece) {
            let mut chunk = chunk.to_vec();
            scanner.scan(&mut chunk);
            out.extend(chunk);
        }
        (String::from_utf8(out).unwrap(), scanner)
    }

    const POST: &str = "POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{\n\n\n}";

    #[test]
    fn line_feeds_in_bodies_are_left_alone_and_heads_are_found_again() {
        let text = format!("{POST}{POST}\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET ");
        for piece in 1..40 {
            let (out, scanner) = seen(&text, piece);
            assert_eq!(out, text);
            assert!(scanner.is_inside_head());
        }
        assert!(!seen(POST, 7).1.is_inside_head());
        assert!(!seen(&POST[..POST.len() - 1], 7).1.is_inside_head());
        assert!(!seen("", 7).1.is_inside_head());
        assert!(!seen("\r\n", 1).1.is_inside_head());
    }

    #[test]
    fn a_length_beside_an_encoding_is_made_unreadable() {
        let (length, encoding) = ("Content-Length: 5\r\n", "transfer-encoding: chunked\r\n");
        for headers in [[length, encoding].concat(), [encoding, length].concat()] {
            let text = format!("POST / HTTP/1.1\r\nHost: a\r\n{headers}\r\n0\r\n\r\n");
            let end = text.find("\r\n\r\n").unwrap() + 3;
            for piece in 1..40 {
                assert_eq!(
                    seen(&text, piece).0.as_bytes()[end],
                    0,
                    "in pieces of {piece}"
                );
            }
        }
    }

    #[test]
    fn a_length_that_is_not_plain_is_made_unreadable() {
        let long = format!("{}5", "0".repeat(60));
        let wide = format!("{}5", " ".repeat(60));
        for value in [
            &*long,
            &wide,
            "+5",
            "-5",
            "5, 5",
            "5 5",
            "0x5",
            "5\u{b}",
            "",
            "0005",
            "00",
            "00000000000000000000000000000000005",
            "99999999999999999999",
        ] {
            let text = format!("POST / HTTP/1.1\r\nContent-Length: {value}\r\n\r\n");
            for piece in 1..40 {
                let seen = seen(&text, piece).0;
                assert!(seen.ends_with("\r\n\r\0"), "{value:?} in pieces of {piece}");
            }
        }
        let twice = "POST / HTTP/1.1\r\nContent-Length: 5\r\ncontent-length:5\r\n\r\n";
        assert!(seen(twice, 9).0.ends_with("\r\n\r\0"));
        for value in ["5", " 5\t"] {
            let text = format!("POST / HTTP/1.1\r\nContent-Length:{value}\r\n\r\n\n\n\n\n\n");
            assert_eq!(seen(&text, 7).0, text);
        }
    }

    #[test]
    fn a_bare_line_feed_in_any_head_is_made_unreadable() {
        for bad in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            for prefix in ["", POST] {
                for piece in 1..20 {
                    let (out, _) = seen(&format!("{prefix}{bad}"), piece);
                    let at = prefix.len() + bad.replace("\r\n", "..").find('\n').unwrap();
                    assert_eq!(out.as_bytes()[at], 0, "{bad:?} in pieces of {piece}");
                }
            }
        }
    }

    #[test]
    fn after_a_chunked_body_hyper_is_left_to_itself() {
        let text = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\n\r\n0\r\n\r\n";
        let (out, scanner) = seen(text, 3);
        assert_eq!(out, text);
        assert!(!scanner.is_inside_head());
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_none_but_line_feeds_change(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'\r')], 0..300), piece in 1_usize..50) {
            let mut scanner = HeadScanner::new();
            for chunk in bytes.chunks(piece) {
                let mut after = chunk.to_vec();
                scanner.scan(&mut after);
                for (before, after) in chunk.iter().zip(&after) {
                    prop_assert!(before == after || (*before, *after) == (b'\n', 0));
                }
            }
        }
    }
}
