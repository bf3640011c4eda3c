//! THINK and VERIFY: a draft that is checked sentence by sentence while it streams.

use std::{collections::BTreeSet, pin::Pin};

use futures::{Stream, StreamExt, stream};
use millwright_gateway::{Answer, GatewayError};
use millwright_llm::{
    ChatRequest, LlmError, Role, Turn,
    provider::{Delta, ModelRequest, StopReason, ToolCall},
    quote,
    text::item_mark,
};
use millwright_policy::injection::output::Canary;
use millwright_store::{
    Bookkeeping, Proof,
    tenant::{NewPolicyEvent, PolicyEventKind, StepKind, StepStatus},
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    AgentError,
    answerer::{self, Answerer},
    citation::{Citation, Citations, Cited},
    conflict::{Stretch, conflicts},
    context::without_markers,
    events::{AgUiEventKind, StatePatch},
    guard,
    machine::{Happened, MAX_ATTEMPTS, MAX_ROUNDS},
    progress::Progress,
    record::{Drafted, kept},
    resume,
    run::Run,
    runner::Inner,
    tools::{self, ReadCall},
    verify::{Checked, CutReason, Gate, Support},
};

/// The most tokens of an answer.
const MAX_OUTPUT_TOKENS: u32 = 1_024;
/// So much of a cut sentence is kept with the step.
const MAX_CUT_CHARS: usize = 300;
/// What is added to the question where the answer was broken off.
const GO_ON: &str = "\n\n(Your answer was broken off after what you said last, and the reader has that already. Go on after it, \
     and repeat nothing.)";
/// So many passages are cited that the answer does not use, because they contradict what it cites.
const MAX_CONFLICTS: usize = 4;

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
    /// What is told to the next attempt.
    feedback: String,
    /// Sentences that were shown before the draft stopped to read on, or by a process that died, as they were shown: they may
    /// come again, and are not shown twice.
    shown_before: BTreeSet<String>,
    /// What was shown of the present draft.
    said: BTreeSet<String>,
    /// Introductions that wait for something to introduce.
    held: Vec<(String, String)>,
    /// What was not let out, to be recorded with the end of the run.
    pub(crate) withheld: Vec<NewPolicyEvent>,
    stop_reason: Option<StopReason>,
}

impl Stock {
    /// The draft stops to read on. What stands beside calls is a remark; the answer is still to come. `held`: so many
    /// introductions waited before it.
    fn reads_on(&mut self, held: usize) {
        self.cut.truncate(self.cut_before);
        self.held.truncate(held);
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
    reason: CutReason,
}

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
    let canary = Canary::new(&hex::encode(inner.sources.random_bytes::<8>()));
    let request = request(progress, (attempt, rounds), &canary)?;
    progress.stock.cut_before = progress.stock.cut.len();
    progress.stock.said_not_in_documents = false;
    let verifier = progress.verifier();
    // What is repeated is turned back already.
    let mut restorer = if repeated.is_some() { None } else { progress.restorer() };
    let mut watch = canary.watch();
    let mut leaked = repeated.as_ref().is_some_and(|drafted| drafted.leaked);
    let is_repeated = repeated.is_some();
    let mut gate = Gate::default();
    let (mut usage, mut drafted) = (json!(null), 0);
    let (mut said, mut calls) = (String::new(), tools::Calls::default());
    let held = progress.stock.held.len();
    let mut deltas = match repeated {
        Some(drafted) if progress.answerer.is_language_model() => written_again(progress, drafted),
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
                for statement in gate.push(&text) {
                    take(inner, run, progress, verifier.check(&statement))?;
                }
            }
            Delta::Usage(counted) => usage = json!(counted),
            Delta::ToolCall { index, id, name, arguments } => {
                leaked = leaked || watch.push(&arguments);
                calls.push(index, id, name, &arguments);
            }
            Delta::Reasoning(_) | Delta::Logprobs(_) => {}
            Delta::Done { stop_reason } => progress.stock.stop_reason = Some(stop_reason),
        }
    }
    drop(deltas);
    let calls = calls.finish(&inner.sources);
    let record = record(progress, (&said, &calls), leaked)?;
    let reads_on = !leaked && progress.may_call && rounds < MAX_ROUNDS && !calls.is_empty();
    // A sentence that was cut off may lack the very condition it hangs on.
    if reads_on {
        gate = Gate::default();
        progress.stock.reads_on(held);
        (progress.said, progress.calls) = (said, calls);
    } else if leaked {
        let what = (PolicyEventKind::OutputWithheld, "cut");
        if !is_repeated {
            withhold(inner, run, guard::of_run(inner, run.about(), what, "the model repeated its instructions"))
                .await?;
        }
        gate = Gate::default();
    } else if let Some(restorer) = restorer {
        for statement in gate.push(&restorer.finish()) {
            take(inner, run, progress, verifier.check(&statement))?;
        }
    }
    let is_cut_off = !matches!(progress.stock.stop_reason, Some(StopReason::Complete | StopReason::Other));
    for statement in gate.finish() {
        if is_cut_off && statement.markers.is_empty() {
            continue;
        }
        take(inner, run, progress, verifier.check(&statement))?;
    }
    if progress.text_open {
        progress.journal.emit(AgUiEventKind::TextMessageEnd { message_id: run.ids.assistant_message_id });
        progress.text_open = false;
    }
    let detail = detail(progress, drafted, &usage, leaked);
    progress.end_recorded(detail, record, inner.sources.now());
    Ok(if reads_on { Happened::Called } else { Happened::Drafted })
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
fn record(progress: &mut Progress, (said, calls): (&str, &[ToolCall]), leaked: bool) -> Result<Value, AgentError> {
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
    Ok(kept(&Drafted {
        text: text.as_str().unwrap_or_default().to_owned(),
        calls: written,
        stop_reason: progress.stock.stop_reason,
        model: progress.model.clone(),
        leaked,
    }))
}

