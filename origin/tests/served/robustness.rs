//! What operators and strangers do to a running origin: repeated commands, old files, crowds, stalled clients.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Data, Made};

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/freespace-1mp.jpg");

fn state(data: &Data, made: &Made) -> Value {
    json!({"sources": [{"name": "gallery", "kind": "file", "root": data.gallery()}], "projects": [{
        "slug": "my-app", "grants": ["gallery"],
        "keys": [{"public_key": made.public_key, "secret_key": made.secret_key}],
    }]})
}

fn keys(data: &Data) -> Vec<Value> {
    serde_json::from_str(&data.stdout(&["keys", "list", "--json"])).unwrap()
}

#[test]
fn an_old_state_file_revives_no_key() {
    let data = Data::new(&[]);
    let made = data.setup(&[]);
    let state = state(&data, &made);
    assert!(data.apply(&state).status.success());
    data.stdout(&["keys", "rotate", &made.public_key, "--grace", "1h"]);
    let end = keys(&data)[0]["not_after"].clone();
    assert!(end.is_u64());
    assert!(data.apply(&state).status.success());
    assert_eq!(keys(&data)[0]["not_after"], end, "an end only comes closer");
    data.stdout(&["keys", "revoke", &made.public_key]);
    let revived = data.apply(&state);
    assert!(String::from_utf8_lossy(&revived.stderr).contains("was revoked, for good"));
    assert_eq!(keys(&data)[0]["state"], "revoked");
}

