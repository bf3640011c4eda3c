//! `millwright serve`: from settings to an open port, and back down in order.

use std::{io::IsTerminal, net::SocketAddr, process::ExitCode, time::Duration};

use anyhow::Context;
use millwright_config::{Config, Environment};
use millwright_core::Sources;
use millwright_telemetry::Metrics;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{
    app,
    database::Database,
    seed::{Seeder, credentials_file},
};

/// How long requests and jobs may take to end after a signal. Jobs go on after their lease, elsewhere or after a restart.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) async fn run(config: Config, sources: Sources, metrics: Metrics, demo: bool) -> anyhow::Result<ExitCode> {
    // The port first: a second instance must fail before it touches anything.
    let address = SocketAddr::new(config.server.host, config.server.port);
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("port {address} cannot be opened; set HOST and PORT to another"))?;
    let stopped = CancellationToken::new();
    let mut watch = tokio::task::JoinSet::new();
    watch.spawn(wait_for_signal(stopped.clone())?);
    let opened = tokio::select! {
        opened = Database::open(&config, &sources) => Some(opened?),
        () = stopped.cancelled() => None,
    };
    let Some(database) = opened else { return Ok(ExitCode::SUCCESS) };
    let served = serve(&config, &sources, metrics, demo, listener, &database, &stopped).await;
    database.close().await;
    drop(watch);
    served.map(|()| ExitCode::SUCCESS)
}

/// Cancels the token at Ctrl-C or SIGTERM.
fn wait_for_signal(stopped: CancellationToken) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
        stopped.cancel();
    })
}

async fn serve(
    config: &Config,
    sources: &Sources,
    metrics: Metrics,
    demo: bool,
    listener: TcpListener,
    database: &Database,
    stopped: &CancellationToken,
) -> anyhow::Result<()> {
    let app = app::start(config, sources, metrics, database.store.clone(), database.probe()).await?;
    if demo {
        let seeder = Seeder { store: &database.store, sources, key: &app.state.audit_key, config };
        seeder.run().await.context("creating the demo")?;
        app.state.jobs_wake.notify_one();
    }
    let address = listener.local_addr()?;
    announce(config, address, demo);
    let (stop, stopped) = (app.stop.clone(), stopped.clone());
    let shutdown = async move {
        stopped.cancelled().await;
        tracing::info!("stopping");
        // Ends streams and workers, which graceful shutdown would wait for.
        stop.cancel();
    };
    let server = millwright_api::serve(listener, app.state, shutdown);
    let grace = async {
        app.stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = server => ended.context("serving")?,
        () = grace => tracing::warn!("some requests did not end in time"),
    }
    app.tracker.close();
    let _ = tokio::time::timeout(GRACE, app.tracker.wait()).await;
    Ok(())
}

fn announce(config: &Config, address: SocketAddr, demo: bool) {
    tracing::info!(%address, "ready");
    if config.server.environment == Environment::Dev && std::io::stderr().is_terminal() || demo {
        eprintln!("\n  Millwright is ready at http://{address}");
        if demo {
            eprintln!("  Users and passwords of the demo: {}", credentials_file(config).display());
        }
        eprintln!("  Ctrl-C stops it.\n");
    }
}
