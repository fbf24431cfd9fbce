//! The server: every route in one place, and its life from listening to the last answer.

mod connections;
mod patience;
pub mod tls;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::STRICT_TRANSPORT_SECURITY;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use hyper_util::server::graceful::GracefulShutdown;
use sealpix::answer::PROTECTIVE_HEADERS;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::admin::{self, Admin};
use crate::delivery::{Delivery, deliver};
use crate::edge_link;
use crate::edge_link::push::Pusher;
use crate::observe::health::Health;
use crate::observe::{page, request_log};
use crate::peer::{Peer, TrustedProxies, identify};
use connections::{Bounds, Keep, Port};

/// The routes. A request that none of them takes is for a picture.
fn routes() -> Vec<(&'static str, MethodRouter<Arc<Delivery>>)> {
    vec![
        (edge_link::RECORDS_PATH, get(edge_link::pull_records)),
        (edge_link::usage::USAGE_PATH, edge_link::usage::route()),
    ]
}

/// The whole service. Every answer, also a route's own, carries the protective headers (HDR-1) and the request's name,
/// and every request its [`Peer`].
pub fn router(delivery: Arc<Delivery>, health: &Arc<Health>, admin: Arc<Admin>) -> Router {
    let trusted = Arc::new(delivery.origin.config.trusted_proxies.clone());
    let metrics = Arc::clone(&delivery.metrics);
    let routed = routes().into_iter().fold(Router::new(), |router, (path, method)| router.route(path, method));
    let routed = routed.fallback(deliver).with_state(delivery).merge(health.router()).merge(admin::router(admin));
    dressed(routed).layer(from_fn_with_state(metrics, request_log::log)).layer(from_fn_with_state(trusted, identify))
}

/// Routes with the protective headers.
fn dressed(router: Router) -> Router {
    router.layer(from_fn(protect))
}

/// A year: a browser that has seen TLS here once asks for nothing else.
const TRANSPORT_SECURITY: HeaderValue = HeaderValue::from_static("max-age=31536000");

async fn protect(request: Request, next: Next) -> Response {
    let is_tls = request.extensions().get::<Peer>().is_some_and(|peer| peer.is_tls);
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    for (name, value) in PROTECTIVE_HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if is_tls {
        headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(TRANSPORT_SECURITY);
    }
    answer
}

/// Connections at once. More wait in the listener's queue; half of the 1,024 files that a process may open by default.
const MAX_CONNECTIONS: usize = 512;

/// Connections to the operator's port at once: a few scrapers.
const MAX_OPERATORS: usize = 16;

/// How long requests may run on after SIGTERM: nearly all end in it, and it is shorter than a supervisor's patience. One that
/// waits for room, fetches and is worked on for as long as each may last (45 s) is broken off.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);

/// How long the last counts may take to be written: as long as a change waits for another.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// What is served, and where.
pub struct Serving {
    /// The service's port.
    pub listener: TcpListener,
    /// TLS on that port.
    pub tls: Option<TlsAcceptor>,
    /// The port of the metrics.
    pub operators: Option<TcpListener>,
    /// Delivery.
    pub delivery: Arc<Delivery>,
    /// Whether all is well.
    pub health: Arc<Health>,
    /// The admin API.
    pub admin: Arc<Admin>,
    /// The pusher, if there is an edge to push to.
    pub pusher: Option<Arc<Pusher>>,
}

/// Serves HTTP/1.1 until SIGTERM or SIGINT, then lets the requests that run end.
///
/// Until they have, new ones are answered too, each on a connection of its own, and `/readyz` says that it is draining:
/// whoever balances the load sees it and goes elsewhere, and nobody is turned away meanwhile.
pub async fn serve(serving: Serving) {
    let stop = stopped();
    let Serving { listener, tls, operators, delivery, health, admin, pusher } = serving;
    let mut beside = JoinSet::new();
    delivery.journal.read_settings(&delivery.origin).await;
    let writing = Arc::clone(&delivery);
    beside.spawn(async move { writing.journal.run(&writing.origin).await });
    if let Some(pusher) = pusher {
        // What a push that is cut off has not brought over is sent again at the next start.
        beside.spawn(pusher.run());
    }
    if let Some(listener) = operators {
        let router = dressed(page::router(Arc::clone(&delivery.metrics), &health));
        let port = Port::new(
            listener,
            None,
            router,
            Bounds { all: MAX_OPERATORS, an_address: MAX_OPERATORS, trusted: TrustedProxies::default() },
        );
        beside.spawn(async move { match port.accept(&GracefulShutdown::new(), Keep::Alive).await {} });
    }
    let bounds = Bounds {
        all: MAX_CONNECTIONS,
        an_address: delivery.origin.config.max_connections_an_address,
        trusted: delivery.origin.config.trusted_proxies.clone(),
    };
    let port = Port::new(listener, tls, router(Arc::clone(&delivery), &health, admin), bounds);
    let before = GracefulShutdown::new();
    tokio::select! {
        never = port.accept(&before, Keep::Alive) => match never {},
        () = stop => {}
    }
    health.drain();
    let drained = async {
        let after = GracefulShutdown::new();
        tokio::select! {
            never = port.accept(&after, Keep::Once) => match never {},
            () = ended(before) => {}
        }
        drop(port);
        ended(after).await;
    };
    if timeout(DRAIN_TIMEOUT, drained).await.is_err() {
        tracing::warn!("requests that did not end in time were broken off");
    }
    // Nothing is noted any more; what was goes into the registry.
    if timeout(WRITE_TIMEOUT, delivery.journal.write(&delivery.origin)).await.is_err() {
        tracing::warn!("the last counts of requests could not be written in time");
    }
    if timeout(WRITE_TIMEOUT, delivery.close()).await.is_err() {
        tracing::warn!("the last finished pictures could not be written to disk in time");
    }
}

/// How long a connection that was accepted has to bring the request that it was made for: hyper closes one that has
/// brought nothing, and its client would take that for a failure.
const SETTLE: Duration = Duration::from_millis(500);

/// Waits for the end of connections that are no longer kept.
async fn ended(connections: GracefulShutdown) {
    if connections.count() > 0 {
        tokio::time::sleep(SETTLE).await;
    }
    connections.shutdown().await;
}

/// Ends at SIGTERM or SIGINT. Both are listened for from the call on, so that none comes before its first poll.
fn stopped() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        match (terminate, interrupt) {
            (Ok(mut terminate), Ok(mut interrupt)) => tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            },
            (Ok(mut one), Err(_)) | (Err(_), Ok(mut one)) => drop(one.recv().await),
            (Err(_), Err(_)) => std::future::pending().await,
        }
        tracing::info!("draining");
    }
}

#[cfg(test)]
mod tests {
    use sealpix::target::Slug;

    use crate::observe::health;

    #[test]
    fn no_route_begins_like_a_project() {
        let paths = super::routes().into_iter().map(|(path, _)| path).chain(health::PATHS);
        for path in paths {
            let first = path.split('/').nth(1).unwrap();
            assert_eq!(Slug::new(first), None, "{path} could be a project's");
        }
    }
}
