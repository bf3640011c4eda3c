//! Which functions may be called: a list for each dialect, in `functions/*.txt` beside this crate's sources, and names that
//! no policy can allow, in `functions/unsafe.txt`.

use std::{collections::HashSet, sync::LazyLock};

use crate::dialect::Dialect;

const COMMON: &str = include_str!("../functions/common.txt");
const POSTGRES: &str = include_str!("../functions/postgres.txt");
const SQL_SERVER: &str = include_str!("../functions/sqlserver.txt");
const ORACLE: &str = include_str!("../functions/oracle.txt");
const MYSQL: &str = include_str!("../functions/mysql.txt");
const SQLITE: &str = include_str!("../functions/sqlite.txt");
const GENERIC: &str = include_str!("../functions/generic.txt");
const ELSEWHERE: &str = include_str!("../functions/elsewhere.txt");
const ROWS: &str = include_str!("../functions/rows.txt");
const UNSAFE: &str = include_str!("../functions/unsafe.txt");

type List = HashSet<&'static str>;

fn list(files: &[&'static str]) -> List {
    files.iter().flat_map(|file| entries(file)).collect()
}

fn entries(file: &'static str) -> impl Iterator<Item = &'static str> {
    file.lines().map(|line| line.split('#').next().unwrap_or_default()).flat_map(str::split_whitespace)
}

static LISTS: LazyLock<[List; 6]> = LazyLock::new(|| {
    [
        list(&[COMMON, POSTGRES, ELSEWHERE]),
        list(&[COMMON, SQL_SERVER, ELSEWHERE]),
        list(&[COMMON, ORACLE, ELSEWHERE]),
        list(&[COMMON, MYSQL, ELSEWHERE]),
        list(&[COMMON, SQLITE, ELSEWHERE]),
        list(&[COMMON, POSTGRES, SQL_SERVER, ORACLE, MYSQL, SQLITE, GENERIC]),
    ]
});

/// Whole names, and beginnings of names.
static UNSAFE_NAMES: LazyLock<(List, Vec<&'static str>)> = LazyLock::new(|| {
    let (prefixes, names): (Vec<&str>, Vec<&str>) = entries(UNSAFE).partition(|name| name.ends_with('*'));
    (names.into_iter().collect(), prefixes.into_iter().filter_map(|name| name.strip_suffix('*')).collect())
});

/// Whether a function, in lower case, is on the dialect's list.
pub(crate) fn is_safe(name: &str, dialect: Dialect) -> bool {
    let at = match dialect {
        Dialect::Postgres => 0,
        Dialect::SqlServer => 1,
        Dialect::Oracle => 2,
        Dialect::MySql => 3,
        Dialect::Sqlite => 4,
        Dialect::Generic => 5,
    };
    LISTS[at].contains(name)
}

static ROW_NAMES: LazyLock<List> = LazyLock::new(|| list(&[ROWS]));

/// Whether a function, in lower case, may stand in FROM.
pub(crate) fn makes_rows(name: &str) -> bool {
    ROW_NAMES.contains(name)
}

/// Whether a function, in lower case, is known to change something, to wait, or to read beyond any policy.
pub(crate) fn is_unsafe(name: &str) -> bool {
    let (names, prefixes) = &*UNSAFE_NAMES;
    names.contains(name) || prefixes.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_function_is_both_safe_and_unsafe() {
        for dialect in Dialect::ALL {
            for (number, safe) in LISTS.iter().enumerate() {
                let both: Vec<_> = safe.iter().filter(|name| is_unsafe(name)).collect();
                assert!(both.is_empty(), "{dialect} {number}: {both:?}");
            }
        }
    }

    #[test]
    fn functions_that_act_are_on_no_list() {
        for name in [
            "pg_sleep",
            "dblink_exec",
            "pg_read_file",
            "lo_import",
            "nextval",
            "setval",
            "set_config",
            "load_extension",
            "xp_cmdshell",
            "load_file",
            "benchmark",
            "sleep",
            "query_to_xml",
            "current_setting",
            "randomblob",
            "readfile",
        ] {
            assert!(Dialect::ALL.iter().all(|dialect| !is_safe(name, *dialect)), "{name}");
            assert!(is_unsafe(name), "{name}");
        }
    }
}
