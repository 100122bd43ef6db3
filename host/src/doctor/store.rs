//! The store and the keys of the sign-in proxy: Redis when it is configured, and the key that seals tokens.

use std::{fs::File, io, path::Path};

use oauth::{KeySource, RedisFault, Settings, StoreSettings, look_at_redis};

use super::{reach, report::Check};

const STORE: &str = "store";
const KEY: &str = "sealing-key";
/// The policy under which Redis drops nothing by itself.
const NO_EVICTION: &str = "noeviction";

pub(super) async fn check(oauth: Option<Settings>) -> Vec<Check> {
    let Some(oauth) = oauth else {
        return Vec::new();
    };
    let store = match &oauth.store {
        StoreSettings::Memory => vec![Check::ok(
            STORE,
            "the memory of this process (`OAUTH_STORE_URL` is unset): right for one replica; a restart forgets which \
             sign-ins were revoked (`OAUTH_STATE_DIR`)",
        )],
        StoreSettings::StateDirectory { directory, .. } => vec![Check::ok(
            STORE,
            format!(
                "the memory of this process and a file in {} (`OAUTH_STORE_URL` is unset): right for one replica",
                directory.display()
            ),
        )],
        StoreSettings::Redis(url) => redis(look_at_redis(url, &oauth.network.authorities).await),
    };
    store.into_iter().chain([key(&oauth.keys)]).collect()
}

fn redis(found: Result<oauth::RedisFacts, RedisFault>) -> Vec<Check> {
    let facts = match found {
        Ok(facts) => facts,
        Err(RedisFault::Tls(words)) => {
            let (seen, fix) = reach::tls(words, "`OAUTH_STORE_URL`", "redis://");
            return vec![Check::fail(
                STORE,
                format!("TLS with Redis fails: {seen}"),
                fix,
            )];
        }
        Err(fault) => {
            let fix = match fault {
                RedisFault::Unreachable(_) | RedisFault::Tls(_) => {
                    "check host, port and scheme in `OAUTH_STORE_URL` (`rediss://` for TLS), and that Redis runs"
                }
                RedisFault::Authentication => {
                    "give user and password in `OAUTH_STORE_URL`: `redis://user:password@host:6379/0`"
                }
                RedisFault::NotPermitted => {
                    "let the user of `OAUTH_STORE_URL` run scripts: `+@read +@write +@scripting ~*`"
                }
                RedisFault::NotRedis(_) => {
                    "set `OAUTH_STORE_URL` to a Redis, such as `redis://host:6379/0`"
                }
                RedisFault::NoneOfSeveral(_) => {
                    "check hosts, ports, the master's name and the passwords in `OAUTH_STORE_URL`, and that one of \
                     the Sentinels or nodes can be reached from here"
                }
            };
            return vec![Check::fail(STORE, fault.to_string(), fix)];
        }
    };
    let mut checks = Vec::new();
    let version = facts.version.as_deref().unwrap_or("of unknown version");
    let seen = format!("Redis {version} answers and runs scripts");
    checks.push(match facts.replica {
        true => Check::fail(
            STORE,
            format!("{seen}, and it is a replica, which refuses writes"),
            "name the primary in `OAUTH_STORE_URL`",
        ),
        false => Check::ok(STORE, seen),
    });
    if let Some(policy) = facts.eviction.filter(|policy| policy != NO_EVICTION) {
        let check = Check::warn(
            STORE,
            format!(
                "its eviction policy is `{policy}`: when memory is short, Redis forgets sign-ins and used tokens"
            ),
            "set `maxmemory-policy noeviction` in Redis, or give `OAUTH_STORE_URL` a Redis of its own",
        );
        checks.push(check.of("eviction"));
    }
    checks
}

/// The key file is only looked at: one that is made by another user could not be read by the server.
fn key(source: &KeySource) -> Check {
    let directory = match source {
        KeySource::Given(_) => return Check::ok(KEY, "given by `OAUTH_TOKEN_KEYS`"),
        KeySource::StateDirectory(directory) => directory,
    };
    let file = directory.join(oauth::KEY_FILE);
    match File::open(&file) {
        Ok(_) => Check::ok(
            KEY,
            format!(
                "{}, for one replica (`OAUTH_TOKEN_KEYS` is unset)",
                file.display()
            ),
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let seen = format!("{} is made at the first start", file.display());
            match nearest(directory) {
                Some(place) if is_writable(place) => Check::ok(KEY, seen),
                _ => Check::warn(
                    KEY,
                    format!("{seen}, and this user cannot write there"),
                    "set `OAUTH_TOKEN_KEYS` (`openssl rand -base64 32`), or `OAUTH_STATE_DIR` to a directory \
                     that the server may write to",
                ),
            }
        }
        Err(error) => Check::fail(
            KEY,
            format!("{} cannot be read: {error}", file.display()),
            "run this as the user that runs the server; chown the file to it, or set `OAUTH_TOKEN_KEYS`",
        ),
    }
}

/// The directory, or the nearest one above it that exists.
fn nearest(directory: &Path) -> Option<&Path> {
    directory.ancestors().find(|path| path.is_dir())
}

fn is_writable(directory: &Path) -> bool {
    rustix::fs::access(directory, rustix::fs::Access::WRITE_OK).is_ok()
}
