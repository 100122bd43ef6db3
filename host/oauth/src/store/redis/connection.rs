//! The connection to the store: found when first used, and found again when the server behind it
//! is gone or has become a replica. Callers share it.
//!
//! Each call ends within a limit. After a failure nobody looks for another server for a moment, so
//! that many callers fail quickly.

use std::time::{Duration, Instant};

use parking_lot::RwLock;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, Script,
    ServerErrorKind, TlsMode, ToRedisArgs,
    aio::MultiplexedConnection,
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use tokio::sync::Mutex;

use super::{
    address::{Address, Sentinels},
    trust::{Trust, is_tls, is_unknown_name, trouble},
};
use crate::store::StoreError;

/// One slot of a cluster for all keys, since the scripts touch several.
pub(super) const PREFIX: &str = "{datahub-mcp}";
/// The longest time for connecting to a server, and for its answer.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The time for which nobody looks for another server after nothing was found.
const PAUSE: Duration = Duration::from_millis(250);
/// The attempts of the client of a cluster, each at the node that the last one named.
const CLUSTER_RETRIES: u32 = 3;

/// The longest code of an error that is shown, such as `NOAUTH`.
const MAX_CODE_BYTES: usize = 16;

/// See the module.
pub(super) struct Connection {
    finder: Mutex<Finder>,
    live: RwLock<Live>,
}

/// The connection in use.
#[derive(Default)]
struct Live {
    /// The number of connections so far, so that a late failure on an old one is told apart.
    number: u64,
    link: Option<Link>,
    /// True after a failure that another connection may not have.
    doubtful: bool,
}

#[derive(Clone)]
enum Link {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

struct Finder {
    way: Way,
    /// The first of several servers: the client of all of them does not tell why it cannot connect,
    /// and that of one does.
    first: Option<Box<Client>>,
    failed: Option<(Instant, StoreError)>,
}

enum Way {
    One(Box<Client>),
    /// One client for each login, the last that worked first.
    Sentinels(Vec<SentinelClient>),
    Cluster(Box<ClusterClient>),
}

/// A script and what it is called with. All keys must be of one slot.
pub(super) struct Call<'a> {
    script: &'a StoreScript,
    keys: Vec<String>,
    args: Vec<Vec<u8>>,
}

/// A Lua script and its digest.
pub(super) struct StoreScript {
    code: &'static str,
    digest: String,
}

impl StoreScript {
    pub(super) fn new(code: &'static str) -> Self {
        let digest = Script::new(code).get_hash().to_owned();
        Self { code, digest }
    }

    /// Starts a call with its first key, which decides on the node of a cluster.
    pub(super) fn key(&self, key: String) -> Call<'_> {
        Call {
            script: self,
            keys: vec![key],
            args: Vec::new(),
        }
    }
}

impl Call<'_> {
    pub(super) fn key(mut self, key: String) -> Self {
        self.keys.push(key);
        self
    }

    pub(super) fn arg(mut self, arg: impl ToRedisArgs) -> Self {
        arg.write_redis_args(&mut self.args);
        self
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len());
        command.arg(&self.keys).arg(&self.args);
        command
    }
}

impl Connection {
    /// Connects when first used.
    pub(super) fn new(address: Address, trust: &Trust) -> RedisResult<Self> {
        let first = match &address {
            Address::One(_) => None,
            Address::Sentinels(sentinels) => sentinels.hosts.first(),
            Address::Cluster(nodes) => nodes.first(),
        };
        let first = first.cloned().map(|first| trust.client(first));
        let first = first.transpose()?;
        let way = match address {
            Address::One(one) => Way::One(Box::new(trust.client(one)?)),
            Address::Sentinels(sentinels) => Way::Sentinels(clients(&sentinels, trust)?),
            Address::Cluster(nodes) => {
                let tls = nodes.iter().any(is_tls);
                let builder = ClusterClient::builder(nodes)
                    .retries(CLUSTER_RETRIES)
                    .connection_timeout(TIMEOUT)
                    .response_timeout(TIMEOUT);
                let builder = match tls {
                    true => builder.certs(trust.certificates()),
                    false => builder,
                };
                Way::Cluster(Box::new(builder.build()?))
            }
        };
        Ok(Self {
            finder: Mutex::new(Finder {
                way,
                first: first.map(Box::new),
                failed: None,
            }),
            live: RwLock::default(),
        })
    }

