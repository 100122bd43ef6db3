//! The step at which a connection fails: name, address, proxy or TLS. Only asked about a server that
//! could not be reached, because the HTTP client does not tell these apart.

use std::time::Duration;

use outbound::{Network, shown};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use url::Url;

/// The time limit for finding a name, and that for connecting.
const STEP_TIMEOUT: Duration = Duration::from_secs(3);

/// The settings of which one names the proxy.
const PROXY: &str = "`OUTBOUND_PROXY` (or `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`)";

/// Returns whether these are the client's words about TLS that fails.
fn is_tls(failed: &str) -> bool {
    failed.starts_with("its certificate ") || failed.starts_with("it does not speak TLS")
}

/// The reason why there is no connection, and what to change.
#[derive(Debug)]
pub(super) struct Obstacle {
    /// The reason.
    pub(super) seen: String,
    /// What to change.
    pub(super) fix: String,
}

/// Finds the step at which a connection to `url` fails, whose setting is `setting`. `failed` is what
/// the HTTP client says.
pub(super) async fn obstacle(
    url: &Url,
    network: &Network,
    setting: &str,
    failed: &str,
) -> Obstacle {
    let mut found = step(url, network, setting, failed).await;
    // The client's guesses stand in brackets; the step is one of them.
    let failed = match is_tls(failed) || failed.contains(" (") {
        true => String::new(),
        false => format!(" {failed}"),
    };
    found.seen = format!("{}{failed}: {}", shown(url), found.seen);
    found
}

async fn step(url: &Url, network: &Network, setting: &str, failed: &str) -> Obstacle {
    let proxy = network.proxies.of(url).map(ToString::to_string);
    let through = proxy.as_deref().and_then(|proxy| Url::parse(proxy).ok());
    let (to, setting) = match &through {
        Some(proxy) => (proxy, PROXY),
        None => (url, setting),
    };
    let setting = match setting.contains('`') {
        true => setting.to_owned(),
        false => format!("`{setting}`"),
    };
    let place = place(to);
    let what = if through.is_some() { "the proxy " } else { "" };
    match connect(to).await {
        Err(Step::Name) => Obstacle {
            seen: format!("the name of {what}{place} cannot be resolved"),
            fix: format!("check the host in {setting}, and the name service of this machine"),
        },
        Err(Step::Address(why)) => Obstacle {
            seen: format!("{what}{place} does not take connections: {why}"),
            fix: match through.is_some() {
                true => format!("check host and port in {setting}, firewalls and network policies"),
                false => format!(
                    "check host and port in {setting}, firewalls and network policies, and `OUTBOUND_PROXY` if \
                     a proxy is the way out"
                ),
            },
        },
        Ok(()) if is_tls(failed) => {
            let (seen, fix) = tls(failed, &setting, "http://");
            Obstacle {
                seen: format!("{}: {seen}", self::place(url)),
                fix,
            }
        }
        Ok(()) if through.is_some() => Obstacle {
            seen: format!(
                "{what}{place} takes connections and does not lead to {}",
                self::place(url)
            ),
            fix: "let the proxy through to it, give the proxy's user and password in `OUTBOUND_PROXY`, \
                  except the host by `OUTBOUND_NO_PROXY`, or name the proxy's authority in \
                  `OUTBOUND_CA_FILE` if it opens TLS"
                .to_owned(),
        },
        Ok(()) if url.scheme() == "https" => Obstacle {
            seen: format!(
                "{place} takes connections, and TLS fails: its certificate is not of a trusted authority, \
                 has expired, or is for another name"
            ),
            fix: format!(
                "name the authority's file in `OUTBOUND_CA_FILE`, or the name of the certificate in {setting}"
            ),
        },
        Ok(()) => Obstacle {
            seen: format!("{place} takes connections, and no HTTP server answers there"),
            fix: format!("check port and scheme of {setting}"),
        },
    }
}

/// The client's words about TLS that fails, parted into the reason and what to change. `plain` is the
/// scheme without TLS.
pub(super) fn tls(failed: &str, setting: &str, plain: &str) -> (String, String) {
    let fix = match failed.split_once(": ") {
        Some((seen, fix)) => return (seen.to_owned(), fix.to_owned()),
        None if failed.contains("speak TLS") => {
            format!("write `{plain}` in {setting}, or the port that speaks TLS")
        }
        None if failed.contains("another name") => format!(
            "write the name of the certificate into {setting}, or give the server a certificate for this one"
        ),
        None if failed.contains("clock") => {
            "renew the server's certificate, or let NTP set the clock of this machine".to_owned()
        }
        None => "see the server's certificate: `openssl s_client -connect HOST:PORT` shows it"
            .to_owned(),
    };
    (failed.to_owned(), fix)
}

/// Connects to the host of `url`.
///
/// # Errors
/// The step that failed.
pub(super) async fn connect(url: &Url) -> Result<(), Step> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or_default();
    let found = timeout(STEP_TIMEOUT, lookup_host((host, port))).await;
    let Ok(Ok(addresses)) = found else {
        return Err(Step::Name);
    };
    let mut why = Step::Name;
    for address in addresses.take(2) {
        why = match timeout(STEP_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(_connected)) => return Ok(()),
            Ok(Err(error)) => Step::Address(error.to_string()),
            Err(_) => Step::Address("no answer in time".to_owned()),
        };
    }
    Err(why)
}

/// The step of a connection that failed.
#[derive(Debug)]
pub(super) enum Step {
    /// The name has no address.
    Name,
    /// The address does not answer.
    Address(String),
}

/// Host and port, for a line.
pub(super) fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
