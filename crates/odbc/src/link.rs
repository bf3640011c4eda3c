//! One connection, signed in, of the thread that opened it.

#![allow(unsafe_code, reason = "handles and attributes of ODBC")]

use std::mem::ManuallyDrop;
use std::ptr;
use std::time::Instant;

use odbc_api::handles::{AnyHandle, Connection, SqlResult, SqlText, Statement as _};
use odbc_api::sys::{
    ConnectionAttribute, DriverConnectOption, HandleType, InfoType, SQLDriverConnect, SQLDriverConnectW, SQLFreeHandle,
    SQLGetInfoW, SqlReturn,
};
use zeroize::Zeroizing;

use crate::error::Context;
use crate::manager::allocate_connection;
use crate::statement::{Statement, until_nul};
use crate::{Dialect, OdbcError, Source};

pub(crate) struct Link {
    connection: ManuallyDrop<Connection<'static>>,
    pub(crate) dialect: Dialect,
    /// The database's name and version, for people.
    pub(crate) product: String,
    /// Whether statements are handed over as bytes of UTF-8: the driver knows no UTF-16. Debian's for SQLite does not.
    pub(crate) bytes: bool,
    /// Whether texts are taken as bytes of UTF-8. MariaDB's driver hands them on so, and takes ten times as long
    /// for UTF-16; so does one that knows no UTF-16.
    pub(crate) utf8: bool,
    pub(crate) opened: Instant,
    pub(crate) used: Instant,
}

impl Link {
    /// Signs in, and has the session read only.
    pub(crate) fn open(source: &Source, context: &Context<'_>) -> Result<Self, OdbcError> {
        let mut link = Self::connect(source, context)?;
        let name = link.told(InfoType::DbmsName);
        let version = link.told(InfoType::DbmsVer);
        link.dialect = Dialect::of(&name);
        format!("{name} {version}").trim().clone_into(&mut link.product);
        // Said before transactions begin: PostgreSQL takes a setting back with the transaction that it was made in.
        for statement in link.dialect.session() {
            link.run(statement, context)?;
        }
        link.bytes = link.dialect == Dialect::Sqlite && link.takes_bytes(context);
        link.utf8 = link.bytes || link.told(InfoType::DriverName).contains("maodbc");
        if link.dialect.has_transactions() {
            context.require(link.connection.set_autocommit(false), &*link.connection)?;
        }
        Ok(link)
    }

    fn connect(source: &Source, context: &Context<'_>) -> Result<Self, OdbcError> {
        let string = source.connection_string(context.credential)?;
        let connection = ManuallyDrop::new(allocate_connection()?);
        let seconds = u32::try_from(context.time.as_secs()).unwrap_or(u32::MAX).max(1);
        _ = connection.set_login_timeout_sec(seconds);
        // SAFETY: the attribute takes a number, 1 for reading only. Drivers that know it refuse to write; others ignore it.
        _ = unsafe { connection.set_attribute(ConnectionAttribute::ACCESS_MODE, ptr::without_provenance_mut(1), 0) };
        let now = Instant::now();
        let link = Self {
            connection,
            dialect: Dialect::Other(String::new()),
            product: String::new(),
            bytes: false,
            utf8: false,
            opened: now,
            used: now,
        };
        let connected = link.drive(&string, source.is_file());
        context.require(connected, &*link.connection)?;
        Ok(link)
    }

