//! `kill -9` into key rotations: what was acknowledged is there, and no rotation is half there.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Read as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use sealpix::key::{PublicKey, SecretKey};
use serde_json::{Value, json};

use crate::harness::Data;

const ROUNDS: u64 = 10;

/// Rotations at once in a round. The first two are left alone, so that some are acknowledged whatever the machine.
const AT_ONCE: u64 = 8;

#[test]
fn rotations_killed_at_random_are_whole_or_not_there_on_sqlite() {
    kill_rotations(&Data::new(&[]));
}

#[test]
fn rotations_killed_at_random_are_whole_or_not_there_on_postgres() {
    kill_rotations(&Data::on_postgres(&[]));
}

fn kill_rotations(data: &Data) {
    let made = data.setup(&[]);
    let began = Instant::now();
    data.stdout(&["keys", "rotate", &made.public_key]);
    // Kills fall anywhere into a rotation, and somewhat behind its end: slower where eight run at once.
    let span_micros = u64::try_from(began.elapsed().as_micros()).unwrap() * AT_ONCE / 2;
    let random = RandomState::new();

    let keys: Vec<String> = (0..ROUNDS * AT_ONCE)
        .map(|number| PublicKey::from_bytes([u8::try_from(number).unwrap(); 16]).to_string())
        .collect();
    let declared: Vec<Value> = keys
        .iter()
        .enumerate()
        .map(|(number, key)| {
            let secret = SecretKey::from_bytes([u8::try_from(number + 1).unwrap(); 32]).unwrap();
            json!({"public_key": key, "secret_key": *secret.reveal(), "name": key})
        })
        .collect();
    let applied = data.apply(&json!({"projects": [{"slug": "my-app", "keys": declared}]}));
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));

    let mut acknowledged = HashMap::new();
    let mut killed = 0;
    for round in keys.chunks(usize::try_from(AT_ONCE).unwrap()) {
        let rotated: Vec<_> = std::thread::scope(|scope| {
            let rotations: Vec<_> = round
                .iter()
                .enumerate()
                .map(|(place, key)| {
                    let patience = Duration::from_micros(random.hash_one(key) % span_micros);
                    scope.spawn(move || (key.clone(), rotate(data, key, (place >= 2).then_some(patience))))
                })
                .collect();
            rotations.into_iter().map(|rotation| rotation.join().unwrap()).collect()
        });
        for (old, new) in rotated {
            match new {
                Some(new) => drop(acknowledged.insert(old, new)),
                None => killed += 1,
            }
        }
    }

    let listed: Value = serde_json::from_str(&data.stdout(&["keys", "list", "--json"])).unwrap();
    let mut unacknowledged = 0;
    for key in &keys {
        let named: Vec<&Value> = listed.as_array().unwrap().iter().filter(|held| held["name"] == **key).collect();
        let old = named.iter().find(|held| held["public_key"] == **key).unwrap();
        let new: Vec<_> = named.iter().filter(|held| held["public_key"] != **key).collect();
        assert!(new.len() <= 1);
        assert_eq!(old["not_after"].is_null(), new.is_empty(), "half a rotation of {key}");
        match acknowledged.get(key) {
            Some(acknowledged) => assert_eq!(new[0]["public_key"], *acknowledged, "an acknowledged rotation is lost"),
            None => unacknowledged += new.len(),
        }
    }
    assert!(data.stdout(&["secrets", "check"]).contains(" 0 of them do not open"));
    println!(
        "kill -9: {} rotations acknowledged, {killed} killed before, of which {unacknowledged} had been committed",
        acknowledged.len()
    );
    assert!(acknowledged.len() as u64 >= 2 * ROUNDS);
}

/// Rotates a key; the process is killed when its time is up. What it printed in full is acknowledged.
fn rotate(data: &Data, key: &str, patience: Option<Duration>) -> Option<Value> {
    let mut command = data.command(&["keys", "rotate", key, "--json"]);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    if let Some(patience) = patience {
        std::thread::sleep(patience);
        let _ = process.kill();
    }
    let (mut printed, mut said) = (String::new(), String::new());
    process.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let done = process.wait().unwrap();
    assert!(patience.is_some() || done.success(), "{said}");
    let made: Value = serde_json::from_str(&printed).ok()?;
    Some(made["public_key"].clone())
}
