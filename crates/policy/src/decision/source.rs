use std::{
    collections::BTreeSet,
    fmt,
    str::FromStr,
    sync::{Arc, LazyLock},
};

use cedar_policy::{Effect, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;

use super::{Rule, shipped};

/// The most that one policy file may hold, in bytes.
pub const MAX_FILE_BYTES: usize = 256 * 1024;
/// The most files that a tenant may add.
pub const MAX_FILES: usize = 64;
/// The most policies that a tenant may add, over all files.
pub const MAX_POLICIES: usize = 2_000;

/// A file of policies that a tenant adds. It may only forbid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantPolicy {
    /// What it is called; stands in the ids of its policies and in errors.
    pub name: String,
    /// Cedar policies.
    pub text: String,
}

/// What is wrong with a policy file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PolicyError {
    /// The file.
    pub file: String,
    /// The policy, where it is known.
    pub policy: Option<String>,
    /// Line, from 1, where it is known.
    pub line: Option<usize>,
    /// Column, from 1, where it is known.
    pub column: Option<usize>,
    /// What is wrong, in plain words.
    pub message: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        if let Some(policy) = &self.policy {
            write!(f, ": policy `{policy}`")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl PolicyError {
    pub(super) fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), policy: None, line: None, column: None, message: message.into() }
    }

    fn of_policy(file: &str, policy: &str, message: impl Into<String>) -> Self {
        Self { policy: Some(policy.to_owned()), ..Self::of_file(file, message) }
    }

    /// With the place to which the diagnostic points, and its help.
    pub(super) fn of_diagnostic(file: &SourceFile<'_>, policy: Option<&str>, fault: &dyn Diagnostic) -> Self {
        let place =
            fault.labels().and_then(|mut labels| labels.next()).map(|label| place_of(file.text, label.offset()));
        let help = fault.help().map(|help| format!(" ({help})")).unwrap_or_default();
        Self {
            file: file.name.to_owned(),
            policy: policy.map(str::to_owned),
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            message: format!("{fault}{help}"),
        }
    }
}

/// One file to load.
#[derive(Debug, Clone, Copy)]
pub(super) struct SourceFile<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    pub(super) tenant: bool,
}

/// The files that ship.
pub(super) fn shipped_files<'a>() -> impl Iterator<Item = SourceFile<'a>> + Clone {
    shipped::POLICIES.into_iter().map(|(name, text)| SourceFile { name, text, tenant: false })
}

/// Parses the schema that ships.
pub(super) fn schema() -> Result<Schema, PolicyError> {
    Schema::from_cedarschema_str(shipped::SCHEMA)
        .map(|(schema, _)| schema)
        .map_err(|fault| PolicyError::of_file("schema.cedarschema", fault.to_string()))
}

/// A validator, and the policies that ship.
type Shipped = (Validator, Vec<Arc<Rule>>);

/// Parsing and validating what ships takes longer than everything else here, and comes out the same every time.
static SHIPPED: LazyLock<Result<Shipped, Vec<PolicyError>>> = LazyLock::new(|| {
    let validator = Validator::new(schema().map_err(|fault| vec![fault])?);
    let rules = load(&validator, Vec::new(), shipped_files())?;
    Ok((validator, rules))
});

/// The policies that ship, and a validator for others.
pub(super) fn shipped_rules() -> Result<(&'static Validator, Vec<Arc<Rule>>), Vec<PolicyError>> {
    SHIPPED.as_ref().map(|(validator, rules)| (validator, rules.clone())).map_err(Clone::clone)
}

/// Parses, validates strictly and translates all files and adds them to `rules`; all that is wrong comes back together.
pub(super) fn load<'a>(
    validator: &Validator,
    mut rules: Vec<Arc<Rule>>,
    files: impl Iterator<Item = SourceFile<'a>>,
) -> Result<Vec<Arc<Rule>>, Vec<PolicyError>> {
    let mut errors = Vec::new();
    let mut ids: BTreeSet<_> = rules.iter().map(|rule| rule.id.clone()).collect();
    for file in files {
        match load_file(validator, &file) {
            Ok(loaded) => {
                for rule in &loaded {
                    if !ids.insert(rule.id.clone()) {
                        errors.push(PolicyError::of_policy(file.name, &rule.id, "this id is used by another policy"));
                    }
                }
                rules.extend(loaded);
            }
            Err(faults) => errors.extend(faults),
        }
    }
    if rules.iter().filter(|rule| rule.tenant).count() > MAX_POLICIES {
        errors.push(PolicyError::of_file("", format!("more than {MAX_POLICIES} policies")));
    }
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}