/// A draft that was written before its process died, as it came.
fn written_again(progress: &mut Progress, drafted: Drafted) -> Deltas {
    let restored = progress.placeholders.as_ref().map(|placeholders| placeholders.restore(&drafted.text));
    let text = Delta::Text(restored.unwrap_or(drafted.text));
    progress.model = drafted.model;
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
pub(crate) fn verify(inner: &Inner, progress: &mut Progress, attempt: u8) -> Result<Happened, AgentError> {
    if let Some(repeat) = &mut progress.repeat {
        repeat.pass(StepKind::Verify)?;
    }
    progress.begin(StepKind::Verify, attempt, inner.sources.now());
    let stock = &progress.stock;
    // The extractive answerer would quote the same again, and a model that finds nothing has answered.
    let may_improve = progress.answerer.is_language_model() && !stock.said_not_in_documents;
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
    progress.stock.feedback = feedback(&progress.stock) + &progress.computed.reminder();
    // A further draft has all that was read as its passages.
    progress.rounds.clear();
    progress.given = progress.passages.len();
    Ok(happened)
}

type Deltas = Pin<Box<dyn Stream<Item = Result<Delta, GatewayError>> + Send>>;

/// Has the answerer begin. The reader hears of the place in a line, and of the way that was taken.
async fn draft(
    inner: &Inner,
    run: &Run,
    progress: &mut Progress,
    mut request: ChatRequest,
    attempt: u8,
) -> Result<Deltas, AgentError> {
    if progress.answerer == Answerer::Quotes {
        let pieces = quote(&request).into_iter().map(Delta::Text);
        let pieces = pieces.chain([Delta::Done { stop_reason: StopReason::Complete }]);
        return Ok(stream::iter(pieces.map(Ok).collect::<Vec<_>>()).boxed());
    }
    let prompt = request.to_model_request(&inner.sources);
    let mut answer = ask(inner, run, progress, &prompt, attempt).await;
    // Some servers say only now that their model knows no tools, cannot read what it called, or reads less than was thought:
    // better an answer from what is there than none. First without tools, then without all that the search did not return.
    for most in [progress.prepared.masked.len(), progress.hits] {
        match &answer {
            Err(AgentError::Gateway(error)) if may_do_without(error, &request, most) => {}
            _ => break,
        }
        progress.may_call = false;
        request = without_tools(progress, request, most);
        let prompt = request.to_model_request(&inner.sources);
        answer = ask(inner, run, progress, &prompt, attempt).await;
    }
    let answer = answer?;
    progress.model.clone_from(&answer.route().model);
    progress.route = Some(answer.route().clone());
    let patch = StatePatch::route(answer.route().as_ref());
    progress.journal.emit(AgUiEventKind::StateDelta { delta: vec![patch] });
    Ok(answer.into_deltas().boxed())
}

/// Whether the request can be made simpler, down to the first `most` passages, and whether that may help. What was sent and
/// not answered in time is not sent again: nobody waits twice.
fn may_do_without(error: &GatewayError, request: &ChatRequest, most: usize) -> bool {
    let is_simpler = !request.tools.is_empty() || request.passages.len() > most;
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

/// The same without tools: with what they brought among the passages, of these the first `most`.
fn without_tools(progress: &Progress, request: ChatRequest, most: usize) -> ChatRequest {
    ChatRequest {
        passages: progress.prepared.masked.iter().take(most).flatten().cloned().collect(),
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
) -> Result<Answer, AgentError> {
    let plan = answerer::plan(inner, run, progress, request, attempt)?;
    let (told, mut places) = watch::channel(None);
    let call = answerer::call(inner, run, progress, told);
    let asked = inner.gateway.stream(call, plan, request);
    tokio::pin!(asked);
    loop {
        tokio::select! {
            answer = &mut asked => return Ok(answer?),
            Ok(()) = places.changed() => {
                let patch = StatePatch::place(places.borrow_and_update().as_ref());
                progress.journal.emit(AgUiEventKind::StateDelta { delta: vec![patch] });
            }
        }
    }
}

/// Something as long as what a model will be given, for a plan. It is not masked, and is sent nowhere.
pub(crate) fn preview(inner: &Inner, progress: &Progress) -> ModelRequest {
    let request = ChatRequest {
        system: String::new(),
        turns: progress.conversation.turns.clone(),
        question: progress.question.clone(),
        passages: progress.prepared.plain.clone(),
        tools: if progress.may_call { tools::definitions() } else { Vec::new() },
        max_output_tokens: MAX_OUTPUT_TOKENS,
        ..ChatRequest::default()
    };
    request.to_model_request(&inner.sources)
}

/// What the model is given. A language model gets placeholders for personal data; the answerer in this process gets the
/// text that it quotes.
fn request(progress: &mut Progress, (attempt, rounds): (u8, u8), canary: &Canary) -> Result<ChatRequest, AgentError> {
    let request = ChatRequest {
        system: if attempt > 1 { progress.stock.feedback.clone() } else { String::new() },
        turns: progress.conversation.turns.clone(),
        question: progress.question.clone(),
        max_output_tokens: MAX_OUTPUT_TOKENS,
        ..ChatRequest::default()
    };
    if !progress.answerer.is_language_model() {
        return Ok(ChatRequest { passages: progress.prepared.plain[..progress.hits].to_vec(), ..request });
    }
    let turns = request.turns.into_iter().map(|turn| Ok(Turn { text: progress.mask(&turn.text)?, ..turn }));
    let mut turns = turns.collect::<Result<Vec<_>, AgentError>>()?;
    let mut question = progress.mask(&request.question)?;
    let broken_off = progress.taken.broken_off.trim().to_owned();
    if !broken_off.is_empty() {
        turns.push(Turn { role: Role::User, text: question.clone() });
        turns.push(Turn { role: Role::Assistant, text: progress.mask(&broken_off)? });
        question.push_str(GO_ON);
    }
    Ok(ChatRequest {
        system: format!("{}\n{}", canary.instruction(), request.system),
        turns,
        question,
        passages: progress.prepared.masked[..progress.given].iter().flatten().cloned().collect(),
        tools: if progress.may_call { tools::definitions() } else { Vec::new() },
        rounds: progress.rounds.clone(),
        must_answer: rounds >= MAX_ROUNDS,
        max_output_tokens: MAX_OUTPUT_TOKENS,
    })
}

/// Records words that were not let out.
async fn withhold(inner: &Inner, run: &Run, event: NewPolicyEvent) -> Result<(), AgentError> {
    let mut tx = run.begin(inner).await?;
    tx.policy_events().insert(&[event]).await?;
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

fn take(inner: &Inner, run: &Run, progress: &mut Progress, checked: Vec<Checked>) -> Result<(), AgentError> {
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
                let text: String = text.chars().take(MAX_CUT_CHARS).collect();
                let text = progress.mask(&text)?;
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
