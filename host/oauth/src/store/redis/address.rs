//! The forms of `OAUTH_STORE_URL`: one Redis, the Sentinels that know the master, or a cluster.
//!
//! Nothing of the URL gets into an error text: a password may stand anywhere in it.

use redis::{ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};
use url::form_urlencoded;

use crate::store::StoreKind;

/// The port of a Redis.
const REDIS_PORT: u16 = 6_379;
/// The port of a Sentinel.
const SENTINEL_PORT: u16 = 26_379;
/// The most hosts in a URL.
const MAX_HOSTS: usize = 64;

/// The reason why a URL cannot be used, to be read after "is".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreUrlError {
    /// Another scheme, or none.
    #[error("not the URL of a Redis")]
    Scheme,
    /// The URL of one Redis, which its client cannot read.
    #[error(
        "not a URL that can be read: special characters in a user or password must be percent-encoded (`@` is `%40`, `/` is `%2F`), and a database is a number"
    )]
    Unreadable,
    /// A fragment, by which the client of one Redis is told not to check certificates.
    #[error(
        "a URL with a `#`: certificates are always checked, and in a user or password `#` must be percent-encoded (`%23`)"
    )]
    Fragment,
    /// Several hosts where one is expected.
    #[error(
        "the URL of one Redis with several hosts, which `redis+sentinel://` or `redis+cluster://` take"
    )]
    SeveralHosts,
    /// A host that cannot be read, by its number.
    #[error(
        "a URL whose host number {0} is not `name:port`; special characters in a user or password must be percent-encoded (`@` is `%40`, `/` is `%2F`, `,` is `%2C`)"
    )]
    Host(usize),
    /// Too many hosts.
    #[error("a URL with more than 64 hosts")]
    TooManyHosts,
    /// No name of a master.
    #[error("a URL of Sentinels that lacks the name of their master after the hosts (`/mymaster`)")]
    Master,
    /// A database that is not a number, or more path than there should be.
    #[error("a URL of Sentinels whose database, after the name of the master, is not a number")]
    Database,
    /// A database in a cluster.
    #[error("the URL of a cluster with a path; a cluster has database 0 only")]
    ClusterPath,
    /// An option that has no meaning.
    #[error(
        "a URL with an option that is not known; Sentinels take `sentinel_username` and `sentinel_password`"
    )]
    Option,
}

/// The place of the store.
pub(super) enum Address {
    /// One Redis.
    One(ConnectionInfo),
    /// The master that Sentinels name.
    Sentinels(Sentinels),
    /// A cluster, by some of its nodes.
    Cluster(Vec<ConnectionInfo>),
}

/// The Sentinels and the master that they know.
pub(super) struct Sentinels {
    /// The Sentinels, without a login.
    pub(super) hosts: Vec<ConnectionInfo>,
    /// The logins to try at the Sentinels, in this order.
    pub(super) logins: Vec<RedisConnectionInfo>,
    /// The name by which they know the master.
    pub(super) master: String,
    /// An address in place of the master's, with its login, database and TLS.
    pub(super) node: ConnectionInfo,
}

/// The parts of a URL with several hosts.
struct Parts<'a> {
    /// The scheme of one host.
    scheme: &'static str,
    /// User and password with their `@`, or nothing.
    login: &'a str,
    hosts: Vec<&'a str>,
    path: &'a str,
    query: &'a str,
}

impl Address {
    /// The kind of store that is there.
    pub(super) fn kind(&self) -> StoreKind {
        match self {
            Self::One(_) => StoreKind::Redis,
            Self::Sentinels(_) => StoreKind::RedisSentinel,
            Self::Cluster(_) => StoreKind::RedisCluster,
        }
    }

    /// Reads `text`, and says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, StoreUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(StoreUrlError::Scheme)?;
        let scheme = scheme.to_ascii_lowercase();
        let single = match &*scheme {
            "redis" | "rediss" => {
                if Parts::of("redis", rest).hosts.len() > 1 {
                    return Err(StoreUrlError::SeveralHosts);
                }
                true
            }
            "unix" | "redis+unix" => true,
            _ => false,
        };
        if single {
            if text.contains('#') {
                return Err(StoreUrlError::Fragment);
            }
            let one = text.into_connection_info();
            return one.map(Self::One).map_err(|_| StoreUrlError::Unreadable);
        }
        match &*scheme {
            "redis+sentinel" => sentinels(&Parts::of("redis", rest)),
            "rediss+sentinel" => sentinels(&Parts::of("rediss", rest)),
            "redis+cluster" => cluster(&Parts::of("redis", rest)),
            "rediss+cluster" => cluster(&Parts::of("rediss", rest)),
            _ => Err(StoreUrlError::Scheme),
        }
    }
}

