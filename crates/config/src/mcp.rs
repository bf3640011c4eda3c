use crate::{Environment, ServerConfig, Setting, models, reader::Reader, server};

const MCP_ALLOWED_ORIGINS: Setting = Setting {
    name: "MCP_ALLOWED_ORIGINS",
    default: "",
    accepts: "origins such as `https://mes.example.com`, separated by commas",
    secret: false,
    meaning: "Where MCP servers may stand whose tools agents call: scheme, host and port have to be those of one of these. \
              Admins of tenants register servers there and nowhere else. Absent: there are no MCP servers. In production `http://` \
              is accepted only of this machine and of private addresses: questions and tokens cross the network in the clear there.",
};

pub(crate) const SETTINGS: &[Setting] = &[MCP_ALLOWED_ORIGINS];

/// MCP servers.
#[derive(Debug, Clone)]
pub struct McpConfig {
    /// Origins such as `https://mes.example.com`, without a slash at the end; with none there are no MCP servers.
    pub allowed_origins: Vec<String>,
}

impl McpConfig {
    pub(crate) fn read(reader: &mut Reader<'_>, server: &ServerConfig) -> Self {
        let allowed_origins = reader.parsed(&MCP_ALLOWED_ORIGINS, server::origins).unwrap_or_default();
        if server.environment == Environment::Production {
            let is_plain = |origin: &&String| origin.starts_with("http://") && !models::is_private(origin);
            for origin in allowed_origins.iter().filter(is_plain) {
                let message = format!("given is `{origin}`, accepted in production is only `https://`");
                reader.problem(MCP_ALLOWED_ORIGINS.name, message);
            }
        }
        Self { allowed_origins }
    }
}
