//! What goes on in a connection: how many requests are being answered, and which answers wait for the client.

use std::{
    collections::HashMap,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Head;

/// What is handed over to HTTP/2 at once, bytes: one frame.
const HTTP2_PART: usize = 16 * 1024;

/// What is to be done with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Fine,
    /// It has had no request for too long: no more are taken.
    Idle,
    /// The client takes nothing of its only answer: it is dropped.
    Stalled,
}

/// One connection's. HTTP/2 needs it: there, a client stops an answer by granting no window, while the socket itself
/// goes on, and hyper keeps a connection without requests for ever.
#[derive(Debug)]
pub(crate) struct Activity {
    head: Arc<Head>,
    /// Whether requests come one after the other (HTTP/1.1), so that after an answer a head is awaited again.
    in_turn: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    begun: u64,
    active: HashMap<u64, Active>,
    idle_since: Instant,
}

#[derive(Debug, Default)]
struct Active {
    /// Since when a part of the answer has been handed over and no further one been asked for.
    waiting: Option<Instant>,
    /// Ends this answer alone.
    cut_off: CancellationToken,
}

impl Activity {
    pub(crate) fn new(head: Arc<Head>, in_turn: bool) -> Arc<Self> {
        let state = State { begun: 0, active: HashMap::new(), idle_since: Instant::now() };
        Arc::new(Self { head, in_turn, state: Mutex::new(state) })
    }

