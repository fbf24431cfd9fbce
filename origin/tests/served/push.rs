//! Records pushed to an edge, which here is a small HTTP server that answers as it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use sealpix::envelope::{self, Context, Kind};
use sealpix::key::PublicKey;
use sealpix::link::{LinkId, LinkKeys, LinkSecret, PROBE, PUSH_PATH};
use sealpix::proof::{self, Direction, Facts, Proven};
use sealpix::record::{KeyRecord, KeyState, ProjectRecord};
use sealpix::wire;
use sealpix_origin::access::role::Role;
use serde_json::json;

use crate::api::Api;
use crate::harness::{Data, Made};

/// A push that proved itself and opened.
#[derive(Clone)]
struct Push {
    name: String,
    version: u64,
    link: LinkId,
    plaintext: Vec<u8>,
    at: Instant,
}

impl Push {
    fn is_revoked(&self) -> bool {
        self.name.starts_with("key:")
            && wire::from_bytes::<KeyRecord>(&self.plaintext).unwrap().state == KeyState::Revoked
    }
}

type Reply = Box<dyn FnMut(&Push) -> (u16, String) + Send>;

struct Inner {
    links: Vec<LinkKeys>,
    pushes: Vec<Push>,
    nonces: Vec<String>,
    reply: Reply,
}

/// The edge: what it was sent, and what it says to that.
#[derive(Clone)]
struct Edge {
    url: String,
    inner: Arc<(Mutex<Inner>, Condvar)>,
}

fn held(push: &Push) -> (u16, String) {
    (200, format!("held {}", push.version))
}

impl Edge {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Inner { links: Vec::new(), pushes: Vec::new(), nonces: Vec::new(), reply: Box::new(held) };
        let edge = Self { url, inner: Arc::new((Mutex::new(inner), Condvar::new())) };
        let serving = edge.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(stream.unwrap()));
            }
        });
        edge
    }

    fn data(&self, environment: &[(&str, &str)]) -> (Data, Made) {
        let data = Data::new(&[environment, &[("SEALPIX_EDGE_URL", self.url.as_str())]].concat());
        let made = data.setup(&[]);
        self.has(&[&made.edge_link]);
        (data, made)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.0.lock().unwrap()
    }

    fn has(&self, links: &[&str]) {
        self.lock().links = links.iter().map(|link| LinkSecret::parse(link).unwrap().keys()).collect();
    }

    fn says(&self, reply: impl FnMut(&Push) -> (u16, String) + Send + 'static) {
        self.lock().reply = Box::new(reply);
    }

    /// Forgets what was sent.
    fn forget(&self) {
        self.lock().pushes.clear();
    }

    /// Waits until what was sent is as it should be, and gives it.
    fn until(&self, what: &str, is_so: impl Fn(&[Push]) -> bool) -> Vec<Push> {
        let until = Instant::now() + Duration::from_secs(30);
        let mut inner = self.lock();
        while !is_so(&inner.pushes) {
            let left = until.checked_duration_since(Instant::now()).unwrap_or_else(|| panic!("never {what}"));
            inner = self.inner.1.wait_timeout(inner, left).unwrap().0;
        }
        inner.pushes.clone()
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        loop {
            let mut head = Vec::new();
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap_or(0) > 2 {
                head.push(line.trim_end().to_owned());
                line.clear();
            }
            if head.is_empty() {
                return;
            }
            assert_eq!(head[0], format!("POST {PUSH_PATH} HTTP/1.1"));
            let header = |name: &str| {
                let line = head.iter().find(|line| line.to_ascii_lowercase().starts_with(name)).unwrap();
                line.split_once(": ").unwrap().1.to_owned()
            };
            let mut body = vec![0; header("content-length").parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            let (status, text) = self.answer(&header("sealpix-proof"), &body);
            if status == 0 {
                // Never an answer.
                std::thread::park();
            }
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", text.len());
            if stream.write_all((head + &text).as_bytes()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, proof: &str, body: &[u8]) -> (u16, String) {
        let mut inner = self.lock();
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let proven = Proven { direction: Direction::OriginToEdge, method: "POST", target: PUSH_PATH, body };
        let Ok(facts) = proof::verify(&inner.links, proven, proof, now) else { return (403, String::new()) };
        assert!(!inner.nonces.contains(&facts.nonce), "a nonce twice");
        inner.nonces.push(facts.nonce);
        if body == PROBE.as_bytes() {
            return (200, "ready".to_owned());
        }
        let (stored, sealed) = std::str::from_utf8(body).unwrap().split_once('\n').unwrap();
        let (kind, name) = stored.split_once(':').unwrap();
        let kind = if kind == "key" { Kind::Key } else { Kind::Project };
        let place = Context { environment: "production", kind, name };
        let opened = envelope::open(&inner.links, place, sealed, now).unwrap();
        assert_eq!(Some(opened.link), proof::link_of(proof));
        let push = Push {
            name: stored.to_owned(),
            version: opened.stamp.version,
            link: opened.link,
            plaintext: opened.plaintext,
            at: Instant::now(),
        };
        let answer = (inner.reply)(&push);
        inner.pushes.push(push);
        self.inner.1.notify_all();
        answer
    }
}

fn waiting(data: &Data) -> u32 {
    let database = rusqlite::Connection::open(data.path().join("registry.db")).unwrap();
    database.busy_timeout(Duration::from_secs(5)).unwrap();
    database.query_row("SELECT count(*) FROM edge_outbox", [], |row| row.get(0)).unwrap()
}

/// Waits until nothing waits.
fn until_empty(data: &Data) {
    let until = Instant::now() + Duration::from_secs(30);
    while waiting(data) > 0 {
        assert!(Instant::now() < until, "the outbox is never empty");
        std::thread::yield_now();
    }
}

fn of<'a>(pushes: &'a [Push], name: &str) -> Vec<&'a Push> {
    pushes.iter().filter(|push| push.name == name).collect()
}

