//! A draft asks the person something: the run then waits for them, with no process at work on it, and goes on with what they
//! answered as any process takes it over.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{Principal, id::RunId};
use millwright_store::{
    Proof,
    tenant::{RunStepRow, StepKind, StepStatus},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    AgentError, chat,
    events::{AgUiEvent, AgUiEventKind, StatePatch},
    guard,
    machine::Happened,
    progress::Progress,
    record::kept,
    run::Run,
    runner::Inner,
};

/// The longest answer of a person.
pub const MAX_ANSWER_CHARS: usize = 2_000;
pub(crate) const MAX_QUESTION_CHARS: usize = 300;
pub(crate) const MAX_OPTIONS: usize = 6;
pub(crate) const MAX_OPTION_CHARS: usize = 80;
/// So often a run asks.
const MOST_QUESTIONS: usize = 2;
/// How long a question can be answered.
const ANSWERABLE: TimeDelta = TimeDelta::hours(24);
/// Nobody is asked for these: a document may have told the model to.
const SECRETS: [&str; 15] = [
    "password",
    "passcode",
    "passphrase",
    "credential",
    "api key",
    "access token",
    "access code",
    "verification code",
    "one-time code",
    "passwort",
    "kennwort",
    "zugangsdaten",
    "zugangscode",
    "sicherheitscode",
    "einmalcode",
];
/// The same where it stands as a word.
const SECRET_WORDS: [&str; 4] = ["pin", "tan", "puk", "otp"];
/// What an address has.
const ADDRESSES: [&str; 3] = ["://", "www.", "@"];

/// What a person is asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonQuestion {
    pub(crate) question: String,
    /// What they may choose from; none where they write.
    #[serde(default)]
    pub(crate) options: Vec<String>,
}

/// What a person answered, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Heard {
    /// With placeholders.
    answer: String,
}

impl PersonQuestion {
    /// The same without blanks around it.
    ///
    /// # Errors
    /// What is wrong with it, to be told to the model.
    pub(crate) fn checked(self) -> Result<Self, String> {
        let trimmed = |text: &String| text.trim().to_owned();
        let (question, options) = (trimmed(&self.question), self.options.iter().map(trimmed).collect::<Vec<_>>());
        let is_long = |text: &str, most: usize| !(1..=most).contains(&text.chars().count());
        if is_long(&question, MAX_QUESTION_CHARS) {
            return Err(format!("`question` has 1 to {MAX_QUESTION_CHARS} characters"));
        }
        if options.len() > MAX_OPTIONS || options.iter().any(|option| is_long(option, MAX_OPTION_CHARS)) {
            return Err(format!("`options` are at most {MAX_OPTIONS}, of 1 to {MAX_OPTION_CHARS} characters each"));
        }
        let asked = [&[question.clone()][..], &options].concat().join("\n").to_lowercase();
        let mut words = asked.split(|c: char| !c.is_alphanumeric());
        let is_secret =
            SECRETS.iter().any(|secret| asked.contains(secret)) || words.any(|word| SECRET_WORDS.contains(&word));
        if is_secret || ADDRESSES.iter().any(|sign| asked.contains(sign)) {
            return Err("nobody is asked for a secret, or sent to an address".to_owned());
        }
        Ok(Self { question, options })
    }

    pub(crate) fn restored(self, restore: impl Fn(&str) -> String) -> Self {
        let options = self.options.iter().map(|option| restore(option)).collect();
        Self { question: restore(&self.question), options }
    }

    pub(crate) fn arguments(&self) -> Value {
        json!({ "question": self.question, "options": self.options })
    }
}

/// Whether a draft may ask the person something now.
pub(crate) fn may_be_asked(run: &Run, progress: &Progress) -> bool {
    run.may_ask && progress.answerer.is_language_model() && progress.heard.len() < MOST_QUESTIONS
}

/// What a model is told beside the question of all that was answered.
pub(crate) fn told(heard: &[(PersonQuestion, String)]) -> String {
    let lines = heard.iter().map(|(asked, answer)| {
        format!("\n\n(You asked them: {}\nThey answered: {})", asked.question, answer.replace('\n', " "))
    });
    lines.collect()
}

/// Asks: the run waits from here on, until the moment that is returned at most.
///
/// # Errors
/// When nothing is asked.
pub(crate) fn ask(inner: &Inner, progress: &mut Progress, attempt: u8) -> Result<DateTime<Utc>, AgentError> {
    let asked = progress.asked.clone().ok_or(AgentError::NotRepeatable)?;
    let now = inner.sources.now();
    let until = now + ANSWERABLE;
    let mut detail = asked.arguments();
    guard::take_out_secrets(&mut detail);
    progress.mask_again(&mut detail)?;
    detail["until"] = json!(until);
    progress.begin(StepKind::Person, attempt, now);
    progress.journal.emit(AgUiEventKind::StateDelta { delta: vec![StatePatch::waiting(Some(&detail))] });
    progress.tell_so_far(detail);
    Ok(until)
}

