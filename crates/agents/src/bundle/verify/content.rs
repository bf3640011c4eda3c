//! The answer and what it stands on, calls of models, decisions and labels.

use std::collections::{BTreeMap, BTreeSet};

use millwright_core::{Classification, Label, id::DocumentId};
use millwright_policy::decision::{DecisionRequest, Engine};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    super::{
        form::{DecisionPart, digest_of},
        passages::{quotes, slice},
    },
    Checked, Checks,
    entries::Event,
    steps,
};
use crate::answer;

/// The answer is the one that the entry of the run's end names.
pub(super) fn check_answer(checks: &mut Checks<'_>) -> Checked {
    let named = checks.log.end().and_then(|end| end.details["answer_sha256"].as_str()).map(str::to_owned);
    let Some(answer) = &checks.bundle.answer else {
        let left_out = checks.bundle.left_out.iter().find(|left_out| left_out.what == "answer");
        return match (left_out, named) {
            (None, _) => Err("answer: missing, and not named as left out".to_owned()),
            (Some(left_out), Some(named)) if left_out.sha256.as_ref() != Some(&named) => {
                Err("answer: altered: what is left out is not what the entry of the run's end names".to_owned())
            }
            _ => Ok(()),
        };
    };
    let found = answer::digest(&answer.content, &answer.citations);
    match named {
        Some(named) if named != found => {
            return Err(
                "answer: altered: text or quotes are not those that the entry of the run's end names".to_owned()
            );
        }
        Some(_) => checks.holds("answer: text and quotes are those that the entry of the run's end names"),
        None => checks.not_checked("answer: the entry of the run's end names no digest of it"),
    }
    if answer.sha256 == found { Ok(()) } else { Err("answer: altered: its digest is another one".to_owned()) }
}

/// Each passage is whole, all that the run has read are there or named, and each quote stands where its citation says.
pub(super) fn check_passages(checks: &mut Checks<'_>) -> Checked {
    let bundle = checks.bundle;
    let mut by_id = BTreeMap::new();
    for passage in &bundle.passages {
        let id = passage.chunk_id.to_string();
        let is_whole = slice(passage, passage.char_start, passage.char_end).as_ref() == Some(&passage.text);
        if !is_whole || hex::encode(Sha256::digest(&passage.text)) != passage.sha256 {
            return Err(format!("passage {id}: altered: text, span and digest do not belong together"));
        }
        by_id.insert(id, passage);
    }
    let left_out: BTreeSet<&str> = bundle.left_out.iter().map(|left_out| left_out.id.as_str()).collect();
    let mut needed = steps::passages(&bundle.steps);
    let citations = bundle.answer.as_ref().map(|answer| &answer.citations);
    let quotes = citations.map_or(Some(Vec::new()), quotes);
    let quotes = quotes.ok_or("answer: altered: its citations are none")?;
    needed.extend(quotes.iter().map(|quote| quote.chunk_id.clone()));
    if let Some(missing) = needed.iter().find(|id| !by_id.contains_key(*id) && !left_out.contains(id.as_str())) {
        return Err(format!("passage {missing}: missing, and not named as left out"));
    }
    let mut standing = 0;
    for quote in &quotes {
        let Some(passage) = by_id.get(&quote.chunk_id) else {
            checks.not_checked(format!("citation [{}]: its passage is left out", quote.number));
            continue;
        };
        if slice(passage, quote.char_start, quote.char_end).as_ref() != Some(&quote.quote) {
            let (number, id) = (quote.number, &quote.chunk_id);
            return Err(format!("citation [{number}]: altered: its quote is not what stands there in passage {id}"));
        }
        standing += 1;
    }
    let masked = bundle.passages.iter().filter(|passage| !passage.replaced.is_empty()).count();
    checks.holds(format!("passages: {}; {standing} quotes stand in them byte for byte", bundle.passages.len()));
    let known = |document: &DocumentId, version: i32| {
        bundle.manifests.iter().any(|manifest| manifest.document_id == *document && manifest.version == version)
    };
    let versions: BTreeSet<_> = bundle.passages.iter().map(|passage| (passage.document_id, passage.version)).collect();
    for (document, version) in versions.iter().filter(|(document, version)| !known(document, *version)) {
        checks.not_checked(format!("manifest: version {version} of {document} has none in the bundle"));
    }
    if masked > 0 {
        checks.not_checked(format!(
            "passages: {masked} hold placeholders for personal data, or had a secret removed; what these stand for is not in the bundle"
        ));
    }
    Ok(())
}

/// Each call of a model has its entry, and says the same.
pub(super) fn check_calls(checks: &mut Checks<'_>) -> Checked {
    for call in &checks.bundle.model_calls {
        let (content, id) = (&call.content, call.content.id.to_string());
        let Some(entry) = checks.log.call(&id) else {
            return Err(format!("call {id}: missing: it has no entry in the log"));
        };
        let says = |name: &str| entry.details[name].as_str().unwrap_or_default();
        let differing = [
            ("model", content.model.as_str()),
            ("endpoint", content.endpoint.as_str()),
            ("tier", content.tier.as_str()),
            ("outcome", content.outcome.as_str()),
        ];
        if let Some((name, _)) = differing.into_iter().find(|(name, value)| says(name) != *value) {
            return Err(format!("call {id}: altered: its entry names another {name}"));
        }
        if !call.holds() {
            return Err(format!("call {id}: altered: it is not what its digest says"));
        }
    }
    let known: BTreeSet<String> = checks.bundle.model_calls.iter().map(|call| call.content.id.to_string()).collect();
    if let Some(event) = checks.log.calls().into_iter().find(|event| !known.contains(&event.resource_id)) {
        return Err(format!("call {}: missing: the log has an entry of it", event.resource_id));
    }
    checks.holds(format!("model calls: {}, each as its entry has it", known.len()));
    Ok(())
}

