//! A connection whose client must keep going.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// What is awaited of the client: shared between the connection, which sees bytes, and what serves its requests.
#[derive(Debug, Default)]
pub(crate) struct Head(AtomicU8);

impl Head {
    /// A head, of which the first byte may have come or not. How every connection begins.
    const AWAITED: u8 = 0;
    /// Nothing: a request is being answered.
    const COMPLETE: u8 = 1;
    /// Nothing yet: the next byte begins a head.
    const NOT_BEGUN: u8 = 2;

    /// A head has come.
    pub(crate) fn complete(&self) {
        self.0.store(Self::COMPLETE, Ordering::Relaxed);
    }

    /// The request has been answered; another may follow.
    pub(crate) fn next(&self) {
        self.0.store(Self::NOT_BEGUN, Ordering::Relaxed);
    }

    fn begins(&self) -> bool {
        self.0.compare_exchange(Self::NOT_BEGUN, Self::AWAITED, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn is_awaited(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::AWAITED
    }
}

/// Fails reads when a head takes too long, and writes when the client takes nothing for too long.
pub(crate) struct Paced<S> {
    inner: S,
    head: Arc<Head>,
    head_time: Duration,
    head_until: Instant,
    head_timer: Option<Pin<Box<Sleep>>>,
    write_time: Duration,
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    /// The time for the first head begins now.
    pub(crate) fn new(inner: S, head: Arc<Head>, head_time: Duration, write_time: Duration) -> Self {
        let head_until = Instant::now() + head_time;
        Self { inner, head, head_time, head_until, head_timer: None, write_time, write_timer: None }
    }

    /// Whether the time for the head is over; if not, wakes the task when it is.
    fn head_is_late(&mut self, context: &mut Context<'_>) -> bool {
        if !self.head.is_awaited() {
            self.head_timer = None;
            return false;
        }
        let timer = self.head_timer.get_or_insert_with(|| Box::pin(sleep_until(self.head_until)));
        timer.as_mut().poll(context).is_ready()
    }

    /// Passes on what a write came to; one that has waited for too long has failed.
    fn in_time<T>(&mut self, context: &mut Context<'_>, write: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.write_timer = None;
            return write;
        }
        let until = Instant::now() + self.write_time;
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client stopped reading")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.inner).poll_read(context, buffer);
        if buffer.filled().len() > before && this.head.begins() {
            this.head_until = Instant::now() + this.head_time;
            this.head_timer = None;
        }
        // Also after a byte: bytes that keep coming must not keep the timer from being looked at.
        if this.head_is_late(context) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the head of a request took too long")));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let write = Pin::new(&mut this.inner).poll_write(context, bytes);
        this.in_time(context, write)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let write = Pin::new(&mut this.inner).poll_write_vectored(context, slices);
        this.in_time(context, write)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flush = Pin::new(&mut this.inner).poll_flush(context);
        this.in_time(context, flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shutdown = Pin::new(&mut this.inner).poll_shutdown(context);
        this.in_time(context, shutdown)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const HEAD: Duration = Duration::from_secs(10);
    const WRITE: Duration = Duration::from_secs(30);

    fn pair(buffer: usize) -> (Paced<DuplexStream>, DuplexStream, Arc<Head>) {
        let (ours, theirs) = duplex(buffer);
        let head = Arc::new(Head::default());
        (Paced::new(ours, Arc::clone(&head), HEAD, WRITE), theirs, head)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_nothing_is_cut_off() {
        let (mut paced, _theirs, _) = pair(64);
        let started = Instant::now();
        assert_eq!(paced.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_comes_drop_by_drop_is_cut_off_in_the_middle_of_it() {
        let (mut paced, mut theirs, _) = pair(64);
        let started = Instant::now();
        let dripping = async {
            while theirs.write_u8(b'x').await.is_ok() {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        };
        let reading = async { while paced.read_u8().await.is_ok() {} };
        tokio::select! { () = dripping => {}, () = reading => {} }
        assert_eq!(started.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_and_pauses_between_requests_are_not_heads() {
        let (mut paced, mut theirs, head) = pair(64);
        theirs.write_u8(b'x').await.unwrap();
        paced.read_u8().await.unwrap();
        head.complete();
        let long = tokio::time::timeout(HEAD * 10, paced.read_u8()).await;
        assert!(long.is_err(), "a body has a limit of its own");
        head.next();
        let long = tokio::time::timeout(HEAD * 5, paced.read_u8()).await;
        assert!(long.is_err(), "an idle connection has a limit of its own");
        // The next head has all of its time, from its first byte.
        theirs.write_u8(b'x').await.unwrap();
        let started = Instant::now();
        paced.read_u8().await.unwrap();
        assert_eq!(paced.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_reading_is_cut_off_and_one_that_reads_slowly_is_not() {
        let (mut paced, mut theirs, _) = pair(16);
        let slow = async {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_secs(20)).await;
                theirs.read_u8().await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(paced.write_all(&[0; 26]), slow);
        written.unwrap();
        let started = Instant::now();
        assert_eq!(paced.write_all(&[0; 26]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed().as_secs(), 30);
    }
}
