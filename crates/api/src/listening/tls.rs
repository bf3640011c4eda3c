//! The certificate: read at start, read anew when its files change.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use millwright_config::TlsFiles;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use sha2::{Digest, Sha256};
use tokio::fs;
use zeroize::Zeroizing;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file is not there or may not be read.
    #[error("`{}` cannot be read", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Not PEM, or nothing of the kind in it.
    #[error("`{}` holds no {what} in PEM", .path.display())]
    NothingInIt {
        /// Which.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: pem::Error,
    },
    /// The two do not belong together, or are of a kind that is not supported.
    #[error("the certificate and the key in `{}` cannot be used together", .path.display())]
    Unfit {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong with them.
        #[source]
        source: rustls::Error,
    },
    /// This build has no TLS to offer.
    #[error("tls cannot be set up")]
    SetUp(#[source] rustls::Error),
}

/// The present certificate, for every handshake.
pub(crate) struct Certificates {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    present: RwLock<Present>,
}

struct Present {
    certificate: Arc<CertifiedKey>,
    /// Of what the files held when they were last looked at, whether it could be used or not.
    seen: [u8; 32],
}

impl Certificates {
    pub(crate) async fn load(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let content = Content::read(&files).await?;
        let certificate = Arc::new(content.parse(&files, &provider)?);
        let present = RwLock::new(Present { certificate, seen: content.digest() });
        Ok(Arc::new(Self { files, provider, present }))
    }

    /// TLS 1.3 and 1.2 with this certificate, HTTP/2 and HTTP/1.1 inside.
    pub(crate) fn server_config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(self) as Arc<_>;
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(TlsError::SetUp)?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Reads the files anew whenever they have changed. Never ends.
    pub(crate) async fn follow(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.look().await {
                Ok(false) => {}
                Ok(true) => tracing::info!("a new certificate is in use"),
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the new certificate cannot be used: the old one stays"
                ),
            }
        }
    }

    /// Whether there is a new certificate. What is wrong is told once, until the files change again. By content, not by
    /// time: mounted secrets are swapped by links, and two files are seldom written in the same moment.
    async fn look(&self) -> Result<bool, TlsError> {
        let content = Content::read(&self.files).await;
        let seen = content.as_ref().map_or([0; 32], Content::digest);
        if self.present.read().unwrap_or_else(PoisonError::into_inner).seen == seen {
            return Ok(false);
        }
        let certificate = content.and_then(|content| content.parse(&self.files, &self.provider));
        let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
        present.seen = seen;
        present.certificate = Arc::new(certificate?);
        Ok(true)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.present.read().unwrap_or_else(PoisonError::into_inner).certificate))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("files", &self.files).finish_non_exhaustive()
    }
}

/// What the two files hold.
struct Content {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Content {
    async fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let read = async |path: &Path| {
            let unreadable = |source| TlsError::Unreadable { path: path.to_owned(), source };
            fs::read(path).await.map_err(unreadable)
        };
        Ok(Self { certificate: read(&files.certificate).await?, key: Zeroizing::new(read(&files.key).await?) })
    }

    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update((self.certificate.len() as u64).to_be_bytes());
        digest.update(&self.certificate);
        digest.update(&self.key);
        digest.finalize().into()
    }

    fn parse(&self, files: &TlsFiles, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let nothing = |path: &Path, what| {
            let path = path.to_owned();
            move |source| TlsError::NothingInIt { path, what, source }
        };
        let chain = CertificateDer::pem_slice_iter(&self.certificate).collect::<Result<Vec<_>, _>>();
        let chain = chain
            .and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
            .map_err(nothing(&files.certificate, "certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(nothing(&files.key, "private key"))?;
        CertifiedKey::from_der(chain, key, provider)
            .map_err(|source| TlsError::Unfit { path: files.certificate.clone(), source })
    }
}
