//! All settings of Millwright: read once, checked at once, described in one table.
//!
//! [`Config::load`] reads the environment and, where `MILLWRIGHT_CONFIG` names one, a TOML file whose
//! keys are the same names; the environment wins. An empty value counts as absent. Everything that is
//! wrong is reported together, by name, with what was given (unless it is a secret) and what is accepted.
//! Names beginning with `MILLWRIGHT_` that are not settings are refused, because they are mistakes.
//! Every secret `X` can also be given as the path of a file in `X_FILE`.
//!
//! Each section is one file that holds its [`Setting`]s, its struct and its checks. The same
//! table makes `docs/configuration.md` ([`Config::reference`]), so that it cannot lag behind.
//!
//! Invariants:
//! * The environment is read here and nowhere else, through [`Surroundings::of_process`]; tests bring
//!   their own [`Surroundings`] and never touch the process.
//! * A [`Secret`] never shows itself in `Debug`, `Display`, `Serialize` or a problem's text.
//! * A [`Config`] that exists is valid.
//!
//! ```
//! use millwright_config::{Config, Surroundings};
//! let surroundings = Surroundings::new([("HOME", "/home/ada"), ("PORT", "9000")]);
//! let config = Config::from_surroundings(&surroundings).unwrap();
//! assert_eq!(config.server.port, 9000);
//! ```

mod database;
mod error;
mod gateway;
mod identity;
mod identity_file;
#[cfg(test)]
mod identity_tests;
mod limits;
mod listening;
mod mcp;
mod models;
mod policy;
mod reader;
mod reference;
mod rerank;
mod retention;
mod retrieval;
mod secret;
mod secrets;
mod server;
mod setting;
mod storage;
mod surroundings;
mod table;
mod telemetry;
#[cfg(test)]
mod tests;

pub use database::DatabaseConfig;
pub use error::{ConfigError, ConfigProblem};
pub use gateway::GatewayConfig;
pub use identity::{IdentityConfig, ProviderSettings, RoleMapping, TenantBinding};
pub use limits::{LimitsConfig, RateLimit};
pub use listening::{ForwardedHeader, ListeningConfig, TlsFiles, TrustedProxies};
pub use mcp::McpConfig;
pub use models::{
    EndpointKind, EndpointSettings, EndpointTakes, EndpointTimeouts, ModelCapabilities, ModelCatalog, ModelEntry,
    ModelKind, ModelPlace, ModelPrice, ModelTier, ModelsConfig, TierPreference,
};
pub use policy::PolicyConfig;
pub use rerank::{RerankConfig, RerankForm, RerankServerConfig};
pub use retention::RetentionConfig;
pub use retrieval::RetrievalConfig;
pub use secret::Secret;
pub use secrets::SecretsConfig;
pub use server::{Environment, ServerConfig};
pub use setting::{SECTIONS, Section, Setting};
pub use storage::StorageConfig;
pub use surroundings::Surroundings;
pub use telemetry::{LogFormat, LogLevel, OtlpConfig, TelemetryConfig};

use millwright_core::Sources;
use reader::Reader;

/// Every setting, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where and how requests are served.
    pub server: ServerConfig,
    /// How connections are taken in.
    pub listening: ListeningConfig,
    /// How much is let through.
    pub limits: LimitsConfig,
    /// Which database.
    pub database: DatabaseConfig,
    /// Keys.
    pub secrets: SecretsConfig,
    /// Identity providers.
    pub identity: IdentityConfig,
    /// Folders.
    pub storage: StorageConfig,
    /// Chunks and search.
    pub retrieval: RetrievalConfig,
    /// A reranker, where there is one.
    pub rerank: Option<RerankConfig>,
    /// Language models.
    pub models: ModelsConfig,
    /// The way to models.
    pub gateway: GatewayConfig,
    /// MCP servers.
    pub mcp: McpConfig,
    /// Policy.
    pub policy: PolicyConfig,
    /// How long things are kept.
    pub retention: RetentionConfig,
    /// Logs.
    pub telemetry: TelemetryConfig,
}

impl Config {
    /// Reads the process's environment and the file that it names.
    pub fn load() -> Result<Self, ConfigError> {
        Self::from_surroundings(&Surroundings::of_process())
    }