/// Each decision was made on what it says, and comes out the same again where the policies are known here.
pub(super) fn check_decisions(checks: &mut Checks<'_>) -> Checked {
    let engine = Engine::new(&[]).map_err(|_| "decisions: the policies of this program cannot be read".to_owned())?;
    let (mut again, mut others) = (0, BTreeSet::new());
    for decision in checks.bundle.decisions.iter().map(|decision| &decision.content) {
        let id = decision.id;
        if digest_of(&decision.request) != decision.inputs_digest {
            return Err(format!("decision {id}: altered: it was made on something else"));
        }
        if decision.user_id != checks.bundle.run.user_id {
            return Err(format!("decision {id}: altered: it is about another person"));
        }
        if decision.policy_version != engine.version() {
            others.insert(decision.policy_version.as_str());
            continue;
        }
        if !comes_out_again(&engine, decision) {
            return Err(format!("decision {id}: altered: the policies of that version decide otherwise"));
        }
        again += 1;
    }
    let count = checks.bundle.decisions.len();
    checks.holds(format!("decisions: {count}, {again} of them made again with the same outcome"));
    for version in others {
        checks.not_checked(format!(
            "decisions: those by policy version {version} were not made again: it is not the one of this program"
        ));
    }
    Ok(())
}

fn comes_out_again(engine: &Engine, decision: &DecisionPart) -> bool {
    let Ok(request) = DecisionRequest::deserialize(&decision.request) else { return false };
    let again = engine.decide(&request);
    again.verdict.as_str() == decision.verdict
        && request.action.as_str() == decision.action
        && json!(again.policies) == decision.policies
        && json!(again.would_allow) == decision.would_allow
}

/// What is derived never has a lower label than what it was made from.
pub(super) fn check_labels(checks: &mut Checks<'_>) -> Checked {
    let Some(run) = &checks.bundle.run.label else {
        checks.holds("labels: the run has read nothing");
        return Ok(());
    };
    let fell = |what: &str| Err(format!("label of {what}: altered: it is above that of what was made from it"));
    for step in &checks.bundle.steps {
        let labels = step.detail.as_ref().map(labels_in).unwrap_or_default();
        if labels.iter().any(|label| !label.rises_to(run)) {
            return fell(&format!("step {}", step.content.number));
        }
    }
    if let Some(answer) = &checks.bundle.answer
        && let Some(label) = &answer.label
    {
        if !label.rises_to(run) {
            return fell("the answer");
        }
        let cited = answer.citations.as_array().into_iter().flatten().filter_map(cited_label);
        for (number, of_citation) in (1..).zip(cited) {
            if !of_citation.rises_to(label) {
                return fell(&format!("citation [{number}]"));
            }
        }
    }
    if let Some(call) = lowered(&checks.log.calls(), run.classification) {
        return fell(&format!("call {}", call.resource_id));
    }
    checks.holds(format!("labels: only rose, up to {}", run.classification));
    Ok(())
}

/// The first of the run's calls whose label is below that of one before, or above the run's. Others are not of what the run went on
/// with: a reranker is given all that the search has found.
fn lowered<'e>(calls: &[&'e Event], run: Classification) -> Option<&'e Event> {
    let mut highest = Classification::Public;
    for call in calls.iter().filter(|call| call.details["purpose"] == "run") {
        let sent = call.details["classification"].as_str().and_then(|word| word.parse::<Classification>().ok());
        let Some(sent) = sent else { continue };
        if sent < highest || sent > run {
            return Some(call);
        }
        highest = sent;
    }
    None
}

/// The labels of passages that a step has told of.
fn labels_in(detail: &Value) -> Vec<Label> {
    match detail {
        Value::Object(fields) => {
            let own = fields.get("label").and_then(|label| Label::deserialize(label).ok());
            own.into_iter().chain(fields.values().flat_map(labels_in)).collect()
        }
        Value::Array(items) => items.iter().flat_map(labels_in).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// The label of a citation, whose fields stand among others.
fn cited_label(citation: &Value) -> Option<Label> {
    let fields = ["classification", "export_control", "integrity", "groups"];
    let label: serde_json::Map<_, _> =
        fields.iter().map(|field| ((*field).to_owned(), citation[*field].clone())).collect();
    Label::deserialize(Value::Object(label)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reranker_that_saw_more_than_the_run_went_on_with_alters_no_label() {
        let call = |purpose: &str, classification: &str| -> Event {
            let details = json!({ "purpose": purpose, "classification": classification });
            Event::deserialize(json!({
                "v": 1, "key": "", "id": "", "tenant_id": "", "occurred_at": "2026-11-30T12:00:00Z", "actor": "",
                "action": "usage.recorded", "resource_id": classification, "details": details,
            }))
            .unwrap()
        };
        let found =
            |calls: &[Event], run| lowered(&calls.iter().collect::<Vec<_>>(), run).map(|call| call.resource_id.clone());
        let sound =
            [call("rerank", "RESTRICTED"), call("run", "INTERNAL"), call("rerank", "PUBLIC"), call("run", "INTERNAL")];
        assert_eq!(found(&sound, Classification::Internal), None);
        assert_eq!(found(&sound, Classification::Public).as_deref(), Some("INTERNAL"));
        let fell = [call("run", "CONFIDENTIAL"), call("run", "INTERNAL")];
        assert_eq!(found(&fell, Classification::Confidential).as_deref(), Some("INTERNAL"));
    }
}
