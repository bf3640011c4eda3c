//! The functions of ODBC that `odbc-api` calls. Each looks for the one of the same name in the driver manager when it is
//! first called, and reports `SQL_ERROR` where there is none: `super::environment` says in words what is missing before
//! anybody gets so far.

#![allow(unsafe_code, reason = "these are functions of C")]
#![allow(non_snake_case, reason = "these are the names that ODBC gives")]

use std::sync::OnceLock;

use odbc_api::sys::{
    CDataType, Char, CompletionType, ConnectionAttribute, Desc, DriverConnectOption, EnvironmentAttribute,
    FetchOrientation, FreeStmtOption, HDbc, HDesc, HEnv, HStmt, HWnd, Handle, HandleType, InfoType, Len, Nullability,
    ParamType, Pointer, SqlDataType, SqlReturn, StatementAttribute, ULen, WChar,
};

macro_rules! forward {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {$(
        // SAFETY: the names are ODBC's own, and nothing else in the program defines them: no library of ODBC is linked.
        #[unsafe(no_mangle)]
        unsafe extern "system" fn $name($($argument: $type),*) -> SqlReturn {
            type Function = unsafe extern "system" fn($($type),*) -> SqlReturn;
            static FOUND: OnceLock<Option<Function>> = OnceLock::new();
            let found = FOUND.get_or_init(|| {
                let library = super::library()?;
                // SAFETY: the type is the function's by the headers of ODBC, as `odbc-sys` has it.
                unsafe { library.get::<Function>(concat!(stringify!($name), "\0").as_bytes()) }.ok().map(|symbol| *symbol)
            });
            match found {
                // SAFETY: the caller keeps to what ODBC asks of callers of this function.
                Some(function) => unsafe { function($($argument),*) },
                None => SqlReturn::ERROR,
            }
        }
    )*};
}

