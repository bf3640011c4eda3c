//! Agents: which there are, what each is told and may do, and their versions.

pub(crate) mod change;
pub(crate) mod check;
pub(crate) mod create;
pub(crate) mod get;
pub(crate) mod list;

use millwright_agents::specialist::{Checks, Specialist, Texts};
use millwright_core::Classification;
use millwright_policy::decision::PolicyFileError;
use serde::Serialize;

/// A text in the languages of the interface.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AgentTextsResponse {
    /// English, or the only one.
    en: String,
    /// German; null where there is only one.
    de: Option<String>,
}

impl From<&Texts> for AgentTextsResponse {
    fn from(texts: &Texts) -> Self {
        Self { en: texts.en.clone(), de: texts.de.clone() }
    }
}

/// What an agent's answers have to do beside being held by passages.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AgentChecksResponse {
    /// They stand on so many passages at least.
    cites_at_least: Option<u8>,
    /// They stand on so many documents at least.
    cites_documents: Option<u8>,
    /// They name a figure with its unit.
    mentions_unit: bool,
    /// They repeat the warnings of the passages they cite.
    repeats_warnings: bool,
}

impl From<Checks> for AgentChecksResponse {
    fn from(checks: Checks) -> Self {
        let Checks { cites_at_least, cites_documents, mentions_unit, repeats_warnings } = checks;
        Self { cites_at_least, cites_documents, mentions_unit, repeats_warnings }
    }
}

/// What a definition says.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AgentDefinitionResponse {
    name: String,
    title: AgentTextsResponse,
    purpose: AgentTextsResponse,
    /// What a model is told after the rules that every answer obeys. It switches none of them off.
    prompt: String,
    /// Tools that it may call.
    tools: Vec<String>,
    /// `LIGHT`, `STANDARD` or `HEAVY` where whoever asks names nothing; null for what a question deserves.
    tier: Option<&'static str>,
    /// The highest classification that it reads; null for as far as whoever asks.
    up_to: Option<Classification>,
    checks: AgentChecksResponse,
    /// Questions that it is for.
    examples: Vec<String>,
    /// Beginnings of words that speak for it.
    words: Vec<String>,
    /// SHA-256 of the text, hexadecimal.
    digest: String,
}

impl From<&Specialist> for AgentDefinitionResponse {
    fn from(agent: &Specialist) -> Self {
        let definition = &agent.definition;
        Self {
            name: definition.name.clone(),
            title: (&definition.title).into(),
            purpose: (&definition.purpose).into(),
            prompt: definition.prompt.clone(),
            tools: definition.tools.clone(),
            tier: definition.tier.map(millwright_llm::Tier::as_str),
            up_to: definition.labels.up_to,
            checks: definition.checks.into(),
            examples: definition.examples.clone(),
            words: definition.words.clone(),
            digest: agent.digest(),
        }
    }
}

/// Something about a definition, and where.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AgentFindingResponse {
    /// `error` or `warning`: only what has no errors can be stored.
    severity: &'static str,
    /// For example `examples[2]`; empty for the whole.
    path: String,
    /// Line, from 1, where it is known.
    line: Option<usize>,
    /// Column, from 1, where it is known.
    column: Option<usize>,
    /// In plain words.
    message: String,
}

impl From<PolicyFileError> for AgentFindingResponse {
    fn from(fault: PolicyFileError) -> Self {
        Self { severity: "error", path: fault.path, line: fault.line, column: fault.column, message: fault.message }
    }
}
