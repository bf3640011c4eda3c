//! Certificates of a test's own, and clients that trust them.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Server, World};

/// A certificate for `localhost`, in files that a server reads.
pub(crate) struct Certificate {
    folder: TempDir,
    pub(crate) der: CertificateDer<'static>,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let mut certificate = Self { folder, der: CertificateDer::from(Vec::new()) };
        certificate.replace();
        certificate
    }

    /// Writes a new one with a new key into the same files.
    pub(crate) fn replace(&mut self) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("certificate");
        self.write("tls.key", &made.signing_key.serialize_pem());
        self.write("tls.crt", &made.cert.pem());
        self.der = made.cert.der().clone();
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path().join(name), content).expect("write");
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl World {
    /// Servers started from now on speak TLS with this certificate.
    pub(crate) fn set_certificate(&mut self, certificate: &Certificate) -> &mut Self {
        for (name, file) in [("TLS_CERT_FILE", "tls.crt"), ("TLS_KEY_FILE", "tls.key")] {
            self.set(name, certificate.path().join(file).to_str().expect("utf-8"));
        }
        self
    }
}

impl Server {
    /// `ADDRESS:PORT`.
    pub(crate) fn address(&self) -> &str {
        self.base.split_once("://").expect("a URL").1
    }

    /// A TLS connection, by a client that trusts this certificate, speaks these versions and offers these protocols.
    pub(crate) async fn tls(
        &self,
        trusted: &CertificateDer<'static>,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).expect("root");
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(self.address()).await?;
        let name = ServerName::try_from("localhost").expect("name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}
