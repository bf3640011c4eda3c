//! The catalogues of the servers: they tell of everything that a policy leaves out, and no policy can allow them.

use unicode_normalization::UnicodeNormalization;

use crate::{dialect::Dialect, policy::Name};

const POSTGRES_SCHEMAS: &[&str] = &["pg_catalog", "information_schema", "pg_toast"];
const MYSQL_SCHEMAS: &[&str] = &["information_schema", "mysql", "performance_schema", "sys", "ndbinfo"];
const SQL_SERVER_SCHEMAS: &[&str] =
    &["information_schema", "sys", "master", "msdb", "tempdb", "model", "resource", "guest", "cdc"];
const ORACLE_SCHEMAS: &[&str] = &[
    "sys",
    "system",
    "xdb",
    "mdsys",
    "ctxsys",
    "outln",
    "dbsnmp",
    "wmsys",
    "audsys",
    "ordsys",
    "apex_public_user",
    "sysman",
];

const SQL_SERVER_TABLES: &[&str] = &[
    "sysobjects",
    "syscolumns",
    "sysusers",
    "syslogins",
    "sysdatabases",
    "sysprocesses",
    "sysservers",
    "sysindexes",
    "systypes",
    "sysfiles",
    "syscomments",
    "sysconfigures",
    "syscurconfigs",
    "sysaltfiles",
    "syscacheobjects",
    "syscharsets",
    "sysconstraints",
    "sysdepends",
    "sysdevices",
    "sysfilegroups",
    "sysforeignkeys",
    "sysfulltextcatalogs",
    "sysindexkeys",
    "syslanguages",
    "syslockinfo",
    "sysmembers",
    "sysmessages",
    "sysoledbusers",
    "sysopentapes",
    "sysperfinfo",
    "syspermissions",
    "sysprotects",
    "sysreferences",
    "sysremotelogins",
    "sysxlogins",
    "syscursors",
    "syscursorcolumns",
    "sysjobs",
    "sysmail_allitems",
    "sysdac_instances",
];

/// What Oracle's views of the dictionary are called behind `USER_` and `ALL_`.
const ORACLE_VIEWS: &[&str] = &[
    "tables",
    "tab_columns",
    "tab_cols",
    "users",
    "objects",
    "source",
    "views",
    "constraints",
    "cons_columns",
    "indexes",
    "ind_columns",
    "synonyms",
    "sequences",
    "triggers",
    "procedures",
    "tab_privs",
    "tab_privs_recd",
    "tab_privs_made",
    "sys_privs",
    "role_privs",
    "col_privs",
    "db_links",
    "errors",
    "jobs",
    "scheduler_jobs",
    "segments",
    "extents",
    "free_space",
    "tablespaces",
    "mviews",
    "types",
    "arguments",
    "dependencies",
    "tab_comments",
    "col_comments",
    "catalog",
    "directories",
    "libraries",
    "policies",
    "object_tables",
    "all_tables",
    "tab_partitions",
    "tab_statistics",
    "recyclebin",
    "password_limits",
    "resource_limits",
    "ts_quotas",
    "snapshots",
    "refresh",
    "identifiers",
];

/// What one of the servers calls the thing, if it is one of theirs: a word for the reason.
pub(crate) fn which(table: &[Name], dialect: Dialect) -> Option<&'static str> {
    let plain: Vec<String> = table.iter().map(|name| skeleton(&name.folded)).collect();
    let (last, qualifiers) = plain.split_last()?;
    let any = |schemas: &[&str]| qualifiers.iter().any(|part| schemas.contains(&part.as_str()));
    let all = dialect == Dialect::Generic;
    let is = |one: Dialect| all || dialect == one;
    // A server may fold other letters in these names than we do.
    if table[..table.len() - 1].iter().any(|name| !name.folded.is_ascii()) {
        return Some("a schema whose name is not ASCII");
    }
    if is(Dialect::Postgres)
        && (any(POSTGRES_SCHEMAS) || qualifiers.iter().chain([last]).any(|part| part.starts_with("pg_")))
    {
        return Some("a catalogue of PostgreSQL");
    }
    if is(Dialect::MySql) && any(MYSQL_SCHEMAS) {
        return Some("a catalogue of MySQL");
    }
    if is(Dialect::Sqlite) && (is_sqlite(last, all) || any(&["temp", "sqlite_temp_schema"])) {
        return Some("a catalogue of SQLite");
    }
    if is(Dialect::SqlServer)
        && (any(SQL_SERVER_SCHEMAS)
            || SQL_SERVER_TABLES.contains(&last.as_str())
            || ["spt_", "xp_", "sp_", "fn_"].iter().any(|prefix| last.starts_with(prefix))
            || table.iter().any(|name| name.folded.starts_with('#')))
    {
        return Some("a catalogue of SQL Server");
    }
    if is(Dialect::Oracle) && (any(ORACLE_SCHEMAS) || is_oracle(last, all)) {
        return Some("a view of Oracle's dictionary");
    }
    (all && any(&["system", "snowflake", "duckdb"])).then_some("a catalogue")
}

/// `by_prefix`: only what nobody would call a table of their own.
fn is_sqlite(table: &str, by_prefix: bool) -> bool {
    ["sqlite_", "pragma_", "dbstat", "fts3_", "sqlite_dbpage"].iter().any(|prefix| table.starts_with(prefix))
        || !by_prefix
            && [
                "fsdir",
                "zipfile",
                "completion",
                "bytecode",
                "tables_used",
                "csv",
                "sqlite_stmt",
                "carray",
                "generate_series",
                "json_each",
                "json_tree",
                "memstat",
                "wholenumber",
            ]
            .contains(&table)
}

fn is_oracle(table: &str, by_prefix: bool) -> bool {
    let dictionary = |rest: &str| ORACLE_VIEWS.contains(&rest);
    [
        "dba_",
        "cdb_",
        "v_$",
        "gv_$",
        "nls_",
        "session_priv",
        "session_role",
        "user_sys",
        "role_sys",
        "role_tab",
        "logmnr",
        "x$",
    ]
    .iter()
    .any(|prefix| table.starts_with(prefix))
        || table.contains('$')
        || table.strip_prefix("user_").is_some_and(dictionary)
        || table.strip_prefix("all_").is_some_and(dictionary)
        || !by_prefix
            && [
                "dict",
                "dictionary",
                "dict_columns",
                "tab",
                "cat",
                "col",
                "global_name",
                "product_component_version",
                "plan_table",
            ]
            .contains(&table)
}

/// Small ASCII letters alone, as a server might compare them that knows no accents, or that ignores what it does not know.
fn skeleton(name: &str) -> String {
    if name.is_ascii() {
        return name.trim().to_ascii_lowercase();
    }
    name.nfkd()
        .map(|letter| match letter {
            'ı' => 'i',
            'ſ' => 's',
            other => other,
        })
        .filter(char::is_ascii)
        .collect::<String>()
        .trim()
        .to_ascii_lowercase()
}