#[test]
fn each_change_is_pushed_once_and_leaves_the_outbox_when_it_is_acknowledged() {
    let edge = Edge::start();
    let (data, made) = edge.data(&[]);
    assert_eq!(waiting(&data), 2, "the key and the project wait, although nobody serves");
    let served = data.serve();
    let (key, project) = (format!("key:{}", made.public_key), "project:my-app");
    edge.until("both pushed", |pushes| !of(pushes, &key).is_empty() && !of(pushes, project).is_empty());
    until_empty(&data);

    edge.forget();
    data.stdout(&["keys", "revoke", &made.public_key]);
    edge.until("the revocation pushed", |pushes| of(pushes, &key).iter().any(|push| push.is_revoked()));
    until_empty(&data);
    assert_eq!(edge.lock().pushes.len(), 1, "the project did not change");

    edge.forget();
    let new: serde_json::Value =
        serde_json::from_str(&data.stdout(&["keys", "create", "--project", "my-app", "--json"])).unwrap();
    let new = new["public_key"].as_str().unwrap().to_owned();
    edge.until("the new key pushed", |pushes| !of(pushes, &format!("key:{new}")).is_empty());
    data.stdout(&["keys", "rotate", &new]);
    edge.until("the old key's end and its successor pushed", |pushes| {
        of(pushes, &format!("key:{new}")).len() == 2 && pushes.len() == 3
    });

    edge.forget();
    let elsewhere = data.path().join("gallery/elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let state = json!({ "sources": [{ "name": "gallery", "kind": "file", "root": elsewhere }] });
    assert!(data.apply(&state).status.success());
    edge.until("a source's change pushes the projects that use it", |pushes| !of(pushes, project).is_empty());
    until_empty(&data);
    assert!(data.apply(&state).status.success());
    assert_eq!(waiting(&data), 0, "what does not change is not queued");
    assert!(served.log().contains("the edge holds the record"));
}

#[test]
fn what_is_no_acknowledgement_is_sent_again_and_waits_longer_each_time() {
    let edge = Edge::start();
    let (data, made) = edge.data(&[]);
    let key = format!("key:{}", made.public_key);
    let mut tries = 0;
    let refused = key.clone();
    edge.says(move |push| {
        if push.name != refused {
            return held(push);
        }
        tries += 1;
        match tries {
            1 => (503, "held 1".to_owned()),
            2 => (200, format!("held {}", push.version - 1)),
            3 => (200, format!("stale {}", push.version + 1)),
            _ => held(push),
        }
    });
    let _served = data.serve();
    let pushes = edge.until("acknowledged at last", |pushes| of(pushes, &key).len() == 4);
    until_empty(&data);
    let at: Vec<_> = of(&pushes, &key).iter().map(|push| push.at).collect();
    for (pair, least) in at.windows(2).zip([1, 2, 4]) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(least * 1000 - 50), "{:?}", pair[1] - pair[0]);
    }
    assert_eq!(of(&pushes, "project:my-app").len(), 1, "another name does not wait");
}

