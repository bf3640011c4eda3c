//! ACT: the calls that a draft asked for, each decided by policy, done at the same time, and kept as one step.

mod told;

use std::sync::Arc;

use chrono::NaiveDate;
use futures::future::join_all;
use millwright_core::{Integrity, Label};
use millwright_governance::decision::{Question, person};
use millwright_llm::{ToolRound, provider::ToolCall};
use millwright_policy::decision::Verdict;
use millwright_retrieval::search::{Passage, SearchRequest};
use millwright_store::tenant::{McpServerRow, McpToolRow, NewDecision, Reader, StepKind};
use serde_json::{Value, json};

use crate::{
    AgentError,
    answerer::{self, Allowed},
    events::AgUiEventKind,
    export, guard,
    machine::Happened,
    observe,
    outside::{self, OutsideAnswer},
    person,
    progress::Progress,
    record::{Acted, ActedCall, kept},
    resume,
    run::Run,
    runner::Inner,
    table, think, thinking,
    tools::{self, Found, PATIENCE, ReadCall},
};

pub(crate) use told::call_id;

/// So many calls of one draft are done.
const MAX_CALLS: usize = 4;
/// So many passages a run may read beyond those that it began with.
const MAX_READ: usize = 24;

/// A call on its way.
struct Calling {
    /// What readers and models know its tool by.
    name: String,
    sent: String,
    /// Its id in the events.
    event_id: String,
    /// What is to be done, or what is wrong with it.
    wish: Result<ReadCall, Refused>,
    /// As it is shown: with placeholders.
    arguments: Value,
    /// Whether it can hold nothing that a placeholder stands for. Not all that looks like a name in it is one: `to psi`.
    only_figures: bool,
}

/// The words for calls that came to nothing.
const MALFORMED: &str = "malformed";
const TOO_MANY: &str = "too_many";
const REFUSED: &str = "refused";
const FAILED: &str = "failed";
const LATE: &str = "late";
const FAILURES: [&str; 5] = [MALFORMED, TOO_MANY, REFUSED, FAILED, LATE];