forward! {
    SQLAllocHandle(handle_type: HandleType, input_handle: Handle, output_handle: *mut Handle);
    SQLFreeHandle(handle_type: HandleType, handle: Handle);
    SQLSetEnvAttr(environment_handle: HEnv, attribute: EnvironmentAttribute, value: Pointer, string_length: i32);
    SQLDisconnect(connection_handle: HDbc);
    SQLGetDiagRec(handle_type: HandleType, handle: Handle, record_number: i16, state: *mut Char, native_error_ptr: *mut i32, message_text: *mut Char, buffer_length: i16, text_length_ptr: *mut i16);
    SQLGetDiagRecW(handle_type: HandleType, handle: Handle, record_number: i16, state: *mut WChar, native_error_ptr: *mut i32, message_text: *mut WChar, buffer_length: i16, text_length_ptr: *mut i16);
    SQLExecDirect(statement_handle: HStmt, statement_text: *const Char, text_length: i32);
    SQLExecDirectW(statement_handle: HStmt, statement_text: *const WChar, text_length: i32);
    SQLNumResultCols(statement_handle: HStmt, column_count_ptr: *mut i16);
    SQLNumParams(statement_handle: HStmt, parameter_count_ptr: *mut i16);
    SQLMoreResults(statement_handle: HStmt);
    SQLGetData(statement_handle: HStmt, col_or_param_num: u16, target_type: CDataType, target_value_ptr: Pointer, buffer_length: Len, str_len_or_ind_ptr: *mut Len);
    SQLFetch(statement_handle: HStmt);
    SQLGetInfo(connection_handle: HDbc, info_type: InfoType, info_value_ptr: Pointer, buffer_length: i16, string_length_ptr: *mut i16);
    SQLGetInfoW(connection_handle: HDbc, info_type: InfoType, info_value_ptr: Pointer, buffer_length: i16, string_length_ptr: *mut i16);
    SQLConnectW(connection_handle: HDbc, server_name: *const WChar, name_length_1: i16, user_name: *const WChar, name_length_2: i16, authentication: *const WChar, name_length_3: i16);
    SQLConnect(connection_handle: HDbc, server_name: *const Char, name_length_1: i16, user_name: *const Char, name_length_2: i16, authentication: *const Char, name_length_3: i16);
    SQLTables(statement_handle: HStmt, catalog_name: *const Char, name_length_1: i16, schema_name: *const Char, name_length_2: i16, table_name: *const Char, name_length_3: i16, table_type: *const Char, name_length_4: i16);
    SQLTablesW(statement_handle: HStmt, catalog_name: *const WChar, name_length_1: i16, schema_name: *const WChar, name_length_2: i16, table_name: *const WChar, name_length_3: i16, table_type: *const WChar, name_length_4: i16);
    SQLDataSources(environment_handle: HEnv, direction: FetchOrientation, server_name: *mut Char, buffer_length_1: i16, name_length_1: *mut i16, description: *mut Char, buffer_length_2: i16, name_length_2: *mut i16);
    SQLDataSourcesW(environment_handle: HEnv, direction: FetchOrientation, server_name: *mut WChar, buffer_length_1: i16, name_length_1: *mut i16, description: *mut WChar, buffer_length_2: i16, name_length_2: *mut i16);
    SQLDriverConnect(connection_handle: HDbc, window_handle: HWnd, in_connection_string: *const Char, string_length_1: i16, out_connection_string: *mut Char, buffer_length: i16, string_length_2: *mut i16, DriverCompletion: DriverConnectOption);
    SQLDriverConnectW(connection_handle: HDbc, window_handle: HWnd, in_connection_string: *const WChar, string_length_1: i16, out_connection_string: *mut WChar, buffer_length: i16, string_length_2: *mut i16, driver_completion: DriverConnectOption);
    SQLDrivers(henv: HEnv, direction: FetchOrientation, driver_desc: *mut Char, driver_desc_max: i16, out_driver_desc: *mut i16, driver_attributes: *mut Char, drvr_attr_max: i16, out_drvr_attr: *mut i16);
    SQLDriversW(henv: HEnv, direction: FetchOrientation, driver_desc: *mut WChar, driver_desc_max: i16, out_driver_desc: *mut i16, driver_attributes: *mut WChar, drvr_attr_max: i16, out_drvr_attr: *mut i16);
    SQLCloseCursor(hstmt: HStmt);
    SQLBindParameter(hstmt: HStmt, parameter_number: u16, input_output_type: ParamType, value_type: CDataType, parameter_type: SqlDataType, column_size: ULen, decimal_digits: i16, parameter_value_ptr: Pointer, buffer_length: Len, str_len_or_ind_ptr: *mut Len);
    SQLCancel(statement_handle: HStmt);
    SQLPrepare(hstmt: HStmt, statement_text: *const Char, text_length: i32);
    SQLPrepareW(hstmt: HStmt, statement_text: *const WChar, text_length: i32);
    SQLExecute(hstmt: HStmt);
    SQLFreeStmt(hstmt: HStmt, option: FreeStmtOption);
    SQLBindCol(hstmt: HStmt, col_number: u16, target_type: CDataType, target_value: Pointer, buffer_length: Len, length_or_indicator: *mut Len);
    SQLColAttributeW(statement_handle: HStmt, column_number: u16, field_identifier: Desc, character_attribute_ptr: Pointer, buffer_length: i16, string_length_ptr: *mut i16, numeric_attribute_ptr: *mut Len);
    SQLColAttribute(statement_handle: HStmt, column_number: u16, field_identifier: Desc, character_attribute_ptr: Pointer, buffer_length: i16, string_length_ptr: *mut i16, numeric_attribute_ptr: *mut Len);
    SQLGetConnectAttr(connection_handle: HDbc, attribute: ConnectionAttribute, value_ptr: Pointer, buffer_length: i32, string_length_ptr: *mut i32);
    SQLGetConnectAttrW(connection_handle: HDbc, attribute: ConnectionAttribute, value_ptr: Pointer, buffer_length: i32, string_length_ptr: *mut i32);
    SQLColumns(statement_handle: HStmt, catalog_name: *const Char, catalog_name_length: i16, schema_name: *const Char, schema_name_length: i16, table_name: *const Char, table_name_length: i16, column_name: *const Char, column_name_length: i16);
    SQLColumnsW(statement_handle: HStmt, catalog_name: *const WChar, catalog_name_length: i16, schema_name: *const WChar, schema_name_length: i16, table_name: *const WChar, table_name_length: i16, column_name: *const WChar, column_name_length: i16);
    SQLPrimaryKeys(hstmt: HStmt, catalog_name: *const Char, catalog_name_length: i16, schema_name: *const Char, schema_name_length: i16, table_name: *const Char, table_name_length: i16);
    SQLPrimaryKeysW(hstmt: HStmt, catalog_name: *const WChar, catalog_name_length: i16, schema_name: *const WChar, schema_name_length: i16, table_name: *const WChar, table_name_length: i16);
    SQLCompleteAsync(handle_type: HandleType, handle: Handle, async_ret_code_ptr: *mut i16);
    SQLGetStmtAttr(hstmt: HStmt, attribute: StatementAttribute, value: Pointer, buffer_length: i32, string_length: *mut i32);
    SQLGetStmtAttrW(handle: HStmt, attribute: StatementAttribute, value_ptr: Pointer, buffer_length: i32, string_length_ptr: *mut i32);
    SQLForeignKeys(statement_handle: HStmt, pk_catalog_name: *const Char, pk_catalog_name_length: i16, pk_schema_name: *const Char, pk_schema_name_length: i16, pk_table_name: *const Char, pk_table_name_length: i16, fk_catalog_name: *const Char, fk_catalog_name_length: i16, fk_schema_name: *const Char, fk_schema_name_length: i16, fk_table_name: *const Char, fk_table_name_length: i16);
    SQLForeignKeysW(statement_handle: HStmt, pk_catalog_name: *const WChar, pk_catalog_name_length: i16, pk_schema_name: *const WChar, pk_schema_name_length: i16, pk_table_name: *const WChar, pk_table_name_length: i16, fk_catalog_name: *const WChar, fk_catalog_name_length: i16, fk_schema_name: *const WChar, fk_schema_name_length: i16, fk_table_name: *const WChar, fk_table_name_length: i16);
    SQLDescribeCol(hstmt: HStmt, col_number: u16, col_name: *mut Char, buffer_length: i16, name_length: *mut i16, data_type: *mut SqlDataType, col_size: *mut ULen, decimal_digits: *mut i16, nullable: *mut Nullability);
    SQLDescribeColW(hstmt: HStmt, col_number: u16, col_name: *mut WChar, buffer_length: i16, name_length: *mut i16, data_type: *mut SqlDataType, col_size: *mut ULen, decimal_digits: *mut i16, nullable: *mut Nullability);
    SQLDescribeParam(statement_handle: HStmt, parameter_number: u16, data_type_ptr: *mut SqlDataType, parameter_size_ptr: *mut ULen, decimal_digits_ptr: *mut i16, nullable_ptr: *mut Nullability);
    SQLSetStmtAttr(hstmt: HStmt, attr: StatementAttribute, value: Pointer, str_length: i32);
    SQLSetStmtAttrW(hstmt: HStmt, attr: StatementAttribute, value: Pointer, str_length: i32);
    SQLSetConnectAttr(hdbc: HDbc, attr: ConnectionAttribute, value: Pointer, str_length: i32);
    SQLSetConnectAttrW(hdbc: HDbc, attr: ConnectionAttribute, value: Pointer, str_length: i32);
    SQLEndTran(handle_type: HandleType, handle: Handle, completion_type: CompletionType);
    SQLRowCount(hstmt: HStmt, row_count: *mut Len);
    SQLPutData(hstmt: HStmt, data: Pointer, str_len_or_ind: Len);
    SQLSetDescField(hdesc: HDesc, rec_number: i16, field_identifier: Desc, value: Pointer, buffer_length: i32);
    SQLSetDescFieldW(hdesc: HDesc, rec_number: i16, field_identifier: Desc, value: Pointer, buffer_length: i32);
    SQLParamData(hstmt: HStmt, value_out: *mut Pointer);
}
