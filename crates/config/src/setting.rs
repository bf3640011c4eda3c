use crate::{
    database, gateway, identity, limits, listening, mcp, models, policy, rerank, retention, retrieval, secrets, server,
    storage, telemetry,
};

/// One setting, as it is read and as the reference describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The environment variable and the key in the file.
    pub name: &'static str,
    /// The value when it is absent, written as one would write it; empty when there is none.
    pub default: &'static str,
    /// What is accepted, to follow "accepted is".
    pub accepts: &'static str,
    /// Whether it must never be shown, and can also be given as `<name>_FILE`.
    pub secret: bool,
    /// What it does, in a sentence or two.
    pub meaning: &'static str,
}

/// Settings that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// In the order of the reference.
    pub settings: &'static [Setting],
}

/// All sections.
pub const SECTIONS: &[Section] = &[
    Section { title: "Server", settings: server::SETTINGS },
    Section { title: "Listening", settings: listening::SETTINGS },
    Section { title: "Limits", settings: limits::SETTINGS },
    Section { title: "Database", settings: database::SETTINGS },
    Section { title: "Secrets", settings: secrets::SETTINGS },
    Section { title: "Identity", settings: identity::SETTINGS },
    Section { title: "Storage", settings: storage::SETTINGS },
    Section { title: "Retrieval", settings: retrieval::SETTINGS },
    Section { title: "Reranker", settings: rerank::SETTINGS },
    Section { title: "Models", settings: models::SETTINGS },
    Section { title: "Gateway", settings: gateway::SETTINGS },
    Section { title: "MCP servers", settings: mcp::SETTINGS },
    Section { title: "Policy", settings: policy::SETTINGS },
    Section { title: "Retention", settings: retention::SETTINGS },
    Section { title: "Telemetry", settings: telemetry::SETTINGS },
];

/// Names the file that settings may also stand in. Not itself allowed in that file.
pub(crate) const CONFIG_FILE: Setting = Setting {
    name: "MILLWRIGHT_CONFIG",
    default: "",
    accepts: "the path of a TOML file",
    secret: false,
    meaning: "A file with any of the settings below, one `NAME = value` a line.",
};

pub(crate) fn all() -> impl Iterator<Item = &'static Setting> {
    SECTIONS.iter().flat_map(|section| section.settings)
}
