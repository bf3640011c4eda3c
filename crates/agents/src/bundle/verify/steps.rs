//! The steps of a run, and what models were sent in them.

use std::collections::BTreeSet;

use millwright_llm::EXTRACTIVE;
use serde_json::Value;

use super::{
    super::{
        form::{CALL, DETAIL, LeftOut, PromptPart, RECORD, StepPart, digest_of},
        trail,
        usage::SETTLED_BY,
    },
    Checked, Checks,
};

/// Question, steps and decisions as they were at the run's end.
pub(super) fn check(checks: &mut Checks<'_>) -> Checked {
    let bundle = checks.bundle;
    if !bundle.question.holds() {
        return Err("question: altered: it is not what its digest says".to_owned());
    }
    for (place, step) in (1..).zip(&bundle.steps) {
        let number = step.content.number;
        if number > place {
            return Err(format!("step {place}: missing"));
        }
        if number < place {
            return Err(format!("step {number}: reordered: it stands at place {place}"));
        }
        if !step.holds() {
            return Err(format!("step {number}: altered: it is not what its digest says"));
        }
        check_left_out(&bundle.left_out, step)?;
    }
    if let Some(decision) = bundle.decisions.iter().find(|decision| !decision.holds()) {
        return Err(format!("decision {}: altered: it is not what its digest says", decision.content.id));
    }
    check_walk(checks)?;
    let trail = trail::digest(&bundle.question, &bundle.steps, &bundle.decisions);
    let counts = format!("{} steps, {} decisions", bundle.steps.len(), bundle.decisions.len());
    match checks.log.end().and_then(|end| end.details["trail_sha256"].as_str()) {
        Some(named) if named == trail => {
            checks.holds(format!("trail: question, {counts} are those that the entry of the run's end names"));
            Ok(())
        }
        Some(_) => {
            Err("trail: altered: question, steps and decisions are not those that the entry of the run's end names"
                .to_owned())
        }
        None => {
            checks.not_checked(format!("trail: the entry of the run's end names no digest of question, {counts}"));
            Ok(())
        }
    }
}

/// What is not there of a step is named, with its digest.
fn check_left_out(left_out: &[LeftOut], step: &StepPart) -> Checked {
    let (number, content) = (step.content.number.to_string(), &step.content);
    let parts = [
        (DETAIL, step.detail.is_none().then_some(&content.detail_sha256)),
        (RECORD, content.record_sha256.as_ref().filter(|_| step.record.is_none())),
    ];
    for (what, missing) in parts.into_iter().filter_map(|(what, missing)| Some((what, missing?))) {
        let is_it = |left_out: &&LeftOut| left_out.what == what && left_out.id == number;
        if left_out.iter().find(is_it).and_then(|left_out| left_out.sha256.as_ref()) != Some(missing) {
            return Err(format!("step {number}: missing: {what}, and not named as left out"));
        }
    }
    Ok(())
}

/// Each finished step follows from the one before, and the last ends the run.
fn check_walk(checks: &mut Checks<'_>) -> Checked {
    let is_finished = checks.bundle.run.status == "finished";
    let mut before: Option<&StepPart> = None;
    for part in &checks.bundle.steps {
        let step = &part.content;
        if step.status != "finished" {
            // One in the middle of which a process ended, or the run.
            if is_finished && step.status == "running" {
                return Err(format!("step {}: altered: it goes on although the run has ended", step.number));
            }
            continue;
        }
        let follows = matches!(
            (before.map(|before| before.content.kind.as_str()), step.kind.as_str()),
            (None, "observe")
                | (Some("observe" | "deliberate" | "tool"), "deliberate")
                | (Some("think"), "tool" | "verify")
                | (Some("tool"), "person")
                | (Some("observe" | "deliberate" | "tool" | "person" | "verify"), "think")
        );
        if !follows {
            return Err(format!("step {}: missing: no `{}` can stand here", step.number, step.kind));
        }
        if step.kind != "verify" && step.record_sha256.is_none() {
            return Err(format!("step {}: missing: it has no record", step.number));
        }
        before = Some(part);
    }
    let found_nothing = |step: &StepPart| {
        step.content.kind == "observe" && step.record.as_ref().is_some_and(|record| record["relevant"] == false)
    };
    let is_whole = before.is_some_and(|step| step.content.kind == "verify" || found_nothing(step));
    if is_finished && !is_whole {
        let next = before.map_or(1, |step| step.content.number + 1);
        return Err(format!("step {next}: missing: the run has not ended with the one before"));
    }
    checks.holds(format!("steps: {}, each follows from the one before", checks.bundle.steps.len()));
    Ok(())
}

