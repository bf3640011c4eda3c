//! What reserving and settling cost:
//! `cargo run --release -p millwright-budgets --example throughput -- --database-url URL`.
//!
//! The URL is that of a superuser on a throw-away PostgreSQL that flushes to disk as it would in production; the database
//! is migrated, filled with tenants and not cleaned. Callers in this process reserve, make the audit entry, settle, and
//! begin again. It prints a Markdown table: calls a second, and latencies of a whole call and of its parts.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::{
    io::Write,
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Parser;
use futures::future::try_join_all;
use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_budgets::{
    BudgetPeriod, BudgetSubjectKind, BudgetUnit, CallOutcome, Claim, Ledger, Subjects, UsageRecord,
};
use millwright_core::{
    Sources, TenantScope,
    audit::AuditRecord,
    id::{TenantId, UserId},
};
use millwright_store::{
    AppLogin, Proof, Store, StoreSettings, migrate,
    platform::{FirstAdmin, Platform},
    tenant::NewBudget,
};

const PASSWORD: &str = "only-for-load";
/// Thrown away at the beginning of each measure.
const WARM_UP: Duration = Duration::from_secs(1);

/// Measures the ledger on a database of its own.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// A superuser's URL of a throw-away server.
    #[arg(long)]
    database_url: String,
    /// For each measure.
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// Connections of the process.
    #[arg(long, default_value_t = 10)]
    connections: u32,
}

struct Bench {
    store: Store,
    sources: Sources,
    key: AuditKey,
    platform_url: String,
    time: Duration,
}

/// A tenant whose people call models.
#[derive(Clone, Copy)]
struct Site {
    scope: TenantScope,
    user: UserId,
}

/// Microseconds.
#[derive(Default)]
struct Latencies {
    whole: Vec<u64>,
    reserve: Vec<u64>,
    settle: Vec<u64>,
}

impl Latencies {
    fn merge(mut self, other: Self) -> Self {
        self.whole.extend(other.whole);
        self.reserve.extend(other.reserve);
        self.settle.extend(other.settle);
        self
    }
}

fn percentile(values: &mut [u64], percent: usize) -> f64 {
    values.sort_unstable();
    let index = (values.len() * percent / 100).min(values.len().saturating_sub(1));
    values.get(index).copied().unwrap_or_default() as f64 / 1_000.0
}

fn login_url(admin_url: &str, role: &str) -> anyhow::Result<String> {
    let (_, rest) = admin_url.split_once("://").context("the URL has no scheme")?;
    let address = rest.rsplit_once('@').map_or(rest, |(_, address)| address);
    Ok(format!("postgres://{role}:{PASSWORD}@{address}"))
}

impl Bench {
    async fn open(arguments: &Arguments) -> anyhow::Result<Self> {
        let login = |role: &str| AppLogin { role: role.to_owned(), password: Some(PASSWORD.to_owned()) };
        let url = &arguments.database_url;
        migrate(url, &login("millwright_app"), Some(&login("millwright_operator"))).await?;
        let settings = StoreSettings {
            url: login_url(url, "millwright_app")?,
            max_connections: arguments.connections,
            acquire_timeout: Duration::from_secs(10),
        };
        Ok(Self {
            store: Store::open(&settings).await?,
            sources: Sources::system(),
            key: AuditKey::derive(b"a-key-of-enough-bytes-for-load-tests")?,
            platform_url: login_url(url, "millwright_operator")?,
            time: Duration::from_secs(arguments.seconds),
        })
    }

    async fn site(&self) -> anyhow::Result<Site> {
        let now = self.sources.now();
        let mut platform = Platform::open(&self.platform_url).await?;
        let mut tx = platform.begin().await?;
        let scope = tx
            .create(self.sources.new_id::<TenantId>(), &format!("load {}", self.sources.new_uuid().as_simple()), now)
            .await?;
        let user = self.sources.new_id();
        let admin = FirstAdmin {
            id: user,
            email: format!("{}@load.example", self.sources.new_uuid().as_simple()),
            display_name: "Load".to_owned(),
            link_hash: self.sources.random_bytes(),
            link_expires_at: now,
        };
        tx.invite(&scope, &admin, now).await?;
        tx.commit(&[]).await?;
        platform.close().await?;
        Ok(Site { scope, user })
    }

    /// Three budgets that bind every call: the tenant's tokens and money of the month, and each user's tokens of the day.
    async fn budgets(&self, site: &Site) -> anyhow::Result<()> {
        let mut tx = self.store.tenant(&site.scope).begin().await?;
        for (subject_kind, period, unit) in [
            (BudgetSubjectKind::Tenant, BudgetPeriod::Month, BudgetUnit::Tokens),
            (BudgetSubjectKind::Tenant, BudgetPeriod::Month, BudgetUnit::Money),
            (BudgetSubjectKind::User, BudgetPeriod::Day, BudgetUnit::Tokens),
        ] {
            let budget = NewBudget {
                id: self.sources.new_id(),
                name: format!("{} {}", subject_kind.as_str(), unit.as_str()),
                subject_kind,
                subject_id: None,
                period,
                unit,
                limit: 1_000_000_000_000,
                created_by: site.user,
                created_at: self.sources.now(),
            };
            tx.budgets().insert(&budget).await?;
        }
        tx.commit(Proof::Entry(&self.audit(site)?)).await?;
        Ok(())
    }

