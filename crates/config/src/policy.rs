use std::path::PathBuf;

use crate::{Setting, reader::Reader, storage};

const POLICY_FILE: Setting = Setting {
    name: "POLICY_FILE",
    default: "",
    accepts: "an absolute path",
    secret: false,
    meaning: "A `policies.yaml` that takes the place of the one that ships: sandboxes, budgets, contracts, routing of risk and \
              what sinks take. One that is not valid is a reason not to start. `millwright policy show` prints the one that \
              holds.",
};

pub(crate) const SETTINGS: &[Setting] = &[POLICY_FILE];

/// Where policy comes from.
#[derive(Debug, Clone, Default)]
pub struct PolicyConfig {
    /// The file that takes the place of the one that ships.
    pub file: Option<PathBuf>,
}

impl PolicyConfig {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        Self { file: reader.parsed(&POLICY_FILE, storage::absolute) }
    }
}
