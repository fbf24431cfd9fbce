//! Projects, presets and keys through the admin API, and what delivery makes of them.

use std::sync::Arc;

use sealpix_origin::access::permission::{Scope, Scopes};
use sealpix_origin::access::role::Role;
use serde_json::{Value, json};

use crate::api::{Api, Told};
use crate::harness::{Data, Made, Served};

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/freespace-1mp.jpg");

fn served_by(data: Data) -> (Data, Served, Api) {
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    data.setup(&[]);
    let served = data.serve();
    let admin = Api::of(&served, &data, Role::Admin);
    (data, served, admin)
}

fn served() -> (Data, Served, Api) {
    served_by(Data::new(&[("SEALPIX_DELIVERY", "direct")]))
}

/// The pair of an answer that makes a key.
fn pair(told: &Value) -> Made {
    Made {
        public_key: told["key"]["public_key"].as_str().unwrap().to_owned(),
        secret_key: told["secret_key"].as_str().unwrap().to_owned(),
        edge_link: String::new(),
    }
}

fn delivered(served: &Served, made: &Made) -> String {
    let answer = served.get(&made.sign_for("a-shop", "w_64", "@gallery/photo.jpg"));
    if answer.status == 200 { "ok".to_owned() } else { answer.code().unwrap() }
}

fn with_shop(api: &Api) {
    api.post("/projects", &json!({ "slug": "a-shop", "grants": ["gallery"] })).is(201);
}

#[test]
fn a_key_made_by_the_api_delivers_until_it_is_rotated_or_revoked() {
    let (_data, served, api) = served();
    with_shop(&api);
    let first = pair(&api.post("/projects/a-shop/keys", &json!({ "name": "backend" })).is(201));
    assert_eq!(delivered(&served, &first), "ok");

    let rotated = api.post(&format!("/keys/{}/rotate", first.public_key), &json!({ "grace": "15m" })).is(201);
    let second = pair(&rotated);
    assert_eq!(rotated["key"]["name"], "backend");
    assert_eq!((delivered(&served, &first), delivered(&served, &second)), ("ok".into(), "ok".into()), "grace");
    let old = api.get(&format!("/keys/{}", first.public_key)).is(200);
    assert!(old["not_after"].as_u64().unwrap() * 1000 > old["created_at"].as_u64().unwrap() + 890_000, "{old}");

    let again = api.post(&format!("/keys/{}/rotate", second.public_key), &json!({ "grace": "0" })).is(201);
    let third = pair(&again);
    assert_eq!((delivered(&served, &second), delivered(&served, &third)), ("key_expired".into(), "ok".into()));
    api.post(&format!("/keys/{}/rotate", second.public_key), &json!({ "grace": "0" })).refuses(409, "refused");

    for _ in 0..2 {
        let revoked = api.send("POST", &format!("/keys/{}/revoke", third.public_key), &[], None).is(200);
        assert_eq!((revoked["state"].as_str(), revoked["edge"].as_str()), (Some("revoked"), Some("none")));
    }
    assert_eq!(delivered(&served, &third), "key_revoked");
    assert_eq!(delivered(&served, &first), "ok", "the others stand as they stood");
    let listed = api.get("/projects/a-shop/keys?limit=2").is(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let rest = api.get(&format!("/projects/a-shop/keys?cursor={}", listed["next_cursor"].as_str().unwrap())).is(200);
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));
    assert!(!listed.to_string().contains("sk_") && !rest.to_string().contains("sk_"), "a list shows a secret");
}

