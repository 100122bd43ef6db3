//! The table and the three rules.

use proptest::prelude::*;

use super::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A name service with a single answer.
struct Answers(Vec<IpAddr>);

impl Lookup for Answers {
    fn lookup(&self, _: &str) -> Looked {
        let found = self.0.clone();
        Box::pin(async move { Ok(found) })
    }
}

fn strangers(addresses: &[&str]) -> AddressRule {
    let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
    AddressRule::strangers(Arc::new(Answers(addresses)), is_public)
}

#[test]
fn addresses_that_are_not_public() {
    for text in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.7",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:168.63.129.16",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2001:10::1",
        "2002:7f00:1::",
        "2002:a00:1::",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "5f00::1",
    ] {
        assert!(!is_public(text.parse().unwrap()), "{text}");
    }
}

#[test]
fn addresses_that_are_public() {
    for text in [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.1",
        "168.63.129.15",
        "172.15.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "198.17.0.1",
        "198.20.0.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2001:4860:4860::8888",
        "2a00:1450::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ] {
        assert!(is_public(text.parse().unwrap()), "{text}");
    }
}

#[test]
fn a_document_cannot_lead_to_this_machine_or_to_cloud_metadata() {
    let rule = AddressRule::configured([&url("https://idp.example.com/")]);
    for refused in [
        "http://127.0.0.1/keys",
        "http://127.9.9.9/keys",
        "http://2130706433/keys",
        "http://0x7f.1/keys",
        "http://0.0.0.0/keys",
        "http://localhost/keys",
        "http://idp.localhost./keys",
        "http://[::1]/keys",
        "http://[::]/keys",
        "http://[::ffff:127.0.0.1]/keys",
        "http://[64:ff9b::7f00:1]/keys",
        "http://169.254.169.254/latest/meta-data",
        "http://168.63.129.16/machine",
        "http://100.100.100.200/latest/meta-data",
        "http://[::ffff:168.63.129.16]/machine",
        "http://[64:ff9b::a83f:8110]/machine",
        "http://[fe80::1]/keys",
        "http://[fd00:ec2::254]/keys",
        "http://255.255.255.255/keys",
    ] {
        assert!(!rule.permits(&url(refused)), "{refused}");
    }
    for permitted in [
        "https://93.184.216.34/keys",
        "https://10.0.0.7/keys",
        "https://a.example/",
    ] {
        assert!(rule.permits(&url(permitted)), "{permitted}");
    }
}

#[test]
fn a_configured_host_may_be_this_machine_but_never_cloud_metadata() {
    let rule = AddressRule::configured([
        &url("http://127.0.0.1:8080/"),
        &url("http://169.254.169.254/"),
        &url("http://168.63.129.16/"),
    ]);
    assert!(rule.permits(&url("http://127.0.0.1:9/keys")));
    assert!(
        rule.permits(&url("http://[::1]:9/keys")),
        "one loopback address for another"
    );
    let named = AddressRule::configured([&url("http://10.0.0.1/"), &url("http://0.0.0.0:80/")]);
    assert!(named.permits(&url("http://0.0.0.0/keys")));
    assert!(!named.permits(&url("http://127.0.0.1/keys")));
    assert!(!rule.permits(&url("http://169.254.169.254/keys")));
    assert!(!rule.permits(&url("http://168.63.129.16/keys")));
}

#[tokio::test]
async fn a_name_that_resolves_to_this_machine_is_refused_unless_configured() {
    let resolve = |rule: AddressRule| async move { rule.resolve(name("localhost")).await };
    assert!(resolve(AddressRule::default()).await.is_err());
    let rule = AddressRule::configured([&url("http://localhost/")]);
    assert!(resolve(rule).await.unwrap().next().is_some());
    let proxied = AddressRule::default().with_proxies(["localhost"]);
    assert!(!proxied.permits(&url("http://localhost/")));
    assert!(
        resolve(proxied).await.is_ok(),
        "a proxy may be on this machine"
    );
}

#[tokio::test]
async fn one_address_inside_makes_a_strangers_name_suspect() {
    let good = strangers(&["93.184.215.14", "2606:4700::1111"]);
    assert_eq!(good.resolve(name("a.example")).await.unwrap().count(), 2);
    for bad in [
        &["127.0.0.1"][..],
        &["93.184.215.14", "10.0.0.1"],
        &["93.184.215.14", "168.63.129.16"],
        &["fd00:ec2::254"],
        &[],
    ] {
        let found = strangers(bad).resolve(name("a.example")).await;
        assert!(found.is_err(), "{bad:?}");
    }
    let proxied = strangers(&["10.0.0.1"]).with_proxies(["proxy.corp"]);
    assert!(proxied.resolve(name("proxy.corp")).await.is_ok());
    assert!(!proxied.permits(&url("https://PROXY.corp/c.json")));
    assert!(proxied.permits(&url("https://a.example/c.json")));
}

#[test]
fn loopback_is_known_by_name_and_by_address() {
    for yes in [
        "http://localhost:80/",
        "http://LOCALHOST./",
        "http://idp.localhost",
        "http://127.1/",
        "http://[::1]/",
    ] {
        assert!(is_loopback(&url(yes)), "{yes}");
    }
    for no in [
        "http://localhost.example/",
        "http://10.0.0.1/",
        "http://[fe80::1]/",
    ] {
        assert!(!is_loopback(&url(no)), "{no}");
    }
}

proptest! {
    /// Every IPv6 form that embeds an IPv4 address has that address's reach.
    #[test]
    fn an_ipv4_address_cannot_be_dressed_up(bits: u32) {
        let v4 = Ipv4Addr::from(bits);
        let [high, low] = [(bits >> 16) as u16, bits as u16];
        let plain = scope(v4.into());
        prop_assert_eq!(scope(v4.to_ipv6_mapped().into()), plain);
        prop_assert_eq!(scope(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low).into()), plain);
        prop_assert_eq!(scope(Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1).into()), plain);
    }
}
