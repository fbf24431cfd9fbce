//! A private PostgreSQL server: in a folder of its own, on a free port, as an unprivileged user, with TLS and a
//! password; stopped when the last test that uses it ends, or when the tests' process does. Where it cannot start,
//! the test fails and says what is missing.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_postgres::SimpleQueryMessage;

/// The server's password, which nothing may ever show.
pub(crate) const PASSWORD: &str = "this-password-must-not-be-shown";

/// Started by the first test that asks, shared by those that run beside it.
static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// Serves until its standard input ends, which it does however the tests' process goes.
const WATCHED: &str = "\"$@\" >>\"$LOG\" 2>&1 & read -r _; kill -INT $!; wait $!";

/// A running server.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    shell: Child,
    port: u16,
    databases: AtomicU32,
}

impl Server {
    /// The server of the tests that run now.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start());
            *shared = Arc::downgrade(&server);
            server
        })
    }

    fn start() -> Self {
        let initdb = program("initdb");
        let postgres = initdb.with_file_name("postgres");
        let postgres = if postgres.exists() { postgres } else { program("postgres") };
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let user = unprivileged();
        let own = |path: &Path, mode: u32| {
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
            if let Some((user, group)) = user {
                chown(path, Some(user), Some(group)).unwrap();
            }
        };
        own(folder.path(), 0o755);
        for (name, content) in certificates().iter().chain([&("password", PASSWORD.to_owned())]) {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            own(&path, 0o600);
        }
        let as_user = |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir(folder.path());
            if let Some((user, group)) = user {
                command.uid(user).gid(group);
            }
            command
        };
        let made = as_user(&initdb)
            .args(["--pgdata=data", "--username=sealpix", "--pwfile=password", "--auth=scram-sha-256"])
            .args(["--encoding=UTF8", "--locale=C", "--no-sync"])
            .output()
            .unwrap_or_else(|error| panic!("{} does not run: {error}", initdb.display()));
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let config = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nfsync = off\n\
             ssl = on\nssl_cert_file = '../server.pem'\nssl_key_file = '../server.key'\nlog_statement = all\n\
             max_connections = 100\n"
        );
        let file = std::fs::OpenOptions::new().append(true).open(folder.path().join("data/postgresql.conf"));
        file.unwrap().write_all(config.as_bytes()).unwrap();
        let shell = as_user(Path::new("/bin/sh"))
            .args(["-c", WATCHED, "sh"])
            .arg(&postgres)
            .args(["-D", "data"])
            .env("LOG", folder.path().join("log"))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let server = Self { folder, shell, port, databases: AtomicU32::new(0) };
        let ready = (0..300).any(|_| {
            let answers = ask(&server.url("postgres"), "SELECT 1").is_ok();
            if !answers {
                std::thread::sleep(Duration::from_millis(100));
            }
            answers
        });
        assert!(ready, "PostgreSQL did not start: {}", server.log());
        server
    }

    /// The URL of one of its databases.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://sealpix:{PASSWORD}@localhost:{}/{database}", self.port)
    }

    /// The URL of a new, empty database.
    pub(crate) fn database(&self) -> String {
        let name = format!("registry{}", self.databases.fetch_add(1, Ordering::Relaxed));
        ask(&self.url("postgres"), &format!("CREATE DATABASE {name}")).unwrap();
        self.url(&name)
    }

    /// The certificate of the authority that vouches for the server as `localhost`.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Every statement that the server was asked, with its parameters, and what went wrong.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// The rows that a query gives, each as one line of its columns.
pub(crate) fn ask(url: &str, sql: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    let (url, sql) = (url.to_owned(), sql.to_owned());
    // On a thread of its own, as tests that run in a runtime ask too.
    let asked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
            let connection = tokio::spawn(connection);
            let answered = client.simple_query(&sql).await?;
            drop(client);
            let _ = connection.await;
            let rows = answered.iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => {
                    let columns = (0..row.len()).map(|column| row.get(column).unwrap_or_default());
                    Some(columns.collect::<Vec<_>>().join("\t"))
                }
                _ => None,
            });
            Ok(rows.collect())
        })
    });
    asked.join().unwrap()
}

/// A program of the server: on the path, or where Debian puts those of its newest version.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<_> = versions.map(|version| version.path().join("bin").join(name)).collect();
    debian.retain(|file| file.is_file());
    debian.sort();
    on_path
        .or_else(|| debian.pop())
        .unwrap_or_else(|| panic!("PostgreSQL's {name} is missing: install its server, as `.ci/setup native` does"))
}

/// Who runs the server where the tests run as root, whom it refuses: its own user if there is one, or nobody.
fn unprivileged() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    Some(id(&["-u", "postgres"]).zip(id(&["-g", "postgres"])).unwrap_or((65_534, 65_534)))
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An authority's certificate, and one for `localhost` with its key.
fn certificates() -> [(&'static str, String); 3] {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    [("authority.pem", authority.pem()), ("server.pem", certificate.pem()), ("server.key", key.serialize_pem())]
}
