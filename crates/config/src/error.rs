use std::{fmt, io, path::PathBuf};

use millwright_core::{Problem, ToProblem};

/// One setting that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The variable, or the file.
    pub name: String,
    /// What was given, unless it is secret, and what is accepted.
    pub message: String,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// All that is wrong, in the order of the reference.
    #[error("{}", List(.0))]
    Invalid(Vec<ConfigProblem>),
    /// The kept secret key cannot be read or made.
    #[error("the secret key in `{}` cannot be read or made", .path.display())]
    SecretKeyFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The kept secret key is there but may not be used.
    #[error("the secret key in `{}` {reason}", .path.display())]
    SecretKeyUnfit {
        /// The file.
        path: PathBuf,
        /// Why not, and what to do.
        reason: &'static str,
    },
}

impl ToProblem for ConfigError {
    /// Always internal: configuration is read before the first request.
    fn problem(&self) -> Problem {
        Problem::internal()
    }
}

struct List<'p>(&'p [ConfigProblem]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("a setting is wrong")?,
            count => write!(f, "{count} settings are wrong")?,
        }
        self.0.iter().try_for_each(|problem| write!(f, "\n  {}: {}", problem.name, problem.message))
    }
}
