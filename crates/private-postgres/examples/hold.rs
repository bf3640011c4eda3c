//! Starts the private PostgreSQL and waits to be killed: `hold INSTALL_DIR DATA_DIR`. Prints the
//! postmaster's pid and the admin URL once it is up. The tests kill it in every way there is.

use std::io::Write;

use millwright_core::Sources;
use millwright_private_postgres::{PrivatePostgres, Settings};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folders: Vec<String> = std::env::args().skip(1).collect();
    let [install_dir, data_dir] = &folders[..] else { anyhow::bail!("usage: hold INSTALL_DIR DATA_DIR") };
    let mut interrupt = signal(SignalKind::interrupt())?;
    let running = PrivatePostgres::start(Settings::new(install_dir, data_dir), &Sources::system()).await?;
    writeln!(std::io::stdout(), "{} {}", running.process_id().unwrap_or_default(), running.admin_url())?;
    interrupt.recv().await;
    running.stop().await;
    Ok(())
}