#[test]
fn a_changed_key_is_changed_at_delivery_and_its_end_only_comes_closer() {
    let (_data, served, api) = served();
    with_shop(&api);
    let made = pair(&api.post("/projects/a-shop/keys", &json!({})).is(201));
    let path = format!("/keys/{}", made.public_key);
    let changed = api.patch(&path, &json!({ "name": "ü", "policy": { "operations": ["h"] } })).is(200);
    assert_eq!((&changed["name"], &changed["policy"]["operations"]), (&json!("ü"), &json!(["h"])));
    assert_eq!(delivered(&served, &made), "operation_not_allowed");
    api.patch(&path, &json!({ "policy": { "operations": null }, "limits": { "minute": 1, "day": 5 } })).is(200);
    assert_eq!((delivered(&served, &made), delivered(&served, &made)), ("ok".into(), "rate_limited".into()));
    api.patch(&path, &json!({ "not_after": 4_000_000_000_u64 })).is(200);
    api.patch(&path, &json!({ "not_after": 4_000_000_001_u64 })).refuses(422, "not_after_later");
    api.patch(&path, &json!({ "not_after": 1_000 })).is(200);
    assert_eq!(delivered(&served, &made), "key_expired");

    let keys = "/projects/a-shop/keys";
    api.post(keys, &json!({ "not_after": 1_000 })).refuses(422, "not_after_past");
    api.post(keys, &json!({ "policy": { "operations": ["sepia"] } })).refuses(422, "policy_invalid");
    for body in [
        json!({ "name": "a\u{0}b" }),
        json!({ "name": "x".repeat(101) }),
        json!({ "unknown": 1 }),
        json!({ "limits": { "minute": -1 } }),
        json!({ "limits": { "hour": 1 } }),
        json!([]),
    ] {
        api.post(keys, &body).refuses(400, "invalid");
    }
    api.post("/projects/no-such/keys", &json!({})).refuses(404, "not_found");
    api.get("/keys/pk_ZGVmZ2hpamtsbW5vcHFycw").refuses(404, "not_found");
    api.get("/keys/sk_x").refuses(404, "not_found");
    api.post(&format!("{path}/rotate"), &json!({ "grace": "2h" })).refuses(400, "invalid");
}

#[test]
fn usage_shows_in_keys() {
    let (data, _served, api) = served();
    with_shop(&api);
    let made = pair(&api.post("/projects/a-shop/keys", &json!({})).is(201));
    let unused = api.get(&format!("/keys/{}", made.public_key)).is(200);
    assert_eq!((&unused["last_used_at"], &unused["requests_24h"]), (&Value::Null, &json!(0)));
    let minute = unused["created_at"].as_i64().unwrap() / 60_000;
    let database = rusqlite::Connection::open(data.path().join("registry.db")).unwrap();
    for (minute, outcome, count) in [(minute, "ok", 3), (minute, "rate_limited", 4), (minute - 1_441, "ok", 5)] {
        let row = (&made.public_key, minute, outcome, count);
        database.execute("INSERT INTO usage VALUES (?1, ?2, ?3, 'jpg', ?4, 0)", row).unwrap();
    }
    let used = api.get(&format!("/keys/{}", made.public_key)).is(200);
    assert_eq!((&used["last_used_at"], &used["requests_24h"]), (&json!(minute * 60_000), &json!(7)));
    assert_eq!(api.get("/projects/a-shop/keys").is(200)["items"][0]["requests_24h"], 7);
}

/// One key for any number of repetitions, and the same secret in every answer.
fn repetitions_make_one_key(data: Data) {
    let (_data, _served, api) = served_by(data);
    with_shop(&api);
    let api = Arc::new(api);
    let asked = |route: &str, body: Value| {
        let threads: Vec<_> = (0..20)
            .map(|_| {
                let (api, route, body) = (Arc::clone(&api), route.to_owned(), body.clone());
                std::thread::spawn(move || api.send("POST", &route, &[("Idempotency-Key", "one")], Some(&body)))
            })
            .collect();
        let told: Vec<Told> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let first = &told[0];
        assert!(told.iter().all(|told| told.status == 201 && told.json == first.json), "{told:?}");
        pair(&first.json)
    };
    let made = asked("/projects/a-shop/keys", json!({ "name": "a" }));
    let rotated = asked(&format!("/keys/{}/rotate", made.public_key), json!({ "grace": "0" }));
    assert_ne!(made.secret_key, rotated.secret_key, "the key belongs to its route");
    assert_eq!(api.get("/projects/a-shop/keys").is(200)["items"].as_array().unwrap().len(), 2);
    let other = api.send("POST", "/projects/a-shop/keys", &[("Idempotency-Key", "one")], Some(&json!({ "name": "b" })));
    other.refuses(409, "idempotency_key_reused");
    for key in ["", &"x".repeat(256)] {
        let told = api.send("POST", "/projects/a-shop/keys", &[("Idempotency-Key", key)], Some(&json!({})));
        told.refuses(400, "invalid");
    }
}

#[test]
fn a_repeated_request_gets_the_same_pair_from_sqlite() {
    repetitions_make_one_key(Data::new(&[]));
}

#[test]
fn a_repeated_request_gets_the_same_pair_from_postgres() {
    repetitions_make_one_key(Data::on_postgres(&[]));
}