#[test]
fn sig12_one_names_versions_are_in_order_one_at_a_time_and_one_a_second() {
    let edge = Edge::start();
    let (data, made) = edge.data(&[]);
    let key = format!("key:{}", made.public_key);
    let _served = data.serve();
    edge.until("pushed", |pushes| !of(pushes, &key).is_empty());
    until_empty(&data);
    let state = |minute: u64| {
        json!({ "projects": [{ "slug": "my-app", "grants": ["gallery"], "keys": [{
            "public_key": made.public_key, "secret_key": made.secret_key, "name": "first",
            "limits": { "minute": minute, "day": 100_000 },
        }] }], "sources": [] })
    };
    for minute in 1..=20 {
        assert!(data.apply(&state(minute)).status.success());
    }
    let last = |pushes: &[Push]| {
        let last = of(pushes, &key).last().map(|push| wire::from_bytes::<KeyRecord>(&push.plaintext).unwrap());
        last.is_some_and(|record| record.limits.minute == 20)
    };
    let pushes = edge.until("the last change pushed", last);
    until_empty(&data);
    let mine = of(&pushes, &key);
    assert!(mine.len() < 20, "changes within a second are one push: {}", mine.len());
    for pair in mine.windows(2) {
        assert!(pair[0].version < pair[1].version);
        assert!(pair[1].at - pair[0].at >= Duration::from_millis(950), "{:?}", pair[1].at - pair[0].at);
    }
}

#[test]
fn a_change_survives_kill_9_between_its_commit_and_its_push() {
    let edge = Edge::start();
    let (data, made) = edge.data(&[]);
    let key = format!("key:{}", made.public_key);
    let served = data.serve();
    edge.until("pushed", |pushes| !of(pushes, &key).is_empty());
    until_empty(&data);
    // Taken by the edge, never acknowledged.
    edge.says(|_| (0, String::new()));
    edge.forget();
    data.stdout(&["keys", "revoke", &made.public_key]);
    edge.until("sent", |pushes| !pushes.is_empty());
    drop(served);
    assert_eq!(waiting(&data), 1);
    edge.says(held);
    edge.forget();
    let _served = data.serve();
    edge.until("sent again", |pushes| of(pushes, &key).iter().any(|push| push.is_revoked()));
    until_empty(&data);
}

#[test]
fn everything_is_renewed_at_half_its_freshness_and_not_at_each_start() {
    let edge = Edge::start();
    let (data, _) = edge.data(&[]);
    let served = data.serve();
    edge.until("pushed", |pushes| pushes.len() >= 2);
    until_empty(&data);
    drop(served);
    edge.forget();
    let served = data.serve();
    let database = rusqlite::Connection::open(data.path().join("registry.db")).unwrap();
    database.busy_timeout(Duration::from_secs(5)).unwrap();
    let renewed: String =
        database.query_row("SELECT value FROM settings WHERE name = 'edge.renewed_at'", [], |row| row.get(0)).unwrap();
    let earlier = renewed.parse::<u64>().unwrap() - 12 * 3_600_000;
    assert_eq!(waiting(&data), 0, "a start is no renewal");
    database.execute("UPDATE settings SET value = ?1 WHERE name = 'edge.renewed_at'", [earlier.to_string()]).unwrap();
    let pushes = edge.until("renewed", |pushes| pushes.len() >= 2);
    assert_eq!(pushes.len(), 2);
    until_empty(&data);
    drop(served);
}

#[test]
fn a_pulled_record_is_pushed_too_once_a_minute() {
    let edge = Edge::start();
    let (data, made) = edge.data(&[]);
    let served = data.serve();
    edge.until("pushed", |pushes| pushes.len() >= 2);
    until_empty(&data);
    edge.forget();
    let target = format!("/api/edge/v1/records?key={}&project=my-app", made.public_key);
    let pull = |nonce: &str| {
        let keys = LinkSecret::parse(&made.edge_link).unwrap().keys();
        let time = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let facts = Facts { time, nonce: nonce.to_owned(), ..Facts::default() };
        let proven = Proven { direction: Direction::EdgeToOrigin, method: "GET", target: &target, body: b"" };
        let header = proof::prove(&keys, proven, &facts);
        served.ask("GET", &target, &[(proof::HEADER, &header)]).status
    };
    assert_eq!(pull("a"), 200);
    edge.until("both pushed", |pushes| pushes.len() == 2);
    until_empty(&data);
    assert_eq!((pull("b"), waiting(&data)), (200, 0));
    let stranger = PublicKey::from_bytes([9; 16]);
    let unknown = target.replace(&made.public_key, &stranger.to_string());
    assert_eq!(served.ask("GET", &unknown, &[]).status, 403);
    assert_eq!(edge.lock().pushes.len(), 2);
}

