//! What tells of documents that whoever exports a run may not read any more, and what models wrote from them.

use std::collections::BTreeSet;

use millwright_core::id::DocumentId;
use millwright_store::{
    StoreError, TenantTx,
    tenant::{Reader, RunStepRow},
};
use serde::Deserialize;
use serde_json::Value;

use super::form::{DETAIL, LeftOut, PromptPart, RECORD, StepPart};

const REASON: &str = "whoever exported this may not read all that it tells of, or that a model wrote it from";

/// Whether all documents that the steps name are there, and may be read.
pub(super) async fn may_read_all(tx: &mut TenantTx, reader: &Reader, steps: &[RunStepRow]) -> Result<bool, StoreError> {
    let mut documents = BTreeSet::new();
    for step in steps {
        let calls = step.detail["calls"].as_array().into_iter().flatten();
        for detail in calls.chain([&step.detail]) {
            let named = detail["document_ids"].as_array().into_iter().flatten();
            documents.extend(named.filter_map(|id| DocumentId::deserialize(id).ok()));
        }
    }
    for document in documents {
        if tx.documents().get(reader, document).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Leaves out what a search has told of (names of documents, headings, words of theirs), drafts, what voices said, what tools and people
/// were asked in them, what came of that, and sentences that were cut; names each with its digest.
pub(super) fn withhold(steps: &mut [StepPart], prompts: &mut [PromptPart], left_out: &mut Vec<LeftOut>) {
    for StepPart { content, detail, record, .. } in steps {
        let number = content.number.to_string();
        let mut leave_out = |what: &str, part: &mut Option<Value>, sha256: Option<&String>| {
            if part.take().is_some() {
                let (what, reason) = (what.to_owned(), REASON.to_owned());
                left_out.push(LeftOut { what, id: number.clone(), sha256: sha256.cloned(), reason });
            }
        };
        if matches!(content.kind.as_str(), "observe" | "deliberate" | "tool" | "person" | "verify") {
            leave_out(DETAIL, detail, Some(&content.detail_sha256));
        }
        if matches!(content.kind.as_str(), "deliberate" | "think" | "tool" | "person") {
            leave_out(RECORD, record, content.record_sha256.as_ref());
        }
    }
    for prompt in prompts {
        if prompt.request.take().is_some() {
            prompt.why_not = Some(REASON.to_owned());
        }
    }
}
