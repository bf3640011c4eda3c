//! What a run may take at most, where whoever asked has said so. Each limit comes to a stated end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{AgentError, machine::Phase, progress::Progress, run::Run, runner::Inner};

/// What a run may take at most; none of it where nothing is named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLimits {
    /// From its beginning to its end; what it waits for its person takes no time. Ends the run.
    pub seconds: Option<u32>,
    /// Tokens of its model calls, in and out, looked at before each draft and each turn of voices: what has begun ends. Ends the run.
    pub tokens: Option<u64>,
    /// What they cost, millionths of the currency, as for tokens.
    pub cost_micros: Option<u64>,
    /// Calls of tools. It answers from what it has then.
    pub tool_calls: Option<u32>,
}

impl RunLimits {
    /// How many calls of tools are left.
    pub(crate) fn calls_left(&self, called: usize) -> usize {
        let most = self.tool_calls.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        most.saturating_sub(called)
    }
}

/// Returns when the time of a run is over; never where it has no end.
pub(crate) async fn time_is_over(inner: &Inner, run: &Run) -> AgentError {
    let Some(seconds) = run.limits.seconds else { return std::future::pending().await };
    let gone = (inner.sources.now() - run.counted_from).to_std().unwrap_or_default();
    tokio::time::sleep(Duration::from_secs(seconds.into()).saturating_sub(gone)).await;
    AgentError::LimitReached(format!("it may take {seconds} seconds"))
}

/// Looks, before models are asked, whether they may be.
///
/// # Errors
/// When tokens or cost are used up.
pub(crate) async fn require(inner: &Inner, run: &Run, progress: &Progress, phase: Phase) -> Result<(), AgentError> {
    let asks = matches!(phase, Phase::Think { .. } | Phase::Deliberate { .. });
    if !asks || progress.repeat.is_some() || run.limits.tokens.is_none() && run.limits.cost_micros.is_none() {
        return Ok(());
    }
    let mut tx = inner.store.tenant(&run.principal.scope).read().await?;
    let used = tx.usage().total_of_run(run.ids.run_id, (run.principal.user_id, run.created_at)).await?;
    let over = |used: i64, most: Option<u64>| most.filter(|most| u64::try_from(used).unwrap_or(0) >= *most);
    if let Some(most) = over(used.tokens, run.limits.tokens) {
        return Err(AgentError::LimitReached(format!(
            "its model calls may take {most} tokens, and took {}",
            used.tokens
        )));
    }
    if let Some(most) = over(used.cost_micros, run.limits.cost_micros) {
        let text = format!("its model calls may cost {most} millionths, and cost {}", used.cost_micros);
        return Err(AgentError::LimitReached(text));
    }
    Ok(())
}
