//! Landlock: the files that can be opened and the TCP ports that can be connected to.
//!
//! Landlock checks what is opened, not what is looked at: the process still learns that a file
//! exists, and its mode.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, PathBeneath, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::fs::{Mode, OFlags};

use super::{Network, Policy};

/// The version whose rights are handled: the newest that the tests ran with.
const HANDLED: ABI = ABI::V7;
/// Before this version, a file can be emptied without being opened for writing.
const FILES: ABI = ABI::V3;
/// Before this version, there are no rules for ports.
const PORTS: ABI = ABI::V4;

/// The port of name servers, for answers that do not fit into a datagram.
const DNS: u16 = 53;

/// The files and directories of the system that every process may read.
const READABLE: [&str; 49] = [
    // names of hosts
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/networks",
    "/run/systemd/resolve",
    "/run/NetworkManager/resolv.conf",
    "/run/resolvconf",
    // certificate authorities, but no directory that holds private keys
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/openssl.cnf",
    "/etc/pki/ca-trust",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/crypto-policies",
    "/usr/share/crypto-policies",
    "/usr/share/ca-certificates",
    "/usr/share/pki",
    "/usr/local/share/ca-certificates",
    "/var/lib/ca-certificates",
    // time and language
    "/etc/localtime",
    "/etc/timezone",
    "/usr/share/zoneinfo",
    "/usr/share/locale",
    "/etc/locale.alias",
    // libraries
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/nix/store",
    "/gnu/store",
    // devices, and the number of processors
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
    "/sys/devices/system/cpu/online",
];

/// Variables of the process's environment that name files or directories, separated by colons.
const NAMED: [&str; 3] = ["SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH"];

/// Variables that name a proxy, to whose port every connection then goes.
const PROXIES: [&str; 6] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
];

/// Restricts this thread and those that it starts; returns the version of Landlock that did so.
///
/// # Errors
/// The reason there is no Landlock.
pub(super) fn restrict(policy: &Policy) -> Result<ABI, String> {
    let status = try_restrict(policy).map_err(|error| error.to_string())?;
    match status.landlock {
        LandlockStatus::Available { .. } if status.ruleset == RulesetStatus::NotEnforced => {
            Err("the kernel enforces no part of it".to_owned())
        }
        LandlockStatus::Available { effective_abi, .. } => Ok(effective_abi),
        LandlockStatus::NotEnabled => {
            Err("the kernel has it, but not among the `lsm=` of its command line".to_owned())
        }
        LandlockStatus::NotImplemented => Err(
            "the kernel does not have it, or the container's seccomp profile hides it".to_owned(),
        ),
    }
}

/// The layer of files, of what [`restrict`] returned.
pub(super) fn layer(restricted: &Result<ABI, String>) -> Result<String, String> {
    match restricted {
        Ok(abi) if *abi >= FILES => Ok(format!("ABI {abi}")),
        Ok(abi) => Err(format!("ABI {abi} is older than ABI {FILES} of Linux 6.2")),
        Err(reason) => Err(reason.clone()),
    }
}

/// The layer of ports, of what [`restrict`] returned.
pub(super) fn ports_layer(restricted: &Result<ABI, String>) -> Result<String, String> {
    match restricted {
        Ok(abi) if *abi >= PORTS => Ok(String::new()),
        Ok(abi) => Err(format!("ABI {abi} is older than ABI {PORTS} of Linux 6.7")),
        Err(reason) => Err(reason.clone()),
    }
}

fn try_restrict(policy: &Policy) -> Result<landlock::RestrictionStatus, RulesetError> {
    let mut handled = BitFlags::from(AccessNet::BindTcp);
    if policy.network != Network::Any {
        handled |= AccessNet::ConnectTcp;
    }
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(HANDLED))?
        .handle_access(handled)?
        .scope(Scope::from_all(HANDLED))?
        .create()?
        .add_rules(path_beneath_rules(readable(policy), read))?
        .add_rules(path_beneath_rules(
            ["/dev/null"],
            AccessFs::ReadFile | AccessFs::WriteFile,
        ))?;
    // The kernel knows a process's own directory by an object that it may forget and make anew. It
    // does not while the directory is open.
    if let Ok(own) = rustix::fs::open(
        "/proc/self",
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    ) {
        rules = rules.add_rule(PathBeneath::new(&own, read))?;
        std::mem::forget(own);
    }
    if let Network::Ports(ports) = &policy.network {
        let all = ports.iter().copied().chain([DNS]).chain(proxy_ports());
        for port in all {
            rules = rules.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
        }
    }
    rules.restrict_self()
}

fn readable(policy: &Policy) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = READABLE.iter().map(PathBuf::from).collect();
    for named in NAMED.iter().filter_map(env::var_os) {
        all.extend(env::split_paths(&named).filter(|path| path.is_absolute()));
    }
    all.extend(library_directories());
    // For the names of functions in a panic's trace.
    all.extend(env::current_exe());
    all.extend(policy.files.iter().map(|file| whole_volume(file)));
    all
}

/// The files of [`Policy::held_files`]: those of the policy, and those of the system that other programs
/// replace while a process runs.
pub(super) fn held(policy: &Policy) -> Vec<PathBuf> {
    let of_system = ["/etc/resolv.conf", "/etc/hosts"].map(PathBuf::from);
    let named = policy.files.iter().map(|file| whole_volume(file));
    named.chain(of_system).collect()
}

/// The directories that the dynamic linker's cache covers, beside the usual ones.
fn library_directories() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir("/etc/ld.so.conf.d") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok())
        .flat_map(|text| text.lines().map(PathBuf::from).collect::<Vec<_>>())
        .filter(|path| path.is_absolute())
        .collect()
}

/// The directory of a file if that is a volume of Kubernetes: its files are replaced by others, for
/// which a rule for the file would not hold.
fn whole_volume(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if parent.join("..data").is_symlink() => parent.to_owned(),
        _ => file.to_owned(),
    }
}

fn proxy_ports() -> impl Iterator<Item = u16> {
    PROXIES.iter().filter_map(|name| {
        let proxy = env::var(name).ok()?;
        super::needs::port(&proxy).or_else(|| super::needs::port(&format!("http://{proxy}")))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_volume_of_kubernetes_is_readable_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key.pem");
        fs::write(&key, "key").unwrap();
        assert_eq!(whole_volume(&key), key);
        symlink("..2026_11_29", dir.path().join("..data")).unwrap();
        assert_eq!(whole_volume(&key), dir.path());
    }

    #[test]
    fn no_directory_that_holds_private_keys_is_readable() {
        for private in [
            "/etc/ssl/private",
            "/etc/pki/tls/private",
            "/etc/shadow",
            "/root",
        ] {
            let private = Path::new(private);
            let readable = READABLE
                .iter()
                .find(|readable| private.starts_with(readable));
            assert_eq!(readable, None, "{}", private.display());
        }
    }
}