    /// A request has come in; it is being answered until what this returns is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        self.head.complete();
        let mut state = self.state();
        state.begun += 1;
        let number = state.begun;
        state.active.insert(number, Active::default());
        InFlight { activity: Arc::clone(self), number }
    }

    /// Resolves when the newest request's answer is to be ended without its connection.
    pub(crate) fn newest_cut_off(&self) -> impl Future<Output = ()> + Send + use<> {
        let state = self.state();
        let newest = state.active.get(&state.begun).map(|active| active.cut_off.clone());
        async move {
            match newest {
                Some(cut_off) => cut_off.cancelled_owned().await,
                None => std::future::pending().await,
            }
        }
    }

    /// Looks at how long everything has taken. Answers that stand still beside others are cut off here.
    pub(crate) fn judge(&self, write_time: Duration, keep_alive: Duration) -> Verdict {
        let state = self.state();
        let mut stalled = state
            .active
            .values()
            .filter(|active| active.waiting.is_some_and(|since| since.elapsed() > write_time))
            .peekable();
        if self.in_turn && stalled.peek().is_some() {
            return Verdict::Stalled;
        }
        stalled.for_each(|active| active.cut_off.cancel());
        if state.active.is_empty() && state.idle_since.elapsed() > keep_alive { Verdict::Idle } else { Verdict::Fine }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered.
pub(crate) struct InFlight {
    activity: Arc<Activity>,
    number: u64,
}

impl InFlight {
    fn waits(&self, waits: bool) {
        if let Some(active) = self.activity.state().active.get_mut(&self.number) {
            active.waiting = waits.then(Instant::now);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.activity.state();
        state.active.remove(&self.number);
        if state.active.is_empty() {
            state.idle_since = Instant::now();
            if self.activity.in_turn {
                self.activity.head.next();
            }
        }
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").field("number", &self.number).finish_non_exhaustive()
    }
}

/// The body of an answer, which tells when it has handed a part over and nobody comes for the next.
///
/// For HTTP/2 it hands over small parts and shows its end only when asked once more: hyper would otherwise take a large
/// part whole, let go of the body, and keep the part for as long as the client leaves its window shut.
#[derive(Debug)]
pub(crate) struct Watched {
    inner: Body,
    /// Of a part too large to be handed over at once.
    rest: Bytes,
    begun: bool,
    in_flight: InFlight,
}

impl Watched {
    pub(crate) fn new(inner: Body, in_flight: InFlight) -> Self {
        Self { inner, rest: Bytes::new(), begun: false, in_flight }
    }

    fn in_parts(&self) -> bool {
        !self.in_flight.activity.in_turn
    }

    fn next_part(&mut self) -> Frame<Bytes> {
        Frame::data(self.rest.split_to(self.rest.len().min(HTTP2_PART)))
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if !this.rest.is_empty() {
            this.in_flight.waits(true);
            return Poll::Ready(Some(Ok(this.next_part())));
        }
        let mut frame = Pin::new(&mut this.inner).poll_frame(context);
        let handed_over = matches!(frame, Poll::Ready(Some(Ok(_))));
        this.in_flight.waits(handed_over);
        this.begun |= handed_over;
        if this.in_parts()
            && let Poll::Ready(Some(Ok(whole))) = frame
        {
            let part = whole.into_data().map(|data| {
                this.rest = data;
                this.next_part()
            });
            frame = Poll::Ready(Some(Ok(part.unwrap_or_else(|other| other))));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        let hidden = self.begun && self.in_parts();
        !hidden && self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, inner) = (self.rest.len() as u64, self.inner.size_hint());
        let mut whole = SizeHint::new();
        whole.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            whole.set_upper(upper + rest);
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    const WRITE: Duration = Duration::from_secs(30);
    const KEEP: Duration = Duration::from_secs(75);

    async fn next(body: &mut Watched) -> bool {
        std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await.is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_requests_is_idle_after_its_time() {
        let activity = Activity::new(Arc::default(), false);
        let one = activity.begin();
        tokio::time::sleep(KEEP * 2).await;
        assert_eq!(activity.judge(WRITE, KEEP), Verdict::Fine, "a request that takes long");
        drop(one);
        assert_eq!(activity.judge(WRITE, KEEP), Verdict::Fine);
        tokio::time::sleep(KEEP + Duration::from_secs(1)).await;
        assert_eq!(activity.judge(WRITE, KEEP), Verdict::Idle);
    }

    #[tokio::test]
    async fn http2_gets_a_large_answer_in_parts_and_all_of_it() {
        let large: Vec<u8> = (0..300_000_u32).map(|index| index as u8).collect();
        for (in_turn, parts) in [(true, 1), (false, 19)] {
            let activity = Activity::new(Arc::default(), in_turn);
            let mut body = Watched::new(Body::from(large.clone()), activity.begin());
            assert_eq!(body.size_hint().exact(), Some(300_000));
            let mut received = Vec::new();
            while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
                received.push(frame.unwrap().into_data().unwrap());
            }
            assert_eq!(received.len(), parts);
            assert_eq!(received.concat(), large);
        }
        let activity = Activity::new(Arc::default(), false);
        let empty = Watched::new(Body::empty(), activity.begin());
        assert!(empty.is_end_stream(), "an answer without a body ends with its head");
    }

    fn quiet_after_one() -> Body {
        let parts = stream::iter([Ok::<_, axum::Error>(Bytes::from_static(b"one"))]);
        Body::from_stream(futures::StreamExt::chain(parts, stream::pending()))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_fetches_is_stalled_and_a_quiet_one_is_not() {
        let activity = Activity::new(Arc::default(), true);
        let mut body = Watched::new(quiet_after_one(), activity.begin());
        assert!(next(&mut body).await);
        tokio::time::sleep(WRITE.saturating_sub(Duration::from_secs(1))).await;
        assert_eq!(activity.judge(WRITE, KEEP), Verdict::Fine);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(activity.judge(WRITE, KEEP), Verdict::Stalled);
        // The client takes the part, and there is no other for a long time.
        assert!(tokio::time::timeout(WRITE * 10, next(&mut body)).await.is_err());
        assert_eq!(activity.judge(WRITE, KEEP), Verdict::Fine);
        drop(body);
        assert!(activity.state().active.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn of_several_answers_only_the_one_that_nobody_fetches_is_cut_off() {
        let activity = Activity::new(Arc::default(), false);
        let mut fetched = Watched::new(quiet_after_one(), activity.begin());
        let fetched_cut_off = activity.newest_cut_off();
        let mut left = Watched::new(quiet_after_one(), activity.begin());
        let left_cut_off = activity.newest_cut_off();
        assert!(next(&mut fetched).await && next(&mut left).await);
        assert!(tokio::time::timeout(WRITE * 2, next(&mut fetched)).await.is_err());
        assert_eq!(activity.judge(WRITE, KEEP), Verdict::Fine);
        left_cut_off.await;
        assert!(futures::FutureExt::now_or_never(fetched_cut_off).is_none());
    }
}
