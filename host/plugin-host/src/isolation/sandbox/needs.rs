//! The needs of a validator: what its library declares, and the files that its options name.
//!
//! A declaration is the vendor's word, an option is the operator's. So an option may name any file,
//! but a declaration only files that everybody on the machine can read.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

use serde_json::{Map, Value};
use url::Url;

use super::{Network, Policy};
use crate::{options::schema::Schema, settings::SandboxMode};

/// The member of a library's description that holds its needs.
const NEEDS: &str = "needs";
/// The keyword of the schema of options that holds the needs of one validator, and then counts instead.
const OF_FACTORY: &str = "x-needs";
/// The keyword of an option whose value names a file or a directory.
const FILE: &str = "x-file";
/// The maximum number of ports, and that of files, that a library declares.
const MAX_DECLARED: usize = 64;
/// The maximum number of files that options name.
const MAX_NAMED: usize = 256;
/// File systems whose files are not files: no library declares one.
const NOT_FILES: [&str; 3] = ["/proc", "/sys", "/dev"];

/// The policy for a validator of a library with the description `info`, with `config` as its
/// options, whose schema is `schema`.
///
/// # Errors
/// The fault in what the library declares.
pub(crate) fn policy(
    mode: SandboxMode,
    info: &Map<String, Value>,
    schema: &Value,
    config: &str,
) -> Result<Policy, String> {
    let (mut network, declared) = declared(info, schema)?;
    let options: Value = serde_json::from_str(config).unwrap_or_default();
    let mut files = named(Schema::new(schema), &options);
    for file in declared {
        match anybody_reads(&file) {
            Ok(()) => files.push(file),
            Err(reason) => tracing::warn!(
                file = %file.display(), reason,
                "a plugin declares that it reads a file that it does not get; name the file in one of its \
                 options if it may"
            ),
        }
    }
    if let Network::Ports(ports) = &mut network {
        ports.extend(urls(&options));
    }
    Ok(Policy {
        mode,
        network,
        files,
        copies: false,
    })
}

/// What a library declares, in words for people, with the files that it does not get.
///
/// # Errors
/// The fault in what the library declares.
pub(crate) fn told(info: &Map<String, Value>, schema: &Value) -> Result<String, String> {
    let (network, files) = declared(info, schema)?;
    let network = match network {
        Network::Any => "the network".to_owned(),
        Network::None => "no network".to_owned(),
        Network::Ports(ports) => {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            format!("network to TCP ports {}", ports.join(" "))
        }
    };
    let files: Vec<String> = files
        .iter()
        .map(|file| match anybody_reads(file) {
            Ok(()) => file.display().to_string(),
            Err(reason) => format!("{} (not granted: {reason})", file.display()),
        })
        .collect();
    Ok(match files.len() {
        0 => format!("{network}, no files"),
        _ => format!("{network}, files {}", files.join(" ")),
    })
}

/// What a library declares: `needs: {network: true | false | [port], files: [path]}`.
fn declared(info: &Map<String, Value>, schema: &Value) -> Result<(Network, Vec<PathBuf>), String> {
    let Some(needs) = schema.get(OF_FACTORY).or_else(|| info.get(NEEDS)) else {
        return Ok((Network::Any, Vec::new()));
    };
    let wrong = |what: &str, expected: &str| {
        format!("the `{NEEDS}` of its description: {what}; expected {expected}")
    };
    let form = "an object with `network` and `files`";
    let Some(needs) = needs.as_object() else {
        return Err(wrong("not an object", form));
    };
    if let Some(unknown) = needs
        .keys()
        .find(|key| *key != "network" && *key != "files")
    {
        let unknown: String = unknown.escape_default().take(64).collect();
        return Err(wrong(&format!("`{unknown}` is unknown"), form));
    }
    let network = match needs.get("network") {
        None | Some(Value::Bool(true)) => Network::Any,
        Some(Value::Bool(false)) => Network::None,
        Some(Value::Array(ports)) if ports.len() <= MAX_DECLARED => {
            let ports: Option<Vec<u16>> = ports
                .iter()
                .map(|port| u16::try_from(port.as_u64()?).ok().filter(|port| *port > 0))
                .collect();
            Network::Ports(ports.ok_or_else(|| wrong("a port", "numbers from 1 to 65535"))?)
        }
        Some(_) => {
            return Err(wrong(
                "`network`",
                "true, false, or a list of at most 64 ports",
            ));
        }
    };
    let files = match needs.get("files") {
        None => Vec::new(),
        Some(Value::Array(files)) if files.len() <= MAX_DECLARED => files
            .iter()
            .map(|file| {
                file.as_str()
                    .map(PathBuf::from)
                    .filter(|file| is_plain(file))
            })
            .collect::<Option<_>>()
            .ok_or_else(|| wrong("a file", "absolute paths without `..`"))?,
        Some(_) => return Err(wrong("`files`", "a list of at most 64 paths")),
    };
    Ok((network, files))
}

fn is_plain(path: &Path) -> bool {
    path.is_absolute() && path.components().all(|part| part != Component::ParentDir)
}

/// Checks that everybody on this machine can read `file`, so that a plugin learns nothing by it that
/// it should not.
fn anybody_reads(file: &Path) -> Result<(), &'static str> {
    let file = fs::canonicalize(file).map_err(|_| "there is no such file")?;
    if NOT_FILES.iter().any(|place| file.starts_with(place)) {
        return Err("it is not a file on a disk");
    }
    let mode = |path: &Path| fs::metadata(path).map_or(0, |data| data.permissions().mode());
    if !file.is_file() {
        return Err("it is not a regular file");
    }
    let reachable = file
        .ancestors()
        .skip(1)
        .all(|place| mode(place) & 0o001 != 0);
    if mode(&file) & 0o004 == 0 || !reachable {
        return Err("not everybody can read it");
    }
    Ok(())
}

