//! THINK and VERIFY: a draft that is checked sentence by sentence while it streams.

use std::{fmt::Write as _, pin::Pin};

use futures::{Stream, StreamExt, future, stream};
use millwright_core::id::UsageId;
use millwright_gateway::{Answer, GatewayError};
use millwright_llm::{
    ChatRequest, EXTRACTIVE, LlmError, Role, ToolRound, Turn,
    provider::{Delta, ModelRequest, StopReason, ToolCall, ToolDefinition},
    quote,
};
use millwright_policy::injection::output::Canary;
use millwright_store::{
    Bookkeeping, Proof,
    tenant::{PolicyEventKind, StepKind, StepStatus},
};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    AgentError, act,
    answerer::{self, Answerer},
    context::without_markers,
    events::{AgUiEventKind, StatePatch},
    goal::{Part, said_again},
    guard,
    machine::{Happened, MAX_ATTEMPTS, MAX_ROUNDS},
    memory,
    outside::OutsideTool,
    person,
    progress::Progress,
    prompt::{self, Prompt},
    record::{Drafted, kept},
    run::Run,
    runner::Inner,
    show::{Repeats, Stock, take_all},
    specialist::checks,
    thinking,
    tools::{self, ReadCall},
    verify::{CutReason, Gate, Verifier},
};

/// The most tokens of an answer.
const MAX_OUTPUT_TOKENS: u32 = 1_024;
/// Characters of text and bytes of calls that are read of a draft: a server that heeds the limit of tokens stays far below it.
const MAX_DRAFT_CHARS: usize = 16 * MAX_OUTPUT_TOKENS as usize;
/// What is added to the question where the answer was broken off.
const GO_ON: &str = "\n\n(Your answer was broken off after what you said last, and the reader has that already. Go on after it, \
     and repeat nothing.)";

/// What is added to the question where the answer does not do all that its agent asks of it.
const COMPLETE: &str = "Write only the sentences that are missing, each with the marker of its passage, and repeat nothing. If the \
     passages do not hold them, write NOT_IN_DOCUMENTS.";

/// Has the model draft, shows what passes.
pub(crate) async fn think(
    inner: &Inner,
    run: &Run,
    progress: &mut Progress,
    (attempt, rounds): (u8, u8),
) -> Result<Happened, AgentError> {
    let repeated = progress.repeated::<Drafted>(StepKind::Think)?;
    progress.begin(StepKind::Think, attempt, inner.sources.now());
    // A word that stands in the instructions and nowhere else: an answer that holds it repeats them.
    let sent_then = prompt::begin(inner, run, progress, repeated.as_ref());
    let canary = Canary::new(&progress.words.canary);
    let request = request(run, progress, rounds, &canary)?;
    if let Some(prompt) = sent_then {
        prompt.keep(progress, request.clone());
    }
    progress.stock.cut_before = progress.stock.cut.len();
    progress.stock.said_not_in_documents = false;
    // What breaks off has none: not that of the draft before.
    progress.stock.stop_reason = None;
    let verifier = progress.verifier();
    // What is repeated is turned back already.
    let mut restorer = if repeated.is_some() { None } else { progress.restorer() };
    let mut watch = canary.watch();
    let mut leaked = repeated.as_ref().is_some_and(|drafted| drafted.leaked);
    let is_repeated = repeated.is_some();
    let mut gate = Gate::default();
    let (mut usage, mut drafted, mut called) = (json!(null), 0, 0);
    let (mut said, mut calls, mut repeats) = (String::new(), tools::Calls::default(), Repeats::default());
    let held = progress.stock.held.len();
    let mut deltas = match repeated {
        Some(drafted) if drafted.model != EXTRACTIVE => written_again(progress, drafted),
        // What is only to be added may fail: the answer stands without.
        _ if progress.stock.lacking.is_some() => addition(inner, run, progress, request, attempt).await?,
        // Quotes come out again as they did.
        _ => draft(inner, run, progress, request, attempt).await?,
    };
    while let Some(delta) = deltas.next().await {
        match delta? {
            Delta::Text(text) => {
                // Nobody can read this character, and no database stores it.
                let text = text.replace('\0', "");
                drafted += text.chars().count();
                if watch.push(&text) {
                    leaked = true;
                    break;
                }
                said.push_str(&text);
                let text = restorer.as_mut().map_or(text.clone(), |restorer| restorer.push(&text));
                take_all((inner, run), progress, &verifier, &repeats.admitted(gate.push(&text)))?;
            }
            Delta::Usage(counted) => usage = json!(counted),
            Delta::ToolCall { index, id, name, arguments } => {
                leaked = leaked || watch.push(&arguments);
                called += arguments.len();
                calls.push(index, id, name, &arguments);
            }
            Delta::Reasoning(_) | Delta::Logprobs(_) => {}
            Delta::Done { stop_reason } => progress.stock.stop_reason = Some(stop_reason),
        }
        // What is repeated was cut when it was written.
        if !is_repeated && (repeats.is_loop || drafted + called > MAX_DRAFT_CHARS) {
            progress.stock.stop_reason = Some(StopReason::Length);
            break;
        }
    }
    drop(deltas);
    let calls = calls.finish(&inner.sources);
    prompt::note_weights(inner, progress).await;
    let written = record(progress, (&said, &calls), leaked)?;
    let record = kept(&written);
    let reads_on = !leaked && progress.may_call && rounds < MAX_ROUNDS && !calls.is_empty();
    // A sentence that was cut off may lack the very condition it hangs on.
    if reads_on {
        gate = Gate::default();
        progress.stock.reads_on(held);
        // As it is kept: what was turned back is not given to a model again.
        (progress.said, progress.calls) = (written.text, calls);
    } else if leaked {
        let what = (PolicyEventKind::OutputWithheld, "cut");
        let event = guard::of_run(inner, run.about(), what, "the model repeated its instructions");
        progress.stock.withheld.push(event);
        gate = Gate::default();
    } else if let Some(restorer) = restorer {
        take_all((inner, run), progress, &verifier, &repeats.admitted(gate.push(&restorer.finish())))?;
    }
    show_rest(inner, run, progress, (gate, repeats, &verifier))?;
    record_withheld(inner, run, progress, is_repeated).await?;
    let detail = detail(progress, drafted, &usage, leaked);
    progress.end_recorded(detail, record, inner.sources.now());
    Ok(if reads_on { Happened::Called } else { Happened::Drafted })
}

