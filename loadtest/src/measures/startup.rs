//! From the start of the process to the first answer of `/health/ready`.

use std::{path::Path, time::Duration};

use crate::{
    http::Client,
    report::{Report, Row, median},
    server::{Installation, Server},
};

const STARTS: usize = 3;
/// A second start must be ready within this, milliseconds.
const WARM_TARGET: f64 = 2000.0;
const SAMPLES_TIMEOUT: Duration = Duration::from_mins(1);

/// Starts with new data folders, then with the last of these again and again. It is left running.
pub(crate) async fn measure(
    report: &mut Report,
    binary: &Path,
    cache_dir: &Path,
) -> anyhow::Result<(Installation, Server)> {
    let mut first = Vec::new();
    let mut installation = Installation::new(binary, cache_dir)?;
    for round in 1..=STARTS {
        let (server, took) = installation.start().await?;
        first.push(took);
        if round < STARTS {
            server.stop()?;
            installation = Installation::new(binary, cache_dir)?;
        } else {
            // A warm start must not be busy with what the first one left undone.
            wait_for_samples(&server, &installation).await?;
            server.stop()?;
        }
    }
    let mut warm = Vec::new();
    let running = loop {
        let (server, took) = installation.start().await?;
        warm.push(took);
        if warm.len() == STARTS {
            break server;
        }
        server.stop()?;
    };
    let row = |measure: &str, times: &[Duration]| {
        Row::new("start-up", measure).figure("median", median(times), "ms").figure(
            "slowest",
            crate::report::percentile(times, 1.0),
            "ms",
        )
    };
    report.row(row("first start: new database, demo users", &first));
    report.row(row("second start", &warm).at_most("median", WARM_TARGET));
    Ok((installation, running))
}

async fn wait_for_samples(server: &Server, installation: &Installation) -> anyhow::Result<()> {
    let token = server.sign_in(installation, "admin@tenant-a.example").await?;
    let mut client = Client::connect(server.address, Some(&token)).await?;
    let all_read = async {
        loop {
            let list = client.get("/api/v1/documents").await?.json()?;
            let mut documents = list["items"].as_array().into_iter().flatten();
            if documents.all(|document| document["latest"]["status"] == "ready") {
                return anyhow::Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SAMPLES_TIMEOUT, all_read).await?
}
