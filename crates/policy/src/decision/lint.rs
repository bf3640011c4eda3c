use std::{collections::BTreeMap, fmt, sync::Arc};

use cedar_policy::{Effect, Policy, PolicySet, ValidationMode, Validator};
use miette::Diagnostic;
use serde::Serialize;

use super::{
    Action, Obligation, PolicyError, Rule,
    source::{self, SourceFile},
    test::Test,
};

/// A file of policies to look over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintFile {
    /// What it is called.
    pub name: String,
    /// Cedar policies.
    pub text: String,
    /// Whether a tenant wrote it: then it may only forbid, and annotations are advice.
    pub tenant: bool,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LintSeverity {
    /// It must not be used so.
    Error,
    /// It can be used and is probably not what was meant.
    Warning,
}

/// What kind of thing was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LintRule {
    /// It cannot be parsed.
    Syntax,
    /// It does not fit the schema.
    Schema,
    /// Something that the schema lets through and that looks like a mistake.
    Suspicious,
    /// `@id`, `@reason` or `@remedy` is missing, or `@obligation` is unknown.
    Annotation,
    /// A tenant's policy permits.
    TenantPermit,
    /// Two policies have the same id.
    DuplicateId,
    /// It can never hold.
    NeverHolds,
    /// It speaks of no action.
    Unused,
    /// Another policy says the same for at least the same requests.
    Shadowed,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LintFinding {
    /// What kind.
    pub rule: LintRule,
    /// How bad.
    pub severity: LintSeverity,
    /// The file.
    pub file: String,
    /// The policy, where it is known.
    pub policy: Option<String>,
    /// Line, from 1, where it is known.
    pub line: Option<usize>,
    /// In plain words.
    pub message: String,
}

impl fmt::Display for LintFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            LintSeverity::Error => "error",
            LintSeverity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(policy) = &self.policy {
            write!(f, " ({policy})")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl LintFinding {
    fn of_error(rule: LintRule, severity: LintSeverity, error: PolicyError) -> Self {
        Self { rule, severity, file: error.file, policy: error.policy, line: error.line, message: error.message }
    }
}

/// The policies that ship, as files to look over.
pub fn shipped_files() -> Vec<LintFile> {
    source::shipped_files()
        .map(|file| LintFile { name: file.name.to_owned(), text: file.text.to_owned(), tenant: false })
        .collect()
}

/// Looks policies over: schema, annotations, tenants that permit, repeated ids, and what can never matter.
pub fn lint(files: &[LintFile]) -> Vec<LintFinding> {
    let mut findings = Vec::new();
    let validator = match source::schema() {
        Ok(schema) => Validator::new(schema),
        Err(fault) => return vec![LintFinding::of_error(LintRule::Schema, LintSeverity::Error, fault)],
    };
    let mut linted: Vec<Linted> = Vec::new();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for file in files {
        let source = SourceFile { name: &file.name, text: &file.text, tenant: file.tenant };
        let policies = match source::parse(&source) {
            Ok(policies) => policies,
            Err(faults) => {
                let finding = |fault| LintFinding::of_error(LintRule::Syntax, LintSeverity::Error, fault);
                findings.extend(faults.into_iter().map(finding));
                continue;
            }
        };
        for policy in &policies {
            let mut report = Reporter { file, policy, findings: &mut findings };
            report.look_at_annotations();
            let id = policy.id().to_string();
            if let Some(other) = ids.insert(id, file.name.clone()) {
                report.add(LintRule::DuplicateId, LintSeverity::Error, format!("this id stands in `{other}` already"));
            }
        }
        let known = findings.len();
        validate(&validator, &source, &policies, &mut findings);
        let fits = findings[known..].iter().all(|finding| finding.severity != LintSeverity::Error);
        if fits {
            linted.extend(policies.into_iter().filter_map(|policy| Linted::new(file, policy)));
        }
    }
    for (place, one) in linted.iter().enumerate() {
        look_at_use(place, one, &linted, &mut findings);
    }
    findings
}

/// A policy that fits the schema, with the file it is from.
struct Linted<'a> {
    file: &'a LintFile,
    rule: Arc<Rule>,
}

impl<'a> Linted<'a> {
    fn new(file: &'a LintFile, policy: Policy) -> Option<Self> {
        Rule::new(policy, file.tenant).ok().map(|rule| Self { file, rule: Arc::new(rule) })
    }
}