    /// Runs a script within `limit`. Not repeated after a failure: it may have been done.
    pub(super) async fn call<T: FromRedisValue>(
        &self,
        call: &Call<'_>,
        limit: Duration,
    ) -> Result<T, StoreError> {
        let mut used = None;
        let answer = tokio::time::timeout(limit, async {
            let (number, mut link) = self.link().await?;
            used = Some(number);
            let answer = link.run(call).await;
            Ok(answer.inspect_err(|error| {
                if is_of_the_connection(error) {
                    self.doubt(number);
                }
            })?)
        });
        answer.await.unwrap_or_else(|_| {
            if let Some(number) = used {
                self.doubt(number);
            }
            Err(StoreError("no answer in time".to_owned()))
        })
    }

    /// The connection in use; another one if there is none or it is doubtful.
    async fn link(&self) -> Result<(u64, Link), StoreError> {
        if let Some(link) = self.good() {
            return Ok(link);
        }
        let mut finder = self.finder.lock().await;
        // Whoever waited for the lock finds what its holder found.
        if let Some(link) = self.good() {
            return Ok(link);
        }
        if let Some((at, error)) = &finder.failed
            && at.elapsed() < PAUSE
        {
            return self.last_resort(error.clone());
        }
        match finder.way.find().await {
            Ok(link) => {
                finder.failed = None;
                let mut live = self.live.write();
                let number = live.number + 1;
                *live = Live {
                    number,
                    link: Some(link.clone()),
                    doubtful: false,
                };
                Ok((number, link))
            }
            Err(error) => {
                let error = finder.explain(error).await;
                finder.failed = Some((Instant::now(), error.clone()));
                self.last_resort(error)
            }
        }
    }

    fn good(&self) -> Option<(u64, Link)> {
        let live = self.live.read();
        let link = live.link.clone().filter(|_| !live.doubtful)?;
        Some((live.number, link))
    }

    /// The connection to a cluster, which knows more of its nodes than the setting names.
    fn last_resort(&self, error: StoreError) -> Result<(u64, Link), StoreError> {
        let live = self.live.read();
        match &live.link {
            Some(link @ Link::Cluster(_)) => Ok((live.number, link.clone())),
            _ => Err(error),
        }
    }

    fn doubt(&self, number: u64) {
        let mut live = self.live.write();
        if live.number == number {
            live.doubtful = true;
        }
    }
}

impl Link {
    async fn run<T: FromRedisValue>(&mut self, call: &Call<'_>) -> RedisResult<T> {
        let known = call.command("EVALSHA", &call.script.digest);
        match self.query(&known).await {
            // The script goes to the node that asks for it, not to all nodes of a cluster.
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.query(&call.command("EVAL", call.script.code)).await
            }
            answer => answer,
        }
    }

    async fn query<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        match self {
            Self::One(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}

impl Finder {
    /// The reason why nothing was found.
    async fn explain(&self, error: RedisError) -> StoreError {
        let is_vague = error.is_io_error() && words(&error).is_none();
        if let Some(first) = self.first.as_ref().filter(|_| is_vague) {
            let config = config();
            let asked = first.get_multiplexed_async_connection_with_config(&config);
            if let Err(of_one) = asked.await
                && words(&of_one).is_some()
            {
                return of_one.into();
            }
        }
        error.into()
    }
}

impl Way {
    async fn find(&mut self) -> RedisResult<Link> {
        let config = config();
        match self {
            Self::One(client) => {
                let found = client.get_multiplexed_async_connection_with_config(&config);
                found.await.map(Link::One)
            }
            Self::Cluster(client) => client.get_async_connection().await.map(Link::Cluster),
            Self::Sentinels(clients) => {
                let mut last = None;
                for index in 0..clients.len() {
                    let found = clients[index].get_async_connection_with_config(&config);
                    match found.await {
                        Ok(connection) => {
                            clients.swap(0, index);
                            return Ok(Link::One(connection));
                        }
                        Err(error) => {
                            let they_answered =
                                error.kind() == ErrorKind::MasterNameNotFoundBySentinel;
                            last = Some(error);
                            if they_answered {
                                break;
                            }
                        }
                    }
                }
                Err(last.unwrap_or_else(|| (ErrorKind::EmptySentinelList, "no Sentinel").into()))
            }
        }
    }
}

fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(TIMEOUT))
        .set_response_timeout(Some(TIMEOUT))
}

