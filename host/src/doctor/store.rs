//! The store and the keys of the sign-in proxy: Redis when it is configured, and the key that seals tokens.

use std::path::Path;

use super::{reach, report::Check};
use oauth::{
    EndedFileError, KeySource, KeysError, RedisFault, Settings, StateFileError, StoreSettings,
    look_at_ended, look_at_key, look_at_redis,
};

const STORE: &str = "store";
const KEY: &str = "sealing-key";
/// The policy under which Redis drops nothing by itself.
const NO_EVICTION: &str = "noeviction";

/// What to do about the URL of one Redis that leads to a cluster.
const AS_CLUSTER: &str =
    "write `redis+cluster://` (`rediss+cluster://` for TLS) in `OAUTH_STORE_URL`";

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
        StoreSettings::StateDirectory {
            directory,
            required,
        } => vec![state_directory(directory, *required)],
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
                RedisFault::ClusterNode => AS_CLUSTER,
                RedisFault::NotRedis(_) => {
                    "set `OAUTH_STORE_URL` to a Redis, such as `redis://host:6379/0`"
                }
                RedisFault::Sentinels(_) => {
                    "check hosts and ports of the Sentinels, the master's name and the passwords in `OAUTH_STORE_URL`, \
                     and that one of the Sentinels, and the address that it gives, can be reached from here"
                }
                RedisFault::Cluster(_) => {
                    "check hosts and ports of the nodes, user and password in `OAUTH_STORE_URL`, and that one of the nodes \
                     runs and can be reached from here; for a single Redis write `redis://` (`rediss://` for TLS)"
                }
            };
            return vec![Check::fail(STORE, fault.to_string(), fix)];
        }
    };
    let mut checks = Vec::new();
    let version = facts.version.as_deref().unwrap_or("of unknown version");
    let seen = format!("Redis {version} answers and runs scripts");
    checks.push(if facts.replica {
        Check::fail(
            STORE,
            format!("{seen}, and it is a replica, which refuses writes"),
            "name the primary in `OAUTH_STORE_URL`",
        )
    } else if facts.cluster_node {
        Check::warn(
            STORE,
            format!("{seen}, and it is a node of a cluster, in which another may take over"),
            AS_CLUSTER,
        )
    } else {
        Check::ok(STORE, seen)
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

/// The file of ended sign-ins is only looked at, as is the key: one that is made by another user could
/// not be read by the server.
fn state_directory(directory: &Path, required: bool) -> Check {
    let seen = format!(
        "the memory of this process and a file in {} (`OAUTH_STORE_URL` is unset): right for one replica",
        directory.display()
    );
    match look_at_ended(directory) {
        Ok(()) => Check::ok(STORE, seen),
        Err(error @ EndedFileError::New { .. }) if !required => {
            let (seen, fix) = parts(&error.to_string());
            Check::warn(
                STORE,
                format!("{seen}: a restart forgets which sign-ins were revoked"),
                fix,
            )
        }
        Err(EndedFileError::File(StateFileError::Loose { mode, owner, .. }))
            if is_anothers(mode & 0o077, owner) =>
        {
            Check::warn(STORE, seen, of_another(owner))
        }
        Err(EndedFileError::LooseDirectory { mode, owner, .. })
            if is_anothers(mode & 0o002, owner) =>
        {
            Check::warn(STORE, seen, of_another(owner))
        }
        Err(error) => {
            let (seen, fix) = parts(&error.to_string());
            Check::fail(STORE, seen, fix)
        }
    }
}

fn key(source: &KeySource) -> Check {
    let directory = match source {
        KeySource::Given(_) => return Check::ok(KEY, "given by `OAUTH_TOKEN_KEYS`"),
        KeySource::StateDirectory(directory) => directory,
    };
    let file = directory.join(oauth::KEY_FILE);
    let place = format!(
        "{}, for one replica (`OAUTH_TOKEN_KEYS` is unset)",
        file.display()
    );
    match look_at_key(directory) {
        Ok(true) => Check::ok(KEY, place),
        Ok(false) => Check::ok(
            KEY,
            format!("{} is made at the first start", file.display()),
        ),
        Err(KeysError::File(StateFileError::Loose { mode, owner, .. }))
            if is_anothers(mode & 0o077, owner) =>
        {
            Check::warn(KEY, place, of_another(owner))
        }
        Err(error) => {
            let (seen, _) = parts(&error.to_string());
            let fix = match error {
                KeysError::File(StateFileError::Io { .. }) => {
                    "set `OAUTH_TOKEN_KEYS` (`openssl rand -base64 32`), or `OAUTH_STATE_DIR` to a directory that the \
                     server may write to; run this as the user that runs the server"
                        .to_owned()
                }
                error => parts(&error.to_string()).1,
            };
            Check::fail(KEY, seen, fix)
        }
    }
}

/// An error in its two parts: what is wrong, and what to do.
fn parts(text: &str) -> (String, String) {
    let (seen, fix) = text
        .split_once("\nhint: ")
        .unwrap_or((text, "set `OAUTH_STATE_DIR`"));
    (seen.to_owned(), fix.to_owned())
}

/// True if nothing is `exposed` to others, and this user is the superuser and not the owner: most likely
/// the owner is the user of the server.
fn is_anothers(exposed: u32, owner: u32) -> bool {
    exposed == 0 && owner != 0 && rustix::process::geteuid().is_root()
}

fn of_another(owner: u32) -> String {
    format!(
        "run this as the user that runs the server (`OAUTH_STATE_DIR` belongs to the user with the id {owner}): for \
         the superuser the server would not start"
    )
}
