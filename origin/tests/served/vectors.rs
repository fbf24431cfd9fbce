//! The vectors, over HTTP: each target as it stands, in a request line of its own.

use std::time::{SystemTime, UNIX_EPOCH};

use sealpix::denial::Code;
use sealpix::encoding::escape;
use sealpix::key::SecretKey;
use sealpix::signature;
use serde_json::Value;

use crate::harness::Data;

const FILE: &str = include_str!("../../../shared/vectors/v1.json");

/// The codes of the gate, rows 1 to 11; what a source answers has others.
fn is_gates(code: &str) -> bool {
    Code::ALL.iter().take_while(|code| **code != Code::NotFound).any(|gate| gate.as_str() == code)
}

#[expect(clippy::disallowed_methods, reason = "the runner signs for now, as a backend does")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn target(case: &Value, state: &Value) -> String {
    if let Some(target) = case["target"].as_str() {
        return target.to_owned();
    }
    let sign = &case["sign"];
    let text = |name: &str| sign[name].as_str().unwrap();
    let mut keys = state["projects"].as_array().unwrap().iter().flat_map(|project| project["keys"].as_array().unwrap());
    let key = keys.find(|key| key["public_key"] == sign["key"]).unwrap();
    let secret = SecretKey::parse(key["secret_key"].as_str().unwrap()).unwrap();
    let (project, key) = (text("project"), text("key"));
    let mut target = format!("/{project}/{}/{}?key={key}", escape(text("operations")), escape(text("source")));
    if let Some(offset) = sign["expires_in"].as_i64() {
        target.push_str(&format!("&exp={}", now().checked_add_signed(offset).unwrap()));
    }
    let signature = signature::sign(&secret.signing_key(), &target);
    target.push_str(&format!("&sig={signature}"));
    if let Some(width) = sign["width"].as_u64() {
        target.push_str(&format!("&w={width}"));
    }
    target
}

#[test]
fn edge3_the_origin_gives_the_vectors_verdicts() {
    let file: Value = serde_json::from_str(FILE).unwrap();
    let data = Data::new(&[("SEALPIX_DELIVERY", "direct"), ("SEALPIX_SOURCE_TIMEOUT_SECS", "2")]);
    let mut state = file["state"].clone();
    for source in state["sources"].as_array_mut().unwrap() {
        source["root"] = Value::from(data.gallery().to_str().unwrap());
    }
    let applied = data.apply(&state);
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let served = data.serve();
    let cases = file["cases"].as_array().unwrap();
    let mut wrong = Vec::new();
    for case in cases {
        let method = case["method"].as_str().unwrap();
        let referer = case["referer"].as_str().map(|referer| ("Referer", referer));
        let answer = served.ask(method, &target(case, &state), referer.as_slice());
        let expected = case["raw"].as_str().unwrap();
        // HEAD has no body to read a code from: its status must be that of the code.
        let right = match (answer.code(), expected) {
            (None, "admitted") => true,
            (Some(code), "admitted") => !is_gates(&code),
            (Some(code), expected) => code == expected,
            (None, expected) => {
                let code = Code::ALL.iter().find(|code| code.as_str() == expected).unwrap();
                method == "HEAD" && answer.status == code.status()
            }
        };
        if !right {
            wrong.push(format!("{}: {expected}, was {} {:?}", case["id"], answer.status, answer.code()));
        }
    }
    println!("vectors: origin {}", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