#[test]
fn an_answer_that_is_kept_no_more_is_refused_and_is_sealed_while_it_is_kept() {
    let (data, _served, api) = served();
    with_shop(&api);
    let send = || api.send("POST", "/projects/a-shop/keys", &[("Idempotency-Key", "k")], Some(&json!({})));
    let made = pair(&send().is(201));
    let database = rusqlite::Connection::open(data.path().join("registry.db")).unwrap();
    let cell: String = database.query_row("SELECT answer_cell FROM idempotency", [], |row| row.get(0)).unwrap();
    assert!(cell.starts_with("v1.") && !cell.contains(&made.secret_key[3..20]));
    database.execute("UPDATE idempotency SET created_at = created_at - 600001", []).unwrap();
    send().refuses(409, "idempotency_key_expired");
    assert_eq!(api.get("/projects/a-shop/keys").is(200)["items"].as_array().unwrap().len(), 1);
    // After a day the key is forgotten.
    database.execute("UPDATE idempotency SET created_at = created_at - 86400000", []).unwrap();
    assert_ne!(pair(&send().is(201)).public_key, made.public_key);
}

#[test]
fn projects_are_made_changed_and_deleted() {
    let (_data, served, api) = served();
    let wanted = json!({
        "slug": "a-shop", "environment": "staging", "referers": ["*.Example.ORG."], "require_referer": true,
        "sources": ["cdn.example.com/a b"], "grants": ["gallery"], "presets": { "card": "f_webp,w_400" },
        "caching": { "ttl_secs": 60 }, "key_defaults": { "limits": { "minute": 7, "day": 70 } },
    });
    let made = api.post("/projects", &wanted).is(201);
    let shown = api.get("/projects/a-shop").is(200);
    for (name, expected) in [
        ("environment", json!("staging")),
        ("referers", json!(["*.example.org"])),
        ("require_referer", json!(true)),
        ("sources", json!(["cdn.example.com/a%20b/"])),
        ("grants", json!(["gallery"])),
        ("presets", json!({ "card": "w_400,f_webp" })),
        ("caching", json!({ "ttl_secs": 60, "public": false })),
    ] {
        assert_eq!((&made[name], &shown[name]), (&expected, &expected), "{name}");
    }
    assert_eq!((&made["edge"], &made["epoch"]), (&json!("none"), &json!(0)));
    api.post("/projects", &json!({ "slug": "a-shop" })).refuses(409, "exists");
    let key = api.post("/projects/a-shop/keys", &json!({})).is(201);
    assert_eq!(key["key"]["limits"], json!({ "minute": 7, "day": 70 }), "the project's defaults");

    // What is shown may be sent back, and changes nothing.
    let same = json!({ "sources": shown["sources"], "referers": shown["referers"], "presets": shown["presets"] });
    let patched = api.patch("/projects/a-shop", &same).is(200);
    assert_eq!(patched["sources"], shown["sources"]);
    let patched = api.patch("/projects/a-shop", &json!({ "require_referer": false, "referers": [] })).is(200);
    assert_eq!((&patched["referers"], &patched["grants"]), (&json!([]), &json!(["gallery"])));

    assert_eq!(delivered(&served, &pair(&key)), "ok");
    api.delete("/projects/a-shop").refuses(409, "refused");
    api.send("POST", &format!("/keys/{}/revoke", pair(&key).public_key), &[], None).is(200);
    assert_eq!(api.delete("/projects/a-shop").status, 204);
    api.delete("/projects/a-shop").refuses(404, "not_found");
    api.get("/projects/a-shop").refuses(404, "not_found");
    api.post("/projects/a-shop/keys", &json!({})).refuses(404, "not_found");
    let listed = api.get("/projects").is(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "my-app is left");
    assert_eq!(delivered(&served, &pair(&key)), "key_revoked");
    let anew = api.post("/projects", &json!({ "slug": "a-shop", "grants": ["gallery"] })).is(201);
    assert_eq!(anew["caching"]["ttl_secs"], 86_400, "nothing is left but the epoch");
    assert!(anew["epoch"].as_u64() > Some(0), "{anew}");
    assert_eq!(delivered(&served, &pair(&key)), "key_revoked", "a removed project's keys stay dead");
}