/// A call that is not done: the word for the reader, and what the model is told.
pub(crate) type Refused = (&'static str, String);

/// A call that was done.
struct Called {
    calling: Calling,
    found: Found,
    /// Why nothing came of it.
    failed: Option<Refused>,
}

/// Does what the draft asked for. What cannot be done is told to the model, and the run goes on.
pub(crate) async fn act(
    inner: &Arc<Inner>,
    run: &Run,
    progress: &mut Progress,
    round: u8,
) -> Result<Happened, AgentError> {
    let repeated = progress.repeated::<Acted>(StepKind::Tool)?;
    progress.begin(StepKind::Tool, round, inner.sources.now());
    let mut tx = inner.store.tenant(&run.principal.scope).read().await?;
    // Anew each time: what somebody may read can have changed since the question came.
    let reader = run.reader(&mut tx).await?;
    let standing = outside::standing(&mut tx, run).await?;
    drop(tx);
    // What is only repeated was sent then, and is not sent again.
    let standing = repeated.is_none().then_some(&standing[..]);
    let mut decisions = Vec::new();
    let mut calling = Vec::new();
    for (number, call) in std::mem::take(&mut progress.calls).into_iter().enumerate() {
        calling.push(decided((inner, run), progress, &reader, (number, call), standing, &mut decisions)?);
    }
    // At most once in a run: from then on it is not offered, and refused.
    let asked_to_think = progress.thinking.is_some() && progress.deliberation.is_empty();
    let is_repeated = repeated.is_some();
    let today = repeated.as_ref().and_then(|acted| acted.day).unwrap_or_else(|| run.created_at.date_naive());
    let mut called = if let Some(acted) = repeated {
        done_before(inner, run, progress, &reader, (calling, acted, today)).await?
    } else {
        // Before anything is read: a run that is stopped meanwhile has its decisions all the same.
        observe::record(inner, run, std::mem::take(&mut decisions)).await?;
        done(inner, run, progress, &reader, calling).await?
    };
    let fresh = take_in(inner, run, progress, &reader, &mut called, &mut decisions).await?;
    // Only now: what no model may be given is not kept.
    let record = record(progress, &called, today)?;
    let masked = observe::prepare(inner, run, progress, fresh).await?;
    let results = told::told(progress, called, &masked)?;
    if is_repeated && !progress.repeats_aloud() {
        progress.prepared.events.clear();
        if let Some(repeat) = &mut progress.repeat {
            repeat.decisions.extend(decisions);
        }
    } else {
        if is_repeated {
            observe::record(inner, run, std::mem::take(&mut decisions)).await?;
        }
        observe::keep(inner, run, progress, &decisions).await?;
    }
    let calls: Vec<Value> = results.iter().map(|(_, detail, _)| detail.clone()).collect();
    let said = std::mem::take(&mut progress.said);
    let mut round_of = ToolRound { text: said.trim().to_owned(), results: Vec::new() };
    // Names of documents: only now that the run carries their label.
    for (event_id, detail, result) in results {
        progress.journal.emit(AgUiEventKind::ToolCallResult {
            message_id: format!("tool_{}", inner.sources.new_uuid().as_simple()),
            tool_call_id: event_id,
            role: "tool",
            content: detail.to_string(),
        });
        round_of.results.push(result);
    }
    progress.rounds.push(round_of);
    progress.end_recorded(json!({ "calls": calls }), record, inner.sources.now());
    Ok(Happened::Acted { thinks: asked_to_think && thinking::thinks(run, progress), asks: progress.asked.is_some() })
}

/// What calls came to, as it is kept.
fn record(progress: &mut Progress, called: &[Called], today: NaiveDate) -> Result<Value, AgentError> {
    let mut calls = Vec::new();
    for Called { found, failed, .. } in called {
        let lines = found.lines.iter().map(|line| progress.mask(line)).collect::<Result<_, _>>()?;
        let chunks = found.passages.iter().map(|passage| passage.chunk_id).collect();
        let failed = match failed {
            Some((word, told)) => Some(((*word).to_owned(), progress.mask(told)?)),
            None => None,
        };
        let outside = match &found.outside {
            Some(answer) => Some(OutsideAnswer { text: progress.mask(&answer.text)?, ..answer.clone() }),
            None => None,
        };
        let table = found.table.as_ref().map(|answer| table::masked(progress, answer)).transpose()?;
        calls.push(ActedCall { failed, chunks, lines, outside, table });
    }
    Ok(kept(&Acted { calls, day: Some(today) }))
}

/// What the calls came to before the process died. Nothing is looked for again.
async fn done_before(
    inner: &Inner,
    run: &Run,
    progress: &Progress,
    reader: &Reader,
    (calling, acted, today): (Vec<Calling>, Acted, NaiveDate),
) -> Result<Vec<Called>, AgentError> {
    if calling.len() != acted.calls.len() {
        return Err(AgentError::NotRepeatable);
    }
    let mut called = Vec::new();
    for (calling, before) in calling.into_iter().zip(acted.calls) {
        // The same comes of it by itself.
        if let Ok(wish) = &calling.wish
            && before.failed.is_none()
            && let Some(computed) = wish.compute(today).await
        {
            let found = Found { computed: computed.ok(), ..Found::default() };
            called.push(Called { calling, found, failed: None });
            continue;
        }
        let known = |word: &str| FAILURES.into_iter().find(|known| *known == word);
        let known = |word: &str| known(word).unwrap_or_else(|| outside::known_word(word));
        let failed = before.failed.map(|(word, told)| (known(&word), told));
        let restore = |line: &String| progress.placeholders.as_ref().map_or(line.clone(), |known| known.restore(line));
        let found = Found {
            passages: resume::passages(inner, run, reader, &before.chunks).await?,
            lines: before.lines.iter().map(restore).collect(),
            outside: before.outside.map(|answer| outside::again(progress, answer)),
            table: before.table.map(|answer| table::again(progress, answer)),
            ..Found::default()
        };
        // What a policy forbids by now is not given to a model again.
        called.push(match &calling.wish {
            Err(why) if failed.is_none() => {
                let failed = Some(why.clone());
                Called { calling, found: Found::default(), failed }
            }
            _ => Called { calling, found, failed },
        });
    }
    Ok(called)
}

/// Reads a call, asks the policies, and tells the reader of it.
fn decided(
    (inner, run): (&Inner, &Run),
    progress: &mut Progress,
    reader: &Reader,
    (number, call): (usize, ToolCall),
    standing: Option<&[(McpServerRow, McpToolRow)]>,
    decisions: &mut Vec<NewDecision>,
) -> Result<Calling, AgentError> {
    let given: Vec<bool> = progress.prepared.masked.iter().map(Option::is_some).collect();
    let outside = outside::read(run, &call);
    let (name, sent) = outside::names(run, &call).unwrap_or((tools::name_of(&call), tools::name_of(&call)));
    let mut wish = match outside {
        Some(read) => read.map(|call| ReadCall::Outside(Box::new(call))),
        None => ReadCall::read(&call, &given),
    }
    .map_err(|why| (MALFORMED, why));
    let tool = tools::name_of(&call);
    if tool != tools::UNKNOWN && !run.agent.has(tool) {
        wish = Err((REFUSED, format!("you do not have this tool; you have {}", run.agent.tools.join(", "))));
    }
    if number >= MAX_CALLS {
        wish = Err((TOO_MANY, format!("at most {MAX_CALLS} calls at once; ask again")));
    }
    if run.limits.calls_left(progress.called) == 0 {
        wish = Err((TOO_MANY, "no more tools may be called for this question; answer from what you have".to_owned()));
    }
    wish = in_turn(run, progress, wish);
    let only_figures = wish.as_ref().is_ok_and(ReadCall::says_only_figures);
    if let Some(placeholders) = &progress.placeholders {
        wish = wish.and_then(|wish| {
            let restored = wish.clone().restored(|text| placeholders.restore(text));
            // Its result would say a birth date in another spelling.
            if wish.computes() && restored != wish {
                return Err((MALFORMED, "figures of a person are not computed with".to_owned()));
            }
            Ok(restored)
        });
    }
    let label = progress.label(run);
    let mut shown = None;
    if let Ok(ReadCall::Outside(call)) = &wish {
        let (ready, arguments) = outside::ready((inner, run), progress, standing, call.as_ref().clone(), &label)?;
        (wish, shown) = (ready.map(|call| ReadCall::Outside(Box::new(call))), Some(arguments));
    }
    if let Ok(call) = &wish {
        let (action, what) = call.permission(&progress.passages, &label);
        let mut question = Question::new(person(&run.principal, reader.clearance()), action, what);
        question.run_id = Some(run.ids.run_id);
        question.untrusted = label.integrity == Integrity::Untrusted;
        let decided = inner.governance.decide(&run.policy, &run.principal, question);
        let is_allowed = decided.decision.verdict == Verdict::Allow;
        decisions.push(decided.record);
        if !is_allowed {
            wish = Err((REFUSED, "a policy of the company does not permit this".to_owned()));
        }
    }
    if let Some(thinking) = wish.as_ref().ok().and_then(ReadCall::thinking) {
        progress.thinking = Some(thinking);
    }
    if let Some(question) = wish.as_ref().ok().and_then(ReadCall::question) {
        progress.asked = Some(question.clone());
    }
    let arguments = match shown {
        Some(shown) => shown,
        None => shown_arguments(progress, &wish, only_figures)?,
    };
    let event_id = observe::announce(inner, run, progress, name, &arguments);
    let (name, sent) = (name.to_owned(), sent.to_owned());
    progress.called += usize::from(wish.is_ok());
    Ok(Calling { name, sent, event_id, wish, arguments, only_figures })
}

/// What takes a step of its own comes once at a time, and where it may.
fn in_turn(run: &Run, progress: &Progress, wish: Result<ReadCall, Refused>) -> Result<ReadCall, Refused> {
    let wish = wish?;
    let thinks_now = progress.thinking.is_some() && progress.deliberation.is_empty();
    if wish.thinking().is_some() && (progress.asked.is_some() || !thinking::may_be_called(run, progress)) {
        return Err((REFUSED, "the question cannot be thought through once more or at all here; answer".to_owned()));
    }
    if wish.question().is_some() && (progress.asked.is_some() || thinks_now || !person::may_be_asked(run, progress)) {
        return Err((
            REFUSED,
            "the person cannot be asked now, once more or at all here; answer from what you have".to_owned(),
        ));
    }
    Ok(wish)
}

/// The arguments of a call as they are shown; none of one that is refused.
fn shown_arguments(
    progress: &mut Progress,
    wish: &Result<ReadCall, Refused>,
    only_figures: bool,
) -> Result<Value, AgentError> {
    let mut arguments = wish.as_ref().map_or_else(|_| json!({}), ReadCall::arguments);
    guard::take_out_secrets(&mut arguments);
    if !only_figures {
        progress.mask_again(&mut arguments)?;
    }
    Ok(arguments)
}

/// All calls at the same time, each with an end.
async fn done(
    inner: &Arc<Inner>,
    run: &Run,
    progress: &mut Progress,
    reader: &Reader,
    calling: Vec<Calling>,
) -> Result<Vec<Called>, AgentError> {
    let (label, account) = (progress.label(run), run.account());
    let to_others = calling.iter().enumerate().filter_map(|(number, calling)| match &calling.wish {
        Ok(ReadCall::Outside(call)) => Some((number, call.as_ref().clone())),
        _ => None,
    });
    let to_others = to_others.collect();
    let mut answers = outside::done(inner, run, progress, (to_others, label.clone())).await?;
    for (number, answer) in &answers {
        outside::listen(inner, run, progress, &calling[*number].name, answer);
    }
    let progress = &*progress;
    let with_answers = calling.into_iter().enumerate().map(|(number, calling)| (answers.remove(&number), calling));
    let work = with_answers.map(async |(answer, calling)| {
        // What a policy forbids by now is not given to a model again.
        match answer.filter(|_| calling.wish.is_ok()) {
            Some(Ok(answer)) => {
                let found = Found { outside: Some(answer), ..Found::default() };
                return Called { calling, found, failed: None };
            }
            Some(Err(why)) => return Called { calling, found: Found::default(), failed: Some(why) },
            None => {}
        }
        let wish = match &calling.wish {
            Ok(wish) => wish,
            Err(why) => {
                let failed = Some(why.clone());
                return Called { calling, found: Found::default(), failed };
            }
        };
        if let ReadCall::Search { query } = wish {
            let (query, filter, label) = (query.clone(), run.filter.clone(), label.clone());
            let of = (run, &progress.noticed);
            export::notice(inner, of, reader, SearchRequest { query, limit: 1, filter, label, account: None });
        }
        let of = (&account, reader);
        let found =
            wish.execute(&inner.searcher, of, (&run.filter, &label), &progress.passages, run.created_at.date_naive());
        let (found, failed) = match tokio::time::timeout(PATIENCE, found).await {
            Ok(Ok(mut found)) => {
                let wrong = found.wrong.take().map(|why| (MALFORMED, why));
                (found, wrong)
            }
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, run.id = %run.ids.run_id, "a tool of a run failed");
                let why = "this did not work; answer from what you have, or try something else";
                (Found::default(), Some((FAILED, why.to_owned())))
            }
            Err(_) => (Found::default(), Some((LATE, "this took too long".to_owned()))),
        };
        Called { calling, found, failed }
    });
    Ok(join_all(work).await)
}

