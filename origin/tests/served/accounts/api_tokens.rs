//! API tokens: what machines may, and may not.

use serde_json::{Value, json};

use super::client::{PASSWORD, Person, by_bearer, on_every_database, set_up};
use crate::harness::{Data, Served};

fn made(person: &Person, served: &Served, scopes: &[&str]) -> (String, String) {
    let answer = person.call(served, "POST", "/tokens", Some(&json!({"name": "ci", "scopes": scopes})));
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    let made = answer.json();
    (made["secret"].as_str().unwrap().to_owned(), made["token"]["id"].as_str().unwrap().to_owned())
}

fn count(person: &Person, served: &Served, route: &str) -> usize {
    person.get(served, route).json()["items"].as_array().unwrap().len()
}

#[test]
fn a_token_does_what_its_scopes_say_until_it_is_removed() {
    on_every_database(|data| {
        let (served, admin) = set_up(data);
        let (token, id) = made(&admin, &served, &["users:read", "projects:read"]);
        assert!(token.starts_with("spt_"));
        assert_eq!(by_bearer(&served, &token, "GET", "/users", None).status, 200);
        let who = by_bearer(&served, &token, "GET", "/session", None).json();
        assert_eq!((&who["kind"], &who["permissions"]), (&json!("token"), &json!(["projects:read", "users:read"])));
        let user = json!({"email": "a@b", "name": "A", "role": "admin", "password": PASSWORD});
        assert_eq!(by_bearer(&served, &token, "POST", "/users", Some(&user)).status, 403, "not in its scopes");
        let listed = admin.get(&served, "/tokens").json();
        assert_eq!((listed["items"][0]["id"].as_str(), listed["items"][0]["name"].as_str()), (Some(&*id), Some("ci")));
        assert!(listed["items"][0]["last_used_at"].is_u64());
        assert!(!listed.to_string().contains(&token), "its secret is shown once");
        assert_eq!(admin.call(&served, "DELETE", &format!("/tokens/{id}"), None).status, 204);
        assert_eq!(by_bearer(&served, &token, "GET", "/users", None).status, 401);
        assert_eq!(admin.call(&served, "DELETE", &format!("/tokens/{id}"), None).status, 404);
    });
}

#[test]
fn adm2_a_token_makes_no_token_no_session_and_no_password() {
    let data = Data::new(&[]);
    let (served, admin) = set_up(&data);
    let scopes = json!(["projects:read", "keys:read", "users:read", "settings:read"]);
    let scopes: Vec<&str> = scopes.as_array().unwrap().iter().map(|scope| scope.as_str().unwrap()).collect();
    let (token, _) = made(&admin, &served, &scopes);
    let password = json!({"current": PASSWORD, "new": "another long password"});
    for (method, route, body) in [
        ("POST", "/tokens", Some(json!({"name": "more", "scopes": ["users:read"]}))),
        ("POST", "/users", Some(json!({"email": "b@c.de", "name": "B", "role": "admin", "password": PASSWORD}))),
        ("PUT", &format!("/users/{}/password", admin.id), Some(json!({"password": "another long password"}))),
        ("GET", "/tokens", None),
        ("GET", "/sessions", None),
        ("DELETE", "/sessions", None),
        ("DELETE", "/session", None),
        ("POST", "/session/refresh", None),
        ("PUT", "/session/password", Some(password)),
    ] {
        let refused = by_bearer(&served, &token, method, route, body.as_ref());
        assert_eq!((refused.status, refused.code().as_deref()), (403, Some("forbidden")), "{method} {route}");
    }
    let widened = admin.call(&served, "POST", "/tokens", Some(&json!({"name": "more", "scopes": ["users:write"]})));
    assert_eq!(widened.status, 400, "no token may hold what gives its owner's rights away");
    let as_setup = token.replace("spt_", "setup_");
    assert_eq!(by_bearer(&served, &as_setup, "GET", "/users", None).status, 401, "kinds of tokens do not mix");
    let cookie = format!("sealpix={token}");
    assert_eq!(served.call("GET", "/users", &[("Cookie", &cookie)], None).status, 401, "a token is no session");
}

#[test]
fn adm2_a_token_has_no_more_than_its_owner_has_now() {
    let data = Data::new(&[]);
    let (served, admin) = set_up(&data);
    let eve = admin.invite(&served, "eve@example.com", "admin");
    let (token, id) = made(&eve, &served, &["users:read", "projects:read"]);
    let patch = |body: Value| admin.call(&served, "PATCH", &format!("/users/{}", eve.id), Some(&body)).status;
    assert_eq!(by_bearer(&served, &token, "GET", "/users", None).status, 200);
    assert_eq!(patch(json!({"role": "viewer"})), 200);
    assert_eq!(by_bearer(&served, &token, "GET", "/users", None).status, 403);
    assert_eq!(by_bearer(&served, &token, "GET", "/projects", None).status, 200);
    let wider = eve.call(&served, "POST", "/tokens", Some(&json!({"name": "x", "scopes": ["users:read"]})));
    assert_eq!(wider.status, 403, "nobody gives what they have not");
    assert_eq!(patch(json!({"is_active": false})), 200);
    assert_eq!(by_bearer(&served, &token, "GET", "/projects", None).status, 401);
    assert_eq!(patch(json!({"is_active": true})), 200);

    let (own, _) = made(&admin, &served, &["projects:read"]);
    assert_eq!((count(&admin, &served, "/tokens"), count(&admin, &served, "/tokens?all=true")), (1, 2));
    assert_eq!(admin.call(&served, "DELETE", &format!("/tokens/{id}"), None).status, 404, "not one's own");
    assert_eq!(admin.call(&served, "DELETE", &format!("/tokens/{id}?all=true"), None).status, 204);
    assert_eq!(by_bearer(&served, &token, "GET", "/projects", None).status, 401);
    assert_eq!(by_bearer(&served, &own, "GET", "/projects", None).status, 200);
    let viewer = Person::of(&super::client::login(&served, "eve@example.com", PASSWORD));
    assert_eq!(viewer.get(&served, "/tokens?all=true").status, 403);
}

#[test]
fn bad_tokens_are_not_made() {
    let data = Data::new(&[]);
    let (served, admin) = set_up(&data);
    for (body, status) in [
        (json!({"name": "x", "scopes": []}), 400),
        (json!({"name": "x", "scopes": ["account"]}), 400),
        (json!({"name": "x", "scopes": ["*"]}), 400),
        (json!({"name": "x", "scopes": "keys:read"}), 400),
        (json!({"name": "", "scopes": ["keys:read"]}), 400),
        (json!({"name": "x", "scopes": ["keys:read"], "expires_at": 1}), 409),
        (json!({"name": "x", "scopes": ["keys:read"], "expires_at": -1}), 400),
        (json!({"name": "x", "scopes": ["keys:read"], "expires_at": 253_402_300_800_000_u64}), 400),
        (json!({"name": "x", "scopes": ["keys:read"], "typo": 1}), 400),
    ] {
        assert_eq!(admin.call(&served, "POST", "/tokens", Some(&body)).status, status, "{body}");
    }
    assert_eq!(count(&admin, &served, "/tokens"), 0);
    let later = json!({"name": "x", "scopes": ["keys:read"], "expires_at": 253_402_300_799_999_u64});
    assert_eq!(admin.call(&served, "POST", "/tokens", Some(&later)).status, 201);
}
