//! The PROXY protocol, versions 1 and 2: the address of the client, which a load balancer for TCP
//! sends before all that the client sends.
//! <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>
//!
//! Only read from trusted proxies, and from these it must come: a receiver that guesses would let
//! clients send the header themselves.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use tokio::io::{AsyncRead, AsyncReadExt};

use super::seldom::Seldom;

/// The first bytes of version 2.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1, its end included.
const MAX_LINE: usize = 107;
/// The most bytes after the fixed part of version 2: addresses, and what is skipped after them.
const MAX_REST: usize = 4 * 1024;

/// A header that is none, or is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no readable PROXY header")]
struct Unreadable;

impl From<Unreadable> for io::Error {
    fn from(error: Unreadable) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// Reads the header and nothing after it. `None` if the proxy speaks for itself (`LOCAL`,
/// `UNKNOWN`), as its health checks do.
///
/// # Errors
/// If the connection ends, or does not begin with such a header.
pub(super) async fn source(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    // The shortest header of version 1 is longer than this.
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if start == SIGNATURE {
        let mut fixed = [0; 4];
        stream.read_exact(&mut fixed).await?;
        let [command, family, high, low] = fixed;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > MAX_REST {
            return Err(Unreadable.into());
        }
        let mut rest = vec![0; length];
        stream.read_exact(&mut rest).await?;
        return Ok(version_2(command, family, &rest)?);
    }
    if !start.starts_with(b"PROXY ") {
        return Err(Unreadable.into());
    }
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() == MAX_LINE {
            return Err(Unreadable.into());
        }
        line.push(stream.read_u8().await?);
    }
    Ok(version_1(&line)?)
}

/// Warns that a proxy did not send the header, at most once a minute: it may be all connections.
pub(super) fn warn(peer: IpAddr, error: &io::Error) {
    static LINES: Seldom = Seldom::new();
    if !LINES.is_due() {
        return;
    }
    tracing::warn!(
        %peer,
        %error,
        "connections of a trusted proxy are closed, because they begin without a PROXY header; let it \
         send one, unset `PROXY_PROTOCOL`, or leave it out of `TRUSTED_PROXIES`"
    );
}

