//! The form of a bundle. A file is the RFC 8785 form of [`File`], byte for byte.

use chrono::{DateTime, Utc};
use millwright_audit::canonical_json;
use millwright_core::{
    Label,
    audit::AuditRecord,
    id::{AuditEntryId, ChunkId, ConversationId, DecisionId, DocumentId, MessageId, RunId, TenantId, UsageId, UserId},
};
use millwright_store::tenant::{DecisionRow, ProvedEntryRow, RunStepRow, UsageRow};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Changes when a field is added, removed or read differently.
pub const FORMAT: &str = "millwright.run-bundle/1";

/// What can be left out of a step, and a call whose usage was not stored yet.
pub(crate) const DETAIL: &str = "detail of step";
pub(crate) const RECORD: &str = "record of step";
pub(crate) const CALL: &str = "call";

/// SHA-256, in hex, of a value's canonical JSON. Empty where it has none, which nothing equals.
pub(crate) fn digest_of(value: &impl Serialize) -> String {
    canonical_json(value).map(|bytes| hex::encode(Sha256::digest(bytes))).unwrap_or_default()
}

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) format: String,
    pub(crate) bundle: Bundle,
    /// Of the bundle.
    pub(crate) sha256: String,
    /// The entry of this export, which names that digest. It was not sealed yet.
    pub(crate) receipt: Entry,
}

/// All that is known of a run, as somebody was given it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    pub(crate) tenant_id: TenantId,
    pub(crate) exported_at: DateTime<Utc>,
    pub(crate) exported_by: UserId,
    /// Name and version of the program that made it.
    pub(crate) program: String,
    pub(crate) run: RunPart,
    pub(crate) question: Digested<QuestionPart>,
    /// None where it is left out.
    pub(crate) answer: Option<AnswerPart>,
    pub(crate) steps: Vec<StepPart>,
    pub(crate) prompts: Vec<PromptPart>,
    pub(crate) model_calls: Vec<Digested<CallPart>>,
    pub(crate) passages: Vec<PassagePart>,
    /// How the documents of the passages were read.
    pub(crate) manifests: Vec<ManifestPart>,
    pub(crate) decisions: Vec<Digested<DecisionPart>>,
    pub(crate) audit: AuditPart,
    pub(crate) left_out: Vec<LeftOut>,
}

/// Something with the digest of its canonical JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Digested<T> {
    pub(crate) content: T,
    pub(crate) sha256: String,
}

impl<T: Serialize> Digested<T> {
    pub(crate) fn of(content: T) -> Self {
        Self { sha256: digest_of(&content), content }
    }

