use std::time::Duration;

use odbc_api::handles::{Diagnostics, Record, SqlResult};

use crate::Credential;

/// Why nothing, or nothing more, came of a request. What the database says of it stands in `detail` alone: it is somebody
/// else's text, cut, without the password, and not part of the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OdbcError {
    /// This machine has no driver manager.
    #[error("no ODBC driver manager is installed on this machine (Debian: `unixodbc`)")]
    ManagerMissing,
    /// The driver is not registered here, or cannot be loaded.
    #[error("the ODBC driver `{0}` is not installed on this machine")]
    DriverMissing(String),
    /// Nobody answers there, or it has no such database.
    #[error("the database cannot be reached")]
    Unreachable {
        /// What driver or database say.
        detail: String,
    },
    /// Wrong user or password.
    #[error("the database refuses the credentials")]
    CredentialsRefused,
    /// The password cannot be written into a connection string for any driver.
    #[error("the password holds both `;` and `}}`, or a character that cannot be passed on")]
    PasswordUnfit,
    /// All threads are at work and the line is full.
    #[error("too many requests wait for this database")]
    Busy,
    /// Too many threads hang in the driver.
    #[error("the driver does not come back from earlier calls")]
    Exhausted,
    /// The pool was closed.
    #[error("the connection to this database was closed")]
    Closed,
    /// It took longer than it may.
    #[error("the database did not finish within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// It took longer than it may, and did not stop when it was told to.
    #[error("the driver did not come back within {} ms", .0.as_millis())]
    Unresponsive(Duration),
    /// Nobody waits for it any more.
    #[error("the request was cancelled")]
    Cancelled,
    /// The connection broke while it was used.
    #[error("the connection to the database was lost")]
    ConnectionLost,
    /// The database does not carry it out.
    #[error("the database refuses the statement ({state})")]
    Refused {
        /// SQLSTATE.
        state: String,
        /// The number that the database gives it.
        native: i32,
        /// The line of the statement, from 1, where the database names it.
        line: Option<u32>,
        /// What it says.
        detail: String,
    },
    /// It would write.
    #[error("the statement would write, and the transaction only reads")]
    ReadOnly,
    /// A semicolon that does not end it.
    #[error("one statement is carried out at a time: a `;` may only end it, and in a value it comes as a parameter")]
    ManyStatements,
    /// It returns no rows.
    #[error("the statement returns no table")]
    NoTable,
    /// Other parameters than it asks for.
    #[error("the statement asks for {wanted} parameters, and {given} were given")]
    Parameters {
        /// Markers in the statement.
        wanted: usize,
        /// Values beside it.
        given: usize,
    },
    /// A value larger than is read.
    #[error("a value of the column `{column}` is larger than {limit} bytes")]
    ValueTooLarge {
        /// The column's name.
        column: String,
        /// The most that a value may have.
        limit: usize,
    },
    /// A value that its type cannot hold.
    #[error("a value does not fit its type ({state})")]
    ValueUnfit {
        /// SQLSTATE.
        state: String,
        /// What it says.
        detail: String,
    },
    /// More rows than are read. Those up to the limit were delivered.
    #[error("there are more than {0} rows")]
    TooManyRows(u64),
    /// More bytes than are read, over all rows. Those up to the limit were delivered.
    #[error("the rows are larger than {0} bytes")]
    TooLarge(u64),
    /// More columns than are read.
    #[error("the table has more than {0} columns")]
    TooManyColumns(usize),
    /// The driver does not do as ODBC says.
    #[error("the driver does not keep to ODBC")]
    Driver,
}

impl OdbcError {
    /// The word for readers and records.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::ManagerMissing | Self::DriverMissing(_) => "driver_missing",
            Self::Unreachable { .. } => "unreachable",
            Self::CredentialsRefused | Self::PasswordUnfit => "unauthorised",
            Self::Busy | Self::Exhausted | Self::Closed => "unavailable",
            Self::Timeout(_) => "late",
            Self::Unresponsive(_) => "unresponsive",
            Self::Cancelled => "cancelled",
            Self::ConnectionLost => "connection_lost",
            Self::Refused { .. } | Self::NoTable | Self::Parameters { .. } => "refused",
            Self::ReadOnly | Self::ManyStatements => "read_only",
            Self::ValueTooLarge { .. } => "value_too_large",
            Self::ValueUnfit { .. } => "value_unfit",
            Self::TooManyRows(_) => "too_many_rows",
            Self::TooLarge(_) | Self::TooManyColumns(_) => "too_large",
            Self::Driver => "driver",
        }
    }

    /// Whether the connection that it happened on can serve again.
    pub(crate) const fn leaves_connection(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::NoTable
                | Self::Parameters { .. }
                | Self::ReadOnly
                | Self::ManyStatements
                | Self::TooManyColumns(_)
        )
    }
}

/// What is needed to put a failure into words: what was done, with which password, and within which time.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) connecting: bool,
    pub(crate) driver: &'a str,
    pub(crate) credential: &'a Credential,
    pub(crate) time: Duration,
}

