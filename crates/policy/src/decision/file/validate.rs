use std::collections::{BTreeMap, BTreeSet};

use globset::GlobBuilder;

use super::{
    CapabilityConstraint, Contracts, CostBudget, Monitoring, PolicyFileError, ResourceSandbox, RiskRouting, Sandbox,
    SinkRule, TaskContract, ViolationRule,
};

/// What the types let through and makes no sense, of every section that could be read.
#[expect(clippy::too_many_arguments, reason = "one for each section, each of which may be missing")]
pub(super) fn sections(
    sandbox: Option<&ResourceSandbox>,
    budget: Option<&CostBudget>,
    capabilities: Option<&[CapabilityConstraint]>,
    contracts: Option<&BTreeMap<String, TaskContract>>,
    routing: Option<&RiskRouting>,
    violations: Option<&[ViolationRule]>,
    monitoring: Option<&Monitoring>,
    sinks: Option<&[SinkRule]>,
    errors: &mut Vec<PolicyFileError>,
) {
    let mut check = Checks(errors);
    if let Some(sandbox) = sandbox {
        check.sandbox(sandbox);
    }
    if let Some(budget) = budget {
        check.budget(budget);
    }
    if let Some(capabilities) = capabilities {
        check.capabilities(capabilities);
    }
    if let Some(contracts) = contracts {
        check.contracts(contracts);
    }
    if let Some(routing) = routing {
        check.routing(routing);
    }
    for (number, rule) in violations.unwrap_or_default().iter().enumerate() {
        let path = format!("violation_detection[{number}]");
        check.that(rule.count > 0, &format!("{path}.count"), "expected at least 1");
        check.that(rule.window_seconds > 0, &format!("{path}.window_seconds"), "expected at least 1");
    }
    if let Some(monitoring) = monitoring {
        let (days, percent) = (monitoring.decision_retention_days, monitoring.explain_allowed_percent);
        check.that((1..=36_500).contains(&days), "monitoring.decision_retention_days", "expected 1 to 36500");
        check.that(percent <= 100, "monitoring.explain_allowed_percent", "expected at most 100");
    }
    if let Some(sinks) = sinks {
        check.sinks(sinks);
    }
}

struct Checks<'a>(&'a mut Vec<PolicyFileError>);

impl Checks<'_> {
    fn that(&mut self, holds: bool, path: &str, message: &str) {
        if !holds {
            self.0.push(PolicyFileError::at(path, message));
        }
    }

    fn sandbox(&mut self, sandbox: &ResourceSandbox) {
        if let Err(faults) = Sandbox::new(sandbox) {
            self.0.extend(faults);
        }
        let mut seen = BTreeSet::new();
        for (number, rate) in sandbox.rates.iter().enumerate() {
            let path = format!("resource_sandbox.rates[{number}]");
            self.that(rate.per_minute > 0, &format!("{path}.per_minute"), "expected at least 1");
            self.that(rate.burst > 0, &format!("{path}.burst"), "expected at least 1");
            self.that(seen.insert(rate.action), &format!("{path}.action"), "this action is limited twice");
        }
    }

    fn budget(&mut self, budget: &CostBudget) {
        let code = &budget.currency;
        let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        self.that(is_code, "cost_budget.currency", "expected three capital letters such as `EUR`");
        self.that(
            budget.per_run_micros <= budget.per_user_day_micros,
            "cost_budget.per_run_micros",
            "expected at most `per_user_day_micros`",
        );
        self.that(
            budget.per_user_day_micros <= budget.per_tenant_month_micros,
            "cost_budget.per_user_day_micros",
            "expected at most `per_tenant_month_micros`",
        );
        let percent = (1..=100).contains(&budget.warn_at_percent);
        self.that(percent, "cost_budget.warn_at_percent", "expected 1 to 100");
    }

    fn capabilities(&mut self, capabilities: &[CapabilityConstraint]) {
        let mut seen = BTreeSet::new();
        for (number, one) in capabilities.iter().enumerate() {
            let path = format!("capability_constraints[{number}]");
            self.that(one.tier <= 3, &format!("{path}.tier"), "expected 0 to 3");
            self.that(seen.insert(one.tier), &format!("{path}.tier"), "this tier stands there twice");
            let limits = [one.max_steps, one.max_tool_calls, one.max_parallel_calls, one.max_run_seconds];
            self.that(limits.iter().all(|limit| *limit > 0), &path, "expected every limit to be at least 1");
        }
        self.that(seen.contains(&0), "capability_constraints", "expected tier 0 to be listed");
    }

    fn contracts(&mut self, contracts: &BTreeMap<String, TaskContract>) {
        for (kind, contract) in contracts {
            self.that(contract.max_bytes > 0, &format!("task_contract.{kind}.max_bytes"), "expected at least 1");
        }
        if let Err(faults) = Contracts::new(contracts) {
            self.0.extend(faults);
        }
    }

    fn routing(&mut self, routing: &RiskRouting) {
        let thresholds = &routing.thresholds;
        let from_zero = thresholds.first().is_some_and(|first| first.from == 0);
        self.that(from_zero, "risk_routing.thresholds", "expected the first to begin at 0");
        for (number, (before, after)) in thresholds.iter().zip(thresholds.iter().skip(1)).enumerate() {
            let path = format!("risk_routing.thresholds[{}]", number + 1);
            self.that(after.from > before.from, &format!("{path}.from"), "expected more than the one before");
            self.that(
                after.approval >= before.approval,
                &format!("{path}.approval"),
                "expected an approval no lighter than the one before",
            );
        }
        for (number, threshold) in thresholds.iter().enumerate() {
            self.that(
                threshold.from <= 100,
                &format!("risk_routing.thresholds[{number}].from"),
                "expected at most 100",
            );
        }
        let minimum = &routing.minimum;
        let rising = minimum.clean <= minimum.compensable && minimum.compensable <= minimum.irreversible;
        self.that(rising, "risk_routing.minimum", "expected approvals to get no lighter from clean to irreversible");
    }

    fn sinks(&mut self, sinks: &[SinkRule]) {
        for (number, sink) in sinks.iter().enumerate() {
            let path = format!("sinks[{number}].name");
            if let Err(fault) = GlobBuilder::new(&sink.name).build() {
                self.that(false, &path, &fault.kind().to_string());
            }
            self.that(!sink.name.is_empty(), &path, "expected a name or a pattern");
            let hidden = sinks
                .iter()
                .take(number)
                .any(|before| before.kind == sink.kind && (before.name == "*" || before.name == sink.name));
            self.that(!hidden, &path, "a line before it takes all that it could");
        }
    }
}