/// What a tenant may hand in at all, before anything is parsed.
pub(super) fn check_size(policies: &[TenantPolicy]) -> Vec<PolicyError> {
    let mut errors = Vec::new();
    if policies.len() > MAX_FILES {
        errors.push(PolicyError::of_file("", format!("more than {MAX_FILES} files")));
    }
    let mut names = BTreeSet::new();
    for policy in policies {
        if policy.name.trim().is_empty() {
            errors.push(PolicyError::of_file(&policy.name, "a file of policies needs a name"));
        }
        if !names.insert(&policy.name) {
            errors.push(PolicyError::of_file(&policy.name, "this name is used by another file"));
        }
        if policy.text.len() > MAX_FILE_BYTES {
            errors.push(PolicyError::of_file(&policy.name, format!("more than {MAX_FILE_BYTES} bytes")));
        }
    }
    errors
}

fn load_file(validator: &Validator, file: &SourceFile<'_>) -> Result<Vec<Arc<Rule>>, Vec<PolicyError>> {
    let policies = parse(file)?;
    let mut errors = Vec::new();
    let mut set = PolicySet::new();
    let mut rules = Vec::new();
    for policy in policies {
        let id = policy.id().to_string();
        if file.tenant && policy.effect() == Effect::Permit {
            let message = "a tenant's policy may only forbid: what is permitted is set by the policies that ship";
            errors.push(PolicyError::of_policy(file.name, &id, message));
            continue;
        }
        if set.add(policy.clone()).is_err() {
            errors.push(PolicyError::of_policy(file.name, &id, "this id is used twice"));
            continue;
        }
        match Rule::new(policy, file.tenant) {
            Ok(rule) => rules.push(Arc::new(rule)),
            Err(message) => errors.push(PolicyError::of_policy(file.name, &id, message)),
        }
    }
    let validation = validator.validate(&set, ValidationMode::Strict);
    let faults = validation.validation_errors();
    errors.extend(once_each(faults.map(|fault| (fault.policy_id().to_string(), fault as &dyn Diagnostic)), file));
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}

/// The validator goes through each action and kind of principal and complains anew: one complaint for each place will do.
pub(super) fn once_each<'a>(
    faults: impl Iterator<Item = (String, &'a dyn Diagnostic)>,
    file: &SourceFile<'_>,
) -> Vec<PolicyError> {
    let mut errors: Vec<_> = faults
        .map(|(policy, fault)| {
            let mut error = PolicyError::of_diagnostic(file, Some(&policy), fault);
            let prefix = format!("for policy `{policy}`, ");
            if error.message.starts_with(&prefix) {
                error.message.drain(..prefix.len());
            }
            error
        })
        .collect();
    errors.sort_by(|a, b| (&a.policy, a.line, a.column, &a.message).cmp(&(&b.policy, b.line, b.column, &b.message)));
    errors.dedup_by(|a, b| (&a.policy, a.line, a.column) == (&b.policy, b.line, b.column));
    errors
}

/// The policies of a file in their order, each under its stable id: what stands in `@id`, or else its number. A tenant's
/// carry the name of their file before it, so that they never pass for one that ships.
pub(super) fn parse(file: &SourceFile<'_>) -> Result<Vec<cedar_policy::Policy>, Vec<PolicyError>> {
    let set = PolicySet::from_str(file.text).map_err(|faults| {
        faults.iter().map(|fault| PolicyError::of_diagnostic(file, None, fault)).collect::<Vec<_>>()
    })?;
    if set.templates().next().is_some() {
        return Err(vec![PolicyError::of_file(file.name, "templates are not supported: write the policy out")]);
    }
    let mut numbered: Vec<_> = set
        .policies()
        .map(|policy| {
            let number = policy.id().to_string().trim_start_matches("policy").parse().unwrap_or(usize::MAX);
            (number, policy)
        })
        .collect();
    numbered.sort_by_key(|(number, _)| *number);
    Ok(numbered
        .into_iter()
        .map(|(number, policy)| {
            let own = policy.annotation("id").map_or_else(|| format!("{number}"), str::to_owned);
            let id = if file.tenant { format!("tenant/{}/{own}", file.name) } else { own };
            policy.new_id(cedar_policy::PolicyId::new(id))
        })
        .collect())
}

/// Line and column, from 1, of a byte in a text.
pub(super) fn place_of(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
    (line, column)
}
