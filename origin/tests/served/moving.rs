//! A registry that is backed up, restored and copied by command.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::harness::{Data, MASTER};
use crate::server::{PASSWORD, ask};

fn said(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

fn refused(mut command: Command, code: i32, message: &str) {
    let output = command.output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(message) && !said.contains(PASSWORD) && !said.contains(MASTER), "{said}");
}

fn on_sqlite() -> Data {
    Data::new(&[("MASTER_SECRET", MASTER)])
}

fn key_count(data: &Data) -> usize {
    serde_json::from_str::<Vec<serde_json::Value>>(&data.stdout(&["keys", "list", "--json"])).unwrap().len()
}

#[test]
fn a_backup_is_restored_on_the_other_database_and_nowhere_else() {
    let from = on_sqlite();
    from.setup(&[]);
    let file = from.path().join("backup");
    let file = file.to_str().unwrap();
    let printed = from.stdout(&["registry", "backup", file]);
    assert!(printed.starts_with("backed up ") && !printed.contains("master.salt"), "{printed}");
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        std::fs::read_dir(from.path())
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with("backup") })
            .count(),
        1,
        "no part of it is left beside it"
    );
    refused(from.command(&["registry", "restore", file]), 1, "the target is not empty");
    let before = std::fs::read(file).unwrap();
    for held in [file, from.path().join("registry.db").to_str().unwrap()] {
        refused(from.command(&["registry", "backup", held]), 1, "exists");
    }
    assert!(std::fs::read(file).unwrap() == before, "a backup replaced what was there");
    assert_eq!(key_count(&from), 1, "a backup replaced the registry");

    let to = Data::on_postgres(&[]);
    let mut wrong = to.command(&["registry", "restore", file]);
    wrong.env("MASTER_SECRET", "another master secret, long enough too");
    refused(wrong, 1, "sealed with another master key");
    let url = &to.server.as_ref().unwrap().1;
    assert_eq!(ask(url, "SELECT name FROM settings").unwrap(), Vec::<String>::new(), "nothing was written");
    let printed = to.stdout(&["registry", "restore", file]);
    assert!(printed.contains("the audit log is intact from entry 1 to ") && printed.contains("restored "), "{printed}");
    assert_eq!(to.stdout(&["secrets", "check"]), from.stdout(&["secrets", "check"]));
    assert_eq!(to.stdout(&["keys", "list"]), from.stdout(&["keys", "list"]));

    std::fs::write(file, &std::fs::read(file).unwrap()[..1_000]).unwrap();
    refused(on_sqlite().command(&["registry", "restore", file]), 1, "is cut short");
    refused(on_sqlite().command(&["registry", "restore", "/nowhere/backup"]), 1, "/nowhere/backup");
    refused(from.command(&["registry", "backup", "/nowhere/backup"]), 1, "/nowhere/backup");
    refused(on_sqlite().command(&["registry", "backup", file]), 1, "run sealpix setup");
}

#[test]
fn a_registry_without_a_master_secret_is_restored_with_its_salt_alone() {
    let from = Data::new(&[]);
    from.setup(&[]);
    let file = from.path().join("backup");
    let file = file.to_str().unwrap();
    assert!(from.stdout(&["registry", "backup", file]).contains("master.salt"));
    let to = Data::new(&[]);
    refused(to.command(&["registry", "restore", file]), 1, "master.salt is missing");
    assert!(!to.path().join("master.salt").exists());
    std::fs::copy(from.path().join("master.salt"), to.path().join("master.salt")).unwrap();
    to.stdout(&["registry", "restore", file]);
    assert_eq!(to.stdout(&["keys", "list"]), from.stdout(&["keys", "list"]));
}

