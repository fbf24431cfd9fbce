//! An https server that sends exactly the bytes it was given, whether or not they are HTTP.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A certificate authority of one test.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.as_ref().pem()
    }

    /// A certificate for the names of the tests, and its key.
    pub(crate) fn issue(&self) -> (rcgen::Certificate, KeyPair) {
        let names = ["pictures.test", "other.test", "private.test", "rebind.test", "127.0.0.1"];
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names.map(str::to_owned)).unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }

    /// TLS as a server with such a certificate, which speaks `protocol`.
    pub(crate) fn server_config(&self, protocol: &[u8]) -> Arc<ServerConfig> {
        let (certificate, key) = self.issue();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        config.alpn_protocols = vec![protocol.to_vec()];
        Arc::new(config)
    }
}

/// What the server does after it has read a request.
#[derive(Clone)]
pub(crate) enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes again and again.
    Forever(Vec<u8>),
    /// Sends these bytes, one every so often.
    Drip(Vec<u8>, Duration),
    /// Sends nothing more, and keeps the connection.
    Silence,
    /// Ends the TLS session as it should be ended.
    Close,
    /// Cuts the connection without ending the TLS session.
    Cut,
}

pub(crate) struct Server {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// A server on `address` that answers every request with `steps`.
    pub(crate) async fn start_on(address: &str, authority: &Authority, steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let server =
            Self { port: listener.local_addr().unwrap().port(), requests: Arc::default(), connections: Arc::default() };
        let acceptor = TlsAcceptor::from(authority.server_config(b"http/1.1"));
        let (requests, connections) = (Arc::clone(&server.requests), Arc::clone(&server.connections));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(acceptor.clone(), stream, Arc::clone(&requests), steps.clone()));
            }
        });
        server
    }

    pub(crate) async fn start(authority: &Authority, steps: Vec<Step>) -> Self {
        Self::start_on("127.0.0.1:0", authority, steps).await
    }

    /// The source text of a picture on this server.
    pub(crate) fn text(&self) -> String {
        format!("pictures.test:{}/photo.jpg", self.port)
    }

    /// The heads of the requests that arrived.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// How many connections were made, with or without a request.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream, requests: Arc<Mutex<Vec<String>>>, steps: Vec<Step>) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    while let Some(head) = request_head(&mut stream).await {
        requests.lock().unwrap().push(head);
        for step in &steps {
            let done = match step {
                Step::Send(bytes) => stream.write_all(bytes).await.is_err() || stream.flush().await.is_err(),
                Step::Forever(bytes) => {
                    while stream.write_all(bytes).await.is_ok() {}
                    true
                }
                Step::Drip(bytes, interval) => drip(&mut stream, bytes, *interval).await,
                Step::Silence => std::future::pending().await,
                Step::Close => {
                    let _ = stream.shutdown().await;
                    true
                }
                Step::Cut => true,
            };
            if done {
                return;
            }
        }
    }
}

async fn drip(stream: &mut TlsStream<TcpStream>, bytes: &[u8], interval: Duration) -> bool {
    let mut ticks = tokio::time::interval(interval);
    for byte in bytes {
        ticks.tick().await;
        if stream.write_all(&[*byte]).await.is_err() || stream.flush().await.is_err() {
            return true;
        }
    }
    false
}

async fn request_head(stream: &mut TlsStream<TcpStream>) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}
