//! Puts a bundle together from what is stored, for somebody who may have it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use millwright_core::{
    Principal,
    id::{ChunkId, RunId, UsageId},
};
use millwright_retrieval::search::Passage;
use millwright_store::{
    StoreError, TenantTx,
    tenant::{MessageRow, ProvedEntryRow, Reader, RunRow, RunStatus, RunStepRow, StepKind, UsageRow, label_of_json},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    chain::audit,
    form::{AnswerPart, Bundle, CallPart, Digested, ErrorPart, LeftOut, ManifestPart, PromptPart, RunPart},
    passages::{self, CitedQuote},
    trail::{CLOCKS_DIFFER, Trail},
    usage,
    withhold::{may_read_all, withhold},
};
use crate::{
    AgentError, answer,
    guard::{Placeholders, has_secrets},
    prompt::{Prompt, digest},
    record::{Acted, BrokenOff, Drafted, Observed},
    replay::{self, Repetition},
    resume,
    runner::Inner,
    thinking::Deliberated,
};

/// Entries about one run, and about one document.
pub(super) const MOST_ENTRIES: i64 = 1_000;

/// Why a request is not there.
const OTHER_BYTES: &str = "written again today it has other bytes: program, policies or placeholders have changed";
const SECRET: &str = "a key or a password stands in it, which is not given away";

/// What is stored of a run.
pub(super) struct Stored {
    pub(super) row: RunRow,
    reader: Reader,
    answer: Option<MessageRow>,
    trail: Trail,
    /// The same steps, as they are repeated.
    steps: Vec<RunStepRow>,
    pub(super) calls: Vec<UsageRow>,
    /// Those that its drafts were answers of.
    pub(super) drafted: BTreeSet<UsageId>,
    pub(super) read_at: DateTime<Utc>,
    placeholders: Placeholders,
    prompts: Vec<PromptPart>,
}

/// The bundle of a run of the person that has ended.
pub(crate) async fn make(inner: &Arc<Inner>, principal: &Principal, id: RunId) -> Result<Bundle, AgentError> {
    let mut stored = stored(inner, principal, id).await?;
    let mut left_out = Vec::new();
    let answer = stored.answer.take().and_then(|answer| answer_part(answer, &stored.reader, &mut left_out));
    let quotes = answer.as_ref().and_then(|answer| passages::quotes(&answer.citations)).unwrap_or_default();
    let read = readable(inner, (principal, &stored.reader), &stored.steps, &quotes, &mut left_out).await?;
    let mut tx = inner.store.tenant(&principal.scope).read().await?;
    let manifests = manifests(&mut tx, &read).await?;
    let is_refused = left_out.iter().any(|left_out| left_out.what == "answer" || left_out.sha256.is_some());
    if is_refused || !left_out.is_empty() && !may_read_all(&mut tx, &stored.reader, &stored.steps).await? {
        withhold(&mut stored.trail.steps, &mut stored.prompts, &mut left_out);
    }
    let audit = audit(&mut tx, id, &mut stored, &mut left_out).await?;
    drop(tx);
    usage::name_unsettled(&stored.drafted, &stored.calls, &mut left_out);
    let Stored { row, trail, steps, calls, mut placeholders, prompts, .. } = stored;
    // Some milliseconds for a dozen passages: not on a thread that others wait for.
    let work = tokio::task::spawn_blocking(move || {
        let mut part = |passage: &Passage| passages::part(&mut placeholders, passage, &quotes);
        let passages: Vec<_> = read.iter().map(&mut part).collect();
        (passages, placeholders)
    });
    let (passages, mut placeholders) = work.await.map_err(|_| AgentError::Classifier)?;
    Ok(Bundle {
        tenant_id: principal.tenant_id(),
        exported_at: inner.sources.now(),
        exported_by: principal.user_id,
        program: concat!("millwright ", env!("CARGO_PKG_VERSION")).to_owned(),
        run: run_part(row, &mut placeholders),
        question: trail.question,
        answer,
        steps: trail.steps,
        prompts,
        model_calls: call_parts(calls, &steps),
        passages,
        manifests,
        decisions: trail.decisions,
        audit,
        left_out,
    })
}

/// The calls with the weights of their models, where a draft has noted them.
fn call_parts(calls: Vec<UsageRow>, steps: &[RunStepRow]) -> Vec<Digested<CallPart>> {
    let of_step = drafts(steps);
    let digest_of = |call: UsageId| {
        of_step.iter().find(|(_, prompt)| prompt.call == call).and_then(|(_, p)| p.model_digest.clone())
    };
    let parts = calls.into_iter().map(|call| {
        let model_digest = digest_of(call.id);
        Digested::of(CallPart::of(call, model_digest))
    });
    parts.collect()
}

