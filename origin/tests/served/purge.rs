//! Purges by API and command, and what delivery makes of an edge that knows of one more.

use std::collections::BTreeSet;

use sealpix::link::LinkSecret;
use sealpix::proof::{self, Direction, Facts, Proven};
use sealpix_origin::access::permission::{Permission, Scope};
use sealpix_origin::access::role::Role;
use serde_json::{Value, json};

use crate::accounts::client::on_every_database;
use crate::api::{Api, Told};
use crate::harness::{Answer, Data, Made, Served};

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/freespace-1mp.jpg");
const PURGE: &str = "/projects/my-app/purge";

/// What the command prints.
fn by_command(data: &Data, what: &[&str]) -> Value {
    serde_json::from_str(&data.stdout(&[&["purge", "my-app", "--json"], what].concat())).unwrap()
}

/// An editor, beside the admin that there must be.
fn editor(served: &Served, data: &Data) -> Api {
    Api::of(served, data, Role::Admin);
    Api::of(served, data, Role::Editor)
}

fn epoch(told: &Value) -> u64 {
    told["epoch"].as_u64().unwrap()
}

#[test]
fn a_source_is_purged_as_people_write_it_and_each_purge_is_a_newer_epoch() {
    on_every_database(|data| {
        data.setup(&[]);
        let served = data.serve();
        let api = editor(&served, data);
        let before = api.get("/projects/my-app").is(200);
        let mut last = 0;
        for (written, source) in [
            ("https://CDN.example.com/a%20b/", "cdn.example.com/a b/"),
            ("https://CDN.example.com/a%20b/", "cdn.example.com/a b/"),
            ("cdn.example.com", "cdn.example.com/"),
            ("@gallery", "@gallery/"),
            ("@gallery/albums/", "@gallery/albums/"),
            ("@gallery/one, two: ü.jpg", "@gallery/one, two: ü.jpg"),
        ] {
            let told = api.post(PURGE, &json!({ "source": written })).is(200);
            let purged = epoch(&told);
            let expected =
                json!({"project": "my-app", "source": source, "emptied": "source", "epoch": purged, "edge": "none"});
            assert_eq!(told, expected, "{written}");
            let printed = by_command(data, &["--source", written]);
            assert!(last < purged && purged < epoch(&printed), "{last} {told} {printed}");
            last = epoch(&printed);
            let expected = json!({"project": "my-app", "source": source, "emptied": "source", "epoch": last});
            assert_eq!(printed, expected);
        }
        assert_eq!(api.get("/projects/my-app").is(200), before, "the project's own epoch stands");
        let ways: [&dyn Fn() -> Value; 2] = [&|| api.post(PURGE, &json!({})).is(200), &|| by_command(data, &["--all"])];
        for way in ways {
            let all = way();
            assert_eq!((&all["source"], &all["emptied"]), (&Value::Null, &json!("project")));
            assert_eq!(api.get("/projects/my-app").is(200)["epoch"], all["epoch"]);
            assert!(epoch(&all) > last, "{all}");
            last = epoch(&all);
        }
        assert_eq!(data.stdout(&["purge", "my-app", "--all"]), "purged all of my-app\n");
        assert_eq!(data.stdout(&["purge", "my-app", "--source", "@gallery"]), "purged @gallery/ of my-app\n");

        let log = Api::of(&served, data, Role::Admin).get("/audit?action=project.purged").is(200);
        let entries = log["items"].as_array().unwrap();
        assert_eq!(entries.len(), 16, "{log}");
        let said = |entry: &Value| match &entry["after"] {
            Value::String(text) => serde_json::from_str(text).unwrap(),
            other => other.clone(),
        };
        assert_eq!(said(&entries[0])["prefix"], "@gallery/");
        assert_eq!((&said(&entries[1])["prefix"], &said(&entries[1])["all"]), (&Value::Null, &json!(true)));
    });
}

#[test]
fn what_may_not_be_purged_is_refused_and_moves_nothing() {
    let data = Data::new(&[]);
    data.setup(&[]);
    let served = data.serve();
    let api = editor(&served, &data);
    let too_long = format!("@gallery/{}", "a".repeat(504));
    for source in
        ["", "/", "gallery", "@gallery/../", "http://cdn.example.com/", "*.example.com/", "@gallery/a\nb", &too_long]
    {
        api.post(PURGE, &json!({ "source": source })).refuses(422, "source_invalid");
        let refused = data.run(&["purge", "my-app", "--source", source]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!((refused.status.code(), said.starts_with("sealpix: source: ")), (Some(1), true), "{source}: {said}");
    }
    for body in [json!({ "source": 1 }), json!({ "prefix": "@gallery/" }), json!([])] {
        api.post(PURGE, &body).refuses(400, "invalid");
    }
    api.post(PURGE, &json!({ "source": "@galery" })).refuses(404, "not_found");
    api.post("/projects/no-such/purge", &json!({})).refuses(404, "not_found");
    for (arguments, code, says) in [
        (vec!["purge", "my-app"], 2, "--source"),
        (vec!["purge", "my-app", "--all", "--source", "@gallery"], 2, "cannot be used with"),
        (vec!["purge", "--all"], 2, "PROJECT"),
        (vec!["purge", "no-such", "--all"], 1, "there is no project"),
        (vec!["purge", "my-app", "--source", "@galery"], 1, "there is no source @galery"),
    ] {
        let refused = data.run(&arguments);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(code) && said.contains(says), "{arguments:?}: {said}");
    }
    Api::of(&served, &data, Role::Viewer).post(PURGE, &json!({})).refuses(403, "forbidden");
    Api::nobody(&served).post(PURGE, &json!({})).refuses(401, "unauthenticated");
    let others = Scope::all().filter(|scope| scope.permission() != Permission::Purge).collect();
    Api::with(&served, &data, Role::Admin, others).post(PURGE, &json!({})).refuses(403, "forbidden");
    let purge = [Scope::of(Permission::Purge).unwrap()].into_iter().collect();
    let machine = Api::with(&served, &data, Role::Editor, purge);
    assert_eq!(api.get("/projects/my-app").is(200)["epoch"], 0, "nothing was purged");
    machine.post(PURGE, &json!({})).is(200);

    let key = api.get("/projects/my-app/keys").is(200)["items"][0]["public_key"].as_str().unwrap().to_owned();
    api.post(&format!("/keys/{key}/revoke"), &json!({})).is(200);
    api.delete("/projects/my-app").is(204);
    api.post(PURGE, &json!({})).refuses(404, "not_found");
    assert_eq!(data.run(&["purge", "my-app", "--all"]).status.code(), Some(1));
}

