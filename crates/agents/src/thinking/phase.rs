//! DELIBERATE: a turn in which all who are asked speak at the same time, kept as one step.

use std::sync::Arc;

use millwright_core::Label;
use millwright_llm::Tier;
use millwright_store::tenant::StepKind;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Thinking,
    said::{self, Said, Title, Written},
    speaking::{formed, given, request, speak},
    turns::{self, Asked},
};
use crate::{
    AgentError,
    answerer::{self, Allowed},
    events::{AgUiEventKind, StatePatch},
    machine::Happened,
    observe,
    progress::Progress,
    prompt::{Prompt, keep_as},
    record::{Repeat, kept},
    resume,
    run::Run,
    runner::Inner,
    think,
    verify::Verifier,
};

pub(super) const FAILED: &str = "failed";
pub(super) const UNREADABLE: &str = "unreadable";
pub(super) const WITHHELD: &str = "withheld";
pub(super) const LATE: &str = "late";
pub(super) const BUDGET: &str = "budget";
const FAILURES: [&str; 5] = [FAILED, UNREADABLE, WITHHELD, LATE, BUDGET];

/// What was said so far, turn by turn.
pub(crate) type Deliberation = Vec<Vec<Said>>;

/// Of DELIBERATE, as it is kept: enough to come to the same points again.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Deliberated {
    /// Names of those who were asked.
    asked: Vec<String>,
    /// Beside them; `None` for one who still speaks, while the turn goes on.
    pub(crate) spoken: Vec<Option<Spoken>>,
}

/// What one voice said.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Spoken {
    pub(super) model: String,
    pub(super) points: Vec<Written>,
    pub(super) failed: Option<String>,
    /// What its model was sent; none where none has answered.
    pub(crate) prompt: Option<Prompt>,
    /// Whether the server was not told to hold the model to the form.
    pub(super) plain: bool,
}

/// What a turn has used.
#[derive(Debug, Default, Serialize)]
pub(super) struct Used {
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) cost_micros: u64,
}

/// A turn as far as it has come.
pub(super) struct InTurn {
    thinking: Thinking,
    turn: u8,
    pub(super) asked: Vec<Asked>,
    verifier: Verifier,
    /// Beside those who are asked: what they said, as it is kept and as it is told.
    pub(super) spoken: Vec<Option<Spoken>>,
    said: Vec<Option<Said>>,
}

/// Whether a run is thought through further, now that it is known who answers. Of one that is repeated its steps say so.
pub(crate) fn thinks(run: &Run, progress: &Progress) -> bool {
    let next = progress.repeat.as_ref().and_then(Repeat::next_kind);
    let would = chosen(run, progress).is_some() && progress.answerer.is_language_model();
    next.map_or(would, |next| next == StepKind::Deliberate)
}

/// How: as the asker chose, else as the draft asked.
fn chosen(run: &Run, progress: &Progress) -> Option<Thinking> {
    run.thinking.or(progress.thinking)
}

/// Whether a draft may ask for it: once in a run, not where the asker chose, where there is something to think about, and where
/// people may choose what an answer costs. What was asked for before is repeated whatever holds today.
pub(crate) fn may_be_called(run: &Run, progress: &Progress) -> bool {
    let may_cost = run.policy.routing.explicit_tier || progress.repeat.is_some();
    let may_be = progress.answerer.is_language_model() && !progress.passages.is_empty();
    chosen(run, progress).is_none() && may_be && may_cost
}

