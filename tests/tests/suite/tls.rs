//! A server on loopback with a certificate that it made itself.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    sync::Arc,
    thread,
    time::Duration,
};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::{ServerConfig, ServerConnection, Stream};

/// Gives every HTTP request the same JSON. Its threads end with the test's process.
pub(crate) struct TlsServer {
    port: u16,
    directory: tempfile::TempDir,
}

impl TlsServer {
    /// One whose certificate is for `name`.
    pub(crate) fn start(name: &str, json: &'static str) -> Self {
        Self::with(CertificateParams::new([name.to_owned()]).unwrap(), json)
    }

    /// One whose certificate ended long ago.
    pub(crate) fn expired(name: &str) -> Self {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        Self::with(params, "{}")
    }

    fn with(params: CertificateParams, json: &'static str) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("cert.pem"), certificate.pem()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                key.serialize_der().try_into().unwrap(),
            )
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                thread::spawn(move || answer(tcp, config, json));
            }
        });
        Self { port, directory }
    }

    /// Its URL at `host`.
    pub(crate) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.port)
    }

    /// Its certificate, for those who trust it.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.path().join("cert.pem")
    }
}

/// Answers one request. A client that refuses the certificate ends the handshake.
fn answer(mut tcp: TcpStream, config: Arc<ServerConfig>, json: &str) {
    let _ = tcp.set_read_timeout(Some(Duration::from_secs(10)));
    let mut tls = ServerConnection::new(config).unwrap();
    let mut stream = Stream::new(&mut tls, &mut tcp);
    let _ = stream.read(&mut [0; 8192]);
    let length = json.len();
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{json}"
    );
    stream.conn.send_close_notify();
    let _ = stream.flush();
}
