//! Sources of kind s3 in the real binary, against a real storage: delivered, kept sealed, shown and said nowhere.

use std::io::Write as _;
use std::time::{Duration, Instant};

use sealpix_origin::access::role::Role;
use serde_json::{Value, json};

use crate::api::Api;
use crate::harness::{Data, MASTER, Made, Served, connected};
use crate::s3::{ACCESS_KEY, BUCKET, Fault, SECRET_KEY, Storage};
use crate::secrets::{holds, spellings};

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/freespace-1mp.jpg");

/// A session's token, which nothing may ever show either.
const TOKEN: &str = "FwoGZXIvYXdzEThisIsTheTokenOfATestsSession";

fn credentials(secret: &str) -> Value {
    json!({ "access_key_id": ACCESS_KEY, "secret_access_key": secret, "session_token": TOKEN })
}

/// Fetches from one source at once, of originals that may have the default size.
const SHARE: usize = 12;

/// This machine, where the storage is.
const HERE: &str = "127.0.0.0/8";

/// A data folder whose origin may fetch from `networks`, and has a project that may use @store.
fn set_up(storage: &Storage, networks: &str, environment: &[(&str, &str)]) -> (Data, Made) {
    storage.put("albums/photo.jpg", PHOTO);
    let folder = Data::new(&[]);
    let authority = folder.path().join("authority.pem");
    let all = [
        environment,
        &[
            ("MASTER_SECRET", MASTER),
            ("SEALPIX_DELIVERY", "direct"),
            ("SEALPIX_SOURCE_ALLOW_NETWORKS", networks),
            ("SEALPIX_SOURCE_EXTRA_CA_FILE", authority.to_str().unwrap()),
            // Each request is to ask the storage.
            ("SEALPIX_DERIVATIVE_TTL_SECS", "1"),
        ],
    ];
    let data = folder.with(&all.concat());
    std::fs::write(authority, &storage.authority).unwrap();
    let made = data.setup(&[]);
    (data, made)
}

fn state(location: &str, credentials: Option<&Value>) -> Value {
    let mut source = json!({ "kind": "s3", "name": "store", "location": location });
    if let Some(credentials) = credentials {
        source["credentials"] = credentials.clone();
    }
    json!({ "sources": [source], "projects": [{ "slug": "my-app", "grants": ["gallery", "store"] }] })
}

