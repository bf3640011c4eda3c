//! What reaches the reader of a run: sentences that passed, what they stand on, and what contradicts that.

use std::collections::{BTreeSet, HashMap};

use millwright_llm::{provider::StopReason, text::item_mark};
use millwright_store::tenant::{NewPolicyEvent, PolicyEventKind};
use serde::Serialize;

use crate::{
    AgentError,
    citation::{Citation, Citations, Cited},
    conflict::{Stretch, conflicts},
    context::without_markers,
    events::{AgUiEventKind, StatePatch},
    guard,
    progress::Progress,
    resume,
    run::Run,
    runner::Inner,
    verify::{Checked, CutReason, Statement, Support, Verifier},
};

/// So much of a cut sentence is kept with the step.
const MAX_CUT_CHARS: usize = 300;
/// So many passages are cited that the answer does not use, because they contradict what it cites.
const MAX_CONFLICTS: usize = 4;

/// A model that says the same statement more often than this in one draft is in a loop.
const MAX_REPEATS: usize = 5;

/// What the checks of a run have come to.
#[derive(Debug, Default)]
pub(crate) struct Stock {
    /// Sentences that passed.
    pub(crate) supported: usize,
    /// Of these, those whose markers were replaced.
    pub(crate) relinked: usize,
    /// Sentences that did not pass, over all attempts.
    pub(crate) cut: Vec<CutSentence>,
    /// Where in `cut` the present attempt begins.
    pub(crate) cut_before: usize,
    /// The model said that the passages do not hold the answer.
    pub(crate) said_not_in_documents: bool,
    /// What is told to the next attempt.
    pub(crate) feedback: String,
    /// What an answer that stands does not do yet of what its agent asks, while that is to be added.
    pub(crate) lacking: Option<String>,
    /// Sentences that were shown before the draft stopped to read on, or by a process that died, as they were shown: they may
    /// come again, and are not shown twice.
    pub(crate) shown_before: BTreeSet<String>,
    /// What was shown of the present draft.
    pub(crate) said: BTreeSet<String>,
    /// Introductions that wait for something to introduce.
    pub(crate) held: Vec<(String, String)>,
    /// What was not let out, to be recorded with the end of the run.
    pub(crate) withheld: Vec<NewPolicyEvent>,
    pub(crate) stop_reason: Option<StopReason>,
}

impl Stock {
    /// The draft stops to read on. What stands beside calls is a remark; the answer is still to come. `held`: so many
    /// introductions waited before it.
    pub(crate) fn reads_on(&mut self, held: usize) {
        self.cut.truncate(self.cut_before);
        self.held.truncate(held);
        self.shown_before.append(&mut self.said);
    }

    /// The answer stands, and what is still drafted adds to it.
    pub(crate) fn stands(&mut self) {
        self.shown_before.append(&mut self.said);
    }

    /// What a process that died had shown, piece by piece.
    pub(crate) fn shown_already(&mut self, pieces: &[String]) {
        self.supported += resume::supported(pieces);
        for piece in pieces {
            let text = without_markers(piece);
            let text = text.trim();
            let mark = item_mark(text).unwrap_or(0);
            self.shown_before.insert(text[mark..].trim_start().to_owned());
        }
    }
}

/// A sentence that was not shown.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CutSentence {
    text: String,
    pub(crate) reason: CutReason,
}

