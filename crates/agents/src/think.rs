//! THINK and VERIFY: a draft that is checked sentence by sentence while it streams.

use futures::StreamExt;
use millwright_llm::{ChatRequest, Delta, PromptPassage, StopReason};
use millwright_store::tenant::{StepKind, StepStatus};
use serde::Serialize;
use serde_json::json;

use crate::{
    AgentError,
    citation::Cited,
    events::{AgUiEventKind, StatePatch},
    machine::{Happened, MAX_ATTEMPTS},
    run::{Progress, Run},
    runner::Inner,
    verify::{Checked, CutReason, Gate, Support, Verifier},
};

/// The most tokens of an answer.
const MAX_OUTPUT_TOKENS: u32 = 1_024;
/// So much of a cut sentence is kept with the step.
const MAX_CUT_CHARS: usize = 300;

/// What the checks of a run have come to.
#[derive(Debug, Default)]
pub(crate) struct Stock {
    /// Sentences that passed.
    pub(crate) supported: usize,
    /// Of these, those whose markers were replaced.
    relinked: usize,
    /// Sentences that did not pass, over all attempts.
    pub(crate) cut: Vec<CutSentence>,
    /// Where in `cut` the present attempt begins.
    cut_before: usize,
    /// The model said that the passages do not hold the answer.
    said_not_in_documents: bool,
    /// Introductions that wait for something to introduce.
    held: Vec<(String, String)>,
    stop_reason: Option<StopReason>,
}

/// A sentence that was not shown.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CutSentence {
    text: String,
    reason: CutReason,
}

/// Has the model draft, shows what passes.
pub(crate) async fn think(
    inner: &Inner,
    run: &Run,
    progress: &mut Progress,
    attempt: u8,
) -> Result<Happened, AgentError> {
    progress.begin(StepKind::Think, attempt, inner.sources.now());
    let request = request(run, progress, attempt);
    progress.stock.cut_before = progress.stock.cut.len();
    progress.stock.said_not_in_documents = false;
    let verifier = Verifier::new(&run.question, &progress.passages);
    let mut gate = Gate::default();
    let (mut usage, mut drafted) = (json!(null), 0);
    let mut deltas = run.model.stream(request).await?;
    while let Some(delta) = deltas.next().await {
        match delta? {
            Delta::Text(text) => {
                drafted += text.chars().count();
                for statement in gate.push(&text) {
                    take(run, progress, verifier.check(&statement));
                }
            }
            Delta::Usage { input_tokens, output_tokens } => {
                usage = json!({ "input_tokens": input_tokens, "output_tokens": output_tokens });
            }
            Delta::Done { stop_reason } => progress.stock.stop_reason = Some(stop_reason),
        }
    }
    // A sentence that was cut off may lack the very condition it hangs on.
    let is_cut_off = !matches!(progress.stock.stop_reason, Some(StopReason::Complete | StopReason::Other));
    for statement in gate.finish() {
        if is_cut_off && statement.markers.is_empty() {
            continue;
        }
        take(run, progress, verifier.check(&statement));
    }
    if progress.text_open {
        progress.journal.emit(AgUiEventKind::TextMessageEnd { message_id: run.ids.assistant_message_id });
        progress.text_open = false;
    }
    let detail = json!({
        "model": run.model.info().name,
        "draft_chars": drafted,
        "stop_reason": progress.stock.stop_reason,
        "usage": usage,
    });
    progress.end(StepStatus::Finished, detail, inner.sources.now());
    Ok(Happened::Drafted)
}

/// Takes stock of the draft.
pub(crate) fn verify(inner: &Inner, run: &Run, progress: &mut Progress, attempt: u8) -> Happened {
    progress.begin(StepKind::Verify, attempt, inner.sources.now());
    let stock = &progress.stock;
    // The extractive answerer would quote the same again, and a model that finds nothing has answered.
    let may_improve = run.model.info().is_language_model && !stock.said_not_in_documents;
    let happened = Happened::Verified { supported: stock.supported, may_improve };
    let detail = json!({
        "supported": stock.supported,
        "relinked": stock.relinked,
        "cut": stock.cut.len() - stock.cut_before,
        "cut_sentences": &stock.cut[stock.cut_before..],
        "not_in_documents": stock.said_not_in_documents,
        "again": stock.supported == 0 && may_improve && attempt < MAX_ATTEMPTS,
    });
    progress.end(StepStatus::Finished, detail, inner.sources.now());
    happened
}

