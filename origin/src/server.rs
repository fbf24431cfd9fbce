//! The server: every route in one place, and its life from listening to the last answer.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get};
use tokio::net::TcpListener;

use crate::delivery::{Delivery, deliver};
use crate::edge_link;
use crate::edge_link::push::Pusher;

/// The routes. A request that none of them takes is for a picture.
fn routes() -> Vec<(&'static str, MethodRouter<Arc<Delivery>>)> {
    vec![
        ("/healthz", get(|| async { "ok\n" })),
        ("/readyz", get(ready)),
        (edge_link::RECORDS_PATH, get(edge_link::pull_records)),
    ]
}

/// The whole service.
pub fn router(delivery: Arc<Delivery>) -> Router {
    let routed = routes().into_iter().fold(Router::new(), |router, (path, method)| router.route(path, method));
    routed.fallback(deliver).with_state(delivery)
}

/// Serves until SIGTERM or SIGINT, then lets the requests that run end.
pub async fn serve(listener: TcpListener, delivery: Arc<Delivery>, pusher: Option<Arc<Pusher>>) -> std::io::Result<()> {
    // What a push that is cut off has not brought over is sent again at the next start.
    let _pushing = pusher.map(|pusher| tokio::spawn(pusher.run()));
    axum::serve(listener, router(delivery)).with_graceful_shutdown(stopped()).await
}

/// Whether requests can be served: the database answers.
async fn ready(State(delivery): State<Arc<Delivery>>) -> (StatusCode, &'static str) {
    match delivery.origin.registry.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "database\n")
        }
    }
}

async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        },
        Err(_) => {
            let _ = interrupt.await;
        }
    }
    tracing::info!("draining");
}

#[cfg(test)]
mod tests {
    use sealpix::target::Slug;

    #[test]
    fn no_route_begins_like_a_project() {
        for (path, _) in super::routes() {
            let first = path.split('/').nth(1).unwrap();
            assert_eq!(Slug::new(first), None, "{path} could be a project's");
        }
    }
}
