//! DELIBERATE: a turn in which all who are asked speak at the same time, kept as one step.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use millwright_gateway::{Call, GatewayError, Plan, WholeAnswer};
use millwright_llm::{
    ChatRequest, LlmError, Tier,
    provider::{ModelRequest, OutputFormat},
};
use millwright_policy::injection::{self, Channel, output::Canary};
use millwright_store::tenant::{PolicyEventKind, StepKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    Thinking,
    said::{self, Said, Title, Written},
    turns::{self, Asked},
};
use crate::{
    AgentError, answerer,
    events::{AgUiEventKind, StatePatch},
    guard,
    machine::Happened,
    memory, observe,
    progress::Progress,
    prompt::{Prompt, Words, keep_as},
    record::{Repeat, kept},
    run::Run,
    runner::Inner,
    think,
    verify::Verifier,
};

const PROMPT: &str = include_str!("speaker.md");
/// So many speak at the same time; the models' own lines may let fewer.
const AT_ONCE: usize = 8;
/// Whoever takes longer is not heard.
const PATIENCE: Duration = Duration::from_mins(2);
const MAX_OUTPUT_TOKENS: u32 = 700;

const FAILED: &str = "failed";
const UNREADABLE: &str = "unreadable";
const WITHHELD: &str = "withheld";
const LATE: &str = "late";
const FAILURES: [&str; 4] = [FAILED, UNREADABLE, WITHHELD, LATE];

/// What was said so far, turn by turn.
pub(crate) type Deliberation = Vec<Vec<Said>>;

/// Of DELIBERATE, as it is kept: enough to come to the same points again. In the order of those who are asked; `None` for one who
/// still speaks, while the turn goes on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Deliberated {
    /// Which says who was asked: a run that begins with this step may be of another.
    tier: Tier,
    pub(crate) spoken: Vec<Option<Spoken>>,
}

/// What one voice said.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Spoken {
    model: String,
    points: Vec<Written>,
    failed: Option<String>,
    /// What its model was sent; none where none has answered.
    pub(crate) prompt: Option<Prompt>,
    /// Whether the server was not told to hold the model to the form.
    plain: bool,
}

/// What a turn has used.
#[derive(Debug, Default, Serialize)]
struct Used {
    input_tokens: u64,
    output_tokens: u64,
    cost_micros: u64,
}

/// A turn as far as it has come.
struct InTurn {
    thinking: Thinking,
    turn: u8,
    tier: Tier,
    asked: Vec<Asked>,
    verifier: Verifier,
    /// Beside those who are asked: what they said, as it is kept and as it is told.
    spoken: Vec<Option<Spoken>>,
    said: Vec<Option<Said>>,
}

/// Whether a run is thought through, now that it is known what there is and who answers. Of one that is repeated its steps say so.
pub(crate) fn thinks(run: &Run, progress: &Progress) -> bool {
    let next = progress.repeat.as_ref().and_then(Repeat::next_kind);
    let would = run.thinking.is_some() && progress.answerer.is_language_model();
    next.map_or(would, |next| next == StepKind::Deliberate)
}

