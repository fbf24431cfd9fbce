//! Sources and the gallery through the admin API: what is fetched, what is refused and why, what is shown to whom.

use sealpix_origin::access::role::Role;
use serde_json::{Value, json};

use crate::api::Api;
use crate::harness::{Data, Served};

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/freespace-1mp.jpg");

fn served(environment: &[(&str, &str)]) -> (Data, Served, Api) {
    let data = Data::new(&[environment, &[("SEALPIX_DELIVERY", "direct")]].concat());
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    data.setup(&[]);
    let served = data.serve();
    let admin = Api::of(&served, &data, Role::Admin);
    (data, served, admin)
}

#[test]
fn ssrf10_the_test_of_a_url_goes_through_the_guard_and_shows_each_address() {
    let (_data, _served, api) = served(&[("SEALPIX_SOURCE_TIMEOUT_SECS", "5")]);
    for (host, address, verdict) in [
        ("127.0.0.1", "127.0.0.1", "loopback"),
        ("localhost", "127.0.0.1", "loopback"),
        ("0.0.0.0", "0.0.0.0", "unspecified"),
        ("10.0.0.1", "10.0.0.1", "private"),
        ("172.16.0.1:8443", "172.16.0.1", "private"),
        ("192.168.1.1", "192.168.1.1", "private"),
        ("100.64.0.1", "100.64.0.1", "shared"),
        ("169.254.169.254", "169.254.169.254", "link_local"),
        ("168.63.129.16", "168.63.129.16", "platform"),
        ("192.0.2.1", "192.0.2.1", "documentation"),
        ("198.18.0.1", "198.18.0.1", "benchmarking"),
        ("224.0.0.1", "224.0.0.1", "multicast"),
        ("255.255.255.255", "255.255.255.255", "reserved"),
        ("[::1]", "::1", "loopback"),
        ("[::]", "::", "unspecified"),
        ("[fe80::1]", "fe80::1", "link_local"),
        ("[fd00::1]", "fd00::1", "private"),
        ("[2001:db8::1]", "2001:db8::1", "documentation"),
        ("[::ffff:7f00:1]", "::ffff:127.0.0.1", "loopback"),
        ("[64:ff9b::a9fe:a9fe]", "64:ff9b::a9fe:a9fe", "link_local"),
    ] {
        let told = api.post("/fetch-test", &json!({ "url": format!("https://{host}/photo.jpg") })).is(200);
        let shown = told["addresses"].as_array().unwrap();
        let shown = shown.iter().find(|shown| shown["address"] == address);
        assert_eq!(shown.map(|shown| &shown["verdict"]), Some(&json!(verdict)), "{host}: {told}");
        let refusal = (&told["verdict"], &told["code"], &told["bytes"]);
        assert_eq!(refusal, (&json!("refused"), &json!("source_address_blocked"), &Value::Null), "{host}");
    }
    // Another spelling of an address is no spelling of a URL; what it means is shown all the same.
    for (url, address) in [
        ("https://2130706433/x", Some("127.0.0.1")),
        ("https://0x7f.1/x", Some("127.0.0.1")),
        ("https://user@10.0.0.1/x", Some("10.0.0.1")),
        ("http://10.0.0.1/x", None),
        ("file:///etc/passwd", None),
        ("//10.0.0.1/x", None),
    ] {
        let told = api.post("/fetch-test", &json!({ "url": url })).is(200);
        assert_eq!((&told["verdict"], &told["code"]), (&json!("refused"), &json!("malformed_url")), "{url}");
        assert_eq!(told["addresses"][0]["address"].as_str(), address, "{url}");
    }
    let unknown = api.post("/fetch-test", &json!({ "url": "https://no-such-host.invalid/x" })).is(200);
    assert_eq!((&unknown["verdict"], &unknown["addresses"]), (&json!("failed"), &json!([])));
}

#[test]
fn an_allowed_network_is_said_to_be_one() {
    // Nothing listens there: the guard lets it through, and the fetch fails.
    let environment = [("SEALPIX_SOURCE_ALLOW_NETWORKS", "127.0.0.0/8"), ("SEALPIX_SOURCE_TIMEOUT_SECS", "5")];
    let (_data, _served, api) = served(&environment);
    let told = api.post("/fetch-test", &json!({ "url": "https://127.0.0.1:1/x" })).is(200);
    assert_eq!((&told["verdict"], &told["code"]), (&json!("failed"), &json!("source_unreachable")));
    assert_eq!(told["addresses"], json!([{ "address": "127.0.0.1", "verdict": "allowed" }]));
}