/// What models were sent: the digest in the step's record is that of the request.
pub(super) fn check_prompts(checks: &mut Checks<'_>) -> Checked {
    let bundle = checks.bundle;
    let recorded = bundle.steps.iter().flat_map(|step| {
        let record = step.record.as_ref();
        // A turn of voices has as many as have answered.
        let voices = record.and_then(|record| record["spoken"].as_array()).into_iter().flatten();
        let prompts = record.into_iter().chain(voices).map(|of| &of["prompt"]);
        prompts.filter_map(|prompt| {
            Some((step.content.number, prompt["sha256"].as_str()?, prompt["call"].as_str().unwrap_or_default()))
        })
    });
    let calls: BTreeSet<String> = bundle.model_calls.iter().map(|call| call.content.id.to_string()).collect();
    let forked = checks.log.forked_at();
    let (mut whole, mut known) = (0, 0);
    for (step, sha256, call) in recorded {
        known += 1;
        let of_step = || bundle.prompts.iter().filter(|part| part.step == step);
        if of_step().next().is_none() {
            return Err(format!("prompt of step {step}: missing"));
        }
        let Some(part) = of_step().find(|part| part.sha256 == sha256) else {
            return Err(format!("prompt of step {step}: altered: the step's record names another digest"));
        };
        match &part.request {
            Some(request) if digest_of(request) == sha256 => whole += 1,
            Some(_) => return Err(format!("prompt of step {step}: altered: it is not what the step's record names")),
            None => {
                let why = part.why_not.as_deref().unwrap_or("no reason is given");
                checks.not_checked(format!("prompt of step {step}, SHA-256 {sha256}: not in the bundle: {why}"));
            }
        }
        if calls.contains(call) {
            continue;
        }
        if i64::from(step) <= forked {
            checks.not_checked(format!(
                "call {call}: the draft of step {step} is of the run that this one was forked from"
            ));
        } else if !may_be_unsettled(checks, call) {
            return Err(format!("call {call}: missing: the draft of step {step} was its answer"));
        }
    }
    known += check_unnamed_prompts(checks)?;
    name_stopped(checks);
    for step in bundle.steps.iter().filter(|step| step.content.kind == "think") {
        let by_model =
            step.record.as_ref().filter(|record| record["model"].as_str().is_some_and(|by| by != EXTRACTIVE));
        if by_model.is_some_and(|record| record["prompt"].is_null()) {
            checks.not_checked(format!("prompt of step {}: no digest of it was recorded", step.content.number));
        }
    }
    if bundle.prompts.len() > known {
        return Err("prompts: altered: there is one that no step has recorded".to_owned());
    }
    if known > 0 {
        checks.holds(format!("prompts: {whole} of {known} are what was sent to a model, byte for byte"));
    }
    Ok(())
}

/// Digests of what was sent for drafts whose records are left out; how many.
fn check_unnamed_prompts(checks: &mut Checks<'_>) -> Result<usize, String> {
    let bundle = checks.bundle;
    let is_left_out = |number: i32| {
        let mut steps = bundle.steps.iter();
        steps.any(|StepPart { content, record, .. }| {
            let asks = matches!(content.kind.as_str(), "deliberate" | "think");
            content.number == number && asks && record.is_none() && content.record_sha256.is_some()
        })
    };
    let mut unnamed = 0;
    for PromptPart { step, sha256, request, why_not } in bundle.prompts.iter().filter(|part| is_left_out(part.step)) {
        if request.is_some() {
            return Err(format!("prompt of step {step}: altered: the record that would name it is left out"));
        }
        let why = why_not.as_deref().unwrap_or("no reason is given");
        checks.not_checked(format!(
            "prompt of step {step}, SHA-256 {sha256}: not in the bundle, nor the record that names it: {why}"
        ));
        unnamed += 1;
    }
    Ok(unnamed)
}

/// Says of drafts and turns of voices that were stopped that their calls were not looked at: only what comes to its end is recorded
/// with the call that it was the answer of. Where passages are quoted, nothing is called.
fn name_stopped(checks: &mut Checks<'_>) {
    let bundle = checks.bundle;
    let by_model = bundle.run.model != EXTRACTIVE;
    let is_stopped = |step: &&StepPart| {
        let content = &step.content;
        let asks = matches!(content.kind.as_str(), "deliberate" | "think") && content.status != "finished";
        asks && step.record.as_ref().map_or(by_model, |record| record["by_model"].as_bool().unwrap_or(by_model))
    };
    for step in bundle.steps.iter().filter(is_stopped) {
        checks.not_checked(format!(
            "calls of step {}: it did not come to its end, and no record names what a model was sent for it, nor the call; one whose \
             usage was stored later is not in the bundle",
            step.content.number
        ));
    }
}

/// Whether the usage of a call may not have been stored yet, so shortly after the run's end. It is when it has an entry.
fn may_be_unsettled(checks: &Checks<'_>, call: &str) -> bool {
    let is_named = checks.bundle.left_out.iter().any(|left_out| left_out.what == CALL && left_out.id == call);
    let is_soon = checks.log.end().zip(checks.log.receipt.as_ref()).is_some_and(|(end, receipt)| {
        let since = receipt.occurred_at - end.occurred_at;
        since <= SETTLED_BY
    });
    is_named && is_soon && checks.log.call(call).is_none()
}

/// The passages that the records of steps name.
pub(super) fn passages(steps: &[StepPart]) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    let mut name = |value: &Value| named.extend(value.as_str().map(str::to_owned));
    for step in steps {
        let Some(record) = &step.record else { continue };
        match step.content.kind.as_str() {
            "observe" => {
                record["passages"].as_array().into_iter().flatten().for_each(|pair| name(&pair[0]));
            }
            "tool" => {
                let calls = record["calls"].as_array().into_iter().flatten();
                calls.flat_map(|call| call["chunks"].as_array().into_iter().flatten()).for_each(&mut name);
            }
            _ => {}
        }
    }
    named
}
