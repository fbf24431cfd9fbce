//! `sealpix users`: what it does, what it refuses, its exit codes.

use std::io::Write as _;
use std::process::{Output, Stdio};

use serde_json::Value;

use super::client::{ADMIN, PASSWORD, Person, login, on_every_database, set_up};
use crate::harness::Data;

/// Runs a command with a password on its standard input.
fn with_password(data: &Data, arguments: &[&str], password: &str) -> Output {
    let mut command = data.command(&[arguments, &["--password-file", "-"]].concat());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn users_are_made_changed_and_removed_by_command_beside_a_running_origin() {
    on_every_database(|data| {
        let (served, _) = set_up(data);
        let eve = "eve@example.com";
        let create = ["users", "create", "--email", "Eve@Example.com", "--name", "Eve", "--role", "editor"];
        assert_eq!(with_password(data, &create, &format!("{PASSWORD}\r\n")).status.code(), Some(0));
        let person = Person::of(&login(&served, eve, PASSWORD));
        let listed: Value = serde_json::from_str(&data.stdout(&["users", "list", "--json"])).unwrap();
        assert_eq!((listed[1]["email"].as_str(), listed[1]["role"].as_str()), (Some(eve), Some("editor")));
        assert!(data.stdout(&["users", "list"]).lines().count() == 2);
        data.stdout(&["users", "set-role", eve, "admin"]);
        assert_eq!(person.get(&served, "/users").status, 200);
        let sessions: Value =
            serde_json::from_str(&data.stdout(&["users", "sessions", "list", eve, "--json"])).unwrap();
        assert_eq!(sessions.as_array().unwrap().len(), 1);
        assert!(data.stdout(&["users", "sessions", "end", &person.id]).contains("ended 1 sessions"));
        assert_eq!(person.get(&served, "/session").status, 401);
        let new = "another long password";
        assert_eq!(with_password(data, &["users", "password", eve], new).status.code(), Some(0));
        assert_eq!((login(&served, eve, PASSWORD).status, login(&served, eve, new).status), (401, 201));
        data.stdout(&["users", "deactivate", eve]);
        assert_eq!(login(&served, eve, new).status, 401);
        data.stdout(&["users", "activate", eve]);
        assert_eq!(login(&served, eve, new).status, 201);
        data.stdout(&["users", "remove", eve]);
        assert_eq!(login(&served, eve, new).status, 401);
    });
}

#[test]
fn what_the_command_refuses_it_names() {
    let data = Data::new(&[]);
    let account = |email: &'static str, role: &'static str| {
        ["users", "create", "--email", email, "--name", "Ada", "--role", role]
    };
    let missing = data.run(&["users", "list"]);
    assert_eq!(missing.status.code(), Some(1), "a command that only looks makes nothing");
    assert_eq!(with_password(&data, &account(ADMIN, "admin"), PASSWORD).status.code(), Some(0));
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    for (arguments, password, message) in [
        (account(ADMIN, "admin"), PASSWORD, "exists already"),
        (account("no address", "admin"), PASSWORD, "an email address is"),
        (account("eve@example.com", "viewer"), "short", "at least 8 characters"),
        (account("eve@example.com", "viewer"), "", "at least 8 characters"),
    ] {
        let refused = with_password(&data, &arguments, password);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains(message), "{}", said(&refused));
    }
    let mut unasked = data.command(&account("eve@example.com", "viewer"));
    let unasked = unasked.stdin(Stdio::null()).output().unwrap();
    assert!(said(&unasked).contains("--password-file"), "{}", said(&unasked));
    for (arguments, message) in [
        (&["users", "set-role", ADMIN, "viewer"][..], "the last active admin"),
        (&["users", "deactivate", ADMIN], "the last active admin"),
        (&["users", "remove", ADMIN], "the last active admin"),
        (&["users", "remove", "nobody@example.com"], "there is no user"),
        (&["users", "sessions", "end", "nobody@example.com"], "there is no user"),
        (&["users", "sessions", "list", "us_AAAAAAAAAAAAAAAAAAAAAA"], "there is no user"),
    ] {
        let refused = data.run(arguments);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
        assert!(said(&refused).contains(message), "{arguments:?}: {}", said(&refused));
    }
    for arguments in [&["users"][..], &["users", "create"], &["users", "set-role", ADMIN, "root"], &["users", "remove"]]
    {
        assert_eq!(data.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(data.run(&["users", "create", "--password", PASSWORD]).status.code(), Some(2), "none in arguments");
}