/// Has a turn.
pub(crate) async fn deliberate(
    inner: &Arc<Inner>,
    run: &Run,
    progress: &mut Progress,
    turn: u8,
) -> Result<Happened, AgentError> {
    let thinking = chosen(run, progress).ok_or(AgentError::NotRepeatable)?;
    let repeated = progress.repeated::<Deliberated>(StepKind::Deliberate)?;
    progress.begin(StepKind::Deliberate, turn, inner.sources.now());
    let is_repeated = repeated.is_some();
    if repeated.as_ref().is_some_and(|known| !known.spoken.iter().all(Option::is_some)) {
        return Err(AgentError::NotRepeatable);
    }
    // Whoever has spoken before the process died is not asked again.
    let known = repeated.or_else(|| progress.half.take());
    let (given, mut of) =
        (given(run, progress, thinking)?, InTurn::new(run, progress, (thinking, turn), known.as_ref())?);
    of.begin(progress);
    for (at, spoken) in known.into_iter().flat_map(|known| known.spoken).enumerate() {
        let Some(spoken) = spoken else { continue };
        if let Some(prompt) = spoken.prompt.as_ref().filter(|_| run.only_replayed) {
            let request = request(&given, &of.asked[at], &prompt.words);
            keep_as(progress, formed(&request, &of.asked[at], spoken.plain, &prompt.words.boundary));
        }
        of.hear(progress, at, spoken)?;
    }
    let mut used = None;
    if !is_repeated {
        of.keep_so_far(progress);
        used = Some(speak((inner, run), progress, &given, &mut of).await?);
        look_again(inner, run, progress).await?;
        think::record_withheld(inner, run, progress, false).await?;
    }
    let record = of.record();
    let said: Vec<Said> = of.said.into_iter().flatten().collect();
    let is_heard = said.iter().any(|said| !said.points.is_empty());
    let more = is_heard && turn < thinking.turns() && thinks(run, progress);
    progress.deliberation.push(said);
    if !more {
        progress.conclusion = turns::conclusion(thinking, &progress.deliberation);
    }
    let detail = detail(progress, thinking, turn, used.as_ref())?;
    progress.end_recorded(detail, record, inner.sources.now());
    Ok(Happened::Deliberated { more })
}

/// It may have taken minutes: what was found may be labelled higher by now, or not be read any more, and is about to be sent again.
async fn look_again(inner: &Inner, run: &Run, progress: &mut Progress) -> Result<(), AgentError> {
    let mut tx = inner.store.tenant(&run.principal.scope).read().await?;
    let reader = run.reader(&mut tx).await?;
    drop(tx);
    let chunks: Vec<_> = progress.passages.iter().map(|passage| passage.chunk_id).collect();
    let passages = resume::passages(inner, run, &reader, &chunks).await?;
    let before = progress.label(run);
    progress.found = Label::join_all(passages.iter().map(|passage| &passage.label).chain([&progress.found]));
    if progress.label(run) == before {
        return Ok(());
    }
    match answerer::decide(inner, run, progress, &reader, &think::preview(inner, run, progress))? {
        Allowed::Some(answerer, decisions) => {
            progress.answerer = answerer;
            observe::keep(inner, run, progress, &decisions).await
        }
        denied => Err(observe::refused(inner, run, denied).await?),
    }
}

impl InTurn {
    /// Nobody has spoken yet. Of a turn that is had again those are asked who were asked then, whatever the tier.
    fn new(
        run: &Run,
        progress: &Progress,
        (thinking, turn): (Thinking, u8),
        known: Option<&Deliberated>,
    ) -> Result<Self, AgentError> {
        let tier = if known.is_some() { Tier::Heavy } else { run.tier };
        let mut asked = turns::asked(thinking, turn, tier, &progress.deliberation);
        if let Some(known) = known {
            let of_name = |name: &String| asked.iter().find(|asked| asked.voice.name == *name).cloned();
            asked = known.asked.iter().map(of_name).collect::<Option<_>>().ok_or(AgentError::NotRepeatable)?;
            if known.spoken.len() != asked.len() {
                return Err(AgentError::NotRepeatable);
            }
        }
        let (spoken, said) = (vec![None; asked.len()], vec![None; asked.len()]);
        Ok(Self { thinking, turn, asked, verifier: progress.verifier(), spoken, said })
    }

    /// As it is kept.
    fn record(&self) -> Value {
        let asked = self.asked.iter().map(|asked| asked.voice.name.clone()).collect();
        kept(&Deliberated { asked, spoken: self.spoken.clone() })
    }