/// What was found and is not there yet, as far as a model may be given it. The run carries its label from now on.
async fn take_in(
    inner: &Inner,
    run: &Run,
    progress: &mut Progress,
    reader: &Reader,
    called: &mut [Called],
    decisions: &mut Vec<NewDecision>,
) -> Result<Vec<Passage>, AgentError> {
    let mut room = MAX_READ.saturating_sub(progress.passages.len().saturating_sub(progress.begun_with));
    let mut fresh: Vec<Passage> = Vec::new();
    // Rows that were counted up can be told only with these.
    let (rows, others): (Vec<&Called>, Vec<&Called>) = called.iter().partition(|called| called.found.table.is_some());
    for passage in rows.iter().chain(&others).flat_map(|called| &called.found.passages) {
        let is_known = |known: &Passage| known.chunk_id == passage.chunk_id;
        if room > 0 && !progress.passages.iter().any(is_known) && !fresh.iter().any(is_known) {
            room -= 1;
            fresh.push(passage.clone());
        }
    }
    drop_untellable(progress, &fresh, called);
    let before = (progress.found.clone(), progress.label(run));
    let is_given = |passage: &&Passage| {
        let is_it = |known: &Passage| known.chunk_id == passage.chunk_id;
        progress.passages.iter().any(is_it) || fresh.iter().any(is_it)
    };
    // Also of what the model has already: its document may have been labelled anew.
    let found = called.iter().flat_map(|called| &called.found.passages).filter(is_given);
    let said = called.iter().filter_map(|called| Some(&called.found.outside.as_ref()?.label));
    progress.found = Label::join_all(found.map(|passage| &passage.label).chain(said).chain([&before.0]));
    if progress.label(run) == before.1 {
        return Ok(fresh);
    }
    let request = think::preview(inner, run, progress);
    let denied = match answerer::decide(inner, run, progress, reader, &request) {
        Ok(Allowed::Some(answerer, more)) => {
            progress.answerer = answerer;
            decisions.extend(more);
            return Ok(fresh);
        }
        Ok(denied) => observe::refused(inner, run, denied).await?,
        // No place that takes the label calls tools, or reads so much: none could go on.
        Err(error @ AgentError::Gateway(_)) => error,
        Err(error) => return Err(error),
    };
    let rose = |known: &Passage| {
        let again = called.iter().flat_map(|called| &called.found.passages);
        again.filter(|passage| passage.chunk_id == known.chunk_id).any(|passage| raises(&before.1, passage))
    };
    if progress.passages.iter().any(rose) {
        // What the model was given carries the label by now, and would be sent again.
        return Err(denied);
    }
    drop_what_raises(progress, (&mut fresh, called), &before);
    Ok(fresh)
}

