//! Asks a suite's questions, one after the other, as people of the tenant would.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures::StreamExt;
use millwright_agents::{
    Parent, StartRun, StartedRun, Thinking,
    eval::{Answered, Case, CaseReport, Library, Suite, answered, judge},
    events,
    specialist::AgentWish,
};
use millwright_api::AppState;
use millwright_core::{Classification, Credential, Principal, Role, TenantScope, ToProblem, id::UserId};
use millwright_gateway::Catalog;
use millwright_store::tenant::{SearchFilter, UsageFilter, UsageGroup, UsageTotals};

use crate::{database::Database, scratch};

/// How often is told how far it is.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// Asks on behalf of one person for each clearance.
pub(crate) struct Asker<'a> {
    state: &'a AppState,
    database: &'a Database,
    scope: TenantScope,
    /// How each question is thought through.
    thinking: Option<Thinking>,
    /// Models that can ask for tools to be called.
    calls_tools: BTreeSet<&'a str>,
    people: BTreeMap<Classification, UserId>,
}

/// An answer, and the run that gave it where one began.
type Answer = (Answered, Option<StartedRun>);

impl<'a> Asker<'a> {
    pub(crate) fn new(
        state: &'a AppState,
        database: &'a Database,
        scope: TenantScope,
        (catalog, thinking): (&'a Catalog, Option<Thinking>),
    ) -> Self {
        let calls_tools = catalog.models().filter(|model| model.capabilities.tools);
        let calls_tools = calls_tools.map(|model| model.name.as_str()).collect();
        Self { state, database, scope, thinking, calls_tools, people: BTreeMap::new() }
    }

    /// The answers, in the order of the cases.
    pub(crate) async fn ask_all(&mut self, suite: &Suite) -> anyhow::Result<Vec<Answer>> {
        let (began, mut told) = (Instant::now(), Instant::now());
        let mut answers = Vec::with_capacity(suite.cases.len());
        for case in &suite.cases {
            let answer = self.ask(case).await;
            answers.push(answer.with_context(|| format!("asking `{}`", case.id))?);
            if told.elapsed() >= REPORT_EVERY {
                told = Instant::now();
                let left = suite.cases.len() - answers.len();
                let left_for = began.elapsed().mul_f64(left as f64 / answers.len() as f64);
                eprintln!("{} of {} asked, about {} s left", answers.len(), suite.cases.len(), left_for.as_secs());
            }
        }
        Ok(answers)
    }

    /// A viewer: what most people are.
    async fn person(&mut self, clearance: Classification) -> anyhow::Result<Principal> {
        let user = if let Some(user) = self.people.get(&clearance) {
            *user
        } else {
            let (sources, key) = (&self.state.sources, &self.state.audit_key);
            let user = scratch::user(self.database, sources, key, &self.scope, Role::Viewer, clearance).await?;
            self.people.insert(clearance, user);
            user
        };
        Ok(Principal::new(user, self.scope, Role::Viewer, Credential::Token))
    }

    async fn ask(&mut self, case: &Case) -> anyhow::Result<Answer> {
        let principal = self.person(case.clearance).await?;
        let command = StartRun {
            message: Some(case.question.clone()),
            conversation_id: None,
            parent: Parent::Newest,
            regenerate: None,
            history: case.history(),
            tier: None,
            thinking: self.thinking,
            may_ask: false,
            limits: millwright_agents::RunLimits::default(),
            agent: AgentWish::Route,
            // No higher than what is asked for, so that the question itself is no reason to refuse.
            classification: case.clearance.min(Classification::Internal),
            filter: SearchFilter::default(),
            trace_id: self.state.sources.new_uuid().as_simple().to_string(),
        };
        let began = Instant::now();
        let started = match self.state.runner.start(&principal, command).await {
            Ok(started) => started,
            Err(error) => {
                let problem = error.problem();
                return Ok((failed(problem.code.as_str(), &problem.detail), None));
            }
        };
        // To the last event, as its reader would.
        let mut events = pin!(self.state.runner.events(self.scope, started.run_id, 0));
        while let Some(event) = events.next().await {
            if events::is_last(&event.payload) {
                break;
            }
        }
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut tx = self.state.store.tenant(&self.scope).read().await?;
        let calls_tools = |model: &str| self.calls_tools.contains(model);
        let mut answered = answered(&mut tx, &self.state.governance, started, calls_tools).await?;
        answered.spent.duration_ms = duration_ms;
        Ok((answered, Some(started)))
    }

    /// Scores the answers, with what was counted of their runs.
    pub(crate) async fn judge(
        &self,
        suite: &Suite,
        answers: Vec<Answer>,
        library: &Library,
    ) -> anyhow::Result<Vec<CaseReport>> {
        let mut tx = self.state.store.tenant(&self.scope).read().await?;
        let most = i64::try_from(answers.len()).unwrap_or(i64::MAX);
        // There is a group for calls of no run too.
        let usage = tx.usage().totals(&UsageFilter::default(), UsageGroup::Run, None, most.saturating_add(1)).await?;
        let usage: HashMap<String, UsageTotals> = usage.into_iter().map(|row| (row.key.clone(), row)).collect();
        let mut reports = Vec::with_capacity(answers.len());
        for (case, (mut answered, started)) in suite.cases.iter().zip(answers) {
            if let Some(counted) = started.and_then(|started| usage.get(&started.run_id.to_string())) {
                let figure = |of: i64| u64::try_from(of).unwrap_or_default();
                answered.spent.input_tokens = figure(counted.input_tokens);
                answered.spent.output_tokens = figure(counted.output_tokens);
                answered.spent.cost_micros = figure(counted.cost_micros);
            }
            reports.push(judge(case, &answered, library));
        }
        Ok(reports)
    }
}

fn failed(code: &str, detail: &str) -> Answered {
    Answered { failure: Some(format!("{code}: {detail}")), ..Answered::default() }
}