/// What is left of a draft at its end.
fn show_rest(
    inner: &Inner,
    run: &Run,
    progress: &mut Progress,
    (mut gate, mut repeats, verifier): (Gate, Repeats, &Verifier),
) -> Result<(), AgentError> {
    let is_cut_off = !matches!(progress.stock.stop_reason, Some(StopReason::Complete | StopReason::Other));
    let mut rest = repeats.admitted(gate.finish());
    rest.retain(|statement| !is_cut_off || !statement.markers.is_empty());
    take_all((inner, run), progress, verifier, &rest)?;
    if progress.text_open {
        progress.journal.emit(AgUiEventKind::TextMessageEnd { message_id: run.ids.assistant_message_id });
        progress.text_open = false;
    }
    Ok(())
}

/// What a draft is shown as among the steps.
fn detail(progress: &Progress, draft_chars: usize, usage: &Value, withheld: bool) -> Value {
    json!({
        "model": progress.model,
        "route": progress.route,
        "draft_chars": draft_chars,
        "stop_reason": progress.stock.stop_reason,
        "usage": usage,
        "withheld": withheld,
        "calls": progress.calls.len(),
    })
}

/// What a draft is kept as: as the model wrote it, but with placeholders for whatever it named.
fn record(progress: &mut Progress, (said, calls): (&str, &[ToolCall]), leaked: bool) -> Result<Drafted, AgentError> {
    let said = if progress.answerer.is_language_model() { said } else { "" };
    let placeholders = progress.placeholders.as_ref().ok_or(AgentError::Classifier)?;
    let clean = |text: &str| guard::without_secrets(text).unwrap_or_else(|| text.to_owned());
    let mut text = json!(clean(&placeholders.restore(said)));
    progress.mask_again(&mut text)?;
    let mut written = Vec::new();
    for call in calls {
        let mut arguments = json!(clean(&call.arguments));
        // Not all that looks like a name among figures is one.
        if !ReadCall::read(call, &[]).is_ok_and(|call| call.says_only_figures()) {
            progress.mask_again(&mut arguments)?;
        }
        written.push(ToolCall { arguments: arguments.as_str().unwrap_or_default().to_owned(), ..call.clone() });
    }
    Ok(Drafted {
        text: text.as_str().unwrap_or_default().to_owned(),
        calls: written,
        stop_reason: progress.stock.stop_reason,
        model: progress.model.clone(),
        leaked,
        prompt: progress.prompt.take(),
    })
}

