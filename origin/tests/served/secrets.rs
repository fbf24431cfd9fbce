//! Secrets at rest and in what the process says: sealed, proved before use, never printed.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::harness::{Data, MASTER};

/// Every spelling in which a secret could lie somewhere.
pub(crate) fn spellings(secret: &str) -> Vec<String> {
    // Behind `sk_`, or behind `el_` and the link's id.
    let payload = match secret.strip_prefix("el_").and_then(|rest| rest.split_once('_')) {
        Some((_, payload)) => payload,
        None => secret.strip_prefix("sk_").unwrap_or(secret),
    };
    let mut all = vec![secret.to_owned(), payload.to_owned(), STANDARD.encode(secret), URL_SAFE_NO_PAD.encode(secret)];
    all.push(secret.bytes().map(|byte| format!("{byte:02x}")).collect());
    if let Ok(bytes) = URL_SAFE_NO_PAD.decode(payload) {
        all.push(STANDARD.encode(&bytes));
        all.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
    }
    all
}

pub(crate) fn holds(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[test]
fn sig13_no_secret_stands_in_the_database_or_the_log() {
    for environment in [vec![("MASTER_SECRET", MASTER)], vec![]] {
        let data =
            Data::new(&[environment.as_slice(), &[("SEALPIX_DELIVERY", "direct"), ("SEALPIX_LOG", "trace")]].concat());
        let made = data.setup(&[]);
        let served = data.serve();
        served.get(&made.sign("w_10", "@gallery/missing.jpg"));
        served.get(&made.sign("w_10", "@gallery/missing.jpg").replace("sig=", "sig=A"));
        let listed = data.stdout(&["keys", "list", "--json"]);
        let inspected = data.run(&["inspect", &made.sign("w_10", "@gallery/a.jpg")]);
        let log = served.log();
        assert!(log.contains("source_not_found"), "the log was read: {log}");
        drop(served);
        let mut files = Vec::new();
        for entry in std::fs::read_dir(data.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                files.push((path.display().to_string(), std::fs::read(path).unwrap()));
            }
        }
        assert!(files.iter().any(|(name, _)| name.ends_with("registry.db")));
        files.push(("log".into(), log.into_bytes()));
        files.push(("keys list".into(), listed.into_bytes()));
        files.push(("inspect".into(), inspected.stdout));
        for secret in [made.secret_key.as_str(), &made.edge_link, MASTER] {
            for spelling in spellings(secret) {
                for (name, bytes) in &files {
                    assert!(!holds(bytes, &spelling), "{name} holds a secret");
                }
            }
        }
    }
}

/// Every sealed cell, as it stands.
pub(crate) fn dump(data: &Data) -> Vec<(String, String)> {
    let database = rusqlite::Connection::open(data.path().join("registry.db")).unwrap();
    let sql = "SELECT name, value_cell FROM settings WHERE value_cell IS NOT NULL UNION ALL SELECT public_key, secret_cell FROM api_keys \
               UNION ALL SELECT id, secret_cell FROM edge_links ORDER BY 1";
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn a_wrong_master_a_lost_salt_and_a_damaged_cell_stop_with_their_message() {
    let data = Data::new(&[]);
    data.setup(&[]);
    assert!(data.stdout(&["secrets", "check"]).contains("5 sealed secrets, 0 of them"));
    let fails = |arguments: &[&str], environment: &[(&str, &str)], message: &str| {
        let before = dump(&data);
        let output = data.command(arguments).envs(environment.iter().copied()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&said));
        assert!(holds(&said, message), "{}", String::from_utf8_lossy(&said));
        assert_eq!(dump(&data), before, "something was written");
    };
    fails(&["serve", "--listen", "127.0.0.1:0"], &[("MASTER_SECRET", MASTER)], "sealed with another master key");
    fails(&["serve"], &[("MASTER_SECRET", "short")], "fewer than 32 characters");
    fails(&["serve"], &[("SEALPIX_TYPO", "1")], "SEALPIX_TYPO is not a setting");

    let salt = data.path().join("master.salt");
    std::fs::rename(&salt, data.path().join("elsewhere")).unwrap();
    fails(&["serve"], &[], "master.salt is missing");
    assert!(!salt.exists());
    std::fs::rename(data.path().join("elsewhere"), &salt).unwrap();

    let database = rusqlite::Connection::open(data.path().join("registry.db")).unwrap();
    let cell: String = database.query_row("SELECT secret_cell FROM api_keys", [], |row| row.get(0)).unwrap();
    let link: String = database.query_row("SELECT secret_cell FROM edge_links", [], |row| row.get(0)).unwrap();
    database.execute("UPDATE api_keys SET secret_cell = ?1", [&link]).unwrap();
    database.execute("UPDATE edge_links SET secret_cell = ?1", [&cell]).unwrap();
    database.pragma_update(None, "wal_checkpoint", "TRUNCATE").unwrap();
    drop(database);
    fails(&["secrets", "check"], &[], "5 sealed secrets, 2 of them do not open");
    fails(&["serve", "--listen", "127.0.0.1:0"], &[], "is damaged or was moved");
}
