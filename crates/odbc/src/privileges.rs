use std::fs::OpenOptions;

use odbc_api::sys::InfoType;

use crate::fetch::Place;
use crate::{Cell, Dialect, OdbcError, ReadOnly, Row, Source};

/// How a source is, for who looks after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Whose SQL it speaks.
    pub dialect: Dialect,
    /// The database's name and version.
    pub product: String,
    /// The driver's file and version.
    pub driver: String,
    /// What keeps statements from writing, beside the guard and the login's rights.
    pub read_only: ReadOnly,
    /// What the login could write.
    pub writes: Writes,
    /// Whether calls of this driver wait for each other over all of the process: see [`crate::Driver::serialised`].
    pub serialised: bool,
}

/// What a login could write if nothing else stopped it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writes {
    /// Nothing that was found.
    Nothing,
    /// This, in the database's own words: at most ten. A login that only reads should be used instead.
    Could(Vec<String>),
    /// It is not known how to ask this database.
    Unknown,
}

/// The most reasons that are given.
const REASONS: usize = 10;

const POSTGRES: &str = "with me as (select * from pg_catalog.pg_roles where rolname = current_user) \
    select 'role attribute ' || word from me cross join lateral (values ('SUPERUSER', rolsuper), ('CREATEDB', rolcreatedb), \
    ('CREATEROLE', rolcreaterole), ('REPLICATION', rolreplication), ('BYPASSRLS', rolbypassrls)) as has(word, so) where so \
    union all select 'member of ' || r.rolname from pg_catalog.pg_roles r where r.rolname in ('pg_write_all_data', \
    'pg_write_server_files', 'pg_execute_server_program', 'pg_read_server_files') and pg_has_role(r.oid, 'USAGE') \
    union all select 'CREATE in database ' || current_database() where has_database_privilege(current_database(), 'CREATE') \
    union all select 'CREATE in schema ' || nspname from pg_catalog.pg_namespace \
    where nspname !~ '^pg_' and has_schema_privilege(oid, 'CREATE') \
    union all select 'write in table ' || n.nspname || '.' || c.relname from pg_catalog.pg_class c \
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'f') \
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and has_schema_privilege(n.oid, 'USAGE') \
    and (has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') or has_any_column_privilege(c.oid, 'INSERT, UPDATE')) \
    limit 10";

pub(crate) fn check(place: &Place<'_>, source: &Source) -> Result<Checked, OdbcError> {
    let link = place.link;
    let writes = match &link.dialect {
        Dialect::Postgres => could(words(&ask(place, POSTGRES)?)),
        Dialect::MariaDb | Dialect::MySql => could(grants(place)?),
        Dialect::Sqlite => file(&ask(place, "select file from pragma_database_list where name = 'main'")?),
        Dialect::Other(_) => Writes::Unknown,
    };
    let driver = format!("{} {}", link.told(InfoType::DriverName), link.told(InfoType::DriverVer));
    let serialised = crate::drivers()?.iter().any(|driver| driver.name == source.driver() && driver.serialised);
    Ok(Checked {
        dialect: link.dialect.clone(),
        product: link.product.clone(),
        driver: driver.trim().to_owned(),
        read_only: link.dialect.read_only(),
        writes,
        serialised,
    })
}

fn ask(place: &Place<'_>, sql: &str) -> Result<Vec<Row>, OdbcError> {
    let mut rows = Vec::new();
    place.query(sql, &[], &mut rows)?;
    Ok(rows)
}

/// What a login's grants give beyond reading. Those of the role that is on are listed with them; what another role gives, the
/// login may not even see, so that counts.
fn grants(place: &Place<'_>) -> Result<Vec<String>, OdbcError> {
    let on = words(&ask(place, "SELECT CURRENT_ROLE()")?).pop();
    let beyond = |grant: &String| match role(grant) {
        Some(role) if on.as_deref() == Some(role.trim_matches('`')) => None,
        Some(role) => Some(format!("the role {role}")),
        None if grant.starts_with("SET DEFAULT ROLE") => None,
        None => granted(grant),
    };
    Ok(words(&ask(place, "SHOW GRANTS")?).iter().filter_map(beyond).collect())
}

/// The role, in its quotes, that a line of `SHOW GRANTS` gives.
fn role(grant: &str) -> Option<&str> {
    let (role, _) = grant.strip_prefix("GRANT ")?.split_once(" TO ")?;
    (role.starts_with('`') && role.ends_with('`') && !role.contains(" ON ")).then_some(role)
}

fn words(rows: &[Row]) -> Vec<String> {
    let word = |row: &Row| match row.first() {
        Some(Cell::Text(text)) => Some(text.clone()),
        _ => None,
    };
    rows.iter().filter_map(word).collect()
}

fn could(mut reasons: Vec<String>) -> Writes {
    reasons.truncate(REASONS);
    if reasons.is_empty() { Writes::Nothing } else { Writes::Could(reasons) }
}

/// What a line of `SHOW GRANTS` gives beyond reading. `FILE` writes files, and what is not known counts.
fn granted(grant: &str) -> Option<String> {
    const READING: &[&str] = &["SELECT", "USAGE", "SHOW VIEW", "SHOW DATABASES", "SHOW CREATE ROUTINE", "PROCESS"];
    let (rights, rest) = grant.strip_prefix("GRANT ")?.split_once(" ON ").unwrap_or((grant, ""));
    // Rights on columns: `SELECT (a, b)`.
    let mut plain = String::new();
    let mut depth = 0_u32;
    for character in rights.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(character),
            _ => {}
        }
    }
    let beyond: Vec<_> = plain.split(',').map(str::trim).filter(|right| !READING.contains(right)).collect();
    let place = rest.split(" TO ").next().unwrap_or_default();
    (!beyond.is_empty()).then(|| format!("{} on {place}", beyond.join(", ")))
}

/// A file is written by whoever may open it for that.
fn file(rows: &[Row]) -> Writes {
    let paths = words(rows);
    let Some(path) = paths.first().filter(|path| !path.is_empty()) else { return Writes::Unknown };
    match OpenOptions::new().append(true).open(path) {
        Ok(_) => Writes::Could(vec!["the file of the database may be written".to_owned()]),
        Err(_) => Writes::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_beyond_reading_are_found_in_grants() {
        for reading in [
            "GRANT USAGE ON *.* TO `reader`@`%` IDENTIFIED BY PASSWORD '*00'",
            "GRANT SELECT, SHOW VIEW ON `mes`.* TO `reader`@`%`",
            "GRANT SELECT (`id`, `INSERT`) ON `mes`.`work_orders` TO `reader`@`%`",
        ] {
            assert_eq!(granted(reading), None, "{reading}");
        }
        assert_eq!(role("GRANT `mes readers` TO `reader`@`%`"), Some("`mes readers`"));
        assert_eq!(role("GRANT SELECT ON `mes`.* TO `reader`@`%`"), None);
        assert_eq!(
            granted("GRANT SELECT, INSERT, FILE ON `mes`.* TO `w`@`%`").as_deref(),
            Some("INSERT, FILE on `mes`.*")
        );
        assert_eq!(granted("GRANT ALL PRIVILEGES ON *.* TO `root`@`%`").as_deref(), Some("ALL PRIVILEGES on *.*"));
    }
}
