//! Looks at the store for the command `doctor`: one connection of its own, read commands only.
//!
//! No text of it holds the address, which may hold a password, nor what the store answered.

use std::time::Duration;

use outbound::Authorities;
use redis::{AsyncConnectionConfig, ErrorKind, IntoConnectionInfo, RedisError, Script};
use secrecy::{ExposeSecret, SecretString};

use super::store::{self, StoreError, Trust, trouble};

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
    /// It answers, and not as Redis does.
    #[error("what answers is not a Redis that can be used: {0}")]
    NotRedis(String),
    /// Behind Sentinels or in a cluster, no Redis can be used now.
    #[error("the Redis behind the Sentinels, or the cluster, cannot be used: {0}")]
    NoneOfSeveral(String),
}

/// Connects to the Redis at `url`, runs a script that does nothing, and asks Redis about itself.
///
/// # Errors
/// [`RedisFault`].
pub async fn look_at_redis(
    url: &SecretString,
    authorities: &Authorities,
) -> Result<RedisFacts, RedisFault> {
    let scheme = url.expose_secret().split("://").next().unwrap_or_default();
    let several = url.expose_secret().contains(',');
    if several || !matches!(scheme, "redis" | "rediss" | "unix" | "redis+unix") {
        // As the store finds its Redis; which one answers is not looked at.
        let reached = store::reach(url, authorities, SEVERAL_TIMEOUT).await;
        return match reached {
            Ok(()) => Ok(RedisFacts::default()),
            Err(StoreError(text)) => Err(RedisFault::NoneOfSeveral(text)),
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
        ErrorKind::Io if error.is_timeout() => RedisFault::Unreachable("no answer in time"),
        ErrorKind::Io if error.is_connection_refusal() => {
            RedisFault::Unreachable("it does not take connections")
        }
        ErrorKind::Io if error.is_connection_dropped() => {
            RedisFault::Unreachable("it ends the connection, as one that wants TLS does")
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
        };
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
            let Err(RedisFault::NoneOfSeveral(text)) = looked else {
                panic!("{url}: {looked:?}");
            };
            assert!(
                !text.contains("secret") && !text.contains("127.0.0.1"),
                "{text}"
            );
        }
    }
}
