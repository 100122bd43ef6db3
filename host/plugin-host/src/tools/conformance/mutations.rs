//! Tokens that differ a little from a good one, and must be refused: a validator that compares,
//! reads or remembers only a part of a token accepts one of them.

use std::collections::HashSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};

/// The base64url alphabet.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// The maximum number of positions that are changed, and of lengths that are cut to.
const MAX_POSITIONS: usize = 128;
/// Lengths of tokens just above those of the buffers that are made for them, in bytes.
const LENGTHS: [usize; 9] = [65, 129, 257, 400, 513, 1_025, 2_049, 4_097, 16_385];
/// The separators of the parts of a token, the likeliest first.
const SEPARATORS: [char; 7] = ['.', ':', '|', '~', '/', '_', '-'];

/// A token that differs from a good one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mutation {
    /// The difference, without any part of the token.
    pub(super) what: String,
    pub(super) token: String,
    /// True if a decoder may rightly read it as the good token: padding, bits without meaning,
    /// the case of hexadecimal digits.
    pub(super) spelling: bool,
}

/// Mutations of one kind.
pub(super) struct Group {
    /// The check.
    pub(super) name: &'static str,
    pub(super) mutations: Vec<Mutation>,
}

/// The mutations of `good`; `other` is the good token of another person.
pub(super) fn groups(good: &str, other: Option<&str>) -> Vec<Group> {
    let group = |name, found: Vec<(String, String, bool)>| {
        let mut known: HashSet<String> = [good, other.unwrap_or(good)].map(str::to_owned).into();
        let fresh = found
            .into_iter()
            .filter(|(_, token, _)| !token.is_empty() && known.insert(token.clone()));
        let mutations = fresh.map(|(what, token, spelling)| Mutation {
            what,
            token,
            spelling,
        });
        Group {
            name,
            mutations: mutations.collect(),
        }
    };
    vec![
        group(
            "the good token with a byte changed is refused",
            changed(good),
        ),
        group("the good token cut short is refused", cut(good)),
        group(
            "the good token with something added is refused",
            added(good),
        ),
        group("the good token in other letters is refused", recased(good)),
        group(
            "the good token with its parts changed is refused",
            rebuilt(good, other),
        ),
        group("odd tokens of its kind are refused", odd_parts(good)),
        group(
            "its content without a signature is refused",
            without_signature(good),
        ),
    ]
}

/// At most [`MAX_POSITIONS`] of `0..len`: the first, the last, and some between them.
fn positions(len: usize) -> Vec<usize> {
    let edge = MAX_POSITIONS / 3;
    let step = (len / edge).max(1);
    (0..len)
        .filter(|at| len <= MAX_POSITIONS || *at < edge / 2 || len - at <= edge || at % step == 0)
        .collect()
}

/// Another character of the same kind that differs in a bit which every decoder reads.
fn neighbour(byte: u8, part: &str) -> u8 {
    let all = |kind: fn(&u8) -> bool| part.as_bytes().iter().all(kind);
    if all(u8::is_ascii_digit) && byte.is_ascii_digit() {
        return b'0' + (byte - b'0' + 5) % 10;
    }
    if all(u8::is_ascii_hexdigit) && byte.is_ascii_hexdigit() {
        let value = char::from(byte).to_digit(16).unwrap_or(0) ^ 8;
        let digit = char::from_digit(value, 16).unwrap_or('0');
        return match byte.is_ascii_uppercase() {
            true => digit.to_ascii_uppercase() as u8,
            false => digit as u8,
        };
    }
    match ALPHABET.iter().position(|known| *known == byte) {
        Some(value) => ALPHABET[value ^ 32],
        None if byte == b'x' => b'y',
        None => b'x',
    }
}

fn changed(good: &str) -> Vec<(String, String, bool)> {
    let mut found = Vec::new();
    let separator = separator(good);
    for at in positions(good.len()) {
        let Some(byte) = good.as_bytes().get(at).filter(|byte| byte.is_ascii()) else {
            continue;
        };
        let mut start = 0;
        let part = good
            .split(separator)
            .find(|part| {
                start += part.len() + 1;
                at < start
            })
            .unwrap_or(good);
        let mut push = |to: u8, spelling: bool| {
            let mut bytes = good.as_bytes().to_vec();
            bytes[at] = to;
            let what = format!("byte {} of {} changed", at + 1, good.len());
            found.extend(String::from_utf8(bytes).ok().map(|t| (what, t, spelling)));
        };
        push(neighbour(*byte, part), false);
        // The last character of a base64 text may hold bits that mean nothing.
        let value = ALPHABET.iter().position(|known| known == byte);
        if at + 1 == start - 1
            && matches!(part.len() % 4, 2 | 3)
            && let Some(value) = value
        {
            push(ALPHABET[value ^ 1], true);
        }
    }
    found
}

