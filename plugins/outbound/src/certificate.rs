//! The reason why TLS with a peer fails, its certificate above all, in words that say what to change.

use std::{error::Error, io};

use rustls::CertificateError;

/// A certificate with `CA:TRUE` at a server. The TLS stack refuses it also where the bundle holds the
/// very same: as an authority, it is for signing others.
const AUTHORITY: &str = "its certificate is that of an authority (`CA:TRUE`), which is not accepted for a server, \
                         also if `OUTBOUND_CA_FILE` holds it: give the server a certificate that this authority \
                         signed, or one with `CA:FALSE`";
const UNTRUSTED: &str = "its certificate is of an authority that is not trusted: name the authority's file in `OUTBOUND_CA_FILE`";
const EXPIRED: &str = "its certificate has expired, or the clock of this machine is wrong";
const NOT_YET: &str = "its certificate is not valid yet, or the clock of this machine is wrong";
const OTHER_NAME: &str = "its certificate is for another name than that of the URL";
const NO_TLS: &str = "it does not speak TLS on this port";
const OTHER: &str = "its certificate is not accepted";

/// The words for a connection that failed for the peer's certificate, or because the peer does not
/// speak TLS; `None` for any other failure. Nothing in them is from the peer.
pub fn tls_trouble(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref() {
            Some(rustls::Error::InvalidCertificate(why)) => return Some(words(why)),
            Some(rustls::Error::InvalidMessage(_)) => return Some(NO_TLS),
            _ => {}
        }
        // The source of such an error is that of its content.
        cause = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn words(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => UNTRUSTED,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => EXPIRED,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => NOT_YET,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            OTHER_NAME
        }
        // The type is of a crate below rustls, which keeps it behind a trait object.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            AUTHORITY
        }
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        sync::Arc,
        thread,
        time::Duration,
    };

    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    use rustls::{ServerConfig, ServerConnection, Stream};
    use url::Url;

    use super::*;
    use crate::{AddressRule, Authorities, Client, Network, Profile};

    /// A server with a self-signed certificate for `name`. Returns its port and the certificate.
    fn server(name: &str, ca: IsCa) -> (u16, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.is_ca = ca;
        let certificate = params.self_signed(&key).unwrap();
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
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for mut tcp in listener.incoming().flatten() {
                let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = Stream::new(&mut tls, &mut tcp);
                // A client that refuses the certificate ends the handshake.
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
            }
        });
        (port, certificate.pem())
    }

    async fn ask(port: u16, bundle: &str) -> Result<u16, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, bundle).unwrap();
        let network = Network {
            authorities: Authorities::load(Some(&file), None).unwrap(),
            ..Network::default()
        };
        let profile = Profile {
            user_agent: "test",
            connect: Duration::from_secs(10),
            total: Some(Duration::from_secs(10)),
            idle: Duration::from_secs(1),
            idle_connections: 1,
            max_body: 1024,
            https_only: false,
        };
        let url = Url::parse(&format!("https://localhost:{port}/")).unwrap();
        let rule = AddressRule::configured([&url]);
        let client = Client::new(&network, &profile, rule).unwrap();
        let answer = client.get(&url, "*/*").await;
        answer
            .map(|answer| answer.status.as_u16())
            .map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_certificate_that_is_refused_says_what_to_change() {
        let authority = IsCa::Ca(BasicConstraints::Unconstrained);
        let (plain, of_plain) = server("localhost", IsCa::ExplicitNoCa);
        let (ca, of_ca) = server("localhost", authority);
        let (named, of_named) = server("elsewhere.example", IsCa::NoCa);
        assert_eq!(ask(plain, &of_plain).await, Ok(204), "listed itself");
        for (port, bundle, words) in [
            (ca, &of_ca, AUTHORITY),
            (plain, &of_ca, UNTRUSTED),
            (named, &of_named, OTHER_NAME),
        ] {
            let why = ask(port, bundle).await.unwrap_err();
            assert_eq!(why, format!("https://localhost:{port}/: {words}"));
        }
    }

    #[tokio::test]
    async fn a_server_without_tls_is_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for mut tcp in listener.incoming().flatten() {
                let _ = tcp.read(&mut [0; 4096]);
                let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
            }
        });
        let (_, bundle) = server("localhost", IsCa::NoCa);
        let why = ask(port, &bundle).await.unwrap_err();
        assert_eq!(why, format!("https://localhost:{port}/: {NO_TLS}"));
    }

    #[test]
    fn other_failures_are_not_about_certificates() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(tls_trouble(&refused), None);
        let other = io::Error::other(rustls::Error::HandshakeNotComplete);
        assert_eq!(tls_trouble(&other), None);
    }
}
