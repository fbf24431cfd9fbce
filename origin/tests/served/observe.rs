//! What an operator sees: metrics, the name of a request, readiness; and TLS that ends at the origin.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::harness::{Answer, Data, Made, Served, ask, connected};

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/freespace-1mp.jpg");

const HSTS: &str = "strict-transport-security";

fn served(environment: &[(&str, &str)]) -> (Data, Made, Served) {
    let common = [("SEALPIX_DELIVERY", "direct"), ("SEALPIX_METRICS_LISTEN", "127.0.0.1:0")];
    let mut data = Data::new(&[&common, environment].concat());
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    let made = data.setup(&[]);
    data.give_up_root();
    let served = data.serve();
    (data, made, served)
}

/// Asks again until the answer is as it should be; what a check found is good for a second.
fn until(mut asked: impl FnMut() -> Answer, right: impl Fn(&Answer) -> bool) -> Answer {
    let began = Instant::now();
    loop {
        let answer = asked();
        if right(&answer) {
            return answer;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{} {:?}", answer.status, answer.code());
        std::thread::yield_now();
    }
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn metrics_count_what_was_answered_and_hold_no_byte_of_a_client() {
    let (_data, made, served) = served(&[]);
    let target = made.sign("w_60,f_png", "@gallery/photo.jpg");
    let etag = served.get(&target).header("etag").unwrap().to_owned();
    assert_eq!(served.ask("GET", &target, &[("If-None-Match", &etag)]).status, 304);
    let claims = [("X-Request-Id", "zzclient-1"), ("Referer", "https://zzclient.example/"), ("Accept", "zz/client")];
    served.ask("GET", "/zzclient/_/zzclient.example/a.jpg?key=zzclient&sig=zzclient", &claims);
    served.ask("ZZCLIENT", "/zzclient", &claims);
    served.ask("ZZCLIENT", "/readyz", &claims);
    served.ask("ZZCLIENT", "/api/edge/v1/records?key=zzclient", &claims);
    let page = served.operate("/metrics");
    assert!(page.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "HDR-1");
    let text = String::from_utf8(page.body).unwrap();
    for line in [
        "sealpix_requests_total{outcome=\"ok\",status=\"200\"} 1",
        "sealpix_requests_total{outcome=\"not_modified\",status=\"304\"} 1",
        "sealpix_requests_total{outcome=\"malformed_url\",status=\"400\"} 1",
        "sealpix_requests_total{outcome=\"method_not_allowed\",status=\"405\"} 1",
        "sealpix_request_seconds_count 4",
        "sealpix_image_work_seconds_count{format=\"png\"} 1",
        "sealpix_source_fetch_seconds_count{kind=\"named\"} 1",
        "sealpix_derivatives_total{result=\"made\"} 1",
        "sealpix_derivatives_total{result=\"memory\"} 1",
        "sealpix_work_in_progress 0",
        "sealpix_registry_errors_total 0",
    ] {
        assert!(text.lines().any(|held| held == line), "{line} is not in\n{text}");
    }
    for name in ["sealpix_build_info{version=", "process_resident_memory_bytes ", "process_start_time_seconds "] {
        assert!(text.contains(name), "{name} is not in\n{text}");
    }
    assert!(!text.to_ascii_lowercase().contains("zz"), "{text}");
    assert_eq!(served.get("/metrics").code().as_deref(), Some("malformed_url"), "on the operator's port alone");
}

#[test]
fn a_request_keeps_its_name_in_the_answer_and_in_the_log_and_a_forged_one_is_replaced() {
    let (_data, made, served) = served(&[]);
    let target = made.sign("w_50", "@gallery/missing.jpg");
    let named = served.ask("GET", &target, &[("X-Request-Id", "from_the-Client-1")]);
    assert_eq!(named.header("x-request-id"), Some("from_the-Client-1"));
    assert_eq!(json(&named)["request_id"], "from_the-Client-1");
    let is_ours = |answer: &Answer| {
        let id = answer.header("x-request-id").unwrap();
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    for forged in ["short", "with space in it", "12345678\",\"level\":\"x", "&sig=stolen1", &"x".repeat(65)] {
        assert!(is_ours(&served.ask("GET", &target, &[("X-Request-Id", forged)])), "{forged}");
    }
    let twice = [("X-Request-Id", "first-of-two"), ("X-Request-Id", "second-of-two")];
    assert!(is_ours(&served.ask("GET", "/healthz", &twice)));
    assert!(is_ours(&served.get("/readyz")) && is_ours(&served.ask("OPTIONS", &target, &[])));

    let wanted = |line: &Value| line["message"] == "request" && line["span"]["request_id"] == "from_the-Client-1";
    let began = Instant::now();
    let line = loop {
        let log = served.log();
        let mut lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        if let Some(line) = lines.find(wanted) {
            break line;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{log}");
        std::thread::yield_now();
    };
    assert_eq!((&line["method"], &line["route"]), (&"GET".into(), &"delivery".into()));
    assert_eq!((&line["status"], &line["code"]), (&404.into(), &"source_not_found".into()));
    assert_eq!(line["bytes"], named.body.len());
    assert_eq!(line["span"]["project"], "my-app");
    assert!(line["millis"].is_u64());
    let log = served.log();
    for hidden in ["sig=", "key=", "missing.jpg", "stolen"] {
        assert!(!log.contains(hidden), "SIG-13: {hidden} is in\n{log}");
    }
}

#[test]
fn readiness_fails_with_the_data_folder_and_with_the_edge_link_and_comes_back() {
    let (data, _made, served) = served(&[]);
    let ready = served.get("/readyz");
    assert_eq!(ready.status, 200);
    let well = r#"{"process":"ok","database":"ok","secrets":"ok","data_folder":"ok"}"#;
    assert_eq!(String::from_utf8_lossy(&ready.body), well);
    assert_eq!(ready.header("cache-control"), Some("no-store"));

    std::fs::set_permissions(data.path(), PermissionsExt::from_mode(0o500)).unwrap();
    let closed = until(|| served.get("/readyz"), |answer| answer.status == 503);
    let failed = well.replace(r#""data_folder":"ok""#, r#""data_folder":"failed""#);
    assert_eq!(String::from_utf8_lossy(&closed.body), failed, "no word about why");
    assert_eq!(served.get("/healthz").status, 200, "the process lives");
    assert_eq!(served.operate("/readyz").status, 503);
    std::fs::set_permissions(data.path(), PermissionsExt::from_mode(0o700)).unwrap();
    until(|| served.get("/readyz"), |answer| answer.status == 200);

    let elsewhere = data.path().with_file_name("elsewhere");
    std::fs::rename(data.path(), &elsewhere).unwrap();
    until(|| served.operate("/readyz"), |answer| json(answer)["data_folder"] == "failed");
    std::fs::rename(&elsewhere, data.path()).unwrap();
    until(|| served.operate("/readyz"), |answer| answer.status == 200);

    let database = rusqlite::Connection::open(data.path().join("registry.db")).unwrap();
    database.execute("UPDATE edge_links SET secret_cell = 'v1.damaged'", []).unwrap();
    let damaged = until(|| served.get("/readyz"), |answer| answer.status == 503);
    assert_eq!((&json(&damaged)["secrets"], &json(&damaged)["database"]), (&"failed".into(), &"ok".into()));
}

#[test]
fn a_draining_origin_says_so_and_ends_what_it_has_begun() {
    let (_data, _made, served) = served(&[]);
    let mut begun = connected(served.address());
    begun.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n").unwrap();
    // Connections are accepted in turn: with the answer to a later one, the first is begun.
    assert_eq!(served.get("/readyz").status, 200);
    served.ask_to_end();
    let draining = until(|| served.get("/readyz"), |answer| answer.status == 503);
    assert_eq!(json(&draining)["process"], "draining");
    assert_eq!((served.get("/healthz").status, served.operate("/readyz").status), (200, 503));
    begun.write_all(b"\r\n").unwrap();
    let mut answer = Vec::new();
    begun.read_to_end(&mut answer).unwrap();
    assert_eq!(Answer::parse(&answer).status, 200);
    assert_eq!(served.terminate(), Some(0));
}

#[test]
fn edge1_only_a_trusted_proxy_says_that_a_client_came_by_tls() {
    let says = [("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "198.51.100.7")];
    let (_data, _made, stranger) = served(&[]);
    assert_eq!(stranger.ask("GET", "/healthz", &says).header(HSTS), None);
    let (_data, _made, trusted) = served(&[("SEALPIX_TRUSTED_PROXIES", "127.0.0.0/8")]);
    let answer = trusted.ask("GET", "/healthz", &says);
    assert_eq!(answer.header(HSTS), Some("max-age=31536000"));
    assert_eq!(trusted.ask("GET", "/x", &says).header(HSTS), Some("max-age=31536000"), "denials too");
    assert_eq!(trusted.get("/healthz").header(HSTS), None);
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("x-xss-protection", "1; mode=block"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; sandbox"),
    ] {
        assert_eq!(answer.header(name), Some(value), "HDR-1");
    }
}

/// A certificate and a key for `localhost`, as files, and the certificate.
fn pair(folder: &std::path::Path, name: &str) -> (String, String, rcgen::Certificate) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let file = |ending: &str, text: String| {
        let path = folder.join(format!("{name}.{ending}"));
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let files = (file("crt", made.cert.pem()), file("key", made.signing_key.serialize_pem()));
    (files.0, files.1, made.cert)
}

fn tls(address: &str, trusted: &rcgen::Certificate) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), connected(address))
}

#[test]
fn the_origin_serves_tls_itself() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let (certificate, key, trusted) = pair(folder.path(), "a");
    let (_data, made, served) = served(&[("SEALPIX_TLS_CERT_FILE", &certificate), ("SEALPIX_TLS_KEY_FILE", &key)]);
    let target = made.sign("w_60", "@gallery/photo.jpg");
    let picture = ask(tls(served.address(), &trusted), "GET", &target, &[]);
    assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/jpeg")));
    assert_eq!(picture.header(HSTS), Some("max-age=31536000"));
    let mut plain = connected(served.address());
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "nothing is answered in clear");
    assert_eq!(ask(tls(served.address(), &trusted), "GET", "/healthz", &[]).status, 200);
    assert_eq!(served.terminate(), Some(0));
}

#[test]
fn cfg2_a_pair_that_cannot_be_served_with_stops_the_start_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let ((certificate, key, _), (_, other, _)) = (pair(folder.path(), "a"), pair(folder.path(), "b"));
    let data = Data::new(&[]);
    let missing = "/nowhere/tls.pem";
    for (arguments, named) in [
        (&["--tls-cert", &certificate][..], "SEALPIX_TLS_KEY_FILE (--tls-key) is not set"),
        (&["--tls-key", &key], "SEALPIX_TLS_CERT_FILE (--tls-cert) is not set"),
        (&["--tls-cert", missing, "--tls-key", &key], "SEALPIX_TLS_CERT_FILE (--tls-cert): /nowhere/tls.pem"),
        (&["--tls-cert", &certificate, "--tls-key", missing], "SEALPIX_TLS_KEY_FILE (--tls-key): /nowhere/tls.pem"),
        (&["--tls-cert", &certificate, "--tls-key", &other], "the key is not that of the first certificate"),
    ] {
        let refused = data.run(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!((refused.status.code(), refused.stdout.as_slice()), (Some(1), &b""[..]), "{said}");
        assert!(said.contains(named), "{said}");
    }
}
