//! Commands as a person and a script use them: what they print, what they refuse, their exit codes.

use serde_json::json;

use crate::harness::Data;

const SECRET: &str = "sk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const PUBLIC: &str = "pk_ZGVmZ2hpamtsbW5vcHFycw";

fn sign(data: &Data, arguments: &[&str]) -> (Option<i32>, String, String) {
    let common = ["sign", "--base", "https://img.example.com", "--project", "my-app", "--key", PUBLIC];
    let output = data.command(&[&common, arguments].concat()).env("SEALPIX_SECRET_KEY", SECRET).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn sign_prints_the_worked_examples_alone() {
    let data = Data::new(&[]);
    for (arguments, target) in [
        (
            vec!["--exp", "1800000000", "f_webp,w_800", "https://cdn.example.com/photo.jpg"],
            "/my-app/w_800,f_webp/cdn.example.com/photo.jpg?key=pk_ZGVmZ2hpamtsbW5vcHFycw&exp=1800000000&sig=KnTrSRr8ZeYuU0s7Xk1i25MLwxp5Gvvz",
        ),
        (
            vec!["_", "cdn.example.com/a%20b/ü.png?v=2&x='1'"],
            "/my-app/_/cdn.example.com/a%20b/%C3%BC.png%3Fv=2%26x=%271%27?key=pk_ZGVmZ2hpamtsbW5vcHFycw&sig=CtMWljGKNJSbeoCCkDmN7KBFXGcHyMF2",
        ),
        (
            vec!["--exp", "1800000000", "w_320|640|960,f_auto", "@gallery/2026/sunset.jpg"],
            "/my-app/w_320%7C640%7C960,f_auto/@gallery/2026/sunset.jpg?key=pk_ZGVmZ2hpamtsbW5vcHFycw&exp=1800000000&sig=PlV2l1blJVoyIHQIAX--U4_LXSKS6T5-",
        ),
    ] {
        assert_eq!(sign(&data, &arguments), (Some(0), format!("https://img.example.com{target}\n"), String::new()));
    }
    let (_, srcset, _) = sign(&data, &["--srcset", "w_320|640", "@gallery/a.jpg"]);
    assert_eq!(srcset.matches("&w=320 320w, https://").count(), 1);
    assert!(srcset.ends_with("&w=640 640w\n"));
}

#[test]
fn sig14_what_cannot_be_signed_is_named() {
    let data = Data::new(&[]);
    for (arguments, message) in [
        (["w_0", "@gallery/a.jpg"], "operation w takes"),
        (["x_1", "@gallery/a.jpg"], "operation x is not known"),
        (["w_1,w_2", "@gallery/a.jpg"], "operation w stands twice"),
        (["_", "cdn.example.com/a%2Fb"], "cannot be expressed"),
        (["_", "http://cdn.example.com/a"], "only https sources"),
        (["_", "cdn.example.com/a#b"], "a fragment"),
        (["_", "127.0.0.1/a"], "an IP address"),
        (["_", "@gallery/../a"], "empty, . or .. segment"),
    ] {
        let (code, printed, said) = sign(&data, &arguments);
        assert_eq!((code, printed.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(said.contains(message), "{said}");
    }
    let milliseconds = sign(&data, &["--exp", "1800000000000", "_", "@gallery/a.jpg"]);
    assert!(milliseconds.2.contains("looks like milliseconds"), "{}", milliseconds.2);
    let usage = data.run(&["sign"]);
    assert_eq!(usage.status.code(), Some(2));
    let missing =
        data.run(&["sign", "--base", "https://a.example", "--project", "my-app", "--key", PUBLIC, "_", "@g/a"]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("SEALPIX_SECRET_KEY"));
}

#[test]
fn inspect_says_which_check_fails() {
    let data = Data::new(&[]);
    let made = data.setup(&[]);
    let good = format!("https://img.example.com{}", made.sign("w_100", "@gallery/a.jpg"));
    assert!(data.stdout(&["inspect", &good]).contains("ok: admitted"));
    for (url, code) in [
        (good.replace("w_100", "w_101"), "signature_invalid"),
        (good.replace("w_100", "w_0100"), "malformed_url"),
        (good.replace("my-app", "my-other"), "signature_invalid"),
    ] {
        let output = data.run(&["inspect", "--json", &url]);
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["verdict"], code, "{url}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn setup_is_done_once_and_applying_twice_changes_nothing() {
    let data = Data::new(&[]);
    let file = data.path().join("dev.vars");
    let made = data.setup(&["--dev-vars", file.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("SEALPIX_EDGE_LINK={}\n", made.edge_link));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let again = data.run(&["setup"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("set up already"));

    let state = json!({"sources": [{"name": "gallery", "kind": "file", "root": data.gallery()}], "projects": [{
        "slug": "my-app", "grants": ["gallery"], "sources": ["CDN.Example.com."], "presets": {"card": "h_3,w_4"},
        "keys": [{"public_key": made.public_key, "secret_key": made.secret_key}],
    }]});
    let versions = || {
        let database = rusqlite::Connection::open(data.path().join("registry.db")).unwrap();
        let sql =
            "SELECT (SELECT version FROM projects), (SELECT version FROM api_keys), (SELECT version FROM sources)";
        database
            .query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)))
            .unwrap()
    };
    let output = data.apply(&state);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let first = versions();
    assert!(data.apply(&state).status.success());
    assert_eq!(versions(), first, "an equal state moved a version");

    for (change, message) in [
        (json!({"slug": "my-app", "sources": ["co.uk"]}), "co.uk"),
        (json!({"slug": "my-app", "presets": {"card": "w_0"}}), "preset card"),
        (json!({"slug": "my-app", "grants": ["nowhere"]}), "@nowhere"),
        (json!({"slug": "my-app", "typo": 1}), "typo"),
        (json!({"slug": "my-app", "keys": [{"public_key": made.public_key, "secret_key": SECRET}]}), "rotate it"),
        (json!({"slug": "my-app", "referers": ["a.example"], "caching": {"public": true}}), "referer list"),
    ] {
        let output = data.apply(&json!({ "projects": [change] }));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(message) && !said.contains(SECRET), "{said}");
    }
    assert_eq!(versions(), first, "a refused state left something behind");
    let outside = data.apply(&json!({"sources": [{"name": "etc", "kind": "file", "root": "/etc"}]}));
    assert!(String::from_utf8_lossy(&outside.stderr).contains("SEALPIX_FILE_ROOTS"));
    let above = data.apply(&json!({"sources": [{"name": "data", "kind": "file", "root": data.path()}]}));
    assert_eq!(above.status.code(), Some(1), "the data folder is no source");
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    use std::io::Read as _;
    use std::process::Stdio;

    let data = Data::new(&[]);
    let made = data.setup(&[]);
    let reads: [&[&str]; 7] = [
        &["keys", "list"],
        &["keys", "list", "--json"],
        &["projects", "list"],
        &["projects", "show", "my-app"],
        &["openapi"],
        &["doctor"],
        &["secrets", "check"],
    ];
    let unread = |arguments: &[&str]| {
        let mut process = data.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(process.stdout.take());
        let mut said = String::new();
        process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (process.wait().unwrap().code(), said)
    };
    for arguments in reads {
        assert_eq!(unread(arguments), (Some(0), String::new()), "{arguments:?}");
    }
    // What is shown once and was not read is one.
    let (code, said) = unread(&["keys", "rotate", &made.public_key]);
    assert_eq!(code, Some(1));
    assert!(said.contains("its secret could not be shown"), "{said}");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = data.command(&["keys", "list"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "what could not be written was not printed");
}

#[test]
fn the_exit_code_says_how_it_went() {
    let data = Data::new(&[]);
    assert_eq!(data.run(&["keys", "list"]).status.code(), Some(1), "there is no registry");
    data.setup(&[]);
    for (arguments, code) in [
        (&["keys", "list"][..], 0),
        (&["projects", "show", "my-app", "--json"], 0),
        (&["openapi"], 0),
        (&["--version"], 0),
        (&["keys", "list", "--help"], 0),
        (&["projects", "show", "nowhere"], 1),
        (&["keys", "revoke", "pk_short"], 1),
        (&["registry", "apply", "/nowhere"], 1),
        (&[], 2),
        (&["nothing"], 2),
        (&["keys", "list", "--nothing"], 2),
        (&["keys", "rotate", PUBLIC, "--grace", "2h"], 2),
        (&["registry", "copy"], 2),
    ] {
        let output = data.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stderr.is_empty(), code == 0, "{arguments:?}");
    }
    let unknown = data.command(&["projects", "list"]).env("SEALPIX_TYPO", "1").output().unwrap();
    assert_eq!(unknown.status.code(), Some(1));
}

#[test]
fn projects_are_listed_and_shown() {
    let data = Data::new(&[]);
    data.setup(&["--referer", "www.example.com", "--environment", "staging"]);
    assert_eq!(data.stdout(&["projects", "list"]), "my-app               staging\n");
    let shown: serde_json::Value =
        serde_json::from_str(&data.stdout(&["projects", "show", "my-app", "--json"])).unwrap();
    assert_eq!((&shown["referers"], &shown["grants"]), (&json!(["www.example.com"]), &json!(["gallery"])));
    let listed: serde_json::Value = serde_json::from_str(&data.stdout(&["projects", "list", "--json"])).unwrap();
    assert_eq!(listed[0]["slug"], "my-app");
    assert!(data.stdout(&["projects", "show", "my-app"]).contains("referers         www.example.com\n"));
}

#[test]
fn the_doctor_finds_what_is_wrong() {
    use std::os::unix::fs::PermissionsExt;

    let mut data = Data::new(&[("MASTER_SECRET", crate::harness::MASTER)]);
    let examined = |data: &Data, changes: &[(&str, &str)]| {
        let mut command = data.command(&["doctor", "--json"]);
        let output = command.envs(changes.iter().copied()).output().unwrap();
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(i32::from(found["healthy"] != true)), "{found}");
        found["findings"].as_array().unwrap().iter().fold(String::new(), |text, finding| {
            let line = |name: &str| finding[name].as_str().unwrap().to_owned();
            text + &format!("{} {}: {}\n", line("verdict"), line("what"), line("why"))
        })
    };
    assert!(examined(&data, &[]).contains("fail database: is not there"));
    data.setup(&[]);
    std::fs::set_permissions(data.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let well = examined(&data, &[]);
    assert!(!well.contains("fail "), "{well}");
    for line in ["ok configuration", "ok data folder", "ok database", "ok master key", "ok secrets", "ok audit log"] {
        assert!(well.contains(line), "{line}: {well}");
    }
    for line in ["ok edge link", "warn edge:", "ok source: @gallery", "ok clock", " disk: "] {
        assert!(well.contains(line), "{line}: {well}");
    }
    let closed = "http://127.0.0.1:1";
    for (name, value, line) in [
        ("SEALPIX_TYPO", "1", "fail configuration: SEALPIX_TYPO"),
        ("MASTER_SECRET", "another master secret, long enough too", "fail master key: "),
        ("JWT_SECRET", "a JWT secret of at least thirty-two bytes", "fail JWT secret: "),
        ("SEALPIX_EDGE_URL", closed, "fail edge: http://127.0.0.1:1: the edge does not answer"),
    ] {
        let found = examined(&data, &[(name, value)]);
        assert!(found.contains(line), "{line}: {found}");
    }
    let database = data.path().join("registry.db");
    std::fs::set_permissions(&database, PermissionsExt::from_mode(0o644)).unwrap();
    assert!(examined(&data, &[]).contains("warn data folder: others may look into"));
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.execute("UPDATE audit_log SET actor = 'nobody' WHERE seq = 2", []).unwrap();
    connection.execute("UPDATE edge_links SET secret_cell = secret_cell || 'A'", []).unwrap();
    let found = examined(&data, &[]);
    assert!(found.contains("fail audit log: its chain breaks at entry 2"), "{found}");
    assert!(found.contains("fail secrets: the sealed secret edge_links"), "{found}");
    std::fs::remove_dir_all(data.gallery()).unwrap();
    assert!(examined(&data, &[]).contains("fail source: @gallery"));
    connection.execute("UPDATE refinery_schema_history SET version = version + 1000", []).unwrap();
    drop(connection);
    assert!(examined(&data, &[]).contains("fail database: the registry was made by a newer version"));
    data.give_up_root();
    std::fs::set_permissions(data.path(), PermissionsExt::from_mode(0o000)).unwrap();
    let found = examined(&data, &[]);
    std::fs::set_permissions(data.path(), PermissionsExt::from_mode(0o700)).unwrap();
    assert!(found.contains("fail "), "{found}");
}
