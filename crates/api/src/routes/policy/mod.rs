//! The organisation's policy: what holds, what it chose, what was decided and noticed.

pub(crate) mod check;
pub(crate) mod decisions;
pub(crate) mod events;
pub(crate) mod files;
pub(crate) mod settings;
pub(crate) mod versions;

use millwright_core::{ErrorCode, Problem};
use millwright_governance::PolicyText;
use millwright_policy::decision::{Engine, PolicyError};

use crate::{ApiError, routes::auth::within};

/// Files of one version.
const MAX_FILES: usize = 20;

/// An engine with these files, or what is wrong with them.
pub(crate) fn engine(files: &[PolicyText]) -> Result<Engine, ApiError> {
    bounded(files)?;
    millwright_governance::engine(files).map_err(|errors| refused(&errors).into())
}

/// Refuses more files, or longer names, than are documented.
pub(crate) fn bounded(files: &[PolicyText]) -> Result<(), ApiError> {
    if files.len() > MAX_FILES {
        return Err(Problem::new(ErrorCode::ValidationFailed, "there are too many files")
            .field("files", format!("expected at most {MAX_FILES}"))
            .into());
    }
    for (at, file) in files.iter().enumerate() {
        within(&format!("files[{at}].name"), &file.name, 1, 120)?;
    }
    Ok(())
}

fn refused(errors: &[PolicyError]) -> Problem {
    let problem = Problem::new(ErrorCode::ValidationFailed, "the policies are not valid")
        .remedy("an organisation's own policies only forbid, and use the names of the schema");
    errors.iter().fold(problem, |problem, error| {
        let place = match (error.line, error.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", error.file),
            (Some(line), None) => format!("{}:{line}", error.file),
            (None, _) => error.file.clone(),
        };
        problem.field(place, error.message.clone())
    })
}
