//! A breaker for callers: a program that sends the same thing again and again is in a loop.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use millwright_core::Principal;
use millwright_llm::provider::ModelRequest;
use tokio::time::Instant;

use crate::GatewayError;

/// Requests are counted over this time.
const WINDOW: Duration = Duration::from_mins(1);
/// So many callers and requests are remembered; when more come, those of a past window go.
const MOST: usize = 20_000;

#[derive(Debug, Clone, Copy)]
struct Seen {
    since: Instant,
    times: u32,
}

/// Counts equal requests by caller.
#[derive(Debug)]
pub(crate) struct Runaway {
    most: u32,
    seen: Mutex<HashMap<u64, Seen>>,
}

impl Runaway {
    /// Lets the same request through so many times a minute; 0 for no limit.
    pub(crate) fn new(most: u32) -> Self {
        Self { most, seen: Mutex::default() }
    }

    /// Counts a request of a caller.
    ///
    /// # Errors
    /// When the same one came too often within the last minute.
    pub(crate) fn check(
        &self,
        principal: &Principal,
        agent: Option<&str>,
        request: &ModelRequest,
    ) -> Result<(), GatewayError> {
        if self.most == 0 {
            return Ok(());
        }
        let mut hasher = DefaultHasher::new();
        // The same words with another seed are the same words.
        let words = serde_json::to_vec(&(&request.messages, &request.tools)).unwrap_or_default();
        (principal.tenant_id().uuid(), principal.user_id.uuid(), agent, words).hash(&mut hasher);
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST {
            seen.retain(|_, entry| now.duration_since(entry.since) < WINDOW);
            // All within a minute: then nobody is in a loop that this could tell from the rest.
            if seen.len() >= MOST {
                seen.clear();
            }
        }
        let entry = seen.entry(hasher.finish()).or_insert(Seen { since: now, times: 0 });
        if now.duration_since(entry.since) >= WINDOW {
            *entry = Seen { since: now, times: 0 };
        }
        entry.times += 1;
        if entry.times <= self.most {
            return Ok(());
        }
        let retry_after = WINDOW.saturating_sub(now.duration_since(entry.since));
        Err(GatewayError::Runaway { times: entry.times - 1, retry_after })
    }
}

#[cfg(test)]
mod tests {
    use millwright_core::{Credential, Role, Sources, TenantScope};
    use millwright_llm::provider::Message;
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_is_stopped_and_nobody_else_is() {
        let sources = Sources::system();
        #[expect(clippy::disallowed_methods, reason = "a test may make a tenant")]
        let scope = TenantScope::establish(sources.new_id());
        let person = |role| Principal::new(sources.new_id(), scope, role, Credential::Token);
        let (one, other) = (person(Role::Operator), person(Role::Operator));
        let says = |text: &str| ModelRequest {
            messages: vec![Message::System { text: text.to_owned() }],
            ..ModelRequest::default()
        };
        let runaway = Runaway::new(3);
        for _ in 0..3 {
            runaway.check(&one, None, &says("again")).unwrap();
        }
        let refused = runaway.check(&one, None, &says("again")).unwrap_err();
        assert!(matches!(refused, GatewayError::Runaway { times: 3, .. }), "{refused}");
        runaway.check(&one, None, &says("something else")).unwrap();
        runaway.check(&other, None, &says("again")).unwrap();
        advance(WINDOW).await;
        runaway.check(&one, None, &says("again")).unwrap();
    }
}
