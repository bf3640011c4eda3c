use tokio::net::TcpListener;

use crate::{
    AppState,
    listening::{self, Listening},
    router,
};

/// Serves until `shutdown` resolves, then until the requests that run have ended. The caller bounds that time: dropped,
/// it ends all connections.
pub async fn serve(listener: TcpListener, state: AppState, listening: Listening, shutdown: impl Future<Output = ()>) {
    let tracker = state.tracker.clone();
    listening::serve::serve(listener, router(state), listening, tracker, shutdown).await;
}