fn clients(sentinels: &Sentinels, trust: &Trust) -> RedisResult<Vec<SentinelClient>> {
    let hosts = || sentinels.hosts.iter().map(|host| host.addr().clone());
    let node = sentinels.node.redis_settings();
    let client = |login: &redis::RedisConnectionInfo| {
        let master = &sentinels.master;
        let mut builder = SentinelClientBuilder::new(hosts(), master, SentinelServerType::Master)?
            .set_client_to_redis_db(node.db());
        if let Some(user) = node.username() {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = node.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if let Some(user) = login.username() {
            builder = builder.set_client_to_sentinel_username(user);
        }
        if let Some(password) = login.password() {
            builder = builder.set_client_to_sentinel_password(password);
        }
        if is_tls(&sentinels.node) {
            builder = builder
                .set_client_to_redis_tls_mode(TlsMode::Secure)
                .set_client_to_redis_certificates(trust.certificates())
                .set_client_to_sentinel_certificates(trust.certificates());
        }
        builder.build()
    };
    sentinels.logins.iter().map(client).collect()
}

/// Returns whether another connection may fare better: this one is broken, or its server is not
/// the master any more, not ready, or wants another login.
fn is_of_the_connection(error: &RedisError) -> bool {
    let of_the_server = match error.kind() {
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::ReadOnly
                | ServerErrorKind::MasterDown
                | ServerErrorKind::BusyLoading
                | ServerErrorKind::ClusterDown
        ),
        _ => error.code() == Some("NOAUTH"),
    };
    // Before version 7, Redis wraps what a script met.
    let within_a_script = || error.detail().is_some_and(|text| text.contains("READONLY"));
    of_the_server || error.is_io_error() || error.is_unrecoverable_error() || within_a_script()
}

/// True for what a Redis without cluster mode answers to the client of a cluster.
fn is_no_cluster(error: &RedisError) -> bool {
    let said = error.detail();
    said.is_some_and(|text| text.contains("cluster support disabled"))
}

/// The reason why there is no connection, if the error tells it.
fn words(error: &RedisError) -> Option<&'static str> {
    trouble(error).or(match error {
        refused if refused.is_connection_refusal() => Some("it does not take connections"),
        late if late.is_io_error() && late.is_timeout() => Some("no answer in time"),
        unknown if is_unknown_name(unknown) => Some("its name cannot be resolved"),
        other if other.kind() == ErrorKind::Parse => Some("it does not speak Redis's protocol"),
        single if is_no_cluster(single) => Some("it is a single Redis and no node of a cluster"),
        _ => None,
    })
}

impl From<RedisError> for StoreError {
    /// Without the text of the error, which may name the address.
    fn from(error: RedisError) -> Self {
        if let Some(words) = words(&error) {
            return Self(words.to_owned());
        }
        let code = error.code().filter(|code| {
            code.len() <= MAX_CODE_BYTES && code.bytes().all(|byte| byte.is_ascii_uppercase())
        });
        Self(match code {
            Some(code) => format!("Redis answers {code}"),
            None => error.category().to_owned(),
        })
    }
}