#[test]
fn what_a_project_may_not_be_is_named() {
    let (_data, _served, api) = served();
    with_shop(&api);
    for (rules, code, told) in [
        (json!({ "sources": ["*.co.uk"] }), "rule_invalid", "public suffix"),
        (json!({ "sources": ["127.0.0.1"] }), "rule_invalid", "127.0.0.1"),
        (json!({ "sources": ["ok.example.com", "https://a.example"] }), "rule_invalid", "https://a.example"),
        (json!({ "referers": ["github.io"] }), "rule_invalid", "github.io"),
        (json!({ "referers": ["localhost:3000"] }), "rule_invalid", "localhost:3000"),
        (json!({ "referers": ["a.example/path/"] }), "rule_invalid", "path"),
        (json!({ "grants": ["nowhere"] }), "grant_unknown", "@nowhere"),
        (json!({ "presets": { "a": "w_0" } }), "preset_invalid", "operation w"),
        (json!({ "referers": ["a.example"], "caching": { "public": true } }), "caching_conflict", "public"),
        (json!({ "key_defaults": { "policy": { "operations": ["no"] } } }), "policy_invalid", "no"),
        (json!({ "fallback": { "source": "missing.png" } }), "fallback_invalid", "path"),
        (json!({ "fallback": { "source": "@gallery/../x" } }), "fallback_invalid", "segment"),
        (json!({ "fallback": { "source": "@gallery/x", "ttl_secs": 0 } }), "fallback_invalid", "ttl_secs"),
        (json!({ "fallback": { "source": "@gallery/x", "ttl_secs": 86_401 } }), "fallback_invalid", "ttl_secs"),
        (json!({ "fallback": { "source": "@other/x.png" } }), "fallback_invalid", "admit"),
        (json!({ "fallback": { "source": "cdn.example.com/x.png" } }), "fallback_invalid", "admit"),
        (json!({ "fallback": { "source": "@gallery/x" }, "grants": [] }), "fallback_invalid", "admit"),
    ] {
        let refused = api.patch("/projects/a-shop", &rules);
        refused.refuses(422, code);
        assert!(refused.json["detail"].as_str().unwrap().contains(told), "{rules}: {}", refused.json);
    }
    let many: Vec<_> = (0..4_000).map(|n| format!("host-{n}.of-a-name-of-some-length.example.com")).collect();
    api.patch("/projects/a-shop", &json!({ "sources": many })).refuses(422, "record_too_large");
    api.patch("/projects/a-shop", &json!({ "environment": "development", "referers": ["localhost:3000"] })).is(200);
    let live = api.patch("/projects/a-shop", &json!({ "environment": "production" }));
    live.refuses(422, "rule_invalid");
    for body in [json!({ "slug": "ab" }), json!({ "slug": "api" }), json!({ "slug": "a-b-c", "x": 1 }), json!("a-b-c")]
    {
        api.post("/projects", &body).refuses(400, "invalid");
    }
    api.patch("/projects/a-shop", &json!({ "slug": "other" })).refuses(400, "invalid");
    api.patch("/projects/a-shop", &json!({ "grants": ["A b"] })).refuses(400, "invalid");
    api.get("/projects/-no-").refuses(404, "not_found");

    let preset = "/projects/a-shop/presets/card";
    let put = api.put(preset, &json!({ "operations": "f_jpeg, w_400" })).is(200);
    assert_eq!(put["operations"], "w_400,f_jpg");
    assert_eq!(api.get(preset).is(200), json!({ "operations": "w_400,f_jpg" }));
    for operations in ["", "w_0", "sepia_3", "w_1,w_2", "p_other"] {
        api.put(preset, &json!({ "operations": operations })).refuses(422, "preset_invalid");
    }
    assert_eq!(api.delete(preset).status, 204);
    api.delete(preset).refuses(404, "not_found");
    api.get(preset).refuses(404, "not_found");
    api.put("/projects/a-shop/presets/A", &json!({ "operations": "_" })).refuses(404, "not_found");
}