/// Has a turn.
pub(crate) async fn deliberate(
    inner: &Arc<Inner>,
    run: &Run,
    progress: &mut Progress,
    turn: u8,
) -> Result<Happened, AgentError> {
    let thinking = run.thinking.ok_or(AgentError::NotRepeatable)?;
    let repeated = progress.repeated::<Deliberated>(StepKind::Deliberate)?;
    progress.begin(StepKind::Deliberate, turn, inner.sources.now());
    let is_repeated = repeated.is_some();
    // Whoever has spoken before the process died is not asked again.
    let known = repeated.or_else(|| progress.half.take());
    let known = known.unwrap_or(Deliberated { tier: run.tier, spoken: Vec::new() });
    let (tier, asked) = (known.tier, turns::asked(thinking, turn, known.tier, &progress.deliberation));
    let is_whole = known.spoken.len() == asked.len() && known.spoken.iter().all(Option::is_some);
    if is_repeated && !is_whole {
        return Err(AgentError::NotRepeatable);
    }
    let (given, verifier) = (given(run, progress, thinking)?, progress.verifier());
    let count = asked.len();
    let mut turn_of =
        InTurn { thinking, turn, tier, asked, verifier, spoken: vec![None; count], said: vec![None; count] };
    turn_of.begin(progress);
    for (at, spoken) in known.spoken.into_iter().take(count).enumerate() {
        let Some(spoken) = spoken else { continue };
        if let Some(prompt) = spoken.prompt.as_ref().filter(|_| run.only_replayed) {
            let request = request(&given, &turn_of.asked[at], &prompt.words);
            keep_as(progress, formed(&request, &turn_of.asked[at], spoken.plain, &prompt.words.boundary));
        }
        turn_of.hear(progress, at, spoken)?;
    }
    let used = if is_repeated { None } else { Some(speak((inner, run), progress, &given, &mut turn_of).await?) };
    let said: Vec<Said> = turn_of.said.into_iter().flatten().collect();
    let more = said.iter().any(|said| !said.points.is_empty()) && turn < thinking.turns();
    progress.deliberation.push(said);
    if !more {
        progress.conclusion = turns::conclusion(thinking, &progress.deliberation);
    }
    let detail = detail(progress, thinking, turn, used.as_ref())?;
    progress.end_recorded(detail, kept(&Deliberated { tier, spoken: turn_of.spoken }), inner.sources.now());
    Ok(Happened::Deliberated { more })
}