    pub(crate) fn holds(&self) -> bool {
        !self.sha256.is_empty() && digest_of(&self.content) == self.sha256
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunPart {
    pub(crate) id: RunId,
    pub(crate) conversation_id: ConversationId,
    pub(crate) user_id: UserId,
    /// `finished`, `failed` or `cancelled`.
    pub(crate) status: String,
    pub(crate) tier: String,
    pub(crate) model: String,
    pub(crate) error: Option<ErrorPart>,
    /// The join of the labels of all that it has read, as it was stored.
    pub(crate) label: Option<Label>,
    /// How often another process went on with it.
    pub(crate) takeovers: i32,
    /// What it was begun with beside its question; of its agent not what that is told, which stands in the prompts.
    pub(crate) input: Value,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorPart {
    pub(crate) code: String,
    pub(crate) detail: String,
}

/// The question as it is stored, with placeholders.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuestionPart {
    pub(crate) id: MessageId,
    pub(crate) content: String,
}

/// The answer as it is stored, with placeholders.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerPart {
    pub(crate) id: MessageId,
    pub(crate) content: String,
    pub(crate) citations: Value,
    pub(crate) status: String,
    pub(crate) answered: Option<bool>,
    pub(crate) label: Option<Label>,
    /// As the entry of the run's end names it: of text and places of the quotes.
    pub(crate) sha256: String,
}

/// A step. Its digest covers those of detail and record, so that either can be left out and what is left is still proved.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepPart {
    pub(crate) content: StepContent,
    /// Of that.
    pub(crate) sha256: String,
    /// None where it is left out.
    pub(crate) detail: Option<Value>,
    /// None where it is left out, and where the step has recorded nothing.
    pub(crate) record: Option<Value>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepContent {
    pub(crate) number: i32,
    pub(crate) kind: String,
    pub(crate) attempt: i32,
    pub(crate) status: String,
    pub(crate) detail_sha256: String,
    /// None where it has recorded nothing.
    pub(crate) record_sha256: Option<String>,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
}

impl From<RunStepRow> for StepPart {
    fn from(row: RunStepRow) -> Self {
        let content = StepContent {
            number: row.number,
            kind: row.kind.as_str().to_owned(),
            attempt: row.attempt,
            status: row.status.as_str().to_owned(),
            detail_sha256: digest_of(&row.detail),
            record_sha256: row.record.as_ref().map(digest_of),
            started_at: row.started_at,
            finished_at: row.finished_at,
        };
        Self { sha256: digest_of(&content), content, detail: Some(row.detail), record: row.record }
    }
}

impl StepPart {
    /// Whether its digests are those of what is there.
    pub(crate) fn holds(&self) -> bool {
        let content = &self.content;
        !self.sha256.is_empty()
            && digest_of(content) == self.sha256
            && self.detail.as_ref().is_none_or(|detail| digest_of(detail) == content.detail_sha256)
            && self.record.as_ref().is_none_or(|record| Some(digest_of(record)) == content.record_sha256)
    }
}

/// What a model was sent for the draft of a step.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PromptPart {
    pub(crate) step: i32,
    /// Of its canonical JSON, as it was recorded.
    pub(crate) sha256: String,
    /// Written again from the records; none where that gives other bytes.
    pub(crate) request: Option<Value>,
    /// Why not.
    pub(crate) why_not: Option<String>,
}

/// A call of a model.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallPart {
    pub(crate) id: UsageId,
    pub(crate) occurred_at: DateTime<Utc>,
    pub(crate) agent: Option<String>,
    pub(crate) model: String,
    /// Of its weights when it was called, where its server told.
    pub(crate) model_digest: Option<String>,
    pub(crate) endpoint: String,
    pub(crate) provider: String,
    pub(crate) tier: String,
    pub(crate) input_tokens: i64,
    pub(crate) output_tokens: i64,
    pub(crate) cached_tokens: i64,
    pub(crate) reasoning_tokens: i64,
    pub(crate) gpu_ms: i64,
    pub(crate) cost_micros: i64,
    pub(crate) outcome: String,
}

impl CallPart {
    pub(crate) fn of(row: UsageRow, model_digest: Option<String>) -> Self {
        Self {
            id: row.id,
            occurred_at: row.occurred_at,
            agent: row.agent,
            model: row.model,
            model_digest,
            endpoint: row.endpoint,
            provider: row.provider,
            tier: row.tier,
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            cached_tokens: row.cached_tokens,
            reasoning_tokens: row.reasoning_tokens,
            gpu_ms: row.gpu_millis,
            cost_micros: row.cost_micros,
            outcome: row.outcome,
        }
    }
}

/// A passage that the run has read. Places count code points of its page, as citations do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PassagePart {
    pub(crate) chunk_id: ChunkId,
    pub(crate) document_id: DocumentId,
    pub(crate) document_name: String,
    pub(crate) version: i32,
    pub(crate) page_number: i32,
    pub(crate) char_start: i32,
    pub(crate) char_end: i32,
    pub(crate) heading_path: Vec<String>,
    /// Of its document now: it may have risen since the run.
    pub(crate) label: Label,
    /// With placeholders for personal data, and without secrets.
    pub(crate) text: String,
    /// Where these stand.
    pub(crate) replaced: Vec<Replaced>,
    /// Of the text as it is here; where nothing is replaced, of the text that is stored.
    pub(crate) sha256: String,
}

/// What a placeholder stands for: not the words, but where they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replaced {
    pub(crate) char_start: i32,
    pub(crate) char_end: i32,
    pub(crate) placeholder: String,
}