fn applied(data: &Data, state: &Value) {
    let output = data.apply(state);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What is answered for a width that nobody has asked for.
fn delivered(served: &Served, made: &Made, width: u32) -> (u16, Option<String>) {
    let answer = served.get(&made.sign(&format!("w_{width}"), "@store/photo.jpg"));
    (answer.status, answer.code())
}

#[test]
fn a_bucket_is_made_granted_delivered_and_shown_without_its_credentials() {
    let storage = Storage::start();
    let (data, made) = set_up(&storage, HERE, &[]);
    let served = data.serve();
    let api = Api::of(&served, &data, Role::Admin);
    let place = storage.location("/albums/");
    let new = json!({ "name": "store", "kind": "s3", "location": place, "credentials": credentials(SECRET_KEY) });
    let shown = api.post("/sources", &new).is(201);
    let canonical = storage.location("/albums");
    let expected = json!({ "name": "store", "kind": "s3", "location": canonical, "has_credentials": true, "version": shown["version"] });
    assert_eq!(shown, expected);
    assert_eq!(api.get("/sources/store").is(200), expected);
    api.patch("/projects/my-app", &json!({ "grants": ["gallery", "store"] })).is(200);
    assert_eq!(delivered(&served, &made, 100), (200, None));
    let missing = served.get(&made.sign("w_100", "@store/none.jpg"));
    assert_eq!((missing.status, missing.code()), (404, Some("source_not_found".to_owned())));
    let told = api.post("/sources/store/test", &json!({ "path": "photo.jpg" })).is(200);
    assert_eq!((&told["verdict"], &told["bytes"]), (&json!("fetched"), &json!(PHOTO.len())));
    assert_eq!(told["addresses"], json!([{ "address": "127.0.0.1", "verdict": "allowed" }]));
    let gallery = api.get("/projects/my-app/gallery?source=store").is(200);
    assert_eq!(gallery["items"][0]["source"], "@store/photo.jpg");

    let put = |location: &str, given: Option<Value>| {
        let mut wanted = json!({ "kind": "s3", "location": location });
        if let Some(given) = given {
            wanted["credentials"] = given;
        }
        api.put("/sources/store", &wanted)
    };
    assert_eq!(put(&place, None).is(200), expected, "nothing said, nothing changed");
    assert_eq!(put(&place, Some(credentials(SECRET_KEY))).is(200), expected, "the same is no change");
    put(&storage.location(""), None).is(200);
    put(&place, None).is(200);
    assert_eq!(delivered(&served, &made, 101), (200, None), "kept for the same bucket");
    put(&canonical.replace(BUCKET, "other"), None).refuses(409, "refused");
    put("s3://photos?region=eu-west-1", None).refuses(409, "refused");
    put(&place, Some(credentials("wrong"))).is(200);
    assert_eq!(delivered(&served, &made, 102), (502, Some("source_unreadable".to_owned())));
    let unsigned = put(&place, Some(Value::Null)).is(200);
    assert_eq!(unsigned["has_credentials"], false);
    storage.requests();
    assert_eq!(delivered(&served, &made, 103), (502, Some("source_unreadable".to_owned())));
    assert!(!storage.requests().to_lowercase().contains("authorization"));
    put(&place, Some(credentials(SECRET_KEY))).is(200);
    assert_eq!(delivered(&served, &made, 104), (200, None));
    for given in [json!(SECRET_KEY), json!({ "access_key_id": SECRET_KEY }), json!([SECRET_KEY])] {
        let refused = put(&place, Some(given));
        refused.refuses(400, "invalid");
        assert!(!refused.json.to_string().contains(SECRET_KEY), "{}", refused.json);
    }
    let elsewhere = json!({ "kind": "http", "location": "https://a.example/x", "credentials": credentials("a") });
    api.put("/sources/plain", &elsewhere).refuses(409, "refused");
}

#[test]
fn ssrf_10_a_storage_in_a_private_network_is_refused_when_it_is_made_or_when_it_is_asked() {
    let storage = Storage::start();
    let (data, made) = set_up(&storage, "10.0.0.0/8", &[]);
    let served = data.serve();
    let api = Api::of(&served, &data, Role::Admin);
    for endpoint in [
        "https://172.16.0.1",
        "https://127.0.0.1",
        "https://169.254.169.254",
        "https://[fd00:ec2::254]",
        "http://s3.example",
        "",
    ] {
        let location = format!("s3://{BUCKET}?endpoint={endpoint}");
        api.put("/sources/store", &json!({ "kind": "s3", "location": location })).refuses(422, "source_invalid");
        assert!(!data.apply(&state(&location, None)).status.success(), "{endpoint}");
    }
    // A name is checked when it is asked: this machine is not in the network that is allowed.
    applied(&data, &state(&format!("s3://{BUCKET}?endpoint=https://localhost:{}", storage.port), None));
    assert_eq!(delivered(&served, &made, 100), (403, Some("source_address_blocked".to_owned())));
    assert_eq!(storage.connections(), 0);
}

#[test]
fn a_public_bucket_is_delivered_and_what_goes_wrong_has_its_code() {
    let storage = Storage::public();
    let (data, made) = set_up(&storage, HERE, &[("SEALPIX_SOURCE_TIMEOUT_SECS", "2")]);
    applied(&data, &state(&storage.location("/albums"), None));
    let served = data.serve();
    for (width, fault, status, code) in [
        (100, Fault::Silence, 504, Some("source_timeout")),
        (101, Fault::Cut(20_000), 502, Some("source_unreachable")),
        (102, Fault::Answer("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), 502, Some("source_unreachable")),
        (103, Fault::Answer("HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n"), 502, Some("source_redirected")),
        (104, Fault::None, 200, None),
    ] {
        storage.fail(fault, usize::MAX);
        assert_eq!(delivered(&served, &made, width), (status, code.map(str::to_owned)), "{fault:?}");
    }
}

#[test]
fn a_silent_source_keeps_no_other_waiting() {
    let storage = Storage::public();
    let (data, made) = set_up(&storage, HERE, &[("SEALPIX_SOURCE_TIMEOUT_SECS", "60")]);
    applied(&data, &state(&storage.location("/albums"), None));
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    let served = data.serve();
    storage.fail(Fault::Silence, usize::MAX);
    let waiting: Vec<_> = (1..=60)
        .map(|width| {
            let target = made.sign(&format!("w_{width}"), "@store/photo.jpg");
            let mut stream = connected(served.address());
            write!(stream, "GET {target} HTTP/1.1\r\nHost: origin.test\r\n\r\n").unwrap();
            stream
        })
        .collect();
    let began = Instant::now();
    while storage.connections() < SHARE {
        assert!(began.elapsed() < Duration::from_secs(10), "{} fetches", storage.connections());
        std::thread::yield_now();
    }
    let other = served.get(&made.sign("w_100", "@gallery/photo.jpg"));
    assert_eq!((other.status, storage.connections()), (200, SHARE), "{:?}", other.code());
    drop(waiting);
}

#[test]
fn no_credentials_are_taken_from_the_environment_or_a_metadata_service() {
    let storage = Storage::start();
    let metadata = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", metadata.local_addr().unwrap());
    let file = tempfile::NamedTempFile::new().unwrap();
    let environment = [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_METADATA_ENDPOINT", &url),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.path().to_str().unwrap()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.path().to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x"),
        ("AWS_ENDPOINT_URL", &url),
        ("AWS_ENDPOINT_URL_STS", &url),
        ("AWS_ALLOW_HTTP", "true"),
        ("HTTPS_PROXY", &url),
        ("https_proxy", &url),
    ];
    let (data, made) = set_up(&storage, HERE, &environment);
    applied(&data, &state(&storage.location("/albums"), None));
    let served = data.serve();
    assert_eq!(delivered(&served, &made, 100), (502, Some("source_unreadable".to_owned())));
    let asked = storage.requests();
    assert!(asked.starts_with("GET /photos/albums/photo.jpg ") && !asked.contains("Credential="), "{asked}");
    metadata.set_nonblocking(true).unwrap();
    assert!(metadata.accept().is_err(), "somebody was asked for credentials");
}

#[test]
fn sig13_credentials_stand_nowhere_in_the_clear_and_outlive_every_rotation() {
    let storage = Storage::start();
    let (data, made) = set_up(&storage, HERE, &[("SEALPIX_LOG", "trace")]);
    let whole = state(&storage.location("/albums"), Some(&credentials(SECRET_KEY)));
    applied(&data, &whole);
    let served = data.serve();
    let api = Api::of(&served, &data, Role::Admin);
    let version = api.get("/sources/store").is(200)["version"].clone();
    applied(&data, &whole);
    assert_eq!(api.get("/sources/store").is(200)["version"], version, "applied again, nothing changes");
    applied(&data, &state(&storage.location("/albums"), None));
    assert_eq!(api.get("/sources/store").is(200)["version"], version, "nothing said, nothing changes");
    let misplaced = data.apply(&state(&storage.location("/albums"), Some(&json!({ SECRET_KEY: TOKEN }))));
    assert!(!misplaced.status.success());
    assert_eq!(delivered(&served, &made, 100), (200, None));
    served.get(&made.sign("w_10", "@store/none.jpg"));
    api.post("/sources/store/test", &json!({ "path": "photo.jpg" })).is(200);
    let audit = api.get("/audit?limit=100").is(200).to_string();
    assert!(audit.contains(r#"\"credentials\":\"(set)\""#), "{audit}");
    assert!(data.stdout(&["secrets", "check"]).contains("6 sealed secrets, 0 of them"));
    let log = served.log();
    assert!(log.contains("source_not_found"), "the log was read");
    let backup = data.path().join("backup");
    data.stdout(&["registry", "backup", backup.to_str().unwrap()]);
    let mut said = vec![
        ("audit".to_owned(), audit.into_bytes()),
        ("log".to_owned(), log.into_bytes()),
        ("apply".to_owned(), [misplaced.stdout, misplaced.stderr].concat()),
        ("sources".to_owned(), api.get("/sources").is(200).to_string().into_bytes()),
    ];
    for entry in std::fs::read_dir(data.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            said.push((path.display().to_string(), std::fs::read(path).unwrap()));
        }
    }
    assert!(said.iter().any(|(name, _)| name.ends_with("registry.db")));
    for secret in [ACCESS_KEY, SECRET_KEY, TOKEN] {
        for spelling in spellings(secret) {
            for (name, bytes) in &said {
                assert!(!holds(bytes, &spelling), "{name} holds a secret");
            }
        }
    }
    assert_eq!(served.terminate(), Some(0));

    let cell = || -> String {
        let database = rusqlite::Connection::open(data.path().join("registry.db")).unwrap();
        database.query_row("SELECT credentials_cell FROM sources WHERE name = 'store'", [], |row| row.get(0)).unwrap()
    };
    for (arguments, is_resealed, width) in
        [(vec!["jwt"], false, 101), (vec!["jwt", "--compromised"], true, 102), (vec!["master"], false, 103)]
    {
        let before = cell();
        let mut command = data.command(&[&["secrets", "rotate"], arguments.as_slice()].concat());
        let next = "the next master secret, which is long enough too";
        if arguments == ["master"] {
            command.env("MASTER_SECRET_NEW", next);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(cell() != before, is_resealed, "{arguments:?}");
        let mut serve = data.command(&["serve", "--listen", "127.0.0.1:0"]);
        if arguments == ["master"] {
            serve.env("MASTER_SECRET", next);
        }
        let served = Served::start(serve);
        assert_eq!(delivered(&served, &made, width), (200, None), "{arguments:?}");
        assert_eq!(served.terminate(), Some(0));
    }

    // A cell of another row, or of an earlier version, does not open.
    let database = rusqlite::Connection::open(data.path().join("registry.db")).unwrap();
    database.execute("UPDATE sources SET cell_version = cell_version - 1 WHERE name = 'store'", []).unwrap();
    drop(database);
    let checked = data
        .command(&["secrets", "check"])
        .env("MASTER_SECRET", "the next master secret, which is long enough too")
        .output()
        .unwrap();
    assert!(holds(&checked.stdout, "sources.credentials_cell of store is damaged"), "SIG-12");
}