/// A draft that was written before its process died, as it came.
fn written_again(progress: &mut Progress, drafted: Drafted) -> Deltas {
    let restored = progress.placeholders.as_ref().map(|placeholders| placeholders.restore(&drafted.text));
    let text = Delta::Text(restored.unwrap_or(drafted.text));
    progress.model = drafted.model;
    progress.taken.by_model = true;
    let calls = (0..).zip(drafted.calls).map(|(index, ToolCall { id, name, arguments })| Delta::ToolCall {
        index,
        id: Some(id),
        name: Some(name),
        arguments,
    });
    let done = drafted.stop_reason.map(|stop_reason| Delta::Done { stop_reason });
    stream::iter(std::iter::once(text).chain(calls).chain(done).map(Ok).collect::<Vec<_>>()).boxed()
}

/// Takes stock of the draft.
///
/// # Errors
/// When another step was recorded here.
pub(crate) fn verify(inner: &Inner, run: &Run, progress: &mut Progress, attempt: u8) -> Result<Happened, AgentError> {
    if let Some(repeat) = &mut progress.repeat {
        repeat.pass(StepKind::Verify)?;
    }
    progress.begin(StepKind::Verify, attempt, inner.sources.now());
    let stock = &progress.stock;
    // The extractive answerer would quote the same again, and a model that finds nothing has answered.
    let may_improve = progress.answerer.is_language_model() && !stock.said_not_in_documents;
    let findings = if stock.supported == 0 {
        Vec::new()
    } else {
        let (citations, evidence) = (progress.citations.list(), &progress.prepared.evidence);
        checks::look(run.agent.checks, &without_markers(&progress.shown), citations, evidence)
    };
    // Once is enough: what the documents do not hold cannot be asked out of a model.
    let lacking = findings.iter().any(|finding| !finding.met) && stock.lacking.is_none();
    let happened = Happened::Verified { supported: stock.supported, lacking, may_improve };
    let again = (stock.supported == 0 || lacking) && may_improve && attempt < MAX_ATTEMPTS;
    let detail = json!({
        "supported": stock.supported,
        "relinked": stock.relinked,
        "cut": stock.cut.len() - stock.cut_before,
        "cut_sentences": &stock.cut[stock.cut_before..],
        "not_in_documents": stock.said_not_in_documents,
        "again": again,
        "checks": &findings,
    });
    if !findings.is_empty() {
        progress.journal.emit(AgUiEventKind::StateDelta { delta: vec![StatePatch::checks(&findings)] });
    }
    progress.end(StepStatus::Finished, detail, inner.sources.now());
    let told = if progress.stock.supported == 0 { feedback(&progress.stock) } else { String::new() };
    progress.stock.feedback = told + &progress.computed.reminder();
    if again && lacking {
        progress.stock.lacking = Some(checks::missing(&findings));
        progress.stock.stands();
    }
    // A further draft has all that was read as its passages, and what other systems said as it was told.
    keep_said(&mut progress.rounds);
    progress.given = progress.passages.len();
    Ok(happened)
}

/// Of what was called only what other systems have returned and what came of rows, under ids of its own.
fn keep_said(rounds: &mut Vec<ToolRound>) {
    for round in rounds.iter_mut() {
        round.results.retain(|result| result.data.is_some());
    }
    rounds.retain(|round| !round.results.is_empty());
    for (number, round) in rounds.iter_mut().enumerate() {
        for (at, result) in round.results.iter_mut().enumerate() {
            result.call.id = act::call_id(number, at);
            // They stand with the question.
            result.passages.clear();
        }
    }
}

type Deltas = Pin<Box<dyn Stream<Item = Result<Delta, GatewayError>> + Send>>;

/// Has the model add to an answer that stands. Where no model does, or one breaks off, nothing more comes.
async fn addition(
    inner: &Inner,
    run: &Run,
    progress: &mut Progress,
    request: ChatRequest,
    attempt: u8,
) -> Result<Deltas, AgentError> {
    match draft(inner, run, progress, request, attempt).await {
        Ok(deltas) => Ok(deltas.take_while(|delta| future::ready(delta.is_ok())).boxed()),
        Err(AgentError::Gateway(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, run.id = %run.ids.run_id, "an answer could not be completed");
            Ok(stream::empty().boxed())
        }
        Err(error) => Err(error),
    }
}

/// The tools that a model is told of.
fn tools_of(run: &Run, progress: &Progress) -> Vec<ToolDefinition> {
    if !progress.may_call || run.limits.calls_left(0) == 0 {
        return Vec::new();
    }
    let (may_think, may_ask) = (thinking::may_be_called(run, progress), person::may_be_asked(run, progress));
    let is_offered = |tool: &ToolDefinition| {
        run.agent.has(&tool.name) && (may_think || tool.name != tools::THINK) && (may_ask || tool.name != tools::ASK)
    };
    let own = tools::definitions().into_iter().filter(is_offered);
    own.chain(run.agent.outside.iter().map(OutsideTool::definition)).collect()
}

