//! Looks at the store for the command `doctor`: one connection of its own, read commands only.
//!
//! No text of it holds the address, which may hold a password, nor what the store answered.

use std::time::Duration;

use outbound::Authorities;
use redis::{AsyncConnectionConfig, ErrorKind, IntoConnectionInfo, RedisError, Script};
use secrecy::{ExposeSecret, SecretString};

use super::store::{self, StoreError, StoreKind, Trust, trouble};

/// The time limit for connecting, and that for each command.
const TIMEOUT: Duration = Duration::from_secs(4);
/// The time limit where a Redis has to be found first.
const SEVERAL_TIMEOUT: Duration = Duration::from_secs(8);
/// The longest value of Redis that is passed on.
const MAX_VALUE_CHARS: usize = 40;

/// The facts about a Redis that answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedisFacts {
    /// Its version, if it tells it.
    pub version: Option<String>,
    /// `maxmemory-policy`, if it tells it.
    pub eviction: Option<String>,
    /// True for a replica, which refuses writes.
    pub replica: bool,
    /// True for a node of a cluster, which refuses keys that other nodes have.
    pub cluster_node: bool,
}

/// The reason why the store could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisFault {
    /// There is no connection.
    #[error("Redis cannot be reached: {0}")]
    Unreachable(&'static str),
    /// TLS fails.
    #[error("TLS with Redis fails: {0}")]
    Tls(&'static str),
    /// User or password are missing or wrong.
    #[error("Redis refuses user or password")]
    Authentication,
    /// The user may not do what the server needs.
    #[error("Redis does not permit its user to run scripts")]
    NotPermitted,
    /// It is a node of a cluster, and another node or none has our keys.
    #[error("this Redis is a node of a cluster, and does not answer for the keys of this server")]
    ClusterNode,
    /// It answers, and not as Redis does.
    #[error("what answers is not a Redis that can be used: {0}")]
    NotRedis(String),
    /// Behind the Sentinels, no master can be used now.
    #[error("no master behind the Sentinels can be used: {0}")]
    Sentinels(String),
    /// The cluster cannot be used now.
    #[error("the Redis Cluster cannot be used: {0}")]
    Cluster(String),
}

/// Connects to the Redis at `url`, runs a script that does nothing, and asks Redis about itself.
///
/// # Errors
/// [`RedisFault`].
pub async fn look_at_redis(
    url: &SecretString,
    authorities: &Authorities,
) -> Result<RedisFacts, RedisFault> {
    let kind = store::store_kind(url).map_err(|error| RedisFault::NotRedis(error.to_string()))?;
    if kind != StoreKind::Redis {
        // As the store finds its Redis; which one answers is not looked at.
        let reached = store::reach(url, authorities, SEVERAL_TIMEOUT).await;
        return match reached {
            Ok(()) => Ok(RedisFacts::default()),
            Err(StoreError(text)) if kind == StoreKind::RedisCluster => {
                Err(RedisFault::Cluster(text))
            }
            Err(StoreError(text)) => Err(RedisFault::Sentinels(text)),
        };
    }
    let address = url.expose_secret().into_connection_info();
    let client = address.and_then(|address| Trust::new(authorities).client(address));
    let client = client.map_err(|error| fault(&error))?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(TIMEOUT))
        .set_response_timeout(Some(TIMEOUT));
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    let mut connection = connecting.await.map_err(|error| fault(&error))?;
    // As every operation of the store is one.
    let _: i64 = Script::new("return 1")
        .key(store::probe_key())
        .invoke_async(&mut connection)
        .await
        .map_err(|error| fault(&error))?;
    // A user that may not ask is no problem for the server.
    let info: redis::RedisResult<String> = redis::cmd("INFO").query_async(&mut connection).await;
    Ok(facts(&info.unwrap_or_default()))
}

fn facts(info: &str) -> RedisFacts {
    let value = |name: &str| {
        let found = info
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found.map(|text| {
            text.trim()
                .chars()
                .take(MAX_VALUE_CHARS)
                .collect::<String>()
        })
    };
    RedisFacts {
        version: value("redis_version"),
        eviction: value("maxmemory_policy"),
        replica: value("role").is_some_and(|role| role == "slave"),
        cluster_node: value("redis_mode").is_some_and(|mode| mode == "cluster"),
    }
}

fn fault(error: &RedisError) -> RedisFault {
    if let Some(words) = trouble(error) {
        return RedisFault::Tls(words);
    }
    let code = error.code().unwrap_or_default();
    match error.kind() {
        _ if matches!(code, "NOAUTH" | "WRONGPASS") => RedisFault::Authentication,
        ErrorKind::AuthenticationFailed => RedisFault::Authentication,
        _ if code == "NOPERM" => RedisFault::NotPermitted,
        _ if matches!(code, "MOVED" | "ASK" | "CLUSTERDOWN") => RedisFault::ClusterNode,
        ErrorKind::Io if error.is_timeout() => RedisFault::Unreachable("no answer in time"),
        ErrorKind::Io if error.is_connection_refusal() => {
            RedisFault::Unreachable("it does not take connections")
        }
        ErrorKind::Io if error.is_connection_dropped() => {
            RedisFault::Unreachable("it ends the connection, as one that wants TLS does")
        }
        ErrorKind::Io if store::is_unknown_name(error) => {
            RedisFault::Unreachable("its name cannot be resolved")
        }
        ErrorKind::Io => RedisFault::Unreachable("name, address, TLS certificate or network"),
        ErrorKind::Parse => RedisFault::NotRedis("it does not speak Redis's protocol".to_owned()),
        _ => RedisFault::NotRedis(error.category().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_are_read_from_what_redis_tells() {
        let info = "# Server\r\nredis_version:7.2.4\r\n# Memory\r\nmaxmemory_policy:allkeys-lru\r\n# Replication\r\nrole:slave\r\n";
        let expected = RedisFacts {
            version: Some("7.2.4".to_owned()),
            eviction: Some("allkeys-lru".to_owned()),
            replica: true,
            cluster_node: false,
        };
        assert!(facts("redis_mode:cluster\r\n").cluster_node);
        assert_eq!(facts(info), expected);
        assert_eq!(facts("role:master\r\n").version, None);
        assert!(!facts("role:master\r\n").replica && !facts("").replica);
        let long = format!("redis_version:{}", "x".repeat(1_000));
        assert_eq!(facts(&long).version.unwrap().len(), MAX_VALUE_CHARS);
    }

    #[tokio::test]
    async fn several_that_do_not_answer_are_one_fault_without_their_address() {
        for url in [
            "redis+sentinel://:secret@127.0.0.1:1,127.0.0.1:2/main",
            "redis+cluster://:secret@127.0.0.1:1,127.0.0.1:2",
            "http://secret",
        ] {
            let looked = look_at_redis(&SecretString::from(url), &Authorities::default()).await;
            let text = looked.unwrap_err().to_string();
            let (which, why) = match url {
                url if url.starts_with("redis+s") => ("Sentinels", "take connections"),
                url if url.starts_with("redis+c") => ("Redis Cluster", "take connections"),
                _ => ("not a Redis", "not the URL of a Redis"),
            };
            assert!(text.contains(which) && text.contains(why), "{text}");
            assert!(
                !text.contains("secret") && !text.contains("127.0.0.1"),
                "{text}"
            );
        }
    }
}