    /// The same from given surroundings.
    pub fn from_surroundings(surroundings: &Surroundings) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(surroundings);
        let server = ServerConfig::read(&mut reader);
        let config = Self {
            listening: ListeningConfig::read(&mut reader),
            limits: LimitsConfig::read(&mut reader),
            database: DatabaseConfig::read(&mut reader),
            secrets: SecretsConfig::read(&mut reader),
            identity: IdentityConfig::read(&mut reader, &server),
            mcp: McpConfig::read(&mut reader, &server),
            server,
            storage: StorageConfig::read(&mut reader),
            retrieval: RetrievalConfig::read(&mut reader),
            rerank: RerankConfig::read(&mut reader),
            models: ModelsConfig::read(&mut reader),
            gateway: GatewayConfig::read(&mut reader),
            policy: PolicyConfig::read(&mut reader),
            retention: RetentionConfig::read(&mut reader),
            telemetry: TelemetryConfig::read(&mut reader),
        };
        config.validate(&mut reader);
        reader.finish()?;
        Ok(config)
    }

    /// What no section can tell by itself.
    fn validate(&self, reader: &mut Reader<'_>) {
        self.validate_embedding_model(reader);
        if !self.database.is_private() && self.secrets.secret_key.is_none() && !reader.refused(secrets::SECRET_KEY.name)
        {
            reader.problem(
                secrets::SECRET_KEY.name,
                "it is needed as soon as `DATABASE_URL` is set, because every process that uses the database must \
                 have the same; `openssl rand -hex 32` makes one",
            );
        }
    }

    /// The embedding model that is named must be one, and free: documents are embedded for no call of anybody that a budget
    /// could count.
    fn validate_embedding_model(&self, reader: &mut Reader<'_>) {
        let (setting, Some(name)) = (retrieval::EMBEDDING_MODEL.name, &self.retrieval.embedding_model) else { return };
        match self.models.catalog.models.iter().find(|model| model.name == *name) {
            None if reader.refused(models::MODELS_FILE.name) => {}
            Some(model) if model.kind == ModelKind::Embedding && model.price == ModelPrice::Free => {}
            Some(model) if model.kind == ModelKind::Embedding => reader.problem(
                setting,
                format!("`{name}` has a price, and what retrieval embeds is in no budget; only a model that is `free` can be it"),
            ),
            _ => reader.problem(setting, format!("there is no model `{name}` of the kind `embedding` in `MODELS_FILE`")),
        }
    }

    /// Whether passwords and documents cross a network in the clear, as far as can be told: production, on an address
    /// that others reach, with neither TLS here nor a proxy that is trusted. A proxy on this machine needs neither, so
    /// it is a warning and no error.
    pub fn is_exposed_in_the_clear(&self) -> bool {
        let reachable = !self.server.host.is_loopback();
        self.server.environment == Environment::Production && reachable && self.listening.is_plain()
    }

    /// The secret key: the one given, or the one kept in the data folder, made now if there is none yet.
    pub fn secret_key(&self, sources: &Sources) -> Result<Secret, ConfigError> {
        match &self.secrets.secret_key {
            Some(given) => Ok(given.clone()),
            None => secrets::kept_in(&self.storage.data_dir, secrets::KEPT_SECRET, sources),
        }
    }

    /// The same where there is one already: none is made.
    pub fn known_secret_key(&self, sources: &Sources) -> Result<Option<Secret>, ConfigError> {
        let is_kept = || self.storage.data_dir.join(secrets::KEPT_SECRET).exists();
        if self.secrets.secret_key.is_some() || is_kept() { self.secret_key(sources).map(Some) } else { Ok(None) }
    }

    /// From which the password of the private database's platform login follows: kept beside the secret key, made now if
    /// there is none yet.
    pub fn platform_key(&self, sources: &Sources) -> Result<Secret, ConfigError> {
        secrets::kept_in(&self.storage.data_dir, secrets::KEPT_PLATFORM, sources)
    }

    /// The reference of all settings as Markdown: the contents of `docs/configuration.md`.
    pub fn reference() -> String {
        reference::render()
    }
}