/// The entry of the moment in which a document's version was read, with its manifest.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManifestPart {
    pub(crate) document_id: DocumentId,
    pub(crate) version: i32,
    pub(crate) entry: Entry,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionPart {
    pub(crate) id: DecisionId,
    pub(crate) decided_at: DateTime<Utc>,
    pub(crate) user_id: UserId,
    pub(crate) action: String,
    pub(crate) request: Value,
    /// SHA-256 of the canonical JSON of that.
    pub(crate) inputs_digest: String,
    /// SHA-256 over all policies that were in force.
    pub(crate) policy_version: String,
    pub(crate) verdict: String,
    pub(crate) policies: Value,
    pub(crate) would_allow: Value,
}

impl From<DecisionRow> for DecisionPart {
    fn from(row: DecisionRow) -> Self {
        Self {
            id: row.id,
            decided_at: row.decided_at,
            user_id: row.user_id,
            action: row.action,
            request: row.request,
            inputs_digest: hex::encode(row.inputs_digest),
            policy_version: hex::encode(row.policy_version),
            verdict: row.verdict,
            policies: row.policies,
            would_allow: row.would_allow,
        }
    }
}

/// The run in the audit log.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditPart {
    /// Of the run and of its calls of models, in the order of the chain.
    pub(crate) entries: Vec<Entry>,
    /// What leads along the chain from the first of them to the head; none where that is too long.
    pub(crate) links: Option<Links>,
    /// The newest head that the server had signed.
    pub(crate) head: Option<HeadPart>,
}

/// An entry with all that proves it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) id: AuditEntryId,
    /// The bytes that MAC and seal cover.
    pub(crate) canonical: String,
    /// HMAC-SHA-256 with the server's key for entries.
    pub(crate) mac: String,
    /// Its place in the chain; none where it was not sealed yet.
    pub(crate) seal: Option<SealPart>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SealPart {
    pub(crate) sequence: i64,
    pub(crate) previous_hash: String,
    pub(crate) hash: String,
}

/// Seals that follow one another, each by what it covers of its entry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Links {
    /// The place of the first leaf.
    pub(crate) from: i64,
    pub(crate) leaves: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeadPart {
    pub(crate) sequence: i64,
    pub(crate) hash: String,
    pub(crate) mac: String,
}

/// What belongs to the run and is not in the bundle.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeftOut {
    /// `passage`, `answer`, `detail of step`, `record of step`, `call` or `links`.
    pub(crate) what: String,
    pub(crate) id: String,
    /// Of its text, where that is still stored.
    pub(crate) sha256: Option<String>,
    pub(crate) reason: String,
}

impl From<ProvedEntryRow> for Entry {
    fn from(row: ProvedEntryRow) -> Self {
        let seal = row.sequence.zip(row.previous_hash).zip(row.hash);
        Self {
            id: row.id,
            // What is not UTF-8 was altered, and does not become whole by this.
            canonical: String::from_utf8_lossy(&row.canonical).into_owned(),
            mac: hex::encode(row.mac),
            seal: seal.map(|((sequence, previous_hash), hash)| SealPart {
                sequence,
                previous_hash: hex::encode(previous_hash),
                hash: hex::encode(hash),
            }),
        }
    }
}

impl From<&AuditRecord> for Entry {
    fn from(record: &AuditRecord) -> Self {
        Self {
            id: record.id,
            canonical: String::from_utf8_lossy(&record.canonical).into_owned(),
            mac: hex::encode(record.mac),
            seal: None,
        }
    }
}

impl Bundle {
    /// SHA-256, in hex, of its canonical JSON: what the entry of its export has to name.
    pub fn sha256(&self) -> String {
        digest_of(self)
    }

    /// The file, with the entry of its export.
    ///
    /// # Errors
    /// When it cannot be written as canonical JSON.
    pub fn into_file(self, receipt: &AuditRecord) -> Result<Vec<u8>, millwright_audit::AuditError> {
        let sha256 = self.sha256();
        canonical_json(&File { format: FORMAT.to_owned(), bundle: self, sha256, receipt: receipt.into() })
    }
}
