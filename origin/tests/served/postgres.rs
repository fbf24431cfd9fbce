//! The whole way of a picture with the registry on PostgreSQL, by commands and two servers that share the database.

use serde_json::{Value, json};

use crate::harness::{Data, MASTER, Made};
use crate::secrets::{holds, spellings};
use crate::server::{PASSWORD, ask};

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/freespace-1mp.jpg");

const SOURCE: &str = "@gallery/photo.jpg";

fn rotate(data: &Data, arguments: &[&str]) -> Made {
    let printed = data.stdout(&[&["keys", "rotate", "--json"], arguments].concat());
    let made: Value = serde_json::from_str(&printed).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    Made { public_key: text("public_key"), secret_key: text("secret_key"), edge_link: String::new() }
}

#[test]
fn a_picture_is_set_up_signed_delivered_rotated_and_revoked_on_two_instances() {
    let data = Data::on_postgres(&[("SEALPIX_DELIVERY", "direct")]);
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    let made = data.setup(&[]);
    assert!(!data.path().join("registry.db").exists() && !data.path().join("master.salt").exists());
    assert!(String::from_utf8_lossy(&data.run(&["setup"]).stderr).contains("set up already"));
    let servers = [data.serve(), data.serve()];
    let target = made.sign("w_50", SOURCE);
    let url = format!("https://img.example.com{target}");
    assert!(data.stdout(&["inspect", &url]).contains("ok: admitted"));
    for served in &servers {
        assert_eq!(served.get("/readyz").status, 200);
        let picture = served.get(&target);
        assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/jpeg")));
        assert_eq!(served.get(&target.replace("w_50", "w_51")).code().as_deref(), Some("signature_invalid"));
    }

    let second = rotate(&data, &[&made.public_key, "--grace", "1h"]);
    for served in &servers {
        assert_eq!(served.get(&target).status, 200, "in its grace the old key verifies");
        assert_eq!(served.get(&second.sign("w_50", SOURCE)).status, 200);
    }
    data.stdout(&["keys", "revoke", &made.public_key]);
    let third = rotate(&data, &[&second.public_key]);
    for served in &servers {
        assert_eq!(served.get(&target).code().as_deref(), Some("key_revoked"));
        assert_eq!(served.get(&second.sign("w_50", SOURCE)).code().as_deref(), Some("key_expired"));
        assert_eq!(served.get(&third.sign("w_50", SOURCE)).status, 200);
    }
    assert!(!data.run(&["inspect", &url]).status.success());

    let state = json!({"projects": [{
        "slug": "my-app", "sources": ["cdn.example.com"],
        "keys": [{"public_key": third.public_key, "secret_key": third.secret_key, "name": "third"}],
    }]});
    let applied = data.apply(&state);
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    for served in &servers {
        assert_eq!(served.get(&third.sign("w_50", SOURCE)).code().as_deref(), Some("source_denied"));
    }
    let created: Value =
        serde_json::from_str(&data.stdout(&["keys", "create", "--project", "my-app", "--json"])).unwrap();
    let listed = data.stdout(&["keys", "list", "--json"]);
    assert!(listed.contains(created["public_key"].as_str().unwrap()) && listed.contains("\"third\""));
    assert!(data.stdout(&["secrets", "check"]).contains("8 sealed secrets, 0 of them do not open"));
    for served in servers {
        assert_eq!(served.terminate(), Some(0));
    }
}