/// Reads a whole line of version 1.
fn version_1(line: &[u8]) -> Result<Option<IpAddr>, Unreadable> {
    let text = std::str::from_utf8(line).map_err(|_| Unreadable)?;
    let text = text.strip_suffix("\r\n").ok_or(Unreadable)?;
    let mut words = text.split(' ');
    let mut next = || words.next().ok_or(Unreadable);
    if next()? != "PROXY" {
        return Err(Unreadable);
    }
    let family = next()?;
    if family == "UNKNOWN" {
        return Ok(None);
    }
    let (source, destination) = (next()?, next()?);
    let ports = [next()?, next()?];
    if words.next().is_some() || !ports.into_iter().all(is_port) {
        return Err(Unreadable);
    }
    let address = |text: &str| match family {
        "TCP4" => text.parse::<Ipv4Addr>().map(IpAddr::V4).ok(),
        "TCP6" => text.parse::<Ipv6Addr>().map(IpAddr::V6).ok(),
        _ => None,
    };
    match (address(source), address(destination)) {
        (Some(source), Some(_)) => Ok(Some(source)),
        _ => Err(Unreadable),
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Reads what follows the signature of version 2. What follows the addresses (TLVs) is skipped.
fn version_2(command: u8, family: u8, rest: &[u8]) -> Result<Option<IpAddr>, Unreadable> {
    const LOCAL: u8 = 0x20;
    const PROXY: u8 = 0x21;
    const UNSPECIFIED: u8 = 0x00;
    const TCP_OVER_IPV4: u8 = 0x11;
    const TCP_OVER_IPV6: u8 = 0x21;
    /// The length of both addresses and both ports.
    const IPV4: usize = 2 * (4 + 2);
    const IPV6: usize = 2 * (16 + 2);
    match (command, family) {
        (LOCAL, _) | (PROXY, UNSPECIFIED) => Ok(None),
        (PROXY, TCP_OVER_IPV4) if rest.len() >= IPV4 => {
            let bytes: [u8; 4] = rest[..4].try_into().map_err(|_| Unreadable)?;
            Ok(Some(bytes.into()))
        }
        (PROXY, TCP_OVER_IPV6) if rest.len() >= IPV6 => {
            let bytes: [u8; 16] = rest[..16].try_into().map_err(|_| Unreadable)?;
            Ok(Some(bytes.into()))
        }
        _ => Err(Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The address in `header`, and how many bytes of what follows were left unread.
    async fn read(header: &[u8]) -> (Result<Option<IpAddr>, ()>, usize) {
        let bytes = [header, b"GET / HTTP/1.1\r\n"].concat();
        let mut stream = &bytes[..];
        let source = source(&mut stream).await.map_err(|_| ());
        (source, stream.len())
    }

    fn binary(command: u8, family: u8, length: u16, rest: &[u8]) -> Vec<u8> {
        let mut header = SIGNATURE.to_vec();
        header.extend([command, family]);
        header.extend(length.to_be_bytes());
        header.extend(rest);
        header
    }

    #[tokio::test]
    async fn headers_are_read_to_their_end_and_no_further() {
        let four = [203, 0, 113, 7, 10, 0, 0, 1, 1, 2, 0, 80];
        let mut six = [0_u8; 36];
        six[..2].copy_from_slice(&[0x20, 0x01]);
        let tlvs = [&four[..], &[4, 0, 2, 0, 0]].concat();
        let address = |text: &str| Ok(Some(text.parse().unwrap()));
        for (header, source) in [
            (
                b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 443\r\n".to_vec(),
                address("203.0.113.7"),
            ),
            (
                b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n".to_vec(),
                address("2001:db8::1"),
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), Ok(None)),
            (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec(), Ok(None)),
            (binary(0x21, 0x11, 12, &four), address("203.0.113.7")),
            (binary(0x21, 0x11, 17, &tlvs), address("203.0.113.7")),
            (binary(0x21, 0x21, 36, &six), address("2001::")),
            (binary(0x20, 0x00, 0, &[]), Ok(None)),
            (binary(0x20, 0x11, 12, &four), Ok(None)),
            (binary(0x21, 0x00, 3, &[1, 2, 3]), Ok(None)),
        ] {
            assert_eq!(read(&header).await, (source, 16), "{header:?}");
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        let four = [203, 0, 113, 7, 10, 0, 0, 1, 1, 2, 0, 80];
        for header in [
            b"GET /health HTTP/1.1\r\n\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.7 10.0.0.1 56324\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.7 10.0.0.1 1 2 3\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.7 10.0.0.1 1 65536\r\n".to_vec(),
            b"PROXY TCP4 2001:db8::1 ::1 1 2\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.007 10.0.0.1 1 2\r\n".to_vec(),
            b"PROXY TCP4  203.0.113.7 10.0.0.1 1 2\r\n".to_vec(),
            b"PROXY UDP4 203.0.113.7 10.0.0.1 1 2\r\n".to_vec(),
            b"proxy TCP4 203.0.113.7 10.0.0.1 1 2\r\n".to_vec(),
            [&b"PROXY UNKNOWN "[..], &[b'x'; 200], b"\r\n"].concat(),
            b"PROXY TCP4 203.0.113.7 10.0.0.1 1 2\nX".to_vec(),
            binary(0x31, 0x11, 12, &four),
            binary(0x22, 0x11, 12, &four),
            binary(0x21, 0x12, 12, &four),
            binary(0x21, 0x31, 12, &four),
            binary(0x21, 0x11, 11, &four[..11]),
            binary(0x21, 0x21, 12, &four),
            binary(0x21, 0x11, 5000, &[0; 5000]),
            binary(0x21, 0x11, 4000, &four),
        ] {
            assert_eq!(read(&header).await.0, Err(()), "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(start in 0..3_usize, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let begins = start > 0;
            let start: &[u8] = [&b""[..], b"PROXY TCP4 ", &SIGNATURE][start];
            let bytes = [start, &bytes].concat();
            let read = futures::executor::block_on(source(&mut &bytes[..]));
            prop_assert!(begins || read.is_err(), "{bytes:?}");
        }

        #[test]
        fn every_address_is_read_in_both_versions(source: IpAddr, destination: Ipv4Addr, ports: (u16, u16), tlvs in proptest::collection::vec(any::<u8>(), 0..40)) {
            let (family, mut rest) = match source {
                IpAddr::V4(address) => (0x11, [address.octets(), destination.octets()].concat()),
                IpAddr::V6(address) => (0x21, [address.octets(), destination.to_ipv6_mapped().octets()].concat()),
            };
            rest.extend([ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat());
            rest.extend(&tlvs);
            let header = binary(0x21, family, u16::try_from(rest.len()).unwrap(), &rest);
            prop_assert_eq!(futures::executor::block_on(read(&header)), (Ok(Some(source)), 16));

            let (word, destination) = match source {
                IpAddr::V4(_) => ("TCP4", destination.to_string()),
                IpAddr::V6(_) => ("TCP6", destination.to_ipv6_mapped().to_string()),
            };
            let line = format!("PROXY {word} {source} {destination} {} {}\r\n", ports.0, ports.1);
            prop_assert_eq!(futures::executor::block_on(read(line.as_bytes())), (Ok(Some(source)), 16));
        }
    }
}