#[test]
fn sources_are_made_tested_and_deleted() {
    let roots = tempfile::tempdir().unwrap();
    std::fs::create_dir(roots.path().join("in")).unwrap();
    std::fs::write(roots.path().join("in/photo.jpg"), PHOTO).unwrap();
    let outside = tempfile::tempdir().unwrap();
    let root = roots.path().canonicalize().unwrap();
    let (data, served, api) = served(&[("SEALPIX_FILE_ROOTS", root.to_str().unwrap())]);
    let folder = root.join("in").to_str().unwrap().to_owned();
    let made = api.post("/sources", &json!({ "name": "in", "kind": "file", "location": folder })).is(201);
    assert_eq!((&made["kind"], &made["location"]), (&json!("file"), &json!(folder)));
    api.post("/sources", &json!({ "name": "in", "kind": "file", "location": folder })).refuses(409, "exists");
    for (kind, location) in [
        ("file", outside.path().to_str().unwrap()),
        ("file", data.path().to_str().unwrap()),
        ("file", "/"),
        ("file", "in"),
        ("file", "/no/such/folder"),
        ("http", "http://a.example/x"),
        ("http", "https://10.0.0.1/x"),
        ("http", "https://a.example/x?y"),
        ("http", "a\u{0}b"),
    ] {
        let refused = api.put("/sources/other", &json!({ "kind": kind, "location": location }));
        refused.refuses(422, "source_invalid");
    }
    api.put("/sources/test", &json!({ "kind": "http", "location": "https://Assets.example.com/a/" })).is(200);
    assert_eq!(api.get("/sources/test").is(200)["location"], "https://assets.example.com/a");
    let listed = api.get("/sources").is(200);
    let names: Vec<_> = listed["items"].as_array().unwrap().iter().map(|source| source["name"].clone()).collect();
    assert_eq!(names, ["gallery", "in", "test"]);

    let fetched = api.post("/sources/in/test", &json!({ "path": "photo.jpg" })).is(200);
    let told = (&fetched["verdict"], &fetched["bytes"], &fetched["content_type"], &fetched["addresses"]);
    assert_eq!(told, (&json!("fetched"), &json!(PHOTO.len()), &json!("image/jpeg"), &json!([])));
    for (path, verdict, code) in [
        ("none.jpg", "failed", "source_not_found"),
        ("../x", "refused", "malformed_url"),
        ("/etc/passwd", "refused", "malformed_url"),
    ] {
        let told = api.post("/sources/in/test", &json!({ "path": path })).is(200);
        assert_eq!((&told["verdict"], &told["code"]), (&json!(verdict), &json!(code)), "PATH-2: {path}");
    }
    api.post("/sources/none/test", &json!({ "path": "x" })).refuses(404, "not_found");

    api.patch("/projects/my-app", &json!({ "grants": ["gallery", "in"] })).is(200);
    api.delete("/sources/in").refuses(409, "refused");
    api.patch("/projects/my-app", &json!({ "grants": ["gallery"] })).is(200);
    assert_eq!(api.delete("/sources/in").status, 204);
    api.get("/sources/in").refuses(404, "not_found");

    let nobody = Api::nobody(&served);
    let [viewer, editor] = [Role::Viewer, Role::Editor].map(|role| Api::of(&served, &data, role));
    let place = json!({ "kind": "http", "location": "https://a.example/x" });
    let new = json!({ "name": "x", "kind": "http", "location": "https://a.example/x" });
    for (method, path, body, expected) in [
        ("GET", "/sources", None, [401, 200, 200, 200]),
        ("GET", "/sources/test", None, [401, 200, 200, 200]),
        ("POST", "/sources", Some(&new), [401, 403, 403, 201]),
        ("PUT", "/sources/x", Some(&place), [401, 403, 403, 200]),
        ("POST", "/sources/gallery/test", Some(&json!({ "path": "photo.jpg" })), [401, 403, 403, 200]),
        ("POST", "/fetch-test", Some(&json!({ "url": "https://10.0.0.1/x" })), [401, 403, 403, 200]),
        ("DELETE", "/sources/x", None, [401, 403, 403, 204]),
    ] {
        let told = [&nobody, &viewer, &editor, &api].map(|api| api.send(method, path, &[], body).status);
        assert_eq!(told, expected, "{method} {path}");
    }
}

