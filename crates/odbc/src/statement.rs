//! A statement handle that is freed quietly, and can be cancelled by another thread.

#![allow(unsafe_code, reason = "handles of ODBC")]

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::{Mutex, PoisonError, TryLockError};

use odbc_api::handles::{AnyHandle, SqlResult, Statement as _, StatementImpl};
use odbc_api::sys::{
    Desc, HStmt, HandleType, SQLCancel, SQLColAttribute, SQLColAttributeW, SQLFreeHandle, SQLPrepare, SQLSetStmtAttrW,
    SqlReturn, StatementAttribute,
};

/// A statement of a connection. `odbc-api` panics where a handle cannot be freed, as on a broken connection; this does not.
pub(crate) struct Statement<'c>(ManuallyDrop<StatementImpl<'c>>);

impl<'c> Statement<'c> {
    pub(crate) fn new(statement: StatementImpl<'c>) -> Self {
        Self(ManuallyDrop::new(statement))
    }

    /// Has the driver take the text as it is, without `{…}` of ODBC, and hand on rows as they come: SQLite's would keep them
    /// all for a cursor that can go back. A driver that knows no such thing says so, and is left alone.
    pub(crate) fn plain_and_forward(&mut self) {
        const FORWARD_ONLY: usize = 0;
        const NOSCAN_ON: usize = 1;
        for (attribute, value) in
            [(StatementAttribute::NoScan, NOSCAN_ON), (StatementAttribute::CursorType, FORWARD_ONLY)]
        {
            // SAFETY: the handle is valid; the value is a number, not a pointer.
            _ = unsafe { SQLSetStmtAttrW(self.0.as_sys(), attribute, ptr::without_provenance_mut(value), 0) };
        }
    }

    /// Prepares a statement for a driver that knows no UTF-16, by the bytes of its UTF-8: the driver manager would have only what
    /// Latin-1 can say.
    pub(crate) fn prepare_bytes(&mut self, sql: &str) -> SqlResult<()> {
        let Ok(length) = i32::try_from(sql.len()) else { return SqlResult::Error { function: "SQLPrepare" } };
        // SAFETY: the handle is valid, and the text as long as is said.
        match unsafe { SQLPrepare(self.0.as_sys(), sql.as_ptr(), length) } {
            SqlReturn::SUCCESS | SqlReturn::SUCCESS_WITH_INFO => SqlResult::Success(()),
            _ => SqlResult::Error { function: "SQLPrepare" },
        }
    }

    /// A column's name from such a driver.
    pub(crate) fn name_bytes(&mut self, column: u16) -> String {
        let mut name = [0_u8; 512];
        let mut bytes = 0_i16;
        // SAFETY: the handle is valid, and the buffer is as large as is said.
        let returned = unsafe {
            let (handle, most) = (self.0.as_sys(), name.len() as i16);
            SQLColAttribute(handle, column, Desc::Name, name.as_mut_ptr().cast(), most, &raw mut bytes, ptr::null_mut())
        };
        if !matches!(returned, SqlReturn::SUCCESS | SqlReturn::SUCCESS_WITH_INFO) {
            return String::new();
        }
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        String::from_utf8_lossy(&name[..end]).into_owned()
    }

    /// The name that the database gives the type of a column, or nothing.
    pub(crate) fn type_name(&mut self, column: u16) -> String {
        self.about(column, Desc::TypeName)
    }

    /// The table that a column is from. Nothing for what is computed.
    pub(crate) fn table_name(&mut self, column: u16) -> String {
        self.about(column, Desc::BaseTableName)
    }

    fn about(&mut self, column: u16, what: Desc) -> String {
        let mut name = [0_u16; 128];
        let mut bytes = 0_i16;
        // SAFETY: the handle is valid, and the buffer is as large as is said, in bytes.
        let returned = unsafe {
            let (handle, most) = (self.0.as_sys(), size_of_val(&name) as i16);
            SQLColAttributeW(handle, column, what, name.as_mut_ptr().cast(), most, &raw mut bytes, ptr::null_mut())
        };
        if !matches!(returned, SqlReturn::SUCCESS | SqlReturn::SUCCESS_WITH_INFO) {
            return String::new();
        }
        until_nul(&name)
    }
}

/// The text before the first NUL. Drivers disagree on whether they count characters or bytes.
pub(crate) fn until_nul(text: &[u16]) -> String {
    let end = text.iter().position(|unit| *unit == 0).unwrap_or(text.len());
    String::from_utf16_lossy(&text[..end])
}

impl<'c> Deref for Statement<'c> {
    type Target = StatementImpl<'c>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Statement<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Drop for Statement<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is valid, this is its only owner, and nobody uses it afterwards.
        _ = unsafe { SQLFreeHandle(HandleType::Stmt, self.0.as_handle()) };
    }
}

/// The statement that a job is at, for whoever wants to stop it.
#[derive(Default)]
pub(crate) struct Cancel(Mutex<Option<Handle>>);

struct Handle(HStmt);

// SAFETY: ODBC lets any thread cancel what a statement does in another.
unsafe impl Send for Handle {}

impl Cancel {
    /// Tells the driver to stop what the statement does. May hang as any call of a driver may; then telling it again does nothing.
    pub(crate) fn cancel(&self) {
        let handle = match self.0.try_lock() {
            Ok(handle) => handle,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if let Some(handle) = &*handle {
            // SAFETY: as long as the lock is held, the handle is not taken back, and so not freed.
            _ = unsafe { SQLCancel(handle.0) };
        }
    }

    /// From now on until the guard goes, `statement` is what is cancelled. The guard has to go before the statement.
    pub(crate) fn watch(&self, statement: &Statement<'_>) -> Watched<'_> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Handle(statement.as_sys()));
        Watched(self)
    }
}

pub(crate) struct Watched<'a>(&'a Cancel);

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
