//! The address of the client behind proxies, from `X-Forwarded-For` and `Forwarded` (RFC 7239).
//!
//! Each proxy appends the address that called it, so a list is read from its end, past the proxies
//! that are trusted, to the first address that is not: a trusted proxy has seen that one itself.
//! All before it is whatever the client sent.
//!
//! A proxy that appends to one header passes the other on as the client sent it, and which one a
//! proxy knows cannot be seen. So where both are there, they must agree; otherwise neither counts
//! and the request counts as the proxy's own. Whoever sends a header of their own gains nothing.

use std::net::IpAddr;

use foundation::client_address::ClientAddress;
use http::{HeaderMap, HeaderName, HeaderValue, header::FORWARDED};

use super::trusted_proxies::TrustedProxies;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The most proxies between a client and this server that are looked past.
const MAX_HOPS: usize = 32;
/// The longest line of `Forwarded` that is read, in bytes: room for [`MAX_HOPS`] elements.
const MAX_LINE: usize = 8 * 1024;

/// One entry of a list: an address, or a word for an unknown one.
type Hop = Option<ClientAddress>;

/// The client that a request counts as, if it came from `peer` with these headers.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> ClientAddress {
    let peer = ClientAddress::new(peer);
    if !trusted.contain(peer.ip()) {
        return peer;
    }
    let listed = walk(peer, x_forwarded_for(headers), trusted);
    let forwarded = walk(peer, forwarded(headers), trusted);
    match (listed, forwarded) {
        (Some(listed), Some(forwarded)) if listed != forwarded => peer,
        (Some(client), _) | (None, Some(client)) => client,
        (None, None) => peer,
    }
}

/// The client at the end of the walk along `hops`, nearest first; `None` if there are none. An
/// unknown hop ends the walk at the proxy that named it.
fn walk(
    peer: ClientAddress,
    hops: impl Iterator<Item = Hop>,
    trusted: &TrustedProxies,
) -> Option<ClientAddress> {
    let mut hops = hops.take(MAX_HOPS).peekable();
    hops.peek()?;
    let mut client = peer;
    for hop in hops {
        let Some(address) = hop else { break };
        client = address;
        if !trusted.contain(address.ip()) {
            break;
        }
    }
    Some(client)
}

/// The hops of `X-Forwarded-For`, nearest first. Several lines are one list (RFC 9110 section 5.3).
fn x_forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Hop> {
    headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty())
        .map(|entry| node(std::str::from_utf8(entry).ok()?))
}

/// The hops of `Forwarded`, nearest first. A line that cannot be read is an unknown hop.
fn forwarded(headers: &HeaderMap) -> impl Iterator<Item = Hop> {
    headers.get_all(FORWARDED).iter().rev().flat_map(|line| {
        elements(line)
            .unwrap_or_else(|| vec![None])
            .into_iter()
            .rev()
    })
}

/// The hops that one line names, in its order; `None` if it cannot be read. An element without
/// `for` is an unknown hop: all before it is what the client sent. An empty element is none (RFC 9110
/// section 5.6.1.2).
fn elements(line: &HeaderValue) -> Option<Vec<Hop>> {
    let line = line.to_str().ok().filter(|line| line.len() <= MAX_LINE)?;
    let mut hops = Vec::new();
    for element in split_unquoted(line, ',')? {
        if element.trim().is_empty() {
            continue;
        }
        let mut hop = None;
        for pair in split_unquoted(element, ';')? {
            if pair.trim().is_empty() {
                continue;
            }
            let (name, value) = pair.split_once('=')?;
            let value = unquoted(value.trim())?;
            if name.trim().eq_ignore_ascii_case("for") && hop.replace(node(&value)).is_some() {
                // Named twice: proxies would disagree on it.
                return None;
            }
        }
        hops.push(hop.flatten());
    }
    Some(hops)
}

/// The parts of `text` between `separator`s outside quotes; `None` if a quote is not closed.
fn split_unquoted(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if character == separator && !quoted => {
                parts.push(&text[start..at]);
                start = at + separator.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!quoted).then_some(parts)
}

/// The value of a token or a quoted string (RFC 9110 section 5.6); `None` if it is neither.
fn unquoted(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix('"') else {
        return (!value.contains('"')).then(|| value.to_owned());
    };
    let inner = inner.strip_suffix('"')?;
    let (mut text, mut escaped) = (String::with_capacity(inner.len()), false);
    for character in inner.chars() {
        match character {
            _ if escaped => {
                text.push(character);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return None,
            _ => text.push(character),
        }
    }
    (!escaped).then_some(text)
}

/// The address of a node with or without a port (RFC 7239 section 6). Others than an address, such
/// as `unknown` and `_hidden`, are `None`.
fn node(text: &str) -> Hop {
    let (address, rest) = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        (IpAddr::V6(address.parse().ok()?), port)
    } else if let Ok(address) = text.parse::<IpAddr>() {
        (address, "")
    } else {
        let (address, _) = text.split_once(':')?;
        (IpAddr::V4(address.parse().ok()?), &text[address.len()..])
    };
    (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
        .then(|| ClientAddress::new(address))
}

/// A port, or a word that stands for one.
fn is_port(text: &str) -> bool {
    let word = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    match text.strip_prefix('_') {
        Some(rest) => !rest.is_empty() && word(rest),
        None => text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok(),
    }
}

#[cfg(test)]
mod tests;