#[test]
fn a_fallback_is_set_changed_and_taken_away_and_its_grant_stays() {
    let (_data, _served, api) = served();
    let wanted = json!({ "slug": "a-shop", "grants": ["gallery"], "fallback": { "source": "@gallery/missing.png" } });
    let made = api.post("/projects", &wanted).is(201);
    let expected = |ttl_secs| json!({ "source": "@gallery/missing.png", "ttl_secs": ttl_secs });
    assert_eq!((&made["fallback"], &api.get("/projects/a-shop").is(200)["fallback"]), (&expected(60), &expected(60)));
    let change = |body: Value| api.patch("/projects/a-shop", &body);
    assert_eq!(change(json!({ "fallback": { "ttl_secs": 5 } })).is(200)["fallback"], expected(5));
    assert_eq!(change(json!({ "require_referer": true })).is(200)["fallback"], expected(5), "what is not said stays");
    change(json!({ "grants": [] })).refuses(422, "fallback_invalid");
    let remote = json!({ "source": "https://CDN.example.com/a b.png?v=1", "ttl_secs": 86_400 });
    let changed = change(json!({ "sources": ["cdn.example.com"], "grants": [], "fallback": remote })).is(200);
    assert_eq!(changed["fallback"]["source"], "cdn.example.com/a%20b.png?v=1");
    assert_eq!(change(json!({ "fallback": changed["fallback"] })).is(200)["fallback"], changed["fallback"]);
    for body in [json!({ "fallback": "@gallery/x" }), json!({ "fallback": { "ttl_secs": "5" } })] {
        change(body).refuses(400, "invalid");
    }
    assert_eq!(change(json!({ "fallback": null })).is(200)["fallback"], Value::Null);
    change(json!({ "fallback": { "ttl_secs": 5 } })).refuses(400, "invalid");
    change(json!({ "sources": [] })).is(200);
}

#[test]
fn the_origin_signs_what_its_gate_admits_and_explains_the_rest() {
    let (_data, served, api) = served();
    with_shop(&api);
    let key = pair(&api.post("/projects/a-shop/keys", &json!({ "policy": { "max_width": 500 } })).is(201)).public_key;
    let wanted = |operations: &str, source: &str| json!({ "project": "a-shop", "key": key, "operations": operations, "source": source });
    let signed = api.post("/sign", &wanted("f_webp,w_64", "@gallery/photo.jpg")).is(200);
    let target = signed["target"].as_str().unwrap();
    assert_eq!((served.get(target).status, &signed["url"]), (200, &Value::Null));
    let list = api.post("/sign", &wanted("w_64|128", "@gallery/photo.jpg")).is(200);
    assert_eq!(list["widths"], json!([64, 128]));
    assert_eq!(served.get(&format!("{}&w=128", list["target"].as_str().unwrap())).status, 200);
    for (operations, source, code) in [
        ("w_0", "@gallery/photo.jpg", "operations_invalid"),
        ("w_64", "photo.jpg", "source_invalid"),
        ("w_64", "https://127.0.0.1/x", "source_invalid"),
        ("w_64", "@other/photo.jpg", "source_denied"),
        ("w_64", "cdn.example.com/photo.jpg", "source_denied"),
        ("w_501", "@gallery/photo.jpg", "operation_not_allowed"),
    ] {
        api.post("/sign", &wanted(operations, source)).refuses(422, code);
    }
    let mut expired = wanted("w_64", "@gallery/photo.jpg");
    expired["exp"] = json!(1_000);
    api.post("/sign", &expired).refuses(422, "url_expired");
    let mut elsewhere = wanted("w_64", "@gallery/photo.jpg");
    elsewhere["project"] = json!("my-app");
    api.post("/sign", &elsewhere).refuses(422, "project_mismatch");
    elsewhere["project"] = json!("no-such");
    api.post("/sign", &elsewhere).refuses(404, "not_found");

    let inspect = |target: &str| api.post("/inspect", &json!({ "target": target })).is(200);
    let fine = inspect(&format!("https://img.example.com{target}"));
    assert_eq!((&fine["verdict"], &fine["parts"]["operations"]), (&json!("ok"), &json!("w_64,f_webp")));
    assert_eq!(inspect(&target.replace("w_64", "w_65"))["verdict"], "signature_invalid", "SIG-1");
    assert_eq!(inspect("/x")["verdict"], "malformed_url");
    api.send("POST", &format!("/keys/{key}/revoke"), &[], None).is(200);
    assert_eq!(inspect(target)["verdict"], "key_revoked");
    api.post("/sign", &wanted("w_64", "@gallery/photo.jpg")).refuses(422, "key_revoked");
}