/// Shows what passed and keeps what did not.
pub(crate) fn take(inner: &Inner, run: &Run, progress: &mut Progress, checked: Vec<Checked>) -> Result<(), AgentError> {
    for checked in checked {
        match checked {
            Checked::Connective { text, .. } if was_shown(progress, &text)? => {}
            Checked::Supported { text, workings, .. } if was_shown(progress, &with_workings(&text, &workings))? => {}
            Checked::Supported { lead, text, supports, relinked, workings } => {
                let said = as_shown(progress, &with_workings(&text, &workings))?;
                progress.stock.said.insert(said);
                progress.stock.supported += 1;
                progress.stock.relinked += usize::from(relinked);
                for (lead, text) in std::mem::take(&mut progress.stock.held) {
                    show_after(run, progress, &lead, &text)?;
                }
                let markers = cite(progress, &supports)?;
                let text = match guard::without_secrets(&text) {
                    Some(clean) => {
                        let what = (PolicyEventKind::OutputWithheld, "cut");
                        let event = guard::of_run(inner, run.about(), what, "a secret in an answer");
                        progress.stock.withheld.push(event);
                        clean
                    }
                    None => text,
                };
                show_after(run, progress, &lead, &format!("{}{markers}", with_workings(&text, &workings)))?;
            }
            Checked::Connective { lead, text } => progress.stock.held.push((lead, text)),
            Checked::Cut { text, reason } => {
                // Cut off only after its secrets are taken out, for half of one is not known as such; and before as well, for a
                // sentence may have no end.
                let text: String = text.chars().take(2 * MAX_CUT_CHARS).collect();
                let text: String = as_shown(progress, &text)?.chars().take(MAX_CUT_CHARS).collect();
                progress.stock.cut.push(CutSentence { text, reason });
            }
            Checked::NotInDocuments => progress.stock.said_not_in_documents = true,
        }
    }
    Ok(())
}

/// The reader sees which figure no document has, and can compute it again.
fn with_workings(text: &str, workings: &[String]) -> String {
    if workings.is_empty() { text.to_owned() } else { format!("{text} ({})", workings.join("; ")) }
}

/// A sentence as a reader gets it: with placeholders, and without secrets.
fn as_shown(progress: &mut Progress, text: &str) -> Result<String, AgentError> {
    match guard::without_secrets(text) {
        Some(clean) => progress.mask(&clean),
        None => progress.mask(text),
    }
}

fn was_shown(progress: &mut Progress, text: &str) -> Result<bool, AgentError> {
    if progress.stock.shown_before.is_empty() {
        return Ok(false);
    }
    let text = as_shown(progress, text)?;
    Ok(progress.stock.shown_before.contains(&text))
}

/// Cites what a sentence stands on; returns its markers.
fn cite(progress: &mut Progress, supports: &[Support]) -> Result<String, AgentError> {
    let mut markers = String::new();
    let mut patches = Vec::new();
    for support in supports {
        let passage = &progress.passages[support.passage];
        let cited = progress.citations.cite(passage, support.start, support.end);
        let citation = progress.citations.list()[cited.index()].clone();
        let number = citation.number;
        if !matches!(cited, Cited::Known(_)) {
            let citation = shown_citation(progress, citation)?;
            patches.push(match cited {
                Cited::Extended(index) => StatePatch::replace_citation(index, &citation),
                Cited::Added(_) | Cited::Known(_) => StatePatch::add_citation(&citation),
            });
        }
        let marker = format!("[{number}]");
        if !markers.contains(&marker) {
            markers.push_str(if markers.is_empty() { " " } else { "" });
            markers.push_str(&marker);
        }
    }
    if !patches.is_empty() {
        progress.journal.emit(AgUiEventKind::StateDelta { delta: patches });
    }
    Ok(markers)
}