fn request(run: &Run, progress: &Progress, attempt: u8) -> ChatRequest {
    let passages = (1..).zip(&progress.passages).map(|(number, passage)| PromptPassage {
        number,
        text: passage.text.clone(),
        document_name: passage.document_name.clone(),
        page: passage.page().and_then(|page| u32::try_from(page).ok()),
        heading_path: passage.heading_path.clone(),
        score: passage.score,
    });
    ChatRequest {
        system: if attempt > 1 { feedback(&progress.stock) } else { String::new() },
        turns: progress.conversation.turns.clone(),
        question: run.question.clone(),
        passages: passages.collect(),
        max_output_tokens: MAX_OUTPUT_TOKENS,
    }
}

/// What was wrong with the draft before, in our own words: its sentences may repeat what a
/// document smuggled in.
fn feedback(stock: &Stock) -> String {
    let count = |reason| stock.cut[stock.cut_before..].iter().filter(|cut| cut.reason == reason).count();
    format!(
        "An earlier draft was thrown away: {} sentences had no marker, {} named a passage that does not exist, and {} \
         said something that the passage they named does not say. Write again. Keep close to the wording of the \
         passages, keep every number with its unit, and end each sentence with the marker of the passage that says it.",
        count(CutReason::NoMarker),
        count(CutReason::UnknownPassage),
        count(CutReason::NotSupported),
    )
}

fn take(run: &Run, progress: &mut Progress, checked: Vec<Checked>) {
    for checked in checked {
        match checked {
            Checked::Supported { lead, text, supports, relinked } => {
                progress.stock.supported += 1;
                progress.stock.relinked += usize::from(relinked);
                for (lead, text) in std::mem::take(&mut progress.stock.held) {
                    show_after(run, progress, &lead, &text);
                }
                let markers = cite(progress, &supports);
                show_after(run, progress, &lead, &format!("{text}{markers}"));
            }
            Checked::Connective { lead, text } => progress.stock.held.push((lead, text)),
            Checked::Cut { text, reason } => {
                let text = text.chars().take(MAX_CUT_CHARS).collect();
                progress.stock.cut.push(CutSentence { text, reason });
            }
            Checked::NotInDocuments => progress.stock.said_not_in_documents = true,
        }
    }
}

/// Cites what a sentence stands on; returns its markers.
fn cite(progress: &mut Progress, supports: &[Support]) -> String {
    let mut markers = String::new();
    let mut patches = Vec::new();
    for support in supports {
        let passage = &progress.passages[support.passage];
        let cited = progress.citations.cite(passage, support.start, support.end);
        let citation = &progress.citations.list()[cited.index()];
        match cited {
            Cited::Added(_) => patches.push(StatePatch::add_citation(citation)),
            Cited::Extended(index) => patches.push(StatePatch::replace_citation(index, citation)),
            Cited::Known(_) => {}
        }
        let marker = format!("[{}]", citation.number);
        if !markers.contains(&marker) {
            markers.push_str(if markers.is_empty() { " " } else { "" });
            markers.push_str(&marker);
        }
    }
    if !patches.is_empty() {
        progress.journal.emit(AgUiEventKind::StateDelta { delta: patches });
    }
    markers
}

fn show_after(run: &Run, progress: &mut Progress, lead: &str, text: &str) {
    // What stood before may have been cut.
    let lead = if progress.shown.is_empty() { lead.trim_start() } else { lead };
    let gap = if lead.is_empty() && !progress.shown.is_empty() { " " } else { lead };
    let delta = format!("{gap}{text}");
    show(run, progress, &delta);
}

/// Shows text to the reader. It is never taken back.
pub(crate) fn show(run: &Run, progress: &mut Progress, text: &str) {
    let message_id = run.ids.assistant_message_id;
    if !progress.text_open {
        progress.text_open = true;
        progress.journal.emit(AgUiEventKind::TextMessageStart { message_id, role: "assistant" });
    }
    progress.shown.push_str(text);
    progress.journal.emit(AgUiEventKind::TextMessageContent { message_id, delta: text.to_owned() });
}