fn cut(good: &str) -> Vec<(String, String, bool)> {
    let mut found = Vec::new();
    let significant = good.trim_end_matches('=').len();
    for kept in positions(good.len()) {
        if let Some(token) = good.get(..kept) {
            let what = format!("cut to the first {kept} of {} bytes", good.len());
            found.push((what, token.to_owned(), kept >= significant));
        }
    }
    for gone in [1, 2, 3, good.len() / 4, good.len() / 2] {
        if let Some(token) = good.get(gone..) {
            let what = format!("without its first {gone} bytes");
            found.push((what, token.to_owned(), false));
        }
    }
    found
}

fn added(good: &str) -> Vec<(String, String, bool)> {
    let after = [
        "x", "0", "A", ".", ".x", "..", "_", "-", "%00", "\0", "\0x", ";x", ",x", "?x", "#x",
        "&x=1",
    ];
    let spelt = ["=", "==", " ", "\t", "\n"];
    let mut found = Vec::new();
    let mut push = |token: String, what: &str, spelling| {
        found.push((what.to_owned(), token, spelling));
    };
    for text in after {
        push(
            format!("{good}{text}"),
            &format!("{text:?} added at its end"),
            false,
        );
    }
    for text in ["x", "0", "A", ".", "x."] {
        push(
            format!("{text}{good}"),
            &format!("{text:?} added before it"),
            false,
        );
    }
    for text in spelt {
        push(
            format!("{good}{text}"),
            &format!("{text:?} added at its end"),
            true,
        );
    }
    push(format!(" {good}"), "a space added before it", true);
    for between in ["", ".", ",", " "] {
        push(format!("{good}{between}{good}"), "written twice", false);
    }
    push(
        format!("{good}{}", "A".repeat(4_096)),
        "4 KiB added at its end",
        false,
    );
    found
}

fn recased(good: &str) -> Vec<(String, String, bool)> {
    let swap = |text: &str| -> String {
        let swapped = text.chars().map(|c| match c.is_ascii_lowercase() {
            true => c.to_ascii_uppercase(),
            false => c.to_ascii_lowercase(),
        });
        swapped.collect()
    };
    let separator = separator(good);
    let parts: Vec<&str> = good.split(separator).collect();
    let mut found = vec![
        ("in lower case".to_owned(), good.to_ascii_lowercase(), false),
        ("in upper case".to_owned(), good.to_ascii_uppercase(), false),
    ];
    for (at, part) in parts.iter().enumerate() {
        let swapped = swap(part);
        let mut parts: Vec<&str> = parts.clone();
        parts[at] = &swapped;
        let what = format!("part {} in the other case", at + 1);
        found.push((what, join(&parts, separator), is_hex(part)));
    }
    if is_hex(good) {
        found.iter_mut().for_each(|one| one.2 = true);
    }
    found
}

/// True for bytes in hexadecimal digits, rather than a word such as `ada`.
fn is_hex(part: &str) -> bool {
    part.len() >= 8
        && part.len().is_multiple_of(2)
        && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        && part.bytes().any(|byte| byte.is_ascii_digit())
}

/// The character between the parts of the token.
fn separator(good: &str) -> char {
    let found = SEPARATORS.into_iter().find(|c| good.contains(*c));
    found.unwrap_or('.')
}

fn join(parts: &[&str], separator: char) -> String {
    parts.join(&separator.to_string())
}

fn rebuilt(good: &str, other: Option<&str>) -> Vec<(String, String, bool)> {
    let separator = separator(good);
    let parts: Vec<&str> = good.split(separator).collect();
    let mut found = Vec::new();
    let mut push = |parts: &[&str], what: String| {
        found.push((what, join(parts, separator), false));
    };
    for at in 0..parts.len() {
        let with = |text: &str| {
            let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            parts[at] = text.to_owned();
            parts
        };
        let mut put = |text: &str, what: &str| {
            let parts = with(text);
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            push(&parts, format!("part {} {what}", at + 1));
        };
        let part = parts[at];
        let half = part.len() / 2;
        put("", "empty");
        put(part.get(..half).unwrap_or_default(), "cut in half");
        put(
            part.get(half..).unwrap_or_default(),
            "without its first half",
        );
        put(part.get(..2).unwrap_or_default(), "cut to two bytes");
        put(&"0".repeat(part.len()), "of zeros");
        put(&"A".repeat(part.len()), "of `A`");
        put(&format!("{part}{part}"), "written twice");
        put(&part.chars().rev().collect::<String>(), "reversed");
        let mut without = parts.clone();
        without.remove(at);
        push(&without, format!("without part {}", at + 1));
        if at > 0 {
            let mut swapped = parts.clone();
            swapped.swap(at - 1, at);
            push(&swapped, format!("parts {at} and {} swapped", at + 1));
        }
        let others: Vec<&str> = other.unwrap_or(good).split(separator).collect();
        if others.len() == parts.len() {
            let mut mixed = parts.clone();
            mixed[at] = others[at];
            push(&mixed, format!("part {} of the other good token", at + 1));
        }
    }
    found
}

