//! The trusted certificate authorities: those of the system, and those of a bundle that the
//! operator names.
//!
//! The environment is not read here, although the usual loaders do so: `SSL_CERT_FILE` is passed in
//! as a value, and adds to the system's authorities instead of replacing them. The system's
//! authorities are read again for each client, so a reload of a validator sees changes.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Certificate;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// The largest bundle that is accepted.
const MAX_BUNDLE_BYTES: u64 = 16 * 1024 * 1024;

/// Files in which Linux distributions keep all authorities; the first that exists counts.
const SYSTEM_FILES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Directories with one file per authority, read if there is no such file.
const SYSTEM_DIRECTORIES: [&str; 2] = ["/etc/ssl/certs", "/etc/pki/tls/certs"];

/// A bundle is unusable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", .file.display())]
pub struct AuthoritiesError {
    /// The bundle.
    pub file: PathBuf,
    /// The reason, in one line.
    pub why: String,
}

/// The operator's own authorities, read and checked.
#[derive(Clone, Default)]
pub struct Authorities {
    bundle: Arc<Vec<CertificateDer<'static>>>,
    directories: Arc<Vec<PathBuf>>,
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({} of a bundle)", self.bundle.len())
    }
}

impl Authorities {
    /// Reads a bundle of PEM certificates. `directories` has the form of `SSL_CERT_DIR`:
    /// directories of PEM files, separated by colons; unreadable files and directories are skipped.
    ///
    /// # Errors
    /// If the bundle cannot be read, or holds no usable certificate.
    pub fn load(
        bundle: Option<&Path>,
        directories: Option<&str>,
    ) -> Result<Self, AuthoritiesError> {
        let bundle = match bundle {
            None => Vec::new(),
            Some(file) => read_bundle(file).map_err(|why| AuthoritiesError {
                file: file.to_owned(),
                why,
            })?,
        };
        let directories = directories.into_iter().flat_map(|list| list.split(':'));
        let directories = directories.filter(|directory| !directory.is_empty());
        Ok(Self {
            bundle: Arc::new(bundle),
            directories: Arc::new(directories.map(PathBuf::from).collect()),
        })
    }

    /// The number of authorities that are trusted, those of the system included.
    pub fn count(&self) -> usize {
        self.trusted().len()
    }

    /// All trusted certificates: those of the bundle, the directories and the system.
    pub(crate) fn trusted(&self) -> Vec<Certificate> {
        let trusted = self.usable().into_iter();
        let trusted: Vec<_> = trusted
            .filter_map(|certificate| Certificate::from_der(&certificate).ok())
            .collect();
        if trusted.is_empty() {
            tracing::warn!("no certificate authorities are installed: no HTTPS server is trusted");
        }
        trusted
    }

    /// All trusted certificates in PEM, for a client of another protocol than HTTP.
    pub fn pem(&self) -> Vec<u8> {
        let mut pem = Vec::new();
        for certificate in self.usable() {
            pem.extend_from_slice(b"-----BEGIN CERTIFICATE-----\n");
            for line in STANDARD.encode(&certificate).as_bytes().chunks(64) {
                pem.extend_from_slice(line);
                pem.push(b'\n');
            }
            pem.extend_from_slice(b"-----END CERTIFICATE-----\n");
        }
        pem
    }

    fn usable(&self) -> Vec<CertificateDer<'static>> {
        let mut store = RootCertStore::empty();
        let own = self.bundle.iter().cloned();
        let directories = self.directories.iter().flat_map(|path| in_directory(path));
        let all = own.chain(directories).chain(system());
        // A system's store may hold certificates that are too old for this TLS stack.
        all.filter(|certificate| store.add(certificate.clone()).is_ok())
            .collect()
    }
}

fn read_bundle(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let about = fs::metadata(file).map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("it is not a file".to_owned());
    }
    if about.len() > MAX_BUNDLE_BYTES {
        return Err("it is larger than 16 MiB".to_owned());
    }
    let pem = fs::read(file).map_err(|error| error.to_string())?;
    if pem.iter().all(u8::is_ascii_whitespace) {
        return Err("it is empty".to_owned());
    }
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates =
        certificates.map_err(|_| "it is not a list of PEM certificates".to_owned())?;
    if certificates.is_empty() {
        return Err("it holds no PEM certificate".to_owned());
    }
    let (usable, odd): (Vec<_>, Vec<_>) = certificates
        .into_iter()
        .partition(|certificate| RootCertStore::empty().add(certificate.clone()).is_ok());
    if usable.is_empty() {
        return Err("it holds no certificate that can be used".to_owned());
    }
    if !odd.is_empty() {
        // A copy of a system's store, which may hold certificates too old for this TLS stack.
        tracing::warn!(
            file = %file.display(),
            left_out = odd.len(),
            "some certificates of the bundle are unusable and left out"
        );
    }
    Ok(usable)
}

fn system() -> Vec<CertificateDer<'static>> {
    let file = SYSTEM_FILES.iter().find(|file| Path::new(file).is_file());
    match file {
        Some(file) => in_file(Path::new(file)),
        None => SYSTEM_DIRECTORIES
            .iter()
            .flat_map(|directory| in_directory(Path::new(directory)))
            .collect(),
    }
}

fn in_directory(directory: &Path) -> Vec<CertificateDer<'static>> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    // Nearly all exist twice, once under the hash of their name.
    files.sort();
    let mut found = Vec::new();
    for certificate in files.iter().flat_map(|file| in_file(file)) {
        if !found.contains(&certificate) {
            found.push(certificate);
        }
    }
    found
}

fn in_file(file: &Path) -> Vec<CertificateDer<'static>> {
    let small = fs::metadata(file).is_ok_and(|about| about.len() <= MAX_BUNDLE_BYTES);
    let pem = if small { fs::read(file).ok() } else { None };
    CertificateDer::pem_slice_iter(&pem.unwrap_or_default())
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_cannot_be_used_says_why_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let with = |name: &str, content: &[u8]| {
            let file = folder.path().join(name);
            fs::write(&file, content).unwrap();
            file
        };
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let no_end = b"-----BEGIN CERTIFICATE-----\nAAAA\n";
        for (file, why) in [
            (folder.path().join("nowhere.pem"), "No such file"),
            (folder.path().to_owned(), "is not a file"),
            (with("empty.pem", b""), "is empty"),
            (with("blank.pem", b"\n \n"), "is empty"),
            (with("text.pem", b"hello"), "holds no PEM certificate"),
            (
                with("der.pem", b"\x30\x82\x01\x01"),
                "holds no PEM certificate",
            ),
            (
                with("broken.pem", broken),
                "no certificate that can be used",
            ),
            (with("no-end.pem", no_end), "not a list of PEM certificates"),
        ] {
            let error = Authorities::load(Some(&file), None)
                .unwrap_err()
                .to_string();
            assert!(error.contains(why), "{error}");
            assert!(error.starts_with(&file.display().to_string()), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn directories_that_are_not_there_are_passed_over() {
        let authorities = Authorities::load(None, Some("/nowhere::/nowhere/else")).unwrap();
        assert_eq!(authorities.directories.len(), 2);
        assert_eq!(authorities.count(), authorities.trusted().len());
    }
}