/// Cites what contradicts a cited sentence, and notes of both that they do. Conflicts among passages that the answer does not
/// use are not its business.
pub(crate) async fn cite_conflicts(progress: &mut Progress) -> Result<(), AgentError> {
    let before = progress.citations.list().len();
    if before == 0 {
        return Ok(());
    }
    // As an answer may stand on them: what looks like an instruction is blank there, and contradicts nothing.
    let evidence = std::mem::take(&mut progress.prepared.evidence);
    let work = tokio::task::spawn_blocking(move || {
        let found = conflicts(&evidence);
        (evidence, found)
    });
    let Ok((evidence, found)) = work.await else {
        tracing::error!("contradictions could not be looked for; the answer stands without");
        return Ok(());
    };
    let mut changed = BTreeSet::new();
    let passages = std::mem::take(&mut progress.passages);
    for [one, other] in found {
        for (cited, against) in [(one, other), (other, one)] {
            let at = |citations: &Citations, place: Stretch| {
                citations.find(&passages[place.passage], place.start, place.end)
            };
            let Some(known) = at(&progress.citations, cited).filter(|known| *known < before) else { continue };
            let whole = [&evidence, &passages].map(|all| &all[against.passage].text[against.start..against.end]);
            if whole[0] != whole[1] {
                continue;
            }
            let other = match at(&progress.citations, against) {
                Some(other) => other,
                None if progress.citations.list().len() < before + MAX_CONFLICTS => {
                    progress.citations.cite(&passages[against.passage], against.start, against.end).index()
                }
                None => continue,
            };
            if progress.citations.dispute(known, other) {
                changed.extend([known, other]);
            }
        }
    }
    progress.passages = passages;
    let mut patches = Vec::new();
    for index in changed {
        let citation = shown_citation(progress, progress.citations.list()[index].clone())?;
        patches.push(if index < before {
            StatePatch::replace_citation(index, &citation)
        } else {
            StatePatch::add_citation(&citation)
        });
    }
    if !patches.is_empty() {
        progress.journal.emit(AgUiEventKind::StateDelta { delta: patches });
    }
    Ok(())
}

/// A citation as it is stored and sent.
pub(crate) fn shown_citation(progress: &mut Progress, citation: Citation) -> Result<Citation, AgentError> {
    let quote = guard::without_secrets(&citation.quote).unwrap_or_else(|| citation.quote.clone());
    Ok(Citation {
        quote: progress.mask(&quote)?,
        document_name: progress.mask(&citation.document_name)?,
        heading_path: citation.heading_path.iter().map(|heading| progress.mask(heading)).collect::<Result<_, _>>()?,
        ..citation
    })
}

/// All citations as they are stored and sent.
pub(crate) fn shown_citations(progress: &mut Progress) -> Result<Vec<Citation>, AgentError> {
    let citations = progress.citations.list().to_vec();
    citations.into_iter().map(|citation| shown_citation(progress, citation)).collect()
}

fn show_after(run: &Run, progress: &mut Progress, lead: &str, text: &str) -> Result<(), AgentError> {
    // What stood before may have been cut.
    let lead = if progress.shown.is_empty() { lead.trim_start() } else { lead };
    let gap = if lead.is_empty() && !progress.shown.is_empty() { " " } else { lead };
    let delta = progress.mask(&format!("{gap}{text}"))?;
    show(run, progress, delta);
    Ok(())
}

/// Shows text to the reader, personal data already behind placeholders. It is never taken back.
pub(crate) fn show(run: &Run, progress: &mut Progress, text: String) {
    let message_id = run.ids.assistant_message_id;
    if !progress.text_open {
        progress.text_open = true;
        progress.journal.emit(AgUiEventKind::TextMessageStart { message_id, role: "assistant" });
    }
    progress.shown.push_str(&text);
    progress.journal.emit(AgUiEventKind::TextMessageContent { message_id, delta: text });
}

/// Checks statements, and shows what passed.
pub(crate) fn take_all(
    (inner, run): (&Inner, &Run),
    progress: &mut Progress,
    verifier: &Verifier,
    statements: &[Statement],
) -> Result<(), AgentError> {
    statements.iter().try_for_each(|statement| take(inner, run, progress, verifier.check(statement)))
}

/// How often each statement came.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    times: HashMap<(String, Vec<u32>), usize>,
    pub(crate) is_loop: bool,
}

impl Repeats {
    /// Those that the reader may see: none any more once the model is in a loop.
    pub(crate) fn admitted(&mut self, mut statements: Vec<Statement>) -> Vec<Statement> {
        statements.retain(|statement| {
            if !self.is_loop {
                let times = self.times.entry((statement.body.clone(), statement.markers.clone())).or_default();
                *times += 1;
                self.is_loop = *times > MAX_REPEATS;
            }
            !self.is_loop
        });
        statements
    }
}
