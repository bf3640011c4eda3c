//! How voices are asked, and what of what they say may be kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, stream};
use millwright_gateway::{Call, GatewayError, Plan, WholeAnswer};
use millwright_llm::{
    ChatRequest, LlmError,
    provider::{ModelRequest, OutputFormat},
};
use millwright_policy::injection::{self, Channel, output::Canary};
use millwright_store::tenant::PolicyEventKind;
use serde_json::json;
use tokio::{sync::watch, time::Instant};

use super::{
    Thinking,
    phase::{BUDGET, FAILED, InTurn, LATE, Spoken, UNREADABLE, Used, WITHHELD},
    said,
    turns::{self, Asked},
};
use crate::{
    AgentError, answerer, guard, memory,
    progress::Progress,
    prompt::{Prompt, Words},
    run::Run,
    runner::Inner,
    think,
};

const PROMPT: &str = include_str!("speaker.md");
/// So many speak at the same time; the models' own lines may let fewer.
const AT_ONCE: usize = 8;
/// Whoever has not spoken by then is not heard: a line before a model is as long as it is.
const PATIENCE: Duration = Duration::from_mins(5);
const MAX_OUTPUT_TOKENS: u32 = 1_200;

/// What all voices of a turn are given, with placeholders.
pub(super) fn given(run: &Run, progress: &mut Progress, thinking: Thinking) -> Result<ChatRequest, AgentError> {
    let question = memory::framed(&progress.notes.texts, &progress.asked_text());
    Ok(ChatRequest {
        system: progress.mask(&run.agent.instructions())?,
        turns: think::masked_turns(progress)?,
        question: progress.mask_all(&question)?,
        passages: progress.prepared.masked.iter().flatten().cloned().collect(),
        notes: turns::heard(thinking, &progress.deliberation),
        max_output_tokens: MAX_OUTPUT_TOKENS,
        ..ChatRequest::default()
    })
}

/// What one of them is asked.
pub(super) fn request(given: &ChatRequest, asked: &Asked, words: &Words) -> ChatRequest {
    let role = PROMPT
        .replace("{{task}}", &asked.task)
        .replace("{{most}}", &said::MOST_POINTS.to_string())
        .replace("{{form}}", &asked.form.told());
    let system = format!("{}\n{}", Canary::new(&words.canary).instruction(), given.system);
    ChatRequest { role: Some(role), system, ..given.clone() }
}

/// The request as a server gets it.
pub(super) fn formed(request: &ChatRequest, asked: &Asked, plain: bool, boundary: &str) -> ModelRequest {
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

/// Asks in one way, and in the next where the server does not know the first. What one voice found out holds for the others.
async fn ask(inner: &Inner, ways: Vec<Way>, no_form: &AtomicBool) -> Option<Answered> {
    let mut answered = None;
    let last = ways.len().saturating_sub(1);
    for (at, Way { call, plan, request, prompt, plain }) in ways.into_iter().enumerate() {
        if at < last && no_form.load(Ordering::Relaxed) {
            continue;
        }
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
        no_form.store(true, Ordering::Relaxed);
    }
    answered
}

/// Has everybody speak who has not yet. What each said is kept as they end.
pub(super) async fn speak(
    (inner, run): (&Arc<Inner>, &Run),
    progress: &mut Progress,
    given: &ChatRequest,
    turn: &mut InTurn,
) -> Result<Used, AgentError> {
    progress.words = Words::draw(inner);
    let (mut used, mut waiting) = (Used::default(), Vec::new());
    let silent: Vec<usize> = (0..turn.asked.len()).filter(|at| turn.spoken[*at].is_none()).collect();
    for at in silent {
        let request = request(given, &turn.asked[at], &progress.words);
        match ways(inner, run, progress, (&request, &turn.asked[at])) {
            Ok(ways) => waiting.push((at, ways)),
            // No model reads so much, say: the others go on.
            Err(AgentError::Gateway(error)) => turn.hear(progress, at, unheard(run, &turn.asked[at], &error))?,
            Err(error) => return Err(error),
        }
    }
    let (no_form, until) = (AtomicBool::new(false), Instant::now() + PATIENCE);
    let no_form = &no_form;
    let speaking = |(at, ways): (usize, Vec<Way>)| async move { (at, ask(inner, ways, no_form).await) };
    let mut speaking = stream::iter(waiting).map(speaking).buffer_unordered(AT_ONCE);
    while let Ok(Some((at, Some(answered)))) = tokio::time::timeout_at(until, speaking.next()).await {
        let spoken = spoken(inner, run, progress, (&turn.asked[at], answered), &mut used).await?;
        let is_used_up = spoken.failed.as_deref() == Some(BUDGET);
        turn.hear(progress, at, spoken)?;
        turn.keep_so_far(progress);
        if is_used_up {
            // What is left of it, if anything is, is for the answer.
            break;
        }
    }
    let why =
        if turn.spoken.iter().flatten().any(|spoken| spoken.failed.as_deref() == Some(BUDGET)) { BUDGET } else { LATE };
    for at in 0..turn.asked.len() {
        if turn.spoken[at].is_none() {
            turn.hear(progress, at, Spoken { failed: Some(why.to_owned()), ..Spoken::default() })?;
        }
    }
    Ok(used)
}

/// A voice that could not be asked or did not answer.
fn unheard(run: &Run, asked: &Asked, error: &GatewayError) -> Spoken {
    let why = if matches!(error, GatewayError::Budget(_)) { BUDGET } else { FAILED };
    let error = error as &dyn std::error::Error;
    tracing::warn!(error, run.id = %run.ids.run_id, voice = asked.voice.name, "a voice was not heard");
    Spoken { failed: Some(why.to_owned()), ..Spoken::default() }
}

/// What a voice said, as it may be kept: read, without what must not be let out, and with placeholders.
async fn spoken(
    inner: &Inner,
    run: &Run,
    progress: &mut Progress,
    (asked, (answer, mut prompt, plain)): (&Asked, Answered),
    used: &mut Used,
) -> Result<Spoken, AgentError> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Ok(unheard(run, asked, &error)),
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
    let is_order = |text: &str| injection::check(Channel::User, text).is_hit;
    for mut point in
        written.into_iter().filter(|point| !is_order(&point.says) && !point.wrong.as_deref().is_some_and(is_order))
    {
        point.says = clean(progress, &point.says)?;
        point.wrong = point.wrong.map(|wrong| clean(progress, &wrong)).transpose()?;
        points.push(point);
    }
    Ok(Spoken { points, ..heard })
}

/// What a model wrote, as it may be kept: without secrets, and with placeholders for whatever it named.
fn clean(progress: &mut Progress, text: &str) -> Result<String, AgentError> {
    let restored = progress.placeholders.as_ref().ok_or(AgentError::Classifier)?.restore(text);
    let mut text = json!(guard::without_secrets(&restored).unwrap_or(restored));
    progress.mask_again(&mut text)?;
    Ok(text.as_str().unwrap_or_default().to_owned())
}
