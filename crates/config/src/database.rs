use std::path::PathBuf;

use crate::{Secret, Setting, reader::Reader};

const DATABASE_URL: Setting = Setting {
    name: "DATABASE_URL",
    default: "",
    accepts: "a URL that begins with `postgres://` or `postgresql://`",
    secret: true,
    meaning: "The PostgreSQL to use, with the application's login, never the owner's. Absent: Millwright runs a private \
              PostgreSQL of its own.",
};
const DATABASE_ADMIN_URL: Setting = Setting {
    name: "DATABASE_ADMIN_URL",
    default: "",
    accepts: "a URL that begins with `postgres://` or `postgresql://`",
    secret: true,
    meaning: "The owner's login, for `millwright migrate` and `millwright embeddings prepare` only.",
};
const PLATFORM_DATABASE_URL: Setting = Setting {
    name: "PLATFORM_DATABASE_URL",
    default: "",
    accepts: "a URL that begins with `postgres://` or `postgresql://`",
    secret: true,
    meaning: "The platform operator's login, for `millwright tenant` only; `millwright migrate` makes it where it is set. It \
              creates, suspends and deletes tenants and cannot read what is inside. Never give it to `serve`.",
};
const DATABASE_MAX_CONNECTIONS: Setting = Setting {
    name: "DATABASE_MAX_CONNECTIONS",
    default: "10",
    accepts: "a whole number from 2 to 1000",
    secret: false,
    meaning: "Connections that one process opens at most.",
};
const POSTGRES_INSTALL_DIR: Setting = Setting {
    name: "POSTGRES_INSTALL_DIR",
    default: "",
    accepts: "an absolute path",
    secret: false,
    meaning: "Folder with the `bin`, `lib` and `share` of a PostgreSQL with pgvector, for the private one. Absent: \
              `postgres-18` in the cache folder.",
};

pub(crate) const SETTINGS: &[Setting] =
    &[DATABASE_URL, DATABASE_ADMIN_URL, PLATFORM_DATABASE_URL, DATABASE_MAX_CONNECTIONS, POSTGRES_INSTALL_DIR];

/// Which database, and how.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// The application's login; `None` for the private PostgreSQL.
    pub url: Option<Secret>,
    /// The owner's login, to migrate.
    pub admin_url: Option<Secret>,
    /// The platform operator's login, to manage tenants.
    pub platform_url: Option<Secret>,
    /// Connections a process opens at most.
    pub max_connections: u32,
    /// Folder of the PostgreSQL programs; `None` for `postgres-18` in the cache folder.
    pub postgres_install_dir: Option<PathBuf>,
}

impl DatabaseConfig {
    /// Whether Millwright runs a PostgreSQL of its own.
    pub fn is_private(&self) -> bool {
        self.url.is_none()
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let url = |text: &str| {
            let known = text.starts_with("postgres://") || text.starts_with("postgresql://");
            known.then(|| Secret::new(text))
        };
        Self {
            url: reader.parsed(&DATABASE_URL, url),
            admin_url: reader.parsed(&DATABASE_ADMIN_URL, url),
            platform_url: reader.parsed(&PLATFORM_DATABASE_URL, url),
            max_connections: reader.number(&DATABASE_MAX_CONNECTIONS, 2..=1000),
            postgres_install_dir: reader.parsed(&POSTGRES_INSTALL_DIR, super::storage::absolute),
        }
    }
}
