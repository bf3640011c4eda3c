//! The body of a request, whose client must keep sending.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes};
use futures::StreamExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::{
    runtime::Handle,
    time::{Sleep, sleep, timeout},
};

/// So much of a refused body is taken at most, and for so long.
const DRAIN_BYTES: usize = 64 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Fails when nothing comes for too long.
pub(crate) struct SlowBody {
    inner: Body,
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    late: Arc<AtomicBool>,
    /// Whether the client sends without being asked to, or was asked: by the first look at the body.
    comes: bool,
}

/// Tells afterwards whether a body failed because it was slow: the handler only sees that it did not arrive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Late(Arc<AtomicBool>);

impl Late {
    pub(crate) fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl SlowBody {
    /// `waits` says whether the client sends `Expect: 100-continue`, and so nothing before the body is looked at.
    pub(crate) fn watch(inner: Body, limit: Duration, waits: bool) -> (Body, Late) {
        let late = Late::default();
        let body = Self { inner, limit, timer: None, late: Arc::clone(&late.0), comes: !waits };
        (Body::new(body), late)
    }
}

/// A client that is still sending when it is refused would see its connection break instead of the answer: for a while what
/// it sends is taken and thrown away.
impl Drop for SlowBody {
    fn drop(&mut self) {
        // To look at the body of a client that waits would ask it for what is refused.
        if !self.comes || self.inner.is_end_stream() || self.late.load(Ordering::Relaxed) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let mut rest = std::mem::take(&mut self.inner).into_data_stream();
        runtime.spawn(timeout(DRAIN_TIME, async move {
            let mut left = DRAIN_BYTES;
            while let Some(Ok(bytes)) = rest.next().await {
                left = left.saturating_sub(bytes.len());
                if left == 0 {
                    return;
                }
            }
        }));
    }
}

impl HttpBody for SlowBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        this.comes = true;
        let frame = Pin::new(&mut this.inner).poll_frame(context);
        if frame.is_ready() {
            this.timer = None;
            return frame;
        }
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(this.limit)));
        ready!(timer.as_mut().poll(context));
        this.late.store(true, Ordering::Relaxed);
        let error = io::Error::new(io::ErrorKind::TimedOut, "the client stopped sending the body");
        Poll::Ready(Some(Err(axum::Error::new(error))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use futures::stream;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn parts(pause: Duration, count: usize) -> Body {
        Body::from_stream(stream::iter(0..count).then(move |_| async move {
            tokio::time::sleep(pause).await;
            Ok::<_, io::Error>(Bytes::from_static(b"part"))
        }))
    }

    /// A body of a hundred parts, and whether all were taken.
    fn watched(waits: bool) -> (Body, Arc<AtomicBool>) {
        let sent = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&sent);
        let chunks = stream::iter(0..100).map(|_| Ok::<_, io::Error>(Bytes::from_static(&[0; 1024])));
        let chunks = chunks.chain(stream::once(async move {
            ends.store(true, Ordering::Relaxed);
            Ok(Bytes::new())
        }));
        (SlowBody::watch(Body::from_stream(chunks), LIMIT, waits).0, sent)
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_may_take_long_as_long_as_something_comes() {
        let (body, late) = SlowBody::watch(parts(LIMIT.saturating_sub(Duration::from_secs(1)), 20), LIMIT, false);
        assert_eq!(to_bytes(body, usize::MAX).await.unwrap().len(), 80);
        assert!(!late.happened());
    }

    #[tokio::test]
    async fn a_refused_client_may_send_on_until_it_reads_the_answer() {
        let (mut body, rest) = watched(false);
        assert!(std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await.is_some());
        drop(body);
        tokio::task::yield_now().await;
        assert!(rest.load(Ordering::Relaxed), "the rest was not taken");
        let (body, rest) = watched(false);
        drop(body);
        tokio::task::yield_now().await;
        assert!(rest.load(Ordering::Relaxed), "refused before the body was looked at");
    }

    #[tokio::test]
    async fn a_refused_client_that_waits_to_be_asked_is_not_asked() {
        let (body, rest) = watched(true);
        drop(body);
        tokio::task::yield_now().await;
        assert!(!rest.load(Ordering::Relaxed));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_fails() {
        let (body, late) = SlowBody::watch(parts(LIMIT + Duration::from_secs(1), 1), LIMIT, false);
        let started = tokio::time::Instant::now();
        assert!(to_bytes(body, usize::MAX).await.is_err());
        assert!(late.happened());
        assert_eq!(started.elapsed().as_secs(), 30);
    }
}
