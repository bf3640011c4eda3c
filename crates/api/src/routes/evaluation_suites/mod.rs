//! Suites of questions with which an organisation measures its agents.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;

use millwright_agents::{eval::WrittenSuite, evaluation::EvaluationError};
use millwright_core::{ErrorCode, Label, Principal, Problem};
use millwright_store::{StoreError, TenantTx, tenant::SuiteContent};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{ApiError, routes::documents::change::within_clearance};

/// A suite as somebody may store it: valid, and no case above their own clearance.
async fn checked(tx: &mut TenantTx, principal: &Principal, definition: String) -> Result<SuiteContent, ApiError> {
    let written = WrittenSuite::read(&definition).map_err(EvaluationError::Suite)?;
    let classification = written.clearance();
    let reader = tx.labels().reader(principal.user_id).await?;
    within_clearance(&reader, &Label::of(classification))?;
    let cases = i32::try_from(written.cases.len()).unwrap_or(i32::MAX);
    Ok(SuiteContent { name: written.name, definition, classification, cases })
}

/// What the audit log says of it.
fn audited(suite: &SuiteContent) -> [(&'static str, Value); 4] {
    [
        ("name", json!(suite.name)),
        ("cases", json!(suite.cases)),
        ("classification", json!(suite.classification)),
        ("definition_sha256", json!(hex::encode(Sha256::digest(&suite.definition)))),
    ]
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Duplicate(_) => {
            Problem::new(ErrorCode::Conflict, "another suite has this name").remedy("choose another name").into()
        }
        other => other.into(),
    }
}