#[test]
fn a_gallery_is_shown_in_pages_to_guests_too_where_they_are_let_in() {
    for (mode, door) in [("true", 201), ("false", 403)] {
        let (data, served, api) = served(&[("ALLOW_GUEST_MODE", mode)]);
        std::fs::create_dir(data.gallery().join("sub")).unwrap();
        for name in ["b.png", "a.webp", ".hidden.jpg", "notes.txt", "sub/c d.gif"] {
            std::fs::write(data.gallery().join(name), PHOTO).unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", data.gallery().join("out.jpg")).unwrap();
        let page = api.get("/projects/my-app/gallery?limit=2").is(200);
        let names = |page: &Value| -> Vec<_> {
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|picture| picture["name"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!((names(&page), &page["folders"]), (vec!["a.webp".into(), "b.png".into()], &json!(["sub"])));
        let cursor = page["next_cursor"].as_str().unwrap();
        let rest = api.get(&format!("/projects/my-app/gallery?limit=2&cursor={cursor}")).is(200);
        assert_eq!((names(&rest), &rest["next_cursor"]), (vec!["photo.jpg".into()], &Value::Null));
        let photo = &rest["items"][0];
        assert_eq!((&photo["bytes"], &photo["source"]), (&json!(PHOTO.len()), &json!("@gallery/photo.jpg")));
        let thumbnail = photo["thumbnail"]["target"].as_str().unwrap();
        assert_eq!(served.get(thumbnail).status, 200);
        let expires: u64 = thumbnail.split("&exp=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        assert!((now + 590..=now + 600).contains(&expires), "{expires} at {now}");
        let sub = api.get("/projects/my-app/gallery?prefix=sub/").is(200);
        assert_eq!(sub["items"][0]["source"], "@gallery/sub/c d.gif");
        assert_eq!(served.get(sub["items"][0]["thumbnail"]["target"].as_str().unwrap()).status, 200);

        for (query, status, code) in [
            ("prefix=..", 400, "invalid"),
            ("prefix=sub/../..", 400, "invalid"),
            ("prefix=%2e%2e", 400, "invalid"),
            ("prefix=/etc", 400, "invalid"),
            ("prefix=sub%00", 400, "invalid"),
            ("prefix=none", 404, "not_found"),
            ("source=other", 404, "not_found"),
            ("source=A", 400, "invalid"),
            ("limit=0", 400, "invalid"),
            ("limit=201", 400, "invalid"),
            ("unknown=1", 400, "invalid"),
        ] {
            api.get(&format!("/projects/my-app/gallery?{query}")).refuses(status, code);
        }
        let guest = Api::nobody(&served).post("/sessions/guest", &json!({}));
        assert_eq!(guest.status, door, "{}", guest.json);
        if door == 201 {
            let guest = Api::bearing(&served, guest.json["token"].as_str().unwrap());
            assert_eq!(names(&guest.get("/projects/my-app/gallery").is(200)).len(), 3);
            guest.get("/projects/my-app").refuses(403, "forbidden");
        }
        Api::nobody(&served).get("/projects/my-app/gallery").refuses(401, "unauthenticated");
        Api::of(&served, &data, Role::Viewer).get("/projects/my-app/gallery").is(200);
        // A key that may not sign thumbnails signs none.
        let key = api.get("/projects/my-app/keys").is(200)["items"][0]["public_key"].as_str().unwrap().to_owned();
        api.patch(&format!("/keys/{key}"), &json!({ "policy": { "presets_only": true } })).is(200);
        assert_eq!(api.get("/projects/my-app/gallery").is(200)["items"][0]["thumbnail"], Value::Null);
    }
}

#[test]
fn ssrf1_nothing_is_fetched_for_a_project_that_names_no_host() {
    let data = Data::new(&[("SEALPIX_DELIVERY", "direct")]);
    let made = data.setup(&[]);
    let served = data.serve();
    for source in ["cdn.example.com/photo.jpg", "@other/photo.jpg"] {
        let refused = served.get(&made.sign("_", source));
        assert_eq!((refused.status, refused.code().as_deref()), (403, Some("source_denied")), "{source}");
    }
}
