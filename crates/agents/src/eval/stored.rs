//! What a run came to and what stands in documents, read from the rows: the same for a command and for an evaluation here.

use millwright_documents::{Block, BlockKind};
use millwright_governance::Governance;
use millwright_store::{
    StoreError, TenantTx,
    tenant::{RunStatus, StepKind, VersionRow},
};

use super::{Answered, ShownCitation, Spent, StoredDocument, StoredPage};
use crate::{AgentError, StartedRun};

/// What a run has come to, as its reader is shown it. What its model calls took is counted apart from it, and later.
///
/// # Errors
/// When it is gone, or the database fails.
pub async fn answered(
    tx: &mut TenantTx,
    governance: &Governance,
    ids: StartedRun,
    calls_tools: impl Fn(&str) -> bool,
) -> Result<Answered, AgentError> {
    let run = tx.runs().get(ids.run_id).await?.ok_or(StoreError::NotFound("run"))?;
    let message = tx.messages().get(ids.conversation_id, ids.assistant_message_id).await?;
    let message = message.ok_or(StoreError::NotFound("message"))?;
    let steps = tx.runs().steps(ids.run_id).await?;
    let sealed = tx.vaults().get(ids.conversation_id).await?;
    let vault = governance.open(ids.conversation_id, sealed.as_deref())?;
    let failure = match run.status {
        RunStatus::Finished => None,
        RunStatus::Running => Some("interrupted: the run did not come to its end".to_owned()),
        _ => Some([run.error_code, run.error_detail].map(Option::unwrap_or_default).join(": ")),
    };
    let citations: Vec<ShownCitation> =
        serde_json::from_value(message.citations).map_err(|_| StoreError::UnknownValue("messages.citations"))?;
    let restored =
        citations.into_iter().map(|citation| ShownCitation { quote: vault.restore(&citation.quote), ..citation });
    let model = message.model.unwrap_or_default();
    let calls = steps.iter().filter(|step| step.kind == StepKind::Tool);
    let calls = calls.filter_map(|step| step.detail["calls"].as_array()).flatten();
    let called: Vec<String> = calls.filter_map(|call| call["tool"].as_str().map(str::to_owned)).collect();
    let duration = message.duration_ms.unwrap_or_default();
    Ok(Answered {
        shown: vault.restore(&message.content),
        citations: restored.collect(),
        answered: message.answered,
        failure,
        tools: calls_tools(&model).then_some(called),
        model,
        spent: Spent {
            steps: steps.len() as u64,
            duration_ms: u64::try_from(duration).unwrap_or_default(),
            ..Spent::default()
        },
    })
}

/// A version as it was read, under a name.
///
/// # Errors
/// When the database fails.
pub async fn stored_document(
    tx: &mut TenantTx,
    version: &VersionRow,
    file: String,
) -> Result<StoredDocument, AgentError> {
    let mut pages = Vec::new();
    for page in tx.versions().pages(version.id).await? {
        let blocks: Vec<Block> =
            serde_json::from_value(page.blocks).map_err(|_| StoreError::UnknownValue("document_pages.blocks"))?;
        let headings = blocks.into_iter().filter_map(|block| match block.kind {
            BlockKind::Heading { level } => Some((level, block.start, block.end)),
            _ => None,
        });
        pages.push(StoredPage { number: page.page_number, headings: headings.collect(), text: page.text });
    }
    Ok(StoredDocument { file, version: version.number, pages })
}
