//! The audit log over the API and by command, and its export, verified by others than us.

use std::path::PathBuf;
use std::process::Command;

use sealpix_origin::access::role::Role;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::{Data, Served};
use crate::machine::{call, get, send, token};

/// Does to the registry what nobody may.
fn tamper(data: &Data, sql: &str) {
    match &data.server {
        Some((_, url)) => drop(crate::server::ask(url, sql).unwrap()),
        None => rusqlite::Connection::open(data.path().join("registry.db")).unwrap().execute_batch(sql).unwrap(),
    }
}

fn export(served: &Served, admin: &str) -> String {
    let authorization = format!("Bearer {admin}");
    let answer = served.ask("GET", "/api/v1/audit/export", &[("Authorization", &authorization)]);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-ndjson")));
    unchunked(&answer.body)
}

/// A body in chunks, joined.
fn unchunked(mut body: &[u8]) -> String {
    let mut out = Vec::new();
    loop {
        let end = body.windows(2).position(|window| window == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return String::from_utf8(out).unwrap();
        }
        out.extend_from_slice(&body[end + 2..end + 2 + length]);
        body = &body[end + 2 + length + 2..];
    }
}

/// The documented chain, from the JSON alone: the number at which it breaks.
fn broken_at(export: &str) -> Option<u64> {
    let (mut number, mut previous) = (0, "0".repeat(64));
    for line in export.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let mut message = Vec::new();
        let mut field = |bytes: &[u8]| {
            message.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            message.extend_from_slice(bytes);
        };
        field(b"sealpix/audit/v1");
        field(previous.as_bytes());
        for name in ["seq", "at"] {
            field(&entry[name].as_u64().unwrap().to_be_bytes());
        }
        for name in ["action", "actor_kind", "actor", "target"] {
            field(entry[name].as_str().unwrap().as_bytes());
        }
        for name in ["address", "request_id", "before", "after"] {
            match entry[name].as_str() {
                Some(text) => {
                    field(b"+");
                    field(text.as_bytes());
                }
                None => field(b"-"),
            }
        }
        let hash: String = Sha256::digest(&message).iter().map(|byte| format!("{byte:02x}")).collect();
        let follows = entry["seq"] == number + 1 && entry["previous"] == previous.as_str();
        if !follows || entry["hash"] != hash.as_str() {
            return Some(number + 1);
        }
        (number, previous) = (number + 1, hash);
    }
    None
}

/// Exit code and output of the documentation's example on an export.
fn by_example(data: &Data, export: &str) -> (Option<i32>, String) {
    let file = data.path().join("audit.ndjson");
    std::fs::write(&file, export).unwrap();
    let example = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/verify_audit.py");
    let output = Command::new("python3").arg(example).arg(&file).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn exported_and_verified(data: &Data) {
    data.setup(&[]);
    let admin = token(data, Role::Admin);
    let served = data.serve();
    for slug in ["first-app", "second-app"] {
        let state = json!({"projects": [{"slug": slug, "presets": {"größe": "w_1"}}]});
        let without = json!({"projects": [{"slug": slug}]});
        assert!(!data.apply(&state).status.success() && data.apply(&without).status.success());
    }
    let verification = get(&served, &admin, "/audit/verification");
    assert_eq!((&verification["intact"], &verification["first"]), (&true.into(), &1.into()));
    let last = verification["last"].as_u64().unwrap();
    let whole = export(&served, &admin);
    assert_eq!((whole.lines().count() as u64, broken_at(&whole)), (last, None));
    assert_eq!(data.stdout(&["audit", "export"]), whole);
    assert_eq!(by_example(data, &whole), (Some(0), String::new()));
    let file = data.path().join("audit.ndjson").display().to_string();
    let verified = data.stdout(&["audit", "verify", "--file", &file, "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&verified).unwrap(), verification);
    assert_eq!(data.stdout(&["audit", "verify"]), format!("intact: entries 1 to {last}\n"));

    // The list is the same entries, the newest first, in pages.
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(&served, &admin, &format!("/audit?limit=3{cursor}"));
        listed.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let mut lines: Vec<Value> = whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.reverse();
    for line in &mut lines {
        line.as_object_mut().unwrap().remove("previous");
    }
    assert_eq!(listed, lines);
    let found = get(&served, &admin, "/audit?action=project.create&target=project%20first-app");
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    let printed: Value =
        serde_json::from_str(&data.stdout(&["audit", "list", "--action", "project.create", "--json"])).unwrap();
    assert_eq!(printed[0]["target"], "project second-app");
    assert!(data.stdout(&["audit", "list", "--limit", "1"]).lines().count() == 1);

    // In the file.
    let number = found["items"][0]["seq"].as_u64().unwrap();
    let changed = whole.replacen("project first-app", "project thief-app", 1);
    let shortened: String =
        whole.split_inclusive('\n').enumerate().filter(|(at, _)| *at != 2).map(|(_, line)| line).collect();
    for (tampered, at) in [(changed, number), (shortened, 3)] {
        assert_eq!(broken_at(&tampered), Some(at));
        assert_eq!(by_example(data, &tampered), (Some(1), format!("broken at entry {at}\n")));
        let refused = data.run(&["audit", "verify", "--file", &file]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stdout).starts_with(&format!("broken at entry {at}:")));
    }
    std::fs::write(data.path().join("audit.ndjson"), "hello\n").unwrap();
    assert_eq!(data.run(&["audit", "verify", "--file", &file]).status.code(), Some(1));

    // In the database.
    tamper(data, &format!("UPDATE audit_log SET actor = 'nobody' WHERE seq = {number}"));
    let broken = json!({"intact": false, "broken_at": number});
    assert_eq!(get(&served, &admin, "/audit/verification"), broken);
    assert_eq!(broken_at(&export(&served, &admin)), Some(number));
    let refused = data.run(&["audit", "verify", "--json"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(serde_json::from_slice::<Value>(&refused.stdout).unwrap(), broken);
}

#[test]
fn an_export_is_verified_from_the_file_alone_and_tampering_is_found() {
    exported_and_verified(&Data::new(&[]));
}

#[test]
fn an_export_of_postgresql_is_verified_too() {
    exported_and_verified(&Data::on_postgres(&[]));
}

#[test]
fn the_audit_log_is_the_administrators() {
    let data = Data::new(&[]);
    data.setup(&[]);
    let editor = token(&data, Role::Editor);
    let served = data.serve();
    for path in ["/audit", "/audit/export", "/audit/verification"] {
        assert_eq!(call(&served, &editor, "GET", path, None).0, 403, "{path}");
        assert_eq!(send(&served, "GET", &format!("/api/v1{path}"), &[], b"").status, 401, "{path}");
    }
}