struct Reporter<'a> {
    file: &'a LintFile,
    policy: &'a Policy,
    findings: &'a mut Vec<LintFinding>,
}

impl Reporter<'_> {
    fn add(&mut self, rule: LintRule, severity: LintSeverity, message: impl Into<String>) {
        self.findings.push(LintFinding {
            rule,
            severity,
            file: self.file.name.clone(),
            policy: Some(self.policy.id().to_string()),
            line: self.line(),
            message: message.into(),
        });
    }

    /// Where its text begins.
    fn line(&self) -> Option<usize> {
        let text = self.policy.to_string();
        self.file.text.find(text.trim()).map(|offset| source::place_of(&self.file.text, offset).0)
    }

    fn look_at_annotations(&mut self) {
        if self.file.tenant && self.policy.effect() == Effect::Permit {
            self.add(LintRule::TenantPermit, LintSeverity::Error, "a tenant's policy may only forbid");
        }
        let severity = if self.file.tenant { LintSeverity::Warning } else { LintSeverity::Error };
        for key in ["id", "reason", "remedy"] {
            if self.policy.annotation(key).is_none_or(|value| value.trim().is_empty()) {
                self.add(LintRule::Annotation, severity, format!("`@{key}(\"...\")` is missing"));
            }
        }
        let known = ["id", "reason", "remedy", "obligation"];
        let unknown: Vec<_> = self
            .policy
            .annotations()
            .map(|(key, _)| key.to_owned())
            .filter(|key| !known.contains(&key.as_str()))
            .collect();
        for key in unknown {
            self.add(LintRule::Annotation, LintSeverity::Warning, format!("`@{key}` means nothing here"));
        }
        if let Some(Err(word)) = self.policy.annotation("obligation").map(Obligation::parse_list) {
            let words: Vec<_> = Obligation::ALL.iter().map(|one| one.as_str()).collect();
            let message = format!("unknown obligation `{word}`: expected one of {}", words.join(", "));
            self.add(LintRule::Annotation, LintSeverity::Error, message);
        }
    }
}

fn validate(validator: &Validator, file: &SourceFile<'_>, policies: &[Policy], findings: &mut Vec<LintFinding>) {
    let mut set = PolicySet::new();
    for policy in policies {
        // A repeated id has been told already.
        let _ = set.add(policy.clone());
    }
    let result = validator.validate(&set, ValidationMode::Strict);
    let errors = result.validation_errors().map(|fault| (fault.policy_id().to_string(), fault as &dyn Diagnostic));
    let errors = source::once_each(errors, file).into_iter();
    findings.extend(errors.map(|error| LintFinding::of_error(LintRule::Schema, LintSeverity::Error, error)));
    for warning in result.validation_warnings() {
        let rule = match warning {
            cedar_policy::ValidationWarning::ImpossiblePolicy(_) => LintRule::NeverHolds,
            _ => LintRule::Suspicious,
        };
        let error =
            source::once_each(std::iter::once((warning.policy_id().to_string(), warning as &dyn Diagnostic)), file);
        findings.extend(error.into_iter().map(|error| LintFinding::of_error(rule, LintSeverity::Warning, error)));
    }
}

/// What speaks of no action, and what another policy makes superfluous: one with the same effect whose conditions are a part
/// of its own and whose actions include its own, or an unconditional forbid over all that it permits.
fn look_at_use(place: usize, one: &Linted<'_>, all: &[Linted<'_>], findings: &mut Vec<LintFinding>) {
    let mut report = Reporter { file: one.file, policy: &one.rule.policy, findings };
    let actions = one.rule.actions & Action::ALL.iter().fold(0, |mask, action| mask | action.bit());
    if actions == 0 {
        report.add(LintRule::Unused, LintSeverity::Warning, "it speaks of no action");
        return;
    }
    let shadow = all.iter().enumerate().find(|(other_place, other)| {
        let wider = *other_place != place
            && actions & !other.rule.actions == 0
            && (other.rule.kind.is_none() || other.rule.kind == one.rule.kind);
        let same_effect = other.rule.forbids == one.rule.forbids;
        let earlier_twin = *other_place < place || !covers(&one.rule, &other.rule);
        let overruled = other.rule.forbids && !one.rule.forbids && other.rule.test.as_ref().is_some_and(always_holds);
        wider
            && (overruled
                || (same_effect && covers(&other.rule, &one.rule) && earlier_twin && no_more(&other.rule, &one.rule)))
    });
    if let Some((_, other)) = shadow {
        let message = format!("`{}` says the same for at least the same requests", other.rule.id);
        report.add(LintRule::Shadowed, LintSeverity::Warning, message);
    }
}

