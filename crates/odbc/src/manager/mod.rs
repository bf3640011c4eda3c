//! The driver manager of this machine (unixODBC), found when it is first needed.

#![allow(unsafe_code, reason = "a library of C is loaded and asked for handles")]

mod symbols;

use std::panic::catch_unwind;
use std::ptr;
use std::sync::{Mutex, OnceLock, PoisonError};

use libloading::Library;
use odbc_api::handles::{self, SqlResult};
use odbc_api::sys::{AttrOdbcVersion, HDbc, HEnv, Handle, HandleType, SQLAllocHandle, SqlReturn};

use crate::OdbcError;

#[cfg(target_os = "macos")]
const NAMES: &[&str] = &["libodbc.2.dylib", "libodbc.dylib"];
#[cfg(not(target_os = "macos"))]
const NAMES: &[&str] = &["libodbc.so.2", "libodbc.so.1", "libodbc.so"];

/// The library, or `None` where there is none. Once found it stays: its functions are kept.
fn library() -> Option<&'static Library> {
    static LIBRARY: OnceLock<Option<Library>> = OnceLock::new();
    LIBRARY
        .get_or_init(|| {
            // SAFETY: unixODBC does nothing when it is loaded but to set up its own locks.
            NAMES.iter().find_map(|name| unsafe { Library::new(name) }.ok())
        })
        .as_ref()
}

/// The one environment of the process. It is never freed.
struct Environment {
    handle: HEnv,
    /// What goes wrong is told by the environment, to whoever asks next.
    lock: Mutex<()>,
}

// SAFETY: ODBC lets threads share an environment, and the lock keeps what it tells to whom it is told.
unsafe impl Sync for Environment {}
// SAFETY: an environment belongs to no thread.
unsafe impl Send for Environment {}

fn environment() -> Result<&'static Environment, OdbcError> {
    static ENVIRONMENT: OnceLock<Option<Environment>> = OnceLock::new();
    ENVIRONMENT
        .get_or_init(|| {
            library()?;
            let (SqlResult::Success(found) | SqlResult::SuccessWithInfo(found)) = handles::Environment::new() else {
                return None;
            };
            let handle = found.as_raw();
            let declared = found.declare_version(AttrOdbcVersion::Odbc3_80);
            // Kept for good.
            std::mem::forget(found);
            matches!(declared, SqlResult::Success(()) | SqlResult::SuccessWithInfo(()))
                .then(|| Environment { handle, lock: Mutex::new(()) })
        })
        .as_ref()
        .ok_or(OdbcError::ManagerMissing)
}

/// A connection that is not connected yet.
pub(crate) fn allocate_connection() -> Result<handles::Connection<'static>, OdbcError> {
    let environment = environment()?;
    let _lock = environment.lock.lock().unwrap_or_else(PoisonError::into_inner);
    let mut handle = Handle(ptr::null_mut());
    // SAFETY: the environment lives as long as the process.
    match unsafe { SQLAllocHandle(HandleType::Dbc, environment.handle.as_handle(), &raw mut handle) } {
        // SAFETY: it was just allocated, and nobody else has it.
        SqlReturn::SUCCESS | SqlReturn::SUCCESS_WITH_INFO => Ok(unsafe { handles::Connection::new(HDbc(handle.0)) }),
        _ => Err(OdbcError::ManagerMissing),
    }
}

/// A driver that this machine knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driver {
    /// As connections name it.
    pub name: String,
    /// Whether the driver manager lets one call in at a time, over all connections (`Threading=3` in `odbcinst.ini`): then a
    /// slow statement holds up all others of the process, and a hung one hangs them.
    pub serialised: bool,
}

/// The drivers that are registered on this machine (`odbcinst.ini`).
///
/// # Errors
/// [`OdbcError::ManagerMissing`].
pub fn drivers() -> Result<Vec<Driver>, OdbcError> {
    environment()?;
    // `odbc-api` panics on a line without `=`.
    let found = catch_unwind(|| odbc_api::Environment::new().and_then(|environment| environment.drivers()));
    let Ok(Ok(found)) = found else { return Err(OdbcError::ManagerMissing) };
    let driver = |found: odbc_api::DriverInfo| Driver {
        serialised: found
            .attributes
            .iter()
            .any(|(key, value)| key.eq_ignore_ascii_case("threading") && value.trim() == "3"),
        name: found.description,
    };
    Ok(found.into_iter().map(driver).collect())
}