impl<'a> Parts<'a> {
    fn of(scheme: &'static str, rest: &'a str) -> Self {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (login, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        Self {
            scheme,
            login,
            hosts: hosts.split(',').map(str::trim).collect(),
            path,
            query,
        }
    }

    fn all(&self, port: u16, login: &str) -> Result<Vec<ConnectionInfo>, StoreUrlError> {
        if self.hosts.len() > MAX_HOSTS {
            return Err(StoreUrlError::TooManyHosts);
        }
        let hosts = self.hosts.iter().enumerate();
        hosts
            .map(|(index, host)| {
                let wrong = StoreUrlError::Host(index + 1);
                let url = self.one(host, port, login, "").ok_or(wrong)?;
                url.into_connection_info().map_err(|_| wrong)
            })
            .collect()
    }

    /// The URL of one host, if it has the form of one.
    fn one(&self, host: &str, port: u16, login: &str, database: &str) -> Option<String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        let (name, own) = match host.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => host.split_at(host.find(':').unwrap_or(host.len())),
        };
        let own = match own {
            "" => port,
            own => own.strip_prefix(':')?.parse().ok().filter(|own| *own > 0)?,
        };
        if name.is_empty() || !host.chars().all(is_plain) {
            return None;
        }
        let name = if host.starts_with('[') {
            format!("[{name}]")
        } else {
            name.to_owned()
        };
        Some(format!("{}://{login}{name}:{own}{database}", self.scheme))
    }
}

fn sentinels(parts: &Parts<'_>) -> Result<Address, StoreUrlError> {
    let hosts = parts.all(SENTINEL_PORT, "")?;
    let mut path = parts.path.trim_start_matches('/').split('/');
    let master = path.next().unwrap_or_default();
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    // Digits alone are a database whose master was forgotten.
    let is_number = master.chars().all(|c| c.is_ascii_digit());
    if is_number || !master.chars().all(is_name) {
        return Err(StoreUrlError::Master);
    }
    let database = path.next().filter(|text| !text.is_empty()).unwrap_or("0");
    if database.parse::<u32>().is_err() || path.next().is_some() {
        return Err(StoreUrlError::Database);
    }
    let node = parts
        .one("master", REDIS_PORT, parts.login, &format!("/{database}"))
        .and_then(|url| url.into_connection_info().ok())
        .ok_or(StoreUrlError::Unreadable)?;
    let settings = node.redis_settings();
    let nobody = RedisConnectionInfo::default;
    let logins = match own_login(parts.query)? {
        Some(own) => vec![own],
        // Sentinels often want no login, and some packages give them that of Redis.
        None => match settings.password() {
            Some(password) => vec![nobody(), login(settings.username(), password)],
            None => vec![nobody()],
        },
    };
    Ok(Address::Sentinels(Sentinels {
        hosts,
        logins,
        master: master.to_owned(),
        node,
    }))
}

fn login(user: Option<&str>, password: &str) -> RedisConnectionInfo {
    let info = RedisConnectionInfo::default().set_password(password);
    match user {
        Some(user) => info.set_username(user),
        None => info,
    }
}

/// The login of the Sentinels in the options.
fn own_login(query: &str) -> Result<Option<RedisConnectionInfo>, StoreUrlError> {
    let (mut user, mut password) = (None, None);
    // A plus sign stands for itself, as before the hosts.
    let query = query.replace('+', "%2B");
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "sentinel_username" => user = Some(value.into_owned()),
            "sentinel_password" => password = Some(value.into_owned()),
            _ => return Err(StoreUrlError::Option),
        }
    }
    match (user, password) {
        (user, Some(password)) => Ok(Some(login(user.as_deref(), &password))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(StoreUrlError::Option),
    }
}

fn cluster(parts: &Parts<'_>) -> Result<Address, StoreUrlError> {
    if !matches!(parts.path, "" | "/" | "/0") {
        return Err(StoreUrlError::ClusterPath);
    }
    if !parts.query.is_empty() {
        return Err(StoreUrlError::Option);
    }
    parts.all(REDIS_PORT, parts.login).map(Address::Cluster)
}

#[cfg(test)]
mod tests {
    use redis::ConnectionAddr;

    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn hosts(infos: &[ConnectionInfo]) -> Vec<String> {
        infos
            .iter()
            .map(|info| match info.addr() {
                ConnectionAddr::Tcp(host, port) => format!("{host} {port}"),
                ConnectionAddr::TcpTls {
                    host,
                    port,
                    insecure: false,
                    ..
                } => format!("{host} {port} tls"),
                _ => panic!("another kind of address"),
            })
            .collect()
    }

