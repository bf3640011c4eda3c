//! Takes connections in and serves them until it is told to stop.

use std::{convert::Infallible, fmt, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use hyper::{Request, Response, body::Incoming, server::conn::http1, server::conn::http2, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use millwright_config::{ListeningConfig, TrustedProxies};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use super::{
    Activity, Certificates, Head, Paced, Peer, RequestLimits, TlsError, Verdict, activity::Watched, client_address,
};

/// After the listener failed, for instance because the process has no file left: others may end meanwhile.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(200);
/// Streams of one HTTP/2 connection: tabs of a browser share one.
const MAX_HTTP2_STREAMS: u32 = 128;
/// What a stream may hold for a client that does not read yet: with all streams about 10 MiB a connection.
const MAX_HTTP2_SEND_BUFFER: usize = 64 * 1024;

/// How connections are taken in: settings, checked, with the certificate read.
#[derive(Clone)]
pub struct Listening {
    config: Arc<ListeningConfig>,
    tls: Option<Tls>,
}

#[derive(Clone)]
struct Tls {
    acceptor: TlsAcceptor,
    certificates: Arc<Certificates>,
}

impl Listening {
    /// Reads the certificate, where there is one. To be called before anything is opened: what is wrong with it should
    /// be told at once.
    pub async fn new(config: ListeningConfig) -> Result<Self, TlsError> {
        let tls = match config.tls.clone() {
            Some(files) => {
                let certificates = Certificates::load(files).await?;
                let acceptor = TlsAcceptor::from(Arc::new(certificates.server_config()?));
                Some(Tls { acceptor, certificates })
            }
            None => None,
        };
        Ok(Self { config: Arc::new(config), tls })
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Serves until `shutdown` resolves, then until the requests that run have ended. Dropped, it ends all connections.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    listening: Listening,
    tracker: TaskTracker,
    shutdown: impl Future<Output = ()>,
) {
    let closing = CancellationToken::new();
    let server = Server {
        router: router.with_state(()),
        limits: RequestLimits::new(&listening.config),
        trusted: listening.config.trusted_proxies.clone(),
        config: listening.config,
        tls: listening.tls.as_ref().map(|tls| tls.acceptor.clone()),
        tracker,
        closing: closing.clone(),
    };
    let mut connections = JoinSet::new();
    let accepting = accept(listener, Arc::new(server), &mut connections);
    tokio::select! {
        () = accepting => {}
        () = follow(listening.tls) => {}
        () = shutdown => {}
    }
    // The listener is closed now: whoever comes is refused at once and may try another process.
    closing.cancel();
    while connections.join_next().await.is_some() {}
}

async fn follow(tls: Option<Tls>) {
    match tls {
        Some(tls) => tls.certificates.follow().await,
        None => std::future::pending().await,
    }
}

async fn accept(listener: TcpListener, server: Arc<Server>, connections: &mut JoinSet<()>) {
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    let server = Arc::clone(&server);
                    connections.spawn(async move { server.connection(stream, address).await });
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "no connection can be taken in");
                    tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// What all connections share.
struct Server {
    router: Router,
    config: Arc<ListeningConfig>,
    limits: RequestLimits,
    trusted: TrustedProxies,
    tls: Option<TlsAcceptor>,
    tracker: TaskTracker,
    closing: CancellationToken,
}

impl Server {
    async fn connection(&self, stream: TcpStream, address: SocketAddr) {
        // Without it every event of a stream waits for the client's delayed acknowledgement: 44 ms.
        let _ = stream.set_nodelay(true);
        self.give_up_on_vanished_clients(&stream);
        let peer = Peer { ip: address.ip(), tls: self.tls.is_some() };
        let Some(tls) = &self.tls else {
            // Only HTTP/1.1: clients speak HTTP/2 where TLS has told them that it is understood.
            return self.http1(stream, peer).await;
        };
        let handshake = tokio::select! {
            handshake = timeout(self.config.header_timeout, tls.accept(stream)) => handshake,
            () = self.closing.cancelled() => return,
        };
        // Scanners and clients that do not trust the certificate are no news.
        let Ok(Ok(stream)) = handshake else { return };
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.http2(stream, peer).await;
        } else {
            self.http1(stream, peer).await;
        }
    }

    /// A machine that was switched off acknowledges nothing. Without this its streams stay open for a quarter of an hour,
    /// and count as its user's.
    #[cfg(target_os = "linux")]
    fn give_up_on_vanished_clients(&self, stream: &TcpStream) {
        let milliseconds = u32::try_from(self.config.write_timeout.as_millis()).unwrap_or(u32::MAX);
        let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, milliseconds);
    }

    #[cfg(not(target_os = "linux"))]
    fn give_up_on_vanished_clients(&self, _: &TcpStream) {}

    async fn http1<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, stream: S, peer: Peer) {
        let (head, config) = (Arc::new(Head::default()), &self.config);
        let activity = Activity::new(Arc::clone(&head), true);
        let paced = Paced::new(stream, head, config.header_timeout, config.write_timeout);
        let service = service_fn(|request: Request<Incoming>| self.answer(request, peer, &activity));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // Of hyper's point of view a head begins when the one before has been answered: this is the idle time.
            .header_read_timeout(config.keep_alive)
            .max_header_size(self.limits.hard_head_bytes())
            .serve_connection(TokioIo::new(paced), service);
        self.drive(connection, &activity).await;
    }

    async fn http2<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, stream: S, peer: Peer) {
        let (head, config) = (Arc::new(Head::default()), &self.config);
        let activity = Activity::new(Arc::clone(&head), false);
        let paced = Paced::new(stream, head, config.header_timeout, config.write_timeout);
        let service = service_fn(|request: Request<Incoming>| self.answer(request, peer, &activity));
        let connection =
            http2::Builder::new(Spawner { tracker: self.tracker.clone(), activity: Arc::clone(&activity) })
                .timer(TokioTimer::new())
                .max_concurrent_streams(MAX_HTTP2_STREAMS)
                .max_send_buf_size(MAX_HTTP2_SEND_BUFFER)
                .max_header_list_size(u32::try_from(self.limits.hard_head_bytes()).unwrap_or(u32::MAX))
                .serve_connection(TokioIo::new(paced), service);
        self.drive(connection, &activity).await;
    }

    fn answer(
        &self,
        request: Request<Incoming>,
        peer: Peer,
        activity: &Arc<Activity>,
    ) -> impl Future<Output = Result<Response<Watched>, Infallible>> + Send + use<> {
        let in_flight = activity.begin();
        let client = client_address(peer, request.headers(), &self.trusted);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(client);
        request.extensions_mut().insert(self.limits);
        let answer = self.router.clone().oneshot(request);
        async move { answer.await.map(|response| response.map(|body| Watched::new(body, in_flight))) }
    }

    /// Lets a connection go on until it ends, its client is too slow, or the server closes.
    async fn drive<C: GracefulConnection>(&self, connection: C, activity: &Activity) {
        let (write_time, keep_alive) = (self.config.write_timeout, self.config.keep_alive);
        let mut connection = pin!(connection);
        let mut looks = interval((write_time.min(keep_alive) / 4).max(Duration::from_millis(250)));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut closing, mut idle) = (false, None);
        loop {
            tokio::select! {
                // Errors are the client's: it went away, sent what is no HTTP, or was too slow.
                _ = connection.as_mut() => return,
                () = self.closing.cancelled(), if !closing => {
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                }
                now = looks.tick() => match activity.judge(write_time, keep_alive) {
                    Verdict::Fine => idle = None,
                    Verdict::Stalled => return,
                    Verdict::Idle => {
                        let since = *idle.get_or_insert(now);
                        connection.as_mut().graceful_shutdown();
                        // A client that does not take the hint, or has left a remainder unread.
                        if now - since > self.config.header_timeout {
                            return;
                        }
                    }
                },
            }
        }
    }
}

/// Runs the streams of an HTTP/2 connection, so that shutdown waits for them and each can be ended by itself: a tab
/// whose download stands still should not take the others' streams with it.
#[derive(Clone)]
struct Spawner {
    tracker: TaskTracker,
    activity: Arc<Activity>,
}

impl<F: Future<Output: Send> + Send + 'static> hyper::rt::Executor<F> for Spawner {
    fn execute(&self, stream: F) {
        // hyper calls this right after the service, so that the newest request is this stream's.
        let cut_off = self.activity.newest_cut_off();
        self.tracker.spawn(async move {
            tokio::select! {
                _ = stream => {}
                // Dropped before its end, the stream is reset.
                () = cut_off => {}
            }
        });
    }
}
