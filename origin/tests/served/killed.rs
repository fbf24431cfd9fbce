//! `kill -9` of the server into key rotations: what it acknowledged is there, and no rotation is half there.
//!
//! Several clients rotate through the admin API, each its own key and then the new one, as fast as they are answered;
//! the server is killed at a random moment and started again. 10 rounds, or 50 with `SEALPIX_SOAK=1` (`make soak`).

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::accounts::client::{Person, first_admin};
use crate::harness::{Answer, Data, Made, Served};

/// Clients that rotate at once.
const CLIENTS: usize = 6;

/// Rotations that each round acknowledges before the kill is due.
const BEFORE_KILL: usize = 6;

/// The kill falls anywhere into this time behind them: some rotations long.
const SPAN_MICROS: u64 = 60_000;

#[test]
fn rotations_of_a_killed_server_are_whole_or_not_there_on_sqlite() {
    kill_rotations("sqlite", &Data::new(&[("SEALPIX_DELIVERY", "direct")]));
}

#[test]
fn rotations_of_a_killed_server_are_whole_or_not_there_on_postgres() {
    kill_rotations("postgres", &Data::on_postgres(&[("SEALPIX_DELIVERY", "direct")]));
}

/// A rotation that was answered.
struct Acknowledged {
    old: String,
    new: String,
    secret: String,
}

fn kill_rotations(database: &str, data: &Data) {
    let rounds = if std::env::var_os("SEALPIX_SOAK").is_some() { 50 } else { 10 };
    data.setup(&[]);
    let mut served = data.serve();
    let token = served.setup_token.clone().unwrap();
    let admin = Person::of(&served.call("POST", "/setup", &[], Some(&first_admin(&token))));
    for name in 0..CLIENTS {
        let key = json!({ "name": format!("client {name}") });
        let made = admin.call(&served, "POST", "/projects/my-app/keys", Some(&key));
        assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.body));
    }

    let random = RandomState::new();
    let mut acknowledged: Vec<Acknowledged> = Vec::new();
    for round in 0..rounds {
        let patience = Duration::from_micros(random.hash_one(round) % SPAN_MICROS);
        let fresh = kill_while_rotating(served, &admin.token, live_keys(data).into_values(), patience);
        served = data.serve();
        verify(&served, &fresh);
        acknowledged.extend(fresh);
    }
    verify(&served, &acknowledged);

    let committed = rotations_in(data);
    for rotation in &acknowledged {
        let entries = committed.iter().filter(|(old, new)| *old == rotation.old && *new == rotation.new).count();
        assert_eq!(entries, 1, "the audit log has one entry for {}", rotation.old);
    }
    let unacknowledged = committed.len() - acknowledged.len();
    assert!(unacknowledged <= CLIENTS * rounds, "more than were under way: {unacknowledged}");
    let rotated: BTreeSet<_> = committed.iter().map(|(old, _)| old).collect();
    assert_eq!(rotated.len(), committed.len(), "a key was rotated twice");
    let keys = listed(data).len();
    // The first key is setup's.
    assert_eq!(keys, 1 + CLIENTS + committed.len(), "a key without its rotation, or a rotation without its key");
    assert!(data.stdout(&["secrets", "check"]).contains(" 0 of them do not open"));
    let doctor: Value = serde_json::from_slice(&data.run(&["doctor", "--json"]).stdout).unwrap();
    let chain = doctor["findings"].as_array().unwrap().iter().find(|finding| finding["what"] == "audit log").unwrap();
    assert_eq!(chain["verdict"], "ok", "{chain}");
    println!(
        "kill -9: {database} {rounds} rounds, {} acknowledged, 0 lost ({unacknowledged} committed unanswered)",
        acknowledged.len()
    );
    assert!(acknowledged.len() >= BEFORE_KILL * rounds);
}