/// The files that options name: by their schema, or as the absolute path of a file.
fn named(schema: Schema<'_>, options: &Value) -> Vec<PathBuf> {
    let by_schema = schema
        .properties()
        .into_iter()
        .filter(|(_, property)| schema.annotation(property, FILE) == Some(&Value::Bool(true)))
        .filter_map(|(option, _)| options.get(option));
    let mut files = Vec::new();
    for value in by_schema {
        texts(value, &mut |text| {
            // Relative to where the process runs, which is where the server does.
            let whole = PathBuf::from(text);
            if whole.exists() {
                files.push(whole);
            } else {
                files.extend(std::env::split_paths(text));
            }
        });
    }
    in_texts(options, &mut files);
    files.retain(|file| file.exists());
    files.sort();
    files.dedup();
    files.truncate(MAX_NAMED);
    files
}

fn in_texts(value: &Value, files: &mut Vec<PathBuf>) {
    texts(value, &mut |text| {
        if text.starts_with('/') && Path::new(text).is_file() {
            files.push(PathBuf::from(text));
        }
    });
}

/// The ports of the URLs in options: what the operator names may be reached.
fn urls(options: &Value) -> Vec<u16> {
    let mut ports = Vec::new();
    texts(options, &mut |text| ports.extend(port(text)));
    ports
}

/// The port of a URL with a host.
pub(super) fn port(url: &str) -> Option<u16> {
    let url = Url::parse(url).ok()?;
    url.host_str()?;
    url.port_or_known_default()
}

/// Calls `each` with every text in `value`.
fn texts(value: &Value, each: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(list) => list.iter().for_each(|value| texts(value, each)),
        Value::Object(map) => map.values().for_each(|value| texts(value, each)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy_of(info: &Value, schema: &Value, config: &Value) -> Result<Policy, String> {
        let info = info.as_object().unwrap();
        policy(SandboxMode::BestEffort, info, schema, &config.to_string())
    }

    #[test]
    fn a_library_that_declares_nothing_has_the_network_and_no_file() {
        let policy = policy_of(&json!({"name": "x"}), &json!({}), &json!({"a": "text"})).unwrap();
        assert_eq!(policy.network, Network::Any);
        assert!(policy.files.is_empty());
    }

    #[test]
    fn ports_are_those_declared_and_those_of_urls_in_options() {
        let of = |network: Value, config: Value| {
            policy_of(&json!({"needs": {"network": network}}), &json!({}), &config)
                .map(|policy| policy.network)
        };
        assert_eq!(of(json!(false), json!({})), Ok(Network::None));
        let config =
            json!({"issuer": "https://idp.example:8443/x", "n": ["http://a.example", "b:1"]});
        assert_eq!(
            of(json!([443]), config),
            Ok(Network::Ports(vec![443, 8443, 80]))
        );
        for bad in [
            json!([0]),
            json!([65_536]),
            json!(["443"]),
            json!("443"),
            json!(1),
        ] {
            assert!(of(bad.clone(), json!({})).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_needs_of_one_validator_count_before_those_of_its_library() {
        let policy = policy_of(
            &json!({"needs": {"network": true}}),
            &json!({"x-needs": {"network": false}}),
            &json!({}),
        );
        assert_eq!(policy.unwrap().network, Network::None);
    }

    #[test]
    fn what_is_declared_wrongly_is_refused() {
        for bad in [
            json!([]),
            json!({"disk": true}),
            json!({"files": "/etc/hosts"}),
            json!({"files": ["etc/hosts"]}),
            json!({"files": ["/etc/../root"]}),
            json!({"files": [7]}),
        ] {
            let refused = policy_of(&json!({"needs": bad}), &json!({}), &json!({}));
            assert!(refused.is_err(), "{bad}");
        }
    }

    #[test]
    fn a_declared_file_is_one_that_everybody_reads() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(dir.path(), 0o755);
        let file = dir.path().join("trust.pem");
        fs::write(&file, "x").unwrap();
        let files = || {
            policy_of(&json!({"needs": {"files": [file]}}), &json!({}), &json!({}))
                .unwrap()
                .files
        };
        mode(&file, 0o644);
        assert_eq!(files(), std::slice::from_ref(&file));
        mode(&file, 0o640);
        assert!(files().is_empty());
        mode(&file, 0o644);
        mode(dir.path(), 0o700);
        assert!(files().is_empty());
        for never in ["/", "/etc", "/proc/self/environ", "/dev/null", "/nowhere"] {
            assert!(anybody_reads(Path::new(never)).is_err(), "{never}");
        }
    }

    #[test]
    fn options_name_files_by_schema_or_by_an_absolute_path() {
        let dir = tempfile::tempdir().unwrap();
        let [key, other] = ["key", "other"].map(|name| dir.path().join(name));
        for file in [&key, &other] {
            fs::write(file, "x").unwrap();
        }
        let schema = json!({"properties": {
            "authorities": {"type": "string", "x-file": true},
            "directory": {"type": "string"},
        }});
        let both = format!("{}:{}", key.display(), dir.path().display());
        let config = json!({
            "authorities": both, "directory": dir.path(), "list": [other, "/nowhere/at/all"],
        });
        let policy = policy_of(&json!({}), &schema, &config).unwrap();
        let mut expected = vec![dir.path().to_owned(), key, other];
        expected.sort();
        assert_eq!(policy.files, expected);
        // A directory is named by the schema or not at all.
        let config = json!({"directory": dir.path()});
        assert!(
            policy_of(&json!({}), &schema, &config)
                .unwrap()
                .files
                .is_empty()
        );
    }
}