    /// Hands over the connection string, in memory that is overwritten afterwards.
    fn drive(&self, string: &str, bytes: bool) -> SqlResult<()> {
        const FUNCTION: &str = "SQLDriverConnect";
        let (handle, none, prompt) = (self.connection.as_sys(), ptr::null_mut(), DriverConnectOption::NoPrompt);
        let wide: Zeroizing<Vec<u16>> = Zeroizing::new(string.encode_utf16().collect());
        let Ok(length) = i16::try_from(if bytes { string.len() } else { wide.len() }) else {
            return SqlResult::Error { function: FUNCTION };
        };
        // SAFETY: the handle is valid, the text is as long as is said, and nothing is wanted back.
        let returned = unsafe {
            if bytes {
                SQLDriverConnect(handle, none, string.as_ptr(), length, ptr::null_mut(), 0, ptr::null_mut(), prompt)
            } else {
                SQLDriverConnectW(handle, none, wide.as_ptr(), length, ptr::null_mut(), 0, ptr::null_mut(), prompt)
            }
        };
        match returned {
            SqlReturn::SUCCESS | SqlReturn::SUCCESS_WITH_INFO => SqlResult::Success(()),
            _ => SqlResult::Error { function: FUNCTION },
        }
    }

    /// Begins a transaction that only reads. Also shows whether the connection is still alive.
    pub(crate) fn begin(&self, context: &Context<'_>, rows: u64) -> Result<(), OdbcError> {
        self.dialect.begin(context.time, rows).iter().try_for_each(|statement| self.run(statement, context))
    }

    /// Ends the transaction, whatever it did.
    pub(crate) fn rollback(&mut self, context: &Context<'_>) -> Result<(), OdbcError> {
        context.require(self.connection.rollback(), &*self.connection)?;
        self.used = Instant::now();
        Ok(())
    }

    pub(crate) fn statement(&self, context: &Context<'_>) -> Result<Statement<'_>, OdbcError> {
        context.require(self.connection.allocate_statement(), &*self.connection).map(Statement::new)
    }

    /// Whether a letter of two bytes arrives as these bytes.
    fn takes_bytes(&self, context: &Context<'_>) -> bool {
        let told = || -> Result<bool, OdbcError> {
            let mut statement = self.statement(context)?;
            let prepared = statement.prepare_bytes("SELECT 1 WHERE hex('ü') = 'C3BC'");
            context.require(prepared, &*statement)?;
            // SAFETY: no parameters are bound.
            let executed = unsafe { statement.execute() };
            context.check(executed, &*statement)?;
            // SAFETY: no columns are bound.
            let fetched = unsafe { statement.fetch() };
            Ok(context.check(fetched, &*statement)?.is_some())
        };
        told().unwrap_or(false)
    }

    /// One of our own statements, without a result.
    fn run(&self, sql: &str, context: &Context<'_>) -> Result<(), OdbcError> {
        let mut statement = self.statement(context)?;
        // SAFETY: no parameters are bound.
        let executed = unsafe { statement.exec_direct(&SqlText::new(sql)) };
        context.check(executed, &*statement).map(|_| ())
    }

    /// The catalogue that the login works in, in the sense of ODBC: the database.
    pub(crate) fn catalogue(&self) -> String {
        let mut name = Vec::with_capacity(256);
        match self.connection.fetch_current_catalog(&mut name) {
            SqlResult::Success(()) | SqlResult::SuccessWithInfo(()) => until_nul(&name),
            _ => String::new(),
        }
    }

    /// What the driver tells of itself or its database, or nothing.
    pub(crate) fn told(&self, what: InfoType) -> String {
        let mut text = [0_u16; 256];
        let mut bytes = 0_i16;
        // SAFETY: the handle is valid and the buffer as large as is said, in bytes.
        let returned = unsafe {
            SQLGetInfoW(
                self.connection.as_sys(),
                what,
                text.as_mut_ptr().cast(),
                size_of_val(&text) as i16,
                &raw mut bytes,
            )
        };
        if matches!(returned, SqlReturn::SUCCESS | SqlReturn::SUCCESS_WITH_INFO) {
            until_nul(&text)
        } else {
            String::new()
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        _ = self.connection.rollback();
        _ = self.connection.disconnect();
        // SAFETY: the handle is valid and this is its only owner. Should it still be connected, it is not freed: a few bytes.
        _ = unsafe { SQLFreeHandle(HandleType::Dbc, self.connection.as_handle()) };
    }
}