#[test]
fn a_registry_is_copied_to_postgresql_and_back_without_a_password_on_the_command_line() {
    let from = on_sqlite();
    from.setup(&[]);
    let source = format!("sqlite:{}", from.path().join("registry.db").display());
    let to = Data::on_postgres(&[]);
    let url = to.server.as_ref().unwrap().1.clone();
    refused(from.command(&["registry", "copy", "--from", &source, "--to", &url]), 2, "holds a password");
    refused(from.command(&["registry", "copy", "--from", &url, "--to", &source]), 2, "holds a password");
    refused(from.command(&["registry", "copy", "--from", &source]), 2, "SEALPIX_COPY_TO");
    refused(from.command(&["registry", "copy", "--from", &source, "--to", "mysql://h"]), 2, "--to: takes postgres://");
    let mut pathless = from.command(&["registry", "copy", "--from", &source]);
    pathless.env("SEALPIX_COPY_TO", &url).env_remove("MASTER_SECRET");
    refused(pathless, 1, "sealpix secrets rotate master");
    let mut wrong = from.command(&["registry", "copy", "--from", &source]);
    wrong.env("SEALPIX_COPY_TO", &url).env("MASTER_SECRET", "another master secret, long enough too");
    refused(wrong, 1, "sealed with another master key");
    let nowhere = format!("{source}.not");
    let mut missing = from.command(&["registry", "copy", "--from", &nowhere]);
    missing.env("SEALPIX_COPY_TO", &url);
    refused(missing, 1, "is not there");
    assert_eq!(ask(&url, "SELECT name FROM settings").unwrap(), Vec::<String>::new(), "nothing was written");

    let mut copy = from.command(&["registry", "copy", "--from", &source]);
    let output = copy.env("SEALPIX_COPY_TO", &url).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(to.stdout(&["keys", "list"]), from.stdout(&["keys", "list"]));
    let mut again = from.command(&["registry", "copy", "--from", &source]);
    again.env("SEALPIX_COPY_TO", &url);
    refused(again, 1, "the target is not empty");

    let back = on_sqlite();
    let target = format!("sqlite:{}", back.path().join("registry.db").display());
    let file = back.path().join("url");
    std::fs::write(&file, format!("{url}\n")).unwrap();
    back.stdout(&["registry", "copy", "--from-file", file.to_str().unwrap(), "--to", &target]);
    assert_eq!(back.stdout(&["keys", "list"]), from.stdout(&["keys", "list"]));
    assert!(back.stdout(&["secrets", "check"]).contains(" 0 of them do not open"));
}

#[test]
fn a_restore_that_is_killed_leaves_all_or_nothing_on_sqlite() {
    kill_restores(on_sqlite);
}

#[test]
fn a_restore_that_is_killed_leaves_all_or_nothing_on_postgres() {
    kill_restores(|| Data::on_postgres(&[]));
}

fn kill_restores(target: impl Fn() -> Data) {
    let from = on_sqlite();
    from.setup(&[]);
    let rows = 20_000_usize;
    let database = rusqlite::Connection::open(from.path().join("registry.db")).unwrap();
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) \
               INSERT INTO usage SELECT 'pk', i, 'ok', 'none', 1, 0 FROM n";
    database.execute(sql, [i64::try_from(rows).unwrap()]).unwrap();
    drop(database);
    let file = from.path().join("backup");
    let file = file.to_str().unwrap();
    from.stdout(&["registry", "backup", file]);
    let keys = key_count(&from);

    let whole = target();
    let began = std::time::Instant::now();
    whole.stdout(&["registry", "restore", file]);
    let lasted = began.elapsed();
    assert_eq!(key_count(&whole), keys);
    let (mut empty, mut full) = (0, 0);
    for tenth in 1..=10 {
        let data = target();
        let mut restore = data.command(&["registry", "restore", file]).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(lasted * tenth / 10 + Duration::from_millis(u64::from(tenth == 10) * 20));
        restore.kill().unwrap();
        restore.wait().unwrap();
        // Into what is empty it can be restored again; what is whole refuses that.
        let again = data.run(&["registry", "restore", file]);
        if again.status.success() {
            empty += 1;
        } else {
            assert!(said(&again).contains("the target is not empty"), "{}", said(&again));
            full += 1;
        }
        assert_eq!(key_count(&data), keys);
        let backup = data.path().join("again");
        data.stdout(&["registry", "backup", backup.to_str().unwrap()]);
        let counted =
            std::fs::read_to_string(backup).unwrap().lines().filter(|line| line.starts_with("[\"usage\"")).count();
        assert_eq!(counted, rows);
    }
    println!("kill -9 of restores: {empty} left nothing, {full} left all");
    assert!(empty > 0);
}