#[test]
fn repetitions_under_one_key_are_one_purge_and_others_at_once_are_many() {
    on_every_database(|data| {
        data.setup(&[]);
        let served = data.serve();
        let api = editor(&served, data);
        let at_once = |headers: &[(&str, &str)]| -> Vec<Told> {
            let ask = || api.send("POST", PURGE, headers, Some(&json!({ "source": "@gallery/a" })));
            std::thread::scope(|scope| {
                let asking: Vec<_> = (0..10).map(|_| scope.spawn(ask)).collect();
                asking.into_iter().map(|asking| asking.join().unwrap()).collect()
            })
        };
        let epochs = |told: Vec<Told>| -> BTreeSet<u64> { told.into_iter().map(|told| epoch(&told.is(200))).collect() };
        assert_eq!(epochs(at_once(&[("Idempotency-Key", "one")])).len(), 1);
        assert_eq!(epochs(at_once(&[])).len(), 10);
        let other = api.send("POST", PURGE, &[("Idempotency-Key", "one")], Some(&json!({})));
        other.refuses(409, "idempotency_key_reused");
    });
}

#[test]
fn the_65th_source_empties_the_project() {
    let data = Data::new(&[]);
    data.setup(&[]);
    let served = data.serve();
    let api = editor(&served, &data);
    let purge = |number: usize| api.post(PURGE, &json!({ "source": format!("@gallery/{number}/") })).is(200);
    assert!((0..64).all(|number| purge(number)["emptied"] == "source"));
    assert_eq!(purge(7)["emptied"], "source", "one that is held already");
    let whole = purge(64);
    assert_eq!((&whole["emptied"], &whole["source"]), (&json!("project"), &json!("@gallery/64/")));
    assert_eq!(api.get("/projects/my-app").is(200)["epoch"], whole["epoch"]);
    assert_eq!(purge(65)["emptied"], "source", "there is room again");
}

/// Asks as an edge that knows these epochs.
fn ask_knowing(served: &Served, made: &Made, source: &str, (project_epoch, source_epoch): (u64, u64)) -> Answer {
    let target = made.sign("w_40", source);
    let keys = LinkSecret::parse(&made.edge_link).unwrap().keys();
    let time = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let facts = Facts { time, nonce: "n".to_owned(), project_epoch, source_epoch, ..Facts::default() };
    let request = Proven { direction: Direction::EdgeToOrigin, method: "GET", target: &target, body: b"" };
    served.ask("GET", &target, &[(proof::HEADER, &proof::prove(&keys, request, &facts))])
}

#[test]
fn an_origin_behind_its_edge_makes_nothing_and_one_that_is_level_or_ahead_does() {
    let data = Data::new(&[]);
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    let made = data.setup(&[]);
    let served = data.serve();
    let source = epoch(&by_command(&data, &["--source", "@gallery/photo"]));
    let held = |epochs| {
        let answer = ask_knowing(&served, &made, "@gallery/photo.jpg", epochs);
        (answer.status, answer.code(), answer.header("retry-after").map(str::to_owned))
    };
    let made_it = (200, None, None);
    let behind = (503, Some("origin_behind".to_owned()), Some("2".to_owned()));
    for (epochs, expected) in [
        ((0, source), &made_it),
        ((0, source - 1), &made_it),
        ((0, 0), &made_it),
        ((0, source + 1), &behind),
        ((1, 0), &behind),
        ((1, source), &behind),
        ((u64::MAX, u64::MAX), &behind),
    ] {
        assert_eq!(held(epochs), *expected, "{epochs:?}");
    }
    // The project's epoch stands above those of its sources.
    let whole = epoch(&by_command(&data, &["--all"]));
    for (epochs, expected) in
        [((0, u64::MAX), &made_it), ((whole, 0), &made_it), ((whole, 1), &behind), ((whole + 1, 0), &behind)]
    {
        assert_eq!(held(epochs), *expected, "{epochs:?}");
    }
    // What is refused by the gate is refused as before, whoever is behind.
    let denied = ask_knowing(&served, &made, "other.example.com/a.jpg", (whole + 1, 0));
    assert_eq!(denied.code().as_deref(), Some("source_denied"));
}
