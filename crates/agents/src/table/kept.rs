//! What came of rows as it is kept with the run: with placeholders in rows and logs, and as it was for the check of sentences.

use serde_json::{Value, json};

use super::answer::TableAnswer;
use crate::{AgentError, act::Refused, guard, progress::Progress};

/// As it is recorded.
pub(crate) fn masked(progress: &mut Progress, answer: &TableAnswer) -> Result<TableAnswer, AgentError> {
    // Whole first: a name is told by what stands around it, and is known then wherever it stands alone.
    progress.mask(&answer.text)?;
    let mut masked = answer.clone();
    for text in masked.texts() {
        let clean = guard::without_secrets(text).unwrap_or_else(|| text.clone());
        *text = progress.mask_all(&clean)?;
    }
    Ok(masked)
}

/// What came before, as it was.
pub(crate) fn again(progress: &Progress, mut answer: TableAnswer) -> TableAnswer {
    if let Some(known) = &progress.placeholders {
        answer.texts().into_iter().for_each(|text| *text = known.restore(text));
    }
    answer
}

/// Takes out what holds personal data that the organisation gives no model.
pub(crate) fn drop_personal(progress: &Progress, answer: &mut Option<TableAnswer>) -> Option<Refused> {
    answer.take_if(|answer| progress.keeps_from_models(&answer.text)).map(|_| {
        let why = "what came of this holds personal data that no model is given";
        ("personal_data", why.to_owned())
    })
}

/// Keeps a result for the sentences to come; what the model is told of it, what it is given, and what is kept with the step.
pub(crate) fn keep(
    progress: &mut Progress,
    answer: Option<TableAnswer>,
) -> Result<(String, Option<String>, Value), AgentError> {
    let Some(answer) = answer else { return Ok((String::new(), None, Value::Null)) };
    progress.mask(&answer.text)?;
    let text = progress.mask_all(&answer.text)?;
    let shown = guard::without_secrets(&text).unwrap_or(text);
    let detail = json!({ "text": shown, "note": answer.note });
    progress.tables.extend(answer.result);
    Ok((answer.note, Some(shown), detail))
}
