//! `millwright doctor`: looks at each part by itself and says what to do.

use std::{io::Write, path::Path, process::ExitCode};

use millwright_api::{HealthCheck, HealthStatus};
use millwright_audit::AuditKey;
use millwright_config::Config;
use millwright_core::Sources;
use millwright_documents::Recognizer;
use millwright_oidc::Provider;
use tokio_util::task::TaskTracker;

use crate::{database, database::Database, embeddings, health, models, policy};

struct Findings(Vec<HealthCheck>);

impl Findings {
    fn ready(&mut self, name: &'static str, detail: impl Into<String>) {
        self.0.push(HealthCheck { name, status: HealthStatus::Ready, detail: detail.into(), remedy: None });
    }

    fn degraded(&mut self, name: &'static str, detail: impl Into<String>, remedy: &str) {
        let remedy = Some(remedy.to_owned());
        self.0.push(HealthCheck { name, status: HealthStatus::Degraded, detail: detail.into(), remedy });
    }

    fn failed(&mut self, name: &'static str, detail: impl Into<String>, remedy: &str) {
        let remedy = Some(remedy.to_owned());
        self.0.push(HealthCheck { name, status: HealthStatus::Unavailable, detail: detail.into(), remedy });
    }
}

/// Exit code 0 when everything needed works.
pub(crate) async fn run(config: &Config, sources: &Sources) -> anyhow::Result<ExitCode> {
    let mut findings = Findings(Vec::new());
    folders(config, &mut findings);
    secret(config, sources, &mut findings);
    database(config, sources, &mut findings).await;
    embedding(config, &mut findings).await;
    text_recognition(config, &mut findings);
    language_models(config, sources, &mut findings).await;
    providers(config, sources, &mut findings).await;
    print(&findings)
}

fn folders(config: &Config, findings: &mut Findings) {
    let folder = &config.storage.data_dir;
    match writable(folder) {
        Ok(()) => findings.ready("data folder", folder.display().to_string()),
        Err(error) => findings.failed(
            "data folder",
            format!("{}: {error}", folder.display()),
            "make it writable for this user, or set MILLWRIGHT_DATA_DIR",
        ),
    }
}

fn writable(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let probe = folder.join(".doctor");
    std::fs::write(&probe, b"probe")?;
    std::fs::remove_file(probe)
}

fn secret(config: &Config, sources: &Sources, findings: &mut Findings) {
    let key = config.secret_key(sources).map_err(anyhow::Error::from);
    match key.and_then(|key| Ok(AuditKey::derive(key.expose().as_bytes())?)) {
        Ok(key) => findings.ready("secret key", format!("audit key {}", key.id())),
        Err(error) => findings.failed("secret key", format!("{error:#}"), "set SECRET_KEY to at least 32 random bytes"),
    }
}

async fn database(config: &Config, sources: &Sources, findings: &mut Findings) {
    let remedy = if config.database.is_private() {
        let folder = database::install_dir(&config.database, &config.storage.cache_dir);
        findings.ready("PostgreSQL", format!("private, programs in {}", folder.display()));
        "run `make run` once to fetch PostgreSQL"
    } else {
        "see that PostgreSQL runs, that DATABASE_URL is right, and run `millwright migrate`"
    };
    match Database::open_beside(config, sources).await {
        Ok(database) => {
            findings.ready("database", "opened as the application; its schema fits this version");
            database.close().await;
        }
        Err(error) => findings.failed("database", format!("{error:#}"), remedy),
    }
}

async fn embedding(config: &Config, findings: &mut Findings) {
    match embeddings::load(config).await {
        Ok(embedder) => match embedder.embed_query("a probe").await {
            Ok(_) => findings.ready("embedding model", format!("digest {}", embedder.digest())),
            Err(error) => {
                findings.failed("embedding model", error.to_string(), "fetch the model again with `make run`");
            }
        },
        Err(error) => {
            findings.failed("embedding model", format!("{error:#}"), "run `make run` once, or set MODEL_DIR");
        }
    }
}

/// Nothing but scans needs it.
fn text_recognition(config: &Config, findings: &mut Findings) {
    let name = "text recognition";
    let wanted = &config.retrieval.ocr_languages;
    if wanted.is_empty() {
        findings.ready(name, "off, as OCR_LANGUAGES says: scanned PDFs are refused");
        return;
    }
    let remedy =
        "install it (Debian: apt-get install tesseract-ocr tesseract-ocr-deu) or set OCR_LANGUAGES, and restart";
    match Recognizer::find(wanted) {
        Ok(found) if found.languages().split('+').eq(wanted) => {
            findings.ready(name, format!("{}, languages {}", found.version(), found.languages()));
        }
        Ok(found) => {
            let detail = format!("{}, of {} only {}", found.version(), wanted.join("+"), found.languages());
            findings.degraded(name, detail, remedy);
        }
        Err(missing) => findings.degraded(name, format!("scanned PDFs are refused: {missing}"), remedy),
    }
}

async fn language_models(config: &Config, sources: &Sources, findings: &mut Findings) {
    let policy = match policy::load(config) {
        Ok((file, _)) => {
            findings.ready("policy", "valid");
            file
        }
        Err(error) => {
            findings.failed("policy", format!("{error:#}"), "correct the file that POLICY_FILE names");
            return;
        }
    };
    match models::catalog(config, sources, &policy) {
        Ok(models) => findings.0.append(&mut health::language_models(&models).await),
        Err(error) => {
            findings.failed(
                "language model",
                format!("{error:#}"),
                "correct OLLAMA_BASE_URL, LLM_BASE_URL or `models.yaml`",
            );
        }
    }
}

/// Each provider's document must be there and fit its settings; nobody signs in.
async fn providers(config: &Config, sources: &Sources, findings: &mut Findings) {
    for settings in &config.identity.providers {
        let place = format!("`{}` at {}", settings.id, settings.issuer);
        let asked = async {
            let provider = Provider::new(settings.clone(), TaskTracker::new())?;
            provider.begin_login(sources, "http://127.0.0.1/probe", None).await
        };
        match asked.await {
            Ok(_) => findings.ready("identity provider", place),
            Err(error) => findings.failed(
                "identity provider",
                format!("{place}: {:#}", anyhow::Error::from(error)),
                "see that it runs and that its issuer is written exactly as it writes it itself",
            ),
        }
    }
}

fn print(findings: &Findings) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout();
    let mut sound = true;
    for check in &findings.0 {
        let word = match check.status {
            HealthStatus::Ready => "ok",
            HealthStatus::Degraded => "degraded",
            HealthStatus::Unavailable => {
                sound = false;
                "FAILED"
            }
        };
        writeln!(out, "{word:<9} {:<16} {}", check.name, check.detail)?;
        if let Some(remedy) = &check.remedy {
            writeln!(out, "{:<9} {:<16} what to do: {remedy}", "", "")?;
        }
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
