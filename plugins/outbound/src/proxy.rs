//! The choice of a proxy for a URL.
//!
//! The proxy setting overrides the environment's variables. Hosts in the list of exceptions are
//! contacted directly, and so is this machine, because a proxy elsewhere could not reach it. Go,
//! and so much of the software that runs next to this server, reads the same variables in the same
//! way.

use std::{fmt, net::IpAddr};

use url::{Host, Url};

use crate::{addresses::is_loopback, text::shown};

/// The URL of a proxy. It may contain a password, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(Url);

impl ProxyUrl {
    /// Reads `http://[user:password@]host[:port]`, `https://...` or `host[:port]`.
    ///
    /// # Errors
    /// A phrase that describes the problem and quotes nothing: the text may contain a password.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const NONE: &str = "not the URL of an HTTP proxy, such as http://proxy.example.com:3128";
        let text = text.trim();
        let url = match text.contains("://") {
            true => Url::parse(text),
            false => Url::parse(&format!("http://{text}")),
        };
        let url = url.map_err(|_| NONE)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("not an HTTP proxy: its URL must begin with http:// or https://");
        }
        // The HTTP client parses it in this way. It would bypass a proxy that it cannot parse.
        let uri: Option<http::Uri> = url.as_str().parse().ok();
        match uri.as_ref().and_then(http::Uri::host) {
            Some(host) if !host.is_empty() => Ok(Self(url)),
            _ => Err(NONE),
        }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyUrl({self})")
    }
}

/// The settings, as text. Empty counts as unset.
#[derive(Clone, Copy, Default)]
pub struct Choice<'a> {
    /// The overriding setting: a proxy for every URL, or `none`.
    pub setting: Option<&'a str>,
    /// `HTTPS_PROXY`, else `ALL_PROXY`.
    pub https: Option<&'a str>,
    /// `HTTP_PROXY`, else `ALL_PROXY`.
    pub http: Option<&'a str>,
    /// The setting of exceptions, else `NO_PROXY`.
    pub except: Option<&'a str>,
}

/// A proxy is unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// The one of the overriding setting.
    #[error("{0}")]
    Setting(&'static str),
    /// The one for `https`.
    #[error("{0}")]
    Https(&'static str),
    /// The one for `http`.
    #[error("{0}")]
    Http(&'static str),
}

/// The proxies and their exceptions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    https: Option<ProxyUrl>,
    http: Option<ProxyUrl>,
    except: Vec<Exception>,
}

impl Proxies {
    /// Parses the settings. Variables that are overridden are not parsed.
    ///
    /// # Errors
    /// The unusable one of them.
    pub fn new(choice: Choice<'_>) -> Result<Self, ProxyError> {
        let set = |text: Option<&str>| {
            let text = text.map(str::trim).filter(|text| !text.is_empty());
            text.map(str::to_owned)
        };
        let read = |text: Option<String>| text.map(|text| ProxyUrl::parse(&text)).transpose();
        let (https, http) = match set(choice.setting) {
            Some(none) if none.eq_ignore_ascii_case("none") => (None, None),
            Some(all) => {
                let all = ProxyUrl::parse(&all).map_err(ProxyError::Setting)?;
                (Some(all.clone()), Some(all))
            }
            None => (
                read(set(choice.https)).map_err(ProxyError::Https)?,
                read(set(choice.http)).map_err(ProxyError::Http)?,
            ),
        };
        Ok(Self {
            https,
            http,
            except: exceptions(choice.except.unwrap_or_default()),
        })
    }

    /// The proxy for `url`; `None` for a direct connection.
    pub fn of(&self, url: &Url) -> Option<&ProxyUrl> {
        let proxy = match url.scheme() {
            "https" => self.https.as_ref(),
            "http" => self.http.as_ref(),
            _ => None,
        }?;
        let port = url.port_or_known_default().unwrap_or_default();
        let direct = is_loopback(url)
            || self
                .except
                .iter()
                .any(|entry| entry.covers(url.host(), port));
        (!direct).then_some(proxy)
    }

    /// Returns whether any URLs of `scheme` go through a proxy.
    pub fn has(&self, scheme: &str) -> bool {
        let proxy = match scheme {
            "https" => &self.https,
            _ => &self.http,
        };
        proxy.is_some() && !self.except.contains(&Exception::All)
    }

    /// Returns whether there is no proxy at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.https.is_none() && self.http.is_none()
    }

    /// The proxies' hosts.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        let all = [&self.https, &self.http].into_iter().flatten();
        all.filter_map(|proxy| proxy.0.host_str())
    }
}

/// An entry of `NO_PROXY`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Exception {
    /// `*`.
    All,
    /// `10.0.0.0/8`.
    Network(IpAddr, u32),
    /// `10.0.0.1`, `[::1]:8080`.
    Address(IpAddr, Option<u16>),
    /// `example.com`, `.example.com`, `*.example.com`, each with its subdomains and an optional
    /// port.
    Name(String, Option<u16>),
}

fn exceptions(list: &str) -> Vec<Exception> {
    list.split([',', ' ', '\t', '\n', '\r'])
        .filter_map(Exception::parse)
        .collect()
}

