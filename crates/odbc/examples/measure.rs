//! Reads ten million rows, and small answers one after the other, from a database with the sample: by this crate, and as a
//! program would by `odbc-api` alone. Prints times, and the most memory that the process had.
//!
//! `cargo run --release -p millwright-odbc --example measure -- "PostgreSQL Unicode" 127.0.0.1 5432 mes USER [PASSWORD]`

use std::time::{Duration, Instant};

use anyhow::Context as _;
use millwright_odbc::{
    Cell, Credential, Dialect, Limits, Pool, PoolOptions, Query, Source, SourcePolicy, SourceSettings,
};
use odbc_api::buffers::TextRowSet;
use odbc_api::{Connection, ConnectionOptions, Cursor, Environment, IntoParameter};

const SMALL: &str =
    "SELECT id, equipment_id, opened_on, short_text, cost FROM work_orders WHERE equipment_id = ? AND id < ?";
const TIMES: i64 = 2000;

fn many(dialect: &Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => {
            "SELECT n, CAST('row ' || n AS varchar(20)) AS name FROM (SELECT generate_series(1, 10000000) AS n) AS s"
        }
        Dialect::MariaDb => "SELECT seq AS n, CONCAT('row ', seq) AS name FROM seq_1_to_10000000",
        _ => {
            "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 10000000) \
             SELECT n, 'row ' || n AS name FROM s"
        }
    }
}

/// The most memory so far, in MiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok()).unwrap_or_default() / 1024
}

async fn ours(pool: &Pool, credential: &Credential, query: Query) -> anyhow::Result<usize> {
    let mut rows = pool.query(credential, query).await?;
    let mut count = 0;
    while let Some(block) = rows.next().await? {
        count += block.len();
    }
    Ok(count)
}

/// With text for every column, as the example of `odbc-api` reads.
fn plain(mut cursor: impl Cursor) -> anyhow::Result<usize> {
    let columns = cursor.num_result_cols()?;
    let mut buffer = TextRowSet::for_cursor(1000, &mut cursor, Some(4096))?;
    let mut blocks = cursor.bind_buffer(&mut buffer)?;
    let mut count = 0;
    while let Some(block) = blocks.fetch()? {
        for row in 0..block.num_rows() {
            let cells: Vec<_> = (0..columns as usize)
                .map(|column| block.at(column, row).map(|text| String::from_utf8_lossy(text).into_owned()))
                .collect();
            count += usize::from(!cells.is_empty());
        }
    }
    Ok(count)
}

fn plain_small(connection: &Connection<'_>, number: i64) -> anyhow::Result<usize> {
    let parameters = (&"EX-A".into_parameter(), &(number % 60 + 1));
    plain(connection.execute(SMALL, parameters, Some(30))?.context("a table")?)
}

fn say(what: &str, rows: usize, took: Duration) {
    eprintln!("{what}: {rows} rows, {:.3} s, most memory {} MiB", took.as_secs_f64(), memory());
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [driver, server, port, database, user, rest @ ..] = &arguments[..] else {
        anyhow::bail!("driver, server, port, database and user are needed; `-` for what a file has none of");
    };
    let password = rest.first().map_or("", String::as_str);
    let given = |text: &String| (text != "-").then(|| text.clone());
    let settings = SourceSettings {
        driver: driver.clone(),
        server: given(server),
        port: given(port).map(|port| port.parse()).transpose()?,
        database: database.clone(),
        ..SourceSettings::default()
    };
    let credential = given(user).map_or_else(Credential::none, |user| Credential::new(user, password));
    let pool = Pool::new(Source::new(settings, &SourcePolicy::default())?, PoolOptions::default());
    let dialect = pool.check(&credential, Duration::from_secs(10)).await?.dialect;

    let small = |number: i64| Query::new(SMALL, vec![Cell::Text("EX-A".to_owned()), Cell::Integer(number % 60 + 1)]);
    let (begun, mut count) = (Instant::now(), 0);
    for number in 0..TIMES {
        count += ours(&pool, &credential, small(number)).await?;
    }
    say("2000 small answers, this crate", count, begun.elapsed());
    let limits = Limits { rows: u64::MAX - 1, bytes: u64::MAX, time: Duration::from_mins(10), ..Limits::default() };
    let begun = Instant::now();
    let count = ours(&pool, &credential, Query { limits, ..Query::new(many(&dialect), vec![]) }).await?;
    say("ten million rows, this crate", count, begun.elapsed());
    drop(pool);

    let mut string = format!("DRIVER={{{driver}}};DATABASE={database};");
    for (key, value) in
        [("SERVER", given(server)), ("PORT", given(port)), ("UID", given(user)), ("PWD", rest.first().cloned())]
    {
        string += &value.map(|value| format!("{key}={value};")).unwrap_or_default();
    }
    let environment = Environment::new()?;
    let connection = environment.connect_with_connection_string(&string, ConnectionOptions::default())?;
    let (begun, mut count) = (Instant::now(), 0);
    for number in 0..TIMES {
        count += plain_small(&connection, number)?;
    }
    say("2000 small answers, odbc-api alone", count, begun.elapsed());
    let begun = Instant::now();
    let count = plain(connection.execute(many(&dialect), (), None)?.context("a table")?)?;
    say("ten million rows, odbc-api alone", count, begun.elapsed());
    Ok(())
}