/// Takes in what was answered.
///
/// # Errors
/// When nothing was.
pub(crate) fn hear(inner: &Inner, progress: &mut Progress, attempt: u8) -> Result<Happened, AgentError> {
    let Heard { answer } = progress.repeated(StepKind::Person)?.ok_or(AgentError::NotRepeatable)?;
    let asked = progress.asked.take().ok_or(AgentError::NotRepeatable)?;
    progress.begin(StepKind::Person, attempt, inner.sources.now());
    let restored = progress.placeholders.as_ref().map(|known| known.restore(&answer));
    progress.heard.push((asked, restored.unwrap_or_else(|| answer.clone())));
    // What is repeated has its own.
    progress.end_recorded(json!({}), kept(&Heard { answer }), inner.sources.now());
    Ok(Happened::Heard)
}

/// Stores what the person answered; the run can be taken over then.
pub(crate) async fn answer(
    inner: &Arc<Inner>,
    principal: &Principal,
    id: RunId,
    text: &str,
    trace_id: &str,
) -> Result<(), AgentError> {
    let text = text.trim();
    let chars = text.chars().count();
    if !(1..=MAX_ANSWER_CHARS).contains(&chars) || text.contains('\0') {
        return Err(AgentError::InvalidAnswer { chars });
    }
    let policy = inner.governance.of(&principal.scope).await?;
    let said = guard::inspect_message(inner, principal, &policy, text, trace_id).await?;
    let now = inner.sources.now();
    let mut tx = inner.store.tenant(&principal.scope).begin().await?;
    let row = tx.runs().require(id, principal.user_id).await?;
    if !tx.runs().answer(id, now).await? {
        return Err(AgentError::NotWaiting);
    }
    let step = tx.runs().steps(id).await?.pop();
    let waits = |step: &RunStepRow| step.kind == StepKind::Person && step.status == StepStatus::Running;
    let Some(mut step) = step.filter(waits) else { return Err(AgentError::NotWaiting) };
    tx.policy_events().insert(&said.events).await?;
    let answer = chat::masked_in(inner, &mut tx, &policy, row.conversation_id, said).await?;
    // An option was shown with what its placeholders stand for.
    let sealed = tx.vaults().get(row.conversation_id).await?;
    let answer = inner.governance.open(row.conversation_id, sealed.as_deref())?.mask_known(&answer);
    step.detail["answer"] = json!(answer);
    step.record = Some(kept(&Heard { answer }));
    (step.status, step.finished_at) = (StepStatus::Finished, Some(now));
    tx.runs().put_step(id, &step).await?;
    let nothing: Option<&Value> = None;
    for kind in [
        AgUiEventKind::StateDelta { delta: vec![StatePatch::waiting(nothing), StatePatch::heard(&step.detail)] },
        AgUiEventKind::StepFinished { step_name: StepKind::Person.as_str() },
    ] {
        tx.runs().append_last_event(id, &AgUiEvent::at(now, kind).into_json()).await?;
    }
    let actor = Actor::User(principal.user_id);
    let proof = AuditEvent::new(&inner.sources, principal.tenant_id(), actor, AuditAction::RunAnswered, id)
        .detail("step", step.number)
        .trace(trace_id);
    tx.commit(Proof::Entry(&inner.audit_key.authenticate(&proof)?)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(question: &str, options: &[&str]) -> Result<PersonQuestion, String> {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        PersonQuestion { question: question.to_owned(), options }.checked()
    }

    #[test]
    fn nobody_is_asked_for_a_secret_or_sent_to_an_address() {
        assert!(
            of(" Which pump do you mean? ", &["P-101", "P-102"]).is_ok_and(|asked| asked.question.ends_with("mean?"))
        );
        for bad in [
            "What is your password?",
            "Wie lautet Ihr Passwort?",
            "Please confirm at https://example.com",
            "Mail it to a@b.c?",
            "Which PIN does the door have?",
            "",
            " ",
        ] {
            assert!(of(bad, &[]).is_err(), "{bad}");
        }
        assert!(of("Which?", &["Your API key"]).is_err() && of("Which?", &["a"; MAX_OPTIONS + 1]).is_err());
        assert!(of(&"x".repeat(MAX_QUESTION_CHARS + 1), &[]).is_err() && of("Which?", &[""]).is_err());
    }
}
