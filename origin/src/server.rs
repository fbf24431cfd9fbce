//! The server: every route in one place, and its life from listening to the last answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use sealpix::answer::PROTECTIVE_HEADERS;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::delivery::{Delivery, deliver};
use crate::edge_link;

/// The routes. A request that none of them takes is for a picture.
fn routes() -> Vec<(&'static str, MethodRouter<Arc<Delivery>>)> {
    vec![
        ("/healthz", get(|| async { "ok\n" })),
        ("/readyz", get(ready)),
        (edge_link::RECORDS_PATH, get(edge_link::pull_records)),
    ]
}

/// The whole service. Every answer, also a route's own, carries the protective headers (HDR-1).
pub fn router(delivery: Arc<Delivery>) -> Router {
    let routed = routes().into_iter().fold(Router::new(), |router, (path, method)| router.route(path, method));
    routed.fallback(deliver).layer(map_response(protect)).with_state(delivery)
}

async fn protect(mut answer: Response) -> Response {
    for (name, value) in PROTECTIVE_HEADERS {
        answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    answer
}

/// Connections at once. More wait in the listener's queue; half of the 1,024 files that a process may open by default.
const MAX_CONNECTIONS: usize = 512;

/// How long a client may take for a request's head, idle time on a kept connection included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// How long requests may run on after SIGTERM: longer than a fetch and the work on it, shorter than a supervisor's
/// patience.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);

/// Serves HTTP/1.1 until SIGTERM or SIGINT, then lets the requests that run end.
pub async fn serve(listener: TcpListener, delivery: Arc<Delivery>) -> std::io::Result<()> {
    let service = TowerToHyperService::new(router(delivery));
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let running = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stopped());
    loop {
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, stream) = tokio::select! {
            (slot, accepted) = accepted => match accepted {
                Ok((stream, _)) => (slot, stream),
                Err(error) => {
                    // Out of files, or a client that left already: the next one may fare better.
                    tracing::warn!(%error, "accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service.clone());
        let connection = running.watch(connection);
        tokio::spawn(async move {
            // A client that breaks off is no fault of ours.
            let _ = connection.await;
            drop(slot);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, running.shutdown()).await.is_err() {
        tracing::warn!("requests that did not end in time were broken off");
    }
    Ok(())
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