/// Has the answerer begin. The reader hears of the place in a line, and of the way that was taken.
async fn draft(
    inner: &Inner,
    run: &Run,
    progress: &mut Progress,
    mut request: ChatRequest,
    attempt: u8,
) -> Result<Deltas, AgentError> {
    if progress.answerer == Answerer::Quotes {
        let is_report = run.part.as_ref().is_some_and(|part| part.is_report);
        let pieces = if is_report { said_again(&progress.brought, &progress.passages) } else { quote(&request) };
        let pieces = pieces.into_iter().map(Delta::Text).chain([Delta::Done { stop_reason: StopReason::Complete }]);
        return Ok(stream::iter(pieces.map(Ok).collect::<Vec<_>>()).boxed());
    }
    let (tools, mut simplified) = (progress.may_call, None);
    let mut prompt = request.to_model_request_between(&progress.words.boundary);
    let mut answer = ask(inner, run, progress, &prompt, attempt).await;
    // Some servers say only now that their model knows no tools, cannot read what it called, or reads less than was thought:
    // better an answer from what is there than none. First without tools, then without all that the search did not return.
    for most in [progress.prepared.masked.len(), progress.hits] {
        match &answer {
            Err(AgentError::Gateway(error)) if may_do_without(error, &request, (most, progress.hits)) => {}
            _ => break,
        }
        progress.may_call = false;
        request = without_tools(progress, request, most);
        simplified = Some(most);
        prompt = request.to_model_request_between(&progress.words.boundary);
        answer = ask(inner, run, progress, &prompt, attempt).await;
    }
    let (answer, call) = answer?;
    progress.prompt = Some(Prompt::of(progress, &prompt, (tools, simplified), call));
    progress.model.clone_from(&answer.route().model);
    progress.route = Some(answer.route().clone());
    let patch = StatePatch::route(answer.route().as_ref());
    progress.journal.emit(AgUiEventKind::StateDelta { delta: vec![patch] });
    Ok(answer.into_deltas().boxed())
}

/// Whether the request can be made simpler, down to the first `most` passages and from `hits` on without notes, and whether that may help. What was sent and
/// not answered in time is not sent again: nobody waits twice.
fn may_do_without(error: &GatewayError, request: &ChatRequest, (most, hits): (usize, usize)) -> bool {
    let drops_notes = !request.notes.is_empty() && most <= hits;
    let is_simpler = !request.tools.is_empty() || request.passages.len() > most || drops_notes;
    let may_help = match error {
        GatewayError::Model(LlmError::Rejected { status, .. }) => matches!(status, 400 | 404 | 413 | 422),
        GatewayError::TooLong { .. }
        | GatewayError::CannotDo { .. }
        | GatewayError::Down { .. }
        | GatewayError::Label(_)
        | GatewayError::Model(LlmError::Unsupported { .. }) => true,
        _ => false,
    };
    is_simpler && may_help
}

/// The same without tools: with what they brought among the passages, of these the first `most`. Where that leaves only what the
/// search returned, notes are left out as well.
pub(crate) fn without_tools(progress: &Progress, request: ChatRequest, most: usize) -> ChatRequest {
    ChatRequest {
        passages: progress.prepared.masked.iter().take(most).flatten().cloned().collect(),
        notes: if most > progress.hits { request.notes } else { Vec::new() },
        tools: Vec::new(),
        rounds: Vec::new(),
        must_answer: false,
        ..request
    }
}

/// Asks the models of an attempt; tells the reader of the place in a line.
async fn ask(
    inner: &Inner,
    run: &Run,
    progress: &mut Progress,
    request: &ModelRequest,
    attempt: u8,
) -> Result<(Answer, UsageId), AgentError> {
    let plan = answerer::plan(inner, run, progress, request, attempt)?;
    let (told, mut places) = watch::channel(None);
    let call = answerer::call(inner, run, progress, told);
    let id = call.id;
    let asked = inner.gateway.stream(call, plan, request);
    tokio::pin!(asked);
    loop {
        tokio::select! {
            answer = &mut asked => return Ok((answer?, id)),
            Ok(()) = places.changed() => {
                let patch = StatePatch::place(places.borrow_and_update().as_ref());
                progress.journal.emit(AgUiEventKind::StateDelta { delta: vec![patch] });
            }
        }
    }
}