/// Rotates until the server is gone; the rotations that it answered.
fn kill_while_rotating(
    served: Served,
    token: &str,
    keys: impl Iterator<Item = String>,
    patience: Duration,
) -> Vec<Acknowledged> {
    let address = served.address().to_owned();
    let (answered, answers) = mpsc::channel();
    let clients: Vec<_> = keys
        .map(|mut key| {
            let (address, token, answered) = (address.clone(), token.to_owned(), answered.clone());
            std::thread::spawn(move || {
                while let Some(rotation) = rotate(&address, &token, &key) {
                    key.clone_from(&rotation.new);
                    answered.send(rotation).unwrap();
                }
            })
        })
        .collect();
    drop(answered);
    assert_eq!(clients.len(), CLIENTS);
    let mut acknowledged: Vec<_> = answers.iter().take(BEFORE_KILL).collect();
    std::thread::sleep(patience);
    drop(served);
    acknowledged.extend(answers);
    clients.into_iter().for_each(|client| client.join().unwrap());
    acknowledged
}

/// A rotation without grace; none where the answer did not come whole.
fn rotate(address: &str, token: &str, key: &str) -> Option<Acknowledged> {
    let body = r#"{"grace":"0"}"#;
    let request = format!(
        "POST /api/v1/keys/{key}/rotate HTTP/1.1\r\nHost: origin.test\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(request.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let answer = bytes.windows(4).any(|window| window == b"\r\n\r\n").then(|| Answer::parse(&bytes))?;
    let made: Value = serde_json::from_slice(&answer.body).ok()?;
    assert_eq!(answer.status, 201, "{made}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Some(Acknowledged { old: key.to_owned(), new: text(&made["key"]["public_key"]), secret: text(&made["secret_key"]) })
}

/// Each new key verifies, unless it was rotated too; each old one has ended.
fn verify(served: &Served, rotations: &[Acknowledged]) {
    let ended: BTreeSet<_> = rotations.iter().map(|rotation| rotation.old.as_str()).collect();
    for rotation in rotations {
        let made =
            Made { public_key: rotation.new.clone(), secret_key: rotation.secret.clone(), edge_link: String::new() };
        let code = served.get(&made.sign("w_10", "@gallery/missing.jpg")).code();
        let code = code.as_deref().unwrap_or_default();
        // A key whose own rotation was under way at a kill may have ended as well.
        let expected = if ended.contains(rotation.new.as_str()) {
            &["key_expired"][..]
        } else {
            &["source_not_found", "key_expired"]
        };
        assert!(expected.contains(&code), "{} after its rotation: {code}", rotation.new);
    }
}

fn listed(data: &Data) -> Vec<Value> {
    serde_json::from_str(&data.stdout(&["keys", "list", "--json"])).unwrap()
}

/// Each client's one key that has no end: half a rotation would leave none, or two.
fn live_keys(data: &Data) -> BTreeMap<String, String> {
    let mut live = BTreeMap::new();
    for key in listed(data) {
        let name = key["name"].as_str().unwrap();
        if name.starts_with("client ") && key["not_after"].is_null() {
            let public_key = key["public_key"].as_str().unwrap().to_owned();
            assert!(live.insert(name.to_owned(), public_key).is_none(), "{name} has two keys: half a rotation");
        }
    }
    assert_eq!(live.len(), CLIENTS, "a client has no key: half a rotation");
    live
}

/// Every rotation in the audit log, as a backup has it: the old key and the new one.
fn rotations_in(data: &Data) -> Vec<(String, String)> {
    let file = data.path().join("backup");
    data.stdout(&["registry", "backup", file.to_str().unwrap()]);
    let text = std::fs::read_to_string(file).unwrap();
    let rows = text.lines().filter_map(|line| serde_json::from_str::<Vec<Value>>(line).ok());
    let rotations = rows.filter(|row| row[0] == "audit_log" && row[3] == "key.rotate");
    rotations
        .map(|row| {
            let after: Value = serde_json::from_str(row[10].as_str().unwrap()).unwrap();
            let old = row[8].as_str().unwrap().strip_prefix("key ").unwrap().to_owned();
            (old, after["new_key"].as_str().unwrap().to_owned())
        })
        .collect()
}
