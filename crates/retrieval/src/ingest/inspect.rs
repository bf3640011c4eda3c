//! Looks a document over for instructions to a model, before any of it can reach one.

use millwright_core::{Sources, id::DocumentId};
use millwright_policy::{
    injection::{self, Channel},
    pii::{Detector, Vault},
};
use millwright_store::tenant::{NewChunk, NewPolicyEvent, PolicyEventKind};

/// Marks the sentences that look like instructions, and says what was noticed. Takes a fraction of a millisecond a
/// kilobyte.
pub(super) fn inspect(
    sources: &Sources,
    document: DocumentId,
    mut chunks: Vec<NewChunk>,
) -> (Vec<NewChunk>, Vec<NewPolicyEvent>) {
    let mut noticed = Vec::new();
    for chunk in &mut chunks {
        // Its row is looked over with the passage that it stands in.
        chunk.table_header.take_if(|header| injection::check(Channel::Content, header).is_hit);
        let verdict = injection::check(Channel::Content, &chunk.text);
        for span in verdict.spans {
            let Some(sentence) = chunk.text.get(span.clone()) else { continue };
            chunk.quarantined.push((points(&chunk.text, span.start), points(&chunk.text, span.end)));
            noticed.push(NewPolicyEvent {
                id: sources.new_id(),
                occurred_at: sources.now(),
                kind: PolicyEventKind::Injection,
                outcome: "quarantine",
                user_id: None,
                run_id: None,
                document_id: Some(document),
                chunk_id: Some(chunk.id),
                score: Some((verdict.score, verdict.threshold)),
                detail: Vault::default().redact(&Detector::default(), sentence).text,
            });
        }
    }
    (chunks, noticed)
}

/// Code points before a byte.
fn points(text: &str, byte: usize) -> u32 {
    text.get(..byte).map_or(0, |before| u32::try_from(before.chars().count()).unwrap_or(u32::MAX))
}