    /// Keeps it as far as it has come.
    pub(super) fn keep_so_far(&self, progress: &mut Progress) {
        progress.keep_so_far(self.record());
    }

    /// Tells the reader who is asked. A turn that is had again takes the place of the first.
    fn begin(&self, progress: &mut Progress) {
        let voice =
            |asked: &Asked| json!({ "who": asked.voice.name, "title": { "en": asked.voice.en, "de": asked.voice.de } });
        let asked: Vec<Value> = self.asked.iter().map(voice).collect();
        let mut delta = Vec::new();
        if self.turn == 1 {
            delta.push(StatePatch::deliberation("", &json!({ "thinking": self.thinking, "turns": {} })));
        }
        let place = format!("/turns/{}", self.turn);
        let of = self.thinking.turns();
        let turn = json!({ "thinking": self.thinking, "turn": self.turn, "of": of, "asked": asked, "said": [] });
        delta.push(StatePatch::deliberation(&place, &turn));
        progress.journal.emit(AgUiEventKind::StateDelta { delta });
    }

    /// Takes in what a voice said, each point held against the passages, and tells the reader.
    pub(super) fn hear(&mut self, progress: &mut Progress, at: usize, spoken: Spoken) -> Result<(), AgentError> {
        let restore =
            |text: &str| progress.placeholders.as_ref().map_or_else(|| text.to_owned(), |known| known.restore(text));
        let points = spoken.points.iter().map(|point| point.checked(&self.verifier, restore(&point.says))).collect();
        let failed =
            spoken.failed.as_ref().map(|why| FAILURES.into_iter().find(|known| known == why).unwrap_or(FAILED));
        let voice = self.asked[at].voice;
        let title = Title { en: &voice.en, de: &voice.de };
        let said = Said { who: &voice.name, title, model: spoken.model.clone(), points, failed };
        let mut told = json!(said);
        told["sources"] = sources(progress, std::slice::from_ref(&said))?;
        let delta = vec![StatePatch::deliberation(&format!("/turns/{}/said/-", self.turn), &told)];
        progress.journal.emit(AgUiEventKind::StateDelta { delta });
        self.spoken[at] = Some(spoken);
        self.said[at] = Some(said);
        Ok(())
    }
}

/// The passages that points name, for readers.
fn sources(progress: &mut Progress, said: &[Said]) -> Result<Value, AgentError> {
    let mut numbers: Vec<u32> =
        said.iter().flat_map(|said| &said.points).flat_map(|point| point.passages.clone()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let named = numbers.into_iter().filter_map(|number| {
        let passage = progress.passages.get((number as usize).checked_sub(1)?)?;
        Some((number, passage.clone()))
    });
    let (numbers, passages): (Vec<u32>, Vec<_>) = named.unzip();
    let mut shown = observe::shown_passages(progress, &passages)?;
    for ((number, passage), shown) in numbers.iter().zip(&passages).zip(shown.as_array_mut().into_iter().flatten()) {
        shown["number"] = json!(number);
        shown["chunk_id"] = json!(passage.chunk_id);
        shown["document_id"] = json!(passage.document_id);
    }
    Ok(shown)
}

/// What a turn is shown as among the steps.
fn detail(progress: &mut Progress, thinking: Thinking, turn: u8, used: Option<&Used>) -> Result<Value, AgentError> {
    let said = progress.deliberation.last().cloned().unwrap_or_default();
    let sources = sources(progress, &said)?;
    let findings = if thinking == Thinking::RedTeam && turn > 1 { said::findings(&said) } else { Vec::new() };
    if !findings.is_empty() {
        let delta = vec![StatePatch::deliberation(&format!("/turns/{turn}/findings"), &findings)];
        progress.journal.emit(AgUiEventKind::StateDelta { delta });
    }
    Ok(json!({
        "thinking": thinking,
        "turn": turn,
        "of": thinking.turns(),
        "said": said,
        "findings": findings,
        "notes": progress.conclusion,
        "sources": sources,
        "document_ids": observe::documents(&progress.passages),
        "usage": used,
    }))
}