impl Context<'_> {
    /// `None` stands for `SQL_NO_DATA`.
    pub(crate) fn check<T>(&self, result: SqlResult<T>, handle: &impl Diagnostics) -> Result<Option<T>, OdbcError> {
        match result {
            SqlResult::Success(value) | SqlResult::SuccessWithInfo(value) => Ok(Some(value)),
            SqlResult::NoData => Ok(None),
            SqlResult::NeedData | SqlResult::StillExecuting => Err(OdbcError::Driver),
            SqlResult::Error { .. } => {
                let mut record = Record::with_capacity(1024);
                if record.fill_from(handle, 1) {
                    Err(self.error(record.state.as_str(), record.native_error, &record.message))
                } else {
                    Err(if self.connecting {
                        OdbcError::Unreachable { detail: String::new() }
                    } else {
                        OdbcError::Driver
                    })
                }
            }
        }
    }

    /// As [`Self::check`], where `SQL_NO_DATA` is no answer.
    pub(crate) fn require<T>(&self, result: SqlResult<T>, handle: &impl Diagnostics) -> Result<T, OdbcError> {
        self.check(result, handle)?.ok_or(OdbcError::Driver)
    }

    fn error(&self, state: &str, native: i32, message: &[u16]) -> OdbcError {
        let detail = self.credential.scrub(&readable(&String::from_utf16_lossy(message)));
        if self.connecting {
            self.while_connecting(state, native, detail)
        } else {
            self.of_statement(state, native, detail)
        }
    }

    fn while_connecting(&self, state: &str, native: i32, detail: String) -> OdbcError {
        let says = |words: &[&str]| words.iter().any(|word| detail.contains(word));
        match state {
            "IM002" | "IM003" | "IM004" | "IM005" => OdbcError::DriverMissing(self.driver.to_owned()),
            _ if says(&["Can't open lib"]) => OdbcError::DriverMissing(self.driver.to_owned()),
            "28000" | "28P01" => OdbcError::CredentialsRefused,
            // psqlodbc has one state for whatever goes wrong. 1045 and 1698 are MariaDB's.
            _ if native == 1045 || native == 1698 => OdbcError::CredentialsRefused,
            _ if says(&[
                "password authentication failed",
                "no password supplied",
                "FATAL: role ",
                "no pg_hba.conf entry",
            ]) =>
            {
                OdbcError::CredentialsRefused
            }
            "HYT00" | "HYT01" => OdbcError::Timeout(self.time),
            _ => OdbcError::Unreachable { detail },
        }
    }

    fn of_statement(&self, state: &str, native: i32, detail: String) -> OdbcError {
        let says = |words: &[&str]| words.iter().any(|word| detail.contains(word));
        let maria = detail.contains("[ma-");
        match state {
            "HYT00" | "S1T00" | "57014" => return OdbcError::Timeout(self.time),
            "HY008" => return OdbcError::Cancelled,
            "25006" => return OdbcError::ReadOnly,
            "57P01" | "57P02" | "57P03" => return OdbcError::ConnectionLost,
            _ if state.starts_with("08") => return OdbcError::ConnectionLost,
            _ if state.starts_with("22") => return OdbcError::ValueUnfit { state: state.to_owned(), detail },
            _ => {}
        }
        match native {
            // The numbers of MariaDB: time is up, killed, read only, gone away and lost.
            1969 | 3024 if maria => OdbcError::Timeout(self.time),
            1317 if maria => OdbcError::Cancelled,
            1792 if maria => OdbcError::ReadOnly,
            2006 | 2013 | 2055 if maria => OdbcError::ConnectionLost,
            1264 | 1690 if maria => OdbcError::ValueUnfit { state: state.to_owned(), detail },
            _ if says(&[
                "server closed the connection",
                "no connection to the server",
                "Could not send",
                "Could not receive",
            ]) =>
            {
                OdbcError::ConnectionLost
            }
            _ if says(&["attempt to write a readonly database"]) => OdbcError::ReadOnly,
            _ if says(&["[SQLite]interrupted"]) => OdbcError::Cancelled,
            _ => OdbcError::Refused { state: state.to_owned(), native, line: line(&detail), detail },
        }
    }
}

/// Without control characters, and cut.
fn readable(text: &str) -> String {
    const MOST: usize = 500;
    let words: Vec<_> = text
        .split(|character: char| character.is_whitespace() || character.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(MOST).collect()
}

/// `LINE 3:` of PostgreSQL, `at line 3` of MariaDB.
fn line(detail: &str) -> Option<u32> {
    let after = detail.split_once("LINE ").or_else(|| detail.split_once(" at line "))?.1;
    after.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(connecting: bool, state: &str, native: i32, message: &str) -> OdbcError {
        let credential = Credential::new("reader", "s3cret-word");
        let context = Context { connecting, driver: "X", credential: &credential, time: Duration::from_secs(1) };
        context.error(state, native, &message.encode_utf16().collect::<Vec<_>>())
    }

    #[test]
    fn the_password_is_never_in_an_error() {
        let found = error(false, "42000", 1, "near \"s3cret-word\"\n\u{7}at line 2");
        assert!(!format!("{found:?} {found}").contains("s3cret-word"), "{found:?}");
        let OdbcError::Refused { line, detail, .. } = found else { panic!("{found:?}") };
        assert_eq!(line, Some(2));
        assert_eq!(detail, "near \"•••\" at line 2");
    }

    #[test]
    fn states_become_errors() {
        assert_eq!(error(true, "IM002", 0, "x"), OdbcError::DriverMissing("X".to_owned()));
        assert_eq!(
            error(true, "01000", 0, "[unixODBC][Driver Manager]Can't open lib 'X'"),
            OdbcError::DriverMissing("X".to_owned())
        );
        assert_eq!(error(true, "08001", 101, "FATAL: password authentication failed"), OdbcError::CredentialsRefused);
        assert_eq!(error(true, "HYT00", 0, "x"), OdbcError::Timeout(Duration::from_secs(1)));
        assert_eq!(error(false, "08S01", 0, "x"), OdbcError::ConnectionLost);
        assert_eq!(error(false, "25006", 0, "x"), OdbcError::ReadOnly);
        assert_eq!(error(false, "HY000", 1969, "[ma-3.1.15][11.4]x"), OdbcError::Timeout(Duration::from_secs(1)));
        assert_eq!(error(false, "22003", 0, "x").word(), "value_unfit");
        assert_eq!(error(false, "42P01", 7, "x").word(), "refused");
    }
}
