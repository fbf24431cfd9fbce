//! Both tiers of the vault under the real binary: what does not open stops the start, and nothing is written over it.

use serde_json::Value;

use crate::harness::{Data, MASTER};
use crate::secrets::{dump, holds};

const OLD: &str = "the first JWT secret, of 32 bytes";
const NEW: &str = "the second JWT secret, of 32 bytes";

/// The vendor: the public key, and licences for five instances, signed in `data`'s folder.
pub(crate) fn vendor(data: &Data) -> (String, impl Fn(&[&str]) -> String + '_) {
    let file = data.path().join("vendor.key");
    let public = data.stdout(&["license", "keygen", file.to_str().unwrap()]).trim().to_owned();
    let issue = move |arguments: &[&str]| {
        let common = ["license", "issue", "--holder", "Example GmbH", "--days", "30", "--max-instances", "5"];
        let mut command = data.command(&[&common, arguments].concat());
        let output = command.env("SEALPIX_LICENSE_SIGNING_KEY_FILE", &file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    (public, issue)
}

/// Keeps a licence, from a file.
pub(crate) fn activate(data: &Data, public: &str, licence: &str) {
    let file = data.path().join("licence");
    std::fs::write(&file, licence).unwrap();
    let mut command = data.command(&["license", "activate", file.to_str().unwrap()]);
    let output = command.env("SEALPIX_LICENSE_PUBLIC_KEY", public).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Neither a server nor a command starts, the message is said, and every cell stays as it is.
pub(crate) fn fails(data: &Data, environment: &[(&str, &str)], message: &str) {
    let before = dump(data);
    let output =
        data.command(&["serve", "--listen", "127.0.0.1:0"]).envs(environment.iter().copied()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&said));
    assert!(holds(&said, message), "{}", String::from_utf8_lossy(&said));
    assert!(!holds(&said, OLD) && !holds(&said, NEW) && !holds(&said, MASTER), "a secret is said");
    assert_eq!(dump(data), before, "something was written");
}

fn serves(data: &Data, environment: &[(&str, &str)]) -> String {
    let mut command = data.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.envs(environment.iter().copied());
    let served = crate::harness::Served::start(command);
    assert_eq!(served.get("/healthz").status, 200);
    let log = served.log();
    assert_eq!(served.terminate(), Some(0));
    log
}

fn sql(data: &Data, statement: &str) {
    let database = rusqlite::Connection::open(data.path().join("registry.db")).unwrap();
    database.execute_batch(statement).unwrap();
}

fn cell(data: &Data, name: &str) -> String {
    dump(data).into_iter().find(|(row, _)| row == name).unwrap().1
}

#[test]
fn a_changed_jwt_secret_stops_names_the_way_out_and_takes_it() {
    let data = Data::new(&[("MASTER_SECRET", MASTER), ("SEALPIX_LOG", "info")]);
    let output = data.command(&["setup", "--json"]).env("JWT_SECRET", OLD).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fails(&data, &[("JWT_SECRET", NEW)], "JWT_SECRET_PREVIOUS");
    fails(&data, &[], "JWT_SECRET_PREVIOUS");
    fails(&data, &[("JWT_SECRET", NEW), ("JWT_SECRET_PREVIOUS", MASTER)], "JWT_SECRET_PREVIOUS");
    fails(&data, &[("JWT_SECRET", "short")], "JWT_SECRET: takes at least 32 bytes");
    let before = dump(&data);
    let log = serves(&data, &[("JWT_SECRET", NEW), ("JWT_SECRET_PREVIOUS", OLD)]);
    assert!(log.contains("re-wrapped from JWT_SECRET_PREVIOUS"), "{log}");
    let changed: Vec<_> = dump(&data).into_iter().filter(|cell| !before.contains(cell)).map(|(name, _)| name).collect();
    assert_eq!(changed, ["vault.data_key"], "one cell is re-wrapped");
    let log = serves(&data, &[("JWT_SECRET", NEW)]);
    let steps = [
        "database opened",
        "master key proved",
        "JWT secret resolved",
        "JWT key derived",
        "data key proved",
        "other secrets opened",
        "edge links opened",
    ];
    let places: Vec<_> = steps.map(|step| log.find(step).unwrap_or_else(|| panic!("no {step}: {log}"))).to_vec();
    assert!(places.is_sorted(), "{log}");
    assert!(!log.contains(NEW) && !log.contains(OLD) && !log.contains(MASTER), "a secret is logged");
    fails(&data, &[("JWT_SECRET", OLD)], "JWT_SECRET_PREVIOUS");
    fails(
        &data,
        &[("JWT_SECRET", NEW), ("MASTER_SECRET", "another master secret, long enough too")],
        "another master key",
    );
}

#[test]
fn sig12_swapped_changed_and_old_cells_of_either_tier_stop_the_start() {
    let data = Data::new(&[]);
    data.setup(&[]);
    let (public, issue) = vendor(&data);
    let license = [("SEALPIX_LICENSE_PUBLIC_KEY", public.as_str())];
    activate(&data, &public, &issue(&["--id", "one"]));
    let old_license = cell(&data, "license.key");
    activate(&data, &public, &issue(&["--id", "two"]));
    let old_jwt = cell(&data, "vault.jwt_secret");
    data.stdout(&["secrets", "rotate", "jwt"]);
    serves(&data, &license);
    let held = dump(&data);
    let names = ["vault.check", "vault.jwt_secret", "vault.data_key", "license.key"];
    let put = |name: &str, sealed: &str| {
        sql(&data, &format!("UPDATE settings SET value_cell = '{sealed}' WHERE name = '{name}'"));
    };
    let restore = || names.iter().for_each(|name| put(name, &held.iter().find(|(row, _)| row == name).unwrap().1));
    for (at, name) in names.iter().enumerate() {
        let other = names[(at + 1) % names.len()];
        let (mine, theirs) = (cell(&data, name), cell(&data, other));
        put(name, &theirs);
        put(other, &mine);
        fails(&data, &license, "is damaged or was moved");
        restore();
        // One byte of the ciphertext, and one of the tag.
        for place in [30, mine.len() - 4] {
            let mut changed = mine.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            put(name, std::str::from_utf8(&changed).unwrap());
            fails(&data, &license, "is damaged or was moved");
        }
        restore();
    }
    for (name, old) in [("license.key", &old_license), ("vault.jwt_secret", &old_jwt)] {
        put(name, old);
        fails(&data, &license, "is damaged or was moved");
        restore();
    }
    // A row that is gone is made anew over nothing that hangs on it.
    for name in ["vault.check", "vault.jwt_secret", "vault.data_key"] {
        sql(&data, &format!("UPDATE settings SET value_cell = NULL WHERE name = '{name}'"));
        fails(&data, &license, "nothing was changed");
        restore();
    }
    serves(&data, &license);
    assert!(data.stdout(&["secrets", "check"]).contains("6 sealed secrets, 0 of them do not open"));
}

#[test]
fn settings_and_configuration_are_shown_with_their_origin_and_without_secrets() {
    let data = Data::new(&[("MASTER_SECRET", MASTER), ("JWT_EXPIRATION", "1h")]);
    let shown: Value = serde_json::from_str(&data.stdout(&["config", "show", "--json"])).unwrap();
    let find =
        |list: &Value, name: &str| list.as_array().unwrap().iter().find(|held| held["name"] == *name).unwrap().clone();
    assert_eq!(find(&shown["variables"], "MASTER_SECRET")["value"], "(set)");
    assert!(!data.path().join("registry.db").exists(), "looking made a registry");
    data.setup(&[]);
    data.stdout(&["settings", "set", "guest.enabled", "--value", "true"]);
    let listed: Value = serde_json::from_str(&data.stdout(&["settings", "list", "--json"])).unwrap();
    let guest = find(&listed, "guest.enabled");
    assert_eq!((&guest["value"], &guest["set_by"]), (&Value::from("true"), &Value::from("registry")));
    assert_eq!(find(&listed, "session.expiration")["set_by"], "environment");
    assert_eq!(data.stdout(&["settings", "get", "session.expiration"]), "1h\n");
    data.stdout(&["settings", "unset", "guest.enabled"]);
    let (public, issue) = vendor(&data);
    let licence = issue(&["--feature", "white_label"]);
    activate(&data, &public, &licence);
    for (arguments, code, message) in [
        (&["settings", "set", "session.expiration", "--value", "2h"][..], 1, "JWT_EXPIRATION"),
        (&["settings", "set", "guest.enabled", "--value", "yes"], 1, "true or false"),
        (&["settings", "set", "no.such", "--value", "1"], 1, "no.such is not a setting"),
        (&["settings", "unset", "guest.enabled"], 1, "is not set"),
        (&["settings", "set", "license.key", "--value", "SPX1.hunter2"], 2, "is a secret"),
        (&["settings", "set", "guest.enabled"], 2, "required"),
        (&["license", "activate", "/nowhere"], 1, "/nowhere"),
        (&["settings", "set", "brand.name", "--value", "Mine"], 1, "white_label"),
        (&["secrets", "rotate", "master"], 1, "MASTER_SECRET_NEW"),
    ] {
        let output = data.run(arguments);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(message) && !said.contains("hunter2"), "{arguments:?}: {said}");
    }
    let mut shown = data.stdout(&["settings", "list"]) + &data.stdout(&["config", "show"]);
    shown += &data.stdout(&["settings", "get", "license.key"]);
    assert!(shown.contains("(set)") && !shown.contains(MASTER) && !shown.contains(licence.trim()), "{shown}");
}