/// Where nothing more may be read, rows that stand in no passage of the run can be told by no sentence.
fn drop_untellable(progress: &Progress, fresh: &[Passage], called: &mut [Called]) {
    let is_known =
        |passage: &Passage| progress.passages.iter().chain(fresh).any(|known| known.chunk_id == passage.chunk_id);
    for called in called.iter_mut().filter(|called| called.found.table.is_some()) {
        if !called.found.passages.iter().any(is_known) {
            called.found.table = None;
            called.failed = Some((TOO_MANY, "you have read as much as fits; answer from what you have".to_owned()));
        }
    }
}

fn raises(label: &Label, passage: &Passage) -> bool {
    Label::join_all([label, &passage.label]) != *label
}

/// The model that answers may not be given these: the others it may. `before`: of what was found, and of the whole run.
fn drop_what_raises(
    progress: &mut Progress,
    (fresh, called): (&mut Vec<Passage>, &mut [Called]),
    before: &(Label, Label),
) {
    for called in called.iter_mut() {
        let dropped = outside::drop_above(&before.1, &mut called.found.outside);
        called.failed = dropped.or(called.failed.take());
    }
    for called in called.iter_mut() {
        let rises =
            called.found.table.is_some() && called.found.passages.iter().any(|passage| raises(&before.1, passage));
        if rises {
            called.found.table = None;
            let why = "what came of this is more confidential than what you may be given";
            called.failed = Some((REFUSED, why.to_owned()));
        }
    }
    let raises = |passage: &Passage| raises(&before.1, passage);
    for called in called.iter_mut().filter(|called| called.found.passages.iter().any(raises)) {
        called.found.lines.clear();
    }
    fresh.retain(|passage| !raises(passage));
    progress.found = Label::join_all(fresh.iter().map(|passage| &passage.label).chain([&before.0]));
}
