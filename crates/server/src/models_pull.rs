//! `millwright models pull`: has Ollama servers fetch the models that the configuration expects of them.
//!
//! A command and not an API: model servers belong to the installation, and no tenant changes what others are answered by.

use std::{io::Write, process::ExitCode};

use anyhow::{Context, bail};
use clap::Subcommand;
use futures::StreamExt;
use millwright_config::{Config, EndpointKind, EndpointSettings, ModelCatalog, ModelPlace};
use millwright_core::Sources;
use millwright_llm::provider::{OllamaProvider, Provider, ProviderKind, PullProgress};

use crate::{health::is_named, models};

/// A layer's progress is told so often.
const STEPS_A_LAYER: u64 = 20;

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Have the Ollama servers that may (`pull: true` in `models.yaml`, or OLLAMA_PULL) fetch the models that they lack.
    Pull {
        /// Only this model, by the name that people and API clients say; all of them without it.
        model: Option<String>,
        /// Only at this endpoint.
        #[arg(long)]
        endpoint: Option<String>,
    },
}

/// Exit code 0 when every model is where it belongs.
pub(crate) async fn run(config: &Config, sources: &Sources, command: ModelsCommand) -> anyhow::Result<ExitCode> {
    let ModelsCommand::Pull { model, endpoint } = command;
    let wanted = wanted(&config.models.catalog, model.as_deref(), endpoint.as_deref())?;
    let mut failed = false;
    for (server, names) in wanted {
        if let Err(error) = fetch(&models::ollama(server, sources)?, &server.name, &names).await {
            eprintln!("millwright: `{}`: {error:#}", server.name);
            failed = true;
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Each server that is to have models, with their names there.
fn wanted<'c>(
    catalog: &'c ModelCatalog,
    model: Option<&str>,
    endpoint: Option<&str>,
) -> anyhow::Result<Vec<(&'c EndpointSettings, Vec<&'c str>)>> {
    let servers = catalog.endpoints.iter().filter(|server| server.kind == EndpointKind::Ollama);
    let servers = servers.filter(|server| endpoint.is_none_or(|name| name == server.name));
    let of = |server: &EndpointSettings| -> Vec<&'c str> {
        let models = catalog.models.iter().filter(|entry| model.is_none_or(|name| name == entry.name));
        let places = models.flat_map(|entry| &entry.places).filter(|place| place.endpoint == server.name);
        places.map(|place| place.model.as_str()).collect()
    };
    let here: Vec<_> = servers.map(|server| (server, of(server))).filter(|(_, names)| !names.is_empty()).collect();
    if here.is_empty() {
        let ollama = |place: &&ModelPlace| {
            catalog.endpoint(&place.endpoint).is_some_and(|server| server.kind == EndpointKind::Ollama)
        };
        let there = catalog.models.iter().flat_map(|entry| {
            entry.places.iter().filter(ollama).map(move |place| format!("`{}` at `{}`", entry.name, place.endpoint))
        });
        let there: Vec<_> = there.collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        bail!("no such model is on an Ollama server; those that are: {there}");
    }
    let (may, may_not): (Vec<_>, Vec<_>) = here.into_iter().partition(|(server, _)| server.pull);
    for (server, _) in &may_not {
        eprintln!(
            "millwright: `{}` may not fetch models: say `pull: true` there in `models.yaml`, or set OLLAMA_PULL",
            server.name
        );
    }
    if may.is_empty() {
        bail!("no Ollama server may fetch models");
    }
    Ok(may)
}

async fn fetch(server: &OllamaProvider, at: &str, names: &[&str]) -> anyhow::Result<()> {
    let listed = server.list_models().await.context("asking what it has")?;
    for name in names {
        if listed.iter().any(|listed| is_named(ProviderKind::Ollama, listed, name)) {
            writeln!(std::io::stdout(), "{at}: {name}: is there")?;
            continue;
        }
        let mut steps = server.pull(name).await.with_context(|| format!("fetching {name}"))?;
        let mut told = Told::default();
        while let Some(step) = steps.next().await {
            let step =
                step.with_context(|| format!("fetching {name}; what came stays there, and a new try goes on"))?;
            if let Some(line) = told.line(&step) {
                writeln!(std::io::stdout(), "{at}: {name}: {line}")?;
            }
        }
    }
    Ok(())
}

/// What was said last, so that a line says something new.
#[derive(Default)]
struct Told {
    status: String,
    step: u64,
}

impl Told {
    fn line(&mut self, progress: &PullProgress) -> Option<String> {
        let PullProgress { status, total, completed, .. } = progress;
        let part = total.filter(|total| *total > 0).map(|total| (completed.unwrap_or(0).min(total), total));
        let step = part.map_or(0, |(completed, total)| completed.saturating_mul(STEPS_A_LAYER) / total);
        if *status == self.status && step == self.step {
            return None;
        }
        (self.status, self.step) = (status.clone(), step);
        Some(match part {
            Some((completed, total)) => {
                let percent = completed.saturating_mul(100) / total;
                format!("{status}: {percent} % of {:.1} MB", total as f64 / 1e6)
            }
            None => status.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(status: &str, part: Option<(u64, u64)>) -> PullProgress {
        let (completed, total) = part.unzip();
        PullProgress { status: status.to_owned(), digest: None, total, completed }
    }

    #[test]
    fn thousands_of_steps_become_few_lines() {
        let mut told = Told::default();
        let mut lines: Vec<_> = [told.line(&step("pulling manifest", None))].into_iter().flatten().collect();
        lines.extend((0..=5_000).filter_map(|done| told.line(&step("pulling aabb", Some((done * 1_000, 5_000_000))))));
        assert_eq!(lines.len(), 22, "{lines:?}");
        assert_eq!((lines[0].as_str(), lines[2].as_str()), ("pulling manifest", "pulling aabb: 5 % of 5.0 MB"));
        assert_eq!(told.line(&step("pulling aabb", Some((5_000_000, 5_000_000)))), None);
        assert_eq!(told.line(&step("pulling ccdd", Some((0, 0)))).unwrap(), "pulling ccdd");
    }
}
