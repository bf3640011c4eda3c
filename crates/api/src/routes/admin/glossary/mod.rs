//! What the organisation's abbreviations stand for, as admins see and set it. Search says what it took from here to whoever
//! searches.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use millwright_core::{ErrorCode, Problem, id::GlossaryEntryId};
use millwright_store::{StoreError, tenant::GlossaryEntryRow};
use serde::{Deserialize, Serialize};

use crate::{ApiError, routes::auth::within};

/// What a term may stand for, at most.
const MOST_EXPANSIONS: usize = 8;

/// Which language the expansions are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GlossaryLanguage {
    /// English.
    En,
    /// German.
    De,
    /// Several, or another.
    #[default]
    Any,
}

impl GlossaryLanguage {
    fn stored(self) -> Option<String> {
        match self {
            Self::En => Some("en".to_owned()),
            Self::De => Some("de".to_owned()),
            Self::Any => None,
        }
    }
}

/// A term of the glossary.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct GlossaryEntryResponse {
    id: GlossaryEntryId,
    /// The abbreviation or the organisation's own word.
    term: String,
    /// What it stands for.
    expansions: Vec<String>,
    language: GlossaryLanguage,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<GlossaryEntryRow> for GlossaryEntryResponse {
    fn from(row: GlossaryEntryRow) -> Self {
        let language = match row.language.as_deref() {
            Some("en") => GlossaryLanguage::En,
            Some("de") => GlossaryLanguage::De,
            _ => GlossaryLanguage::Any,
        };
        let GlossaryEntryRow { id, term, expansions, created_at, updated_at, .. } = row;
        Self { id, term, expansions, language, created_at, updated_at }
    }
}

/// The term without spaces around it.
fn valid_term(term: &str) -> Result<String, ApiError> {
    let term = term.trim();
    within("term", term, 1, 60)?;
    if !term.chars().any(char::is_alphanumeric) {
        return Err(refused("term", "expected letters or digits"));
    }
    Ok(term.to_owned())
}

/// The expansions of a term, each once and without spaces around it.
fn valid_expansions(term: &str, expansions: &[String]) -> Result<Vec<String>, ApiError> {
    let mut seen = HashSet::new();
    let expansions: Vec<String> = expansions.iter().map(|text| text.trim().to_owned()).collect();
    let expansions: Vec<String> = expansions.into_iter().filter(|text| seen.insert(text.to_lowercase())).collect();
    if !(1..=MOST_EXPANSIONS).contains(&expansions.len()) {
        return Err(refused("expansions", &format!("expected 1 to {MOST_EXPANSIONS}")));
    }
    for text in &expansions {
        within("expansions", text, 1, 120)?;
        if !text.chars().any(char::is_alphanumeric) {
            return Err(refused("expansions", "expected letters or digits in each"));
        }
        if text.to_lowercase() == term.to_lowercase() {
            return Err(refused("expansions", "expected other words than the term itself"));
        }
    }
    Ok(expansions)
}

fn refused(field: &str, expected: &str) -> ApiError {
    let detail = format!("`{field}` is not of the documented form");
    Problem::new(ErrorCode::ValidationFailed, detail).field(field, expected).into()
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Duplicate(_) => Problem::new(ErrorCode::Conflict, "the glossary has this term already")
            .remedy("add to what that term stands for")
            .into(),
        other => other.into(),
    }
}
