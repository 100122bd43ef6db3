//! Chains of proxies, honest and forged.

use proptest::prelude::*;

use super::*;

const TRUSTED: &[&str] = &["10.0.0.0/8", "fd00::/8", "127.0.0.1"];

fn client_of(peer: &str, lines: &[(&'static str, &str)]) -> String {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    let trusted = TRUSTED.iter().map(|text| text.parse().unwrap()).collect();
    client(
        peer.parse().unwrap(),
        &headers,
        &TrustedProxies::new(trusted),
    )
    .to_string()
}

const LIST: &str = "x-forwarded-for";
const RFC: &str = "forwarded";

#[test]
fn the_rightmost_address_that_is_no_proxy_is_the_client() {
    for (lines, client) in [
        (&[][..], "10.0.0.1"),
        (&[(LIST, "203.0.113.7")], "203.0.113.7"),
        (
            &[(LIST, "198.51.100.1, 203.0.113.7, 10.0.0.9")],
            "203.0.113.7",
        ),
        (
            &[
                (LIST, "198.51.100.1"),
                (LIST, "203.0.113.7"),
                (LIST, "10.0.0.9 ,"),
            ],
            "203.0.113.7",
        ),
        (&[(LIST, "203.0.113.7:51234")], "203.0.113.7"),
        (&[(LIST, "::ffff:203.0.113.7")], "203.0.113.7"),
        (&[(LIST, "2001:db8::1")], "2001:db8::1"),
        (&[(LIST, "[2001:db8::1]:443, fd00::2")], "2001:db8::1"),
        (&[(LIST, "10.0.0.5, 10.0.0.6")], "10.0.0.5"),
        (&[(LIST, " , ,")], "10.0.0.1"),
        (&[(RFC, "for=203.0.113.7")], "203.0.113.7"),
        (
            &[(
                RFC,
                "for=198.51.100.1;proto=http, For=\"203.0.113.7:80\";by=10.0.0.9;host=a",
            )],
            "203.0.113.7",
        ),
        (
            &[
                (RFC, "for=198.51.100.1, for=\"[2001:db8::1]:4711\""),
                (RFC, "for=10.0.0.9"),
            ],
            "2001:db8::1",
        ),
        (&[(RFC, "for=\"203.0.113.7:_port\"")], "203.0.113.7"),
        (&[(RFC, "for=\"\\203.0.113.7\"")], "203.0.113.7"),
        (&[(RFC, "for=203.0.113.7, ,for=10.0.0.9,")], "203.0.113.7"),
        (&[(RFC, "for=203.0.113.7"), (RFC, " ")], "203.0.113.7"),
        (&[(RFC, "FOR = 203.0.113.7 ; Proto = https")], "203.0.113.7"),
        (&[(RFC, ","), (RFC, "")], "10.0.0.1"),
    ] {
        assert_eq!(client_of("10.0.0.1", lines), client, "{lines:?}");
    }
}

#[test]
fn an_unknown_hop_ends_the_walk_at_the_proxy_that_named_it() {
    for (lines, client) in [
        (&[(LIST, "203.0.113.7, unknown, 10.0.0.9")][..], "10.0.0.9"),
        (&[(LIST, "203.0.113.7, unknown")], "10.0.0.1"),
        (&[(RFC, "for=203.0.113.7, proto=https;host=a")], "10.0.0.1"),
        (&[(LIST, "203.0.113.7, 1.2.3.4.5")], "10.0.0.1"),
        (&[(LIST, "203.0.113.7, 1.2.3.4:99999")], "10.0.0.1"),
        (&[(LIST, "203.0.113.7, fe80::1%eth0")], "10.0.0.1"),
        (&[(LIST, "203.0.113.7, \"198.51.100.1\"")], "10.0.0.1"),
        (
            &[(RFC, "for=203.0.113.7, for=\"unknown\", for=10.0.0.9")],
            "10.0.0.9",
        ),
        (&[(RFC, "for=203.0.113.7, for=_hidden")], "10.0.0.1"),
        (&[(RFC, "for=203.0.113.7;for=198.51.100.1")], "10.0.0.1"),
        (&[(RFC, "for=203.0.113.7, for=\"198.51.100.1")], "10.0.0.1"),
        (
            &[(RFC, "for=\"203.0.113.7"), (RFC, "for=10.0.0.9")],
            "10.0.0.9",
        ),
        (&[(RFC, "nonsense")], "10.0.0.1"),
        (&[(RFC, "for=\"2001:db8::1]\"")], "10.0.0.1"),
    ] {
        assert_eq!(client_of("10.0.0.1", lines), client, "{lines:?}");
    }
}

#[test]
fn from_a_stranger_the_headers_mean_nothing() {
    for peer in ["203.0.113.9", "127.0.0.2", "2001:db8::9"] {
        let lines = [(LIST, "198.51.100.1"), (RFC, "for=198.51.100.1")];
        assert_eq!(client_of(peer, &lines), peer);
    }
    let mapped = client_of("::ffff:10.0.0.1", &[(LIST, "198.51.100.1")]);
    assert_eq!(mapped, "198.51.100.1", "the peer's address is folded, too");
}

#[test]
fn two_headers_count_if_they_agree() {
    let both = |list: &str, rfc: &str| client_of("10.0.0.1", &[(LIST, list), (RFC, rfc)]);
    assert_eq!(
        both("203.0.113.7", "for=203.0.113.7, for=10.0.0.9"),
        "203.0.113.7"
    );
    assert_eq!(both("203.0.113.7", "for=198.51.100.1"), "10.0.0.1");
    assert_eq!(both("203.0.113.7", "for=unknown"), "10.0.0.1");
    assert_eq!(
        both("203.0.113.7", "proto=https;host=a.example"),
        "10.0.0.1"
    );
}

#[test]
fn the_walk_is_bounded() {
    let long = format!("203.0.113.7{}", ", 10.0.0.9".repeat(MAX_HOPS));
    assert_eq!(client_of("10.0.0.1", &[(LIST, &long)]), "10.0.0.9");
    let long = format!("for=203.0.113.7{}", ",".repeat(MAX_LINE));
    assert_eq!(client_of("10.0.0.1", &[(RFC, &long)]), "10.0.0.1");
}

proptest! {
    /// Whatever a client sends, behind a proxy that appends to one header: it counts as itself, or
    /// as the proxy, and never as an address of its choice.
    #[test]
    fn nobody_chooses_an_address(
        list in proptest::option::of("[ -~]{0,60}|([0-9.]{7,9}, ){0,3}|(for=\"?[0-9.]{7,9}\"?[,;] ?){0,3}"),
        rfc in proptest::option::of("[ -~]{0,60}|(for=\"?[0-9.]{7,9}\"?[,;] ?){0,3}|\"|for=\""),
        writes_rfc: bool,
        own_line: bool,
    ) {
        let me = "203.0.113.7";
        let mut lines: Vec<(&'static str, String)> = Vec::new();
        for (name, sent, written) in [
            (LIST, list, (!writes_rfc).then(|| me.to_owned())),
            (RFC, rfc, writes_rfc.then(|| format!("for={me}"))),
        ] {
            match (sent, written) {
                (Some(sent), Some(written)) if !own_line => lines.push((name, format!("{sent}, {written}"))),
                (sent, written) => lines.extend(sent.into_iter().chain(written).map(|line| (name, line))),
            }
        }
        let lines: Vec<_> = lines.iter().map(|(name, line)| (*name, line.as_str())).collect();
        let client = client_of("10.0.0.1", &lines);
        prop_assert!(client == me || client == "10.0.0.1", "{client} from {lines:?}");
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(lines in proptest::collection::vec((any::<bool>(), proptest::collection::vec(32_u8..=255, 0..80)), 0..5)) {
        let mut headers = HeaderMap::new();
        for (rfc, bytes) in lines {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.append(if rfc { RFC } else { LIST }, value);
            }
        }
        let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let stranger = "192.0.2.1".parse().unwrap();
        prop_assert_eq!(client(stranger, &headers, &trusted).ip(), stranger);
        client("10.0.0.1".parse().unwrap(), &headers, &trusted);
    }

    #[test]
    fn every_address_is_read_as_proxies_write_it(address: IpAddr, port: u16) {
        let canonical = Some(ClientAddress::new(address));
        prop_assert_eq!(node(&address.to_string()), canonical);
        prop_assert_eq!(node(&std::net::SocketAddr::new(address, port).to_string()), canonical);
    }
}