fn odd_parts(good: &str) -> Vec<(String, String, bool)> {
    let separator = separator(good);
    let parts: Vec<&str> = good.split(separator).collect();
    let long = "9".repeat(64 * 1024);
    let odd = [
        ("x", "one letter"),
        ("-1", "a negative number"),
        ("99999999999999999999999", "a number beyond 64 bits"),
        ("%s%n%s%n%s", "a format"),
        ("../../../../etc/passwd", "a path"),
        ("http://127.0.0.1:9/x", "a URL"),
        ("' or '1'='1", "a quoted condition"),
        ("null", "`null`"),
        ("{}", "an empty object"),
        ("a\0b", "text with NUL"),
        ("\u{fc}\u{1f512}", "text beyond ASCII"),
        (long.as_str(), "64 KiB of digits"),
    ];
    let mut found = Vec::new();
    let start = parts.first().copied().unwrap_or_default();
    for count in 0..6 {
        let text = format!("{start}{}", separator.to_string().repeat(count));
        found.push((format!("part 1 and {count} separators"), text, false));
    }
    for short in ["x", "xx", "xxxxxxx", "x.x", "..x", "0", " "] {
        let text = format!("{start}{separator}{short}");
        let what = format!("part 1 and {} bytes", short.len());
        found.push((what, text, false));
    }
    for at in 0..parts.len() {
        for (text, what) in odd {
            let mut parts = parts.clone();
            parts[at] = text;
            let what = format!("part {} is {what}", at + 1);
            found.push((what, join(&parts, separator), false));
        }
        let others = good.len() - parts[at].len();
        for length in LENGTHS {
            let text = "7".repeat(length.saturating_sub(others));
            let mut parts = parts.clone();
            parts[at] = &text;
            let what = format!("part {} makes it {length} bytes long", at + 1);
            found.push((what, join(&parts, separator), false));
        }
    }
    let many = vec!["x"; 10_000].join(&separator.to_string());
    found.push((
        "10,000 parts".to_owned(),
        format!("{start}{separator}{many}"),
        false,
    ));
    found
}

/// True if two tokens surely have the same form: JWTs of the same issuer, or texts of as many parts, three or more, that begin
/// with the same one.
pub(super) fn have_one_form(one: &str, other: &str) -> bool {
    let issuer = |token: &str| {
        let payload = BASE64.decode(token.split('.').nth(1)?).ok()?;
        let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
        claims.get("iss").cloned()
    };
    if let Some(issuer_of_one) = issuer(one) {
        return issuer(other) == Some(issuer_of_one);
    }
    let separator = separator(one);
    let [one, other] = [one, other].map(|token| token.split(separator).collect::<Vec<_>>());
    one.len() > 2 && one.len() == other.len() && one[0] == other[0]
}

/// A JWT whose header says that it needs no signature (RFC 8725 section 2.1).
fn without_signature(good: &str) -> Vec<(String, String, bool)> {
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else {
        return Vec::new();
    };
    let decoded = BASE64.decode(header).unwrap_or_default();
    let Ok(serde_json::Value::Object(mut members)) = serde_json::from_slice(&decoded) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        members.insert("alg".to_owned(), alg.into());
        let header = BASE64.encode(serde_json::Value::Object(members.clone()).to_string());
        for signature in ["", signature] {
            let what = format!("a JWT with the algorithm {alg:?}");
            found.push((what, format!("{header}.{payload}.{signature}"), false));
        }
    }
    found
}

/// Tokens that nobody has seen before: of the kind of `good` but for their last part, and others.
pub(super) fn unseen(good: &str, number: usize) -> String {
    let random = rand::random::<[u64; 2]>();
    let separator = separator(good);
    let (start, end) = good.rsplit_once(separator).unwrap_or(("", good));
    let before = if start.is_empty() {
        String::new()
    } else {
        format!("{start}{separator}")
    };
    let mut state = random[0];
    let mut made = String::new();
    let class = |kind: fn(&u8) -> bool| end.as_bytes().iter().all(kind);
    let digits: &[u8] = match () {
        () if class(u8::is_ascii_digit) => &ALPHABET[52..62],
        () if class(u8::is_ascii_hexdigit) => b"0123456789abcdef",
        () => ALPHABET,
    };
    for _ in 0..end.len().max(12) {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(state >> 33).unwrap_or(0) % digits.len();
        made.push(char::from(digits[at]));
    }
    match number % 4 {
        // Longer than any signature, and of no kind.
        0 => format!("{:032x}.{number}.{made}", random[1]),
        1 => format!("{before}{}{made}", random[1]),
        _ => format!("{before}{made}"),
    }
}

#[cfg(test)]
mod tests;
