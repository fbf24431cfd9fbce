//! `sealpix edge doctor` where the edge is away, or something else. How it finds a real Worker is in
//! `miniflare-tests/doctor.test.ts`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use sealpix::proof::ProofError;
use serde_json::{Value, json};

use crate::harness::Data;

/// What a Worker answers to its health check.
const HEALTHY: &str = "200 OK\r\nSealpix-Request-Id: 5f\r\nContent-Length: 2\r\n\r\nok";

/// A web server that answers `get` to each GET, with another request id each time, and `post` to each POST.
fn site(get: &str, post: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (get, post) = (get.to_owned(), post.to_owned());
    std::thread::spawn(move || {
        for (count, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            while reader.read_line(&mut head).unwrap() > 2 {
                let line = head.lines().last().unwrap().to_ascii_lowercase();
                length = line.strip_prefix("content-length: ").map_or(length, |length| length.parse().unwrap());
            }
            reader.read_exact(&mut vec![0; length]).unwrap();
            let answer = if head.starts_with("POST") { &post } else { &get.replace("5f", &count.to_string()) };
            let close = "\r\nConnection: close\r\n";
            stream.write_all(format!("HTTP/1.1 {}", answer.replacen("\r\n", close, 1)).as_bytes()).unwrap();
        }
    });
    url
}

/// A refusal as the Worker words it.
fn refusal(status: u16, code: &str, detail: &str) -> String {
    let body = json!({ "code": code, "detail": detail }).to_string();
    let length = body.len();
    format!("{status} X\r\nSealpix-Code: {code}\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn said(text: &str) -> String {
    format!("200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())
}

/// A line each, as `verdict what: why`.
fn examined(data: &Data, url: &str) -> String {
    let output = data.run(&["edge", "doctor", "--json", "--url", url]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(i32::from(found["healthy"] != true)), "{found}");
    found["findings"].as_array().unwrap().iter().fold(String::new(), |text, finding| {
        let line = |name: &str| finding[name].as_str().unwrap().to_owned();
        text + &format!("{} {}: {}\n", line("verdict"), line("what"), line("why"))
    })
}

#[test]
fn an_edge_that_is_away_or_another_is_found() {
    let data = Data::new(&[]);
    data.setup(&[]);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = examined(&data, &format!("http://{closed}"));
    assert_eq!(away, format!("fail answers: http://{closed}: the edge does not answer: no connection\n"));
    for get in ["404 Not Found\r\nContent-Length: 3\r\n\r\nno\n", "200 OK\r\nContent-Length: 2\r\n\r\nok"] {
        let url = site(get, "");
        let status = &get[..3];
        let found = examined(&data, &url);
        let wanted = format!("fail answers: {url} answers {status}, and not as a Sealpix Worker does");
        assert!(found.starts_with(&wanted) && found.lines().count() == 1, "{found}");
    }
}

#[test]
fn a_refusal_of_the_proof_says_what_to_do() {
    let data = Data::new(&[]);
    data.setup(&[]);
    for (answer, wanted) in [
        (
            refusal(403, "proof_required", &ProofError::UnknownLink.to_string()),
            "fail edge link: the Worker does not have link ",
        ),
        (
            refusal(403, "proof_required", &ProofError::Forged.to_string()),
            "fail edge link: the Worker has another secret as ",
        ),
        (
            refusal(403, "proof_required", &ProofError::Skewed.to_string()),
            "fail clock: the Worker's and ours are over 60 s ",
        ),
        (refusal(403, "proof_required", "\u{1b}[2J"), "fail edge link: the edge refuses with 403 proof_required: "),
        (refusal(500, "internal", ""), "fail edge link: the Worker lacks a variable or a secret, or has a wrong one"),
        (refusal(400, "malformed_url", ""), "fail edge link: the Worker is of a version without a doctor"),
        (refusal(418, "teapot", ""), "fail edge link: the edge refuses with 418: "),
        (said("ready"), "fail edge link: the edge's answer is none of a Sealpix edge: "),
        (said("{}"), "fail edge link: the edge's answer is none of a Sealpix edge: "),
        (said(&"x".repeat(20_000)), "fail edge link: the edge's answer is none of a Sealpix edge: "),
    ] {
        let found = examined(&data, &site(HEALTHY, &answer));
        assert!(found.contains("ok answers: ") && found.contains("ok before it: "), "{found}");
        assert!(found.contains(wanted), "{wanted}: {found}");
        assert_eq!(found.matches("fail ").count(), 1, "{found}");
    }
}

#[test]
fn a_cache_before_the_worker_is_found() {
    let data = Data::new(&[]);
    data.setup(&[]);
    let from_cache = HEALTHY.replacen("OK\r\n", "OK\r\nCF-Cache-Status: HIT\r\n", 1);
    let repeated = HEALTHY.replace("5f", "same");
    for healthy in [from_cache, repeated] {
        let found = examined(&data, &site(&healthy, &said("ready")));
        assert!(found.contains("fail before it: a cache stands before the Worker"), "{found}");
    }
}

#[test]
fn what_the_edge_says_steers_no_terminal() {
    let data = Data::new(&[]);
    data.setup(&[]);
    let report = json!({
        "version": "\u{1b}[2J", "engine": 1, "environment": "\u{7}", "links": ["\u{1b}c"], "counter": "\r", "limit_counts": "\u{1b}",
        "cache_host": "\n", "bindings": {}, "origin": "\u{1b}]0;x\u{7}", "origin_says": "ok", "records": [],
        "arrived": u64::MAX, "answered": 0,
    });
    let output = data.run(&["edge", "doctor", "--url", &site(HEALTHY, &said(&report.to_string()))]);
    assert_eq!(output.status.code(), Some(1));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(!printed.contains(|letter: char| letter.is_control() && letter != '\n'), "{printed:?}");
    assert!(printed.lines().all(|line| ["ok  ", "warn", "fail"].contains(&&line[..4])), "{printed}");
}

#[test]
fn it_must_know_whom_to_ask() {
    let data = Data::new(&[]);
    let doctor = |arguments: &[&str]| {
        let output = data.run(&[&["edge", "doctor"], arguments].concat());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(doctor(&["--url", "http://127.0.0.1:1"]).0, Some(1), "there is no registry");
    data.setup(&[]);
    let (code, said) = doctor(&[]);
    assert!(code == Some(1) && said.contains("set SEALPIX_EDGE_URL, or give --url"), "{said}");
    let (code, said) = doctor(&["--url", "http://img.example.com"]);
    assert!(code == Some(2) && said.contains("--url takes https://host[:port]"), "{said}");
}