#[test]
fn each_role_may_what_it_may() {
    let (data, served, admin) = served();
    with_shop(&admin);
    let nobody = Api::nobody(&served);
    let [viewer, editor] = [Role::Viewer, Role::Editor].map(|role| Api::of(&served, &data, role));
    let scopeless = Api::with(&served, &data, Role::Admin, Scopes::from_iter([] as [Scope; 0]));
    let key = pair(&admin.post("/projects/a-shop/keys", &json!({})).is(201)).public_key;
    let key = format!("/keys/{key}");
    let empty = json!({});
    let unknown =
        json!({ "project": "a-shop", "key": "pk_ZGVmZ2hpamtsbW5vcHFycw", "operations": "_", "source": "@a/b" });
    // Each by the statuses of viewer, editor and admin.
    for (method, path, body, expected) in [
        ("GET", "/projects", None, [200, 200, 200]),
        ("GET", "/projects/a-shop", None, [200, 200, 200]),
        ("GET", "/projects/a-shop/keys", None, [200, 200, 200]),
        ("GET", key.as_str(), None, [200, 200, 200]),
        ("POST", "/projects", Some(&json!({ "slug": "a-shop" })), [403, 409, 409]),
        ("PATCH", "/projects/a-shop", Some(&empty), [403, 200, 200]),
        ("POST", "/projects/a-shop/keys", Some(&empty), [403, 201, 201]),
        ("PATCH", key.as_str(), Some(&empty), [403, 200, 200]),
        ("POST", &format!("{key}/rotate"), Some(&json!({ "grace": "1h" })), [403, 201, 409]),
        ("POST", &format!("{key}/revoke"), None, [403, 200, 200]),
        ("PUT", "/projects/a-shop/presets/a", Some(&json!({ "operations": "_" })), [403, 200, 200]),
        ("GET", "/projects/a-shop/presets/a", None, [200, 200, 200]),
        ("DELETE", "/projects/a-shop/presets/a", None, [403, 204, 404]),
        ("DELETE", "/projects/no-such", None, [403, 404, 404]),
        ("POST", "/sign", Some(&unknown), [403, 404, 404]),
        ("POST", "/inspect", Some(&json!({ "target": "/x" })), [200, 200, 200]),
    ] {
        assert_eq!(nobody.send(method, path, &[], body).status, 401, "{method} {path}");
        assert_eq!(scopeless.send(method, path, &[], body).status, 403, "{method} {path} without scopes");
        let told = [&viewer, &editor, &admin].map(|api| api.send(method, path, &[], body).status);
        assert_eq!(told, expected, "{method} {path}");
    }
}

#[test]
fn a_patch_changes_what_it_names_and_no_limit_or_policy_beside_it() {
    let (_data, _served, api) = served();
    with_shop(&api);
    let asked = json!({
        "name": "backend", "limits": {"minute": 5, "day": 50}, "not_after": 4_000_000_000_u64,
        "policy": {"require_expiry": true, "max_width": 100},
    });
    let made = pair(&api.post("/projects/a-shop/keys", &asked).is(201));
    let path = format!("/keys/{}", made.public_key);
    let patch = |body: Value| api.send("PATCH", &path, &[], Some(&body));
    let changed = patch(json!({"limits": {"minute": 7}, "policy": {"max_height": 200}})).is(200);
    assert_eq!(changed["limits"], json!({"minute": 7, "day": 50}));
    let policy = &changed["policy"];
    assert_eq!(
        (&policy["require_expiry"], &policy["max_width"], &policy["max_height"]),
        (&json!(true), &json!(100), &json!(200))
    );
    let changed = patch(json!({"policy": {"max_width": null}})).is(200);
    assert_eq!((&changed["policy"]["max_width"], &changed["policy"]["max_height"]), (&Value::Null, &json!(200)));
    patch(json!({"limits": {"minute": null}})).refuses(400, "invalid");
    patch(json!({"limits": {"hour": 1}})).refuses(400, "invalid");
    let many = vec!["sharpen"; 2_000];
    patch(json!({"policy": {"operations": many}})).refuses(422, "policy_invalid");
    let next = api.post(&format!("{path}/rotate"), &json!({"grace": "0"})).is(201);
    assert_eq!(next["key"]["not_after"], 4_000_000_000_u64, "a rotation took an end away");
}

#[test]
fn what_no_database_holds_is_refused_and_a_cursor_that_is_gone_is_said_so() {
    for data in [Data::new(&[]), Data::on_postgres(&[])] {
        let (_data, _served, api) = served_by(data);
        for query in ["actor=%00", "action=a%00", "target=%00"] {
            api.get(&format!("/audit?{query}")).refuses(400, "invalid");
        }
        api.get("/projects/a%00b").refuses(404, "not_found");
        api.post("/projects", &json!({"slug": "a-shop", "sources": ["a\u{0}.example.com"]}))
            .refuses(422, "rule_invalid");
        api.get("/projects?cursor=no-such-project").refuses(400, "invalid");
    }
}