    #[test]
    fn sentinels_are_read_with_master_database_and_logins() {
        let Address::Sentinels(found) =
            address("redis+sentinel://per%40son:p%2Fw@one:26380,two, [fd00::1]:26379/my-master/3")
        else {
            panic!("not Sentinels");
        };
        assert_eq!(
            hosts(&found.hosts),
            ["one 26380", "two 26379", "fd00::1 26379"]
        );
        assert_eq!(found.master, "my-master");
        let node = found.node.redis_settings();
        assert_eq!(
            (node.username(), node.password()),
            (Some("per@son"), Some("p/w"))
        );
        assert_eq!(node.db(), 3);
        let logins: Vec<_> = found
            .logins
            .iter()
            .map(RedisConnectionInfo::password)
            .collect();
        assert_eq!(
            logins,
            [None, Some("p/w")],
            "without, then with that of Redis"
        );
        assert!(
            found
                .hosts
                .iter()
                .all(|host| host.redis_settings().password().is_none())
        );

        let Address::Sentinels(found) =
            address("rediss+sentinel://:pw@one/m?sentinel_password=a%26b+c&sentinel_username=s")
        else {
            panic!("not Sentinels");
        };
        assert_eq!(hosts(&found.hosts), ["one 26379 tls"]);
        assert_eq!(
            hosts(std::slice::from_ref(&found.node)),
            ["master 6379 tls"]
        );
        assert_eq!(
            (found.logins.len(), found.logins[0].password()),
            (1, Some("a&b+c"))
        );
        assert_eq!(found.logins[0].username(), Some("s"));
    }

    #[test]
    fn a_cluster_is_read_by_its_nodes() {
        let Address::Cluster(nodes) = address("rediss+cluster://u:p@one:7000,two/0") else {
            panic!("not a cluster");
        };
        assert_eq!(hosts(&nodes), ["one 7000 tls", "two 6379 tls"]);
        assert!(
            nodes
                .iter()
                .all(|node| node.redis_settings().password() == Some("p"))
        );
    }

    #[test]
    fn one_redis_is_read_as_before() {
        for text in [
            "redis://host",
            "redis://host:6379/0",
            "rediss://user:pass@host:6380/1",
            "unix:///run/redis.sock",
            "redis+unix:///run/redis.sock?db=1",
            "redis://:with,comma@host",
        ] {
            assert!(matches!(address(text), Address::One(_)), "{text}");
        }
    }

    #[test]
    fn other_urls_are_refused_by_their_kind_and_never_shown() {
        use StoreUrlError as E;
        for (text, expected) in [
            ("", E::Scheme),
            ("host:6379", E::Scheme),
            ("http://u:s3cret@host", E::Scheme),
            ("sentinel://:s3cret@host/m", E::Scheme),
            ("redis+sentinels://:s3cret@host/m", E::Scheme),
            ("redis://:s3cret@host/db", E::Unreadable),
            ("redis://:s3cret@host:port", E::Unreadable),
            ("rediss://:s3cret@host#insecure", E::Fragment),
            ("rediss://:s3cret@host/0#insecure", E::Fragment),
            ("redis://:s3#cret@host", E::Fragment),
            ("redis://:s3cret@one:6379,two:6379/0", E::SeveralHosts),
            ("redis+sentinel://:s3cret@host", E::Master),
            ("redis+sentinel://:s3cret@host/", E::Master),
            ("redis+sentinel://:s3cret@host/0", E::Master),
            ("redis+sentinel://:s3cret@host/0#mymaster", E::Master),
            ("redis+sentinel://:s3cret@host/my master", E::Master),
            ("redis+sentinel://:s3cret@host/m/x", E::Database),
            ("redis+sentinel://:s3cret@host/m/0/1", E::Database),
            ("redis+sentinel://:s3cret@host/m?db=1", E::Option),
            (
                "redis+sentinel://host/m?sentinel_username=s3cret",
                E::Option,
            ),
            ("redis+sentinel://:s3cret@/m", E::Host(1)),
            ("redis+sentinel://:s3cret@a:1,b:x/m", E::Host(2)),
            ("redis+sentinel://:s3cret@a:1,,b/m", E::Host(2)),
            ("redis+sentinel://a:1,redis+sentinel://b:1/m", E::Host(2)),
            ("redis+sentinel://:s3/cret@a:1/m", E::Host(1)),
            ("redis+cluster://:s3cret@a:1/2", E::ClusterPath),
            ("redis+cluster://:s3cret@a:0", E::Host(1)),
            ("redis+cluster://:s3cret@fd00::1", E::Host(1)),
            ("redis+cluster://:s3cret@a?x=y", E::Option),
        ] {
            let error = Address::parse(text)
                .err()
                .unwrap_or_else(|| panic!("{text}"));
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("s3"), "{error}");
        }
        let many = vec!["host"; MAX_HOSTS + 1].join(",");
        let error = Address::parse(&format!("redis+cluster://{many}")).err();
        assert_eq!(error, Some(E::TooManyHosts));
    }
}