#[test]
fn no_secret_stands_in_a_postgresql_database_its_servers_log_or_ours() {
    let data = Data::on_postgres(&[("SEALPIX_DELIVERY", "direct"), ("SEALPIX_LOG", "trace")]);
    let (server, url) = data.server.as_ref().unwrap();
    let made = data.setup(&[]);
    let served = data.serve();
    served.get(&made.sign("w_10", "@gallery/missing.jpg"));
    let rotated = rotate(&data, &[&made.public_key]);
    let inspected = data.run(&["inspect", &made.sign("w_10", "@gallery/a.jpg")]);
    let tables = ask(url, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'").unwrap();
    assert!(tables.len() >= 7, "{tables:?}");
    let mut said: Vec<(String, Vec<u8>)> = tables
        .iter()
        .map(|table| {
            let rows = ask(url, &format!("SELECT t::TEXT FROM {table} t")).unwrap();
            (format!("table {table}"), rows.join("\n").into_bytes())
        })
        .collect();
    let log = served.log();
    assert!(log.contains("source_not_found") && log.contains("PostgreSQL"), "the log was read: {log}");
    let statements = server.log();
    assert!(statements.contains("INSERT INTO api_keys"), "PostgreSQL's log was read");
    said.extend([
        ("our log".to_owned(), log.into_bytes()),
        ("PostgreSQL's log".to_owned(), statements.into_bytes()),
        ("inspect".to_owned(), [inspected.stdout, inspected.stderr].concat()),
        ("keys list".to_owned(), data.stdout(&["keys", "list", "--json"]).into_bytes()),
    ]);
    assert!(said.iter().any(|(name, bytes)| name == "table api_keys" && holds(bytes, &made.public_key)));
    for secret in [made.secret_key.as_str(), &rotated.secret_key, &made.edge_link, MASTER, PASSWORD] {
        for spelling in spellings(secret) {
            for (name, bytes) in &said {
                assert!(!holds(bytes, &spelling), "{name} holds a secret");
            }
        }
    }
}

#[test]
fn postgresql_without_a_master_secret_does_not_start_and_no_message_shows_the_url() {
    let data = Data::on_postgres(&[]);
    let (server, url) = data.server.as_ref().unwrap();
    data.setup(&[]);
    let fails = |changes: &[(&str, Option<&str>)], message: &str| {
        for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["keys", "list"], &["setup"]] {
            let mut command = data.command(arguments);
            command.env("SEALPIX_LOG", "trace");
            for (name, value) in changes {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            let output = command.output().unwrap();
            let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
            assert!(said.contains(message), "{arguments:?}: {said}");
            assert!(!said.contains(PASSWORD) && !said.contains(MASTER), "{said}");
        }
    };
    fails(&[("MASTER_SECRET", None)], "MASTER_SECRET: is required with PostgreSQL");
    fails(&[("MASTER_SECRET", Some("short"))], "fewer than 32 characters");
    fails(&[("MASTER_SECRET", Some("another master secret, long enough too"))], "sealed with another master key");
    let mysql = url.replace("postgres:", "mysql:");
    fails(&[("DATABASE_URL", Some(&mysql))], "DATABASE_URL: takes postgres://");
    let misspelt = url.replace(":", "@");
    fails(&[("DATABASE_URL", Some(&misspelt))], "DATABASE_URL: takes postgres://");
    let wrong = url.replace("@localhost", "-wrong@localhost");
    fails(&[("DATABASE_URL", Some(&wrong))], "password authentication failed");
    fails(&[("DATABASE_URL", Some(&server.url("nowhere")))], "does not exist");

    let file = data.path().join("url");
    std::fs::write(&file, format!("{url}?sslmode=verify-full&sslrootcert={}\n", server.authority().display())).unwrap();
    let mut from_file = data.command(&["keys", "list"]);
    from_file.env_remove("DATABASE_URL").env("DATABASE_URL_FILE", &file);
    let output = from_file.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("my-app"));
}

#[test]
fn a_sqlite_file_may_be_named_and_is_served_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("elsewhere/registry.db");
    let url = format!("sqlite:{}", file.display());
    let roots = folder.path().display().to_string();
    let data = Data::new(&[("DATABASE_URL", &url), ("SEALPIX_FILE_ROOTS", &roots)]);
    data.setup(&[]);
    assert!(file.exists() && file.with_file_name("master.salt").exists());
    assert!(!data.path().join("registry.db").exists());
    assert!(data.stdout(&["secrets", "check"]).contains("5 sealed secrets, 0 of them"));
    for root in [folder.path(), file.parent().unwrap()] {
        let refused = data.apply(&json!({"sources": [{"name": "all", "kind": "file", "root": root}]}));
        assert!(!refused.status.success(), "{} holds the registry", root.display());
    }
}
