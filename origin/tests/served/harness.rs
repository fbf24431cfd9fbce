//! Starts `sealpix` in a folder of its own, and asks it byte for byte.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealpix::key::{PublicKey, SecretKey};
use sealpix::operations::Operations;
use sealpix::source::Source;
use sealpix::target::{Request, Slug};
use serde_json::Value;

use crate::server::Server;

/// The user that the binary runs as where the tests run as root, who may read every file: nobody.
const UNPRIVILEGED: u32 = 65_534;

/// A master secret.
pub(crate) const MASTER: &str = "a master secret that is long enough to be one";

/// A data folder and the environment that commands see.
pub(crate) struct Data {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
    as_nobody: bool,
    /// The PostgreSQL server of its registry, if it has one, and the database's URL.
    pub(crate) server: Option<(Arc<Server>, String)>,
}

impl Data {
    pub(crate) fn new(environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("data/gallery")).unwrap();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { folder, environment, as_nobody: false, server: None }
    }

    /// The same folder, with this environment.
    pub(crate) fn with(self, environment: &[(&str, &str)]) -> Self {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { environment, ..self }
    }

    /// With its registry in a new PostgreSQL database.
    pub(crate) fn on_postgres(environment: &[(&str, &str)]) -> Self {
        let server = Server::shared();
        let url = server.database();
        let secrets = [("DATABASE_URL", url.as_str()), ("MASTER_SECRET", MASTER)];
        Self { server: Some((server, url.clone())), ..Self::new(&[&secrets, environment].concat()) }
    }

    /// Commands from now on run without root's powers, if the tests have them.
    pub(crate) fn give_up_root(&mut self) {
        let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        self.as_nobody = is_root;
        if is_root {
            std::fs::set_permissions(self.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
            let mut folders = vec![self.path()];
            while let Some(path) = folders.pop() {
                chown(&path, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).unwrap();
                if path.is_dir() {
                    folders.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                }
            }
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn gallery(&self) -> PathBuf {
        self.path().join("gallery")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealpix"));
        command.env_clear().env("SEALPIX_DATA_DIR", self.path()).args(arguments);
        // Crowds come from this machine's one address.
        command.env("SEALPIX_MAX_CONNECTIONS_PER_ADDRESS", "1000");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if self.as_nobody {
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What the command prints; it must succeed.
    pub(crate) fn stdout(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn apply(&self, state: &Value) -> Output {
        let file = self.folder.path().join("state.json");
        std::fs::write(&file, state.to_string()).unwrap();
        self.run(&["registry", "apply", file.to_str().unwrap()])
    }

    pub(crate) fn setup(&self, arguments: &[&str]) -> Made {
        let printed = self.stdout(&[&["setup", "--json"], arguments].concat());
        let made: Value = serde_json::from_str(&printed).unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Made { public_key: text("public_key"), secret_key: text("secret_key"), edge_link: text("edge_link") }
    }

    pub(crate) fn serve(&self) -> Served {
        Served::start(self.command(&["serve", "--listen", "127.0.0.1:0"]))
    }
}

/// What `setup` printed.
pub(crate) struct Made {
    pub(crate) public_key: String,
    pub(crate) secret_key: String,
    pub(crate) edge_link: String,
}

impl Made {
    /// A signed target of `my-app`.
    pub(crate) fn sign(&self, operations: &str, source: &str) -> String {
        self.sign_for("my-app", operations, source)
    }

    /// A signed target of another project.
    pub(crate) fn sign_for(&self, project: &str, operations: &str, source: &str) -> String {
        let request = Request {
            project: Slug::new(project).unwrap(),
            operations: Operations::read(operations).unwrap(),
            source: Source::read(source).unwrap(),
            key: PublicKey::parse(&self.public_key).unwrap(),
            expires: None,
        };
        request.sign(&SecretKey::parse(&self.secret_key).unwrap().signing_key()).unwrap()
    }
}

/// A running server; stopped when dropped.
pub(crate) struct Served {
    child: Child,
    address: String,
    metrics: Option<String>,
    log: Arc<Mutex<String>>,
    /// What the first run printed, if this was one.
    pub(crate) setup_token: Option<String>,
}

impl Served {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (kept, stderr) = (Arc::clone(&log), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = kept.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let (mut metrics, mut address, mut setup_token) = (None, None, None);
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            if let Some(url) = line.strip_prefix("metrics on http://") {
                metrics = Some(url.strip_suffix("/metrics").unwrap().to_owned());
            }
            if line.starts_with("first run: ") {
                setup_token = line.rsplit(' ').next().map(str::to_owned);
            }
            if let Some((_, bound)) = line.strip_prefix("listening on ").and_then(|url| url.split_once("://")) {
                address = Some(bound.to_owned());
                break;
            }
        }
        let address = address.unwrap_or_else(|| panic!("it did not start: {}", log.lock().unwrap()));
        Self { child, address, metrics, log, setup_token }
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[])
    }

    /// Sends a request line and headers as they are given, nothing repaired.
    pub(crate) fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        ask(connected(&self.address), method, target, headers)
    }

    /// Sends JSON, if there is any, to a route of the admin API.
    pub(crate) fn call(&self, method: &str, route: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut all = headers.to_vec();
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "Content-Type") {
            all.push(("Content-Type", "application/json"));
        }
        self.send(method, &format!("/api/v1{route}"), &all, body.as_bytes())
    }

    /// As [`Self::ask`], with a body.
    pub(crate) fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        send(connected(&self.address), method, target, headers, body)
    }

    /// Asks on the operator's port.
    pub(crate) fn operate(&self, target: &str) -> Answer {
        ask(connected(self.metrics.as_deref().unwrap()), "GET", target, &[])
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The most memory the process has held, in MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    pub(crate) fn is_alive(&self) -> bool {
        Path::new(&format!("/proc/{}/exe", self.child.id())).exists() && self.get("/healthz").status == 200
    }

    /// SIGTERM, without waiting for the end.
    pub(crate) fn ask_to_end(&self) {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
    }

    /// SIGTERM, and the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.ask_to_end();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection that gives up after a minute.
pub(crate) fn connected(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Sends one request, as it is given, and reads the answer to its end.
pub(crate) fn ask(stream: impl Read + Write, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    send(stream, method, target, headers, b"")
}

fn send(mut stream: impl Read + Write, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut request = format!("{method} {target} HTTP/1.1\r\nHost: origin.test\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    stream.write_all(&[request.as_bytes(), body].concat()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    Answer::parse(&bytes)
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer, but {bytes:?}"));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        });
        Self { status, headers: headers.collect(), body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }

    /// The body, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The denial's code, if it is one.
    pub(crate) fn code(&self) -> Option<String> {
        let problem: Value = serde_json::from_slice(&self.body).ok()?;
        problem["code"].as_str().map(str::to_owned)
    }
}