async fn stored(inner: &Arc<Inner>, principal: &Principal, id: RunId) -> Result<Stored, AgentError> {
    let policy = inner.governance.of(&principal.scope).await?;
    let mut tx = inner.store.tenant(&principal.scope).read().await?;
    let row = tx.runs().require(id, principal.user_id).await?;
    if row.status == RunStatus::Running {
        return Err(AgentError::StillRunning);
    }
    // What is missing on purpose would look like what somebody took out.
    if row.records_pruned_at.is_some() {
        return Err(AgentError::NotRecorded);
    }
    // A conversation that its owner has deleted is not shown again.
    tx.conversations().require(row.conversation_id, row.user_id).await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    let question = tx.messages().get(row.conversation_id, row.user_message_id).await?;
    let question = question.ok_or(StoreError::NotFound("message"))?;
    let answer = tx.messages().get(row.conversation_id, row.assistant_message_id).await?;
    let steps = tx.runs().steps(id).await?;
    let read_at = inner.sources.now();
    let end = row.finished_at.unwrap_or(read_at);
    let decisions = tx.policies().decisions_of(id, row.created_at - CLOCKS_DIFFER, Some(end + CLOCKS_DIFFER)).await?;
    let calls = usage::calls(&mut tx, &row, read_at).await?;
    let sealed = tx.vaults().get(row.conversation_id).await?;
    let begun = resume::begun(&mut tx, &row).await?;
    drop(tx);
    let drafts = drafts(&steps);
    let repetition = match begun {
        Some(begun) if !drafts.is_empty() => {
            Some(replay::repeat(inner, principal, (&row, begun), steps.clone()).await?)
        }
        _ => None,
    };
    Ok(Stored {
        reader,
        answer,
        placeholders: Placeholders::open(inner.governance.clone(), policy, row.conversation_id, sealed)?,
        prompts: prompts(&drafts, repetition),
        trail: Trail::of((question.id, question.content), steps.clone(), decisions),
        drafted: usage::drafted(&row, &steps),
        steps,
        calls,
        read_at,
        row,
    })
}

fn run_part(row: RunRow, placeholders: &mut Placeholders) -> RunPart {
    let mut input = row.input.unwrap_or(Value::Null);
    // What it is told stands in the prompts as models were given it, and its definition has a digest.
    if let Some(agent) = input.pointer_mut("/agent").and_then(Value::as_object_mut) {
        agent.remove("prompt");
    }
    for words in ["/filter", "/agent/shown/title", "/agent/shown/choice", "/part/finding"] {
        if let Some(words) = input.pointer_mut(words) {
            placeholders.mask_json(words);
        }
    }
    let detail = row.error_detail.unwrap_or_default();
    RunPart {
        id: row.id,
        conversation_id: row.conversation_id,
        user_id: row.user_id,
        status: row.status.as_str().to_owned(),
        tier: row.tier,
        model: row.model,
        error: row.error_code.map(|code| ErrorPart { code, detail }),
        label: row.stored_label.map(label_of_json),
        takeovers: row.takeovers,
        input,
        created_at: row.created_at,
        finished_at: row.finished_at,
    }
}

/// The answer, where the person may still read it.
fn answer_part(row: MessageRow, reader: &Reader, left_out: &mut Vec<LeftOut>) -> Option<AnswerPart> {
    let sha256 = answer::digest(&row.content, &row.citations);
    let label = row.label.map(label_of_json);
    if label.as_ref().is_some_and(|label| !reader.clearance().may_have(label)) {
        left_out.push(LeftOut {
            what: "answer".to_owned(),
            id: row.id.to_string(),
            sha256: Some(sha256),
            reason: "it is above the clearance of whoever exported this".to_owned(),
        });
        return None;
    }
    Some(AnswerPart {
        id: row.id,
        content: row.content,
        citations: row.citations,
        status: row.status.as_str().to_owned(),
        answered: row.answered,
        label,
        sha256,
    })
}

fn record<T: DeserializeOwned>(step: &RunStepRow) -> Option<T> {
    serde_json::from_value(step.record.clone()?).ok()
}

/// What models were sent, by the numbers of the steps.
pub(super) fn drafts(steps: &[RunStepRow]) -> Vec<(i32, Prompt)> {
    let of = |step: &RunStepRow| match step.kind {
        StepKind::Think => record::<Drafted>(step).and_then(|drafted| drafted.prompt).into_iter().collect(),
        StepKind::Deliberate => {
            let spoken = record::<Deliberated>(step).map(|known| known.spoken).unwrap_or_default();
            spoken.into_iter().flatten().filter_map(|spoken| spoken.prompt).collect::<Vec<_>>()
        }
        StepKind::Observe | StepKind::Tool | StepKind::Person | StepKind::Verify => Vec::new(),
    };
    steps.iter().flat_map(|step| of(step).into_iter().map(|prompt| (step.number, prompt))).collect()
}

