use std::{net::IpAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;

use crate::{Setting, reader::Reader, storage::absolute};

const TLS_CERT_FILE: Setting = Setting {
    name: "TLS_CERT_FILE",
    default: "",
    accepts: "an absolute path",
    secret: false,
    meaning: "Serve TLS 1.3 and 1.2 with the certificates in this file: PEM, one's own first, then those that vouch for it. Read \
              anew within seconds of a change; connections that are open keep the old one. Needs `TLS_KEY_FILE`.",
};
const TLS_KEY_FILE: Setting = Setting {
    name: "TLS_KEY_FILE",
    default: "",
    accepts: "an absolute path",
    secret: false,
    meaning: "The private key of the certificate: PEM, without a passphrase. Needs `TLS_CERT_FILE`.",
};
const TRUSTED_PROXIES: Setting = Setting {
    name: "TRUSTED_PROXIES",
    default: "",
    accepts: "addresses and networks such as `10.1.2.3, 10.20.0.0/16, fd00::/8`, separated by commas, and never everybody (`/0`)",
    secret: false,
    meaning: "Proxies that are believed about whom they forward for. What others say about it is ignored, so that nobody \
              chooses his own address.",
};
const FORWARDED_HEADER: Setting = Setting {
    name: "FORWARDED_HEADER",
    default: "x-forwarded-for",
    accepts: "`x-forwarded-for` or `forwarded`",
    secret: false,
    meaning: "In which header the trusted proxies say it: `X-Forwarded-For` with `X-Forwarded-Proto`, or `Forwarded` (RFC 7239). \
              Only this one is read: a proxy leaves the other as a client sent it.",
};
const MAX_URL_KB: Setting = Setting {
    name: "MAX_URL_KB",
    default: "8",
    accepts: "a whole number from 1 to 32",
    secret: false,
    meaning: "The longest path and query, in units of 1,024 bytes. Longer ones are answered with 414.",
};
const MAX_HEADER_KB: Setting = Setting {
    name: "MAX_HEADER_KB",
    default: "32",
    accepts: "a whole number from 4 to 128",
    secret: false,
    meaning: "The most that all headers of a request may take, in units of 1,024 bytes. More is answered with 431.",
};
const HEADER_TIMEOUT_SECONDS: Setting = Setting {
    name: "HEADER_TIMEOUT_SECONDS",
    default: "10",
    accepts: "a whole number from 1 to 300",
    secret: false,
    meaning: "How long a client may take for its first byte, for the TLS handshake, and from the first byte of a request to \
              the end of its headers. Slower ones are cut off.",
};
const BODY_TIMEOUT_SECONDS: Setting = Setting {
    name: "BODY_TIMEOUT_SECONDS",
    default: "30",
    accepts: "a whole number from 1 to 3600",
    secret: false,
    meaning: "How long a client may send nothing in the middle of a body. Then it gets 408.",
};
const WRITE_TIMEOUT_SECONDS: Setting = Setting {
    name: "WRITE_TIMEOUT_SECONDS",
    default: "30",
    accepts: "a whole number from 1 to 3600",
    secret: false,
    meaning: "How long a client may take nothing of an answer that waits for it. Then it is cut off.",
};
const KEEP_ALIVE_SECONDS: Setting = Setting {
    name: "KEEP_ALIVE_SECONDS",
    default: "75",
    accepts: "a whole number from 1 to 3600",
    secret: false,
    meaning: "How long a connection without a request stays open. Longer than proxies keep theirs (often 60 s), so that they \
              close first and no request is lost.",
};

pub(crate) const SETTINGS: &[Setting] = &[
    TLS_CERT_FILE,
    TLS_KEY_FILE,
    TRUSTED_PROXIES,
    FORWARDED_HEADER,
    MAX_URL_KB,
    MAX_HEADER_KB,
    HEADER_TIMEOUT_SECONDS,
    BODY_TIMEOUT_SECONDS,
    WRITE_TIMEOUT_SECONDS,
    KEEP_ALIVE_SECONDS,
];

/// A certificate and its key, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// One's own certificate first, then those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Where proxies say for whom they forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`.
    XForwardedFor,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

/// Whom to believe about where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Nobody, when empty.
    pub networks: Vec<IpNet>,
    /// The only header that is read.
    pub header: ForwardedHeader,
}

impl TrustedProxies {
    /// Whether a proxy at this address is believed.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }
}

/// How connections are taken in, and how long a client may take.
#[derive(Debug, Clone)]
pub struct ListeningConfig {
    /// TLS in the process itself; `None` for plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Whom to believe about where a request comes from.
    pub trusted_proxies: TrustedProxies,
    /// The longest path and query, bytes.
    pub max_url_bytes: usize,
    /// All headers of a request, bytes.
    pub max_header_bytes: usize,
    /// For the first byte, the TLS handshake, and the headers of a request.
    pub header_timeout: Duration,
    /// Between two parts of a body.
    pub body_timeout: Duration,
    /// For a client to take something of an answer.
    pub write_timeout: Duration,
    /// For a connection without a request.
    pub keep_alive: Duration,
}

impl ListeningConfig {
    /// Whether everything comes and goes in the clear, as far as is known here.
    pub(crate) fn is_plain(&self) -> bool {
        self.tls.is_none() && self.trusted_proxies.networks.is_empty()
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let seconds = |reader: &mut Reader<'_>, setting: &Setting, most: u64| {
            Duration::from_secs(reader.number(setting, 1..=most))
        };
        let headers = [("x-forwarded-for", ForwardedHeader::XForwardedFor), ("forwarded", ForwardedHeader::Forwarded)];
        Self {
            tls: Self::read_tls(reader),
            trusted_proxies: TrustedProxies {
                networks: reader.parsed(&TRUSTED_PROXIES, networks).unwrap_or_default(),
                header: reader.choice(&FORWARDED_HEADER, &headers),
            },
            max_url_bytes: reader.number(&MAX_URL_KB, 1..=32_usize) * 1024,
            max_header_bytes: reader.number(&MAX_HEADER_KB, 4..=128_usize) * 1024,
            header_timeout: seconds(reader, &HEADER_TIMEOUT_SECONDS, 300),
            body_timeout: seconds(reader, &BODY_TIMEOUT_SECONDS, 3600),
            write_timeout: seconds(reader, &WRITE_TIMEOUT_SECONDS, 3600),
            keep_alive: seconds(reader, &KEEP_ALIVE_SECONDS, 3600),
        }
    }

    fn read_tls(reader: &mut Reader<'_>) -> Option<TlsFiles> {
        let certificate = reader.parsed(&TLS_CERT_FILE, absolute);
        let key = reader.parsed(&TLS_KEY_FILE, absolute);
        let refused = reader.refused(TLS_CERT_FILE.name) || reader.refused(TLS_KEY_FILE.name);
        match (certificate, key) {
            (Some(certificate), Some(key)) => return Some(TlsFiles { certificate, key }),
            (Some(_), None) if !refused => reader.problem(TLS_KEY_FILE.name, "it is needed with `TLS_CERT_FILE`"),
            (None, Some(_)) if !refused => reader.problem(TLS_CERT_FILE.name, "it is needed with `TLS_KEY_FILE`"),
            _ => {}
        }
        None
    }
}

fn networks(text: &str) -> Option<Vec<IpNet>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(network).collect()
}

/// A network, or a single address. One that holds everybody would let everybody choose his own address.
fn network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    (network.prefix_len() > 0).then(|| network.trunc())
}
