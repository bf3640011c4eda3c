use std::collections::BTreeMap;

/// What settings are read from besides files: variables, and whether root runs the process.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    variables: BTreeMap<String, String>,
    root: bool,
}

impl Surroundings {
    /// The process's own. Variables that are not UTF-8 are none of ours and left out.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { variables: std::env::vars_os().filter_map(text).collect(), root: rustix::process::geteuid().is_root() }
    }

    /// Given variables, not as root.
    pub fn new<N: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables, root: false }
    }

    /// The same, as root.
    #[must_use]
    pub fn as_root(mut self) -> Self {
        self.root = true;
        self
    }

    /// The variable's value; empty counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    pub(crate) fn is_root(&self) -> bool {
        self.root
    }
}