/// Whether the narrow one adds no obligation, for which alone it could be worth keeping.
fn no_more(wide: &Rule, narrow: &Rule) -> bool {
    narrow.obligations.iter().all(|obligation| wide.obligations.contains(obligation))
}

fn always_holds(test: &Test) -> bool {
    matches!(test, Test::Constant(true) | Test::Kind(_))
}

/// Whether every condition of the wide one is one of the narrow one's.
fn covers(wide: &Rule, narrow: &Rule) -> bool {
    let (Some(wide), Some(narrow)) = (&wide.test, &narrow.test) else { return false };
    let parts = |test: &Test| match test {
        Test::All(tests) => tests.clone(),
        Test::Constant(true) => Vec::new(),
        other => vec![other.clone()],
    };
    let narrow = parts(narrow);
    parts(wide).iter().all(|part| narrow.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, tenant: bool) -> Vec<(LintRule, LintSeverity)> {
        let file = LintFile { name: "f".to_owned(), text: text.to_owned(), tenant };
        lint(&[file]).into_iter().map(|finding| (finding.rule, finding.severity)).collect()
    }

    const WORDS: &str = "@reason(\"r\") @remedy(\"m\")";

    #[test]
    fn what_ships_is_clean() {
        assert_eq!(lint(&shipped_files()), []);
    }

    #[test]
    fn what_is_missing_or_forbidden_is_found() {
        use LintRule::{Annotation, DuplicateId, Schema, Syntax, TenantPermit};
        use LintSeverity::{Error, Warning};
        assert_eq!(found("permit (", false), [(Syntax, Error)]);
        let bare = "forbid (principal, action, resource) when { context.risk > 9 };";
        assert_eq!(found(bare, false), [(Annotation, Error); 3]);
        assert_eq!(found(bare, true), [(Annotation, Warning); 3]);
        let permit = format!("@id(\"a\") {WORDS} permit (principal, action, resource) when {{ context.approved }};");
        assert_eq!(found(&permit, true), [(TenantPermit, Error)]);
        let typo = format!("@id(\"a\") {WORDS} forbid (principal, action, resource) when {{ context.rsk > 9 }};");
        assert_eq!(found(&typo, true), [(Schema, Error)]);
        let other = permit.replace("context.approved", "context.untrusted");
        assert_eq!(found(&format!("{permit}\n{other}"), false), [(DuplicateId, Error)]);
        let oath = format!("@id(\"a\") @obligation(\"swear\") @note(\"n\") {bare}")
            .replace("forbid", &format!("{WORDS} forbid"));
        assert_eq!(found(&oath, false), [(Annotation, Warning), (Annotation, Error)]);
    }

    #[test]
    fn what_can_never_matter_is_found() {
        use LintRule::{NeverHolds, Shadowed};
        let one = |id: &str, rest: &str| format!("@id(\"{id}\") {WORDS} {rest}\n");
        let rules = |text: &str| found(text, false).into_iter().map(|(rule, _)| rule).collect::<Vec<_>>();
        let never = one("n", "forbid (principal is User, action, resource) when { principal is Agent };");
        assert_eq!(rules(&never), [NeverHolds]);
        let wide = one("w", "forbid (principal, action in Action::\"write\", resource) when { context.untrusted };");
        let narrow = one(
            "n",
            "forbid (principal is Agent, action == Action::\"email.send\", resource) when { context.untrusted && context.risk > 3 };",
        );
        assert_eq!(rules(&format!("{narrow}{wide}")), [Shadowed]);
        let twins = format!("{wide}{}", wide.replace("\"w\"", "\"x\""));
        assert_eq!(rules(&twins), [Shadowed], "one of two equal ones");
        let all = one("a", "forbid (principal is Agent, action in Action::\"administer\", resource);");
        let permit = one(
            "p",
            "permit (principal is Agent, action == Action::\"job.manage\", resource) when { context.approved };",
        );
        assert_eq!(rules(&format!("{all}{permit}")), [Shadowed], "whatever it permits is forbidden");
        let people = permit.replace("is Agent", "is User");
        assert_eq!(rules(&format!("{all}{people}")), []);
    }
}
