//! Creates and fills the small MES of `samples/mes` in the database that a connection string names.
//!
//! `cargo run -p millwright-odbc --example load_mes -- "DRIVER={SQLite3};DATABASE=/tmp/mes.db"`

use anyhow::Context;
use millwright_odbc::{Dialect, drivers, sample};
use odbc_api::{ConnectionOptions, Environment};

fn main() -> anyhow::Result<()> {
    let string = std::env::args().nth(1).context("a connection string is needed")?;
    // Finds the driver manager, or says that there is none.
    drivers()?;
    let environment = Environment::new()?;
    let connection = environment.connect_with_connection_string(&string, ConnectionOptions::default())?;
    let product = connection.database_management_system_name()?;
    let statements = sample::statements(&Dialect::of(&product));
    connection.set_autocommit(false)?;
    for statement in &statements {
        connection.execute(statement, (), None)?;
    }
    connection.commit()?;
    Ok(())
}
