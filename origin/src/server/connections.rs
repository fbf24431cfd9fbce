//! Connections of one port: so many at once, each with a deadline for every request's head and patience for its answer,
//! with TLS or without.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::patience::Patient;
use crate::peer::{Socket, TrustedProxies};

/// How long a client may take for a request's head, idle time on a kept connection included, and for TLS before it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a client may take none of its answer: a stalled one gives back its connection and the picture's bytes.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait when there are no more files to accept with.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Whether a connection may bring more than one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Alive,
    Once,
}

/// A port that is listened on.
pub(super) struct Port {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    service: TowerToHyperService<Router>,
    slots: Arc<Semaphore>,
    addresses: Addresses,
}

/// Who may have how many connections.
pub(super) struct Bounds {
    /// All together; more wait in the listener's queue.
    pub(super) all: usize,
    /// One address; more are closed at once.
    pub(super) an_address: usize,
    /// Proxies, whose connections are many clients' and bounded together only.
    pub(super) trusted: TrustedProxies,
}

/// How many connections each address has.
type Open = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// Connections by address.
struct Addresses {
    open: Open,
    most: usize,
    trusted: TrustedProxies,
}

impl Addresses {
    /// A place for one more connection, until it is dropped; none where the address has its part.
    fn enter(&self, address: IpAddr) -> Option<Place> {
        let address = counted(address);
        if self.trusted.contains(address) {
            return Some(Place(None));
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let held = open.entry(address).or_default();
        if *held >= self.most {
            return None;
        }
        *held += 1;
        Some(Place(Some((Arc::clone(&self.open), address))))
    }
}

/// Who is counted: an IPv6 customer has a whole network of 64 bits.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

/// One of an address's connections.
struct Place(Option<(Open, IpAddr)>);

impl Drop for Place {
    fn drop(&mut self) {
        let Some((open, address)) = self.0.take() else { return };
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = open.get_mut(&address) {
            *held -= 1;
            if *held == 0 {
                open.remove(&address);
            }
        }
    }
}

impl Port {
    /// A port with as many connections at once as `bounds` says.
    pub(super) fn new(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router, bounds: Bounds) -> Self {
        let Bounds { all, an_address: most, trusted } = bounds;
        let slots = Arc::new(Semaphore::new(all));
        let addresses = Addresses { open: Arc::default(), most, trusted };
        Self { listener, tls, service: TowerToHyperService::new(router), slots, addresses }
    }

    /// Accepts for as long as it is polled. What it has accepted runs on, and ends well when `running` shuts down.
    pub(super) async fn accept(&self, running: &GracefulShutdown, keep: Keep) -> Infallible {
        loop {
            let slot = Arc::clone(&self.slots).acquire_owned().await;
            match self.listener.accept().await {
                Ok((stream, from)) => {
                    // Closed by being dropped: one client leaves room for the others.
                    let Some(place) = self.addresses.enter(from.ip()) else { continue };
                    let conversation = self.converse(stream, from, running.watcher(), keep);
                    tokio::spawn(async move {
                        conversation.await;
                        drop((slot, place));
                    });
                }
                Err(error) => {
                    // Out of files, or a client that left already: the next one may fare better.
                    tracing::warn!(%error, "accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn converse(
        &self,
        stream: TcpStream,
        from: SocketAddr,
        watcher: Watcher,
        keep: Keep,
    ) -> impl Future<Output = ()> + use<> {
        let service = self.service.clone();
        let tls = self.tls.clone();
        let socket = Socket { address: from.ip(), is_tls: tls.is_some() };
        async move {
            match tls {
                None => answer(stream, socket, service, watcher, keep).await,
                // A client that speaks no TLS, or none of ours, has nothing that it could be told.
                Some(tls) => {
                    if let Ok(Ok(stream)) = timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
                        answer(stream, socket, service, watcher, keep).await;
                    }
                }
            }
        }
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    socket: Socket,
    service: TowerToHyperService<Router>,
    watcher: Watcher,
    keep: Keep,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(socket);
        service.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .keep_alive(keep == Keep::Alive)
        .serve_connection(TokioIo::new(Patient::new(stream, WRITE_PATIENCE)), service);
    // A client that breaks off is no fault of ours.
    let _ = watcher.watch(connection).await;
}