impl Exception {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if text.is_empty() {
            return None;
        }
        if text == "*" {
            return Some(Self::All);
        }
        if let Some((network, length)) = text.split_once('/') {
            let network = address(network)?;
            let most = if network.is_ipv4() { 32 } else { 128 };
            let length = length.parse().ok().filter(|length| *length <= most)?;
            return Some(Self::Network(network, length));
        }
        if let Some(address) = address(&text) {
            return Some(Self::Address(address, None));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text.as_str(), None),
        };
        if let Some(address) = address(host) {
            return Some(Self::Address(address, port));
        }
        let name = host
            .strip_prefix("*.")
            .or(host.strip_prefix('.'))
            .unwrap_or(host);
        let name = name.trim_end_matches('.');
        (!name.is_empty()).then(|| Self::Name(name.to_owned(), port))
    }

    fn covers(&self, host: Option<Host<&str>>, port: u16) -> bool {
        let fits = |wanted: &Option<u16>| wanted.is_none_or(|wanted| wanted == port);
        let ip: Option<IpAddr> = match &host {
            Some(Host::Ipv4(ip)) => Some((*ip).into()),
            Some(Host::Ipv6(ip)) => Some(IpAddr::from(*ip).to_canonical()),
            Some(Host::Domain(_)) | None => None,
        };
        match (self, host, ip) {
            (Self::All, ..) => true,
            (Self::Network(network, length), _, Some(ip)) => within(ip, *network, *length),
            (Self::Address(address, wanted), _, Some(ip)) => *address == ip && fits(wanted),
            (Self::Name(name, wanted), Some(Host::Domain(host)), None) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                let below = host.strip_suffix(name.as_str());
                below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.')) && fits(wanted)
            }
            _ => false,
        }
    }
}

/// An address, with or without the brackets of a URL.
fn address(text: &str) -> Option<IpAddr> {
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address: IpAddr = inner.unwrap_or(text).parse().ok()?;
    Some(address.to_canonical())
}

