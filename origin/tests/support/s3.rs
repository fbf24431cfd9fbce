//! A private S3 server, `s3s-fs` of the crates' registry: in a folder of its own, on a free port, with or without a key
//! that requests must be signed with. Before it stands a TLS front, which can also do what a network does: cut, say
//! nothing, answer in the server's place. Where the server cannot start, the test fails and says what is missing.

use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// The server's version, as `.ci/setup` installs it.
const SERVER: &str = "s3s-fs-0.14.1/bin/s3s-fs";

/// What requests to the server are signed with.
pub(crate) const ACCESS_KEY: &str = "AKIDOFTHETESTS";
/// Its secret, which nothing may ever show.
pub(crate) const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYTHETESTSKEY";

/// The bucket that there is.
pub(crate) const BUCKET: &str = "photos";

/// The host of the bucket's requests where its name is a part of it.
pub(crate) const DOMAIN: &str = "s3.test";

/// Serves until its standard input ends, which it does however the tests' process goes.
const WATCHED: &str = "\"$@\" & read -r _; kill -KILL $!; wait $!";

/// What the front does with a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// Passes everything on.
    None,
    /// Cuts the connection after so many bytes of the server's.
    Cut(usize),
    /// Says nothing.
    Silence,
    /// Answers by itself.
    Answer(&'static str),
}

/// A running server and its front.
pub(crate) struct Storage {
    folder: tempfile::TempDir,
    shell: Child,
    /// Where the front is.
    pub(crate) port: u16,
    /// The certificate of the authority that vouches for it.
    pub(crate) authority: String,
    front: Arc<Front>,
    runtime: Option<tokio::runtime::Runtime>,
}

struct Front {
    server: u16,
    /// For the next connections, so many of them.
    fault: Mutex<(Fault, usize)>,
    connections: AtomicUsize,
    requests: Mutex<Vec<u8>>,
}

impl Storage {
    /// A server that takes only what is signed with the tests' key.
    pub(crate) fn start() -> Self {
        Self::with(&["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY])
    }

    /// A server that takes what is not signed.
    pub(crate) fn public() -> Self {
        Self::with(&[])
    }

    fn with(keys: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let program = tools().join(SERVER);
        assert!(program.exists(), "{} is missing: run .ci/setup native", program.display());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // The server compares the whole Host field, which has the front's port.
        let domain = format!("{DOMAIN}:{}", listener.local_addr().unwrap().port());
        let mut command = Command::new("sh");
        command.args(["-c", WATCHED, "sh"]).arg(program).args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.args(keys).args(["--domain", &domain]).arg(folder.path());
        let shell = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "the S3 server does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        let front = Arc::new(Front {
            server: port,
            fault: Mutex::new((Fault::None, 0)),
            connections: AtomicUsize::new(0),
            requests: Mutex::default(),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (authority, acceptor) = tls();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(Arc::clone(&front).listen(listener, acceptor));
        Self { folder, shell, port, authority, front, runtime: Some(runtime) }
    }

    /// Puts an object into the bucket.
    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        let file = self.folder.path().join(BUCKET).join(key);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    /// The place of the bucket, by the front's address.
    pub(crate) fn location(&self, prefix: &str) -> String {
        format!("s3://{BUCKET}{prefix}?region=eu-test-1&endpoint=https://127.0.0.1:{}", self.port)
    }

    /// The next `connections` go wrong.
    pub(crate) fn fail(&self, fault: Fault, connections: usize) {
        *self.front.fault.lock().unwrap() = (fault, connections);
    }

    /// How many connections came.
    pub(crate) fn connections(&self) -> usize {
        self.front.connections.load(Ordering::SeqCst)
    }

    /// What was asked, since this was asked last.
    pub(crate) fn requests(&self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut *self.front.requests.lock().unwrap())).into_owned()
    }

    /// Ends the server; the front stays.
    pub(crate) fn kill(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.kill();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Front {
    async fn listen(self: Arc<Self>, listener: TcpListener, acceptor: TlsAcceptor) {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            self.connections.fetch_add(1, Ordering::SeqCst);
            let (front, acceptor) = (Arc::clone(&self), acceptor.clone());
            tokio::spawn(async move { front.pass(stream, acceptor).await });
        }
    }

    fn next_fault(&self) -> Fault {
        let mut fault = self.fault.lock().unwrap();
        if fault.1 == 0 {
            return Fault::None;
        }
        fault.1 -= 1;
        fault.0
    }

    /// One connection; both ends go when one does.
    async fn pass(&self, stream: TcpStream, acceptor: TlsAcceptor) -> Option<()> {
        let (mut from_client, mut to_client) = tokio::io::split(acceptor.accept(stream).await.ok()?);
        let (mut from_server, mut to_server) = TcpStream::connect(("127.0.0.1", self.server)).await.ok()?.into_split();
        let fault = self.next_fault();
        let forth = async {
            let mut buffer = vec![0; 16 * 1024];
            loop {
                let read = from_client.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
                self.requests.lock().unwrap().extend_from_slice(&buffer[..read]);
                if matches!(fault, Fault::None | Fault::Cut(_)) {
                    to_server.write_all(&buffer[..read]).await.ok()?;
                } else if let Fault::Answer(_) = fault {
                    return Some(());
                }
            }
        };
        let back = async {
            let (mut buffer, mut sent) = (vec![0; 16 * 1024], 0);
            loop {
                let read = from_server.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
                let most = if let Fault::Cut(most) = fault { most - sent } else { read };
                to_client.write_all(&buffer[..read.min(most)]).await.ok()?;
                to_client.flush().await.ok()?;
                sent += read.min(most);
                if read > most {
                    return Some(());
                }
            }
        };
        tokio::select! { _ = forth => {}, _ = back => {} }
        if let Fault::Answer(answer) = fault {
            to_client.write_all(answer.as_bytes()).await.ok()?;
            to_client.shutdown().await.ok()?;
        }
        Some(())
    }
}

/// An authority's certificate in PEM, and TLS as a server that it vouches for.
fn tls() -> (String, TlsAcceptor) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let names = ["127.0.0.1".to_owned(), "private.test".to_owned(), DOMAIN.to_owned(), format!("{BUCKET}.{DOMAIN}")];
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    (authority.as_ref().pem(), TlsAcceptor::from(Arc::new(config)))
}

/// The folder that `.ci/setup` installs tools into.
fn tools() -> PathBuf {
    let setup = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/setup");
    let mut asked = Command::new(setup).arg("tools").stdout(Stdio::piped()).spawn().unwrap();
    let mut printed = String::new();
    asked.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    asked.wait().unwrap();
    PathBuf::from(printed.trim())
}