impl InTurn {
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
    fn hear(&mut self, progress: &mut Progress, at: usize, spoken: Spoken) -> Result<(), AgentError> {
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

/// What all voices of a turn are given, with placeholders.
fn given(run: &Run, progress: &mut Progress, thinking: Thinking) -> Result<ChatRequest, AgentError> {
    let question = memory::framed(&progress.notes, &(progress.question.clone() + &progress.finding));
    Ok(ChatRequest {
        system: progress.mask(&run.agent.instructions())?,
        turns: think::masked_turns(progress)?,
        question: progress.mask(&question)?,
        passages: progress.prepared.masked.iter().flatten().cloned().collect(),
        notes: turns::heard(thinking, &progress.deliberation),
        max_output_tokens: MAX_OUTPUT_TOKENS,
        ..ChatRequest::default()
    })
}

/// What one of them is asked.
fn request(given: &ChatRequest, asked: &Asked, words: &Words) -> ChatRequest {
    let role = PROMPT
        .replace("{{task}}", &asked.task)
        .replace("{{most}}", &said::MOST_POINTS.to_string())
        .replace("{{form}}", &asked.form.told());
    let system = format!("{}\n{}", Canary::new(&words.canary).instruction(), given.system);
    ChatRequest { role: Some(role), system, ..given.clone() }
}

/// The request as a server gets it.
fn formed(request: &ChatRequest, asked: &Asked, plain: bool, boundary: &str) -> ModelRequest {
    let output = if plain { OutputFormat::Text } else { asked.form.schema() };
    ModelRequest { output, ..request.to_model_request_between(boundary) }
}

/// One way to ask a voice.
struct Way {
    call: Call,
    plan: Plan,
    request: ModelRequest,
    prompt: Prompt,
    plain: bool,
}

/// The ways to ask a voice: held to the form, then trusted with it, as far as there are models for that.
fn ways(
    inner: &Inner,
    run: &Run,
    progress: &Progress,
    (request, asked): (&ChatRequest, &Asked),
) -> Result<Vec<Way>, AgentError> {
    let mut ways = Vec::new();
    let mut refused = None;
    for plain in [false, true] {
        let request = formed(request, asked, plain, &progress.words.boundary);
        match answerer::plan(inner, run, progress, &request, 1) {
            Ok(plan) => {
                let call = answerer::call(inner, run, progress, watch::channel(None).0);
                let prompt = Prompt::of(progress, &request, (false, None), call.id);
                ways.push(Way { call, plan, request, prompt, plain });
            }
            Err(error) => refused = Some(error),
        }
    }
    match refused {
        Some(error) if ways.is_empty() => Err(error),
        _ => Ok(ways),
    }
}

/// What came of asking a voice.
type Answered = (Result<WholeAnswer, GatewayError>, Prompt, bool);

/// Asks in one way, and in the next where the server does not know the first.
async fn ask(inner: &Inner, ways: Vec<Way>) -> Option<Answered> {
    let mut answered = None;
    for Way { call, plan, request, prompt, plain } in ways {
        let answer = inner.gateway.complete(call, plan, &request).await;
        let may_help = match &answer {
            Err(GatewayError::CannotDo { .. }) => true,
            Err(GatewayError::Model(LlmError::Rejected { status, .. })) => matches!(status, 400 | 404 | 422),
            _ => false,
        };
        answered = Some((answer, prompt, plain));
        if !may_help {
            break;
        }
    }
    answered
}

/// Has everybody speak who has not yet. What each said is kept as they end.
async fn speak(
    (inner, run): (&Arc<Inner>, &Run),
    progress: &mut Progress,
    given: &ChatRequest,
    turn: &mut InTurn,
) -> Result<Used, AgentError> {
    progress.words = Words::draw(inner);
    let mut waiting = Vec::new();
    for (at, asked) in turn.asked.iter().enumerate().filter(|(at, _)| turn.spoken[*at].is_none()) {
        let request = request(given, asked, &progress.words);
        waiting.push((at, ways(inner, run, progress, (&request, asked))?));
    }
    let speaking = |(at, ways): (usize, Vec<Way>)| async move {
        (at, tokio::time::timeout(PATIENCE, ask(inner, ways)).await.ok().flatten())
    };
    let mut speaking = stream::iter(waiting).map(speaking).buffer_unordered(AT_ONCE);
    let mut used = Used::default();
    while let Some((at, answered)) = speaking.next().await {
        let spoken = match answered {
            Some(answered) => spoken(inner, run, progress, (&turn.asked[at], answered), &mut used).await?,
            None => Spoken { failed: Some(LATE.to_owned()), ..Spoken::default() },
        };
        turn.hear(progress, at, spoken)?;
        progress.keep_so_far(kept(&Deliberated { tier: turn.tier, spoken: turn.spoken.clone() }));
    }
    Ok(used)
}

/// What a voice said, as it may be kept: read, without what must not be let out, and with placeholders.
async fn spoken(
    inner: &Inner,
    run: &Run,
    progress: &mut Progress,
    (asked, (answer, mut prompt, plain)): (&Asked, Answered),
    used: &mut Used,
) -> Result<Spoken, AgentError> {
    let failed = |why: &str| Spoken { failed: Some(why.to_owned()), plain, ..Spoken::default() };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, run.id = %run.ids.run_id, voice = asked.voice.name, "a voice was not heard");
            return Ok(failed(FAILED));
        }
    };
    used.input_tokens += answer.usage.input_tokens;
    used.output_tokens += answer.usage.output_tokens;
    used.cost_micros += answer.cost_micros;
    prompt.model_digest = inner.gateway.catalog().weights(&answer.route.model, &answer.route.endpoint).await;
    let heard = Spoken { model: answer.route.model.clone(), prompt: Some(prompt), plain, ..Spoken::default() };
    let text = &answer.completion.text;
    if Canary::new(&progress.words.canary).leaks(text) {
        let what = (PolicyEventKind::OutputWithheld, "cut");
        let event = guard::of_run(inner, run.about(), what, "a voice repeated its instructions");
        progress.stock.withheld.push(event);
        return Ok(Spoken { failed: Some(WITHHELD.to_owned()), ..heard });
    }
    let Some(written) = said::read(text, asked.form) else {
        return Ok(Spoken { failed: Some(UNREADABLE.to_owned()), ..heard });
    };
    let mut points = Vec::new();
    // What looks like an instruction to disregard others is told to nobody: it may be from a document. Questions and demands are what
    // voices are for.
    for mut point in written.into_iter().filter(|point| !injection::check(Channel::User, &point.says).is_hit) {
        let placeholders = progress.placeholders.as_ref().ok_or(AgentError::Classifier)?;
        let restored = placeholders.restore(&point.says);
        let mut says = json!(guard::without_secrets(&restored).unwrap_or(restored));
        progress.mask_again(&mut says)?;
        says.as_str().unwrap_or_default().clone_into(&mut point.says);
        points.push(point);
    }
    Ok(Spoken { points, ..heard })
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