fn within(ip: IpAddr, network: IpAddr, length: u32) -> bool {
    let (bits, ip, network) = match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => (
            32,
            u128::from(u32::from(ip)),
            u128::from(u32::from(network)),
        ),
        (IpAddr::V6(ip), IpAddr::V6(network)) => (128, u128::from(ip), u128::from(network)),
        _ => return false,
    };
    let rest = bits - length.min(bits);
    rest >= 128 || ip >> rest == network >> rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn through(choice: Choice<'_>, url: &str) -> Option<String> {
        let proxies = Proxies::new(choice).unwrap();
        let proxy = proxies.of(&Url::parse(url).unwrap());
        proxy.map(|proxy| proxy.url().as_str().to_owned())
    }

    const BOTH: Choice<'_> = Choice {
        setting: None,
        https: Some("http://secure:1"),
        http: Some("http://plain:2"),
        except: None,
    };

    #[test]
    fn each_scheme_has_its_variable_and_the_setting_wins() {
        let secure = Some("http://secure:1/".to_owned());
        let plain = Some("http://plain:2/".to_owned());
        assert_eq!(through(BOTH, "https://a.example/"), secure);
        assert_eq!(through(BOTH, "http://a.example/"), plain);
        let one = Choice {
            https: BOTH.https,
            ..Choice::default()
        };
        assert_eq!(through(one, "https://a.example/"), secure);
        assert_eq!(through(one, "http://a.example/"), None);
        let set = Choice {
            setting: Some("https://set:3"),
            ..BOTH
        };
        for url in ["https://a.example/", "http://a.example/"] {
            assert_eq!(through(set, url).as_deref(), Some("https://set:3/"));
        }
        for none in ["none", "NONE", " none "] {
            let none = Choice {
                setting: Some(none),
                ..BOTH
            };
            assert_eq!(through(none, "https://a.example/"), None);
        }
        let empty = Choice {
            setting: Some(" "),
            https: Some(""),
            ..BOTH
        };
        assert_eq!(through(empty, "https://a.example/"), None);
        assert_eq!(through(empty, "http://a.example/"), plain);
    }

    #[test]
    fn this_machine_is_never_asked_through_a_proxy() {
        let set = Choice {
            setting: Some("http://set:3"),
            ..BOTH
        };
        for choice in [BOTH, set] {
            for url in [
                "http://127.0.0.1:8080/",
                "https://127.0.0.1/",
                "http://127.9.9.9/",
                "http://localhost:9/",
                "https://idp.localhost/",
                "http://[::1]:9/",
                "http://[::ffff:127.0.0.1]/",
            ] {
                assert_eq!(through(choice, url), None, "{url}");
            }
        }
    }

    #[test]
    fn exceptions_are_hosts_suffixes_ports_addresses_and_networks() {
        let direct = |except: &str, url: &str| {
            let except = Some(except);
            through(Choice { except, ..BOTH }, url).is_none()
        };
        for (except, url) in [
            ("*", "https://a.example/"),
            ("a.example", "https://a.example/"),
            ("A.Example.", "https://a.example/"),
            ("a.example", "https://a.example./"),
            ("example.com", "https://x.y.example.com/"),
            (".example.com", "https://x.example.com/"),
            (".example.com", "https://example.com/"),
            ("*.example.com", "https://x.example.com/"),
            ("b.example, a.example", "https://a.example/"),
            ("b.example a.example", "https://a.example/"),
            ("a.example:443", "https://a.example/"),
            ("a.example:80", "http://a.example/"),
            ("a.example:8443", "https://a.example:8443/"),
            ("10.0.0.1", "http://10.0.0.1/"),
            ("10.0.0.1:8080", "http://10.0.0.1:8080/"),
            ("10.0.0.0/8", "https://10.200.3.4/"),
            ("0.0.0.0/0", "https://8.8.8.8/"),
            ("::/0", "https://[2001:db8::1]/"),
            ("192.168.1.128/25", "https://192.168.1.200/"),
            ("fd00::/8", "https://[fd12::1]/"),
            ("[fd12::1]", "https://[fd12::1]/"),
            ("fd12::1", "https://[fd12::1]/"),
            ("[fd12::1]:8443", "https://[fd12::1]:8443/"),
            ("10.0.0.1", "https://[::ffff:10.0.0.1]/"),
            ("datahub-gms", "http://datahub-gms:8080/"),
            ("svc.cluster.local", "http://gms.ns.svc.cluster.local:8080/"),
        ] {
            assert!(direct(except, url), "{except} {url}");
        }
        for (except, url) in [
            ("", "https://a.example/"),
            ("example.com", "https://notexample.com/"),
            ("a.example:8443", "https://a.example/"),
            ("x.example.com", "https://example.com/"),
            ("10.0.0.0/8", "https://11.0.0.1/"),
            ("10.0.0.0/8", "https://ten.example/"),
            ("10.0.0.0/33", "https://10.0.0.1/"),
            ("10.0.0.0/", "https://10.0.0.1/"),
            ("192.168.1.128/25", "https://192.168.1.100/"),
            ("::/0", "https://8.8.8.8/"),
            ("10.0.0.1:8080", "http://10.0.0.1/"),
            ("a.example:port", "https://a.example/"),
            (",, ,", "https://a.example/"),
            (".", "https://a.example/"),
        ] {
            assert!(!direct(except, url), "{except} {url}");
        }
    }

    #[test]
    fn a_proxy_is_an_http_url_and_its_password_never_shows() {
        for (text, url) in [
            ("proxy:3128", "http://proxy:3128/"),
            ("proxy.example", "http://proxy.example/"),
            ("10.0.0.1:3128", "http://10.0.0.1:3128/"),
            ("user:pw@proxy:3128", "http://user:pw@proxy:3128/"),
            ("https://u:p%40ss@proxy", "https://u:p%40ss@proxy/"),
            ("http://[fd00::1]:3128", "http://[fd00::1]:3128/"),
        ] {
            assert_eq!(ProxyUrl::parse(text).unwrap().url().as_str(), url);
        }
        for text in [
            "socks5://user:canary@proxy:1080",
            "ftp://canary",
            "http://",
            "::",
            "a b",
        ] {
            let why = ProxyUrl::parse(text).unwrap_err();
            assert!(!why.contains("canary") && why.contains("http"), "{why}");
        }
        let set = Choice {
            setting: Some("http://canary-user:canary-pw@proxy:3128"),
            ..BOTH
        };
        let proxies = Proxies::new(set).unwrap();
        let url = Url::parse("https://a.example").unwrap();
        let shown = format!("{proxies:?} {}", proxies.of(&url).unwrap());
        assert!(
            !shown.contains("canary") && shown.contains("proxy:3128"),
            "{shown}"
        );
    }

    #[test]
    fn the_variable_that_is_wrong_is_named_and_one_that_does_not_count_is_not_read() {
        let bad = Some("socks5://proxy");
        let of = |choice| Proxies::new(choice).err();
        assert!(matches!(
            of(Choice {
                setting: bad,
                ..BOTH
            }),
            Some(ProxyError::Setting(_))
        ));
        assert!(matches!(
            of(Choice { https: bad, ..BOTH }),
            Some(ProxyError::Https(_))
        ));
        assert!(matches!(
            of(Choice { http: bad, ..BOTH }),
            Some(ProxyError::Http(_))
        ));
        let set = Choice {
            setting: Some("proxy"),
            https: bad,
            http: bad,
            ..BOTH
        };
        assert_eq!(of(set), None);
    }

    proptest! {
        #[test]
        fn no_list_breaks_the_rule(list in "[a-z0-9.:*/, \\[\\]-]{0,60}", host in "[a-z]{1,8}") {
            let proxies = Proxies::new(Choice { except: Some(&list), ..BOTH }).unwrap();
            // Never a panic, and never an answer for what is not HTTP.
            let _either = proxies.of(&Url::parse(&format!("https://{host}.example")).unwrap());
            prop_assert!(proxies.of(&Url::parse("ftp://a.example").unwrap()).is_none());
            prop_assert!(proxies.of(&Url::parse("http://127.0.0.1").unwrap()).is_none());
        }
    }
}