    fn audit(&self, site: &Site) -> anyhow::Result<AuditRecord> {
        let event = AuditEvent::new(
            &self.sources,
            site.scope.tenant_id(),
            Actor::User(site.user),
            AuditAction::RunFinished,
            "load",
        );
        Ok(self.key.authenticate(&event.detail("model", "small").detail("tokens", 900))?)
    }

    async fn call(&self, ledger: &Ledger, site: &Site, user: UserId, seen: &mut Latencies) -> anyhow::Result<()> {
        let began = Instant::now();
        let subjects = Subjects { user, agent: Some("assistant".to_owned()), api_key: None, task: None };
        let reservation = ledger.reserve(&site.scope, Claim { subjects, tokens: 1_500, cost_micros: 900 }).await?;
        let reserved = Instant::now();
        let usage = UsageRecord {
            id: Sources::system().new_id(),
            run: None,
            model: "small".to_owned(),
            endpoint: "gpu-1".to_owned(),
            provider: "openai".to_owned(),
            tier: "LIGHT".to_owned(),
            input_tokens: 700,
            output_tokens: 200,
            cached_tokens: 0,
            reasoning_tokens: 0,
            gpu_millis: 12,
            cost_micros: 540,
            outcome: CallOutcome::Complete,
            trace_id: Some("0190a0000000700080000000000000ff".to_owned()),
        };
        let settling = Instant::now();
        ledger.settle(reservation, usage, &self.audit(site)?).await?;
        seen.reserve.push((reserved - began).as_micros() as u64);
        seen.settle.push(settling.elapsed().as_micros() as u64);
        seen.whole.push(began.elapsed().as_micros() as u64);
        Ok(())
    }

    /// So many callers, each with a user of its own, over these tenants in turn.
    async fn drive(&self, sites: &[Site], callers: usize) -> anyhow::Result<(f64, Latencies)> {
        let ledger = Ledger::new(self.store.clone(), self.sources.clone());
        let began = Instant::now();
        let work = (0..callers).map(async |number| {
            let site = &sites[number % sites.len()];
            let user = self.sources.new_id();
            let (mut warming, mut seen) = (Latencies::default(), Latencies::default());
            while began.elapsed() < WARM_UP {
                self.call(&ledger, site, user, &mut warming).await?;
            }
            while began.elapsed() < WARM_UP + self.time {
                self.call(&ledger, site, user, &mut seen).await?;
            }
            anyhow::Ok(seen)
        });
        let seen = try_join_all(work).await?.into_iter().fold(Latencies::default(), Latencies::merge);
        let rate = seen.whole.len() as f64 / began.elapsed().saturating_sub(WARM_UP).as_secs_f64();
        Ok((rate, seen))
    }

    /// What a durable transaction costs that writes one audit entry and nothing else: the floor under every settlement.
    async fn floor(&self, site: &Site) -> anyhow::Result<Vec<u64>> {
        let mut seen = Vec::new();
        let began = Instant::now();
        while began.elapsed() < self.time {
            let record = self.audit(site)?;
            let one = Instant::now();
            self.store.tenant(&site.scope).begin().await?.commit(Proof::Entry(&record)).await?;
            seen.push(one.elapsed().as_micros() as u64);
        }
        Ok(seen)
    }
}

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(run())
}

async fn run() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let bench = Bench::open(&arguments).await?;
    let mut out = std::io::stdout();
    writeln!(out, "| what | callers | calls/s | whole p50 · p99 ms | reserve p50 · p99 | settle p50 · p99 |")?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- |")?;
    let mut floor = bench.floor(&bench.site().await?).await?;
    let (p50, p99) = (percentile(&mut floor, 50), percentile(&mut floor, 99));
    writeln!(out, "| one audit entry, durable | 1 | | {p50:.2} · {p99:.2} | | |")?;
    for (what, tenants, with_budgets) in
        [("no budget", 1, false), ("three budgets", 1, true), ("three budgets, 4 tenants", 4, true)]
    {
        let mut sites = Vec::new();
        for _ in 0..tenants {
            let site = bench.site().await?;
            if with_budgets {
                bench.budgets(&site).await?;
            }
            sites.push(site);
        }
        for callers in [1, 16, 64] {
            let (rate, mut seen) = bench.drive(&sites, callers).await?;
            let pair = |values: &mut Vec<u64>| format!("{:.2} · {:.2}", percentile(values, 50), percentile(values, 99));
            let (whole, reserve, settle) = (pair(&mut seen.whole), pair(&mut seen.reserve), pair(&mut seen.settle));
            writeln!(out, "| {what} | {callers} | {rate:.0} | {whole} | {reserve} | {settle} |")?;
        }
    }
    Ok(())
}