/// What models were sent, written again where that gives the same bytes.
fn prompts(drafts: &[(i32, Prompt)], repetition: Option<Repetition>) -> Vec<PromptPart> {
    let problem = repetition.as_ref().and_then(|repetition| repetition.problem.as_ref());
    let stopped = problem.map_or_else(
        || "the run does not come to this draft again".to_owned(),
        |problem| format!("the run cannot be repeated today: {}", problem.detail),
    );
    let mut again = repetition.map(|repetition| repetition.progress.prompts).unwrap_or_default();
    let parts = drafts.iter().map(|(step, prompt)| {
        // A step may have several, in the same order.
        let found = again.iter().position(|(number, _)| number == step).map(|at| again.remove(at).1);
        let is_same = found.as_ref().map(|request| digest(request) == prompt.sha256);
        let request = found.and_then(|request| serde_json::to_value(request).ok());
        let why_not = match is_same {
            Some(true) if request.as_ref().is_some_and(has_secrets) => Some(SECRET.to_owned()),
            Some(true) => None,
            Some(false) => Some(OTHER_BYTES.to_owned()),
            None => Some(stopped.clone()),
        };
        let request = request.filter(|_| why_not.is_none());
        PromptPart { step: *step, sha256: prompt.sha256.clone(), request, why_not }
    });
    parts.collect()
}

/// The passages that steps and answer name, each once, in their order.
fn named(steps: &[RunStepRow], quotes: &[CitedQuote]) -> Vec<ChunkId> {
    let mut named = Vec::new();
    for step in steps {
        match step.kind {
            StepKind::Observe => {
                let observed = record::<Observed>(step).map(|observed| observed.passages).unwrap_or_default();
                named.extend(observed.into_iter().map(|(chunk, _)| chunk));
            }
            StepKind::Tool => {
                let calls = record::<Acted>(step).map(|acted| acted.calls).unwrap_or_default();
                named.extend(calls.into_iter().flat_map(|call| call.chunks));
            }
            StepKind::Think => {
                let broken = record::<BrokenOff>(step).map(|broken| broken.citations).unwrap_or_default();
                let quotes = passages::quotes(&Value::Array(broken)).unwrap_or_default();
                named.extend(quotes.iter().filter_map(|quote| quote.chunk_id.parse::<ChunkId>().ok()));
            }
            StepKind::Deliberate | StepKind::Person | StepKind::Verify => {}
        }
    }
    named.extend(quotes.iter().filter_map(|quote| quote.chunk_id.parse::<ChunkId>().ok()));
    let mut seen = BTreeSet::new();
    named.retain(|chunk| seen.insert(*chunk));
    named
}

/// What the run has read and the person may still read; the rest is named by its digests.
async fn readable(
    inner: &Inner,
    (principal, reader): (&Principal, &Reader),
    steps: &[RunStepRow],
    quotes: &[CitedQuote],
    left_out: &mut Vec<LeftOut>,
) -> Result<Vec<Passage>, AgentError> {
    let named = named(steps, quotes);
    let read = inner.searcher.read_again(&principal.scope, reader, &named).await?;
    let known: BTreeSet<_> = read.iter().map(|passage| passage.chunk_id).collect();
    let missing: Vec<ChunkId> = named.into_iter().filter(|chunk| !known.contains(chunk)).collect();
    if missing.is_empty() {
        return Ok(read);
    }
    let digests = inner.store.tenant(&principal.scope).read().await?.reading().digests(&missing).await?;
    let digests: BTreeMap<_, _> = digests.into_iter().map(|row| (row.chunk_id, hex::encode(row.sha256))).collect();
    for chunk in missing {
        let sha256 = digests.get(&chunk).cloned();
        let reason = match sha256 {
            Some(_) => "whoever exported this may not read its document any more",
            None => "its document was deleted or read anew",
        };
        let (what, id, reason) = ("passage".to_owned(), chunk.to_string(), reason.to_owned());
        left_out.push(LeftOut { what, id, sha256, reason });
    }
    Ok(read)
}

/// The newest manifest of each version that was read.
async fn manifests(tx: &mut TenantTx, read: &[Passage]) -> Result<Vec<ManifestPart>, StoreError> {
    let versions: BTreeSet<_> = read.iter().map(|passage| (passage.document_id, passage.version)).collect();
    let mut manifests = Vec::new();
    let mut entries: Option<(_, Vec<ProvedEntryRow>)> = None;
    for (document_id, version) in versions {
        if entries.as_ref().is_none_or(|(of, _)| *of != document_id) {
            let things = [("document", document_id.to_string())];
            entries = Some((document_id, tx.audit().proved(&things, MOST_ENTRIES).await?));
        }
        let of_version = |entry: &&ProvedEntryRow| {
            let event: Value = serde_json::from_slice(&entry.canonical).unwrap_or_default();
            event["action"] == "document.version_ready"
                && event["details"]["number"] == version
                && event["details"]["manifest"].is_object()
        };
        let newest = entries.iter().flat_map(|(_, entries)| entries).rfind(of_version);
        manifests.extend(newest.map(|entry| ManifestPart { document_id, version, entry: entry.clone().into() }));
    }
    Ok(manifests)
}
