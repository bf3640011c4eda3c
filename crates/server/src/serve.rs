//! `millwright serve`: from settings to an open port, and back down in order.

use std::{io::IsTerminal, net::SocketAddr, process::ExitCode, time::Duration};

use anyhow::Context;
use millwright_api::Listening;
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
    let listening = Listening::new(config.listening.clone()).await.context("TLS_CERT_FILE and TLS_KEY_FILE")?;
    if config.is_exposed_in_the_clear() {
        tracing::warn!(
            host = %config.server.host,
            "passwords and documents cross the network in the clear, and browsers will not keep anybody signed in: set \
             TLS_CERT_FILE and TLS_KEY_FILE, or put a proxy with TLS in front and name it in TRUSTED_PROXIES"
        );
    }
    let port = Port { listener, listening };
    let stopped = CancellationToken::new();
    let mut watch = tokio::task::JoinSet::new();
    watch.spawn(wait_for_signal(stopped.clone())?);
    let opened = tokio::select! {
        opened = Database::open(&config, &sources) => Some(opened?),
        () = stopped.cancelled() => None,
    };
    let Some(database) = opened else { return Ok(ExitCode::SUCCESS) };
    let served = serve(&config, &sources, metrics, demo, port, &database, &stopped).await;
    database.close().await;
    drop(watch);
    served.map(|()| ExitCode::SUCCESS)
}

/// Where requests come in.
struct Port {
    listener: TcpListener,
    listening: Listening,
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
    port: Port,
    database: &Database,
    stopped: &CancellationToken,
) -> anyhow::Result<()> {
    let address = port.listener.local_addr()?;
    let public_url = public_url(config, port.listening.scheme(), address);
    let app = app::start(config, sources, metrics, database, public_url).await?;
    if demo {
        let seeder = Seeder {
            store: &database.store,
            platform_url: database.platform_url.as_deref(),
            sources,
            key: &app.state.audit_key,
            config,
        };
        seeder.run().await.context("creating the demo")?;
        app.state.jobs_wake.notify_one();
    }
    let Port { listener, listening } = port;
    announce(config, listening.scheme(), address, demo);
    let (stop, stopped) = (app.stop.clone(), stopped.clone());
    let shutdown = async move {
        stopped.cancelled().await;
        tracing::info!("stopping");
        // Ends streams and workers, which graceful shutdown would wait for.
        stop.cancel();
    };
    let server = millwright_api::serve(listener, app.state, listening, shutdown);
    let grace = async {
        app.stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        () = server => {}
        () = grace => tracing::warn!("some requests did not end in time"),
    }
    app.tracker.close();
    let _ = tokio::time::timeout(GRACE, app.tracker.wait()).await;
    // Answers that were cut off by the stop are counted now.
    let _ = tokio::time::timeout(GRACE, app.ledger.drain()).await;
    let _ = tokio::task::spawn_blocking(millwright_telemetry::spans::finish).await;
    Ok(())
}

/// The address that people use: the one given, or the one that is listened on.
fn public_url(config: &Config, scheme: &str, address: SocketAddr) -> String {
    let url = config.identity.public_url(address);
    match (&config.identity.public_url, url.strip_prefix("http://")) {
        (None, Some(place)) => format!("{scheme}://{place}"),
        _ => url,
    }
}

fn announce(config: &Config, scheme: &str, address: SocketAddr, demo: bool) {
    tracing::info!(%address, "ready");
    if config.server.environment == Environment::Dev && std::io::stderr().is_terminal() || demo {
        eprintln!("\n  Millwright is ready at {scheme}://{address}");
        if demo {
            eprintln!("  Users and passwords of the demo: {}", credentials_file(config).display());
        }
        eprintln!("  Ctrl-C stops it.\n");
    }
}