/// Something as long as what a model will be given, for a plan. It is not masked, and is sent nowhere.
pub(crate) fn preview(inner: &Inner, run: &Run, progress: &Progress) -> ModelRequest {
    let request = ChatRequest {
        system: run.agent.instructions(),
        turns: progress.conversation.told(),
        question: memory::framed(&progress.notes.texts, &progress.asked_text()),
        passages: progress.prepared.plain.clone(),
        tools: tools_of(run, progress),
        max_output_tokens: MAX_OUTPUT_TOKENS,
        ..ChatRequest::default()
    };
    request.to_model_request(&inner.sources)
}

/// What the model is given. A language model gets placeholders for personal data; the answerer in this process gets the
/// text that it quotes.
fn request(run: &Run, progress: &mut Progress, rounds: u8, canary: &Canary) -> Result<ChatRequest, AgentError> {
    let request = ChatRequest {
        system: [run.part.as_ref().map_or("", Part::instruction), &progress.stock.feedback]
            .join("\n")
            .trim()
            .to_owned(),
        turns: progress.conversation.turns.clone(),
        question: progress.question.clone(),
        max_output_tokens: MAX_OUTPUT_TOKENS,
        ..ChatRequest::default()
    };
    if !progress.answerer.is_language_model() {
        return Ok(ChatRequest { passages: progress.prepared.plain[..progress.hits].to_vec(), ..request });
    }
    let mut turns = masked_turns(progress)?;
    let question = memory::framed(&progress.notes.texts, &progress.asked_text());
    let mut question = progress.mask_all(&question)?;
    let broken_off = progress.taken.broken_off.trim().to_owned();
    if let Some(lacking) = &progress.stock.lacking {
        turns.push(Turn { role: Role::User, text: question.clone() });
        turns.push(Turn { role: Role::Assistant, text: without_markers(&progress.shown) });
        let _ = write!(question, "\n\n(The reader has this answer, and it stands. But {lacking}. {COMPLETE})");
    } else if !broken_off.is_empty() {
        turns.push(Turn { role: Role::User, text: question.clone() });
        turns.push(Turn { role: Role::Assistant, text: progress.mask(&broken_off)? });
        question.push_str(GO_ON);
    }
    // Written by an administrator, and still not for a model as it stands where it names somebody.
    let instructions = progress.mask(&run.agent.instructions())?;
    Ok(ChatRequest {
        system: format!("{}\n{instructions}{}", canary.instruction(), request.system),
        turns,
        question,
        passages: progress.prepared.masked[..progress.given].iter().flatten().cloned().collect(),
        notes: progress.conclusion.clone(),
        tools: tools_of(run, progress),
        rounds: if progress.may_call { progress.rounds.clone() } else { Vec::new() },
        must_answer: rounds >= MAX_ROUNDS || run.limits.calls_left(progress.called) == 0,
        max_output_tokens: MAX_OUTPUT_TOKENS,
        role: None,
    })
}

/// The conversation as a model is given it.
pub(crate) fn masked_turns(progress: &mut Progress) -> Result<Vec<Turn>, AgentError> {
    let mut told = progress.conversation.told();
    for turn in &mut told {
        // A name was found by what stood around it then, which a line of it or an answer that was given it does not repeat.
        turn.text = progress.mask_all(&turn.text)?;
    }
    Ok(told)
}

/// Records what was not let out; of what is only repeated that was done then.
pub(crate) async fn record_withheld(
    inner: &Inner,
    run: &Run,
    progress: &mut Progress,
    is_repeated: bool,
) -> Result<(), AgentError> {
    let events = std::mem::take(&mut progress.stock.withheld);
    if events.is_empty() || is_repeated && !progress.repeats_aloud() {
        return Ok(());
    }
    let mut tx = run.begin(inner).await?;
    tx.policy_events().insert(&events).await?;
    tx.commit(Proof::Bookkeeping(Bookkeeping::RunProgress)).await?;
    Ok(())
}

/// What was wrong with the draft before, in our own words: its sentences may repeat what a
/// document smuggled in.
fn feedback(stock: &Stock) -> String {
    let count = |reason| stock.cut[stock.cut_before..].iter().filter(|cut| cut.reason == reason).count();
    format!(
        "An earlier draft was thrown away: {} sentences had no marker, {} named a passage that does not exist, {} \
         carried a computed figure without naming the passage that holds both what it says and all that it was computed from, and {} said \
         something that the passage they named does not say. Write again. Keep close to the wording of the \
         passages, keep every number with its unit, and end each sentence with the marker of the passage that says it.",
        count(CutReason::NoMarker),
        count(CutReason::UnknownPassage),
        count(CutReason::InputsNotFound),
        count(CutReason::NotSupported),
    )
}
