//! Databases whose own catalogue is known: it has the comments, and costs three statements.

use super::{CatalogueLimits, Raw};
use crate::fetch::Place;
use crate::{Dialect, Limits, OdbcError, Row};

const POSTGRES: [&str; 3] = [
    "select n.nspname::text, c.relname::text, case when c.relkind in ('v', 'm') then 'view' else 'table' end, \
     obj_description(c.oid, 'pg_class')::text \
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
     where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' \
     and has_schema_privilege(n.oid, 'USAGE') and has_any_column_privilege(c.oid, 'SELECT') order by 1, 2",
    "select n.nspname::text, c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod)::text, \
     case when a.attnotnull then '0' else '1' end, col_description(c.oid, a.attnum)::text \
     from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid \
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
     where c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped \
     and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' \
     and has_schema_privilege(n.oid, 'USAGE') and has_column_privilege(c.oid, a.attnum, 'SELECT') order by 1, 2, a.attnum",
    "select n.nspname::text, c.relname::text, k.conname::text, k.contype::text, a.attname::text, fn.nspname::text, fc.relname::text, \
     fa.attname::text \
     from pg_catalog.pg_constraint k join pg_catalog.pg_class c on c.oid = k.conrelid \
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
     cross join lateral unnest(k.conkey) with ordinality as part(number, place) \
     join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = part.number \
     left join pg_catalog.pg_class fc on fc.oid = k.confrelid left join pg_catalog.pg_namespace fn on fn.oid = fc.relnamespace \
     left join pg_catalog.pg_attribute fa on fa.attrelid = k.confrelid and fa.attnum = k.confkey[part.place] \
     where k.contype in ('p', 'u', 'f') order by 1, 2, 3, part.place",
];

const MARIADB: [&str; 3] = [
    "select table_schema, table_name, case when table_type like '%VIEW%' then 'view' else 'table' end, \
     case when table_type like '%VIEW%' then '' else table_comment end from information_schema.tables \
     where table_schema not in ('information_schema', 'mysql', 'performance_schema', 'sys') order by 1, 2",
    "select table_schema, table_name, column_name, column_type, is_nullable, column_comment from information_schema.columns \
     where table_schema not in ('information_schema', 'mysql', 'performance_schema', 'sys') order by 1, 2, ordinal_position",
    "select k.table_schema, k.table_name, k.constraint_name, \
     case c.constraint_type when 'PRIMARY KEY' then 'p' when 'UNIQUE' then 'u' else 'f' end, k.column_name, \
     k.referenced_table_schema, k.referenced_table_name, k.referenced_column_name \
     from information_schema.key_column_usage k join information_schema.table_constraints c \
     on c.constraint_schema = k.constraint_schema and c.table_name = k.table_name and c.constraint_name = k.constraint_name \
     where k.table_schema not in ('information_schema', 'mysql', 'performance_schema', 'sys') \
     and c.constraint_type in ('PRIMARY KEY', 'UNIQUE', 'FOREIGN KEY') order by 1, 2, 3, k.ordinal_position",
];

const SQLITE: [&str; 3] = [
    "select null, name, type, sql from sqlite_schema where type in ('table', 'view') and name not like 'sqlite\\_%' escape '\\' order by name",
    "select null, t.name, c.name, c.type, case c.\"notnull\" when 0 then '1' else '0' end, null \
     from sqlite_schema t join pragma_table_info(t.name) c \
     where t.type in ('table', 'view') and t.name not like 'sqlite\\_%' escape '\\' order by t.name, c.cid",
    "select null, t.name, 'key', 'p', c.name, null, null, null, c.pk from sqlite_schema t join pragma_table_info(t.name) c \
     where t.type = 'table' and c.pk > 0 \
     union all select null, t.name, 'unique ' || i.name, 'u', c.name, null, null, null, c.seqno \
     from sqlite_schema t join pragma_index_list(t.name) i join pragma_index_info(i.name) c \
     where t.type = 'table' and i.\"unique\" = 1 and i.origin = 'u' \
     union all select null, t.name, 'foreign ' || f.id, 'f', f.\"from\", null, f.\"table\", f.\"to\", f.seq \
     from sqlite_schema t join pragma_foreign_key_list(t.name) f where t.type = 'table' order by 2, 4, 3, 9",
];

pub(super) fn read(place: &Place<'_>, dialect: &Dialect, limits: &CatalogueLimits) -> Result<Raw, OdbcError> {
    let [relations, columns, keys] = match dialect {
        Dialect::Postgres => POSTGRES,
        Dialect::Sqlite => SQLITE,
        _ => MARIADB,
    };
    let mut truncated = false;
    let mut ask = |sql: &str, rows: usize| -> Result<Vec<Row>, OdbcError> {
        let limits = Limits { rows: rows as u64, ..place.limits };
        let mut found = Vec::new();
        let asked = Place { limits, ..*place }.query(sql, &[], &mut found);
        truncated |= matches!(asked, Err(OdbcError::TooManyRows(_)));
        if truncated { Ok(found) } else { asked.map(|()| found) }
    };
    let relations = ask(relations, limits.relations)?;
    let columns = ask(columns, limits.columns)?;
    let keys = ask(keys, limits.columns)?;
    Ok(Raw { relations, columns, keys, truncated })
}