#[test]
fn the_link_rotates_once_the_edge_has_the_new_one() {
    let edge = Edge::start();
    let (data, made) = edge.data(&[]);
    let served = data.serve();
    edge.until("pushed", |pushes| pushes.len() >= 2);
    until_empty(&data);
    let rotated = |arguments: &[&str]| -> (String, Option<String>) {
        let printed = data.stdout(&[&["secrets", "rotate", "edge-link", "--json"], arguments].concat());
        let printed: serde_json::Value = serde_json::from_str(&printed).unwrap();
        (printed["edge_link"].as_str().unwrap().to_owned(), printed["previous"].as_str().map(str::to_owned))
    };
    let lost = rotated(&[]).0;
    // Printed, and lost before the Worker had it: the next one takes its place.
    let (new, previous) = rotated(&[]);
    assert_eq!(previous.as_deref(), Some(made.edge_link.as_str()));
    let id = |link: &str| LinkSecret::parse(link).unwrap().keys().id();
    edge.forget();
    data.stdout(&["keys", "create", "--project", "my-app"]);
    let pushes = edge.until("pushed under the old link", |pushes| !pushes.is_empty());
    assert!(pushes.iter().all(|push| push.link == id(&made.edge_link)));
    let refused = data.run(&["secrets", "retire", "edge-link"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not shown yet"));

    edge.forget();
    edge.has(&[&new, &made.edge_link]);
    edge.until("all three under the new link", |pushes| {
        pushes.iter().filter(|push| push.link == id(&new)).count() >= 3
    });
    until_empty(&data);
    assert_eq!(data.run(&["secrets", "rotate", "edge-link"]).status.code(), Some(1), "the last one is not over");
    data.stdout(&["secrets", "retire", "edge-link"]);
    assert_eq!(data.run(&["secrets", "retire", "edge-link"]).status.code(), Some(1));
    assert!(data.stdout(&["secrets", "check"]).contains(" 0 of them"));

    edge.forget();
    let (newest, previous) = rotated(&["--compromised"]);
    assert_eq!(previous, None);
    edge.has(&[&newest]);
    edge.until("all three under the newest link", |pushes| {
        pushes.iter().filter(|push| push.link == id(&newest)).count() >= 3
    });
    until_empty(&data);
    let log = served.log();
    for secret in [&lost, &new, &newest, &made.edge_link] {
        assert!(!log.contains(&secret[12..]), "SIG-13");
    }
}

#[test]
fn the_api_says_whether_the_edge_has_a_change() {
    let edge = Edge::start();
    let (data, made) = edge.data(&[]);
    let served = data.serve();
    until_empty(&data);
    let api = Api::of(&served, &data, Role::Admin);
    let named = api.patch(&format!("/keys/{}", made.public_key), &json!({ "name": "named" })).is(200);
    assert_eq!(named["edge"], "acknowledged");
    let target = made.sign("w_64", "@gallery/photo.jpg");
    let (key, operations) = (&made.public_key, "w_64");
    let signed = json!({ "project": "my-app", "key": key, "operations": operations, "source": "@gallery/photo.jpg" });
    assert_eq!(api.post("/sign", &signed).is(200)["url"], format!("{}{target}", edge.url));

    // An edge that refuses does not hold the change up, nor the answer for long.
    edge.says(|_| (503, String::new()));
    let asked = Instant::now();
    let rotated = api.post(&format!("/keys/{key}/rotate"), &json!({ "grace": "0" })).is(201);
    assert_eq!(rotated["edge"], "pending");
    assert!((5..10).contains(&asked.elapsed().as_secs()), "{:?}", asked.elapsed());

    // Its tombstone tells the edge of a project that is gone.
    edge.says(held);
    until_empty(&data);
    edge.forget();
    let new = rotated["key"]["public_key"].as_str().unwrap();
    let revoked = api.send("POST", &format!("/keys/{new}/revoke"), &[], None).is(200);
    assert_eq!(revoked["edge"], "acknowledged");
    assert_eq!(api.delete("/projects/my-app").status, 204);
    let is_tombstone = |push: &&Push| {
        let record: ProjectRecord = wire::from_bytes(&push.plaintext).unwrap();
        record.grants.is_empty() && record.epoch > 0
    };
    edge.until("told", |pushes| of(pushes, "project:my-app").iter().any(is_tombstone));
    until_empty(&data);
}
