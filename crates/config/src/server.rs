use std::{net::IpAddr, net::Ipv4Addr, time::Duration};

use crate::{Setting, reader::Reader};

const HOST: Setting = Setting {
    name: "HOST",
    default: "127.0.0.1",
    accepts: "an IP address",
    secret: false,
    meaning: "The address to listen on. `0.0.0.0` is every network of the machine: give it a certificate (`TLS_CERT_FILE`) or put a proxy in front of it that \
              has one (`TRUSTED_PROXIES`). In production a warning is logged while it has neither.",
};
const PORT: Setting = Setting {
    name: "PORT",
    default: "8000",
    accepts: "a whole number from 0 to 65535",
    secret: false,
    meaning: "The TCP port to listen on; 0 takes a free one.",
};
const ENVIRONMENT: Setting = Setting {
    name: "ENVIRONMENT",
    default: "dev",
    accepts: "`dev` or `production`",
    secret: false,
    meaning: "`production` refuses what is only fit for trying Millwright out: so far, allowed origins without TLS.",
};
const CORS_ALLOWED_ORIGINS: Setting = Setting {
    name: "CORS_ALLOWED_ORIGINS",
    default: "",
    accepts: "origins such as `https://portal.example.com`, separated by commas, and never `*`",
    secret: false,
    meaning: "Other web sites whose pages may call the API. The web interface of Millwright itself needs none.",
};
const MAX_UPLOAD_MB: Setting = Setting {
    name: "MAX_UPLOAD_MB",
    default: "50",
    accepts: "a whole number from 1 to 2048",
    secret: false,
    meaning: "The largest document taken in, in units of 1,048,576 bytes.",
};
const DOCUMENTS_WAITING: Setting = Setting {
    name: "DOCUMENTS_WAITING",
    default: "10000",
    accepts: "a whole number from 1 to 1000000",
    secret: false,
    meaning: "So many documents of one tenant may wait to be read; further uploads are refused until some have been. Whose \
              documents are read next is decided tenant by tenant, whatever the length of their queues.",
};
const REQUEST_TIMEOUT_SECONDS: Setting = Setting {
    name: "REQUEST_TIMEOUT_SECONDS",
    default: "30",
    accepts: "a whole number from 1 to 3600",
    secret: false,
    meaning: "How long an ordinary request may take. Uploads and event streams have their own limits.",
};
const ACCESS_TOKEN_TTL_MINUTES: Setting = Setting {
    name: "ACCESS_TOKEN_TTL_MINUTES",
    default: "10",
    accepts: "a whole number from 1 to 60",
    secret: false,
    meaning: "How long an access token works before it is refreshed. Browsers do that by themselves.",
};
const SESSION_TTL_HOURS: Setting = Setting {
    name: "SESSION_TTL_HOURS",
    default: "24",
    accepts: "a whole number from 1 to 2160",
    secret: false,
    meaning: "How long after signing in one must sign in again at the latest.",
};

pub(crate) const SETTINGS: &[Setting] = &[
    HOST,
    PORT,
    ENVIRONMENT,
    CORS_ALLOWED_ORIGINS,
    MAX_UPLOAD_MB,
    DOCUMENTS_WAITING,
    REQUEST_TIMEOUT_SECONDS,
    ACCESS_TOKEN_TTL_MINUTES,
    SESSION_TTL_HOURS,
];

/// What the installation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Trying it out, developing it.
    Dev,
    /// People depend on it.
    Production,
}

/// Where and how requests are served.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// What the installation is for.
    pub environment: Environment,
    /// Origins such as `https://portal.example.com`, without a slash at the end.
    pub cors_allowed_origins: Vec<String>,
    /// The largest upload, bytes.
    pub max_upload_bytes: u64,
    /// So many documents of a tenant may wait to be read.
    pub documents_waiting: i64,
    /// For ordinary requests.
    pub request_timeout: Duration,
    /// Life of an access token.
    pub access_token_ttl: Duration,
    /// Life of a session.
    pub session_ttl: Duration,
}

impl ServerConfig {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let config = Self::read_each(reader);
        if config.environment == Environment::Production {
            for origin in config.cors_allowed_origins.iter().filter(|origin| origin.starts_with("http://")) {
                let message = format!("given is `{origin}`, accepted in production is only `https://`");
                reader.problem(CORS_ALLOWED_ORIGINS.name, message);
            }
        }
        config
    }

    fn read_each(reader: &mut Reader<'_>) -> Self {
        Self {
            host: reader.parsed(&HOST, |text| text.parse().ok()).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            port: reader.number(&PORT, 0..=u16::MAX),
            environment: reader
                .choice(&ENVIRONMENT, &[("dev", Environment::Dev), ("production", Environment::Production)]),
            cors_allowed_origins: reader.parsed(&CORS_ALLOWED_ORIGINS, origins).unwrap_or_default(),
            max_upload_bytes: reader.number(&MAX_UPLOAD_MB, 1..=2048_u64) * 1024 * 1024,
            documents_waiting: reader.number(&DOCUMENTS_WAITING, 1..=1_000_000_i64),
            request_timeout: Duration::from_secs(reader.number(&REQUEST_TIMEOUT_SECONDS, 1..=3600)),
            access_token_ttl: Duration::from_secs(60 * reader.number(&ACCESS_TOKEN_TTL_MINUTES, 1..=60_u64)),
            session_ttl: Duration::from_secs(3600 * reader.number(&SESSION_TTL_HOURS, 1..=2160_u64)),
        }
    }
}

/// Origins, separated by commas.
pub(crate) fn origins(text: &str) -> Option<Vec<String>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| is_origin(part).then(|| part.to_owned())).collect()
}

/// Scheme and authority and nothing after: what a browser sends as `Origin`.
fn is_origin(text: &str) -> bool {
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    authority.is_some_and(|authority| {
        !authority.is_empty()
            && authority.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]_".contains(&b))
    })
}
