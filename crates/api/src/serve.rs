use std::io;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::{AppState, router};

/// Serves until `shutdown` resolves, then until the requests that run have ended. The caller bounds that time.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    // Without it every event of a stream waits for the client's delayed acknowledgement: 44 ms.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router(state)).with_graceful_shutdown(shutdown).await
}