#[test]
fn a_key_is_rotated_once_whoever_asks_how_often() {
    let data = Data::new(&[]);
    let made = data.setup(&[]);
    let asked: Vec<_> = (0..4)
        .map(|_| {
            let mut command = data.command(&["keys", "rotate", &made.public_key, "--grace", "1h"]);
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    let done = asked.into_iter().filter_map(|mut child| child.wait().unwrap().success().then_some(())).count();
    assert_eq!((done, keys(&data).len()), (1, 2));
}

#[test]
fn adm1_setups_at_once_make_one_project_and_one_key() {
    let data = Data::new(&[]);
    let asked: Vec<_> = (0..6)
        .map(|_| data.command(&["setup", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
        .collect();
    let told: Vec<_> = asked.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let told: Vec<_> = told.iter().filter(|output| output.status.success()).collect();
    assert_eq!((told.len(), keys(&data).len()), (1, 1));
    assert!(data.stdout(&["secrets", "check"]).contains("5 sealed secrets, 0 of them"));
}

#[test]
fn a_setup_that_cannot_write_its_file_leaves_nothing_behind() {
    let data = Data::new(&[]);
    let refused = data.run(&["setup", "--dev-vars", "/nowhere/dev.vars"]);
    assert_eq!(refused.status.code(), Some(1));
    let file = data.path().join("dev.vars");
    std::fs::write(&file, "OTHER=1\nSEALPIX_EDGE_LINK=old\n").unwrap();
    let made = data.setup(&["--dev-vars", file.to_str().unwrap()]);
    let held = std::fs::read_to_string(&file).unwrap();
    assert_eq!(held, format!("OTHER=1\nSEALPIX_EDGE_LINK={}\n", made.edge_link));
}

#[test]
fn sig13_a_state_file_with_a_misplaced_secret_is_refused_without_repeating_it() {
    let data = Data::new(&[]);
    let made = data.setup(&[]);
    for wrong in [
        json!({"projects": [{"slug": "my-app", "environment": made.secret_key}]}),
        json!({"projects": [{"slug": "my-app", "grants": made.secret_key}]}),
        json!({"projects": made.edge_link}),
    ] {
        let refused = data.apply(&wrong);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            said.contains("(a secret)") && !said.contains(&made.secret_key) && !said.contains(&made.edge_link),
            "{said}"
        );
    }
    let rules: Vec<String> = (0..6_000).map(|number| format!("host-{number}.of-a-long-list.example.com")).collect();
    let large = data.apply(&json!({"projects": [{"slug": "my-app", "sources": rules}]}));
    assert!(String::from_utf8_lossy(&large.stderr).contains("larger than 131072 bytes"));
}

#[test]
fn a_folder_that_was_replaced_is_opened_anew() {
    let data = Data::new(&[
        ("SEALPIX_DELIVERY", "direct"),
        ("SEALPIX_DERIVATIVE_MEMORY_BYTES", "0"),
        ("SEALPIX_DERIVATIVE_DISK_BYTES", "0"),
    ]);
    let made = data.setup(&[]);
    let served = data.serve();
    let target = made.sign("w_20", "@gallery/photo.jpg");
    assert_eq!(served.get(&target).status, 404);
    std::fs::rename(data.gallery(), data.path().join("old")).unwrap();
    std::fs::create_dir(data.gallery()).unwrap();
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    assert_eq!(served.get(&target).status, 200);
    let etag = served.get(&target).header("etag").unwrap().to_owned();
    std::fs::write(data.gallery().join("photo.jpg"), [PHOTO, b"x"].concat()).unwrap();
    assert_ne!(served.get(&target).header("etag").unwrap(), etag, "a changed source changes its ETag");
}

#[test]
fn ops2_a_crowd_of_large_sources_is_answered_and_memory_stays_bounded() {
    let data = Data::new(&[("SEALPIX_DELIVERY", "direct")]);
    std::fs::write(data.gallery().join("large.jpg"), vec![b'x'; 30 << 20]).unwrap();
    let made = data.setup(&[]);
    let served = data.serve();
    let targets: Vec<_> = (1..=80).map(|width| made.sign(&format!("w_{width}"), "@gallery/large.jpg")).collect();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asked: Vec<_> = targets.iter().map(|target| scope.spawn(|| served.get(target))).collect();
        asked
            .into_iter()
            .map(|answer| {
                let answer = answer.join().unwrap();
                if answer.status == 503 {
                    assert_eq!(answer.code().as_deref(), Some("overloaded"));
                    assert!(answer.header("retry-after").is_some());
                }
                answer.status
            })
            .collect()
    });
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    println!("crowd of 80: {} worked, {} shed, peak RSS {} MiB", count(415), count(503), served.peak_mib());
    assert_eq!(count(415) + count(503), 80, "{statuses:?}");
    assert!(count(415) >= 2);
    assert!(served.peak_mib() < 900);
    assert!(served.is_alive());
}

#[test]
fn a_running_request_ends_after_sigterm_and_a_stalled_client_does_not_hold_the_process() {
    let data = Data::new(&[("SEALPIX_DELIVERY", "direct")]);
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    let made = data.setup(&[]);
    let served = data.serve();
    let mut stalled = TcpStream::connect(served.address()).unwrap();
    stalled.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
    let mut running = TcpStream::connect(served.address()).unwrap();
    let target = made.sign("w_1200,f_avif", "@gallery/photo.jpg");
    write!(running, "GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let asked = Instant::now();
    let ended = std::thread::spawn(move || served.terminate());
    let mut answer = Vec::new();
    running.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"), "{}", String::from_utf8_lossy(&answer[..answer.len().min(200)]));
    assert_eq!(ended.join().unwrap(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(40), "{:?}", asked.elapsed());
}

#[test]
fn edge2_one_protocol_one_host() {
    let data = Data::new(&[("SEALPIX_DELIVERY", "direct")]);
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    let made = data.setup(&[]);
    let served = data.serve();
    let target = made.sign("w_20", "@gallery/photo.jpg");
    let twice = served.ask("GET", &target, &[("Host", "other.example.com")]);
    assert_eq!(twice.code().as_deref(), Some("malformed_url"));
    let mut stream = TcpStream::connect(served.address()).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(&[0, 0]), "no HTTP/2 frame comes back");
    for path in ["/healthz", "/readyz"] {
        assert_eq!(served.get(path).header("x-content-type-options"), Some("nosniff"), "HDR-1");
    }
}

/// A connection from an address of this machine.
fn from(address: &str, to: &str) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
        socket.connect(to.parse().unwrap()).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn said(mut stream: TcpStream, request: &str) -> String {
    let mut text = String::new();
    let _ = stream.write_all(request.as_bytes());
    let _ = stream.read_to_string(&mut text);
    text
}

#[test]
fn ops1_one_address_leaves_room_for_the_others() {
    const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let data = Data::new(&[("SEALPIX_MAX_CONNECTIONS_PER_ADDRESS", "8")]);
    data.setup(&[]);
    let served = data.serve();
    let mut held: Vec<_> = (0..8).map(|_| from("127.0.0.2", served.address())).collect();
    // Each has been accepted when it is answered.
    for stream in &mut held {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        stream.read_exact(&mut [0; 12]).unwrap();
    }
    assert_eq!(said(from("127.0.0.2", served.address()), HEALTH), "", "a ninth connection of one address");
    assert!(said(from("127.0.0.3", served.address()), HEALTH).starts_with("HTTP/1.1 200"));
    drop(held);
    let until = Instant::now() + Duration::from_secs(10);
    while !said(from("127.0.0.2", served.address()), HEALTH).starts_with("HTTP/1.1 200") {
        assert!(Instant::now() < until, "its places are never given back");
    }
}

#[test]
fn ops1_a_body_that_trickles_is_not_waited_for() {
    let data = Data::new(&[]);
    data.setup(&[]);
    let served = data.serve();
    let began = Instant::now();
    let head =
        "POST /api/v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{";
    let mut stream = from("127.0.0.1", served.address());
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
