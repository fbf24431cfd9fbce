//! `secrets rotate master` and `rotate jwt`: twice, refused where they must be, and killed at any moment.

use std::process::Output;
use std::time::{Duration, Instant};

use crate::harness::{Data, MASTER};
use crate::secrets::{dump, holds};
use crate::vault::{activate, fails, vendor};

const NEW: &str = "the next master secret, which is long enough too";
const ROUNDS: u32 = 5;

fn rotate(data: &Data, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = data.command(&[&["secrets", "rotate"], arguments].concat());
    command.envs(environment.iter().copied()).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

fn opens(data: &Data, environment: &[(&str, &str)]) -> bool {
    let output = data.command(&["secrets", "check"]).envs(environment.iter().copied()).output().unwrap();
    assert!(output.status.success() || text(&output).contains("another master key"), "{}", text(&output));
    output.status.success()
}

#[test]
fn the_master_secret_rotates_from_the_path_to_a_secret_and_on_and_twice_is_once() {
    let data = Data::new(&[]);
    let made = data.setup(&[]);
    let before = dump(&data);
    let done = rotate(&data, &["master"], &[("MASTER_SECRET_NEW", MASTER)]);
    assert!(done.status.success(), "{}", text(&done));
    assert!(dump(&data).iter().zip(&before).all(|(new, old)| new.0 == old.0), "a cell came or went");
    let unchanged: Vec<_> =
        dump(&data).into_iter().filter(|cell| before.contains(cell)).map(|(name, _)| name).collect();
    assert_eq!(unchanged, ["vault.data_key"], "the second tier stands");
    fails(&data, &[], "another master key");
    let again = rotate(&data, &["master"], &[("MASTER_SECRET_NEW", MASTER)]);
    assert!(!again.status.success() && text(&again).contains("another master key"), "{}", text(&again));
    let again = rotate(&data, &["master"], &[("MASTER_SECRET", MASTER), ("MASTER_SECRET_NEW", MASTER)]);
    assert!(again.status.success() && text(&again).contains("nothing to do"), "{}", text(&again));
    std::fs::remove_file(data.path().join("master.salt")).unwrap();
    let file = data.path().join("new");
    std::fs::write(&file, format!("{NEW}\n")).unwrap();
    let file = [("MASTER_SECRET", MASTER), ("MASTER_SECRET_NEW_FILE", file.to_str().unwrap())];
    let done = rotate(&data, &["master", "--compromised"], &file);
    assert!(done.status.success() && text(&done).contains("rotate edge-link --compromised"), "{}", text(&done));
    assert!(opens(&data, &[("MASTER_SECRET", NEW)]) && !opens(&data, &[("MASTER_SECRET", MASTER)]));
    let short = rotate(&data, &["master"], &[("MASTER_SECRET", NEW), ("MASTER_SECRET_NEW", "short")]);
    assert_eq!(short.status.code(), Some(1));
    let listed = data.command(&["keys", "list"]).env("MASTER_SECRET", NEW).output().unwrap();
    assert!(holds(&listed.stdout, &made.public_key));
}

#[test]
fn the_jwt_secret_rotates_twice_and_ends_sessions_and_moves_into_the_configuration() {
    let data = Data::new(&[]);
    data.setup(&[]);
    let (public, issue) = vendor(&data);
    activate(&data, &public, &issue(&[]));
    let licensed = || {
        let mut command = data.command(&["license", "show"]);
        text(&command.env("SEALPIX_LICENSE_PUBLIC_KEY", &public).output().unwrap()).contains("Example GmbH")
    };
    let database = rusqlite::Connection::open(data.path().join("registry.db")).unwrap();
    for (arguments, cells) in [(vec!["jwt"], 2), (vec!["jwt"], 2), (vec!["jwt", "--compromised"], 3)] {
        database.execute("INSERT INTO sessions (id, created_at, expires_at) VALUES ('s', 1, 9e15)", []).unwrap();
        let before = dump(&data);
        let done = rotate(&data, &arguments, &[]);
        assert!(done.status.success(), "{}", text(&done));
        let sessions: i64 = database.query_row("SELECT count(*) FROM sessions", [], |row| row.get(0)).unwrap();
        assert_eq!(sessions, 0);
        // The check cell is sealed anew too: who opened the registry before changes nothing more.
        assert_eq!(dump(&data).iter().filter(|cell| !before.contains(cell)).count(), cells + 1);
        assert!(licensed());
    }
    let served = data.serve();
    let refused = rotate(&data, &["jwt"], &[]);
    assert!(!refused.status.success() && text(&refused).contains("stop them first"), "{}", text(&refused));
    assert_eq!(served.terminate(), Some(0));
    let secret = "a configured JWT secret, long enough";
    assert!(rotate(&data, &["jwt"], &[("JWT_SECRET_NEW", secret)]).status.success());
    fails(&data, &[], "JWT_SECRET_PREVIOUS");
    let refused = rotate(&data, &["jwt"], &[("JWT_SECRET", secret)]);
    assert!(!refused.status.success() && text(&refused).contains("JWT_SECRET is configured"), "{}", text(&refused));
    assert!(rotate(&data, &["jwt", "--compromised"], &[("JWT_SECRET", secret)]).status.success());
    assert!(opens(&data, &[("JWT_SECRET", secret)]));
}

#[test]
fn a_master_rotation_killed_at_any_moment_opens_with_the_old_or_with_the_new() {
    let data = Data::new(&[("MASTER_SECRET", MASTER)]);
    data.setup(&[]);
    for _ in 0..20 {
        data.stdout(&["keys", "create", "--project", "my-app"]);
    }
    let (mut old, mut new) = (MASTER, NEW);
    let began = Instant::now();
    let done = rotate(&data, &["master"], &[("MASTER_SECRET", old), ("MASTER_SECRET_NEW", new)]);
    assert!(done.status.success(), "{}", text(&done));
    let whole = began.elapsed();
    std::mem::swap(&mut old, &mut new);
    let mut moved = 0;
    for round in 0..ROUNDS {
        let mut command = data.command(&["secrets", "rotate", "master"]);
        let mut process = command.envs([("MASTER_SECRET", old), ("MASTER_SECRET_NEW", new)]).spawn().unwrap();
        // From a third of its time to its whole: before, within and after its one commit.
        std::thread::sleep(whole / 3 + whole * 2 / 3 * round / (ROUNDS - 1));
        let _ = process.kill();
        process.wait().unwrap();
        let (with_old, with_new) = (opens(&data, &[("MASTER_SECRET", old)]), opens(&data, &[("MASTER_SECRET", new)]));
        assert!(with_old != with_new, "old opens: {with_old}, new opens: {with_new}");
        if with_new {
            std::mem::swap(&mut old, &mut new);
            moved += 1;
        }
    }
    println!("kill -9 into rotate master: {moved} of {ROUNDS} were committed ({whole:?} each)");
    assert!(whole > Duration::ZERO);
}
